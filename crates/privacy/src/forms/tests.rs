//! Every form that was ever written is read, and what is written now is what was frozen (`tests/forms.txt`).

use kinfold_model::privacy::{
    Demand, PrivacyKind, PrivacyReceipt, PrivacyScope, ReceiptStatus, StageConfirmation,
};
use kinfold_model::{NodeId, NodeKind, PersonId, Timestamp};

use super::frozen::{Frozen, every_variant};
use super::*;
use crate::case::{Asked, Piece, Resolution};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("in range")
}

fn node(n: u8) -> NodeId {
    NodeId::new([n; 16], NodeKind::Identifier)
}

fn case(demand: Demand, kind: PrivacyKind, status: ReceiptStatus) -> Case {
    let people = [PersonId::new([7; 16])];
    let found = Resolution::Found { people: people.into(), asked: [node(1)].into(), was_erased: true };
    let resolved = every_variant!(
        Resolution { Found, Unknown, Shared } of [found, Resolution::Unknown, Resolution::Shared]
    );
    Case {
        asked: Asked { demand, requested: at(1), identifiers: vec![node(1), node(2), node(3)] },
        resolved: [1, 2, 3].map(node).into_iter().zip(resolved).collect(),
        receipt: PrivacyReceipt {
            request_id: "r-1".to_owned(),
            kind,
            scope: if kind == PrivacyKind::Lift { PrivacyScope::Identifier } else { PrivacyScope::Person },
            status,
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

/// Every variant of all that a case says by number.
fn cases() -> Vec<Case> {
    let [person, alone] = every_variant!(PrivacyScope { Person, Identifier }).map(Demand::Erase);
    let demands = [person, alone, Demand::Restrict, Demand::Lift];
    let demands = every_variant!(Demand { Erase, Restrict, Lift } of demands);
    let kinds = every_variant!(PrivacyKind { Erase, Restrict, Lift }).into_iter().cycle();
    let statuses = every_variant!(ReceiptStatus { Accepted, Done, Refused }).into_iter().cycle();
    let receipts = kinds.zip(statuses);
    demands.into_iter().zip(receipts).map(|(demand, (kind, status))| case(demand, kind, status)).collect()
}

#[test]
fn every_form_is_read_and_those_of_now_are_written() {
    let mut frozen = Frozen::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forms.txt"));
    let piece = |denials| {
        let (stitch, facets, people) = (Some((3, true)), Some(400), [0, 5].into());
        Piece { stitch, facets, is_overruled: true, people, denials }
    };
    frozen.form(1, &cases());
    frozen.form(1, &[Piece::default(), piece(0)]);
    frozen.form(2, &[Piece::default(), piece(7)]);
    frozen.close();
}
