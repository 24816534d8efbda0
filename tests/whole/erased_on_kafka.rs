//! Somebody is erased, on a real Apache Kafka with the three consumers: she is in no table, on no disk and in no log any more, and does
//! not come back with what is replayed, comes late, or is restored. Somebody else stays as she was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kinfold_cli::run::now;
use kinfold_kafka::Settings;
use kinfold_kafka::client::{produce_keyed, read_table};
use kinfold_model::consent::ConsentCause;
use kinfold_model::privacy::{PrivacyKind, PrivacyScope};
use kinfold_model::{ConsentChange, ConsentState, DeadLetter, Identifier, PrivacyRequest, UnifiedProfile};
use kinfold_pipeline::StageName;
use kinfold_wire::{Framing, SchemaIds, Topic, decode, encode, output_topic};
use serde_json::{Value, json};

use crate::deployed::until;
use crate::erasure_scene::{
    ANN, BEA_EMAIL, COOKIE, CUSTOMER, EMAIL, GIVEN, LATE, ORDER, PATIENCE, PHONE, SHARED, STAGES, Scene,
    compacted, kept, touchpoint,
};

#[test]
fn somebody_who_was_erased_is_nowhere_and_does_not_come_back() {
    let scene = Scene::new();
    let consumers = scene.consumers();
    scene.sends(sample());
    until("both to be published", PATIENCE, || {
        let has = |value: &str, count: usize| {
            scene.whose(value).is_some_and(|profile| profile.identifiers.len() >= count)
        };
        has(EMAIL, 5) && has(BEA_EMAIL, 2)
    });
    scene.goes_on();
    let (ann, bea) = (scene.whose(EMAIL).expect("is there"), scene.whose(BEA_EMAIL).expect("is there"));
    let person = ann.person_id.to_string();
    assert!(ann.person_id != bea.person_id, "they are two people");
    let shared = read_table(scene.settings(), &output_topic("ads")).expect("is read");
    assert!(shared.contains_key(person.as_bytes()), "she is on the output");
    assert_eq!(scene.open_letters(), 1);
    consumers.stop();
    let backup = scene.folder.path().join("backup");
    for stage in STAGES {
        copy(&scene.state().join(stage.as_str()), &backup.join(stage.as_str()));
    }
    everything_is_found_where_it_is(&scene, &backup);

    let consumers = scene.consumers();
    what_is_refused_changes_nothing(&scene);
    scene.goes_on();
    assert!(scene.whose(EMAIL).as_ref() == Some(&ann), "Ann changed with requests that were refused");
    assert!(scene.whose(BEA_EMAIL).as_ref() == Some(&bea), "Bea changed with requests that were refused");

    let (code, receipt) = scene.erases(&format!("email:{EMAIL}"), "r-6", "desk", &scene.key);
    assert_eq!((code, receipt["status"].as_str()), (Some(0), Some("done")), "{receipt}");
    assert_eq!(receipt["person_ids"], json!([person]));
    assert_eq!(receipt["identifiers"], 5, "{receipt}");
    assert!(receipt["completed"].is_string() && receipt["last_copy_gone"].is_string(), "{receipt}");
    let stages = receipt["stages"].as_array().expect("an array").iter();
    let stages: BTreeSet<&str> = stages.filter_map(|one| one["stage"].as_str()).collect();
    assert_eq!(stages, BTreeSet::from(["facets", "people", "stitch"]));
    let again = scene.erases(&format!("email:{EMAIL}"), "r-6", "desk", &scene.key);
    assert_eq!(again, (Some(0), receipt), "the same request has the same receipt");
    assert_eq!(scene.open_letters(), 0, "her letter was swept");
    scene.goes_on();
    it_was_told(&scene, &ann);
    scene.ann_is_nowhere(&bea, "after the erasure");

    comes_again(&scene);
    scene.goes_on();
    scene.goes_on();
    scene.ann_is_nowhere(&bea, "after she was seen again");
    assert_eq!(scene.open_letters(), 1, "her record was refused again");
    scene.deployment.said(&["privacy", "sweep"]);
    assert_eq!(scene.open_letters(), 0);
    scene.ann_is_on_no_disk(consumers, "after she was seen again");

    for stage in STAGES {
        let folder = scene.state().join(stage.as_str());
        std::fs::remove_dir_all(&folder).expect("is removed");
        copy(&backup.join(stage.as_str()), &folder);
    }
    let consumers = scene.consumers();
    scene.goes_on();
    scene.goes_on();
    scene.ann_is_nowhere(&bea, "after an old copy was restored");
    scene.ann_is_on_no_disk(consumers, "after an old copy was restored");

    std::fs::remove_dir_all(scene.state()).expect("is removed");
    let consumers = scene.consumers();
    scene.goes_on();
    scene.goes_on();
    scene.ann_is_nowhere(&bea, "after the state was lost");
    until("the logs to be compacted", PATIENCE, || {
        // Only what is not the newest segment is compacted.
        scene.goes_on();
        scene.in_segments(&compacted()).is_empty()
    });
    assert_eq!(scene.in_segments(&kept()), BTreeMap::new(), "what is kept for ever has something of her");
    scene.ann_is_on_no_disk(consumers, "after the state was lost");
}

/// Requests that nobody may carry out, or that nobody can read.
fn what_is_refused_changes_nothing(scene: &Scene) {
    let hers = format!("email:{EMAIL}");
    let unsigned = PrivacyRequest {
        request_id: "r-1".to_owned(),
        kind: PrivacyKind::Erase,
        scope: PrivacyScope::Person,
        identifiers: vec![Identifier::new("email", EMAIL).into()],
        time: now(),
        verifier: None,
        signature: None,
    };
    let value = encode(Topic::PrivacyRequest, Framing::SingleObject, &unsigned).expect("encodes");
    let requests = Topic::PrivacyRequest.as_str();
    produce_keyed(scene.settings(), requests, "r-1", value).expect("it arrives");
    produce_keyed(scene.settings(), requests, "r-5", b"no request".to_vec()).expect("it arrives");
    let other = scene.folder.path().join("other.key").display().to_string();
    scene.deployment.said(&["privacy", "keygen", &other]);
    for (identifier, request_id, verifier, key) in [
        (hers.as_str(), "r-2", "desk", &other),
        (hers.as_str(), "r-3", "door", &scene.key),
        ("email:unseen-person@example.org", "r-4", "desk", &scene.key),
    ] {
        let (code, receipt) = scene.erases(identifier, request_id, verifier, key);
        assert_eq!(code, Some(2), "{request_id}: {receipt}");
        assert_eq!(receipt["request_id"], request_id);
        is_refused(&receipt);
    }
    until("the receipt of what nobody signed", PATIENCE, || {
        let answer = scene.deployment.kinfold(&["privacy", "status", "r-1", "--json"]);
        let receipt: Option<Value> = serde_json::from_slice(&answer.stdout).ok();
        receipt.inspect(is_refused).is_some()
    });
    until("the dead letter of what is no request", PATIENCE, || {
        let letters = scene.deployment.read(Topic::TouchpointRefused.as_str());
        let read = |value: Vec<u8>| -> DeadLetter {
            decode(Topic::TouchpointRefused, &SchemaIds::default(), &value).expect("we wrote it")
        };
        let mut letters = letters.into_iter().filter_map(|record| record.value).map(read);
        letters.any(|letter| letter.topic.ends_with(requests))
    });
}

fn is_refused(receipt: &Value) {
    assert_eq!(receipt["status"], "refused", "{receipt}");
    let reasons = receipt["reasons"].as_array().expect("an array");
    assert!(!reasons.is_empty() && !receipt.to_string().contains(EMAIL), "{}", receipt["request_id"]);
}

/// Whoever follows the topics is told that she is gone, and why.
fn it_was_told(scene: &Scene, ann: &UnifiedProfile) {
    let changes = scene.deployment.read(Topic::ConsentChange.as_str());
    let read = |value: Vec<u8>| -> ConsentChange {
        decode(Topic::ConsentChange, &SchemaIds::default(), &value).expect("we wrote it")
    };
    let hers: Vec<(ConsentState, ConsentState, ConsentCause)> = changes
        .into_iter()
        .filter_map(|record| record.value)
        .map(read)
        .filter(|change| change.person_id == ann.person_id)
        .map(|change| (change.before, change.after, change.cause))
        .collect();
    let end = (ConsentState::Granted, ConsentState::Unknown, ConsentCause::Erasure);
    assert_eq!(hers.last(), Some(&end), "{hers:?}");
    let nodes =
        scene.nodes.iter().map(|node| (Topic::IdentityAssignment.as_str().to_owned(), node.to_string()));
    let person = ann.person_id.to_string();
    let people = [Topic::UnifiedProfile.as_str().to_owned(), output_topic("ads")];
    for (topic, key) in nodes.chain(people.map(|topic| (topic, person.clone()))) {
        let records = scene.deployment.read(&topic);
        let last = records.iter().rfind(|record| record.key.as_deref() == Some(key.as_bytes()));
        assert!(last.is_some_and(|record| record.value.is_none()), "{topic} has no tombstone for {key}");
    }
}

/// All records once more, late ones, and what would make her one with somebody else.
fn comes_again(scene: &Scene) {
    let raw = scene.deployment.read("raw.web").into_iter().filter_map(|record| record.value);
    scene.sends(raw.collect());
    let none = json!({});
    scene.sends(vec![
        touchpoint("l-1", 1, &[("cookie", COOKIE)], &json!({ "attributes": { "given_name": GIVEN } })),
        touchpoint("l-2", 6, &[("email", EMAIL), ("cookie", LATE)], &none),
        touchpoint("l-3", 6, &[("email", EMAIL), ("email", "a-friend@example.org")], &none),
    ]);
    let (hers, beas) = (format!("email:{EMAIL}"), format!("email:{BEA_EMAIL}"));
    let says =
        ["steward", "link", hers.as_str(), beas.as_str(), "--author", "a steward", "--reason", "a test"];
    assert!(scene.deployment.kinfold(&says).status.success(), "the steward's command is not taken");
}

/// As long as she is there, a search finds her: else it would show nothing later.
fn everything_is_found_where_it_is(scene: &Scene, backup: &Path) {
    let found = scene.ann.below(&backup.join(StageName::People.as_str()), &|_| true);
    let missing: Vec<&str> = ANN.iter().map(|(name, _)| *name).filter(|name| !found.contains(name)).collect();
    assert_eq!(missing, ["cookie of a late touchpoint"], "not found in the old stores");
    let segments = scene.in_segments(&compacted());
    let has = |topic: &str, name: &str| segments.get(topic).is_some_and(|found| found.contains(name));
    assert!(has(Topic::UnifiedProfile.as_str(), "given name"), "{segments:?}");
    assert!(has(&output_topic("ads"), "mailbox"), "{segments:?}");
    assert!(has(&output_topic("ads"), "SHA-256 of telephone"), "{segments:?}");
    assert!(has(&Settings::changelog(StageName::People), "order"), "{segments:?}");
}

/// Ann by all that she has, Bea by less, and a record of Ann's that capture refuses. The family's telephone was last seen with Ann.
fn sample() -> Vec<Vec<u8>> {
    let email = ("email", EMAIL);
    let order = json!({ "order_id": ORDER, "value": "129.90", "currency": "EUR", "items": 2 });
    let consents = json!([{ "purpose": "marketing", "decision": "granted" }]);
    let (bea, bea_email) = (("customer_id", "K-BEA-2"), ("email", BEA_EMAIL));
    let none = json!({});
    vec![
        touchpoint(
            "a-1",
            1,
            &[("customer_id", CUSTOMER), email, ("phone", PHONE)],
            &json!({ "attributes": { "given_name": GIVEN }, "order": order }),
        ),
        touchpoint("a-2", 2, &[email, ("cookie", COOKIE)], &json!({ "consents": consents })),
        touchpoint("a-3", 5, &[email, ("phone", SHARED)], &none),
        touchpoint("a-4", 2, &[email], &json!({ "shoe_size": 44 })),
        touchpoint("b-1", 1, &[bea, bea_email], &json!({ "attributes": { "given_name": "Ombraletta" } })),
        touchpoint("b-2", 3, &[bea_email, ("phone", SHARED)], &none),
    ]
}

/// Copies a folder that nobody is at work in.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("is made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("can be listed").path();
        let to = to.join(path.file_name().expect("has a name"));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).expect("is copied");
        }
    }
}
