# What is estimated was not bought: it is an attribute and no order.

if .referral_id then
  { touchpoint_id: .referral_id, time: (.created_at | utc), channel: "partner", type: "referral",
    identifiers: [id("partner_id"; .partner_lead_id)],
    attributes: ({ referring_partner: .referring_partner, referral_type: .referral_type, need: .notes } | compact) }
elif .partner_lead_id then
  { touchpoint_id: "\(.partner_lead_id)-\(.stage)", time: (.submitted_at | utc), channel: "partner", type: ("lead_\(.stage)" | short),
    identifiers: [id("partner_id"; .partner_lead_id), id("email"; .email)],
    attributes: ({ given_name: .first_name, family_name: .last_name, company: .company, partner: .partner_name, deal_stage: .stage,
                   estimated_arr: .estimated_arr } | compact) }
else error("this is no lead and no referral") end
| somebody
