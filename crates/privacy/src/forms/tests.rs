//! Every form that was ever written is read, and what is written now is what was frozen (`tests/forms.txt`).

use kinfold_model::privacy::{
    Demand, PrivacyKind, PrivacyReceipt, PrivacyScope, ReceiptStatus, StageConfirmation,
};
use kinfold_model::{NodeId, NodeKind, PersonId, Timestamp};

use super::frozen::Frozen;
use super::*;
use crate::case::{Asked, Resolution};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("in range")
}

fn node(n: u8) -> NodeId {
    NodeId::new([n; 16], NodeKind::Identifier)
}

fn case() -> Case {
    let people = [PersonId::new([7; 16])];
    let found = Resolution::Found { people: people.into(), asked: [node(1)].into(), was_erased: true };
    Case {
        asked: Asked {
            demand: Demand::Restrict,
            requested: at(1),
            identifiers: vec![node(1), node(2), node(3)],
        },
        resolved: [(node(1), found), (node(2), Resolution::Unknown), (node(3), Resolution::Shared)].into(),
        receipt: PrivacyReceipt {
            request_id: "r-1".to_owned(),
            kind: PrivacyKind::Erase,
            scope: PrivacyScope::default(),
            status: ReceiptStatus::Done,
            reasons: vec!["an identifier is unknown".to_owned()],
            person_ids: people.to_vec(),
            identifiers: 2,
            sightings: 3,
            touchpoints: 400,
            stages: vec![StageConfirmation { time: at(4), stage: "stitch".to_owned() }],
            requested: at(1),
            received: at(2),
            completed: Some(at(5)),
            last_copy_gone: Some(at(600_000)),
        },
    }
}

#[test]
fn every_form_is_read_and_those_of_now_are_written() {
    let mut frozen = Frozen::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forms.txt"));
    let piece =
        Piece { stitch: Some((3, true)), facets: Some(400), is_overruled: true, people: [0, 5].into() };
    frozen.form(1, &[case()]);
    frozen.form(1, &[Piece::default(), piece]);
    frozen.close();
}
