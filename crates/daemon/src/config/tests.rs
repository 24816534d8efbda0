//! The laws of the configuration.

mod lifecycle;
mod outputs;
mod privacy;
mod profile;
mod signals;
mod survivorship;

use std::path::PathBuf;

use kinfold_model::identifier::Namespace;
use kinfold_model::rules::{Contested, NeighbourLimit, Normaliser, Rules};
use kinfold_model::{MergePolicy, Purpose};

use super::*;

const SECRET: &str = "a secret that nobody may see 0123456789";

/// A file that lives as long as the test.
struct File(tempfile::NamedTempFile);

impl File {
    fn new(text: &str) -> Self {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("written");
        Self(file)
    }

    fn path(&self) -> PathBuf {
        self.0.path().to_path_buf()
    }
}

fn load(text: &str, env: &[(&str, &str)]) -> Result<Config, ConfigFaults> {
    let file = File::new(text);
    Config::load(
        Some(&file.path()),
        env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

/// Line (0 for a variable), key, and what is said of it.
fn faults(text: &str, env: &[(&str, &str)]) -> Vec<(usize, String, String)> {
    let faults = load(text, env).expect_err("something is wrong");
    let line = |origin: &Origin| if let Origin::Line(line) = origin { *line } else { 0 };
    let said = |fault: &Fault| format!("{}; {}", fault.what, fault.remedy);
    faults.faults().iter().map(|fault| (line(&fault.origin), fault.key.clone(), said(fault))).collect()
}

fn only_fault(text: &str, env: &[(&str, &str)]) -> String {
    let faults = faults(text, env);
    assert_eq!(faults.len(), 1, "{faults:?}");
    format!("{} {}", faults[0].1, faults[0].2)
}

#[test]
fn an_empty_file_and_no_file_give_the_defaults() {
    let none = Config::load(None, std::iter::empty()).expect("defaults");
    assert_eq!(none.describe(), load("", &[]).expect("defaults").describe());
    assert_eq!(none.rules, Rules::default());
    assert_eq!(none.kafka.bootstrap, "127.0.0.1:9092");
    assert_eq!(none.topics.raw_retention_ms, 604_800_000);
    assert_eq!(none.http.listen, None);
    assert_eq!(none.require_secret().err(), Some(SecretMissing));
}

#[test]
fn what_is_described_is_every_setting_and_is_accepted_again() {
    let (config, known) = settings::load(None, std::iter::empty()).expect("defaults");
    let described = config.describe();
    assert_eq!(load(&described, &[]).expect("accepted").describe(), described);
    let table: toml::Table = described.parse().expect("TOML");
    for name in known {
        let mut here = Some(toml::Value::Table(table.clone()));
        for part in name.split('.') {
            here = here.and_then(|value| value.get(part).cloned());
        }
        assert!(here.is_some(), "{name} is not described");
    }
}

#[test]
fn all_faults_of_a_file_are_reported_with_their_lines() {
    let text =
        "[kafka]\nbatch_records = 0\nbootstrp = \"a:1\"\n\n[deployment]\nprefix = \"with space\"\n[htpp]\n";
    let found = faults(text, &[]);
    let places: Vec<(usize, &str)> = found.iter().map(|(line, key, _)| (*line, key.as_str())).collect();
    assert_eq!(
        places,
        [(2, "kafka.batch_records"), (3, "kafka.bootstrp"), (6, "deployment.prefix"), (7, "htpp")]
    );
    assert_eq!(found[0].2, "is 0; write a number from 1 to 100000");
    assert_eq!(found[1].2, "is no setting; did you mean kafka.bootstrap?");
    assert_eq!(found[3].2, "is no section; did you mean http?");
}

#[test]
fn faults_of_syntax_and_of_meaning_are_reported_together() {
    let found =
        faults("[kafka]\nbootstrap = = 5\nbatch_records = true\n", &[("KINFOLD_HTTP__LISTEN", "here")]);
    let places: Vec<(usize, &str)> = found.iter().map(|(line, key, _)| (*line, key.as_str())).collect();
    assert_eq!(places, [(2, ""), (3, "kafka.batch_records"), (0, "http.listen")]);
}

#[test]
fn the_message_names_file_line_variable_and_remedy() {
    let message =
        load("[state]\ndir = 5", &[("KINFOLD_LOG__LEVEL", "loud=loud=loud")]).expect_err("two").to_string();
    assert!(message.starts_with("the configuration has 2 faults:\n  /"), "{message}");
    assert!(message.contains(" line 2: state.dir is a number; write a text in quotes\n"), "{message}");
    assert!(
        message.contains("\n  KINFOLD_LOG__LEVEL: log.level is no level; write error, warn"),
        "{message}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault() {
    let faults =
        Config::load(Some(Path::new("/does/not/exist.toml")), std::iter::empty()).expect_err("no file");
    assert!(
        faults.to_string().contains("/does/not/exist.toml: the file cannot be read (No such file"),
        "{faults}"
    );
}

#[test]
fn the_environment_wins_over_the_file() {
    let text = "[kafka]\nbootstrap = \"file:1\"\nbatch_records = 5\n[topics]\nsources = [\"a\"]\n";
    let env = [
        ("KINFOLD_KAFKA__BOOTSTRAP", "env:2"),
        ("KINFOLD_TOPICS__SOURCES", "crm, till"),
        ("KINFOLD_NAMESPACES__EMAIL__PRIORITY", "7"),
        ("KINFOLD_NAMESPACES__EMAIL__UNIQUE", "true"),
        ("KINFOLD_NAMESPACES__EMAIL__MAX_NEIGHBOURS__PHONE", "4"),
        ("KINFOLD_KAFKA__PROPERTIES__SECURITY_PROTOCOL", "SASL_SSL"),
        ("KINFOLD_KAFKA_SERVICE_HOST", "10.0.0.1"),
        ("HOME", "/root"),
    ];
    let config = load(text, &env).expect("valid");
    assert_eq!(config.kafka.bootstrap, "env:2");
    assert_eq!(config.kafka.batch_records, 5);
    assert_eq!(config.topics.sources, ["crm", "till"]);
    assert_eq!(config.kafka.properties.iter().collect::<Vec<_>>(), [("security.protocol", "SASL_SSL")]);
    let email = &config.rules.namespaces["email"];
    assert_eq!((email.priority, email.max_per_person), (7, Some(1)));
    assert_eq!(
        email.max_neighbours,
        NeighbourLimit { total: 200, of: [(Namespace::new("phone"), 4)].into() }
    );
}

#[test]
fn a_variable_with_too_few_underscores_is_not_ignored() {
    let said = only_fault("", &[("KINFOLD_KAFKA_BATCH_RECORDS", "5")]);
    assert!(said.contains("did you mean KINFOLD_KAFKA__BATCH_RECORDS, with two underscores?"), "{said}");
}

#[test]
fn a_variable_below_a_single_value_is_a_fault() {
    let said = only_fault(
        "[namespaces.email]\nmax_neighbours = 5\n",
        &[("KINFOLD_NAMESPACES__EMAIL__MAX_NEIGHBOURS__PHONE", "4")],
    );
    assert!(said.contains("write a table in line 2 of the file"), "{said}");
}

#[test]
fn the_secret_is_read_and_never_shown() {
    let file = File::new(SECRET);
    let text = format!("[deployment]\nsecret_file = {:?}\n", file.path());
    for config in [load("", &[("KINFOLD_SECRET", SECRET)]), load(&text, &[])] {
        let config = config.expect("valid");
        config.require_secret().expect("given");
        let shown = format!("{} {config:?} {:?}", config.describe(), config.deployment);
        assert!(shown.contains("***") && !shown.contains("nobody may see"), "{shown}");
    }
}

#[test]
fn a_bad_secret_is_a_fault_that_does_not_show_it() {
    let said = only_fault("", &[("KINFOLD_SECRET", "short words")]);
    assert!(said.contains("at least 16 bytes") && !said.contains("short words"), "{said}");
    let said = only_fault("[deployment]\nsecret_file = \"/does/not/exist\"\n", &[]);
    assert!(said.contains("openssl rand -hex 32 > /does/not/exist"), "{said}");
    let said = only_fault("[deployment]\nsecret = \"my secret in the wrong place\"\n", &[]);
    assert!(said.contains("is no setting") && !said.contains("wrong place"), "{said}");
    let said = only_fault("[deployment]\nsecret_file = my secret in the wrong place\n", &[]);
    assert!(!said.contains("wrong place"), "{said}");
}

#[test]
fn passwords_are_never_shown() {
    let text = "[kafka.properties]\nsasl.password = \"pass-1\"\n\"ssl.key.password\" = \"pass-2\"\n\
                sasl.passwrd = \"pass-4\"\n[registry]\nurl = \"https://me:pass-3@host:8081\"\n";
    let config = load(text, &[]).expect("valid");
    assert_eq!(config.kafka.properties.iter().count(), 3);
    let shown = format!("{} {:?} {:?}", config.describe(), config.kafka, config.registry);
    assert!(!shown.contains("pass-") && shown.contains("https://***@host:8081"), "{shown}");
}

#[test]
fn properties_that_the_guarantees_rest_on_are_refused_with_the_reason() {
    let said = only_fault("[kafka.properties]\nenable.auto.commit = \"true\"\n", &[]);
    assert!(said.contains("cannot be set: offsets are committed with the transaction"), "{said}");
    let said = only_fault("[kafka.properties]\n\"isolation.level\" = \"read_uncommitted\"\n", &[]);
    assert!(said.contains("must not be read"), "{said}");
}

#[test]
fn a_password_ends_at_the_last_at_sign_and_a_url_without_one_is_shown_as_it_is() {
    for (url, shown) in [
        ("https://me:pa/ss@host:8081/path", "https://***@host:8081/path"),
        ("https://me:p@ss@host:8081", "https://***@host:8081"),
        ("http://host:8081/path", "http://host:8081/path"),
        ("", ""),
    ] {
        assert_eq!(Registry { url: Some(url.to_owned()) }.masked_url(), shown);
    }
}

#[test]
fn what_is_refused_is_refused_under_each_of_its_names() {
    for name in [
        "acks",
        "request.required.acks",
        "auto.commit.enable",
        "enable.auto.commit",
        "bootstrap.servers",
        "metadata.broker.list",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "message.max.bytes",
        "statistics.interval.ms",
        "delivery.report.only.error",
        "log_level",
    ] {
        let said = only_fault(&format!("[kafka.properties]\n\"{name}\" = \"1\"\n"), &[]);
        assert!(said.contains(name) && said.contains("cannot be set: "), "{said}");
    }
}

#[test]
fn what_we_only_prefer_is_the_operators_under_each_of_its_names() {
    for name in [
        "compression.codec",
        "compression.type",
        "fetch.message.max.bytes",
        "fetch.queue.backoff.ms",
        "linger.ms",
        "max.partition.fetch.bytes",
        "queue.buffering.max.ms",
    ] {
        let config = load(&format!("[kafka.properties]\n\"{name}\" = \"1\"\n"), &[]).expect("is taken");
        assert_eq!(config.kafka.properties.iter().collect::<Vec<_>>(), [(name, "1")]);
    }
}

#[test]
fn a_transaction_ends_before_the_session_does() {
    let said = only_fault("[kafka]\nsession_timeout_ms = 10000\n", &[]);
    assert!(said.contains("kafka.transaction_timeout_ms is 15000 and not below"), "{said}");
}

#[test]
fn a_namespace_keeps_what_the_file_does_not_mention() {
    let text = "[namespaces.cookie]\nmax_neighbours = 3\n[namespaces.customer_id]\nunique = false\n\
                [namespaces.hotel_card]\npriority = 4\nmax_neighbours = { total = 9, email = 2 }\n";
    let rules = load(text, &[]).expect("valid").rules;
    let cookie = &rules.namespaces["cookie"];
    assert_eq!((cookie.priority, cookie.contested), (9, Contested::Apart));
    assert_eq!(cookie.max_neighbours, NeighbourLimit::total(3));
    assert_eq!(rules.namespaces["customer_id"].max_per_person, None);
    let card = &rules.namespaces["hotel_card"];
    assert_eq!((card.priority, card.max_per_person, card.normalise), (4, None, Normaliser::Text));
    assert_eq!(card.max_neighbours.of["email"], 2);
}

#[test]
fn rules_that_contradict_themselves_are_faults() {
    for (text, expected) in [
        ("[namespaces.email]\nunique = true\nmax_per_person = 5", "contradicts unique = true"),
        ("[namespaces.email]\nunique = false\nmax_per_person = 1", "contradicts unique = false"),
        ("[namespaces.hotel_card]\nunique = true", "the namespace is new"),
        ("[namespaces.email.max_neighbours]\nphon = 5", "did you mean phone?"),
        ("[namespaces.email]\ncontested = \"newst\"", "did you mean \"newest\"?"),
        ("[namespaces.email]\nnormalise = \"text\"", "holds the SHA-256 of an e-mail"),
        ("[namespaces.email]\npriority = 0", "write a number from 1 to 255"),
        ("[namespaces]\nemail = 5", "write a section: [namespaces.email]"),
        ("[namespaces.\"E Mail\"]\npriority = 5", "is no name of a namespace"),
    ] {
        let said = only_fault(text, &[]);
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn a_block_list_that_is_given_takes_the_place_of_the_default_list_of_that_place() {
    let text = "[identity]\nblock = [\" Nobody \", \"ÄRGER\"]\nmax_component = 100\n\
                [identity.guard]\nidentifiers = 0\nnamespaces = [\"email\", \"hotel_card\"]\n\
                [namespaces.email]\nblock_patterns = []\n\
                [namespaces.hotel_card]\npriority = 4\nblock = [\"desk\"]\nblock_patterns = ['staff-\\d+']\n";
    let (rules, default) = (load(text, &[]).expect("valid").rules, Rules::default());
    assert!(rules.block.values().iter().eq(["nobody", "ärger"]), "trimmed, in lower case");
    assert_eq!(rules.block.patterns(), default.block.patterns());
    let email = &rules.namespaces["email"].block;
    assert_eq!(email.values(), default.namespaces["email"].block.values());
    assert!(email.patterns().is_empty());
    let card = &rules.namespaces["hotel_card"].block;
    assert!(card.holds("desk") && card.holds("staff-17") && !card.holds("staff-"));
    assert_eq!((rules.max_component, rules.guard.identifiers), (100, 0));
    assert!(rules.guard.namespaces.iter().map(Namespace::as_str).eq(["email", "hotel_card"]));
    assert_eq!(load("[identity]\nblock = []\n", &[]).expect("valid").rules.block.values().len(), 0);
    let env = [("KINFOLD_IDENTITY__BLOCK", "desk, Till"), ("KINFOLD_IDENTITY__GUARD__IDENTIFIERS", "7")];
    let rules = load("", &env).expect("valid").rules;
    assert!(rules.block.values().iter().eq(["desk", "till"]) && rules.guard.identifiers == 7);
}

#[test]
fn block_lists_and_guards_that_cannot_be_used_are_faults() {
    let long = format!("[identity]\nblock = [\"{}\"]", "x".repeat(257));
    let long_pattern = format!("[namespaces.email]\nblock_patterns = [\"{}\"]", "x".repeat(257));
    let crowd = format!("[identity]\nblock = [{}]", "\"x\",".repeat(10_001));
    let large: Vec<String> = (0..60).map(|i| format!("'\\w{{5}}{i}'")).collect();
    let large = format!("[identity]\nblock_patterns = [{}]", large.join(","));
    for (text, expected) in [
        ("[identity]\nblock = [\" \"]", "identity.block holds an entry that is empty"),
        (&long, "holds an entry that is too long; write at most 256 bytes"),
        (&long_pattern, "holds an entry that is too long; write at most 256 bytes"),
        (&crowd, "identity.block has 10001 entries; write at most 10000"),
        (&large, "identity.block_patterns takes more than 1 MiB of memory"),
        ("[identity]\nblock_patterns = [\"\"]", "holds an entry that is empty"),
        (
            "[namespaces.email]\nblock_patterns = [\"fine\", \"a(b\"]",
            "namespaces.email.block_patterns holds an entry that cannot be used; `a(b` is no regular expression: unclosed group",
        ),
        ("[identity]\nblock = 5", "write a list"),
        ("[identity]\nmax_component = 99", "identity.max_component is 99; write a number from 100 to 20000"),
        ("[identity]\nmax_component = 20001", "write a number from 100 to 20000"),
        ("[identity.guard]\nnamespaces = [\"emal\"]", "is no namespace; did you mean email?"),
        ("[identity.guard]\nidentifiers = -1", "write a number from 0"),
        ("[identity]\nguard = 5", "write a section: [identity.guard]"),
    ] {
        let said = only_fault(text, &[]);
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

#[test]
fn every_pattern_that_cannot_be_used_is_reported_with_its_line() {
    let found = faults("[identity]\nblock_patterns = [\n\"a(\",\n\"fine\",\n\"[\",\n]\n", &[]);
    assert_eq!(found.iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [3, 5]);
}

#[test]
fn no_text_brings_the_reader_down() {
    for text in [
        "\u{0}",
        "[",
        "a = [[[[",
        "[kafka]\n[kafka]",
        "kafka = 5",
        "[kafka]\nproperties = 1e5",
        "x.y.z = 1979-05-27",
    ] {
        assert!(load(text, &[]).is_err(), "{text}");
    }
    assert!(load("", &[("KINFOLD___", ""), ("KINFOLD_KAFKA__", "x"), ("KINFOLD____A", "x")]).is_err());
}

#[test]
fn how_capture_cleans_is_read_and_what_means_nothing_is_a_fault() {
    let text = "[capture]\nip = \"drop\"\nurl_parameters = [\"E-Mail\"]\ndisposable_domains = [\"Mail.example\"]\n\
                stale_after_ms = 1\n[capture.source_regions]\ntill = \"CH\"\n";
    let capture = load(text, &[]).expect("accepted").capture;
    assert_eq!(capture.cleaning.ip, kinfold_capture::IpPolicy::Drop);
    assert!(capture.cleaning.url_parameters.iter().eq(["e_mail"]), "as parameters are compared");
    assert!(capture.cleaning.disposable_domains.iter().eq(["mail.example"]));
    assert_eq!((capture.stale_after_ms, capture.source_regions["till"].as_str()), (1, "CH"));
    for (text, said) in [
        ("[capture]\nip = \"hash\"", "keep"),
        ("[capture]\nurl_parameters = [\"a=b\"]", "is no name of a parameter"),
        ("[capture]\ndisposable_domains = [\"ann@mail.example\"]", "is no domain"),
        ("[capture.source_regions]\ntill = \"Switzerland\"", "is no region"),
    ] {
        assert!(only_fault(text, &[]).contains(said), "{text}: {}", only_fault(text, &[]));
    }
}

#[test]
fn dead_letters_are_kept_as_long_as_raw_records_unless_it_is_said_otherwise() {
    let kept = |text: &str| load(&format!("[topics]\n{text}"), &[]).expect("is right").topics;
    assert_eq!(kept("").refused_retention_ms, 604_800_000);
    assert_eq!(kept("raw_retention_ms = 90000").refused_retention_ms, 90_000);
    let both = kept("raw_retention_ms = 90000\nrefused_retention_ms = 60000");
    assert_eq!((both.raw_retention_ms, both.refused_retention_ms), (90_000, 60_000));
}

#[test]
fn what_became_of_people_and_of_consents_is_kept_for_ever_unless_it_is_said_otherwise() {
    let kept = |text: &str| {
        let topics = load(&format!("[topics]\n{text}"), &[]).expect("is right").topics;
        (topics.identity_change_retention_ms, topics.consent_change_retention_ms)
    };
    assert_eq!(kept(""), (None, None));
    assert_eq!(kept("consent_change_retention_ms = 0"), (None, None));
    assert_eq!(kept("identity_change_retention_ms = 94_608_000_000"), (Some(94_608_000_000), None));
    assert_eq!(kept("consent_change_retention_ms = 86_400_000"), (None, Some(86_400_000)));
    let text = "[topics]\nidentity_change_retention_ms = 86400000\nconsent_change_retention_ms = 86400001";
    let described = load(text, &[]).expect("is right").describe();
    assert!(text.lines().all(|line| described.contains(line)), "{described}");
    let said = only_fault("[topics]\nconsent_change_retention_ms = 90", &[]);
    assert!(
        said.contains("topics.consent_change_retention_ms is 90") && said.contains("or 0 to keep"),
        "{said}"
    );
}

#[test]
fn dead_letters_are_swept_every_hour_unless_it_is_said_otherwise() {
    let interval = |text: &str| load(text, &[]).expect("is right").sweep_interval;
    assert_eq!(interval(""), Some(Duration::from_secs(3600)));
    assert_eq!(interval("[capture]\nsweep_interval_ms = 1000"), Some(Duration::from_secs(1)));
    assert_eq!(interval("[capture]\nsweep_interval_ms = 0"), None);
    assert!(only_fault("[capture]\nsweep_interval_ms = 999", &[]).contains("write at least 1000, or 0"));
}

#[test]
fn the_brake_is_a_part_of_a_whole_and_zero_takes_it_off() {
    let brake = |text: &str| load(&format!("[capture]\n{text}"), &[]).expect("is right").brake;
    assert_eq!(brake(""), Some(BrakeLimits { ratio: 0.5, records: 1000 }));
    assert_eq!(
        brake("brake_ratio = 0.25\nbrake_records = 40"),
        Some(BrakeLimits { ratio: 0.25, records: 40 })
    );
    assert_eq!((brake("brake_ratio = 0"), brake("brake_ratio = 0.0")), (None, None));
    let variable = ("KINFOLD_CAPTURE__BRAKE_RATIO", "0.75");
    assert_eq!(load("", &[variable]).expect("is right").brake.map(|brake| brake.ratio), Some(0.75));
    for wrong in ["1", "1.0", "-0.5", "nan", "inf", "\"half\"", "true"] {
        let fault = only_fault(&format!("[capture]\nbrake_ratio = {wrong}"), &[]);
        assert!(fault.contains("brake_ratio") && fault.contains("for example 0.5"), "{fault}");
    }
}

#[test]
fn an_email_may_be_normalised_in_any_way_that_meets_its_hash() {
    for name in ["email", "email_uid2", "email_provider"] {
        assert!(load(&format!("[namespaces.email]\nnormalise = \"{name}\""), &[]).is_ok(), "{name}");
    }
}

#[test]
fn purposes_are_declared_by_name_and_one_that_is_not_is_strict_and_lasts() {
    let text = r#"
[purposes.marketing]
merge = "newest"
valid_for_ms = 31_536_000_000
double_opt_in = true
[purposes."l'offre \"du jour\" \\"]
[purposes."cafe\u0301"]
valid_for_ms = 86_400_000
"#;
    let config = load(text, &[("KINFOLD_PURPOSES__SERVICE__MERGE", "newest")]).expect("valid");
    let declared = &config.purposes;
    let newest = Purpose { merge: MergePolicy::Newest, ..Purpose::default() };
    let year = Purpose { valid_for_ms: Some(31_536_000_000), double_opt_in: true, ..newest.clone() };
    assert_eq!(declared.get("marketing"), year);
    let day = Purpose { valid_for_ms: Some(86_400_000), ..Purpose::default() };
    assert_eq!(declared.get("caf\u{e9}"), day, "as touchpoints are spelt");
    assert_eq!(declared.get("service"), newest);
    assert_eq!(declared.get("analytics"), Purpose::default());
    assert_eq!(declared.iter().count(), 4);
    assert_eq!(load(&config.describe(), &[]).expect("accepted").purposes, config.purposes);
}

#[test]
fn purposes_that_cannot_be_meant_are_faults() {
    let long = format!("[purposes.{}]", "x".repeat(65));
    let crowd: String = (0..65).map(|n| format!("[purposes.p{n}]\n")).collect();
    for (text, expected) in [
        ("[purposes]\nmarketing = 5", "purposes.marketing is a number and not a section; write a section"),
        ("[purposes.marketing]\nmerge = \"kindest\"", "purposes.marketing.merge is none of its choices"),
        ("[purposes.marketing]\ndouble_opt_in = \"maybe\"", "purposes.marketing.double_opt_in is"),
        (
            "[purposes.marketing]\nvalid_for_ms = 365",
            "purposes.marketing.valid_for_ms is 365; write a number from 86400000 to 3153600000000",
        ),
        (
            "[purposes.marketing]\nvalid_for_days = 365",
            "purposes.marketing.valid_for_days is no setting; did you mean purposes.marketing.valid_for_ms?",
        ),
        ("[purposes.\" marketing\"]", "is no name of a purpose; write 1 to 64 bytes"),
        ("[purposes.\"mar\\u0007keting\"]", "is no name of a purpose; write 1 to 64 bytes"),
        ("[purposes.\"\"]", "is no name of a purpose; write 1 to 64 bytes"),
        (&long, "is no name of a purpose; write 1 to 64 bytes"),
        ("[purposes.\"caf\\u00e9\"]\n[purposes.\"cafe\\u0301\"]", "is declared twice"),
        (&crowd, "purposes declares 65 purposes; declare at most 64"),
    ] {
        let said = only_fault(text, &[]);
        assert!(said.contains(expected), "{text}: {said}");
    }
}

#[test]
fn each_pack_of_purposes_can_be_appended_to_a_configuration() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/purposes");
    let entries = std::fs::read_dir(&folder).expect("the folder of packs");
    let paths = entries.map(|entry| entry.expect("can be listed").path());
    let packs: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    assert_eq!(packs.len(), 3, "{packs:?}");
    for path in packs {
        let place = path.display();
        let pack = std::fs::read_to_string(&path).expect("a pack is text");
        let table: toml::Table = pack.parse().expect("TOML");
        assert!(table.keys().eq(["purposes"]), "{place} declares something else");
        let config = load(&format!("[kafka]\nworkers = 2\n{pack}"), &[])
            .unwrap_or_else(|faults| panic!("{place}: {faults}"));
        assert_eq!(config.kafka.workers, 2);
        let declared = table["purposes"].as_table().expect("a section");
        assert!(!declared.is_empty() && config.purposes.iter().count() == declared.len(), "{place}");
    }
}
