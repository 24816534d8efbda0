# One enriched event. Columns without content are absent in the TSV, and null in the JSON.
def campaign: {campaign: .mkt_campaign, action: (if .mkt_campaign then "visit" else null end)} | compact;

def order:
  (.tr_currency // .base_currency) as $currency
  # An amount without a currency is none.
  | select(.tr_orderid != null and .tr_total != null and $currency != null)
  | {order_id: .tr_orderid, value: (.tr_total | tostring), currency: $currency};

{ touchpoint_id: .event_id,
  time: one(first_said(.derived_tstamp, .collector_tstamp) | utc),
  channel: (if .platform == "web" or .platform == null then "web" elif .platform == "mob" then "app" else .platform end),
  type: one(first_said(.event_name, .event) | short),
  identifiers: [ id("customer_id"; .user_id),
                 id("cookie"; .domain_userid),
                 # A collector without cookies writes an id of zeros for everybody.
                 (.network_userid | strings | select(test("^[0-]*$") | not) | id("cookie"; .)) ],
  attributes: ({country: .geo_country, city: .geo_city, language: .br_lang, page: .page_title,
                user_ipaddress: .user_ipaddress, useragent: .useragent} | compact),
  order: one(order),
  engagement: campaign }
| somebody
