# Answers are free text and may hold anything: of them only addresses and numbers that identify are read. Hidden fields are
# what the sender of the form knows about the person.
(.payload.body // .)
| (.form_response // error("this holds no form_response"))
| .hidden as $hidden
| { touchpoint_id: .token, time: one(first_said(.submitted_at, .landed_at) | utc), channel: "survey", type: "survey_response",
    identifiers: [ id("email"; (.answers[]? | select(.type == "email") | .email), $hidden.email),
                   phone((.answers[]? | select(.type == "phone_number") | .phone_number); null),
                   id("customer_id"; ($hidden.user_id, $hidden.customer_id) | values | tostring) ] | unique,
    attributes: ({ form: (.definition.title // .form_id), score: (.calculated.score | text),
                   answers: one(.answers | length | select(. > 0) | tostring) } | compact),
    # Of consents only those count whose question says so by its ref.
    consents: [ .answers[]? | select(.type == "boolean" and (.field.ref | strings | startswith("consent_")))
                | consent(.field.ref | ltrimstr("consent_") | short; .boolean) ] }
| somebody
