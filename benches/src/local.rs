//! The whole pipeline in one process, as `kinfold resolve` runs it: lines of a file in, people in a new RocksDB
//! database out. Nothing is written with `--out`.

use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kinfold_cli::commands::Failure;
use kinfold_cli::input::Lines;
use kinfold_cli::run::{Heard, Setup, now};
use kinfold_daemon::config::Config;
use kinfold_pipeline::{Listener, OutRecord};
use kinfold_wire::Topic;

use crate::harness::{Bench, RUNS, timed};
use crate::material;

const TOUCHPOINTS: usize = 200_000;
const PEOPLE: usize = 20_000;
/// As many as a local run takes at once.
const ROUND: usize = 4096;

/// Times whole runs, and then tells the stages apart in one more.
pub(crate) fn run(bench: &mut Bench) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(Failure::file(&std::env::temp_dir()))?;
    let file = folder.path().join("touchpoints.jsonl");
    write(&file, material::records(TOUCHPOINTS, PEOPLE)?).map_err(Failure::file(&file))?;
    let secret = [("KINFOLD_SECRET".to_owned(), material::SECRET.to_owned())];
    let setup = Setup::new(Config::load(None, secret.into_iter())?, None)?;
    bench.ready();
    let mut seconds = [0.0; RUNS];
    for (run, seconds) in seconds.iter_mut().enumerate() {
        let store = folder.path().join(format!("store-{run}"));
        *seconds = timed(|| resolve(&setup, &store, &file))?.0;
    }
    let shares = Shares::of(&setup, &folder.path().join("store-shares"), &file)?;
    bench.row("lines → people", TOUCHPOINTS, seconds, &shares.to_string());
    Ok(())
}

fn write(path: &Path, records: impl Iterator<Item = Vec<u8>>) -> std::io::Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    for record in records {
        file.write_all(&record)?;
        file.write_all(b"\n")?;
    }
    file.flush()
}

fn resolve(setup: &Setup, store: &Path, file: &Path) -> Result<(), Failure> {
    let mut run = setup.begin(store)?;
    let source: Arc<str> = "benchmark".into();
    let mut lines = Lines::open(file, |_| {})?;
    for offset in 0.. {
        match lines.next_line().map_err(Failure::file(file))? {
            Some(line) => run.feed(&source, offset, line)?,
            None => break,
        }
    }
    run.publish()?;
    let (consumed, refused) = run.counts();
    material::all_passed(consumed - refused, TOUCHPOINTS)
}

/// Where the time of a run goes, roughly: a stage ends where its last public record of a round is written, so what
/// it does after that counts for the next one.
struct Shares {
    heard: Heard,
    mark: Instant,
    capture: Duration,
    stitch: Duration,
    profile: Duration,
    publish: Duration,
}

impl Shares {
    fn of(setup: &Setup, store: &Path, file: &Path) -> Result<Self, Failure> {
        let mut lines = Lines::open(file, |_| {})?;
        let mut run = setup.begin(store)?;
        let none = Duration::ZERO;
        let mut shares = Self {
            heard: Heard::default(),
            mark: Instant::now(),
            capture: none,
            stitch: none,
            profile: none,
            publish: none,
        };
        loop {
            let lines = std::iter::from_fn(|| lines.next_line().transpose()).take(ROUND);
            let round = lines.collect::<Result<Vec<_>, _>>().map_err(Failure::file(file))?;
            if round.is_empty() {
                break;
            }
            run.local.feed(&material::raw(round.into_iter())?, &mut shares).map_err(Failure::fault)?;
            let rest = shares.lap();
            shares.profile += rest;
        }
        run.local.publish(now(), &mut shares).map_err(Failure::fault)?;
        let rest = shares.lap();
        shares.publish += rest;
        Ok(shares)
    }

    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        now.duration_since(std::mem::replace(&mut self.mark, now))
    }
}

impl Listener for Shares {
    fn written(&mut self, record: &OutRecord) {
        self.heard.written(record);
        let lap = self.lap();
        match record.topic {
            Topic::Touchpoint | Topic::TouchpointRefused => self.capture += lap,
            Topic::IdentityAssignment | Topic::IdentityChange => self.stitch += lap,
            _ => self.publish += lap,
        }
    }
}

impl std::fmt::Display for Shares {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all = (self.capture + self.stitch + self.profile + self.publish).as_secs_f64();
        let percent = |part: Duration| part.as_secs_f64() * 100.0 / all;
        write!(
            f,
            "reading and capture {:.0} %, stitch {:.0} %, facets and commit {:.0} %, publishing {:.0} %",
            percent(self.capture),
            percent(self.stitch),
            percent(self.profile),
            percent(self.publish),
        )
    }
}
