# The webhook names a response and nobody; the response has the contact, if the survey was sent to one.
(.payload.body // .)
| if .event_type and .resources then empty
  elif .survey_id or .collector_id then .
  else error("this is neither a response nor a webhook") end
| ((.metadata.contact // {}) | map_values(if type == "object" then .value else . end)) as $contact
| { touchpoint_id: one(.id | values | "surveymonkey-\(.)"), time: one(first_said(.date_modified, .date_created) | utc),
    channel: "survey", type: ("survey_" + (.response_status // "response") | short),
    identifiers: [ id("email"; $contact.email), id("customer_id"; .custom_variables.customer_id),
                   id("anonymous_id"; .recipient_id | strings | select(. != "") | "surveymonkey:" + .) ],
    attributes: ({ given_name: $contact.first_name, family_name: $contact.last_name, survey: .survey_id, ip_address: .ip_address } | compact) }
| somebody
