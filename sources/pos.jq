# A receipt of somebody who showed no card and left no address is about nobody.
def total: if (.total | type) == "string" then .total else (.total | tostring) end;

(.receipt_id // error("a receipt has no id")) as $receipt
| { touchpoint_id: "pos-\(.store_id // "0")-\($receipt)", time: (.time | utc), channel: "store",
    type: (if .return_of then "return" else "purchase" end),
    identifiers: [ id("loyalty_id"; .loyalty_card), id("card_token"; .payment.card_token),
                   id("email"; .receipt_email), phone(.phone; .country) ],
    attributes: ({store: .store_id, cashier: .cashier, receipt_email_wanted: (.receipt_email != null)} | compact),
    # A return names what it pays back and not what the first receipt was worth: it is an order of its own, of a negative value.
    order: ({ order_id: "pos-\(.store_id // "0")-\($receipt)", currency: .currency,
              value: (if .return_of then "-\(total | ltrimstr("-"))" else total end),
              items: (if .return_of then null else [.lines[]? | .quantity // 1] | add // 0 end) } | compact) }
| somebody
