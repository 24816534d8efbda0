//! The stage that answers for requests: what may not be asked changes nothing, and a receipt says that all is done when all is.

use std::collections::BTreeMap;
use std::sync::Arc;

use kinfold_capture::{Capture, Settings};
use kinfold_model::privacy::{
    Confirmation, Demand, Finding, PrivacyKind, PrivacyReceipt, PrivacyRequest, PrivacyScope, ReceiptStatus,
    Report, Ticket,
};
use kinfold_model::{
    Context, Halt, Identifier, Keys, NodeId, NodeKind, Partition, PersonId, RefusalKind, Rules, Secret,
    Stage, Timestamp,
};
use kinfold_privacy::verify::sign;
use kinfold_privacy::{Privacy, PrivacyInput, PrivacyOutput, PrivacyTerms, Verifiers};

/// Partitions of people.
const PEOPLE: u32 = 2;
const DAY_MS: i64 = 86_400_000;

/// State without a disk.
type Memory = BTreeMap<Vec<u8>, Vec<u8>>;

/// The stage and its state; each batch is a process of its own.
struct Desk {
    verifiers: Arc<Verifiers>,
    memory: Memory,
}

fn keys() -> Keys {
    Keys::new(&Secret::new(b"a secret for tests only").expect("long enough"))
}

fn node(namespace: &str, value: &str) -> NodeId {
    keys().identifier(&Identifier::new(namespace, value), &Rules::default())
}

fn sighting(n: u8) -> NodeId {
    NodeId::new([n; 16], NodeKind::Sighting)
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("in range")
}

fn person() -> PersonId {
    keys().person(ann())
}

fn ann() -> NodeId {
    node("email", "ann@example.org")
}

fn card() -> NodeId {
    node("loyalty_id", "L-1")
}

fn request(id: &str, identifiers: &[(&str, &str)]) -> PrivacyRequest {
    PrivacyRequest {
        request_id: id.to_owned(),
        kind: PrivacyKind::Erase,
        scope: PrivacyScope::Person,
        identifiers: identifiers.iter().map(|(space, value)| Identifier::new(space, value).into()).collect(),
        time: at(1),
        verifier: None,
        signature: None,
    }
}

impl Desk {
    fn new(verifiers: Verifiers) -> Self {
        Self { verifiers: Arc::new(verifiers), memory: Memory::default() }
    }

    fn batch(&mut self, ms: i64, inputs: Vec<PrivacyInput>) -> Result<Vec<PrivacyOutput>, Halt> {
        let terms = PrivacyTerms {
            capture: Capture::new(keys(), Rules::default(), Settings::default()),
            verifiers: Arc::clone(&self.verifiers),
            last_copy_after_ms: 14 * DAY_MS,
        };
        let mut stage = Privacy::new(terms, Partition { index: 3, count: 4 }, PEOPLE);
        let mut output = Vec::new();
        let mut context = Context { now: at(ms), state: &mut self.memory, output: &mut output };
        for input in inputs {
            stage.handle(input, &mut context)?;
        }
        stage.finish(&mut context)?;
        Ok(output)
    }

    fn asks(&mut self, request: PrivacyRequest) -> (Vec<PrivacyReceipt>, Vec<Ticket>) {
        let sent = self.batch(10, vec![PrivacyInput::Request(Box::new(request))]).expect("is answered");
        let (mut receipts, mut tickets) = (Vec::new(), Vec::new());
        for output in sent {
            match output {
                PrivacyOutput::Ask { ticket, .. } => tickets.push(ticket),
                PrivacyOutput::Receipt(receipt) => receipts.push(*receipt),
            }
        }
        (receipts, tickets)
    }

    /// The receipts that follow from these findings, which come at once.
    fn hears(&mut self, ms: i64, findings: &[Finding]) -> Vec<PrivacyReceipt> {
        let report = |finding: &Finding| {
            PrivacyInput::Report(Report { request_id: "r-1".to_owned(), desk: 3, finding: finding.clone() })
        };
        let sent = self.batch(ms, findings.iter().map(report).collect()).expect("is heard");
        let receipt = |output| match output {
            PrivacyOutput::Receipt(receipt) => Some(*receipt),
            PrivacyOutput::Ask { .. } => None,
        };
        sent.into_iter().filter_map(receipt).collect()
    }
}

fn found(asked: &[NodeId]) -> Finding {
    Finding::Resolved { identifier: ann(), person: Some(person()), asked: asked.to_vec(), was_erased: false }
}

fn confirmed(asked_by: NodeId, node: NodeId, by: Confirmation) -> Finding {
    Finding::Confirmed { asked_by, node, by }
}

/// All that three stages say of a person with two identifiers, of which one was seen twice.
fn everything() -> Vec<Finding> {
    let mut all = vec![found(&[ann(), card()])];
    let pieces = [
        (ann(), ann(), 2),
        (ann(), card(), 1),
        (ann(), sighting(1), 0),
        (ann(), sighting(2), 0),
        (card(), sighting(2), 0),
    ];
    for (by, node, asked) in pieces {
        let is_new = !node.is_sighting();
        all.push(confirmed(by, node, Confirmation::Stitch { asked, is_new }));
        all.push(confirmed(
            by,
            node,
            Confirmation::Facets { touchpoints: u64::from(by != card()), denials: 0 },
        ));
        all.extend((0..PEOPLE).map(|partition| confirmed(by, node, Confirmation::People { partition })));
    }
    all
}

/// What is told when it is handled a second time.
fn again(finding: &Finding) -> Finding {
    match finding.clone() {
        Finding::Confirmed { asked_by, node, by: Confirmation::Stitch { asked, .. } } => {
            confirmed(asked_by, node, Confirmation::Stitch { asked, is_new: false })
        }
        other => other,
    }
}

#[test]
fn a_question_that_is_handled_twice_and_finds_more_the_second_time_waits_for_all_of_it() {
    let late = node("cookie", "late");
    let mut desk = Desk::new(Verifiers::none_needed());
    desk.asks(request("r-1", &[("email", "ann@example.org")]));
    let mut all = everything();
    all.insert(1, found(&[ann(), card(), late]));
    assert_eq!(desk.hears(20, &all).pop().map(|receipt| receipt.status), Some(ReceiptStatus::Accepted));
    let mut rest = vec![confirmed(ann(), late, Confirmation::Stitch { asked: 0, is_new: true })];
    rest.push(confirmed(ann(), late, Confirmation::Facets { touchpoints: 0, denials: 0 }));
    rest.extend((0..PEOPLE).map(|partition| confirmed(ann(), late, Confirmation::People { partition })));
    let done = desk.hears(21, &rest).pop().expect("is done");
    assert_eq!((done.status, done.identifiers), (ReceiptStatus::Done, 3));
}

#[test]
fn a_request_is_done_when_every_stage_has_confirmed_every_piece_in_whatever_order() {
    let all = everything();
    let mut rng = fastrand::Rng::with_seed(7);
    for round in 0..500 {
        let mut desk = Desk::new(Verifiers::none_needed());
        let (receipts, tickets) = desk.asks(request("r-1", &[("email", " Ann@Example.org ")]));
        assert_eq!(receipts[0].status, ReceiptStatus::Accepted);
        assert_eq!(tickets, [Ticket { request_id: "r-1".to_owned(), desk: 3, asked_by: ann() }]);
        let mut coming = all.clone();
        // Some come twice; by then nothing is new.
        let repeated: Vec<Finding> = all.iter().filter(|_| rng.u8(0..4) == 0).map(again).collect();
        rng.shuffle(&mut coming);
        coming.extend(repeated);
        let mut last = receipts[0].clone();
        let mut heard = 0;
        for (index, finding) in coming.iter().enumerate() {
            for receipt in desk.hears(20 + i64::try_from(index).expect("few"), std::slice::from_ref(finding))
            {
                last = receipt;
            }
            heard += 1;
            let is_done = last.status == ReceiptStatus::Done;
            assert_eq!(is_done, heard >= all.len(), "round {round}, after {heard} of {}", all.len());
        }
        assert_eq!((last.identifiers, last.sightings, last.touchpoints), (2, 2, 4), "round {round}");
        assert_eq!(last.person_ids, [person()]);
        let stages: Vec<&str> = last.stages.iter().map(|stage| stage.stage.as_str()).collect();
        assert!(stages.len() == 3 && stages.contains(&"people"), "{stages:?}");
        let completed = last.completed.expect("is done");
        assert_eq!(last.last_copy_gone, Some(completed.plus_millis(14 * DAY_MS)));
        assert_eq!(desk.memory.len(), 1, "only the request itself is kept");
    }
}

#[test]
fn the_same_request_again_gets_the_same_receipt_and_asks_nobody() {
    let mut desk = Desk::new(Verifiers::none_needed());
    let wish = || request("r-1", &[("email", "ann@example.org")]);
    desk.asks(wish());
    let done = desk.hears(20, &everything()).pop().expect("is done");
    assert_eq!(desk.asks(wish()), (vec![done.clone()], Vec::new()));
    let (receipts, tickets) = desk.asks(request("r-1", &[("email", "bea@example.org")]));
    assert!(tickets.is_empty());
    assert_eq!(receipts[0].status, ReceiptStatus::Refused);
    assert_eq!(receipts[1], done, "the last one holds");
}

#[test]
fn the_same_request_of_another_time_is_the_same_request_however_far_it_has_come() {
    let (secret, mut verifiers) = ([7; 32], Verifiers::default());
    verifiers.add("desk", &kinfold_privacy::verify::public_key(&secret)).expect("a key");
    let mut desk = Desk::new(verifiers);
    let of = |ms: i64| {
        let wish = request("r-1", &[("email", "ann@example.org")]);
        let wish = PrivacyRequest { time: at(ms), verifier: Some("desk".to_owned()), ..wish };
        PrivacyRequest { signature: Some(sign(&wish, &secret)), ..wish }
    };
    let accepted = desk.asks(of(1)).0;
    assert_eq!(desk.asks(of(2)), (accepted, Vec::new()), "while it is carried out");
    let done = desk.hears(20, &everything()).pop().expect("is done");
    assert_eq!((done.status, done.requested), (ReceiptStatus::Done, at(1)));
    // One that was signed long ago, and is sent by whoever found it, changes nothing either.
    for ms in [3, 1] {
        assert_eq!(desk.asks(of(ms)), (vec![done.clone()], Vec::new()), "when it is done");
    }
    // It was done for what was asked by then: whoever was let go or came back since, and wants it anew, is not told that it is done.
    let (receipts, tickets) = desk.asks(of(at(1).millis() + 1_000_000));
    assert!(tickets.is_empty());
    assert_eq!(
        (receipts[0].status, &receipts[1]),
        (ReceiptStatus::Refused, &done),
        "asked after it was done"
    );
    assert!(receipts[0].reasons[0].contains("an id of its own"));
    // One that nobody signed learns no more than that it is refused, and the receipt that holds stands last.
    let (receipts, tickets) = desk.asks(PrivacyRequest { signature: None, ..of(4) });
    assert!(tickets.is_empty());
    assert_eq!((receipts[0].status, &receipts[1]), (ReceiptStatus::Refused, &done));
}

#[test]
fn whoever_may_not_ask_or_asks_for_nobody_is_refused_and_nothing_is_stored() {
    let secret = [7; 32];
    let mut verifiers = Verifiers::default();
    verifiers.add("desk", &kinfold_privacy::verify::public_key(&secret)).expect("a key");
    let many: Vec<(&str, &str)> = vec![("cookie", "x"); 17];
    let signed = |wish: PrivacyRequest| {
        let wish = PrivacyRequest { verifier: Some("desk".to_owned()), ..wish };
        PrivacyRequest { signature: Some(sign(&wish, &secret)), ..wish }
    };
    let ann = || request("r-1", &[("email", "ann@example.org")]);
    let refused = [
        ann(),
        PrivacyRequest { verifier: Some("another".to_owned()), ..signed(ann()) },
        PrivacyRequest { time: at(2), ..signed(ann()) },
        signed(request("r-1", &[])),
        signed(request("r-1", &many)),
        signed(request("r-1", &[("shoe_size", "44")])),
        signed(request("r-1", &[("email", "ann-secret")])),
        signed(request("r-1", &[("email#", "ann-secret")])),
    ];
    for wish in refused {
        let mut desk = Desk::new(verifiers.clone());
        let (receipts, tickets) = desk.asks(wish);
        assert!(tickets.is_empty() && desk.memory.is_empty());
        assert_eq!((receipts.len(), receipts[0].status), (1, ReceiptStatus::Refused));
        let reasons = receipts[0].reasons.join(" ");
        assert!(!reasons.is_empty() && !reasons.contains("secret") && !reasons.contains("ann@"), "{reasons}");
    }
    let mut desk = Desk::new(verifiers);
    assert_eq!(desk.asks(signed(ann())).1.len(), 1);
    let node = self::ann().to_string();
    let by_node = request("r-2", &[("email#", &node)]);
    assert_eq!(desk.asks(signed(by_node)).1[0].asked_by, self::ann());
}

#[test]
fn nobody_whom_the_request_names_is_known_and_the_reason_says_so_and_it_may_come_again() {
    for (finding, word) in [
        (Finding::Unknown { identifier: ann() }, "never seen"),
        (Finding::Shared { identifier: ann() }, "so many people"),
    ] {
        let mut desk = Desk::new(Verifiers::none_needed());
        let wish = || request("r-1", &[("email", "ann@example.org")]);
        desk.asks(wish());
        let receipt = desk.hears(20, &[finding]).pop().expect("is answered");
        assert_eq!(receipt.status, ReceiptStatus::Refused);
        assert!(
            receipt.reasons[0].contains(word) && !receipt.reasons[0].contains("ann@"),
            "{:?}",
            receipt.reasons
        );
        assert_eq!(desk.asks(wish()).1.len(), 1, "it is asked anew");
    }
}

#[test]
fn the_receipt_tells_how_many_decisions_against_a_purpose_went_and_what_to_do_about_it() {
    let mut rng = fastrand::Rng::with_seed(7);
    for _ in 0..50 {
        let mut desk = Desk::new(Verifiers::none_needed());
        desk.asks(request("r-1", &[("email", "ann@example.org")]));
        let mut all = everything();
        for (by, node, count) in
            [(ann(), ann(), 2), (ann(), sighting(2), 3), (card(), sighting(2), 0), (ann(), sighting(1), 0)]
        {
            let is_asked = |finding: &&mut Finding| matches!(finding, Finding::Confirmed { asked_by, node: asked, .. } if *asked_by == by && *asked == node);
            for finding in all.iter_mut().filter(is_asked) {
                if let Finding::Confirmed { by: Confirmation::Facets { denials, .. }, .. } = finding {
                    *denials = count;
                }
            }
        }
        rng.shuffle(&mut all);
        let receipt = desk.hears(20, &all).pop().expect("is answered");
        assert_eq!((receipt.status, receipt.touchpoints), (ReceiptStatus::Done, 4));
        let [reason] = receipt.reasons.as_slice() else { panic!("{:?}", receipt.reasons) };
        assert!(reason.contains("forgotten: 5.") && reason.contains("state them anew"), "{reason}");
    }
}

#[test]
fn one_unknown_identifier_does_not_keep_the_others() {
    let mut desk = Desk::new(Verifiers::none_needed());
    desk.asks(request("r-1", &[("email", "ann@example.org"), ("loyalty_id", "L-9")]));
    let unknown = Finding::Unknown { identifier: node("loyalty_id", "L-9") };
    let mut all = everything();
    all.push(unknown);
    let receipt = desk.hears(20, &all).pop().expect("is answered");
    assert_eq!((receipt.status, receipt.reasons.len()), (ReceiptStatus::Done, 1));
}

#[test]
fn a_request_that_cannot_be_named_cannot_be_answered() {
    for id in ["", "with blank", "line\nfeed", &"x".repeat(201)] {
        let mut desk = Desk::new(Verifiers::none_needed());
        let wish = PrivacyInput::Request(Box::new(request(id, &[("email", "ann@example.org")])));
        match desk.batch(10, vec![wish]) {
            Err(Halt::Refused(refusal)) => assert_eq!(refusal.kind, RefusalKind::BadRequest),
            other => panic!("{id:?}: {other:?}"),
        }
    }
}

/// All that three stages say of a person of whom two identifiers were asked by each other.
fn everything_of_a_restriction() -> Vec<Finding> {
    let mut all = Vec::new();
    for by in [ann(), card()] {
        let (person, asked) = (Some(person()), vec![ann(), card()]);
        all.push(Finding::Resolved { identifier: by, person, asked, was_erased: false });
        for node in [ann(), card()] {
            all.push(confirmed(by, node, Confirmation::Stitch { asked: 0, is_new: true }));
            all.push(confirmed(by, node, Confirmation::Facets { touchpoints: 0, denials: 0 }));
            all.extend((0..PEOPLE).map(|partition| confirmed(by, node, Confirmation::People { partition })));
        }
    }
    all
}

#[test]
fn a_receipt_tells_when_a_later_request_says_otherwise() {
    let mut desk = Desk::new(Verifiers::none_needed());
    let named = request("r-1", &[("email", "ann@example.org"), ("loyalty_id", "L-1")]);
    let wish = PrivacyInput::Request(Box::new(PrivacyRequest { kind: PrivacyKind::Lift, ..named }));
    desk.batch(10, vec![wish]).expect("is answered");
    let mut all = everything_of_a_restriction();
    let of_card = |finding: &&mut Finding| matches!(finding, Finding::Confirmed { node, by: Confirmation::Facets { .. }, .. } if *node == card());
    for finding in all.iter_mut().filter(of_card) {
        if let Finding::Confirmed { by, .. } = finding {
            *by = Confirmation::Overruled;
        }
    }
    let receipts = desk.hears(20, &all);
    let last = receipts.last().expect("there is one");
    assert_eq!((last.status, last.reasons.len()), (ReceiptStatus::Done, 1));
    assert!(last.reasons[0].starts_with("a request with a later time"), "{:?}", last.reasons);
}

#[test]
fn a_restriction_and_its_lifting_are_done_when_every_stage_has_confirmed_them_and_nothing_is_gone() {
    let all = everything_of_a_restriction();
    let mut rng = fastrand::Rng::with_seed(7);
    for (kind, demand) in [(PrivacyKind::Restrict, Demand::Restrict), (PrivacyKind::Lift, Demand::Lift)] {
        for _ in 0..100 {
            let mut desk = Desk::new(Verifiers::none_needed());
            let named = request("r-1", &[("email", "ann@example.org"), ("loyalty_id", "L-1")]);
            let wish = PrivacyInput::Request(Box::new(PrivacyRequest { kind, ..named }));
            let asked = desk.batch(10, vec![wish]).expect("is answered");
            let demands: Vec<Demand> = asked
                .iter()
                .filter_map(|output| match output {
                    PrivacyOutput::Ask { demand, .. } => Some(*demand),
                    PrivacyOutput::Receipt(_) => None,
                })
                .collect();
            assert_eq!(demands, [demand, demand]);
            let mut coming = all.clone();
            rng.shuffle(&mut coming);
            let last = coming.pop().expect("there are some");
            let before = desk.hears(20, &coming);
            assert!(before.iter().all(|receipt| receipt.status == ReceiptStatus::Accepted));
            let done = desk.hears(21, &[last]).pop().expect("is done");
            assert_eq!((done.status, done.kind), (ReceiptStatus::Done, kind));
            assert_eq!((done.identifiers, done.sightings, done.touchpoints), (2, 0, 0));
            assert_eq!((done.person_ids, done.last_copy_gone), (vec![person()], None));
        }
    }
}

#[test]
fn a_restriction_of_single_identifiers_is_refused_and_so_is_another_kind_of_request_of_the_same_id() {
    let mut desk = Desk::new(Verifiers::none_needed());
    let wish = |kind| PrivacyRequest { kind, ..request("r-1", &[("email", "ann@example.org")]) };
    for kind in [PrivacyKind::Restrict, PrivacyKind::Lift] {
        let alone = PrivacyRequest { scope: PrivacyScope::Identifier, ..wish(kind) };
        let (receipts, tickets) = desk.asks(alone);
        assert!(tickets.is_empty() && desk.memory.is_empty());
        assert_eq!(receipts[0].status, ReceiptStatus::Refused);
        assert!(receipts[0].reasons[0].contains("scope must be person"), "{:?}", receipts[0].reasons);
    }
    assert_eq!(desk.asks(wish(PrivacyKind::Restrict)).1.len(), 1);
    let (receipts, tickets) = desk.asks(wish(PrivacyKind::Erase));
    assert!(tickets.is_empty() && receipts[0].reasons[0].contains("used for another request"));
}

#[test]
fn whom_nobody_has_seen_and_whoever_is_erased_or_everybody_cannot_be_restricted() {
    let erased = Finding::Resolved { identifier: ann(), person: None, asked: Vec::new(), was_erased: true };
    for (finding, word) in [
        (Finding::Unknown { identifier: ann() }, "never seen"),
        (Finding::Shared { identifier: ann() }, "so many people"),
        (erased, "erased before"),
    ] {
        let mut desk = Desk::new(Verifiers::none_needed());
        let named = request("r-1", &[("email", "ann@example.org")]);
        desk.asks(PrivacyRequest { kind: PrivacyKind::Restrict, ..named });
        let receipt = desk.hears(20, &[finding]).pop().expect("is answered");
        assert_eq!(receipt.status, ReceiptStatus::Refused);
        assert!(receipt.reasons[0].contains(word), "{:?}", receipt.reasons);
    }
}
