//! What each setting is. In: the file's text and the environment. Out: the configuration, with every check that can
//! be made without asking the world; whether topics and brokers are as described is checked later.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kinfold_capture::{Cleaning, IpPolicy, UnknownMembers};
use kinfold_kafka::LostRecords;
use kinfold_model::keys::Secret;
use kinfold_pipeline::BrakeLimits;
use kinfold_value::lifecycle::personal;
use tracing_subscriber::EnvFilter;

use super::faults::{ConfigFaults, Fault, Origin};
use super::lifecycle::read_lifecycle;
use super::namespaces::{self, read_rules};
use super::outputs::{Shown, read_outputs};
use super::privacy::read_privacy;
use super::profile::read_profile;
use super::properties::Properties;
use super::purposes::read_purposes;
use super::reader::{Check, Reader, Section};
use super::signals::read_signals;
use super::survivorship::read_survivorship;
use super::tree::{self, Table};
use super::value::read_value;
use super::{Checkpoints, Config, Deployment, Http, Kafka, Log, LogFormat, Registry, State, Topics};

pub(super) const DAY_MS: i64 = 86_400_000;
const SECRET_VARIABLE: &str = "KINFOLD_SECRET";
/// The generator speaks for each of them.
const SOURCES: [&str; 7] = ["webshop", "till", "crm", "email", "social", "survey", "callcentre"];

/// Loads a configuration; beside it the full names of all settings and sections that exist.
pub(super) fn load(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<(Config, BTreeSet<String>), ConfigFaults> {
    let mut secret = None;
    let env = env.filter(|(name, value)| {
        let is_secret = name == SECRET_VARIABLE;
        if is_secret && !value.trim().is_empty() {
            secret = Some(value.clone());
        }
        !is_secret
    });
    let env: Vec<_> = env.collect();
    let mut faults = Vec::new();
    let mut tree = read_file(file, &mut faults);
    let syntax: BTreeSet<Origin> = faults.iter().map(|fault| fault.origin.clone()).collect();
    let others = tree::lay_over(&mut tree, env.into_iter(), &mut faults);

    let reader = Reader::default();
    let config = read(reader.root(tree), secret.as_deref(), &reader);
    let (known, meant) = reader.into_parts();
    // What stands in a line that is not TOML was read by guesswork: its syntax is fault enough.
    faults.extend(
        meant.into_iter().filter(|fault| !syntax.contains(&fault.origin) || fault.origin == Origin::Whole),
    );
    faults.extend(others.into_iter().filter_map(|name| single_underscore(name, &known)));
    if faults.is_empty() { Ok((config, known)) } else { Err(ConfigFaults::new(file, faults)) }
}

fn read_file(file: Option<&Path>, faults: &mut Vec<Fault>) -> Table {
    let Some(path) = file else { return Table::new() };
    match std::fs::read_to_string(path) {
        Ok(text) => tree::from_toml(&text, faults),
        Err(error) => {
            faults.push(Fault {
                origin: Origin::Whole,
                key: String::new(),
                what: format!("the file cannot be read ({error})"),
                remedy: "name a readable TOML file, or none: every setting has a default".to_owned(),
            });
            Table::new()
        }
    }
}

fn read(mut root: Section<'_>, secret: Option<&str>, reader: &Reader) -> Config {
    let Capturing { capture, sources_dir, brake, sweep_interval } =
        capture(root.section("capture"), root.section("signals"));
    let namespaces::Declared { rules, ageing } =
        read_rules(root.section("identity"), root.section("namespaces"));
    let purposes = read_purposes(&mut root);
    let mut profile = root.section("profile");
    let survivorship = read_survivorship(root.section("attributes"), &mut profile).with_identifiers(ageing);
    let settings = kinfold_profile::Settings {
        lifecycle: read_lifecycle(root.section("lifecycle")),
        personal: personal(&rules),
        ..read_profile(&mut profile, root.section("orders"))
    };
    profile.finish();
    let value = read_value(root.section("value"));
    let shown = Shown {
        interests: if survivorship.interests_max > 0 { Some(&survivorship.interests) } else { None },
        timeline: settings.timeline,
        has_model: value.model.is_some(),
    };
    let outputs = read_outputs(&mut root, &purposes, &rules, shown);
    let privacy = read_privacy(&mut root, &purposes);
    let config = Config {
        deployment: deployment(root.section("deployment"), secret, reader),
        kafka: kafka(root.section("kafka")),
        registry: registry(root.section("registry")),
        topics: topics(root.section("topics")),
        http: http(root.section("http")),
        state: state(root.section("state")),
        checkpoints: checkpoints(root.section("checkpoints")),
        capture,
        sources_dir,
        brake,
        sweep_interval,
        log: log(root.section("log")),
        rules,
        purposes,
        survivorship,
        profile: settings,
        value,
        outputs,
        privacy,
    };
    root.finish();
    config
}

fn deployment(mut section: Section<'_>, given: Option<&str>, reader: &Reader) -> Deployment {
    let prefix = section.text("prefix", "kinfold.", |text| {
        let topic = "use at most 100 of the letters A-Z a-z 0-9 . _ -, as Kafka allows in names of topics";
        allow(text.len() <= 100 && text.bytes().all(is_name_byte), "is no beginning of a topic's name", topic)
    });
    let instance = section.text("instance", "1", |text| {
        let name = "use 1 to 100 of the letters A-Z a-z 0-9 . _ -, for example the ordinal of a StatefulSet";
        allow(is_name(text), "is no name", name)
    });
    let file = section.text("secret_file", "", |_| Ok(()));
    let secret_file = (!file.is_empty()).then(|| PathBuf::from(&file));
    let secret = match (given, &secret_file) {
        (Some(text), _) => Secret::new(text.as_bytes()).map_err(|error| {
            let origin = Origin::Variable(SECRET_VARIABLE.to_owned());
            let (what, remedy) = ("is too short".to_owned(), error.to_string());
            reader.note(Fault { origin, key: "the secret".to_owned(), what, remedy });
        }),
        (None, Some(path)) => {
            secret_of(path).map_err(|(what, remedy)| section.fault("secret_file", what, remedy))
        }
        (None, None) => Err(()),
    };
    section.finish();
    Deployment { prefix, instance, secret: secret.ok(), secret_file }
}

fn secret_of(path: &Path) -> Result<Secret, (String, String)> {
    let make = format!("make it with `openssl rand -hex 32 > {}`", path.display());
    let bytes = std::fs::read(path).map_err(|error| (format!("cannot be read ({error})"), make.clone()))?;
    Secret::new(&bytes)
        .map_err(|error| ("names a file whose secret is too short".to_owned(), error.to_string()))
}

fn kafka(mut section: Section<'_>) -> Kafka {
    let bootstrap = section.text("bootstrap", "127.0.0.1:9092", |text| {
        let all = text.split(',').all(|broker| {
            broker
                .trim()
                .rsplit_once(':')
                .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        });
        allow(all, "is no list of brokers", "write host:port, with commas between several")
    });
    let kafka = Kafka {
        bootstrap,
        commit_interval_ms: section.number("commit_interval_ms", 100, 1..=60_000),
        workers: section.number("workers", 1, 1..=256),
        batch_records: section.number("batch_records", 2000, 1..=100_000),
        batch_bytes_max: section.number("batch_bytes_max", 8_388_608, 1024..=1_073_741_824),
        session_timeout_ms: section.number("session_timeout_ms", 45_000, 6_000..=1_800_000),
        transaction_timeout_ms: section.number("transaction_timeout_ms", 15_000, 1_000..=900_000),
        // librdkafka counts in kilobytes, with 31 bits.
        queue_bytes_max: section.number("queue_bytes_max", 16_777_216, 1_048_576..=2_147_482_624),
        lost_records: section
            .given_choice("lost_records", &LostRecords::ALL, LostRecords::as_str)
            .unwrap_or_default(),
        properties: Properties::read(section.section("properties")),
    };
    if kafka.transaction_timeout_ms >= kafka.session_timeout_ms {
        let what = format!("is {} and not below session_timeout_ms", kafka.transaction_timeout_ms);
        let remedy = format!("write less than {}, or raise session_timeout_ms", kafka.session_timeout_ms);
        section.fault("transaction_timeout_ms", what, remedy);
    }
    section.finish();
    kafka
}

fn registry(mut section: Section<'_>) -> Registry {
    let url = section.text("url", "", |text| {
        let http = text.is_empty() || text.starts_with("http://") || text.starts_with("https://");
        allow(
            http,
            "is no URL",
            "write http://host:port or https://host:port, or \"\" for no schema registry",
        )
    });
    section.finish();
    Registry { url: (!url.is_empty()).then_some(url) }
}

fn topics(mut section: Section<'_>) -> Topics {
    let sources = section.list("sources", &SOURCES, |text| {
        let legal = kinfold_wire::check_source(text);
        legal.map_err(|error| ("is no name of a source", error.to_string()))
    });
    let distinct: BTreeSet<&String> = sources.iter().collect();
    if sources.is_empty() {
        section.fault("sources", "is empty", "name at least one source, or leave the setting out");
    } else if distinct.len() < sources.len() {
        section.fault("sources", "names a source twice", "name each source once");
    }
    let retention = 60_000..=3650 * DAY_MS;
    let raw_retention_ms = section.number("raw_retention_ms", 7 * DAY_MS, retention.clone());
    let topics = Topics {
        sources,
        partitions: section.number("partitions", 12, 1..=10_000),
        replication: section.number("replication", 1, 1..=100),
        raw_retention_ms,
        refused_retention_ms: section.number("refused_retention_ms", raw_retention_ms, retention),
        identity_change_retention_ms: history(&mut section, "identity_change_retention_ms"),
        consent_change_retention_ms: history(&mut section, "consent_change_retention_ms"),
    };
    section.finish();
    topics
}

/// How long a history is kept, for ever unless it is said. Not for less than a day, so that a number of days or seconds that was
/// written by mistake is noticed.
fn history(section: &mut Section<'_>, key: &str) -> Option<i64> {
    let retention_ms = section.number(key, 0, 0..=36_500 * DAY_MS);
    if (1..DAY_MS).contains(&retention_ms) {
        section.fault(
            key,
            format!("is {retention_ms}"),
            format!("write at least {DAY_MS}, or 0 to keep it for ever"),
        );
    }
    (retention_ms > 0).then_some(retention_ms)
}

fn http(mut section: Section<'_>) -> Http {
    let listen = section.text("listen", "", |text| {
        let address = text.is_empty() || text.parse::<SocketAddr>().is_ok();
        allow(
            address,
            "is no address",
            "write an IP address and a port, for example 127.0.0.1:9702 or 0.0.0.0:9702",
        )
    });
    section.finish();
    Http { listen: listen.parse().ok() }
}

fn state(mut section: Section<'_>) -> State {
    let dir = section.text("dir", "state", |text| allow(!text.is_empty(), "is empty", "name a folder"));
    let cache_bytes = section.number("cache_bytes", 268_435_456, 8_388_608..=1_099_511_627_776);
    let standbys = section.number("standbys", 0, 0..=16);
    let rewrite_interval_ms = section.number("rewrite_interval_ms", 86_400_000, 1000..=604_800_000);
    section.finish();
    State { dir: PathBuf::from(dir), cache_bytes, standbys, rewrite_interval_ms }
}

fn checkpoints(mut section: Section<'_>) -> Checkpoints {
    let url = section.text("url", "", |text| {
        let schemes = ["s3://", "gs://", "az://", "file:///"];
        let known = text.is_empty() || schemes.iter().any(|scheme| text.starts_with(scheme));
        allow(
            known,
            "is no object store",
            "write s3://bucket/path, gs://…, az://… or file:///path, or \"\" for none",
        )
    });
    let interval_ms = section.number("interval_ms", 600_000, 1_000..=7 * DAY_MS);
    section.finish();
    Checkpoints { url: (!url.is_empty()).then_some(url), interval_ms }
}

/// What `[capture]` says of the stage, and of the process around it.
struct Capturing {
    capture: kinfold_capture::Settings,
    sources_dir: PathBuf,
    brake: Option<BrakeLimits>,
    sweep_interval: Option<Duration>,
}

fn capture(mut section: Section<'_>, signals: Section<'_>) -> Capturing {
    let unknown = section.given_choice("unknown_members", &UnknownMembers::ALL, UnknownMembers::as_str);
    let region = section.text("default_region", "", region);
    let capture = kinfold_capture::Settings {
        unknown_members: unknown.unwrap_or(UnknownMembers::Refuse),
        max_future_ms: section.number("max_future_ms", DAY_MS, 0..=3650 * DAY_MS),
        default_region: (!region.is_empty()).then_some(region),
        source_regions: source_regions(section.section("source_regions")),
        stale_after_ms: section.number("stale_after_ms", 30 * DAY_MS, 0..=36_500 * DAY_MS),
        cleaning: cleaning(&mut section),
        signals: read_signals(signals),
    };
    let dir =
        section.text("sources_dir", "sources", |text| allow(!text.is_empty(), "is empty", "name a folder"));
    let ratio = section.ratio("brake_ratio", 0.5);
    let records = section.number("brake_records", 1000, 1..=100_000);
    let sweep_interval = sweep_interval(&mut section);
    section.finish();
    let brake = (ratio > 0.0).then_some(BrakeLimits { ratio, records });
    Capturing { capture, sources_dir: PathBuf::from(dir), brake, sweep_interval }
}

fn sweep_interval(section: &mut Section<'_>) -> Option<Duration> {
    let interval_ms: u64 = section.number("sweep_interval_ms", 3_600_000, 0..=7 * DAY_MS);
    if (1..1000).contains(&interval_ms) {
        let remedy = "write at least 1000, or 0 to sweep only when somebody asks";
        section.fault("sweep_interval_ms", format!("is {interval_ms}"), remedy);
    }
    (interval_ms > 0).then(|| Duration::from_millis(interval_ms))
}

/// The names are those that touchpoints give, which need not be those of topics.
fn source_regions(mut section: Section<'_>) -> BTreeMap<String, String> {
    let regions =
        section.given().into_iter().map(|source| (source.clone(), section.text(&source, "", region)));
    let regions: BTreeMap<String, String> = regions.filter(|(_, region)| !region.is_empty()).collect();
    section.finish();
    regions
}

fn region(text: &str) -> Check {
    let region = text.is_empty() || (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()));
    allow(region, "is no region", "write two capitals of ISO 3166, for example \"DE\", or \"\" for none")
}

fn cleaning(section: &mut Section<'_>) -> Cleaning {
    let default = Cleaning::default();
    let parameters: Vec<&str> = default.url_parameters.iter().map(String::as_str).collect();
    let parameters = section.list("url_parameters", &parameters, |name| {
        let plain = !name.is_empty() && !name.contains(['&', '=', '?', '#']);
        allow(plain, "is no name of a parameter", "write the name alone, for example \"email\"")
    });
    let domains = section.list("disposable_domains", &[], |domain| {
        let plain = domain.contains('.') && !domain.contains('@') && domain.is_ascii();
        allow(plain, "is no domain", "write what stands behind the @, in ASCII, for example \"mail.example\"")
    });
    Cleaning {
        ip: section.given_choice("ip", &IpPolicy::ALL, IpPolicy::as_str).unwrap_or(default.ip),
        url_parameters: parameters.iter().map(|name| name.to_lowercase().replace('-', "_")).collect(),
        disposable_domains: domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
    }
}

fn log(mut section: Section<'_>) -> Log {
    let format =
        section.given_choice("format", &LogFormat::ALL, LogFormat::as_str).unwrap_or(LogFormat::Text);
    let level = section.text("level", "info", |text| {
        let known = !text.trim().is_empty() && EnvFilter::builder().parse(text).is_ok();
        allow(
            known,
            "is no level",
            "write error, warn, info, debug or trace, or by module: info,rdkafka=warn",
        )
    });
    section.finish();
    Log { format, level }
}

/// A variable with one underscore where two belong is no setting and would be ignored in silence. Only names that
/// would otherwise be a setting are faults: others are not ours, a cluster for one makes `KINFOLD_…_SERVICE_HOST`.
fn single_underscore(name: String, known: &BTreeSet<String>) -> Option<Fault> {
    let variable = |setting: &String| format!("KINFOLD_{}", setting.to_ascii_uppercase().replace('.', "__"));
    let meant =
        known.iter().find(|setting| setting.contains('.') && variable(setting).replace("__", "_") == name)?;
    Some(Fault {
        origin: Origin::Variable(name),
        key: String::new(),
        what: "is not read".to_owned(),
        remedy: format!("did you mean {}, with two underscores?", variable(meant)),
    })
}

pub(super) fn allow(allowed: bool, what: &'static str, remedy: &str) -> Check {
    if allowed { Ok(()) } else { Err((what, remedy.to_owned())) }
}

pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 100 && text.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}
