//! `kinfold demo`: a sample of every channel through all stages, and what came out as tables.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kinfold_model::Timestamp;
use kinfold_pipeline::StageName;
use kinfold_wire::Topic;

use super::{Failure, load, say};
use crate::generate::Plan;
use crate::run::{Run, Setup};
use crate::{on_kafka, output, tables};

/// The same sample each time: 2026-01-01.
const START_MS: i64 = 1_767_225_600_000;

/// How large the sample is.
#[derive(Args)]
pub struct Demo {
    /// The configuration, a TOML file; every setting has a default.
    #[arg(long, env = "KINFOLD_CONFIG")]
    config: Option<PathBuf>,
    /// Another seed, other people.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many people there are.
    #[arg(long, default_value_t = 400)]
    people: usize,
    /// How many touchpoints they leave.
    #[arg(long, default_value_t = 12_000)]
    touchpoints: usize,
    /// Write the files of `resolve --out` here.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Send the sample through the consumers of the configured deployment too, and compare.
    #[arg(long)]
    kafka: bool,
}

impl Demo {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = load(self.config.as_deref())?;
        let folder = tempfile::tempdir().map_err(Failure::file(&std::env::temp_dir()))?;
        let setup = Setup::new(config.clone(), None)?;
        let mut run = setup.begin(folder.path())?;
        say(format_args!(
            "{} touchpoints of {} people, from seven channels:\n",
            self.touchpoints, self.people
        ))?;
        self.stream(&mut run)?;
        let report = output::write(&run, self.out.as_deref())?;
        say(format_args!("{}\n", tables::report(&report, run.began.elapsed())))?;
        say(format_args!("{}", tables::people(&run)?))?;
        say(format_args!("{}", tables::changes(&run)?))?;
        say(format_args!("{}", tables::refusals(&run)?))?;
        say(format_args!("{}", tables::consents(&run)?))?;
        if self.kafka {
            say(format_args!(
                "The same sample goes through the consumers on Kafka at {} …",
                config.kafka.bootstrap
            ))?;
            let people = on_kafka::compare(self.plan()?, &run, &config)?;
            say(format_args!(
                "{people} people came out, and each agrees with the local run in all but `version`, `changed`, `value` and `lifecycle`.\n"
            ))?;
        }
        say(format_args!(
            "Where to look next: `kinfold resolve --out DIR FILE` for files of your own, `make demo-kafka` for the\nsame people from three processes on Apache Kafka, README.md for all commands."
        ))?;
        Ok(())
    }

    fn plan(&self) -> Result<Plan, Failure> {
        let start = Timestamp::from_millis(START_MS).map_err(Failure::fault)?;
        let Self { seed, people, touchpoints, .. } = *self;
        Ok(Plan { seed, people, touchpoints, start, days: 90 })
    }

    fn stream(&self, run: &mut Run<'_>) -> Result<(), Failure> {
        let bars = StageBars::new(self.touchpoints);
        let mut offsets = std::collections::BTreeMap::<&str, i64>::new();
        for (index, generated) in self.plan()?.generate().enumerate() {
            let offset = offsets.entry(generated.source).or_default();
            run.feed(&Arc::from(generated.source), *offset, generated.record)?;
            *offset += 1;
            if index % 500 == 499 {
                run.work()?;
                bars.show(run);
            }
        }
        run.publish()?;
        bars.show(run);
        bars.end();
        Ok(())
    }
}

/// One bar for each stage.
struct StageBars {
    all: MultiProgress,
    bars: Vec<(StageName, ProgressBar)>,
}

impl StageBars {
    fn new(touchpoints: usize) -> Self {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("{prefix:>8} {bar:40} {pos:>7} {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = |stage: StageName| {
            let bar =
                ProgressBar::new(touchpoints as u64).with_style(style.clone()).with_prefix(stage.as_str());
            bar.enable_steady_tick(Duration::from_millis(100));
            (stage, all.add(bar))
        };
        // Nobody asks for anything here.
        let bars = StageName::ALL.into_iter().filter(|stage| *stage != StageName::Privacy).map(bar).collect();
        Self { all, bars }
    }

    fn show(&self, run: &Run<'_>) {
        let written = |topic| run.heard.written.get(&topic).copied().unwrap_or_default();
        for (stage, bar) in &self.bars {
            let tally = run.local.tally(*stage);
            let message = match stage {
                StageName::Capture => format!("cleaned, {} refused", tally.refused_total()),
                StageName::Stitch => {
                    format!("observed, {} changes of people", written(Topic::IdentityChange))
                }
                StageName::Facets => "touchpoints and assignments joined".to_owned(),
                StageName::People => format!("facets folded, {} profiles", written(Topic::UnifiedProfile)),
                StageName::Privacy => "requests answered".to_owned(),
            };
            bar.set_length(bar.length().unwrap_or_default().max(tally.consumed_total()));
            bar.set_position(tally.consumed_total());
            bar.set_message(message);
        }
    }

    fn end(&self) {
        self.bars.iter().for_each(|(_, bar)| bar.abandon());
        drop(self.all.println(""));
    }
}
