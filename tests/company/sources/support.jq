# A user tells twice of somebody: when the account was made, and what it says since they were last seen.
#
# A ticket says nothing of how content anybody is: what is urgent is no complaint. `resolved_at` is left out: a third of the tickets would have been
# resolved before they were written, and open ones have it, too.

# An initial is no name.
def name: strings | select(test("^[A-Za-z][.]?$") | not);
def names: strings | capture("^(?<given>[^ ]+) +(?<family>.+)$") | values;
# Ten digits, whichever of six ways they were written in, with the country code or without it.
def telephone: strings | gsub("[^0-9]"; "") | if length == 11 then ltrimstr("1") else . end | id("telephone"; .);

if .ticket_id then
  { touchpoint_id: .ticket_id, time: (.created_at | utc), channel: "support", type: ("ticket_\(.status)" | short),
    identifiers: [id("support_id"; .support_user_id)],
    attributes: ({ support_topic: .subject, ticket_priority: .priority } | compact) }
elif .support_user_id then
  .support_user_id as $id
  | one(.display_name | names) as $names
  | ( { touchpoint_id: "\($id)-created", time: (.created_at | utc), channel: "support", type: "user_created",
        identifiers: [id("support_id"; $id)] },
      { touchpoint_id: "\($id)-\(.last_seen_at)", time: (.last_seen_at | utc), channel: "support", type: "user",
        identifiers: [id("support_id"; $id), id("email"; .email), (.phone | telephone)],
        attributes: ({ given_name: one($names.given | name), family_name: one($names.family | name), company: .company } | compact) } )
else error("this is no user and no ticket") end
| somebody
