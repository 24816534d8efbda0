//! Somebody is erased and agrees later to be known again, on a real Apache Kafka with the three consumers: she is back with what came since
//! and nothing else, whatever is read again; nobody works while a topic has the producer's time; and who is erased once more is gone.

use std::thread::sleep;
use std::time::Duration;

use kinfold_cli::run::now;
use kinfold_model::UnifiedProfile;
use serde_json::{Value, json};

use crate::deployed::until;
use crate::erasure_scene::{COOKIE, CUSTOMER, EMAIL, GIVEN, PATIENCE, Scene, touchpoint};

/// How far a touchpoint may lie in the future, so that a consent has to be so much later than the request.
const FUTURE: Duration = Duration::from_secs(2);

fn scene() -> Scene {
    let future_ms = FUTURE.as_millis().to_string();
    Scene::with(&[
        ("KINFOLD_PRIVACY__RETURN_BY", "marketing"),
        ("KINFOLD_CAPTURE__MAX_FUTURE_MS", future_ms.as_str()),
    ])
}

/// What a source says at her address.
fn says(id: &str, time: &str, mut more: Value) -> Vec<u8> {
    more["time"] = json!(time);
    touchpoint(id, 1, &[("email", EMAIL)], &more)
}

fn agrees(id: &str, time: &str) -> Vec<u8> {
    says(id, time, json!({ "consents": [{ "purpose": "marketing", "decision": "granted" }] }))
}

/// All raw records once more.
fn replays(scene: &Scene) {
    let raw = scene.deployment.read("raw.web").into_iter().filter_map(|record| record.value);
    scene.sends(raw.collect());
    scene.goes_on();
    scene.goes_on();
}

fn values(profile: &UnifiedProfile) -> Vec<&str> {
    profile.identifiers.iter().map(|one| one.value.as_str()).collect()
}

/// Says whose clock tells when raw records were written.
fn stamps(scene: &Scene, time: &str) {
    let (topic, setting) = (scene.settings().topic("raw.web"), format!("message.timestamp.type={time}"));
    let arguments = ["--alter", "--entity-type", "topics", "--entity-name", &topic, "--add-config", &setting];
    scene.broker.tool("kafka.admin.ConfigCommand", &arguments).unwrap_or_else(|said| panic!("{said}"));
}

#[test]
fn who_agrees_after_an_erasure_is_back_with_what_came_since_whatever_is_read_again() {
    let scene = scene();
    stamps(&scene, "CreateTime");
    let consumers = scene.consumers();
    until("capture to demand the broker's time", PATIENCE, || {
        let log =
            std::fs::read_to_string(scene.folder.path().join("kinfold-capture.log")).unwrap_or_default();
        log.contains("topic raw.web has message.timestamp.type CreateTime, it must be LogAppendTime")
    });
    stamps(&scene, "LogAppendTime");
    scene.sends(vec![
        touchpoint(
            "a-1",
            1,
            &[("customer_id", CUSTOMER), ("email", EMAIL)],
            &json!({ "attributes": { "given_name": GIVEN } }),
        ),
        touchpoint("a-2", 2, &[("email", EMAIL), ("cookie", COOKIE)], &json!({})),
    ]);
    until("her to be published", PATIENCE, || {
        scene.whose(EMAIL).is_some_and(|profile| profile.identifiers.len() == 3)
    });
    scene.goes_on();

    let email = format!("email:{EMAIL}");
    let (code, receipt) = scene.erases(&email, "r-1", "desk", &scene.key);
    assert_eq!((code, receipt["status"].as_str()), (Some(0), Some("done")), "{receipt}");
    assert_eq!(receipt["identifiers"], 3, "{receipt}");
    let received = receipt["received"].as_str().expect("a time");
    scene.sends(vec![agrees("c-0", received)]);
    scene.goes_on();
    assert!(
        scene.whose(EMAIL).is_none(),
        "a source whose clock is fast may have said that before the request"
    );

    sleep(FUTURE + Duration::from_secs(1));
    scene.sends(vec![agrees("c-1", &now().to_string())]);
    until("her to be back", PATIENCE, || scene.whose(EMAIL).is_some());
    scene.sends(vec![says("c-2", &now().to_string(), json!({ "attributes": { "city": "Leipzig" } }))]);
    until("what she did since", PATIENCE, || {
        scene.whose(EMAIL).is_some_and(|profile| profile.metrics.touchpoints == 2)
    });
    scene.goes_on();
    let back = scene.whose(EMAIL).expect("is there");
    assert_eq!(values(&back), [EMAIL]);
    let names: Vec<&str> = back.attributes.keys().map(String::as_str).collect();
    assert_eq!(names, ["city"], "something of before is there");

    replays(&scene);
    assert!(scene.whose(EMAIL).as_ref() == Some(&back), "what was read again changed her");
    for gone in [CUSTOMER, COOKIE] {
        assert!(scene.whose(gone).is_none(), "an identifier is back that named nobody since");
    }
    let again = scene.erases(&email, "r-1", "desk", &scene.key);
    assert_eq!(again, (Some(0), receipt), "the same request has the same receipt, and erases nobody");
    assert!(scene.whose(EMAIL).as_ref() == Some(&back));

    let (code, receipt) = scene.erases(&email, "r-2", "desk", &scene.key);
    assert_eq!((code, receipt["status"].as_str()), (Some(0), Some("done")), "{receipt}");
    assert_eq!(receipt["identifiers"], 1, "{receipt}");
    replays(&scene);
    for gone in [EMAIL, CUSTOMER, COOKIE] {
        assert!(scene.whose(gone).is_none(), "a consent of before the second request brought her back");
    }
    consumers.stop();
}
