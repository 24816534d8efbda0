//! `kinfold` and the consumers as a person meets them: what they refuse, what they say, and how they end.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::programs::{Running, kinfold, program};

/// Records that are each refused with a kind of their own.
fn bad_records() -> Vec<(&'static str, Vec<u8>)> {
    let with = |identifiers: &str, rest: &str| {
        format!(r#"{{"time":"2026-03-01T10:15:00Z","source":"shop","identifiers":{identifiers}{rest}}}"#)
            .into_bytes()
    };
    let cookie = r#"[{"namespace":"cookie","value":"c-1"}]"#;
    let many: Vec<String> =
        (0..10_000).map(|n| format!(r#"{{"namespace":"cookie","value":"c-{n}"}}"#)).collect();
    let mut not_utf8 = with(cookie, r#","channel":"w""#);
    let quote = not_utf8.iter().rposition(|byte| *byte == b'w').expect("is there");
    not_utf8[quote] = 0xff;
    vec![
        ("malformed_json", b"{\"time\": ".to_vec()),
        ("wrong_type", with(cookie, r#","channel":{"name":"web"}"#)),
        ("no_identifier", with("[]", "")),
        (
            "bad_time",
            br#"{"time":"yesterday","source":"shop","identifiers":[{"namespace":"cookie","value":"c"}]}"#
                .to_vec(),
        ),
        ("unknown_namespace", with(r#"[{"namespace":"shoe_size","value":"44"}]"#, "")),
        ("empty_value", with(r#"[{"namespace":"cookie","value":"  "}]"#, "")),
        ("value_too_long", with(cookie, &format!(r#","attributes":{{"city":"{}"}}"#, "x".repeat(1_000_000)))),
        ("record_too_large", with(cookie, &format!(r#","attributes":{{"city":"{}"}}"#, "x".repeat(1 << 20)))),
        ("too_many_identifiers", with(&format!("[{}]", many.join(",")), "")),
        ("too_deep", with(cookie, &format!(r#","attributes":{}{}"#, "[".repeat(10_000), "]".repeat(10_000)))),
        ("invalid_utf8", not_utf8),
        ("duplicate_member", with(cookie, r#","source":"till""#)),
        ("unknown_member", with(cookie, r#","shoe_size":44"#)),
        (
            "missing_member",
            br#"{"source":"shop","identifiers":[{"namespace":"cookie","value":"c"}]}"#.to_vec(),
        ),
    ]
}

#[test]
fn bad_records_are_refused_each_with_its_own_kind_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (input, out) = (folder.path().join("bad.jsonl"), folder.path().join("out"));
    let mut file = std::fs::File::create(&input).expect("a file");
    let good =
        br#"{"time":1772360100000,"source":"shop","identifiers":[{"namespace":"cookie","value":"good"}]}"#;
    for (_, record) in bad_records() {
        for line in [record.as_slice(), good] {
            file.write_all(line).and_then(|()| file.write_all(b"\n")).expect("writes");
        }
    }
    let arguments =
        ["resolve", "--strict", "--out", &out.display().to_string(), &input.display().to_string()];
    let answer =
        program("kinfold").env("XDG_DATA_HOME", folder.path()).args(arguments).output().expect("runs");
    assert_eq!(answer.status.code(), Some(2), "{}", String::from_utf8_lossy(&answer.stderr));
    let refused = lines(&out.join("refused.jsonl"));
    let found: Vec<(i64, &str)> = refused
        .iter()
        .map(|line| (line["offset"].as_i64().expect("a number"), line["kind"].as_str().expect("text")))
        .collect();
    let expected: Vec<(i64, &str)> =
        (0..).step_by(2).zip(bad_records().iter().map(|(kind, _)| *kind)).collect();
    assert_eq!(found, expected);
    let profiles = lines(&out.join("profiles.jsonl"));
    assert_eq!(profiles.len(), 1);
    assert_eq!(profiles[0]["metrics"]["touchpoints"], 1, "the good record is the same touchpoint each time");
}

fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).expect("it was written");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn all_faults_of_a_configuration_are_told_at_once_with_status_64() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kinfold.toml");
    std::fs::write(&path, "[kafka]\nbootstrap = 7\nbatch_recods = 3\n[topics]\npartitions = 0\n")
        .expect("writes");
    let path = path.display().to_string();
    for answer in [
        kinfold(&["config", "check", "--config", &path]),
        program("kinfold-stitch").args(["--config", &path]).output().expect("runs"),
    ] {
        assert_eq!(answer.status.code(), Some(64));
        let said = String::from_utf8_lossy(&answer.stderr);
        for fault in ["bootstrap", "batch_records", "partitions"] {
            assert!(said.contains(fault), "{fault} is not named in: {said}");
        }
    }
}

#[test]
fn wrong_usage_ends_with_status_64_and_no_arguments_with_the_help() {
    assert_eq!(kinfold(&["resolve"]).status.code(), Some(64));
    assert_eq!(kinfold(&["no-such-command"]).status.code(), Some(64));
    assert_eq!(kinfold(&["--help"]).status.code(), Some(0));
    let missing = kinfold(&["resolve", "/no/such/file.jsonl"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/no/such/file.jsonl"));
}

#[test]
fn a_reader_that_has_gone_is_no_fault() {
    let mut command = program("kinfold");
    let mut child =
        command.args(["topics", "plan"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    drop(child.stdout.take());
    let answer = child.wait_with_output().expect("it ends");
    assert_eq!((answer.status.code(), String::from_utf8_lossy(&answer.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn a_consumer_without_a_secret_says_how_to_make_one() {
    let answer = program("kinfold-stitch").output().expect("runs");
    assert_eq!(answer.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&answer.stderr).contains("openssl rand"));
}

#[test]
fn without_a_broker_a_consumer_is_alive_but_not_ready_and_names_the_address() {
    let settings = BTreeMap::from([
        ("KINFOLD_SECRET", "a secret that only tests use"),
        ("KINFOLD_KAFKA__BOOTSTRAP", "127.0.0.1:1"),
        ("KINFOLD_HTTP__LISTEN", "127.0.0.1:19702"),
    ]);
    let child = program("kinfold-stitch").envs(settings).stderr(Stdio::null()).spawn().expect("starts");
    let running = Running(child);
    let deadline = Instant::now() + Duration::from_secs(60);
    let answer = loop {
        let answer = get("127.0.0.1:19702", "/ready").unwrap_or_default();
        if answer.contains("127.0.0.1:1;") || Instant::now() > deadline {
            break answer;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.contains("no Kafka broker answers at 127.0.0.1:1"), "{answer}");
    assert!(get("127.0.0.1:19702", "/live").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")));
    assert_eq!(running.stop(), Some(0));
}

/// An answer over HTTP, with its status line.
pub(crate) fn get(address: &str, path: &str) -> Option<String> {
    use std::io::Read;
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: kinfold\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}
