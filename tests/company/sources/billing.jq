# `Lee, Ann` and `Ann Lee` are both written.
def names: strings | if contains(",") then capture("^(?<family_name>[^,]+), *(?<given_name>.+)$") else capture("^(?<given_name>[^ ]+) +(?<family_name>.+)$") end;
# `12 Oak Ave, Houston, TX 77001`: the addresses are of the United States, though no column says so.
def address: strings | capture("^(?<street>.+), (?<city>[^,]+), (?<region>[A-Z]{2}) (?<postal_code>[0-9]{5})$") | values + {country: "US"};

# The due amount of an account is not said to be in any currency. All invoices are in dollars.
def account:
  { touchpoint_id: "\(.billing_account_id)-created", time: (.created_at | utc), channel: "billing", type: "account",
    identifiers: [id("billing_id"; .billing_account_id), id("email"; .email)],
    attributes: ({ company: .company_name, plan: .plan, account_status: .status, payment_method: .payment_method,
                   monthly_revenue: one(.mrr_cents | said | strings | tonumber | minor_units("usd")) }
                 + one(.account_name | names) + one(.billing_address | address) | compact) };

# Paid is bought, void is cancelled, and what is open is neither until it is paid; then the invoice comes again with its new status, and is a touchpoint
# of its own with the same order. `paid_at` is left out: most of the open and void ones have one, and some of the paid ones have none.
def invoice:
  (if .status == "paid" then "placed" elif .status == "void" then "cancelled" elif .status == "open" then null
   else error("an invoice is neither paid nor open nor void") end) as $status
  | { touchpoint_id: "\(.invoice_id)-\(.status)", time: (.issued_at | utc), channel: "billing", type: "invoice_\(.status)",
      identifiers: [id("billing_id"; .billing_account_id)],
      order: (if $status then { order_id: .invoice_id, value: (.currency as $currency | .amount_cents | tonumber | minor_units($currency)),
                                currency: (.currency | ascii_upcase), status: $status } else null end) };

if .invoice_id then invoice elif .billing_account_id then account else error("this is no account and no invoice") end
| somebody
