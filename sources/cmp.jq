# A banner that was only shown is no choice.
(.event // error("an event has no name")) as $event
| select($event == "accept_all" or $event == "deny_all" or $event == "save" or $event == "useractioncomplete" or $event == "withdraw")
| { touchpoint_id: .consent_id, time: (.time | if type == "number" then . else utc end), channel: "web",
    type: ("consent_" + $event | short),
    identifiers: [ id("cookie"; .cookie_id), id("customer_id"; .user_id), id("email"; .email), id("device_id"; .device_id) ],
    attributes: ({ language: .language, country: .country, ip: .ip, user_agent: .user_agent } | compact),
    consents: [ .purposes // {} | to_entries[]
                | { purpose: .key, decision: (if $event == "withdraw" then "withdrawn" elif .value == true then "granted" else "denied" end),
                    basis: "consent" } ],
    consent_signals: ({ tcf: .tc_string, gpp: .gpp_string, gpc: .gpc } | compact) }
| somebody
