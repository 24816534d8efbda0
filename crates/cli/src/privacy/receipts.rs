//! Receipts: what became of requests. In: ids of requests. Out: the last receipt of each, as text or JSON. They have no identifiers.
//!
//! Of one id there may be several requests, and what became of each is on one topic. Whoever waits is told of their own: everything
//! that a record brings about has its trace.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::reader::{Isolation, Reader};
use kinfold_kafka::{Settings, World};
use kinfold_model::privacy::{PrivacyKind, ReceiptStatus};
use kinfold_model::{PrivacyReceipt, Timestamp};
use kinfold_wire::{SchemaIds, TRACE_HEADER, Topic, Trace, decode};
use serde_json::{Value, json};

use crate::commands::Failure;
use crate::stores::Stores;
use crate::tables::printable;

const TOPIC: Topic = Topic::PrivacyReceipt;
/// Between two looks at the clock.
const LOOK: Duration = Duration::from_secs(1);

/// The receipts of a deployment.
pub(crate) struct Receipts {
    settings: Settings,
    ids: SchemaIds,
}

impl Receipts {
    /// Asks the broker whether there are any.
    ///
    /// # Errors
    /// When it does not answer, or the topic is not there.
    pub(crate) fn of(config: &Config) -> Result<Self, Failure> {
        let settings = kafka_settings(config);
        let world = World::observe(&settings).map_err(Failure::fault)?;
        if world.count(TOPIC.as_str()).is_none() {
            let name = settings.topic(TOPIC.as_str());
            return Err(Failure::Fault(format!(
                "topic {name} is missing; `kinfold topics apply` creates it"
            )));
        }
        let ids = config.registry.schema_ids(&config.deployment.prefix, TOPIC).map_err(Failure::Fault)?;
        Ok(Self { settings, ids })
    }

    /// The last receipt of a request; `None` when there is none.
    ///
    /// # Errors
    /// When the topic cannot be read to its end.
    pub(crate) fn last(&self, request_id: &str) -> Result<Option<PrivacyReceipt>, Failure> {
        let reader = Reader::from_beginning(&self.settings, TOPIC.as_str(), Isolation::Committed);
        let mut last = None;
        reader.map_err(Failure::fault)?.each(&mut |record| {
            if record.key.as_deref() == Some(request_id.as_bytes()) {
                last = record.value.map(|value| read(&self.ids, &value)).transpose()?;
            }
            Ok::<(), Failure>(())
        })?;
        Ok(last)
    }

    /// Those that are written from now on.
    ///
    /// # Errors
    /// When the broker does not answer.
    pub(crate) fn follow(&self) -> Result<Reader, Failure> {
        Reader::from_end(&self.settings, TOPIC.as_str(), Isolation::Committed).map_err(Failure::fault)
    }

    /// Notes the newest receipt of each request that is waited for, until each has one that is final, or the time is over.
    ///
    /// # Errors
    /// When the topic cannot be read.
    pub(crate) fn wait(
        &self,
        reader: &Reader,
        waited: &mut BTreeMap<String, Awaited>,
        patience: Duration,
    ) -> Result<(), Failure> {
        let until = Instant::now() + patience;
        while !waited.values().all(Awaited::is_over) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let Some(record) = reader.next(left.min(LOOK)).map_err(Failure::fault)? else { continue };
            let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok()).unwrap_or_default();
            if let (Some(awaited), Some(value)) = (waited.get_mut(key), &record.value) {
                let trace = record.headers.iter().find(|(name, _)| name == TRACE_HEADER);
                let trace = trace.and_then(|(_, value)| Trace::from_header(value).ok());
                awaited.hear(trace, read(&self.ids, value)?);
            }
        }
        Ok(())
    }
}

/// What became of a request that was sent, as far as it is known.
pub(crate) struct Awaited {
    /// Of the record that was sent.
    trace: Trace,
    receipt: Option<PrivacyReceipt>,
}

impl Awaited {
    /// Of a request that was sent with this trace.
    pub(crate) fn new(trace: Trace) -> Self {
        Self { trace, receipt: None }
    }

    /// The newest receipt.
    pub(crate) fn into_receipt(self) -> Option<PrivacyReceipt> {
        self.receipt
    }

    /// The first word is the answer to the record itself: that it was accepted, how far it has come by an earlier record, or that it
    /// was refused. What was accepted is known from then on by the time at which it was written. All else of this id is about
    /// other records: what came before and was refused, or what somebody else sent.
    fn hear(&mut self, trace: Option<Trace>, receipt: PrivacyReceipt) {
        let is_ours = match &self.receipt {
            None => trace == Some(self.trace),
            Some(last) => {
                !is_final(last) && (last.requested, last.received) == (receipt.requested, receipt.received)
            }
        };
        if is_ours {
            self.receipt = Some(receipt);
        }
    }

    fn is_over(&self) -> bool {
        self.receipt.as_ref().is_some_and(is_final)
    }
}

/// The last receipt of a request in the state folder of local runs; `None` when there is none.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn in_folder(
    state: &Path,
    config: &Config,
    request_id: &str,
) -> Result<Option<PrivacyReceipt>, Failure> {
    let value = Stores::of_topic(state, TOPIC, config)?.get(request_id.as_bytes())?;
    value.map(|value| read(&SchemaIds::default(), &value)).transpose()
}

/// A receipt as it lies on its topic.
///
/// # Errors
/// When it is none.
pub(crate) fn read(ids: &SchemaIds, value: &[u8]) -> Result<PrivacyReceipt, Failure> {
    decode(TOPIC, ids, value).map_err(Failure::fault)
}

/// Whether nothing else will become of the request.
pub(crate) fn is_final(receipt: &PrivacyReceipt) -> bool {
    receipt.status != ReceiptStatus::Accepted
}

/// For people.
pub(crate) fn text(receipt: &PrivacyReceipt) -> String {
    let people: Vec<String> = receipt.person_ids.iter().map(ToString::to_string).collect();
    let time = |time: Option<Timestamp>| time.map_or_else(|| "not yet".to_owned(), |time| time.to_string());
    let mut lines = vec![
        ("request", printable(&receipt.request_id)),
        ("status", receipt.status.as_str().to_owned()),
        ("asked for", format!("{}, scope {}", receipt.kind.as_str(), receipt.scope.as_str())),
        ("people", if people.is_empty() { "none".to_owned() } else { people.join(", ") }),
        ("identifiers", format!("{} {}", receipt.identifiers, done(receipt.kind))),
    ];
    let erases = receipt.kind == PrivacyKind::Erase;
    if erases {
        lines.push(("sightings", format!("{} looked at", receipt.sightings)));
        lines.push(("touchpoints", format!("{} forgotten", receipt.touchpoints)));
    }
    lines.push(("requested", receipt.requested.to_string()));
    lines.push(("received", receipt.received.to_string()));
    lines.push(("completed", time(receipt.completed)));
    if erases {
        let gone = receipt.last_copy_gone.map(|at| format!("gone by {at}"));
        lines.push(("last copy", gone.unwrap_or_else(|| "not known yet".to_owned())));
    }
    lines.extend(receipt.stages.iter().map(|one| ("stage", format!("{} at {}", one.stage, one.time))));
    lines.extend(receipt.reasons.iter().map(|reason| ("because", printable(reason))));
    let lines: Vec<String> = lines.into_iter().map(|(name, value)| format!("{name:<12} {value}")).collect();
    lines.join("\n")
}

/// What became of identifiers.
fn done(kind: PrivacyKind) -> &'static str {
    match kind {
        PrivacyKind::Erase => "erased",
        PrivacyKind::Restrict => "restricted",
        PrivacyKind::Lift => "lifted",
    }
}

/// For scripts.
pub(crate) fn json(receipt: &PrivacyReceipt) -> Value {
    let people: Vec<String> = receipt.person_ids.iter().map(ToString::to_string).collect();
    let stage = |one: &kinfold_model::privacy::StageConfirmation| json!({ "stage": one.stage, "time": one.time.to_string() });
    json!({
        "request_id": receipt.request_id, "kind": receipt.kind.as_str(), "scope": receipt.scope.as_str(),
        "status": receipt.status.as_str(), "reasons": receipt.reasons, "person_ids": people,
        "identifiers": receipt.identifiers, "sightings": receipt.sightings, "touchpoints": receipt.touchpoints,
        "stages": receipt.stages.iter().map(stage).collect::<Value>(),
        "requested": receipt.requested.to_string(), "received": receipt.received.to_string(),
        "completed": receipt.completed.map(|time| time.to_string()),
        "last_copy_gone": receipt.last_copy_gone.map(|time| time.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::privacy::{PrivacyScope, StageConfirmation};
    use kinfold_wire::{Framing, encode};

    fn receipt(status: ReceiptStatus) -> PrivacyReceipt {
        let time = Timestamp::from_millis(1_772_323_200_000).expect("in range");
        PrivacyReceipt {
            request_id: "r-1".to_owned(),
            kind: PrivacyKind::Erase,
            scope: PrivacyScope::Person,
            status,
            reasons: vec!["one identifier is shared by too many".to_owned()],
            person_ids: Vec::new(),
            identifiers: 3,
            sightings: 5,
            touchpoints: 17,
            stages: vec![StageConfirmation { time, stage: "stitch".to_owned() }],
            requested: time,
            received: time,
            completed: None,
            last_copy_gone: None,
        }
    }

    #[test]
    fn a_receipt_is_read_as_it_was_written() {
        for status in [ReceiptStatus::Accepted, ReceiptStatus::Done, ReceiptStatus::Refused] {
            let receipt = receipt(status);
            let value = encode(TOPIC, Framing::SingleObject, &receipt).expect("encodes");
            assert_eq!(read(&SchemaIds::default(), &value).expect("is one"), receipt);
            assert_eq!(is_final(&receipt), status != ReceiptStatus::Accepted);
        }
    }

    /// What whoever waits holds of a request in the end, of receipts with the trace of the record and the time when what they are
    /// about was written.
    fn heard(receipts: &[(&str, ReceiptStatus, i64)]) -> Option<(ReceiptStatus, i64)> {
        let trace = |name: &str| Trace::of_source(name, 0, 0);
        let mut awaited = Awaited::new(trace("ours"));
        for (name, status, ms) in receipts {
            let received = Timestamp::from_millis(*ms).expect("in range");
            awaited.hear(Some(trace(name)), PrivacyReceipt { received, ..receipt(*status) });
        }
        let is_over = awaited.is_over();
        let last = awaited.into_receipt();
        assert_eq!(is_over, last.as_ref().is_some_and(is_final));
        last.map(|last| (last.status, last.received.millis()))
    }

    #[test]
    fn whoever_waits_is_told_of_their_own_request_and_of_no_other_with_its_id() {
        use ReceiptStatus::{Accepted, Done, Refused};
        // The ordinary way; what a stage confirms has a trace of its own, or that of whatever came last.
        assert_eq!(heard(&[("ours", Accepted, 5), ("any", Accepted, 5), ("any", Done, 5)]), Some((Done, 5)));
        // The same was asked before, and is being carried out, or is done.
        assert_eq!(heard(&[("old", Accepted, 3), ("ours", Accepted, 3), ("any", Done, 3)]), Some((Done, 3)));
        assert_eq!(heard(&[("ours", Done, 3)]), Some((Done, 3)));
        // An earlier one was refused, for another reason or by itself, and this one is not.
        assert_eq!(heard(&[("old", Refused, 3), ("ours", Accepted, 5), ("any", Done, 5)]), Some((Done, 5)));
        // What somebody sends afterwards under this id, and what they are refused for, is theirs.
        let others = [("ours", Accepted, 5), ("late", Refused, 7), ("late", Accepted, 5), ("any", Done, 5)];
        assert_eq!(heard(&others), Some((Done, 5)));
        // The id is that of another request, which is done before anybody looks at this one.
        let other = [("any", Done, 3), ("ours", Refused, 5), ("ours", Done, 3)];
        assert_eq!(heard(&other), Some((Refused, 5)));
        // Nobody is known: that is told of what was accepted.
        assert_eq!(heard(&[("ours", Accepted, 5), ("any", Refused, 5)]), Some((Refused, 5)));
        assert_eq!(heard(&[("any", Done, 3)]), None);
    }

    #[test]
    fn people_and_scripts_are_told_the_same() {
        let receipt = receipt(ReceiptStatus::Done);
        let (text, json) = (text(&receipt), json(&receipt));
        for line in [
            "status       done",
            "touchpoints  17 forgotten",
            "because      one identifier",
            "completed    not yet",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert_eq!((&json["status"], &json["touchpoints"]), (&json!("done"), &json!(17)));
        assert_eq!(json["stages"][0]["stage"], "stitch");
        assert_eq!(json["completed"], Value::Null);
    }

    #[test]
    fn of_a_restriction_nothing_is_told_that_only_an_erasure_has() {
        let receipt = PrivacyReceipt { kind: PrivacyKind::Restrict, ..receipt(ReceiptStatus::Done) };
        let text = text(&receipt);
        assert!(
            text.contains("identifiers  3 restricted") && text.contains("restrict, scope person"),
            "{text}"
        );
        assert!(!text.contains("last copy") && !text.contains("touchpoints"), "{text}");
    }
}
