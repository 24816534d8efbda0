//! What must be true of any run in which people asked to be forgotten or restricted: each request is answered, and of what is erased
//! nothing is left but the marks.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use kinfold_model::keys::sha256_hex;
use kinfold_model::privacy::{PrivacyKind, PrivacyReceipt, PrivacyRequest, PrivacyScope, ReceiptStatus};
use kinfold_model::{Command, CommandKind, Contested, Identifier, Namespace, NodeId, Touchpoint};
use kinfold_testkit::oracle::{self, Erased, Mark, Marks};
use kinfold_testkit::simulation::Outcome;
use kinfold_wire::{SchemaIds, Topic, decode};

use crate::truth::{Truth, marks, restricted};

/// Logs that are never cut.
const KEPT: [Topic; 5] =
    [Topic::IdentityOp, Topic::IdentityChange, Topic::Erasure, Topic::PrivacyReport, Topic::PrivacyReceipt];

/// Checks the receipts, and searches stores and tables for what is erased.
pub(crate) fn check(
    requests: &[PrivacyRequest],
    touchpoints: &[Touchpoint],
    outcome: &Outcome,
    run: &dyn Debug,
) {
    let marks = marks(outcome);
    every_request_is_answered(requests, &marks, outcome, run);
    nothing_is_left(touchpoints, &marks, outcome, run);
}

/// Whether a command takes back what a source says of an identifier.
pub(crate) fn is_of_source(command: &Command) -> bool {
    command.kind == CommandKind::Forget && command.touchpoint_id.is_none()
}

/// Whoever asks when all is at rest is erased by every identifier that the oracle finds in that person, and by no other: those that
/// stand in touchpoints of others, and devices, less far. Who is restricted is so by what they name, and by all but the latter;
/// lifted by all.
pub(crate) fn closes(truth: &Truth<'_>, requests: &[PrivacyRequest], outcome: &Outcome) {
    let Truth { touchpoints, commands, rules, keys, run, .. } = truth;
    let observations: Vec<_> =
        touchpoints.iter().map(|touchpoint| oracle::Observation::of(touchpoint, rules)).collect();
    let mut expected = Marks::new();
    let mut words: BTreeMap<NodeId, bool> = BTreeMap::new();
    let answered = outcome.written.get(&Topic::PrivacyReceipt).into_iter().flatten();
    let mut seen = BTreeSet::new();
    for record in answered {
        let id = String::from_utf8_lossy(&record.key).into_owned();
        let Some(request) = requests.iter().find(|one| one.request_id == id).filter(|_| seen.insert(id))
        else {
            continue;
        };
        let found = oracle::remembered(&observations, commands, &expected, rules, keys);
        let person = |node: &NodeId| found.person.get(node);
        let mut more = Marks::new();
        for named in &request.identifiers {
            let named = keys.identifier(&Identifier::new(named.namespace.as_str(), &named.value), rules);
            let is_known =
                observations.iter().any(|one| one.identifiers.iter().any(|(node, _)| *node == named));
            let is_shared = found.quarantined.contains(&named);
            let is_gone = expected.contains_key(&named) && request.kind != PrivacyKind::Erase;
            if !is_known || is_gone || (is_shared && request.kind != PrivacyKind::Lift) {
                continue;
            }
            for (node, namespace) in observations.iter().flat_map(|one| &one.identifiers) {
                let is_theirs = !is_shared && person(node).is_some() && person(node) == person(&named);
                if *node != named && !(is_theirs && request.scope == PrivacyScope::Person) {
                    continue;
                }
                let is_claimed = is_claimed(*node, namespace, &observations, &found, truth);
                let mark = match (request.kind, request.scope) {
                    (PrivacyKind::Restrict, _) if is_claimed && *node != named => continue,
                    (PrivacyKind::Restrict | PrivacyKind::Lift, _) => {
                        // Requests come one after the other, and the later one holds.
                        words.insert(*node, request.kind == PrivacyKind::Restrict);
                        continue;
                    }
                    (PrivacyKind::Erase, PrivacyScope::Identifier) => Mark::Alone,
                    (PrivacyKind::Erase, PrivacyScope::Person) if is_claimed => Mark::Unclaimed,
                    (PrivacyKind::Erase, PrivacyScope::Person) => Mark::Everything,
                };
                if !expected.contains_key(node) {
                    more.entry(*node).or_insert(Erased { mark, back: None });
                }
            }
        }
        expected.extend(more);
    }
    let marks = marks(outcome);
    let is_blocked = |node: &NodeId| observations.iter().any(|one| one.blocked.contains(node));
    let differing: Vec<_> = (marks.keys().chain(expected.keys()))
        .filter(|node| !is_blocked(node) && marks.get(node) != expected.get(node))
        .map(|node| (node, marks.get(node), expected.get(node)))
        .collect();
    assert!(differing.is_empty(), "{run}: is and should be: {differing:?}");
    // Who is erased is restricted by no request of before, and cannot be by one that comes later.
    let is_erased = |node: &NodeId| expected.contains_key(node);
    let stands = words.iter().filter(|(node, stands)| **stands && !is_blocked(node) && !is_erased(node));
    let expected: BTreeSet<NodeId> = stands.map(|(node, _)| *node).collect();
    let restricted: BTreeSet<NodeId> =
        restricted(outcome).into_keys().filter(|node| !is_blocked(node)).collect();
    assert_eq!(restricted, expected, "{run}: the identifiers that restrict somebody");
}

/// Whether an identifier is a device, belongs to nobody, or stands in a touchpoint that is somebody else's.
fn is_claimed(
    node: NodeId,
    namespace: &Namespace,
    observations: &[oracle::Observation],
    found: &oracle::Expected,
    truth: &Truth<'_>,
) -> bool {
    let is_device = truth.rules.namespace(namespace).is_some_and(|rules| rules.contested == Contested::Apart);
    let person = |node: &NodeId| found.person.get(node);
    let mut named = observations.iter().filter(|one| one.identifiers.iter().any(|(other, _)| *other == node));
    is_device
        || person(&node).is_none()
        || named.any(|one| {
            let sighting = one.sighting(truth.keys);
            person(&sighting).is_some() && person(&sighting) != person(&node)
        })
}

/// The last receipt of each request.
fn receipts(outcome: &Outcome) -> BTreeMap<String, PrivacyReceipt> {
    let written = outcome.written.get(&Topic::PrivacyReceipt).into_iter().flatten();
    let read = |value: &Vec<u8>| -> PrivacyReceipt {
        decode(Topic::PrivacyReceipt, &SchemaIds::default(), value).expect("we wrote it")
    };
    let receipts = written.filter_map(|record| record.value.as_ref().map(read));
    receipts.map(|receipt| (receipt.request_id.clone(), receipt)).collect()
}

fn every_request_is_answered(requests: &[PrivacyRequest], marks: &Marks, outcome: &Outcome, run: &dyn Debug) {
    let receipts = receipts(outcome);
    let asked: BTreeSet<&String> = requests.iter().map(|request| &request.request_id).collect();
    assert!(asked.iter().copied().eq(receipts.keys()), "{run:?}: requests and receipts differ");
    for (id, receipt) in &receipts {
        let stages: BTreeSet<&str> = receipt.stages.iter().map(|stage| stage.stage.as_str()).collect();
        match receipt.status {
            ReceiptStatus::Accepted => panic!("{run:?}: {id} was not brought to an end: {receipt:?}"),
            ReceiptStatus::Refused => {
                assert!(!receipt.reasons.is_empty() && stages.is_empty(), "{run:?}: {id}")
            }
            ReceiptStatus::Done => {
                assert_eq!(stages, BTreeSet::from(["facets", "people", "stitch"]), "{run:?}: {id}");
            }
        }
    }
    let erasures = receipts.values().filter(|receipt| receipt.kind == PrivacyKind::Erase);
    let erased: i64 = erasures.map(|receipt| receipt.identifiers).sum();
    let counted = usize::try_from(erased).unwrap_or_default();
    assert!(counted >= marks.len(), "{run:?}: {} are erased, {counted} were told of", marks.len());
}

/// No value of an erased identifier, nor its plain hash, is in a store, a table or a log that is kept; and no store knows a
/// touchpoint that went with it.
fn nothing_is_left(touchpoints: &[Touchpoint], marks: &Marks, outcome: &Outcome, run: &dyn Debug) {
    let erased = touchpoints.iter().flat_map(|touchpoint| &touchpoint.identifiers);
    let is_erased = |node| marks.get(node).is_some_and(|erased| erased.back.is_none());
    let erased = erased.filter(|identifier| is_erased(&identifier.node));
    let values: BTreeSet<String> =
        erased.flat_map(|identifier| [identifier.value.clone(), sha256_hex(&identifier.value)]).collect();
    let gone = gone(touchpoints, marks);
    for (stage, stores) in &outcome.kept {
        let entries = stores.iter().flatten().flat_map(|(key, value)| [key.as_slice(), value]);
        let bytes = apart(entries);
        for needle in values.iter().map(String::as_str).chain(gone.iter().copied()) {
            assert!(!holds(&bytes, needle.as_bytes()), "{run:?}: {stage} keeps {needle}");
        }
    }
    for topic in [Topic::UnifiedProfile, Topic::IdentityAssignment] {
        let bytes = apart(outcome.table(topic).values().map(Vec::as_slice));
        let found = values.iter().find(|needle| holds(&bytes, needle.as_bytes()));
        assert_eq!(found, None, "{run:?}: {topic}");
    }
    for topic in KEPT {
        let written = outcome.written.get(&topic).into_iter().flatten();
        let bytes = apart(written.filter_map(|record| record.value.as_deref()));
        let found = values.iter().find(|needle| holds(&bytes, needle.as_bytes()));
        assert_eq!(found, None, "{run:?}: {topic}");
    }
}

/// The ids of touchpoints that went with an identifier. A copy may name somebody else, and stay.
fn gone<'t>(touchpoints: &'t [Touchpoint], marks: &Marks) -> BTreeSet<&'t str> {
    let is_gone = |touchpoint: &&Touchpoint| {
        touchpoint.identifiers.iter().any(|one| {
            let is_older = |erased: &Erased| erased.back.is_none_or(|back| touchpoint.time < back);
            marks.get(&one.node).is_some_and(|erased| erased.mark == Mark::Everything && is_older(erased))
        })
    };
    let (gone, kept): (Vec<&Touchpoint>, Vec<&Touchpoint>) = touchpoints.iter().partition(is_gone);
    let kept: BTreeSet<&str> = kept.iter().map(|one| one.touchpoint_id.as_str()).collect();
    gone.iter().map(|one| one.touchpoint_id.as_str()).filter(|id| !kept.contains(id)).collect()
}

/// All of them, with something in between that is no part of a name.
fn apart<'b>(parts: impl Iterator<Item = &'b [u8]>) -> Vec<u8> {
    parts.flat_map(|part| part.iter().chain(&[0])).copied().collect()
}

/// Whether a text stands in these bytes, not as a part of a longer one.
fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    let is_part = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    let mut from = 0;
    while let Some(at) = find(&bytes[from..], needle) {
        let begin = from + at;
        let before = begin.checked_sub(1).and_then(|before| bytes.get(before));
        if !is_part(before) && !is_part(bytes.get(begin + needle.len())) {
            return true;
        }
        from = begin + 1;
    }
    false
}

fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}
