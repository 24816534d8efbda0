# A row of somebody who signed up tells twice of them: that they did, and what is known since they last logged in. Whether the address is verified is
# known then.
#
# Of an event its type is all that is said: `properties` holds one of four texts, the same for every type, and `{"plan":"starter"}` stands on events of
# accounts of any plan. No event has a cookie or the id of a device; `device_type` and `os` are kinds and identify nobody.

# An initial is no name.
def name: strings | select(test("^[A-Za-z][.]?$") | not);

if .event_id then
  { touchpoint_id: .event_id, time: (.timestamp | utc), channel: "app", type: (.event_type | short),
    identifiers: [id("app_id"; .app_user_id)] }
elif .app_user_id then
  .app_user_id as $id
  | ( { touchpoint_id: "\($id)-created", time: (.created_at | utc), channel: "app", type: "signup",
        identifiers: [id("app_id"; $id)],
        attributes: ({ signup_source: .signup_source } | compact) },
      { touchpoint_id: "\($id)-\(.last_login_at)", time: (.last_login_at | utc), channel: "app", type: "login",
        identifiers: [id("app_id"; $id), id("email"; .email)],
        attributes: ({ given_name: one(.first_name | name), family_name: one(.last_name | name), device_type: .device_type, os: .os } | compact),
        verified: (if .is_verified == "true" and (.email | said) then ["email"] else null end) } )
else error("this is no signup and no event") end
| somebody
