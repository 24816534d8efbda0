//! Requests that are sent again, on a real Apache Kafka with the three consumers: whoever repeats one while it is on its way, or when it is
//! done, is told what became of it, and never that nothing was changed. And what is held on somebody is handed out on a signature alone.

use std::path::Path;

use kinfold_cli::run::now;
use kinfold_kafka::client::read_table;
use kinfold_model::privacy::ReceiptStatus;
use kinfold_model::{Assignment, NodeId, PersonId, PrivacyReceipt, Timestamp};
use kinfold_privacy::verify::{ExportOrder, export_text, from_hex, sign_text};
use kinfold_wire::{SchemaIds, Topic, decode};
use serde_json::{Value, json};

use crate::deployed::until;
use crate::erasure_scene::{CUSTOMER, EMAIL, PATIENCE, PHONE, Scene, touchpoint};
use crate::steward::said;

/// `kinfold privacy --json` by the desk: the exit code and the receipts.
fn asks(scene: &Scene, what: &[&str], key: &str, wait: &str) -> (Option<i32>, Value) {
    let signed = ["--verifier", "desk", "--key", key, "--json", "--wait", wait];
    let answer = scene.deployment.kinfold(&[&["privacy"], what, &signed].concat());
    (answer.status.code(), serde_json::from_slice(&answer.stdout).unwrap_or_default())
}

/// All that was ever told of a request.
fn receipts(scene: &Scene, request_id: &str) -> Vec<PrivacyReceipt> {
    let records = scene.deployment.read(Topic::PrivacyReceipt.as_str());
    let records = records.into_iter().filter(|record| record.key.as_deref() == Some(request_id.as_bytes()));
    let read = |value: Vec<u8>| decode(Topic::PrivacyReceipt, &SchemaIds::default(), &value);
    records.filter_map(|record| record.value).map(|value| read(value).expect("we wrote it")).collect()
}

/// Ann, with an address and a customer number, together and each by itself.
fn ann(scene: &Scene) {
    let both = [("customer_id", CUSTOMER), ("email", EMAIL)];
    let said = [("a-1", &both[..]), ("a-2", &both[..1]), ("a-3", &both[1..])];
    scene.sends(said.map(|(id, identifiers)| touchpoint(id, 1, identifiers, &json!({}))).into());
    until("her to be published", PATIENCE, || {
        scene.whose(EMAIL).is_some_and(|profile| profile.metrics.touchpoints == 3)
    });
    scene.goes_on();
}

#[test]
fn a_request_that_is_sent_again_while_it_is_on_its_way_is_the_same_request() {
    let scene = Scene::new();
    let consumers = scene.consumers();
    ann(&scene);
    consumers.stop();
    let email = format!("email:{EMAIL}");
    let other = scene.folder.path().join("other.key").display().to_string();
    scene.deployment.said(&["privacy", "keygen", &other]);
    let erase = ["erase", email.as_str(), "--request-id", "r-1"];
    assert_eq!(asks(&scene, &erase, &other, "0").0, Some(0), "it is sent, and will be refused");
    for _ in 0..2 {
        let (code, told) = asks(&scene, &erase, &scene.key, "1");
        assert_eq!((code, &told[0]["status"]), (Some(1), &Value::Null), "it goes on: {told}");
    }
    let consumers = scene.consumers();
    let (code, told) = asks(&scene, &erase, &scene.key, "180");
    assert_eq!((code, &told[0]["status"]), (Some(0), &json!("done")), "{told}");
    assert_eq!(scene.whose(EMAIL), None);
    let of_it = receipts(&scene, "r-1");
    let refused = of_it.iter().filter(|receipt| receipt.status == ReceiptStatus::Refused).count();
    assert_eq!(refused, 1, "only what was signed with another key is refused");
    let (code, told) =
        asks(&scene, &["erase", "email:unseen@example.org", "--request-id", "r-1"], &scene.key, "180");
    assert_eq!((code, &told[0]["status"]), (Some(2), &json!("refused")), "another request: {told}");
    consumers.stop();
}

#[test]
fn who_was_erased_with_former_people_is_so_when_it_is_asked_again() {
    let scene = Scene::new();
    let consumers = scene.consumers();
    ann(&scene);
    let (email, customer) = (format!("email:{EMAIL}"), format!("customer_id:{CUSTOMER}"));
    let unlink =
        ["steward", "unlink", customer.as_str(), email.as_str(), "--author", "a", "--reason", "a test"];
    scene.deployment.said(&unlink);
    until("them to be parted", PATIENCE, || {
        let table = read_table(scene.settings(), Topic::IdentityAssignment.as_str()).expect("is read");
        let person = |node: &NodeId| -> Option<PersonId> {
            let value = table.get(node.to_string().as_bytes())?;
            let read = decode(Topic::IdentityAssignment, &SchemaIds::default(), value);
            let assignment: Assignment = read.expect("we wrote it");
            Some(assignment.person_id)
        };
        let people = (person(&scene.nodes[0]), person(&scene.nodes[1]));
        matches!(people, (Some(customer), Some(email)) if customer != email)
    });
    scene.goes_on();
    let erase = ["erase", email.as_str(), "--include-former", "--request-id", "r-1"];
    let (code, first) = asks(&scene, &erase, &scene.key, "180");
    assert_eq!((code, &first[0]["status"]), (Some(0), &json!("done")), "{first}");
    assert_eq!(first[0]["person_ids"].as_array().map(Vec::len), Some(2), "{first}");
    assert_eq!((scene.whose(EMAIL), scene.whose(CUSTOMER)), (None, None));
    assert_eq!(asks(&scene, &erase, &scene.key, "180"), (Some(0), first), "the same has the same receipt");
    let (code, _) = asks(
        &scene,
        &["erase", "email:unseen@example.org", "--include-former", "--request-id", "r-1"],
        &scene.key,
        "180",
    );
    assert_eq!(code, Some(2), "the id is that of another request");
    consumers.stop();
}

/// `kinfold privacy export` with a signature that was made elsewhere: the exit code and what was complained of.
fn exports(
    scene: &Scene,
    of: &str,
    (time, signature): (Timestamp, &str),
    out: &Path,
) -> (Option<i32>, String) {
    let (time, out) = (time.millis().to_string(), out.display().to_string());
    let what = ["privacy", "export", of, "--out", &out, "--request-id", "x-1", "--time", &time];
    let answer =
        scene.deployment.kinfold(&[&what[..], &["--verifier", "desk", "--signature", signature]].concat());
    (answer.status.code(), said(&answer.stderr))
}

#[test]
fn what_is_held_on_somebody_is_handed_out_on_a_signature_and_says_who_gets_it() {
    let scene = Scene::new();
    let consumers = scene.consumers();
    ann(&scene);
    let secret = std::fs::read_to_string(&scene.key).expect("it was written");
    let secret = from_hex(secret.trim()).expect("is a key");
    let email = format!("email:{EMAIL}");
    let order = ExportOrder { request_id: "x-1", time: now(), verifier: Some("desk"), identifier: &email };
    let signature = sign_text(&export_text(&order), &secret);
    let out = scene.folder.path().join("ann");
    let phone = format!("phone:{PHONE}");
    for (of, time) in [(phone.as_str(), order.time), (email.as_str(), order.time.plus_millis(1))] {
        let (code, told) = exports(&scene, of, (time, &signature), &out);
        assert!(code == Some(2) && told.contains("does not fit") && told.contains("--time"), "{told}");
    }
    assert!(!out.exists(), "nothing was handed out");
    let document = || -> Value {
        let (code, told) = exports(&scene, &email, (order.time, &signature), &out);
        assert_eq!(code, Some(0), "{told}");
        let page = std::fs::read_to_string(out.join("export.html")).expect("it was written");
        assert!(page.contains("recipients") && page.contains("legitimate_interests"));
        let text = std::fs::read_to_string(out.join("export.json")).expect("it was written");
        serde_json::from_str(&text).expect("JSON")
    };
    let told = document();
    assert_eq!((&told["order"]["request_id"], &told["order"]["verifier"]), (&json!("x-1"), &json!("desk")));
    assert_eq!(told["purposes"][0]["purpose"], "marketing");
    assert_eq!(told["purposes"][0]["basis"], "legitimate_interests");
    let forms = json!({ "email": "clear", "phone": "sha256" });
    assert_eq!(
        (&told["recipients"][0]["output"], &told["recipients"][0]["identifiers"]),
        (&json!("ads"), &forms)
    );
    let (code, _) = asks(&scene, &["restrict", &email], &scene.key, "180");
    assert_eq!(code, Some(0));
    assert_eq!(document()["recipients"], json!([]), "who is restricted is on no output");
    consumers.stop();
}
