# `gcs` is G1 followed by ad_storage and analytics_storage as 1, 0 or - (not set). By name each signal is granted or denied.
def of_gcs:
  capture("^G1(?<ads>[01-])(?<analytics>[01-])$")
  | if . == null then error("gcs is no state of Consent Mode") else . end
  | (select(.ads != "-") | consent("ad_storage"; .ads == "1")),
    (select(.analytics != "-") | consent("analytics_storage"; .analytics == "1"));
def of_names:
  to_entries[]
  | select(.key | test("^(ad_storage|analytics_storage|ad_user_data|ad_personalization|functionality_storage|personalization_storage|security_storage)$"))
  | select(.value == "granted" or .value == "denied")
  | consent(.key; .value == "granted");

{ touchpoint_id: .event_id, time: (.time | if type == "number" then . else utc end), channel: "web", type: "consent",
  identifiers: [ id("cookie"; .client_id), id("customer_id"; .user_id) ],
  attributes: ({country: one(.region | strings | .[0:2])} | compact),
  consents: [ (.gcs | strings | of_gcs), (.consent | objects | of_names) ]
            | map(. + {basis: "consent"}) }
| select(.consents | length > 0)
| somebody
