# An event about one address. What was merely handled on the way says nothing about the person.
(if (.event | type) != "string" then error("an event has no name") else . end)
| select(.event != "processed" and .event != "deferred")
| (if .event | test("^(delivered|open|click|bounce|dropped|spamreport|unsubscribe|group_unsubscribe|group_resubscribe)$")
   then . else error("an event is of a kind that SendGrid does not document") end)
| { touchpoint_id: .sg_event_id, time: (.timestamp | seconds), channel: "email", type: (.event | short),
    identifiers: [id("email"; .email)],
    attributes: ({ category: (.category | if type == "array" then .[0] else . end), ip: .ip, useragent: .useragent, url: .url } | compact),
    consents: (if .event == "spamreport" or .event == "unsubscribe" then [{purpose: "email_marketing", decision: "withdrawn"}]
               elif .event == "group_unsubscribe" then [{purpose: "email_group_\(.asm_group_id // 0)", decision: "withdrawn"}]
               elif .event == "group_resubscribe" then [{purpose: "email_group_\(.asm_group_id // 0)", decision: "granted"}]
               else [] end),
    # Nobody decided this; `email` of `[signals.<purpose>]` says whether it denies all the same.
    consent_signals: (if .event == "bounce" and .type != "blocked" then {email: "hard_bounce"} else {} end),
    engagement: ({ campaign: (.marketing_campaign_name // .singlesend_name),
                   action: (if .event == "bounce" and .type == "blocked" then "bounce_soft" elif .event == "bounce" then "bounce_hard" else .event end) } | compact) }
| compact
