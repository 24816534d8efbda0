# `id` is the subscriber's, and stays when the address changes; an address and its successor are one person.
def mail: {purpose: "email_marketing"} + {wording: ("mailchimp list " + (.list_id // "unknown"))};

(.type // error("a webhook has no type")) as $type
| (.fired_at | utc) as $time
| .data
| one(first_said(.new_id, .id) | "mailchimp:" + .) as $subscriber
| { time: $time, channel: "email", type: $type,
    identifiers: ([ (if $type == "campaign" then empty else id("anonymous_id"; $subscriber) end),
                    id("email"; .new_email, .old_email, .email) ] | unique),
    attributes: ({given_name: .merges.FNAME, family_name: .merges.LNAME, ip_opt: .ip_opt, ip_signup: .ip_signup} | compact),
    consents: (if $type == "subscribe" then [mail + {decision: "granted", basis: "consent"}]
               elif $type == "unsubscribe" then [mail + {decision: "withdrawn"}]
               else [] end),
    # Nobody decided this; `email` of `[signals.<purpose>]` says whether it denies all the same.
    consent_signals: (if $type == "cleaned" and .reason == "hard" then {email: "hard_bounce"} else {} end),
    engagement: (if $type == "cleaned" then {campaign: .campaign_id, action: ("bounce_" + (.reason // "hard"))}
                 elif $type == "unsubscribe" then {campaign: .campaign_id, action: ("unsubscribe_" + (.reason // "manual"))}
                 else {} end | compact) }
| somebody
