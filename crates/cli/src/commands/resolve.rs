//! `kinfold resolve`: files of touchpoints in, people out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::map::named;
use super::{Failure, load, say};
use crate::input::Lines;
use crate::run::{Run, Setup};
use crate::{output, tables};

/// What to resolve.
#[derive(Args)]
pub struct Resolve {
    /// The configuration, a TOML file; every setting has a default.
    #[arg(long, env = "KINFOLD_CONFIG")]
    config: Option<PathBuf>,
    /// Keep the state in this folder; the next call goes on from there.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Write assignments.jsonl, profiles.jsonl, profiles.OUTPUT.jsonl of each output, consents.jsonl, refused.jsonl,
    /// changes.jsonl and report.json here.
    #[arg(long)]
    out: Option<PathBuf>,
    /// End with status 2 when a record was refused.
    #[arg(long)]
    strict: bool,
    /// The files are payloads of this source, which has a mapping: each file, or each line of a .jsonl, is a record.
    #[arg(long)]
    source: Option<String>,
    /// Touchpoints, one JSON object a line; gzipped where the name ends in .gz. None are needed with --state.
    #[arg(required_unless_present = "state")]
    files: Vec<PathBuf>,
}

impl Resolve {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = load(self.config.as_deref())?;
        let passing = tempfile::tempdir().map_err(Failure::file(&std::env::temp_dir()))?;
        let mapping = self.source.as_deref().map(|name| named(&config, name)).transpose()?;
        let mut setup = Setup::new(config, self.state.as_deref())?;
        if let Some(mapping) = mapping {
            setup = setup.with_source(mapping);
        }
        let mut run = setup.begin(&self.state.as_deref().unwrap_or(passing.path()).join("store"))?;
        if run.revised > 0 {
            say(format_args!("rules changed: {} people changed", run.revised))?;
        }
        let bytes = self.files.iter().map(|path| size(path)).sum::<Result<u64, _>>()?;
        let bar = progress(bytes);
        let mut offset = 0;
        for path in &self.files {
            match &self.source {
                Some(source) => feed_payload(&mut run, source, path, &mut offset, &bar)?,
                None => feed_file(&mut run, path, &bar)?,
            }
        }
        run.publish()?;
        bar.finish_and_clear();
        let report = output::write(&run, self.out.as_deref())?;
        say(format_args!("{}", tables::report(&report, run.began.elapsed())))?;
        if let Some(out) = &self.out {
            say(format_args!(
                "people, assignments, consents, refusals and changes are in {}",
                out.display()
            ))?;
        }
        match run.counts() {
            (_, refused) if refused > 0 && self.strict => Err(Failure::Refused(refused)),
            _ => Ok(()),
        }
    }
}

fn size(path: &Path) -> Result<u64, Failure> {
    std::fs::metadata(path).map(|metadata| metadata.len()).map_err(Failure::file(path))
}

/// A payload is a record by itself, but for lines, each of which is one.
fn feed_payload(
    run: &mut Run<'_>,
    source: &str,
    path: &Path,
    offset: &mut i64,
    bar: &ProgressBar,
) -> Result<(), Failure> {
    let origin: Arc<str> = source.into();
    let name = path.to_string_lossy();
    if !name.ends_with(".jsonl") && !name.ends_with(".jsonl.gz") {
        let record = std::fs::read(path).map_err(Failure::file(path))?;
        bar.inc(record.len() as u64);
        run.feed(&origin, *offset, record)?;
        *offset += 1;
        return Ok(());
    }
    let reading = bar.clone();
    let mut lines = Lines::open(path, move |bytes| reading.inc(bytes))?;
    while let Some(line) = lines.next_line().map_err(Failure::file(path))? {
        if !line.is_empty() {
            run.feed(&origin, *offset, line)?;
        }
        *offset += 1;
    }
    Ok(())
}

fn feed_file(run: &mut Run<'_>, path: &Path, bar: &ProgressBar) -> Result<(), Failure> {
    let source: Arc<str> = path.file_name().unwrap_or_default().to_string_lossy().into();
    let reading = bar.clone();
    let mut lines = Lines::open(path, move |bytes| reading.inc(bytes))?;
    let mut offset = 0;
    while let Some(line) = lines.next_line().map_err(Failure::file(path))? {
        if !line.is_empty() {
            run.feed(&source, offset, line)?;
        }
        offset += 1;
        if offset % 1000 == 0 {
            let (consumed, _) = run.counts();
            bar.set_message(format!("{:.0}/s", consumed as f64 / run.began.elapsed().as_secs_f64()));
        }
    }
    Ok(())
}

/// Shows how much of the files was read, at what rate, and how long it will take; only on a terminal.
fn progress(bytes: u64) -> ProgressBar {
    let template = "{wide_bar} {percent:>3} %  {msg} touchpoints  {eta} left";
    ProgressBar::new(bytes)
        .with_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()))
}
