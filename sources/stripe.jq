# An event holds the object that it is about. A card's fingerprint is the same for every customer who pays with that card.
def vid: strings | select(startswith("cus_")) | "stripe:" + .;

(.payload.body // .)
| .type as $type
| .data.object as $o
| (if ($o | type) != "object" then error("an event holds no object") else . end)
| ($o.billing_details // {}) as $billing
| ($billing.address // $o.address // $o.customer_address // {}) as $address
| ($o.payment_method_details.card.fingerprint // $o.source.fingerprint? // $o.card.fingerprint?
   // ($o.cards.data[0]?.fingerprint) // ($o.sources.data[0]?.fingerprint)) as $card
| { touchpoint_id: .id, time: (.created | seconds), channel: "payment", type: ($type | short),
    identifiers: [ id("anonymous_id"; (if $o.object == "customer" then $o.id else $o.customer end | if type == "object" then .id else . end) | vid),
                   id("email"; first_said($billing.email, $o.email, $o.receipt_email, $o.customer_email)),
                   phone(first_said($billing.phone, $o.phone, $o.customer_phone); $address.country),
                   id("card_token"; $card | strings | "stripe:" + .) ],
    attributes: ({ name: one(first_said($billing.name, $o.name, $o.customer_name)), street: $address.line1, city: $address.city,
                   postal_code: $address.postal_code, country: $address.country, description: $o.description } | compact),
    order: one($o
              | select((.object == "charge" or .object == "invoice") and .paid == true)
              | { order_id: (first_said(.invoice, .payment_intent, .id) | tostring),
                  value: ((.amount_paid // .amount) | minor_units($o.currency)), currency: ($o.currency | ascii_upcase),
                  status: (if .refunded == true then "returned" else null end),
                  refunded: one(.amount_refunded | values | select(. > 0) | minor_units($o.currency)) } | compact) }
| somebody
