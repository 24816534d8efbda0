# One message of the spec, which other vendors follow too.
def traits: (.traits // {}) + (.context.traits // {} | if type == "object" then . else {} end);

def who($traits):
  [ id("customer_id"; .userId),
    # An alias says that two ids are one person; the earlier one may be an anonymous id.
    id("anonymous_id"; .anonymousId, (if .type == "alias" then .previousId else null end)),
    id("email"; first_said($traits.email, .properties.email)),
    phone($traits.phone; $traits.address.country),
    id("device_id"; .context.device.advertisingId) ];

def told($traits):
  (($traits.address | objects) // {}) as $address
  | { given_name: one(first_said($traits.firstName, $traits.first_name)),
      family_name: one(first_said($traits.lastName, $traits.last_name)),
      name: $traits.name,
      birth_date: one($traits.birthday | strings | .[0:10]),
      street: $address.street, city: $address.city,
      postal_code: ($address.postalCode | text), country: $address.country,
      plan: $traits.plan };

def order:
  .properties
  | select(.order_id != null and (.total // .revenue) != null)
  | { order_id: (.order_id | tostring), value: ((.total // .revenue) | tostring),
      currency: (.currency // "USD"), items: ([.products[]? | .quantity // 1] | add) } | compact;

# What became of an order. Nobody has to say again what it was worth: what came to nothing counts as nothing either way.
def ended($status):
  .properties
  | select(.order_id != null)
  | { order_id: (.order_id | tostring), value: ((.total // .revenue // 0) | tostring | ltrimstr("-")),
      currency: (.currency // "USD"), items: ([.products[]? | .quantity // 1] | add), status: $status } | compact;

# A refund that names products is of some of them, and does not say what the order was worth: it is an order of its own.
def refund:
  if [.properties.products[]?] == [] then ended("returned")
  else (.messageId // .timestamp) as $id
    | order | . + {order_id: "\(.order_id)/refund/\($id)", value: "-\(.value | ltrimstr("-"))", items: null} | compact end;

def of_event:
  if .event == "Order Completed" then order
  elif .event == "Order Cancelled" then ended("cancelled")
  elif .event == "Order Refunded" then refund
  else empty end;

# Categories are of the customer's own making: what they mean is for the rules of `[signals.<purpose>]` to say.
def signals: {segment: ({categoryPreferences: .context.consent.categoryPreferences} | compact)} | compact;

def message:
  if (.type | type) != "string" then error("a message has no type") else . end
  | traits as $traits
  | { touchpoint_id: .messageId,
      time: one(first_said(.timestamp, .originalTimestamp, .sentAt, .receivedAt) | utc),
      channel: (.context.channel // .channel // "web"),
      type: (if .type == "track" then .event else .type end | short),
      identifiers: who(if .type == "group" then {} else $traits end),
      attributes: ((if .type == "group" then {company: $traits.name}
                    else told($traits) end
                    + {language: .context.locale, userAgent: .context.userAgent, ip: .context.ip,
                       referrer: .context.page.referrer,
                       page: (if .type == "page" or .type == "screen" then .name // .properties.title else null end)}) | compact),
      consent_signals: signals,
      order: one(if .type == "track" then of_event else empty end),
      engagement: ({campaign: .context.campaign.name, action: (if .context.campaign.name then "visit" else null end)} | compact) }
  | compact;

(if (.batch | type) == "array" then .batch[] else . end) | message
