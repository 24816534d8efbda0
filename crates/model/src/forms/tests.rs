//! Every form that was ever written is read, and what is written now is what was frozen (`tests/forms.txt`).

use std::collections::BTreeMap;

use super::frozen::{Frozen, every_variant};
use super::*;
use crate::command::{CommandIdentifier, CommandKind};
use crate::erasure::{Mark, Marks, Reach};
use crate::identifier::Namespace;
use crate::node::{NodeId, NodeKind, PersonId};
use crate::privacy::{Confirmation, Erasure, Finding, Report, Restriction, Ticket};
use crate::quality::FlagKind;
use crate::refusal::RefusalKind;
use crate::time::Timestamp;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("in range")
}

fn node(n: u8) -> NodeId {
    NodeId::new([n; 16], NodeKind::Identifier)
}

fn ticket() -> Ticket {
    Ticket { request_id: "r-1".to_owned(), desk: 3, asked_by: node(4) }
}

fn command(kind: CommandKind) -> Command {
    Command {
        command_id: "c-1".to_owned(),
        kind,
        author: "ann".to_owned(),
        reason: "a kiosk".to_owned(),
        time: at(5),
        withdrawn: true,
        identifiers: vec![CommandIdentifier { node: node(1), namespace: Namespace::new("email") }],
        source: Some("shop".to_owned()),
        touchpoint_id: Some("t-1".to_owned()),
    }
}

fn rulings() -> [Ruling; 2] {
    let mut mark = Mark::default();
    for (reach, ms) in every_variant!(Reach { Alone, Unclaimed, Everything }).into_iter().zip([50, 60, 70]) {
        // Each is lifted before the next.
        mark.consent(at(ms - 5));
        mark.erase(reach, at(ms));
    }
    let marks = Marks::one(node(1), mark, BTreeMap::from([(node(1), false), (node(2), true)]));
    let (received, latest) = (at(70), at(80));
    let rulings = [
        Ruling::Erased(Erasure { node: node(1), marks, ticket: Some(ticket()) }),
        Ruling::Restricted(Restriction { node: node(1), stands: true, received, latest, ticket: ticket() }),
    ];
    every_variant!(Ruling { Erased, Restricted } of rulings)
}

/// So many denials are told by facets; by the first form none were.
fn reports(denials: u64) -> Vec<Report> {
    let (identifier, person) = (node(1), Some(PersonId::new([7; 16])));
    let mut findings = vec![
        Finding::Resolved { identifier, person, asked: vec![node(1), node(2)], was_erased: true },
        Finding::Unknown { identifier },
        Finding::Shared { identifier },
    ];
    let by = [
        Confirmation::Stitch { asked: 2, is_new: true },
        Confirmation::Facets { touchpoints: 400, denials },
        Confirmation::Overruled,
        Confirmation::People { partition: 5 },
    ];
    let by = every_variant!(Confirmation { Stitch, Facets, Overruled, People } of by);
    findings.extend(by.map(|by| ticket().confirm(node(2), by).finding));
    let findings = every_variant!(Finding { Resolved, Unknown, Shared, Confirmed } of findings);
    let report = |finding| Report { request_id: "r-1".to_owned(), desk: 3, finding };
    findings.into_iter().map(report).collect()
}

fn refusals() -> [RefusalKind; 27] {
    every_variant!(RefusalKind {
        EmptyRecord,
        RecordTooLarge,
        InvalidUtf8,
        MalformedJson,
        TooDeep,
        DuplicateMember,
        UnknownMember,
        MissingMember,
        WrongType,
        EmptyValue,
        ValueTooLong,
        TooManyElements,
        NoIdentifier,
        TooManyIdentifiers,
        UnknownNamespace,
        BadIdentifier,
        BadTime,
        FutureTime,
        BadMoney,
        BadConsent,
        OutOfRange,
        Undecodable,
        BlockedIdentifier,
        BadCommand,
        BadRequest,
        Unmappable,
        MappingLimit,
    })
}

#[test]
fn every_form_is_read_and_those_of_now_are_written() {
    let mut frozen = Frozen::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forms.txt"));
    let flags = every_variant!(FlagKind { Missing, Malformed, Implausible, Stale, Role, Disposable });
    let quality = SourceQuality {
        touchpoints: 400,
        points: 39_000,
        flags: flags.map(|kind| (kind, 2)).into(),
        refused: refusals().map(|kind| (kind, 3)).into(),
        duplicates: 5,
    };
    let kinds = every_variant!(CommandKind { Link, Unlink, Block, Release, Forget });
    frozen.form(1, &kinds.map(command));
    frozen.form(1, &rulings());
    frozen.form(1, &reports(0));
    frozen.form(2, &reports(3));
    frozen.form(1, &[SourceQuality::default(), quality]);
    frozen.close();
}
