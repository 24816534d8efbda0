# A record, or the change of one. The names of columns that replicas in a warehouse have are understood too.
def either(a; b): one(first_said(a, b));

def changed: .ChangeEventHeader // .data.payload.ChangeEventHeader // .payload.ChangeEventHeader;
def record: if .data.payload then .data.payload elif .payload then .payload else . end;

changed as $change
| record
| (either($change.entityName; either(.attributes.type; .object)) // error("a record has no object type")) as $object
| if $object == "Contact" or $object == "Lead" or ($object == "Account" and (.IsPersonAccount == true or .PersonEmail != null))
  then . else empty end
| (.Name | if type == "object" then . else {} end) as $name
| either(.MailingCountryCode // .CountryCode; .mailing_country_code // .country_code) as $country
| { time: (if $change.commitTimestamp then $change.commitTimestamp
           else either(.SystemModstamp // .LastModifiedDate; .system_modstamp // .last_modified_date) | utc end),
    channel: "crm",
    type: (($object | ascii_downcase) + (if $change.changeType then "_" + ($change.changeType | ascii_downcase) else "" end) | short),
    identifiers:
      [ # A change event names the records that it is about, usually one.
        id("anonymous_id"; ((if $change then ($change.recordIds // [])[] else either(.Id; .id) end) | values | "salesforce:" + .)),
        # A lead that was converted, and a record that was merged into another one, is the same person.
        id("anonymous_id"; (either(.ConvertedContactId; .converted_contact_id), either(.MasterRecordId; .master_record_id))
                           | values | "salesforce:" + .),
        id("email"; either(.Email // .PersonEmail; .email)),
        phone(either(.MobilePhone; .mobile_phone); $country),
        phone(either(.Phone; .phone); $country) ]
      | unique,
    attributes:
      ({ given_name: either(.FirstName // $name.FirstName; .first_name),
         family_name: either(.LastName // $name.LastName; .last_name),
         title: either(.Title; .title), company: either(.Company; .company),
         street: either(.MailingStreet // .Street; .mailing_street // .street),
         city: either(.MailingCity // .City; .mailing_city // .city),
         postal_code: either(.MailingPostalCode // .PostalCode; .mailing_postal_code // .postal_code),
         country: $country, lead_source: either(.LeadSource; .lead_source) } | compact),
    consents: [ either(.HasOptedOutOfEmail; .has_opted_out_of_email) | values | tostring | ascii_downcase
                | select(. == "true") | consent("email_marketing"; false) ] }
| somebody
