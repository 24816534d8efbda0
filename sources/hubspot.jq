# HubSpot's ids are numbers that mean something only there.
def vid: values | tostring | select(length > 0) | "hubspot:" + .;
def when: if type == "number" then . else utc end;

def attributes($p):
  { given_name: $p.firstname, family_name: $p.lastname, company: $p.company, title: $p.jobtitle,
    city: $p.city, country: one($p.country | strings | select(length == 2)), lifecyclestage: $p.lifecyclestage } | compact;

# A webhook tells that something happened to a contact, and sometimes one new value.
def webhook:
  select(.subscriptionType | startswith("contact"))
  | { touchpoint_id: one(.eventId | values | "hubspot-\(.)"), time: (.occurredAt | when), channel: "crm",
      type: (.subscriptionType | short),
      identifiers: [ id("anonymous_id"; (.objectId, .primaryObjectId, (.mergedObjectIds // [])[]) | vid),
                     (if .propertyName == "email" then id("email"; .propertyValue) else empty end) ] | unique,
      attributes: (if .propertyName and .propertyName != "email"
                   then attributes({(.propertyName): .propertyValue}) else {} end) }
  | select(.type != "contact.deletion" and .type != "contact.privacyDeletion");

# The ids that were merged into a contact are evidence that HubSpot holds them for one person.
def contact:
  .properties as $p
  | { time: one(first_said($p.lastmodifieddate, .updatedAt, $p.createdate, .createdAt) | when), channel: "crm", type: "contact",
      identifiers: [ id("anonymous_id"; (.id // .vid, (.["merged-vids"] // [])[]) | vid),
                     id("anonymous_id"; $p.hs_merged_object_ids | strings | split(";")[] | vid),
                     id("email"; $p.email), phone($p.mobilephone; $p.country), phone($p.phone; $p.country) ] | unique,
      attributes: attributes($p),
      consents: [ $p.hs_email_optout | values | tostring | consent("email_marketing"; . != "true") ] };

# A row of HubSpot's audit of merges, as replicas have it.
def merged:
  { time: (.timestamp | utc), channel: "crm", type: "contact.merge",
    identifiers: ([ id("anonymous_id"; (.canonical_vid, .vid_to_merge) | vid) ] | unique) };

def email_event:
  { time: (.created | when), channel: "email", type: (.type | ascii_downcase | short),
    identifiers: [id("email"; .recipient)],
    engagement: ({campaign: (.emailCampaignId // .email_campaign_id | text), action: (.type | ascii_downcase | short)} | compact),
    consents: (if .type == "SPAMREPORT" or (.type == "STATUSCHANGE" and .portalSubscriptionStatus == "UNSUBSCRIBED")
               then [consent("email_marketing"; false)] else [] end) };

if .subscriptionType then webhook
elif (.properties | type) == "object" then contact
elif .vid_to_merge then merged
elif .recipient then email_event
else error("this is no webhook, contact, merge or e-mail event") end
| somebody
