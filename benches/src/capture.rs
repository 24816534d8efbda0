//! Capture: canonical JSON to touchpoints, alone and with all that a consumer does around it but the log; and the same
//! touchpoints as payloads of Segment, through its mapping.

use std::collections::BTreeMap;
use std::hint::black_box;

use kinfold_cli::commands::Failure;
use kinfold_model::Partition;
use kinfold_pipeline::{CapturePort, InRecord, Origin, Task};
use serde_json::{Value, json};

use crate::harness::Bench;
use crate::material::{self, BATCH};

const TOUCHPOINTS: usize = 50_000;
const PEOPLE: usize = 5_000;

/// Both.
pub(crate) fn run(bench: &mut Bench) -> Result<(), Failure> {
    let records = material::raw(material::records(TOUCHPOINTS, PEOPLE)?)?;
    bench.ready();
    bench.repeat("JSON → touchpoint", records.len(), || touchpoints(&records))?;
    let bytes: usize = records.iter().filter_map(|record| record.value.as_ref()).map(Vec::len).sum();
    bench.note(format!("{} bytes of JSON each", bytes / records.len().max(1)));
    bench.repeat("JSON → records of the log", records.len(), || batches(&records))?;
    let payloads = payloads(&records)?;
    let port = material::capture_of_segment()?;
    bench.repeat("Segment → touchpoint", payloads.len(), || mapped(&port, &payloads))?;
    Ok(())
}

/// The same touchpoints as Segment would send them: what is an order there, a track call; else an identify call.
fn payloads(records: &[InRecord]) -> Result<Vec<InRecord>, Failure> {
    let payload = |record: &InRecord| {
        let canonical: Value =
            serde_json::from_slice(record.value.as_deref().unwrap_or_default()).map_err(Failure::fault)?;
        let of = |namespace: &str| {
            let identifiers = canonical["identifiers"].as_array().into_iter().flatten();
            let found = identifiers.into_iter().find(|identifier| identifier["namespace"] == namespace);
            found.map(|identifier| identifier["value"].clone()).unwrap_or_default()
        };
        let said = &canonical["attributes"];
        let order = &canonical["order"];
        // Whoever has none of the ids that Segment knows has the one of its device.
        let anonymous = match of("anonymous_id") {
            Value::Null => canonical["touchpoint_id"].clone(),
            id => id,
        };
        let value = json!({
            "type": if order.is_object() { "track" } else { "identify" }, "event": "Order Completed",
            "messageId": canonical["touchpoint_id"], "timestamp": canonical["time"],
            "userId": of("customer_id"), "anonymousId": anonymous,
            "traits": {"email": of("email"), "firstName": said["given_name"], "lastName": said["family_name"],
                       "address": {"city": said["city"], "street": said["street"], "postalCode": said["postal_code"]}},
            "properties": {"order_id": order["order_id"], "total": order["value"], "currency": order["currency"],
                           "products": [{"quantity": order["items"]}]},
            "context": {"locale": said["language"], "ip": "192.0.2.1", "userAgent": "Example/1.0",
                        "campaign": {"name": canonical["engagement"]["campaign"]}},
        });
        let value = Some(value.to_string().into_bytes());
        Ok(InRecord { origin: Origin::Raw("segment".into()), value, ..record.clone() })
    };
    records.iter().map(payload).collect()
}

fn mapped(port: &CapturePort, payloads: &[InRecord]) -> Result<(), Failure> {
    let mut task = Task::new(port, Partition::ONLY);
    let (nothing, mut touchpoints) = (BTreeMap::new(), 0);
    for batch in payloads.chunks(BATCH) {
        for payload in batch {
            task.step(&nothing, payload).map_err(Failure::fault)?;
        }
        let done = task.finish(&nothing).map_err(Failure::fault)?;
        touchpoints += done.tally.mapped.values().sum::<u64>() - done.tally.refused_total();
        black_box(done.outputs);
    }
    material::all_passed(touchpoints, payloads.len())
}

fn touchpoints(records: &[InRecord]) -> Result<(), Failure> {
    let port = material::capture()?;
    for record in records {
        let json = record.value.as_deref().unwrap_or_default();
        black_box(
            port.stage.touchpoint(json, record.time).map_err(|refusal| Failure::Fault(refusal.sentence))?,
        );
    }
    Ok(())
}

fn batches(records: &[InRecord]) -> Result<(), Failure> {
    let port = material::capture()?;
    let mut task = Task::new(&port, Partition::ONLY);
    let nothing = BTreeMap::new();
    let mut passed = 0;
    for batch in records.chunks(BATCH) {
        for record in batch {
            task.step(&nothing, record).map_err(Failure::fault)?;
        }
        let done = task.finish(&nothing).map_err(Failure::fault)?;
        passed += done.tally.passed;
        black_box(done.outputs);
    }
    material::all_passed(passed, records.len())
}
