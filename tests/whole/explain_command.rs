//! `kinfold explain` as a person or a program meets it: on the state of `kinfold resolve`, and on that of consumers.

use std::path::Path;
use std::process::Output;

use fastrand::Rng;
use kinfold_model::Rules;
use kinfold_pipeline::Store;
use kinfold_store::{Memory, RocksStore};
use kinfold_testkit::simulation::{Input, Schedule, run as simulate};
use kinfold_testkit::world::{World, keys};

use crate::programs::program;

const SECRET: &str = "the secret of explanations";

/// Two people who share a telephone and would be one, had not each a customer number; a cookie that leads from an e-mail
/// to a loyalty card; a value that looks like markup; a stranger.
const TOUCHPOINTS: [&str; 6] = [
    r#"{"time":"2026-03-01T10:00:00Z","source":"shop","identifiers":[{"namespace":"customer_id","value":"C-1"},{"namespace":"phone","value":"+493511234567"}]}"#,
    r#"{"time":"2026-03-02T10:00:00Z","source":"till","identifiers":[{"namespace":"customer_id","value":"C-2"},{"namespace":"phone","value":"+493511234567"}]}"#,
    r#"{"time":"2026-03-03T10:00:00Z","source":"web","identifiers":[{"namespace":"email","value":"ann@example.org"},{"namespace":"cookie","value":"k-1"}]}"#,
    r#"{"time":"2026-03-04T10:00:00Z","source":"app","identifiers":[{"namespace":"cookie","value":"k-1"},{"namespace":"loyalty_id","value":"L-7"}]}"#,
    r#"{"time":"2026-03-05T10:00:00Z","source":"web","identifiers":[{"namespace":"cookie","value":"<script>\"&"},{"namespace":"email","value":"ann@example.org"}]}"#,
    r#"{"time":"2026-03-06T10:00:00Z","source":"web","identifiers":[{"namespace":"cookie","value":"alone"}]}"#,
];

fn run(arguments: &[&str]) -> Output {
    program("kinfold").env("KINFOLD_SECRET", SECRET).args(arguments).output().expect("kinfold runs")
}

/// A state folder with these touchpoints in it.
fn state(folder: &Path) -> String {
    let (input, state) = (folder.join("touchpoints.jsonl"), folder.join("state"));
    std::fs::write(&input, TOUCHPOINTS.join("\n")).expect("writes");
    let state = state.display().to_string();
    let answer = run(&["resolve", "--state", &state, &input.display().to_string()]);
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    state
}

fn explain(state: &str, arguments: &[&str]) -> String {
    let answer = run(&[&["explain", "--state", state], arguments].concat());
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    String::from_utf8(answer.stdout).expect("text")
}

fn json(state: &str, arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&explain(state, &[arguments, &["--json"]].concat())).expect("JSON")
}

#[test]
fn one_identifier_is_explained_to_people_and_to_programs() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path());
    let said = explain(&state, &["email: Ann@Example.ORG "]);
    for part in ["email ann@example.org belongs to person", "cookie k-1", "web", "2026-03-03 10:00"] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    let value = json(&state, &["email:ann@example.org"]);
    assert_eq!(value["identifier"]["value"], "ann@example.org");
    assert_eq!(value["standing"]["links"], true);
    assert_eq!(value["sightings"].as_array().map(Vec::len), Some(2));
    assert_eq!((&value["restricted"], &value["restricted_known"]), (&serde_json::Value::Null, &true.into()));
    assert!(!said.contains("restricted"), "{said}");
    let node = value["identifier"]["node"].as_str().expect("text");
    assert_eq!(json(&state, &[node]), value, "a node id names the same identifier");
    let hash = "b1e9f9f8e5a1c0ff";
    assert_eq!(run(&["explain", "--state", &state, hash]).status.code(), Some(64));
}

#[test]
fn one_person_is_explained_by_the_chain_of_evidence() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path());
    let pair = ["email:ann@example.org", "loyalty_id:L-7"];
    let said = explain(&state, &pair);
    assert!(said.starts_with("email ann@example.org and loyalty_id L-7 are one person (id "), "{said}");
    assert!(said.contains("2 steps"), "{said}");
    let value = json(&state, &pair);
    assert_eq!(value["answer"], "same_person");
    let steps = value["steps"].as_array().expect("a list");
    let sources: Vec<_> = steps.iter().map(|step| step["sighting"]["said"][0]["source"].clone()).collect();
    assert_eq!(sources, ["web", "app"]);
    assert_eq!(steps[0]["to"], steps[1]["from"]);
    assert_eq!(steps[0]["sighting"]["said"][0]["first_seen"], "2026-03-03T10:00:00.000Z");
    assert_eq!(steps[0]["rule"]["namespace"], "cookie");
}

#[test]
fn an_attribute_is_explained_by_its_rule_and_all_that_it_won_against() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (input, config, state) = (path("touchpoints.jsonl"), path("kinfold.toml"), path("state"));
    let stated = |day: u8, source: &str, city: &str, more: &str| {
        format!(
            r#"{{"touchpoint_id":"t-{day}","time":"2026-03-0{day}T10:00:00Z","source":"{source}","identifiers":[{{"namespace":"email","value":"ann@example.org"}}],"attributes":{{"city":"{city}"}}{more}}}"#
        )
    };
    let verified = r#","verified":["city"]"#;
    let touchpoints = [
        stated(1, "crm", "Dresden", verified),
        stated(2, "till", "Dresdn", ""),
        stated(3, "till", "Dresdn", ""),
        stated(4, "survey", "Ulm", ""),
    ];
    std::fs::write(&input, touchpoints.join("\n")).expect("writes");
    let rule = "[attributes.city]\nrule = \"source_priority\"\nsources = [\"crm\", \"till\"]\n";
    std::fs::write(&config, rule).expect("writes");
    let answer = run(&["resolve", "--config", &config, "--state", &state, &input]);
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let asks = ["email:ann@example.org", "--attribute", "city", "--config", &config];
    let said = explain(&state, &asks);
    for part in
        ["city of email ann@example.org", "is Dresden.", "source_priority (crm, till)", "Dresdn", "Ulm"]
    {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    let value = json(&state, &asks);
    assert_eq!(value["reason"], "source_priority");
    assert_eq!(
        (&value["value"], &value["verified"]),
        (&"Dresden".into(), &"2026-03-01T10:00:00.000Z".into())
    );
    let stated = value["stated"].as_array().expect("a list").iter();
    let stated: Vec<_> = stated.map(|one| (one["value"].clone(), one["touchpoints"].clone())).collect();
    let expected = [("Dresden", 1), ("Dresdn", 2), ("Ulm", 1)];
    assert_eq!(stated, expected.map(|(value, count)| (value.into(), count.into())));
    let unknown = ["explain", "--state", &state, "email:ann@example.org", "--attribute", "street"];
    let answer = run(&[&unknown[..], &["--config", &config]].concat());
    let fault = String::from_utf8_lossy(&answer.stderr).into_owned();
    assert!(answer.status.code() == Some(1) && fault.contains("there are city"), "{fault}");
}

#[test]
fn two_people_are_explained_by_the_refused_join_and_what_speaks_against_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path());
    let pair = ["customer_id:C-1", "customer_id:C-2"];
    let said = explain(&state, &pair);
    for part in
        ["one person would have 2 values of customer_id, and 1 may be", "customer_id C-1", "customer_id C-2"]
    {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
    let value = json(&state, &pair);
    assert_eq!(value["answer"], "apart");
    let refused: Vec<&serde_json::Value> = value["steps"]
        .as_array()
        .expect("a list")
        .iter()
        .flat_map(|step| step["refused"].as_array().expect("a list"))
        .collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["kind"], "too_many");
    let strangers = explain(&state, &["customer_id:C-1", "cookie:alone"]);
    assert_eq!(strangers, "Nothing that was seen connects customer_id C-1 and cookie alone.\n");
}

#[test]
fn pictures_show_both_identifiers_and_escape_what_they_show() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path());
    let pair = ["customer_id:C-1", "customer_id:C-2"];
    let dot = explain(&state, &[&pair[..], &["--dot"]].concat());
    for part in [
        "graph kinfold {",
        "customer_id C-1",
        "customer_id C-2",
        "style=dashed, color=red",
        "too many customer_id",
    ] {
        assert!(dot.contains(part), "{part} is missing in: {dot}");
    }
    let dot = explain(&state, &["email:ann@example.org", "--dot"]);
    assert!(dot.contains(r#"cookie <script>\"&amp;"#), "{dot}");
    for arguments in [&pair[..], &["email:ann@example.org"], &["cookie:<script>\"&"]] {
        let svg = explain(&state, &[arguments, &["--svg"]].concat());
        assert!(svg.starts_with("<svg "), "{svg}");
        assert!(!svg.contains("<script"), "{svg}");
        well_formed(&svg);
    }
    assert!(explain(&state, &["cookie:<script>\"&", "--svg"]).contains("&lt;script&gt;"));
}

/// Every element that begins ends, in the right order, and `&` begins a reference.
fn well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    for tag in xml.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().expect("a name");
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name), "{xml}"),
            (false, true) => {}
            (false, false) => open.push(name),
        }
        for reference in text.split('&').skip(1) {
            assert!(["amp;", "lt;", "gt;"].iter().any(|known| reference.starts_with(known)), "{xml}");
        }
    }
    assert!(open.is_empty(), "{xml}");
}

#[test]
fn the_state_of_consumers_is_explained_while_they_hold_it_and_a_partition_that_is_elsewhere_is_named() {
    let (keys, rules) = (keys(), Rules::default());
    let world = World::sized(&mut Rng::with_seed(5), 8, 60, &keys);
    let records = world.records();
    let schedule = Schedule { seed: 5, partitions: 3, repeated_percent: 0, told: false };
    let outcome = simulate(&Input::new(&records, &[], &keys, &rules), &schedule).expect("ends");
    let folder = tempfile::tempdir().expect("a folder");
    let mut held = Vec::new();
    for (partition, entries) in outcome.stores.iter().enumerate() {
        let path = folder.path().join("stitch").join(partition.to_string());
        let mut store = RocksStore::open(&path, &Memory::new(8 << 20)).expect("opens");
        let writes = entries.iter().map(|(key, value)| (key.clone(), Some(value.clone())));
        store.commit(writes.collect()).expect("commits");
        held.push(store);
    }
    let config = folder.path().join("kinfold.toml");
    std::fs::write(&config, "[topics]\npartitions = 3\n").expect("writes");
    let ask = |arguments: &[&str]| {
        let state = [folder.path(), &config].map(|path| path.display().to_string());
        let mut command = program("kinfold");
        command
            .env("KINFOLD_SECRET", "a secret for tests only")
            .args(["explain", "--json", "--state", &state[0]]);
        command.args(["--config", &state[1]]).args(arguments).output().expect("kinfold runs")
    };
    for (id, node) in outcome.graph.nodes.iter().filter(|(_, node)| node.standing().is_some()) {
        let answer = ask(&[&id.to_string()]);
        assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        let value: serde_json::Value = serde_json::from_slice(&answer.stdout).expect("JSON");
        assert_eq!(value["person_id"], serde_json::json!(node.person), "{id}");
        assert_eq!(value["identifier"]["value"], serde_json::Value::Null, "no profile stage is here");
        let known = (&value["restricted"], &value["restricted_known"]);
        let expected = node.person.is_none();
        assert_eq!(known, (&serde_json::Value::Null, &expected.into()), "{id}: no people are here either");
    }
    drop(held);
    std::fs::remove_dir_all(folder.path().join("stitch/1")).expect("removes");
    let elsewhere = outcome.graph.nodes.keys().find(|id| !id.is_sighting() && id.partition(3) == 1);
    let answer = ask(&[&elsewhere.expect("some node").to_string()]);
    assert_eq!(answer.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&answer.stderr).contains("partition 1 of 3 is not here"));
    std::fs::write(&config, "[topics]\npartitions = 2\n").expect("writes");
    assert_eq!(ask(&["cookie:k-1"]).status.code(), Some(64), "there are more partitions than configured");
}

#[test]
fn what_cannot_be_explained_is_told_without_repeating_the_value() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = state(folder.path());
    let cases: [(&[&str], i32, &str); 7] = [
        (&["email:nobody-was-here@example.org"], 1, "nothing was ever seen of the first identifier"),
        (&["cookie:k-1", "cookie:nobody-was-here"], 1, "nothing was ever seen of the second identifier"),
        (&["shoe_size:nobody-was-here"], 64, "none of the namespaces that are configured"),
        (&["email:nobody-was-here"], 64, "cannot be read as `email`"),
        (&["nobody-was-here"], 64, "namespace:value"),
        (&["00000000000000000000000000000000"], 64, "is the node of a sighting"),
        (&["cookie:k-1", "--json", "--svg"], 64, "cannot be used with"),
    ];
    for (arguments, code, part) in cases {
        let answer = run(&[&["explain", "--state", &state], arguments].concat());
        let said = String::from_utf8_lossy(&answer.stderr);
        assert_eq!(answer.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(part) && !said.contains("nobody-was-here"), "{arguments:?}: {said}");
    }
    let nothing = folder.path().join("nothing").display().to_string();
    let answer = run(&["explain", "--state", &nothing, "cookie:k-1"]);
    assert_eq!(answer.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&answer.stderr).contains("holds no identity graph"));
    assert!(!Path::new(&nothing).exists(), "explaining makes nothing");
}
