# A contact tells twice of somebody: when it was made, and what it says since it was last changed. That it says so since it was made, nobody knows.
#
# A company is nobody. Its domain, industry and size would be looked up by its name, and a mapping sees one record at a time; the name is in each
# contact anyway.

# An initial is no name.
def name: strings | select(test("^[A-Za-z][.]?$") | not);
# Ten digits, whichever of six ways they were written in, with the country code or without it.
def telephone: strings | gsub("[^0-9]"; "") | if length == 11 then ltrimstr("1") else . end | id("telephone"; .);

if .crm_contact_id then
  .crm_contact_id as $id
  | ( { touchpoint_id: "\($id)-created", time: (.created_at | utc), channel: "crm", type: "contact_created",
        identifiers: [id("crm_id"; $id)] },
      { touchpoint_id: "\($id)-\(.updated_at)", time: (.updated_at | utc), channel: "crm", type: "contact",
        identifiers: [id("crm_id"; $id), id("email"; .email), (.phone | telephone)],
        attributes: ({ given_name: one(.first_name | name), family_name: one(.last_name | name), company: .company_name, title: .title,
                       lead_source: .lead_source, crm_active: .is_active } | compact) } )
elif .crm_company_id then empty
else error("this is no contact and no company") end
| somebody
