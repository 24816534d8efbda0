//! A schema that was published stays readable, and every change of it is a new file.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use kinfold_model::consent::{ConsentCause, Decision};
use kinfold_model::privacy::{PrivacyKind, ReceiptStatus};
use kinfold_model::profile::{Attribute, Metrics};
use kinfold_model::touchpoint::{ConsentSignals, Order};
use kinfold_model::{
    Amount, ChangeKind, ChangeRule, CommandKind, ConsentChange, FlagKind, IdentityChange, OrderStatus,
    Reason, RefusalKind, Standard, UnifiedProfile,
};
use kinfold_wire::{Contract, Framing, SchemaIds, Topic, Version, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::independent::{parse, read_as, write};
use crate::samples::{self, Check};

#[test]
fn the_schema_of_a_topic_is_its_highest_published_version() {
    for contract in contracts() {
        let (topic, current) = (contract.topic(), contract.current());
        let json =
            fs::read_to_string(schemas().join(format!("{topic}.avsc"))).expect("a schema for the topic");
        assert!(
            json == current.json(),
            "schemas/{topic}.avsc is not its published version {0}: a published version never changes, so copy the \
             schema to schemas/published/{topic}/{1}.avsc and add that file in crates/wire/src/contract.rs",
            current.number(),
            current.number() + 1,
        );
    }
}

#[test]
fn a_published_version_never_changes() {
    // Computed by another program, from the text of the Avro specification.
    let published = [
        "touchpoint/1 2a69a31280e3f0bf",
        "touchpoint/2 c614d3cc666d74d4",
        "touchpoint/3 b12708995fa48987",
        "touchpoint/4 cf6e1707aaacd6cd",
        "touchpoint/5 79a98515b2079569",
        "touchpoint-refused/1 c90c5116520cdad8",
        "touchpoint-refused/2 fa1b07db3beffb26",
        "touchpoint-refused/3 7f68ad598c52a614",
        "touchpoint-refused/4 a798e2a088e5d437",
        "identity-command/1 dfd7d527605f6ce6",
        "identity-assignment/1 6aa2cde6b2cb9f74",
        "identity-assignment/2 369aa8813a03d287",
        "identity-change/1 8315ea5b3f3599b7",
        "identity-change/2 555057a2d0fe1b55",
        "identity-change/3 5e28bf979f572339",
        "unified-profile/1 e439ecf4165a1068",
        "unified-profile/2 83bb0ef4dd4c975c",
        "unified-profile/3 aa9bcb91fa15ea0c",
        "unified-profile/4 df4fef22ece89752",
        "unified-profile/5 e071abba85943641",
        "unified-profile/6 e725b47b30888e05",
        "consent-change/1 bf1712e48f14f1d1",
        "consent-change/2 aca75a7d71504859",
        "consent-change/3 53bae429ace5d49b",
        "consent-change/4 ae9f1e45b5c474e1",
        "privacy-request/1 1b091e6ccb36bcd6",
        "privacy-request/2 23c11e584a4c3497",
        "privacy-receipt/1 aade404079a6bb85",
        "privacy-receipt/2 860fdef2e20753b3",
    ];
    let now: Vec<_> = contracts()
        .flat_map(Contract::versions)
        .map(|version| {
            let fingerprint = u64::from_le_bytes(version.fingerprint());
            format!("{}/{} {fingerprint:016x}", version.topic(), version.number())
        })
        .collect();
    assert_eq!(now, published, "add a line for a new version, leave the others as they are");
}

#[test]
fn every_published_file_is_part_of_the_program() {
    for contract in contracts() {
        let folder = schemas().join("published").join(contract.topic().as_str());
        let files: BTreeSet<_> = fs::read_dir(&folder)
            .expect("a folder for the topic")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        let embedded: BTreeSet<_> =
            contract.versions().iter().map(|version| format!("{}.avsc", version.number())).collect();
        assert_eq!(files, embedded, "{}: list every file in crates/wire/src/contract.rs", folder.display());
    }
}

#[test]
fn old_and_new_readers_understand_old_and_new_records() {
    for contract in contracts() {
        let current = parse(contract.current().json());
        for version in contract.versions() {
            let older = parse(version.json());
            let read = if knows_erasures_alone(version) {
                let back = SchemaCompatibility::can_read(&current, &older);
                assert!(matches!(back, Ok(Compatibility::Partial)), "it takes all for an erasure");
                SchemaCompatibility::can_read(&older, &current)
            } else {
                SchemaCompatibility::mutual_read(&older, &current)
            };
            read.unwrap_or_else(|error| {
                panic!(
                    "{}/{} and the current version do not read each other: give new fields a default, and neither \
                     rename nor retype old ones ({error})",
                    contract.topic(),
                    version.number()
                )
            });
        }
    }
}

#[test]
fn exactly_the_public_topics_have_a_schema_file() {
    let files: BTreeSet<_> = fs::read_dir(schemas())
        .expect("the folder of schemas")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter_map(|name| name.strip_suffix(".avsc").map(str::to_owned))
        .collect();
    let topics: BTreeSet<_> = contracts().map(|contract| contract.topic().to_string()).collect();
    assert_eq!(files, topics);
}

#[test]
fn every_record_field_and_enum_says_what_it_means() {
    for contract in contracts() {
        let schema: Value = serde_json::from_str(contract.current().json()).expect("JSON");
        assert_eq!(schema["namespace"], "org.kinfold");
        assert_documented(&schema, contract.topic());
    }
}

#[test]
fn the_closed_sets_of_the_schemas_are_those_of_the_model() {
    let symbols = |topic: Topic, name: &str| {
        let schema: Value =
            serde_json::from_str(topic.schema().expect("public").current().json()).expect("JSON");
        let fields = schema["fields"].as_array().expect("fields").clone();
        fields.into_iter().find(|field| field["name"] == name).expect("a field")["type"]["symbols"].clone()
    };
    assert_eq!(symbols(Topic::TouchpointRefused, "kind"), json!(RefusalKind::ALL));
    assert_eq!(symbols(Topic::IdentityCommand, "kind"), json!(CommandKind::ALL));
    assert_eq!(symbols(Topic::IdentityChange, "kind"), json!(ChangeKind::ALL));
    assert_eq!(symbols(Topic::IdentityChange, "rule"), json!(ChangeRule::ALL));
    for topic in [Topic::PrivacyRequest, Topic::PrivacyReceipt] {
        let mut kinds = json!(PrivacyKind::ALL);
        kinds.as_array_mut().expect("a list").push("unknown".into());
        assert_eq!(symbols(topic, "kind"), kinds, "and what readers take a later one for");
    }
    let touchpoint: Value =
        serde_json::from_str(Topic::Touchpoint.schema().expect("public").current().json()).expect("JSON");
    let kinds = touchpoint.pointer("/fields/12/type/items/fields/0/type/symbols");
    assert_eq!(kinds, Some(&json!(FlagKind::ALL)));
    let profile: Value =
        serde_json::from_str(Topic::UnifiedProfile.schema().expect("public").current().json()).expect("JSON");
    let reasons = profile.pointer("/fields/3/type/values/fields/3/type/symbols");
    assert_eq!(reasons, Some(&json!(Reason::ALL)));
}

#[test]
fn a_record_of_an_older_version_is_read_as_what_it_said() {
    struct Older(usize);
    impl Check for Older {
        fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, topic: Topic, record: &T) {
            let contract = topic.schema().expect("public");
            let (current, number) = (parse(contract.current().json()), contract.current().number());
            let others = |version: &&Version| version.number() < number && !knows_erasures_alone(version);
            for version in contract.versions().iter().filter(others) {
                let older = parse(version.json());
                let seen = |record: &T| {
                    let bytes = encode(topic, Framing::SingleObject, record).expect("encodes");
                    read_as(&older, &current, &bytes[10..])
                };
                let read = by_way_of(version, record);
                assert_eq!(seen(&read), seen(record), "{topic}/{}", version.number());
                self.0 += 1;
            }
        }
    }
    let mut older = Older(0);
    samples::for_each(&mut older);
    assert!(older.0 > 0, "there are older versions");
}

#[test]
fn an_erasure_of_version_1_is_read_as_one() {
    let version = |topic: Topic| topic.schema().expect("public").version(1).expect("published");
    let request = samples::privacy_request(PrivacyKind::Erase, Some("00".repeat(64)));
    assert_eq!(by_way_of(version(Topic::PrivacyRequest), &request), request);
    let receipt = samples::privacy_receipt(PrivacyKind::Erase, ReceiptStatus::Done);
    assert_eq!(by_way_of(version(Topic::PrivacyReceipt), &receipt), receipt);
}

#[test]
fn what_version_1_of_a_change_of_people_did_not_say_has_its_default() {
    let first = Topic::IdentityChange.schema().expect("public").version(1).expect("published");
    let node = [&[64], "0123456789abcdef0123456789abcde0".as_bytes()].concat();
    let datum = [&[8, 0, 0, 0], &node[..], &[2]].concat(); // retired, three empty lists, the cause, the time
    let bytes = [&[0xc3, 0x01], &first.fingerprint()[..], &datum].concat();
    let read: IdentityChange =
        decode(Topic::IdentityChange, &SchemaIds::default(), &bytes).expect("version 1 is read");
    assert_eq!((read.kind, read.time.millis()), (ChangeKind::Retired, 1));
    assert_eq!((read.rule, read.rules_version.as_str()), (ChangeRule::Evidence, ""));
    assert_eq!((read.command_id, read.moves), (None, Vec::new()));
}

#[test]
fn what_older_versions_did_not_say_is_absent() {
    let version = |topic: Topic, number| topic.schema().expect("public").version(number).expect("published");

    let touchpoint = samples::full_touchpoint();
    let mut expected = touchpoint.clone();
    for consent in &mut expected.consents {
        consent.confirmed = false;
        // What an older version has no word for is a denial there: nothing is granted that nobody confirmed.
        if consent.decision == Decision::Requested {
            consent.decision = Decision::Denied;
        }
    }
    expected.verified = Vec::new();
    let order = touchpoint.order.clone();
    expected.order =
        order.map(|order| Order { status: OrderStatus::Placed, refunded: Amount::default(), ..order });
    assert_ne!(touchpoint, expected);
    assert_eq!(by_way_of(version(Topic::Touchpoint, 4), &touchpoint), expected);
    expected.consent_signals = touchpoint.consent_signals.clone().map(|signals| {
        let ConsentSignals { tcf, gpp, gpc, .. } = signals;
        ConsentSignals { tcf, gpp, gpc, ..ConsentSignals::default() }
    });
    assert_ne!(touchpoint, expected);
    assert_eq!(by_way_of(version(Topic::Touchpoint, 3), &touchpoint), expected);
    for consent in &mut expected.consents {
        (consent.channel, consent.expires, consent.signal) = (None, None, None);
    }
    assert_ne!(touchpoint, expected);
    assert_eq!(by_way_of(version(Topic::Touchpoint, 2), &touchpoint), expected);

    let profile = samples::full_profile();
    let mut expected = profile.clone();
    without_ages(&mut expected);
    assert_ne!(profile, expected);
    assert_eq!(by_way_of(version(Topic::UnifiedProfile, 5), &profile), expected);
    (expected.changed, expected.truncated) = (Vec::new(), Vec::new());
    assert_ne!(profile, expected);
    assert_eq!(by_way_of(version(Topic::UnifiedProfile, 4), &profile), expected);
    expected.consents.iter_mut().for_each(|consent| consent.confirmed = false);
    (expected.standard, expected.interests) = (Standard::default(), Vec::new());
    expected.restricted = None;
    for attribute in expected.attributes.values_mut() {
        *attribute = Attribute {
            reason: Reason::Newest,
            confirmed: None,
            ..Attribute::once(&attribute.value, &attribute.source, attribute.time)
        };
    }
    expected.identifiers.iter_mut().for_each(|one| one.verified = None);
    expected.timeline = Vec::new();
    (expected.value, expected.lifecycle) = (None, None);
    let Metrics { touchpoints, channels, orders, items, revenue, first_seen, last_seen, .. } =
        profile.metrics.clone();
    expected.metrics = Metrics {
        touchpoints,
        channels,
        orders,
        items,
        revenue,
        first_seen,
        last_seen,
        ..Metrics::default()
    };
    assert_ne!(profile, expected);
    assert_eq!(by_way_of(version(Topic::UnifiedProfile, 3), &profile), expected);
    for consent in &mut expected.consents {
        (consent.channel, consent.expires, consent.signal, consent.wording) = (None, None, None, None);
    }
    assert_ne!(profile, expected);
    assert_eq!(by_way_of(version(Topic::UnifiedProfile, 2), &profile), expected);

    let change = samples::consent_change(ConsentCause::Expiry, Some(samples::time(5)));
    let mut expected = change.clone();
    expected.evidence.iter_mut().for_each(|evidence| evidence.confirmed = false);
    assert_ne!(change, expected);
    assert_eq!(by_way_of(version(Topic::ConsentChange, 3), &change), expected);
    (expected.channel, expected.effective, expected.evidence) = (None, None, None);
    expected.cause = ConsentCause::Decision;
    assert_ne!(change, expected);
    assert_eq!(by_way_of(version(Topic::ConsentChange, 1), &change), expected);
}

#[test]
fn a_cause_that_a_version_does_not_know_is_a_decision() {
    let version = |number| Topic::ConsentChange.schema().expect("public").version(number).expect("published");
    for (number, cause) in [(2, ConsentCause::Erasure), (3, ConsentCause::Policy)] {
        let change = samples::consent_change(cause, Some(samples::time(5)));
        let mut expected = ConsentChange { cause: ConsentCause::Decision, ..change.clone() };
        expected.evidence.iter_mut().for_each(|evidence| evidence.confirmed = false);
        assert_eq!(by_way_of(version(number), &change), expected, "version {number}");
    }
}

/// Versions whose readers must refuse a request that they do not know rather than take it for another one.
fn knows_erasures_alone(version: &Version) -> bool {
    matches!(version.topic(), Topic::PrivacyRequest | Topic::PrivacyReceipt) && version.number() == 1
}

/// Takes out what version 6 of `unified-profile` tells of ages, and of what does not arrive.
fn without_ages(profile: &mut UnifiedProfile) {
    profile.identifiers.iter_mut().for_each(|one| (one.verify_again, one.stale) = (None, None));
    for attribute in profile.attributes.values_mut() {
        attribute.verify_again = None;
        attribute.values.iter_mut().for_each(|one| one.stale = None);
    }
    let Standard { addresses, emails, phones, socials, .. } = &mut profile.standard;
    for one in addresses {
        (one.verified, one.verify_again, one.stale) = (None, None, None);
    }
    emails.iter_mut().for_each(|one| (one.verify_again, one.stale) = (None, None));
    for one in phones {
        (one.verify_again, one.stale, one.undeliverable) = (None, None, None);
    }
    for one in socials {
        (one.verify_again, one.stale, one.undeliverable) = (None, None, None);
    }
}

/// What we read of a record that somebody wrote who had this older version, and so could not say all of it.
fn by_way_of<T: Serialize + DeserializeOwned>(version: &Version, record: &T) -> T {
    let topic = version.topic();
    let (older, current) = (parse(version.json()), parse(topic.schema().expect("public").current().json()));
    let bytes = encode(topic, Framing::SingleObject, record).expect("encodes");
    let said = read_as(&older, &current, &bytes[10..]);
    let written = [&[0xc3, 0x01], &version.fingerprint()[..], &write(&older, said)].concat();
    decode(topic, &SchemaIds::default(), &written).expect("an older record is read")
}

fn assert_documented(node: &Value, topic: Topic) {
    match node {
        Value::Array(nodes) => nodes.iter().for_each(|node| assert_documented(node, topic)),
        Value::Object(members) => {
            if let Some(name) = members.get("name") {
                assert!(members.contains_key("doc"), "schemas/{topic}.avsc: {name} has no doc");
            }
            members.values().for_each(|node| assert_documented(node, topic));
        }
        _ => {}
    }
}

fn contracts() -> impl Iterator<Item = &'static Contract> {
    Topic::ALL.into_iter().filter_map(Topic::schema)
}

fn schemas() -> PathBuf {
    PathBuf::from("../../schemas")
}
