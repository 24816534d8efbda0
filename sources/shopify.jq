# An order has a customer within it; a customer stands by itself. What passed through an iPaaS lies in `payload.body`.
def vid: values | tostring | "shopify:" + .;

def customer_ids($address):
  [ id("anonymous_id"; .id | vid), id("email"; .email), phone(.phone; $address.country_code) ];

def told($address; $person):
  { given_name: one(first_said($person.first_name, $address.first_name)),
    family_name: one(first_said($person.last_name, $address.last_name)),
    street: $address.address1, city: $address.city, postal_code: $address.zip, country: $address.country_code };

# The newest word about marketing; before 2021 it was a flag without a time.
def consents:
  [ ( .email_marketing_consent | objects
      | select(.state == "subscribed" or .state == "unsubscribed")
      | consent("email_marketing"; .state == "subscribed") + ({time: (.consent_updated_at | utc)} | compact) ),
    ( select(.email_marketing_consent == null) | .accepts_marketing // .buyer_accepts_marketing | booleans
      | select(.) | consent("email_marketing"; true) ) ];

# What was paid back, added up in whole cents. It is never more than the order was worth, whatever fees came back with it.
def refunded:
  def cents: tonumber * 100 | round;
  ([.refunds[]?.transactions[]? | select(.kind == "refund" and .status == "success") | .amount | values | cents] | add) as $sum
  | select($sum != null)
  | [$sum, (.total_price | cents)] | min | minor_units("EUR");

def status:
  if .cancelled_at != null then "cancelled" elif .financial_status == "refunded" then "returned" else empty end;

def order:
  . as $order
  | (.customer // {}) as $customer
  | (.billing_address // .shipping_address // $customer.default_address // {}) as $address
  | { touchpoint_id: "shopify-order-\(.id)-\(.updated_at // .created_at)",
      time: one(first_said(.updated_at, .created_at) | utc), channel: "web", type: "order",
      identifiers: ([ ($customer | customer_ids($address)[]), id("email"; .email, .contact_email), phone(.phone; $address.country_code) ] | unique),
      attributes: (told($address; $customer) + {note: .note, browser_ip: .browser_ip} | compact),
      consents: ($order | consents),
      order: { order_id: (.id | tostring), value: .total_price, currency: .currency,
               items: ([.line_items[]?.quantity] | add // 0), status: one(status), refunded: one(refunded) } | compact };

def customer:
  (.default_address // .addresses[0]? // {}) as $address
  | { time: one(first_said(.updated_at, .created_at) | utc), channel: "web", type: "customer",
      identifiers: customer_ids($address),
      attributes: (told($address; .) | compact), consents: consents }
    + (if .verified_email == true and .email != null then {verified: ["email"]} else {} end);

(.payload.body // .)
| if .line_items or .total_price then order
  elif .orders_count or .email_marketing_consent or .default_address or .addresses then customer
  else error("this is neither an order nor a customer") end
| somebody
