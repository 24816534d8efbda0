//! Records of every public topic: with every optional member present, and with none.

use std::fmt::Debug;

use kinfold_model::assignment::ChangeKind;
use kinfold_model::command::CommandIdentifier;
use kinfold_model::consent::{ConsentCause, ConsentEvidence, ConsentState, Decision};
use kinfold_model::privacy::{
    PrivacyKind, PrivacyReceipt, PrivacyRequest, PrivacyScope, ReceiptStatus, StageConfirmation,
};
use kinfold_model::profile::{
    Attribute, ChannelSeen, Interest, Metrics, ProfileIdentifier, ProfileLifecycle, ProfileValue,
    StageChange, StatedValue, TimelineEntry,
};
use kinfold_model::standard::{Address, Email, Phone, Social, Standard};
use kinfold_model::touchpoint::{ConsentSignals, Engagement, Order, SegmentConsent};
use kinfold_model::{
    Assignment, ChangeRule, Command, CommandKind, Consent, ConsentChange, DeadLetter, EffectiveConsent, Flag,
    FlagKind, Identifier, IdentityChange, Move, Namespace, NodeId, NodeKind, OrderStatus, PersonId, Reason,
    RefusalKind, Timestamp, Touchpoint, TouchpointIdentifier, UnifiedProfile,
};
use kinfold_wire::Topic;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is done with each sample.
pub(crate) trait Check {
    fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, topic: Topic, record: &T);
}

/// Hands every sample of every public topic to `check`.
pub(crate) fn for_each(check: &mut impl Check) {
    for record in [full_touchpoint(), bare_touchpoint()] {
        check.check(Topic::Touchpoint, &record);
    }
    for kind in RefusalKind::ALL {
        check.check(Topic::TouchpointRefused, &dead_letter(kind, Some(vec![0, 255, 10])));
        check.check(Topic::TouchpointRefused, &dead_letter(kind, None));
    }
    for kind in CommandKind::ALL {
        check.check(Topic::IdentityCommand, &command(kind, Some("webshop")));
        check.check(Topic::IdentityCommand, &command(kind, None));
    }
    for namespace in [Some(Namespace::new("email")), None] {
        let erased = namespace.is_none();
        let assignment = Assignment { node: node(1), namespace, person_id: person(1), erased };
        check.check(Topic::IdentityAssignment, &assignment);
    }
    for kind in ChangeKind::ALL {
        check.check(Topic::IdentityChange, &change(kind, ChangeRule::Evidence, 3));
        check.check(Topic::IdentityChange, &change(kind, ChangeRule::Evidence, 0));
    }
    for rule in ChangeRule::ALL {
        check.check(Topic::IdentityChange, &change(ChangeKind::Moved, rule, 2));
    }
    for record in [full_profile(), bare_profile()] {
        check.check(Topic::UnifiedProfile, &record);
    }
    for kind in PrivacyKind::ALL {
        for signature in [Some("00".repeat(64)), None] {
            check.check(Topic::PrivacyRequest, &privacy_request(kind, signature));
        }
        for status in ReceiptStatus::ALL {
            check.check(Topic::PrivacyReceipt, &privacy_receipt(kind, status));
        }
    }
    for cause in [
        ConsentCause::Decision,
        ConsentCause::Split,
        ConsentCause::Merge,
        ConsentCause::Expiry,
        ConsentCause::Erasure,
        ConsentCause::Policy,
    ] {
        check.check(Topic::ConsentChange, &consent_change(cause, Some(time(5))));
        check.check(Topic::ConsentChange, &consent_change(cause, None));
    }
}

pub(crate) fn privacy_request(kind: PrivacyKind, signature: Option<String>) -> PrivacyRequest {
    PrivacyRequest {
        request_id: "request-1".to_owned(),
        kind,
        scope: if signature.is_some() { PrivacyScope::Person } else { PrivacyScope::Identifier },
        identifiers: vec![Identifier::new("email", "ann@example.org").into()],
        time: time(1),
        verifier: signature.as_ref().map(|_| "desk".to_owned()),
        signature,
    }
}

pub(crate) fn privacy_receipt(kind: PrivacyKind, status: ReceiptStatus) -> PrivacyReceipt {
    let is_done = status == ReceiptStatus::Done;
    PrivacyReceipt {
        request_id: "request-1".to_owned(),
        kind,
        scope: PrivacyScope::Person,
        status,
        reasons: if is_done { Vec::new() } else { vec!["why".to_owned()] },
        person_ids: vec![person(1)],
        identifiers: 3,
        sightings: 4,
        touchpoints: 5,
        stages: vec![StageConfirmation { time: time(7), stage: "people".to_owned() }],
        requested: time(1),
        received: time(2),
        completed: is_done.then(|| time(8)),
        last_copy_gone: is_done.then(|| time(9)),
    }
}

pub(crate) fn full_touchpoint() -> Touchpoint {
    Touchpoint {
        touchpoint_id: "web-000017".to_owned(),
        channel: Some("web".to_owned()),
        r#type: Some("order".to_owned()),
        attributes: [("given_name", "Ann"), ("city", "Zürich")].map(|(k, v)| (k.into(), v.into())).into(),
        consents: [Decision::Granted, Decision::Denied, Decision::Withdrawn, Decision::Requested]
            .map(consent)
            .into(),
        consent_signals: Some(ConsentSignals {
            tcf: Some("CP".to_owned()),
            gpp: Some("DBAB".to_owned()),
            gpc: Some(true),
            us_privacy: Some("1YNN".to_owned()),
            consent_mode: [("ad_storage", "denied"), ("analytics_storage", "granted")]
                .map(|(name, state)| (name.into(), state.into()))
                .into(),
            segment: Some(SegmentConsent {
                category_preferences: [("Advertising".to_owned(), false), ("Analytics".to_owned(), true)]
                    .into(),
            }),
            email: Some("opt_in_requested".to_owned()),
        }),
        order: Some(Order {
            order_id: "O-99".to_owned(),
            value: "-129.90".parse().expect("an amount"),
            currency: "EUR".parse().expect("a currency"),
            items: 2,
            status: OrderStatus::Returned,
            refunded: "0.05".parse().expect("an amount"),
        }),
        engagement: Some(Engagement {
            campaign: Some("spring".to_owned()),
            action: Some("click".to_owned()),
            sentiment: Some(0.4),
        }),
        flags: FlagKind::ALL.map(|kind| Flag { kind, member: "attributes.city".to_owned() }).into(),
        verified: vec!["city".to_owned(), "email".to_owned()],
        ..bare_touchpoint()
    }
}

pub(crate) fn bare_touchpoint() -> Touchpoint {
    let identifier = |(seed, namespace, value): (u8, &str, &str)| TouchpointIdentifier {
        node: node(seed),
        namespace: Namespace::new(namespace),
        value: value.to_owned(),
    };
    Touchpoint {
        touchpoint_id: String::new(),
        time: Timestamp::MIN,
        source: "webshop".to_owned(),
        channel: None,
        r#type: None,
        sighting: NodeId::new([9; 16], NodeKind::Sighting),
        identifiers: [(1, "customer_id", "C-4711"), (2, "email", "ann@example.org")].map(identifier).into(),
        attributes: [].into(),
        consents: Vec::new(),
        consent_signals: None,
        order: None,
        engagement: None,
        flags: Vec::new(),
        verified: Vec::new(),
    }
}

fn consent(decision: Decision) -> Consent {
    let told = decision == Decision::Granted;
    Consent {
        purpose: "marketing".to_owned(),
        decision,
        basis: Some("consent".to_owned()),
        jurisdiction: Some("gdpr".to_owned()),
        time: time(3),
        wording: told.then(|| "newsletter-v3".to_owned()),
        channel: told.then(|| "email".to_owned()),
        expires: told.then(|| time(9)),
        signal: told.then(|| "tcf".to_owned()),
        confirmed: told,
    }
}

fn dead_letter(kind: RefusalKind, bytes: Option<Vec<u8>>) -> DeadLetter {
    DeadLetter {
        stage: "capture".to_owned(),
        topic: "raw.webshop".to_owned(),
        partition: i32::MAX,
        offset: i64::MAX,
        schema: "touchpoint/1".to_owned(),
        time: Timestamp::MAX,
        kind: kind.to_string(),
        member: "identifiers[2].value".to_owned(),
        sentence: "identifiers[2].value is empty".to_owned(),
        key: bytes.clone(),
        payload: bytes,
    }
}

fn command(kind: CommandKind, source: Option<&str>) -> Command {
    let identifier = |seed| CommandIdentifier { node: node(seed), namespace: Namespace::new("email") };
    Command {
        command_id: "C-17".to_owned(),
        kind,
        author: "stewards".to_owned(),
        reason: String::new(),
        time: time(4),
        withdrawn: source.is_some(),
        identifiers: source.map_or_else(Vec::new, |_| vec![identifier(1), identifier(2)]),
        source: source.map(str::to_owned),
        touchpoint_id: source.map(|_| "web-000017".to_owned()),
    }
}

fn change(kind: ChangeKind, rule: ChangeRule, people: u8) -> IdentityChange {
    let a_move = |seed: u8| Move {
        node: node(seed),
        namespace: (seed > 0).then(|| Namespace::new("email")),
        before: (seed > 0).then(|| person(seed)),
        after: (seed < 2).then(|| person(seed)),
    };
    IdentityChange {
        kind,
        person_ids_before: (0..people).map(person).collect(),
        person_ids_after: (0..people).map(person).collect(),
        moved: (0..people).map(node).collect(),
        cause: node(7),
        time: time(-1),
        rule,
        rules_version: if people > 0 { "0123456789abcdef".to_owned() } else { String::new() },
        command_id: (people > 0).then(|| "C-17".to_owned()),
        moves: (0..people).map(a_move).collect(),
    }
}

pub(crate) fn full_profile() -> UnifiedProfile {
    let identifier = |value: &str| ProfileIdentifier {
        namespace: Namespace::new("a namespace longer than what is kept inline"),
        value: value.to_owned(),
        first_seen: time(1),
        last_seen: time(2),
        undeliverable: value.ends_with("com").then(|| time(2)),
        verified: value.ends_with("org").then(|| time(1)),
        verify_again: value.ends_with("org").then(|| time(8)),
        stale: value.ends_with("com").then(|| time(9)),
    };
    let attribute = |reason: Reason| {
        let stated =
            |stale| StatedValue { value: "Anne".to_owned(), source: "crm".to_owned(), time: time(-1), stale };
        let attribute = Attribute {
            reason,
            verified: Some(time(-3)),
            stale: Some(time(7)),
            verify_again: Some(time(6)),
            values: vec![stated(None), stated(Some(time(5)))],
            ..Attribute::once("Ann", "till", time(1))
        };
        (reason.as_str().to_owned(), attribute)
    };
    let states = [ConsentState::Unknown, ConsentState::Granted, ConsentState::Denied, ConsentState::Expired];
    UnifiedProfile {
        identifiers: ["ann@example.org", "ann@example.com"].map(identifier).into(),
        attributes: Reason::ALL.map(attribute).into(),
        metrics: Metrics {
            channels: [("web".to_owned(), 3), ("till".to_owned(), i64::MAX)].into(),
            channel_seen: [("web".to_owned(), ChannelSeen { first_seen: time(1), last_seen: time(2) })]
                .into(),
            types: [("order".to_owned(), 2)].into(),
            revenue: [("EUR".to_owned(), "129.90".parse().expect("an amount"))].into(),
            returns: 1,
            cancellations: 2,
            average_order_value: [("EUR".to_owned(), "64.95".parse().expect("an amount"))].into(),
            days_between_orders: Some(1.5),
            first_order: Some(time(1)),
            last_order: Some(time(2)),
            opens: 3,
            clicks: 2,
            replies: 1,
            sentiment: Some(-0.25),
            sessions: 2,
            preferred_channel: Some("web".to_owned()),
            preferred_hour: Some(23),
            ..bare_profile().metrics
        },
        timeline: vec![
            TimelineEntry {
                time: time(2),
                touchpoint_id: "web-000017".to_owned(),
                source: "webshop".to_owned(),
                channel: Some("web".to_owned()),
                r#type: Some("order".to_owned()),
                action: Some("click".to_owned()),
                order_id: Some("O-99".to_owned()),
            },
            TimelineEntry {
                time: time(1),
                touchpoint_id: String::new(),
                source: "till".to_owned(),
                channel: None,
                r#type: None,
                action: None,
                order_id: None,
            },
        ],
        consents: states.map(effective_consent).into(),
        segments: vec!["garden".to_owned()],
        aliases: vec![person(2), person(3)],
        restricted: Some(time(3)),
        standard: standard(),
        interests: vec![Interest {
            name: "newsletter_topic".to_owned(),
            value: "garden".to_owned(),
            touchpoints: 17,
            first_seen: time(1),
            last_seen: time(2),
        }],
        value: Some(ProfileValue {
            recency_days: 59,
            frequency: 3,
            monetary: "24.67".parse().expect("an amount"),
            currency: "EUR".parse().expect("a currency"),
            recency_score: 4,
            frequency_score: 5,
            monetary_score: 1,
            expected_purchases: 1.2261,
            alive: 0.7266,
            lifetime_value: "28.90".parse().expect("an amount"),
            horizon_days: 365,
            model: "0123456789abcdef".to_owned(),
            as_of: "2026-03-02".to_owned(),
        }),
        lifecycle: Some(ProfileLifecycle {
            stage: "repeat".to_owned(),
            since: time(2),
            changes: [("repeat", 2), ("customer", 1)]
                .map(|(stage, at)| StageChange { stage: stage.to_owned(), time: time(at) })
                .into(),
        }),
        changed: ["attributes.city", "metrics.orders"].map(str::to_owned).into(),
        truncated: vec!["timeline".to_owned()],
        ..bare_profile()
    }
}

fn bare_profile() -> UnifiedProfile {
    UnifiedProfile {
        person_id: person(1),
        version: 1,
        identifiers: Vec::new(),
        attributes: [].into(),
        metrics: Metrics { touchpoints: 1, first_seen: time(1), last_seen: time(1), ..Metrics::default() },
        timeline: Vec::new(),
        consents: Vec::new(),
        segments: Vec::new(),
        aliases: Vec::new(),
        restricted: None,
        standard: Standard::default(),
        interests: Vec::new(),
        value: None,
        lifecycle: None,
        changed: Vec::new(),
        truncated: Vec::new(),
    }
}

fn standard() -> Standard {
    let text = |text: &str| Some(text.to_owned());
    let (verified, first_seen, last_seen) = (Some(time(1)), time(1), time(2));
    let email = |undeliverable| Email {
        address: "ann@example.org".to_owned(),
        verified,
        verify_again: undeliverable,
        stale: undeliverable,
        undeliverable,
        first_seen,
        last_seen,
    };
    Standard {
        given_name: text("Ann"),
        family_name: text("Lee"),
        birth_date: Some("1964-02-29".parse().expect("a day")),
        language: text("de"),
        country: text("DE"),
        addresses: vec![
            Address {
                street: text("Lange Str. 5"),
                postal_code: text("01067"),
                city: text("Dresden"),
                country: text("DE"),
                region: text("SN"),
                verified,
                verify_again: Some(time(3)),
                stale: Some(time(4)),
            },
            Address::default(),
        ],
        emails: vec![email(None), email(Some(time(2)))],
        phones: vec![Phone {
            number: "+493511234567".to_owned(),
            verified: None,
            verify_again: None,
            stale: Some(time(3)),
            undeliverable: Some(time(2)),
            first_seen,
            last_seen,
        }],
        socials: vec![Social {
            network: "mastodon".to_owned(),
            handle: "ann@example.org".to_owned(),
            verified,
            verify_again: Some(time(3)),
            stale: None,
            undeliverable: Some(time(2)),
            first_seen,
            last_seen,
        }],
    }
}

fn effective_consent(state: ConsentState) -> EffectiveConsent {
    let told = state == ConsentState::Expired;
    EffectiveConsent {
        purpose: "marketing".to_owned(),
        state,
        since: time(1),
        jurisdiction: Some("gdpr".to_owned()),
        basis: None,
        source: "webshop".to_owned(),
        channel: told.then(|| "email".to_owned()),
        expires: told.then(|| time(9)),
        signal: told.then(|| "tcf".to_owned()),
        wording: told.then(|| "newsletter-v3".to_owned()),
        confirmed: told,
    }
}

pub(crate) fn consent_change(cause: ConsentCause, since: Option<Timestamp>) -> ConsentChange {
    ConsentChange {
        person_id: person(1),
        purpose: "marketing".to_owned(),
        before: ConsentState::Unknown,
        after: ConsentState::Granted,
        since,
        jurisdiction: since.map(|_| "gdpr".to_owned()),
        cause,
        channel: since.map(|_| "email".to_owned()),
        effective: since,
        evidence: since.map(|_| evidence(cause)),
    }
}

/// A decision of which nothing is told but its source, where people merged.
fn evidence(cause: ConsentCause) -> ConsentEvidence {
    let told = cause != ConsentCause::Merge;
    ConsentEvidence {
        source: "webshop".to_owned(),
        basis: told.then(|| "consent".to_owned()),
        signal: told.then(|| "tcf".to_owned()),
        wording: told.then(|| "newsletter-v3".to_owned()),
        expires: told.then(|| time(9)),
        confirmed: told,
    }
}

fn node(seed: u8) -> NodeId {
    NodeId::new([seed; 16], NodeKind::Identifier)
}

fn person(seed: u8) -> PersonId {
    PersonId::new([seed; 16])
}

pub(crate) fn time(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("in range")
}
