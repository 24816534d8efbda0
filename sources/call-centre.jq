# A withheld number is not a number, and a ticket of nobody is about nobody.
def caller: .call.caller_id | strings | select(test("^(anonymous|unknown|private|withheld|restricted)?$") | not);

.ticket as $t
| (if ($t | type) != "object" then error("there is no ticket") else . end)
| { touchpoint_id: "ticket-\($t.id)-\($t.updated_at // $t.created_at)",
    time: one(first_said($t.updated_at, $t.created_at) | utc), channel: "call",
    type: ("ticket_" + ($t.status // "new") | short),
    identifiers: [ phone(caller; $t.requester.country), id("email"; $t.requester.email),
                   id("customer_id"; $t.requester.customer_number) ],
    attributes: ({ subject: $t.subject, priority: $t.priority, name: $t.requester.name, country: $t.requester.country,
                   language: $t.requester.language, agent: $t.agent, recording_url: .call.recording_url } | compact),
    engagement: ({ action: "call", sentiment: one($t.satisfaction | numbers | (. - 3) / 2 | if . > 1 then 1 elif . < -1 then -1 else . end) } | compact) }
| somebody
