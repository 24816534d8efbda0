# `gcs` is G1 followed by ad_storage and analytics_storage as 1, 0 or - (not set). By name each type is granted or denied.
def state: if . == "1" then "granted" elif . == "0" then "denied" else null end;
def of_gcs:
  if type == "string" then
    capture("^G1(?<ads>[01-])(?<analytics>[01-])$")
    | if . == null then error("gcs is no state of Consent Mode") else . end
    | {ad_storage: (.ads | state), analytics_storage: (.analytics | state)} | compact
  else {} end;
def of_names:
  if type == "object" then
    with_entries(
      select(.key | test("^(ad_storage|analytics_storage|ad_user_data|ad_personalization|functionality_storage|personalization_storage|security_storage)$"))
      | select(.value == "granted" or .value == "denied"))
  else {} end;

(.gcs | of_gcs) as $gcs
| (.consent | of_names) as $names
| { touchpoint_id: .event_id, time: (.time | if type == "number" then . else utc end), channel: "web", type: "consent",
    identifiers: [ id("cookie"; .client_id), id("customer_id"; .user_id) ],
    attributes: ({country: one(.region | strings | .[0:2])} | compact),
    # Where the two differ, the no counts.
    consent_signals: {consent_mode: ($gcs + $names + ($gcs | with_entries(select(.value == "denied"))))} }
| select(.consent_signals.consent_mode | length > 0)
| somebody
