//! Payloads of vendors: bytes → parsed → mapped → validated → Avro, beside the same of canonical JSON in the same run.
//!
//! A record has about 1 KB, as vendors send them: half of it says something that is not asked for.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use kinfold_capture::{Captured, RawRecord};
use kinfold_cli::commands::Failure;
use kinfold_mapping::{Source, SourceFiles, Sources};
use kinfold_model::{Context, Stage, Timestamp, Touchpoint};
use kinfold_wire::{Framing, Topic, encode};
use serde_json::{Value, json};

use crate::harness::Bench;
use crate::material;

const TOUCHPOINTS: usize = 20_000;
const PEOPLE: usize = 5_000;

/// A vendor: the files of its mapping, and how it would send a touchpoint.
type Vendor = (&'static str, &'static str, &'static str, fn(&Value) -> Value);

const VENDORS: [Vendor; 3] = [
    (
        "segment",
        include_str!("../../sources/segment.toml"),
        include_str!("../../sources/segment.jq"),
        segment,
    ),
    (
        "hubspot",
        include_str!("../../sources/hubspot.toml"),
        include_str!("../../sources/hubspot.jq"),
        hubspot,
    ),
    (
        "shopify",
        include_str!("../../sources/shopify.toml"),
        include_str!("../../sources/shopify.jq"),
        shopify,
    ),
];

/// All of them.
pub(crate) fn run(bench: &mut Bench) -> Result<(), Failure> {
    let records: Vec<Value> = material::records(TOUCHPOINTS, PEOPLE)?
        .map(|record| serde_json::from_slice(&record).map_err(Failure::fault))
        .collect::<Result<_, _>>()?;
    let canonical = bytes_of(&records, canonical);
    let vendors = VENDORS.map(|(name, toml, program, payload)| {
        let files = SourceFiles {
            name: name.to_owned(),
            toml: toml.to_owned(),
            program: program.to_owned(),
            ..SourceFiles::default()
        };
        (name, Source::compile(&files), bytes_of(&records, payload))
    });
    bench.ready();
    let now = material::read_at()?;
    let stage = material::capture()?.stage;
    let base = bench.repeat("canonical JSON → Avro", canonical.len(), || {
        canonical.iter().try_for_each(|json| {
            let touchpoint =
                stage.touchpoint(json, now).map_err(|refusal| Failure::Fault(refusal.sentence))?;
            avro(&touchpoint)
        })
    })?;
    bench.note(format!("{} bytes each", size(&canonical)));
    for (name, source, payloads) in vendors {
        let source = Arc::new(source.map_err(Failure::fault)?);
        let took =
            bench.repeat(&format!("{name}: payload → documents → mapped"), payloads.len(), || {
                payloads.iter().try_for_each(|payload| {
                    black_box(source.map(payload).map_err(|refusal| Failure::Fault(refusal.sentence))?);
                    Ok(())
                })
            })?;
        bench.note(format!("{:.1} times as long as canonical JSON → Avro", took / base));
        let sources = Sources::new([(name.to_owned(), source)].into());
        let stage = material::capture()?.stage.with_sources(Arc::new(sources));
        let took = bench.repeat(&format!("{name} → Avro"), payloads.len(), || {
            let mut stage = stage.clone();
            payloads.iter().try_for_each(|payload| captured(&mut stage, name, payload, now))
        })?;
        bench.note(format!("{} bytes each; {:.1} times as long", size(&payloads), took / base));
    }
    Ok(())
}

fn captured(
    stage: &mut kinfold_capture::Capture,
    source: &str,
    payload: &[u8],
    now: Timestamp,
) -> Result<(), Failure> {
    let mut output = Vec::new();
    let record = RawRecord { source: Some(source.into()), bytes: payload.to_vec() };
    let mut context = Context { now, state: &mut BTreeMap::new(), output: &mut output };
    stage.handle(record, &mut context).map_err(|_| Failure::Fault("capture halts".into()))?;
    let mut touchpoints = 0;
    for captured in output {
        match captured {
            Captured::Touchpoint(touchpoint) => {
                touchpoints += 1;
                avro(&touchpoint)?;
            }
            Captured::Refused(refusal) => return Err(Failure::Fault(refusal.sentence)),
            Captured::Mapped(_) => {}
        }
    }
    material::all_passed(touchpoints, 1)
}

fn avro(touchpoint: &Touchpoint) -> Result<(), Failure> {
    black_box(encode(Topic::Touchpoint, Framing::SingleObject, touchpoint).map_err(Failure::fault)?);
    Ok(())
}

fn bytes_of(records: &[Value], payload: fn(&Value) -> Value) -> Vec<Vec<u8>> {
    records.iter().map(|record| payload(record).to_string().into_bytes()).collect()
}

fn size(records: &[Vec<u8>]) -> usize {
    records.iter().map(Vec::len).sum::<usize>() / records.len().max(1)
}

fn identifier(record: &Value, namespace: &str) -> Value {
    let identifiers = record["identifiers"].as_array().into_iter().flatten();
    let found = identifiers.into_iter().find(|identifier| identifier["namespace"] == namespace);
    found.map(|identifier| identifier["value"].clone()).unwrap_or_default()
}

/// The customer's id, or the touchpoint's where there is none, so that no payload is about nobody.
fn customer(record: &Value) -> Value {
    match identifier(record, "customer_id") {
        Value::Null => record["touchpoint_id"].clone(),
        id => id,
    }
}

/// The record itself, with what a web shop would also say.
fn canonical(record: &Value) -> Value {
    let mut record = record.clone();
    let said = json!({
        "given_name": "Ann", "family_name": "Example", "street": "1 Example Street", "city": "Exampleton",
        "postal_code": "12345", "country": "DE", "language": "de-DE", "company": "Example Limited", "title": "Buyer",
        "plan": "enterprise", "page": "A page of the shop with quite a long title, as shops have them",
        "referrer": "https://www.example.com/search?q=shoes&page=2", "segment": "returning customers of last winter",
        "store": "store 17, Example Square", "note": "wants to be called in the morning, and never on a Monday",
    });
    let stated = record["attributes"].take();
    let mut attributes = said;
    for (name, value) in stated.as_object().into_iter().flatten() {
        attributes[name] = value.clone();
    }
    record["attributes"] = attributes;
    record
}

fn segment(record: &Value) -> Value {
    let said = &record["attributes"];
    let order = &record["order"];
    json!({
        "type": if order.is_object() { "track" } else { "identify" }, "event": "Order Completed", "version": 2,
        "messageId": record["touchpoint_id"], "timestamp": record["time"], "sentAt": record["time"], "receivedAt": record["time"],
        "userId": customer(record), "anonymousId": identifier(record, "anonymous_id"), "integrations": {}, "writeKey": "abcdefgh",
        "traits": {"email": identifier(record, "email"), "firstName": "Ann", "lastName": "Example", "logins": 12, "plan": "basic",
                   "address": {"city": said["city"], "street": "1 Example Street", "postalCode": "12345", "country": "DE"}},
        "properties": {"order_id": order["order_id"], "total": order["value"], "currency": order["currency"],
                       "products": [{"product_id": "p-1", "sku": "45790-32", "quantity": 1, "price": 19.0}]},
        "context": {"locale": "de-DE", "ip": "192.0.2.1", "userAgent": "Mozilla/5.0 (X11; Linux x86_64) Example/1.0",
                    "library": {"name": "analytics.js", "version": "2.11.1"}, "timezone": "Europe/Berlin",
                    "page": {"path": "/shoes", "referrer": "https://www.example.com/", "search": "", "title": "Shoes",
                             "url": "https://shop.example.com/shoes"},
                    "campaign": {"name": record["engagement"]["campaign"], "source": "newsletter", "medium": "email"}},
    })
}

fn hubspot(record: &Value) -> Value {
    json!({
        "id": customer(record), "createdAt": record["time"], "updatedAt": record["time"], "archived": false,
        "properties": {
            "email": identifier(record, "email"), "firstname": "Ann", "lastname": "Example", "company": "Example Limited",
            "jobtitle": "Buyer", "city": "Exampleton", "country": "DE", "lifecyclestage": "customer",
            "mobilephone": null, "phone": null, "hs_email_optout": "false", "hs_merged_object_ids": "101;102",
            "createdate": record["time"], "lastmodifieddate": record["time"], "hs_object_id": customer(record),
            "hs_lead_status": "OPEN", "hs_analytics_source": "ORGANIC_SEARCH", "hs_analytics_num_visits": "12",
            "hs_analytics_num_page_views": "44", "hs_persona": "persona_2", "website": "https://www.example.com",
            "num_associated_deals": "3", "hubspotscore": "77", "notes_last_contacted": record["time"],
            "hs_email_domain": "example.com", "hs_latest_source": "DIRECT_TRAFFIC", "hs_is_unworked": "true",
            "state": "Exampleshire", "industry": "RETAIL", "numemployees": "100-250", "annualrevenue": "10000000"
        },
    })
}

fn shopify(record: &Value) -> Value {
    let address = json!({
        "first_name": "Ann", "last_name": "Example", "address1": "1 Example Street", "address2": null, "city": "Exampleton",
        "zip": "12345", "country_code": "DE", "country": "Germany", "phone": null,
    });
    json!({
        "id": record["touchpoint_id"], "email": identifier(record, "email"), "created_at": record["time"],
        "updated_at": record["time"], "currency": "EUR", "total_price": "199.00", "subtotal_price": "180.00", "total_tax": "19.00",
        "financial_status": "paid", "fulfillment_status": null, "name": "#1001", "order_number": 1001, "test": false,
        "buyer_accepts_marketing": true, "browser_ip": "192.0.2.1", "note": null, "source_name": "web", "tags": "", "token": "abc",
        "customer": {"id": customer(record), "email": identifier(record, "email"), "first_name": "Ann", "last_name": "Example",
                     "orders_count": 3, "state": "enabled", "verified_email": true, "currency": "EUR"},
        "billing_address": address, "gateway": "visa", "processed_at": record["time"],
        "line_items": [
            {"id": 1, "title": "Shoes", "quantity": 1, "price": "99.00", "sku": "45790-32", "vendor": "Example"},
            {"id": 2, "title": "Socks", "quantity": 2, "price": "50.00", "sku": "45790-33", "vendor": "Example"}
        ],
    })
}
