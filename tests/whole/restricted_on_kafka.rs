//! Somebody is restricted, on a real Apache Kafka with the three consumers: they are taken away from the output when their profile says
//! so, what comes meanwhile is kept, and they are there again when it is lifted by another of their identifiers.

use kinfold_kafka::client::read_table;
use kinfold_wire::output_topic;
use serde_json::json;

use crate::deployed::until;
use crate::erasure_scene::{CUSTOMER, EMAIL, PATIENCE, Scene, touchpoint};

/// Whether the output has somebody.
fn is_there(scene: &Scene, person: &str) -> bool {
    let shared = read_table(scene.settings(), &output_topic("ads")).expect("is read");
    shared.contains_key(person.as_bytes())
}

#[test]
fn who_is_restricted_leaves_nowhere_until_it_is_lifted_by_whichever_identifier() {
    let scene = Scene::new();
    let consumers = scene.consumers();
    let identifiers = [("customer_id", CUSTOMER), ("email", EMAIL)];
    scene.sends(vec![touchpoint("a-1", 1, &identifiers, &json!({}))]);
    until("her to be published", PATIENCE, || {
        scene.whose(EMAIL).is_some_and(|profile| profile.identifiers.len() == 2)
    });
    scene.goes_on();
    let person = scene.whose(EMAIL).expect("is there").person_id.to_string();
    assert!(is_there(&scene, &person), "nobody restricted her yet");

    let email = format!("email:{EMAIL}");
    let asks = ["restrict", email.as_str(), "--request-id", "r-1"];
    let (code, receipt) = scene.asks(asks, "desk", &scene.key);
    assert_eq!((code, receipt["status"].as_str()), (Some(0), Some("done")), "{receipt}");
    assert_eq!((&receipt["person_ids"], &receipt["identifiers"]), (&json!([person]), &json!(2)), "{receipt}");
    assert!(receipt["last_copy_gone"].is_null(), "{receipt}");
    let again = scene.asks(asks, "desk", &scene.key);
    assert_eq!(again, (Some(0), receipt.clone()), "the same request has the same receipt");
    let restricted = scene.whose(EMAIL).expect("is kept").restricted;
    assert_eq!(restricted.map(|time| time.to_string()).as_deref(), receipt["received"].as_str());
    assert!(!is_there(&scene, &person), "she is on the output");
    let records = scene.deployment.read(&output_topic("ads"));
    let last = records.iter().rfind(|record| record.key.as_deref() == Some(person.as_bytes()));
    assert!(last.is_some_and(|record| record.value.is_none()), "there is no tombstone");

    scene.sends(vec![touchpoint("a-2", 2, &[("email", EMAIL)], &json!({}))]);
    until("what she did meanwhile", PATIENCE, || {
        scene.whose(EMAIL).is_some_and(|profile| profile.metrics.touchpoints == 2)
    });
    scene.goes_on();
    assert!(!is_there(&scene, &person), "she came back with a touchpoint");

    let customer = format!("customer_id:{CUSTOMER}");
    let asks = ["lift", customer.as_str(), "--request-id", "r-2"];
    let (code, receipt) = scene.asks(asks, "desk", &scene.key);
    assert_eq!((code, receipt["status"].as_str()), (Some(0), Some("done")), "{receipt}");
    assert_eq!(scene.whose(EMAIL).expect("is kept").restricted, None);
    assert!(is_there(&scene, &person), "it was lifted");
    consumers.stop();
}
