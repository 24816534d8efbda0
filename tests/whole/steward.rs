//! `kinfold steward` on a state folder: what a command changes, what taking it back restores, and what is refused.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::programs::program;

/// A state folder in a folder of its own.
pub(crate) struct Steward {
    folder: tempfile::TempDir,
}

impl Steward {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `kinfold`, which is given the state folder.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Output {
        let mut command = program("kinfold");
        command.env("KINFOLD_SECRET", "the secret of stewards' tests").env("USER", "a steward");
        command.args(arguments).arg("--state").arg(self.path("state")).output().expect("kinfold runs")
    }

    /// A command that must succeed; what it says.
    pub(crate) fn does(&self, arguments: &[&str]) -> String {
        let answer = self.ask(arguments);
        assert_eq!(answer.status.code(), Some(0), "{arguments:?}: {}", said(&answer.stderr));
        said(&answer.stdout)
    }

    /// `kinfold steward` with a reason.
    fn says(&self, arguments: &[&str]) -> String {
        self.does(&[&["steward"], arguments, &["--reason", "a test"]].concat())
    }

    /// A command that must fail with this code; what it complains of.
    fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let answer = self.ask(&[&["steward"], arguments, &["--reason", "a test"]].concat());
        assert_eq!(answer.status.code(), Some(code), "{arguments:?}: {}", said(&answer.stderr));
        said(&answer.stderr)
    }

    /// Resolves lines and leaves the files in a folder of this name.
    pub(crate) fn resolve(&self, lines: &[String], out: &str) -> PathBuf {
        let (input, out) = (self.path("input.jsonl"), self.path(out));
        std::fs::write(&input, lines.join("\n")).expect("writes");
        let (input, out_text) = (input.display().to_string(), out.display().to_string());
        let files: &[&str] = if lines.is_empty() { &[] } else { &[&input] };
        self.does(&[&["resolve", "--out", &out_text], files].concat());
        out
    }

    /// Whose an identifier is, after another look at the state.
    pub(crate) fn person(&self, identifier: &str) -> Option<String> {
        let out = self.resolve(&[], "look");
        let (namespace, value) = identifier.split_once(':').expect("namespace:value");
        let found = lines(&out.join("assignments.jsonl"))
            .into_iter()
            .find(|line| line["namespace"] == namespace && line["value"] == value)?;
        Some(found["person_id"].as_str().expect("text").to_owned())
    }
}

pub(crate) fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("it was written");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// A touchpoint that has these identifiers; the last digit of its id is its day in March.
pub(crate) fn touchpoint(id: &str, source: &str, identifiers: &[&str]) -> String {
    let identifiers: Vec<Value> = identifiers
        .iter()
        .map(|one| one.split_once(':').expect("namespace:value"))
        .map(|(namespace, value)| serde_json::json!({ "namespace": namespace, "value": value }))
        .collect();
    let digit = id.bytes().last().map_or(0, |byte| byte.saturating_sub(b'0') % 10);
    serde_json::json!({
        "touchpoint_id": id, "time": format!("2026-03-0{}T10:00:00Z", digit.max(1)), "source": source,
        "identifiers": identifiers, "attributes": { "city": id },
    })
    .to_string()
}

/// Ann by three identifiers, Bea by two pairs that nothing connects.
fn sample() -> Vec<String> {
    vec![
        touchpoint("t-1", "webshop", &["customer_id:C-1", "email:ann@example.org"]),
        touchpoint("t-2", "till", &["email:ann@example.org", "cookie:ann-1"]),
        touchpoint("t-3", "crm", &["customer_id:C-2", "email:bea@example.org"]),
        touchpoint("t-4", "crm", &["loyalty_id:L-2", "cookie:bea-1"]),
    ]
}

/// A file of `--out` as it can be compared: the version of a profile counts publications, and `changed` tells of the last one.
fn comparable(out: &Path, name: &str) -> String {
    let mut all = lines(&out.join(name));
    for line in &mut all {
        let members = line.as_object_mut().expect("an object");
        ["version", "changed"].iter().for_each(|name| drop(members.remove(*name)));
    }
    all.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_link_makes_one_person_of_two_and_taking_it_back_restores_every_file() {
    let steward = Steward::new();
    steward.resolve(&sample(), "first");
    let before = steward.resolve(&[], "before");
    let told = steward.says(&["link", "email: BEA@example.org", "loyalty_id:L-2", "--id", "one"]);
    assert!(told.contains("link one is kept") && told.contains("merged"), "{told}");
    assert!(told.contains("are one person"), "{told}");
    assert_eq!(steward.person("email:bea@example.org"), steward.person("cookie:bea-1"));
    let told = steward.says(&["withdraw", "one"]);
    assert!(told.contains("link one is withdrawn") && told.contains("are two people"), "{told}");
    let after = steward.resolve(&[], "after");
    for name in ["assignments.jsonl", "consents.jsonl", "refused.jsonl"] {
        let [before, after] =
            [&before, &after].map(|out| std::fs::read(out.join(name)).expect("it was written"));
        assert_eq!(before, after, "{name}");
    }
    assert_eq!(comparable(&before, "profiles.jsonl"), comparable(&after, "profiles.jsonl"));
    assert!(steward.fails(1, &["withdraw", "one"]).contains("withdrawn already"));
}

#[test]
fn a_merge_brings_its_command_and_its_moves_to_the_file_of_changes() {
    let steward = Steward::new();
    let out = steward.resolve(&sample(), "out");
    for change in lines(&out.join("changes.jsonl")) {
        assert_eq!((&change["rule"], &change["command_id"]), (&"evidence".into(), &Value::Null), "{change}");
        assert!(change["moved"].is_u64(), "{change}");
    }
    let report = std::fs::read_to_string(out.join("report.json")).expect("it was written");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let version = said(&program("kinfold").args(["rules", "version"]).output().expect("runs").stdout);
    assert_eq!(report["rules_version"], version.trim());
}

#[test]
fn what_a_steward_keeps_apart_stays_apart_when_the_same_is_said_again() {
    let steward = Steward::new();
    steward.resolve(&sample(), "first");
    let told = steward.says(&["unlink", "customer_id:C-1", "email:ann@example.org", "--id", "apart"]);
    assert!(told.contains("are two people"), "{told}");
    let again = touchpoint("t-5", "webshop", &["customer_id:C-1", "email:ann@example.org"]);
    steward.resolve(&[&sample()[..], &[again]].concat(), "again");
    assert_ne!(steward.person("customer_id:C-1"), steward.person("email:ann@example.org"));
    let told = steward.says(&["link", "customer_id:C-1", "email:ann@example.org"]);
    assert!(told.contains("unlink apart") && told.contains("this link wins"), "{told}");
    assert_eq!(steward.person("customer_id:C-1"), steward.person("email:ann@example.org"));
}

#[test]
fn a_blocked_identifier_joins_nobody_until_the_block_is_withdrawn() {
    let steward = Steward::new();
    steward.resolve(&sample(), "first");
    steward.says(&["block", "email:ann@example.org", "--id", "no-mail"]);
    assert_ne!(steward.person("customer_id:C-1"), steward.person("cookie:ann-1"));
    steward.says(&["withdraw", "no-mail"]);
    assert_eq!(steward.person("customer_id:C-1"), steward.person("cookie:ann-1"));
}

#[test]
fn a_quarantined_identifier_links_again_once_it_is_released() {
    let steward = Steward::new();
    let seen: Vec<String> = (0..60)
        .map(|n| touchpoint(&format!("t-{n}"), "shop", &["cookie:kiosk", &format!("anonymous_id:a-{n}")]))
        .collect();
    steward.resolve(&seen, "first");
    assert_ne!(steward.person("anonymous_id:a-1"), steward.person("cookie:kiosk"));
    steward.says(&["release", "cookie:kiosk"]);
    let people = ["anonymous_id:a-1", "cookie:kiosk"].map(|one| steward.person(one));
    assert!(people[0].is_some() && people[0] == people[1], "{people:?}");
}

#[test]
fn an_identifier_whose_sightings_are_not_stored_any_more_cannot_be_released() {
    let steward = Steward::new();
    let seen: Vec<String> = (0..250)
        .map(|n| touchpoint(&format!("t-{n}"), "shop", &["cookie:kiosk", &format!("email:e{n}@example.org")]))
        .collect();
    steward.resolve(&seen, "first");
    let said = steward.fails(1, &["release", "cookie:kiosk"]);
    assert!(said.contains("cannot be brought back") && said.contains("max_neighbours of cookie"), "{said}");
}

#[test]
fn what_a_source_or_a_touchpoint_said_counts_for_nothing_once_it_is_forgotten() {
    let steward = Steward::new();
    steward.resolve(&sample(), "first");
    steward.says(&["forget", "email:ann@example.org", "--source", "till", "--id", "till"]);
    assert_ne!(steward.person("cookie:ann-1"), steward.person("customer_id:C-1"));
    steward.says(&["withdraw", "till"]);
    assert_eq!(steward.person("cookie:ann-1"), steward.person("customer_id:C-1"));
    let file = steward.path("one.json");
    std::fs::write(&file, format!("{}\n", sample()[1])).expect("writes");
    steward.says(&["forget", "--touchpoint", &file.display().to_string()]);
    assert_ne!(steward.person("cookie:ann-1"), steward.person("customer_id:C-1"));
    std::fs::write(&file, touchpoint("t-9", "till", &["email:ann@example.org", "cookie:ann-1"]))
        .expect("writes");
    let said = steward.fails(1, &["forget", "--touchpoint", &file.display().to_string()]);
    assert!(said.contains("never seen"), "{said}");
}

#[test]
fn what_was_never_seen_is_refused_unless_that_is_meant() {
    let steward = Steward::new();
    steward.resolve(&sample(), "first");
    let unseen = ["link", "email:dora@example.org", "customer_id:C-1"];
    let said = steward.fails(1, &unseen);
    assert!(said.contains("email:dora@example.org was never seen"), "{said}");
    steward.says(&[&unseen[..], &["--unseen"]].concat());
    steward.resolve(&[touchpoint("t-8", "crm", &["email:dora@example.org", "cookie:dora-1"])], "later");
    assert_eq!(steward.person("cookie:dora-1"), steward.person("customer_id:C-1"));
}

#[test]
fn malformed_commands_are_wrong_usage_and_name_what_is_wrong() {
    let steward = Steward::new();
    steward.resolve(&sample(), "first");
    let two = steward.path("two.json");
    std::fs::write(&two, sample().join("\n")).expect("writes");
    let (two, long) = (two.display().to_string(), "x".repeat(1001));
    for (arguments, named) in [
        (&["link", "email:ann", "customer_id:C-1"][..], "A "),
        (&["link", "customer_id:C-1", "shoe_size:44"], "B "),
        (&["link", "customer_id:C-1", "ann"], "B "),
        (&["link", "customer_id:C-1", "customer_id: C-1"], "A and B"),
        (&["block", "email#00000000000000000000000000000010"], "A "),
        (&["forget", "customer_id:C-1"], "--source"),
        (&["forget", "--touchpoint", &two], "--touchpoint"),
        (&["block", "customer_id:C-1", "--author", " "], "author"),
        (&["block", "customer_id:C-1", "--author", &long], "author"),
        (&["block"], "<A>"),
    ] {
        let said = steward.fails(64, arguments);
        assert!(said.contains(named), "{arguments:?}: {said}");
    }
    let answer = steward.ask(&["steward", "block", "customer_id:C-1"]);
    assert_eq!(answer.status.code(), Some(64), "without a reason");
    assert!(steward.fails(1, &["withdraw", "nothing"]).contains("no command has the id nothing"));
    steward.says(&["block", "customer_id:C-1", "--id", "one"]);
    assert!(steward.fails(1, &["block", "customer_id:C-2", "--id", "one"]).contains("--id one"));
}

#[test]
fn all_commands_are_listed_with_who_and_why_and_whether_they_stand() {
    let steward = Steward::new();
    steward.resolve(&sample(), "first");
    steward.says(&["link", "email:bea@example.org", "loyalty_id:L-2", "--id", "one"]);
    steward.says(&[
        "forget",
        "email:ann@example.org",
        "--source",
        "till",
        "--author",
        "another",
        "--id",
        "two",
    ]);
    steward.says(&["withdraw", "two"]);
    let list: Value = serde_json::from_str(&steward.does(&["steward", "list", "--json"])).expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(2));
    let link = &list[0];
    assert_eq!(
        (&link["command_id"], &link["kind"], &link["state"]),
        (&"one".into(), &"link".into(), &"stands".into())
    );
    assert_eq!((&link["author"], &link["reason"]), (&"a steward".into(), &"a test".into()));
    let mut identifiers: Vec<&str> =
        link["identifiers"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    identifiers.sort_unstable();
    assert_eq!(identifiers, ["email:bea@example.org", "loyalty_id:L-2"]);
    assert_eq!((&list[1]["state"], &list[1]["source"]), (&"withdrawn".into(), &"till".into()));
    let shown = steward.does(&["steward", "list"]);
    assert!(shown.contains("email:bea@example.org") && shown.contains("commands: 2"), "{shown}");
}

#[test]
fn without_a_state_folder_the_remedy_is_named() {
    let steward = Steward::new();
    let said = steward.fails(1, &["block", "customer_id:C-1"]);
    assert!(said.contains("kinfold resolve --state"), "{said}");
}
