//! A consumer from its first line to its exit code.
//!
//! Exit codes: 0 it was asked to stop and did; 1 a fault that no retry mends; 64 wrong usage or configuration; 75 it was
//! asked to stop and could not end in order in time, which costs nothing but a longer start.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use clap::Parser;
use kinfold_checkpoint::{Depot, DepotError};
use kinfold_kafka::{Identity, Settings};
use kinfold_mapping::Sources;
use kinfold_model::Keys;
use kinfold_pipeline::{Metrics, StageName, Topology};
use kinfold_store::Memory;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::config::Config;
use crate::copies::Copies;
use crate::http::{Health, serve};
use crate::letters::{Rounds, UnderWay};
use crate::registry::register;
use crate::reporter::Reporter;
use crate::sources;
use crate::supervisor::Supervisor;
use crate::{telemetry, valuation};

/// The exit code of wrong usage and wrong configuration, as `sysexits.h` has it.
pub const USAGE: u8 = 64;

/// The exit code of a stop that took too long, as `sysexits.h` has it for what may be tried again.
const TOO_LATE: i32 = 75;
/// How long an orderly stop may take. A commit may have to wait for the broker; orchestrators kill after 30 seconds.
const STOP_MAX: Duration = Duration::from_secs(25);

/// What tells the three consumers apart.
pub struct Process {
    /// Of the binary.
    pub name: &'static str,
    /// Which stages it runs, each on threads of its own.
    pub stages: &'static [StageName],
    /// Where it answers over HTTP unless the configuration says otherwise.
    pub port: u16,
}

/// `kinfold-capture`.
pub const CAPTURE: Process = Process { name: "kinfold-capture", stages: &[StageName::Capture], port: 9701 };
/// `kinfold-stitch`.
pub const STITCH: Process = Process { name: "kinfold-stitch", stages: &[StageName::Stitch], port: 9702 };
/// `kinfold-profile`.
pub const PROFILE: Process = Process {
    name: "kinfold-profile",
    stages: &[StageName::Facets, StageName::People, StageName::Privacy],
    port: 9703,
};

/// One of Kinfold's consumers. Every setting can also be given as `KINFOLD_SECTION__KEY` in the environment.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration, a TOML file; every setting has a default.
    #[arg(long, env = "KINFOLD_CONFIG")]
    config: Option<PathBuf>,
}

/// Runs a consumer until it is asked to stop.
#[must_use]
pub fn main_of(process: &Process) -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            return complain(error.render().ansi(), code);
        }
    };
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let config = match Config::load(arguments.config.as_deref(), environment) {
        Ok(config) => config,
        Err(faults) => return complain(faults, USAGE),
    };
    if let Err(missing) = config.require_secret() {
        return complain(missing, USAGE);
    }
    if let Err(fault) = telemetry::init(&config.log) {
        return complain(fault, USAGE);
    }
    match run(process, &config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "{} stops", process.name);
            ExitCode::FAILURE
        }
    }
}

fn run(process: &Process, config: &Config) -> Result<(), Box<dyn std::error::Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // The second signal ends the process at once.
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    end_in_time(Arc::clone(&stop));
    let metrics =
        Metrics::new(env!("CARGO_PKG_VERSION"), process.stages)?.with_sources(&config.topics.sources);
    let health = Arc::new(Health::new());
    let (sources, releases) = (Arc::new(Sources::default()), Arc::new(AtomicU64::new(0)));
    // First of all, and in every process, since a signal that nobody waits for ends it.
    let hangups = Signals::new([SIGHUP])?;
    if process.stages.contains(&StageName::Capture) {
        begin_sources(config, &sources, &metrics)?;
        let (config, sources, metrics) = (config.clone(), Arc::clone(&sources), metrics.clone());
        let releases = Arc::clone(&releases);
        on_hangup(hangups, move || {
            reload(&config, &sources, &metrics);
            releases.fetch_add(1, Ordering::Release);
        });
    }
    // A process that has no model would tell values otherwise than the others.
    let folds = process.stages.contains(&StageName::People);
    let profile = folds.then(|| valuation::settings(config)).transpose()?.unwrap_or_default();
    let workers = workers(process, config);
    workers.iter().for_each(|worker| Reporter::new(*worker, &health).stands_still("starting"));
    let listen = config.http.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], process.port)));
    let server = serve(listen, Arc::clone(&health), metrics.registry.clone(), metrics.ready.clone())?;
    tracing::info!(address = %server.address(), kafka = config.kafka.bootstrap, "{} starts", process.name);
    let interval = config.sweep_interval.filter(|_| process.stages.contains(&StageName::Capture));
    let rounds = interval.map(|interval| {
        let (sources, health, stop) = (Arc::clone(&sources), Arc::clone(&health), Arc::clone(&stop));
        let (config, metrics, keys) = (config.clone(), metrics.clone(), Keys::new(config.require_secret()?));
        let rounds = Rounds { config, keys, interval, sources, health, metrics, stop };
        Ok::<_, Box<dyn std::error::Error>>(rounds.begin()?)
    });
    let rounds = rounds.transpose()?;
    let copies =
        depot(config)?.map(|depot| Copies::new(depot, config.checkpoints.interval_ms, metrics.clone()));
    let supervisor = Supervisor {
        config,
        settings: kafka_settings(config),
        memory: Memory::new(config.state.cache_bytes),
        copies,
        metrics,
        health,
        stop,
        sources,
        profile: Arc::new(profile),
        releases,
    };
    let ended = thread::scope(|scope| {
        let threads = workers.iter().map(|worker| scope.spawn(|| supervisor.supervise(*worker)));
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(thread::ScopedJoinHandle::join).collect::<Result<Vec<()>, _>>()
    });
    server.stop();
    ended.and(rounds.map_or(Ok(()), UnderWay::end)).map_err(
        |_| "a worker panicked; its message stands above. The process ends so that it can be started anew",
    )?;
    tracing::info!("{} has stopped", process.name);
    Ok(())
}

/// Ends the process if it is asked to stop and does not in time: what was not committed is done again by the next.
fn end_in_time(stop: Arc<AtomicBool>) {
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(100));
        }
        thread::sleep(STOP_MAX);
        tracing::error!("could not stop in order within {} s; the process ends", STOP_MAX.as_secs());
        std::process::exit(TOO_LATE);
    });
}

/// The mappings with which capture begins: all of them, or it does not begin, because records of a source without its
/// mapping would be refused as if they were wrong.
fn begin_sources(config: &Config, sources: &Sources, metrics: &Metrics) -> Result<(), String> {
    let folder = config.sources_dir.display();
    let (loaded, faults) = sources::load(config).map_err(|error| format!("{folder}: {error}"))?;
    if !faults.is_empty() {
        let lines: Vec<String> = faults.into_values().flatten().collect();
        return Err(format!("the sources in {folder} have faults:\n  {}", lines.join("\n  ")));
    }
    loaded.keys().for_each(|name| metrics.knows(name));
    tracing::info!(%folder, count = loaded.len(), "mappings are ready");
    sources.replace(loaded);
    Ok(())
}

/// On SIGHUP every source is read again, and what was held for too many refusals is let go.
fn on_hangup(mut hangups: Signals, act: impl Fn() + Send + 'static) {
    thread::spawn(move || {
        for _ in &mut hangups {
            act();
        }
    });
}

/// Reads every source again. One that has a fault stays as it was, and so does one whose files are gone.
fn reload(config: &Config, sources: &Sources, metrics: &Metrics) {
    let (loaded, faults) = match sources::load(config) {
        Ok(read) => read,
        Err(error) => {
            let folder = config.sources_dir.display();
            tracing::error!(%folder, %error, "the folder cannot be read; all mappings stay as they were");
            return;
        }
    };
    for (name, faults) in &faults {
        metrics.reloaded(name, false);
        for fault in faults {
            tracing::error!(source = %name, fault, "the mapping stays as it was");
        }
    }
    let mut next = (*sources.current()).clone();
    for name in next.keys().filter(|name| !loaded.contains_key(*name) && !faults.contains_key(*name)) {
        tracing::warn!(source = %name, "its files are gone; its mapping stays until the process starts anew");
    }
    for (name, source) in loaded {
        metrics.knows(&name);
        metrics.reloaded(&name, true);
        tracing::info!(source = %name, "the mapping was read again");
        next.insert(name, source);
    }
    sources.replace(next);
}

/// All workers of a process: so many threads for each of its stages.
fn workers(process: &Process, config: &Config) -> Vec<Identity> {
    let of = |stage: &StageName| {
        let stage = *stage;
        (0..config.kafka.workers).map(move |worker| Identity { stage, worker })
    };
    process.stages.iter().flat_map(of).collect()
}

/// What the Kafka driver is told of the configuration.
#[must_use]
pub fn kafka_settings(config: &Config) -> Settings {
    let kafka = &config.kafka;
    Settings {
        bootstrap: kafka.bootstrap.clone(),
        prefix: config.deployment.prefix.clone(),
        instance: config.deployment.instance.clone(),
        sources: config.topics.sources.clone(),
        outputs: config.outputs.names().map(ToString::to_string).collect(),
        // By these times it is decided whether a consent came after an erasure, and may lift it.
        broker_time: !config.privacy.returning.is_empty(),
        commit_interval: Duration::from_millis(kafka.commit_interval_ms),
        session_timeout: Duration::from_millis(u64::from(kafka.session_timeout_ms)),
        transaction_timeout: Duration::from_millis(u64::from(kafka.transaction_timeout_ms)),
        queue_bytes_max: usize::try_from(kafka.queue_bytes_max).unwrap_or(usize::MAX),
        standbys: config.state.standbys,
        lost_records: kafka.lost_records,
        properties: kafka
            .properties
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

/// Where copies of stores are kept, if anywhere. Credentials come from the environment, under the names that the vendors'
/// own tools give them.
///
/// # Errors
/// When the configuration names no object store that can be opened.
pub fn depot(config: &Config) -> Result<Option<Depot>, DepotError> {
    let Some(url) = &config.checkpoints.url else { return Ok(None) };
    let is_vendors = |name: &str| ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|vendor| name.starts_with(vendor));
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let options: Vec<(String, String)> =
        std::env::vars_os().filter_map(text).filter(|(name, _)| is_vendors(name)).collect();
    Depot::open(url, &options).map(Some)
}

/// How records of public topics are framed in a deployment: the schema registry is asked, if one is configured.
///
/// # Errors
/// A sentence, when the registry does not answer or refuses a schema.
pub fn framing(config: &Config) -> Result<Topology, String> {
    let mut topology = Topology::default();
    if let Some(url) = &config.registry.url {
        register(url, &config.deployment.prefix, &mut topology).map_err(|error| error.to_string())?;
    }
    Ok(topology)
}

#[expect(clippy::print_stderr, reason = "before the log is set up, and for whoever typed the command")]
fn complain(what: impl std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("{what}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOML: &str = "format = \"json\"\n";
    const RECORD: &str = r#"{"c": "x"}"#;

    fn write(folder: &std::path::Path, program: &str, expected: &str) {
        std::fs::write(folder.join("shop.toml"), TOML).expect("writes");
        std::fs::write(folder.join("shop.jq"), program).expect("writes");
        std::fs::create_dir_all(folder.join("shop.cases")).expect("writes");
        std::fs::write(folder.join("shop.cases/one.json"), RECORD).expect("writes");
        std::fs::write(folder.join("shop.cases/one.out.json"), expected).expect("writes");
    }

    fn expected(kind: &str) -> String {
        format!(
            r#"{{"touchpoints": [{{"time": 0, "type": "{kind}", "source": "shop", "identifiers": [{{"namespace": "cookie", "value": "x"}}]}}], "refused": [], "dropped": {{}}}}"#
        )
    }

    fn program(kind: &str) -> String {
        format!(r#"{{time: 0, type: "{kind}", identifiers: [id("cookie"; .c)]}}"#)
    }

    #[test]
    fn a_source_is_replaced_only_when_it_compiles_and_all_its_cases_come_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = Config::load(None, std::iter::empty()).expect("defaults are right");
        let config = Config { sources_dir: folder.path().to_path_buf(), ..config };
        let metrics = Metrics::new("1", &[StageName::Capture]).expect("names are legal");
        let sources = Sources::default();
        write(folder.path(), &program("one"), &expected("one"));
        begin_sources(&config, &sources, &metrics).expect("the source is right");
        let now = || {
            let mapped = sources.get("shop").expect("is there").map(RECORD.as_bytes()).expect("is read");
            mapped.parts[0].made.as_ref().map(ToString::to_string).expect("is mapped")
        };
        assert!(now().contains("\"one\""));
        for (program, expected) in [
            ("{time: 0, identifiers: [".to_owned(), expected("one")),
            (program("two"), expected("one")),
            (program("two"), "{".to_owned()),
        ] {
            write(folder.path(), &program, &expected);
            reload(&config, &sources, &metrics);
            assert!(now().contains("\"one\""), "{program}");
            assert!(begin_sources(&config, &Sources::default(), &metrics).is_err());
        }
        write(folder.path(), &program("two"), &expected("two"));
        reload(&config, &sources, &metrics);
        assert!(now().contains("\"two\""));
        std::fs::remove_dir_all(folder.path()).expect("removes");
        reload(&config, &sources, &metrics);
        assert!(now().contains("\"two\""), "a source whose files are gone stays");
        let counts: Vec<String> = metrics
            .registry
            .gather()
            .iter()
            .filter(|family| family.name() == "kinfold_source_reloads_total")
            .flat_map(|family| family.get_metric().iter())
            .map(|metric| format!("{} {}", metric.get_label()[0].value(), metric.get_counter().get_value()))
            .collect();
        assert_eq!(counts, ["kept 3", "replaced 1"]);
    }

    #[test]
    fn a_deployment_without_a_folder_has_no_mappings() {
        let config = Config::load(None, std::iter::empty()).expect("defaults are right");
        let config = Config { sources_dir: "/does/not/exist".into(), ..config };
        let metrics = Metrics::new("1", &[StageName::Capture]).expect("names are legal");
        let sources = Sources::default();
        assert!(begin_sources(&config, &sources, &metrics).is_ok() && sources.current().is_empty());
    }
}
