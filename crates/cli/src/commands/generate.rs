//! `kinfold generate`: a file of touchpoints and a file of the truth.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use kinfold_model::Timestamp;

use super::Failure;
use crate::generate::{CHURN_MAX, Plan};

/// What to generate.
#[derive(Args)]
pub struct Generate {
    /// Another seed, other people; the same seed, the same bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many people there are.
    #[arg(long, default_value_t = 1000)]
    people: usize,
    /// How many records are written.
    #[arg(long, default_value_t = 10_000)]
    touchpoints: usize,
    /// The time of the first touchpoint, RFC 3339.
    #[arg(long, default_value = "2026-01-01T00:00:00Z")]
    start: Timestamp,
    /// How many days the touchpoints are spread over.
    #[arg(long, default_value_t = 90)]
    days: u32,
    /// After so many of a hundred orders but the first, on average, people buy nothing any more, and each spends sums of their own; `kinfold clv fit` needs both.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=i64::from(CHURN_MAX)))]
    churn: u8,
    /// The folder for touchpoints.jsonl and truth.jsonl; it is created if need be.
    #[arg(long)]
    out: PathBuf,
}

impl Generate {
    pub(super) fn run(self) -> Result<(), Failure> {
        std::fs::create_dir_all(&self.out).map_err(Failure::file(&self.out))?;
        let records = self.out.join("touchpoints.jsonl");
        let truth = self.out.join("truth.jsonl");
        self.write(&records, &truth).map_err(Failure::file(&self.out))
    }

    fn write(&self, records: &Path, truth: &Path) -> std::io::Result<()> {
        let (mut records, mut truth) =
            (BufWriter::new(File::create(records)?), BufWriter::new(File::create(truth)?));
        let Self { seed, people, touchpoints, start, days, churn, .. } = *self;
        let plan = Plan { seed, people, touchpoints, start, days };
        for (line, generated) in plan.generate().leaving(churn).enumerate() {
            records.write_all(&generated.record)?;
            records.write_all(b"\n")?;
            let (person, source, sound) = (generated.person, generated.source, generated.sound);
            writeln!(truth, r#"{{"line":{line},"person":{person},"source":"{source}","sound":{sound}}}"#)?;
        }
        records.flush()?;
        truth.flush()
    }
}
