//! Every form that was ever written is read, and what is written now is what was frozen (`tests/forms.txt`).

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::consent::{ConsentCause, ConsentState, EffectiveConsent};
use kinfold_model::privacy::{Restriction, Ticket};
use kinfold_model::versioned::{self, Newer, Nothing, Renew, Versioned};
use kinfold_model::{
    Agreements, Consent, Decision, Fault, Mark, Marks, Metric, Namespace, NodeId, NodeKind, OrderStatus,
    PersonId, Reach, Timestamp, Touchpoint, first_forms, stored,
};
use serde::{Deserialize, Serialize};

use super::frozen::{Frozen, every_variant};
use super::*;
use crate::action::Reaction;
use crate::edition::Edition;
use crate::facets::{Barrier, Cause, FacetMessage, Member};
use crate::outputs::Sent;
use crate::parts::{Part, StandardField};
use crate::restriction::Word;
use crate::samples::{at, consent, engagement, identifier, order, touchpoint};
use crate::table::Table;

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Touchpoints that make use of every field of a facet, and of every variant in it; so many values of a city that not all find room.
fn said() -> Vec<Touchpoint> {
    let mail = identifier(2, "email", "ann@example.org");
    let hash = identifier(2, "email_sha256", "aa11");
    let bought = Touchpoint {
        channel: text("web"),
        r#type: text("order"),
        identifiers: vec![mail.clone(), hash],
        attributes: [("city", "Dresden"), ("given_name", "Ann")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        consents: vec![
            Consent {
                basis: text("consent"),
                jurisdiction: text("gdpr"),
                wording: text("v3"),
                expires: Some(at(9_000_000)),
                signal: text("tcf"),
                ..consent("marketing", Some("email"), Decision::Granted, 4)
            },
            Consent { confirmed: true, ..consent("survey", None, Decision::Granted, 5) },
        ],
        order: Some(order("O-1", "129.9", OrderStatus::Placed)),
        verified: vec!["city".to_owned(), "email".to_owned()],
        ..touchpoint("t-1", 1_772_323_200_000)
    };
    let clicked = Touchpoint {
        channel: text("email"),
        r#type: text("campaign"),
        identifiers: vec![mail.clone()],
        engagement: engagement("click", Some(0.4)),
        ..touchpoint("t-2", 1_772_330_000_000)
    };
    let actions = every_variant!(Reaction { Open, Click, Reply }).map(|reaction| match reaction {
        Reaction::Open => "open",
        Reaction::Click => "click",
        Reaction::Reply => "reply",
    });
    let reacted = actions.map(|action| Touchpoint {
        engagement: engagement(action, None),
        ..touchpoint(&format!("r-{action}"), 1_772_340_000_000)
    });
    let decisions = every_variant!(Decision { Denied, Withdrawn, Granted, Requested });
    let decided = Touchpoint {
        // Of the verified city it is said once more, without being verified.
        attributes: [("city".to_owned(), "Dresden".to_owned())].into(),
        consents: decisions.map(|decision| consent(&format!("{decision:?}"), None, decision, 6)).into(),
        ..touchpoint("t-5", 1_772_410_000_000)
    };
    let ordered = every_variant!(OrderStatus { Placed, Cancelled, Returned }).map(|status| Touchpoint {
        order: Some(order(&format!("O-{status:?}"), "5", status)),
        ..touchpoint(&format!("o-{status:?}"), 1_772_420_000_000)
    });
    let bounced = Touchpoint {
        identifiers: vec![mail],
        engagement: engagement("bounce", Some(-0.25)),
        source: "mailer".to_owned(),
        ..touchpoint("t-3", -5)
    };
    let returned = Touchpoint {
        order: Some(order("O-1", "129.9", OrderStatus::Returned)),
        source: "till".to_owned(),
        ..touchpoint("t-4", 1_772_400_000_000)
    };
    let moved = |n: i64| Touchpoint {
        attributes: [("city".to_owned(), format!("city {n:02}"))].into(),
        source: format!("s{}", n % 3),
        verified: vec!["city".to_owned()],
        ..touchpoint(&format!("m-{n}"), 1_772_500_000_000 + n)
    };
    let first = [bought, clicked, bounced, returned, decided].into_iter().chain(reacted).chain(ordered);
    first.chain((0..20).map(moved)).collect()
}

fn facet() -> Facet {
    let said = said();
    let mut facet = Facet::new(&said[0], &BTreeSet::new());
    said[1..].iter().for_each(|touchpoint| _ = facet.absorb(touchpoint, &BTreeSet::new(), true));
    facet
}

fn node(n: u8) -> NodeId {
    NodeId::new([n; 16], NodeKind::Identifier)
}

fn ticket() -> Ticket {
    Ticket { request_id: "r-1".to_owned(), desk: 3, asked_by: node(4) }
}

fn stored_node() -> Node {
    let mut mark = Mark::default();
    for (reach, ms) in every_variant!(Reach { Alone, Unclaimed, Everything }).into_iter().zip([50, 60, 70]) {
        // Each is lifted before the next.
        mark.consent(at(ms - 5));
        mark.erase(reach, at(ms));
    }
    let marks = Marks::one(node(4), mark, BTreeMap::from([(node(4), false), (node(5), true)]));
    let mut agreed = Agreements::default();
    agreed.add(at(80));
    let restriction =
        Restriction { node: node(4), stands: true, received: at(90), latest: at(95), ticket: ticket() };
    Node::sample(facet(), marks, agreed, Word::from(&restriction))
}

fn publication() -> Publication {
    let standings = every_variant!(ConsentState { Unknown, Granted, Denied, Expired });
    let standings = standings.map(|state| EffectiveConsent {
        purpose: format!("{state:?}"),
        state,
        since: at(4),
        jurisdiction: text("gdpr"),
        basis: None,
        source: "shop".to_owned(),
        channel: text("email"),
        expires: Some(at(600_000)),
        signal: None,
        wording: None,
        confirmed: false,
    });
    Publication::sample(edition(), &standings, [("ads".to_owned(), Sent::sample(edition()))].into())
}

/// One with every part that a profile may have.
fn edition() -> Edition {
    let metrics = every_variant!(Metric {
        Touchpoints,
        Channels,
        ChannelSeen,
        Types,
        Orders,
        Items,
        Revenue,
        Returns,
        Cancellations,
        AverageOrderValue,
        DaysBetweenOrders,
        FirstOrder,
        LastOrder,
        Opens,
        Clicks,
        Replies,
        Sentiment,
        Sessions,
        PreferredChannel,
        PreferredHour,
        FirstSeen,
        LastSeen,
    });
    let standard = every_variant!(StandardField {
        GivenName,
        FamilyName,
        BirthDate,
        Language,
        Country,
        Addresses,
        Emails,
        Phones,
        Socials,
    });
    let mut parts = vec![
        Part::Identifiers(Namespace::new("email")),
        Part::Attribute("city".to_owned()),
        Part::Consents("marketing".to_owned()),
        Part::Timeline,
        Part::Segments,
        Part::Aliases,
        Part::Restricted,
        Part::Interests,
        Part::Value,
        Part::Lifecycle,
        Part::Truncated,
    ];
    parts.extend(metrics.map(Part::Metric));
    parts.extend(standard.map(Part::Standard));
    Edition::sample(every_variant!(Part {
        Identifiers, Attribute, Metric, Standard, Consents, Timeline, Segments, Aliases, Restricted, Interests, Value, Lifecycle,
        Truncated,
    } of parts))
}

fn member() -> Member {
    Member { facet: Some(facet()), restricted: Some(at(90)) }
}

fn message(cause: Cause, member: Option<Member>) -> PeopleInput {
    let (person, node) = (PersonId::new([7; 16]), node(2));
    PeopleInput::from(FacetMessage { person, node, version: 200, cause, member })
}

#[test]
fn every_form_is_read_and_those_of_now_are_written() {
    let mut frozen = Frozen::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/forms.txt"));
    let Facet { span, counts, channel_seen, activity, timeline, .. } = facet();
    let Facet { identifiers, attributes, orders, consents, deliveries, .. } = facet();
    frozen.form(1, &[span]);
    frozen.form(1, &[Counts::default(), counts]);
    frozen.form(1, &[channel_seen]);
    frozen.form(1, &[activity]);
    frozen.form(1, &[timeline]);
    frozen.form(1, &[identifiers]);
    frozen.form(1, &[Attributes::default(), attributes]);
    frozen.form(1, &[orders]);
    frozen.form(1, &[consents]);
    frozen.form(1, &[deliveries]);
    frozen.form(1, &[facet()]);
    frozen.form(1, &[Node::default(), stored_node()]);
    frozen.form(1, &said().iter().take(8).map(Counted::of).collect::<Vec<_>>());
    frozen.form(1, &[Held { version: 9, member: None }, Held { version: 300, member: Some(member()) }]);
    frozen.form(1, &[Publication::default(), publication()]);
    let causes = every_variant!(ConsentCause { Decision, Split, Merge, Expiry, Erasure, Policy });
    frozen.form(1, &causes.map(Revision::sample));
    let messages = every_variant!(PeopleInput { Facet, Barrier } of messages());
    frozen.form(1, &messages);
    frozen.close();
}

/// One of each cause.
fn messages() -> Vec<PeopleInput> {
    let causes = every_variant!(Cause { Touchpoint, Arrived, MovedIn, Left, Unassigned, Erased });
    let sent = causes.map(|cause| match cause {
        Cause::Touchpoint => message(cause, Some(member())),
        Cause::Arrived | Cause::MovedIn => message(cause, Some(Member { facet: None, restricted: None })),
        Cause::Left | Cause::Unassigned | Cause::Erased => message(cause, None),
    });
    let barrier = PeopleInput::Barrier(Barrier { node: node(4), tickets: vec![ticket()] });
    sent.into_iter().chain([barrier]).collect()
}

/// As it might have been at first: the newest time at which a name was seen.
#[derive(Clone, Default, Serialize, Deserialize)]
struct SeenAtFirst(BTreeMap<String, Timestamp>);

/// As it might be now: from when to when.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
struct Seen(BTreeMap<String, Span>);

first_forms! {
    SeenAtFirst: "seen_by_name",
}

impl Versioned for Seen {
    const NAME: &'static str = "seen_by_name";
    type Older = SeenAtFirst;
}

impl Renew<Seen> for SeenAtFirst {
    fn renew(self) -> Seen {
        Seen(self.0.into_iter().map(|(name, time)| (name, Span::at(time))).collect())
    }
}

impl Seen {
    fn merge(&mut self, other: Self) {
        for (name, span) in other.0 {
            self.0.entry(name).and_modify(|known| _ = known.cover(span)).or_insert(span);
        }
    }
}

/// A facet with such a structure, and others before and behind it.
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "S: Versioned + Serialize", deserialize = "S: Versioned"))]
struct Small<S> {
    #[serde(with = "versioned")]
    span: Span,
    #[serde(with = "versioned")]
    seen: S,
    #[serde(with = "versioned")]
    counts: Counts,
}

impl<S: Versioned> Versioned for Small<S> {
    const NAME: &'static str = "small";
    type Older = Nothing;
}

fn names() -> impl Iterator<Item = (String, Timestamp)> {
    (0..9_i64).map(|n| (format!("n{}", n % 4), at(n * 7 % 10)))
}

/// The entries of a store, of which every `nth` was written by the earlier program.
fn entries(nth: usize) -> Vec<Vec<u8>> {
    let entry = |(index, (name, time)): (usize, (String, Timestamp))| {
        let (span, counts) = (Span::at(time), Counts::default());
        if index % nth == 0 {
            stored::encode(&Small { span, seen: SeenAtFirst([(name, time)].into()), counts })
        } else {
            stored::encode(&Small { span, seen: Seen([(name, span)].into()), counts })
        }
    };
    names().enumerate().map(entry).collect()
}

#[test]
fn a_store_with_old_forms_among_new_ones_folds_to_the_same() {
    let fold = |entries: Vec<Vec<u8>>| {
        let mut seen = Seen::default();
        for bytes in entries {
            seen.merge(stored::decode::<Small<Seen>>("small", &bytes).expect("every form is read").seen);
        }
        seen
    };
    let [all_old, mixed, all_new] = [1, 2, usize::MAX].map(|nth| fold(entries(nth)));
    // The first entry is of the earlier program even then; it says the same.
    assert!(mixed == all_new && all_old == all_new);
    assert_eq!(mixed.0["n0"], Span { first: at(0), last: at(8) });
}

#[test]
fn what_a_newer_program_wrote_of_one_structure_is_refused_by_its_name() {
    let known = Newer { what: "seen_by_name", found: 2, known: 1 };
    let read = |bytes: &[u8]| stored::decode::<Small<SeenAtFirst>>("small", bytes).map(|_| ());
    let all: Vec<_> = entries(2).iter().map(|bytes| read(bytes)).collect();
    assert!(all.iter().step_by(2).all(|read| *read == Ok(())));
    assert!(all.iter().skip(1).step_by(2).all(|read| *read == Err(Fault::Newer(known))));
    assert_eq!(
        Fault::Newer(known).to_string(),
        "seen_by_name has form 2, and this version of the program reads forms up to 1; nothing is lost: start the version again \
         that wrote it, or a newer one"
    );
}

#[test]
fn a_facet_costs_a_byte_for_each_structure_and_one_for_itself() {
    let plain = |facet: &Facet| {
        let Facet { span, counts, channel_seen, activity, timeline, .. } = facet;
        let Facet { identifiers, attributes, orders, consents, deliveries, .. } = facet;
        let one = (span, counts, channel_seen, activity, timeline);
        let other = (identifiers, attributes, orders, consents, deliveries);
        stored::image(&(one, other)).len()
    };
    let bytes = versioned::encode(&facet(), &[]).expect("it has bytes");
    assert_eq!(bytes.len(), plain(&facet()) + 11);
}

#[test]
fn the_version_of_a_member_is_read_alone() {
    for member in [None, Some(member())] {
        let bytes = stored::encode(&Held { version: 300, member });
        assert_eq!(Table::Member.decode_head::<Held, u64>(&bytes), Ok(300));
    }
}
