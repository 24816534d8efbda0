//! Every form that was ever written is read, and what is written now is what was frozen (`tests/forms.txt`).

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::privacy::{Demand, PrivacyScope, Restriction, Ticket};
use kinfold_model::{
    Agreements, ChangeRule, Command, CommandKind, Mark, Marks, Namespace, NodeId, NodeKind, PersonId, Reach,
    Timestamp,
};

use super::frozen::{Frozen, every_variant};
use super::*;
use crate::component::{Asked, Component, Edge, Told};
use crate::node::{Company, Erased, Orders, Part, Standing};
use crate::op::{Body, Cause, Errand, LinkNews, Observation, Seen};
use crate::witness::{Evidence, Testimony, TouchpointMark, Witness};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("in range")
}

fn identifier(n: u8) -> NodeId {
    NodeId::new([n; 16], NodeKind::Identifier)
}

fn sighting(n: u8) -> NodeId {
    NodeId::new([n; 16], NodeKind::Sighting)
}

fn seen(n: u8) -> Seen {
    Seen { node: identifier(n), namespace: Namespace::new("email"), blocked: n == 2 }
}

fn told() -> Told {
    Told {
        version: 300,
        cut: 200,
        first_seen: Some(at(5)),
        last_seen: at(600_000),
        silent: true,
        bond: true,
        apart: [(identifier(4), at(7))].into(),
    }
}

fn mark() -> Mark {
    let mut mark = Mark::default();
    for (reach, ms) in every_variant!(Reach { Alone, Unclaimed, Everything }).into_iter().zip([50, 60, 70]) {
        // Each is lifted before the next.
        mark.consent(at(ms - 5));
        mark.erase(reach, at(ms));
    }
    mark
}

fn witness() -> Witness {
    let evidence = Evidence { first_seen: at(1), last_seen: at(2) };
    let few = Testimony::Few([(TouchpointMark(9), evidence)].into());
    let mut agreed = Agreements::default();
    agreed.add(at(80));
    let said = every_variant!(Testimony { Few, Many } of [few, Testimony::Many(evidence)]);
    Witness {
        sources: ["shop", "till"].map(str::to_owned).into_iter().zip(said).collect(),
        rest: Some(evidence),
        forgotten: [("shop".to_owned(), TouchpointMark(8))].into(),
        distrusted: [("crm".to_owned(), BTreeSet::from([identifier(1)]))].into(),
        agreed,
    }
}

fn standing() -> Standing {
    Standing {
        namespace: Namespace::new("email"),
        sightings: 12,
        earliest: Some(at(3)),
        overflowed: true,
        crowded: false,
        shed: true,
        blocked: false,
        listed: true,
        orders: Orders {
            blocked: true,
            released: false,
            apart: [(identifier(4), at(7))].into(),
            distrusted: ["crm".to_owned()].into(),
        },
        erased: Some(Erased { mark: mark(), sightings: [sighting(5)].into() }),
    }
}

fn company() -> Company {
    Company {
        identifiers: vec![seen(1), seen(2)],
        blocked: [identifier(2)].into(),
        since: Some(at(9)),
        marks: Marks::one(identifier(1), mark(), BTreeMap::from([(identifier(1), true)])),
    }
}

fn node(part: Part) -> Node {
    let person = Some(PersonId::new([7; 16]));
    Node { root: sighting(3), epoch: 4, person, bade_farewell: true, told: told(), witness: witness(), part }
}

fn member() -> Member {
    Member { namespace: Some(Namespace::new("cookie")), told: told(), person: Some(PersonId::new([7; 16])) }
}

fn component() -> Component {
    Component {
        epoch: 6,
        absorbed: [(identifier(9), 5)].into(),
        plain: true,
        members: [(identifier(1), member())].into(),
        edges: [Edge { identifier: identifier(1), sighting: sighting(3) }].into(),
    }
}

fn ticket() -> Ticket {
    Ticket { request_id: "r-1".to_owned(), desk: 3, asked_by: identifier(4) }
}

fn restriction() -> Restriction {
    Restriction { node: identifier(1), stands: true, received: at(5), latest: at(6), ticket: ticket() }
}

fn command(kind: CommandKind) -> Command {
    Command {
        command_id: "c-1".to_owned(),
        kind,
        author: "ann".to_owned(),
        reason: "a kiosk".to_owned(),
        time: at(5),
        withdrawn: false,
        identifiers: Vec::new(),
        source: None,
        touchpoint_id: None,
    }
}

/// One of each kind, and of each kind within it.
fn bodies() -> Vec<Body> {
    let (node, ticket, latest) = (identifier(1), ticket(), at(6));
    let seen = vec![seen(1), seen(2)];
    let mut bodies = vec![
        Body::Observe(Observation {
            time: at(5),
            source: "shop".to_owned(),
            mark: TouchpointMark(9),
            identifiers: seen.clone(),
            consented: Some(at(4)),
        }),
        Body::Link(LinkNews {
            sighting: sighting(3),
            first_seen: Some(at(1)),
            stands: true,
            bond: false,
            version: 2,
            knows: Some(at(50)),
            identifiers: seen,
        }),
        Body::Blocked { identifier: node, stands: true },
        Body::Distrust { identifier: node, source: "crm".to_owned(), stands: true },
        Body::Shed,
        Body::Erased { identifier: node, mark: mark(), ticket: Some(ticket.clone()) },
        Body::Agreed { time: at(80) },
    ];
    let kinds = every_variant!(CommandKind { Link, Unlink, Block, Release, Forget });
    bodies.extend(kinds.map(|kind| Body::Command(Box::new(command(kind)))));
    let [person, alone] = every_variant!(PrivacyScope { Person, Identifier }).map(Demand::Erase);
    let demands = [person, alone, Demand::Restrict, Demand::Lift];
    let demands = every_variant!(Demand { Erase, Restrict, Lift } of demands);
    bodies.extend(demands.map(|demand| Body::Demand { demand, latest, ticket: ticket.clone() }));
    let reaches = every_variant!(Reach { Alone, Unclaimed, Everything });
    bodies.extend(reaches.map(|reach| Body::Erase { reach, latest, ticket: ticket.clone() }));
    let (other, other_root) = (sighting(3), Some(sighting(4)));
    let asked = Asked { identifier: 150, sighting: 2 };
    let errands = [
        Errand::Join { node, other, other_root, asked, told: Some(told()) },
        Errand::Tell { node, told: told() },
        Errand::Settle { node, told: None },
        Errand::Erase { node, latest, ticket },
        Errand::Restrict(restriction()),
    ];
    let errands = every_variant!(Errand { Join, Tell, Settle, Erase, Restrict } of errands);
    bodies.extend(errands.clone().map(Body::Errand));
    let [first, ..] = errands;
    let edge = Edge { identifier: node, sighting: sighting(3) };
    bodies.extend([
        Body::SentBack(first),
        Body::Absorb { from: identifier(9), component: component(), edge, asked },
        Body::Point { root: sighting(3), epoch: 4, person: Some(PersonId::new([7; 16])) },
        Body::Seed { component: component() },
    ]);
    every_variant!(
        Body {
            Observe, Command, Link, Blocked, Distrust, Shed, Demand, Erase, Erased, Agreed, Errand, SentBack, Absorb, Point, Seed
        } of bodies
    )
}

fn op(body: Body, rule: ChangeRule) -> Op {
    let cause = Cause { node: identifier(1), time: at(5), rule, command_id: Some("c-1".to_owned()) };
    Op { to: identifier(1), hops: 2, cause, body }
}

#[test]
fn every_form_is_read_and_those_of_now_are_written() {
    let mut frozen = Frozen::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forms.txt"));
    let link = Link {
        first_seen: Some(at(1)),
        stands: true,
        bond: false,
        version: 2,
        identifiers: vec![seen(1), seen(2)],
    };
    let version = postcard::from_bytes(&[8; 8]).expect("eight bytes are a version of rules");
    let Component { epoch, absorbed, plain, .. } = component();
    let parts = [Part::Identifier(standing()), Part::Sighting(company()), Part::Bond(company())];
    let parts = every_variant!(Part { Identifier, Sighting, Bond } of parts);
    let rules =
        every_variant!(ChangeRule { Evidence, Quarantine, MaxComponent, Block, Command, Rules, Erasure });
    let ops = bodies().into_iter().zip(rules.into_iter().cycle()).map(|(body, rule)| op(body, rule));
    frozen.form(1, &parts.map(node));
    frozen.form(1, &[link]);
    frozen.form(1, &[Header::default(), Header { epoch, absorbed, plain }]);
    frozen.form(1, &[member()]);
    frozen.form(1, &[Revision::sample(version, identifier(4))]);
    frozen.form(1, &ops.collect::<Vec<_>>());
    frozen.close();
}
