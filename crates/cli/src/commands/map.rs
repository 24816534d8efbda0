//! `kinfold map SOURCE FILE`: what the mapping of a source makes of a record, side by side with it.

use std::path::PathBuf;

use clap::Args;
use kinfold_daemon::sources;
use kinfold_mapping::{Mapped, Source, cases, decode};
use serde_json::{Value, json};

use super::{Failure, load, say};

/// What to map.
#[derive(Args)]
pub struct Map {
    /// The configuration, a TOML file; `capture.sources_dir` is where the sources are.
    #[arg(long, env = "KINFOLD_CONFIG")]
    config: Option<PathBuf>,
    /// Print one JSON object: `touchpoints`, `refused`, and `dropped` by name, as a case's .out.json has them.
    #[arg(long)]
    json: bool,
    /// The source: the name of its files.
    source: String,
    /// A file that holds one record, as the source's topic would.
    file: PathBuf,
}

impl Map {
    pub(super) fn run(self) -> Result<(), Failure> {
        let config = load(self.config.as_deref())?;
        let source = named(&config, &self.source)?;
        let record = std::fs::read(&self.file).map_err(Failure::file(&self.file))?;
        let judge = sources::judge(&config);
        if self.json {
            let outcome = cases::outcome(&source, &record, &judge);
            return say(serde_json::to_string_pretty(&outcome).map_err(Failure::fault)?);
        }
        side_by_side(&source, &record, &judge)
    }
}

/// The source of a name, compiled; its cases are not asked, because whoever writes a mapping looks at it before they hold.
///
/// # Errors
/// What is wrong with it, or which sources there are.
pub(crate) fn named(config: &kinfold_daemon::config::Config, name: &str) -> Result<Source, Failure> {
    let folder = &config.sources_dir;
    let names = sources::names(folder).map_err(Failure::file(folder))?;
    if !names.iter().any(|known| known == name) {
        let known = if names.is_empty() {
            "holds none; set capture.sources_dir".to_owned()
        } else {
            format!("holds {}", names.join(", "))
        };
        return Err(Failure::Usage(format!("`{name}` is no source; {} {known}", folder.display())));
    }
    let files = sources::read(folder, name).map_err(|faults| Failure::Usage(faults.join("\n")))?;
    Source::compile(&files).map_err(|faults| Failure::Usage(faults.to_string()))
}

fn side_by_side(source: &Source, record: &[u8], judge: cases::Judge<'_>) -> Result<(), Failure> {
    let documents = match decode::documents(record, &source.settings().format) {
        Ok(documents) => documents,
        Err(refusal) => return say(format_args!("refused   {}: {refusal}", refusal.kind)),
    };
    let mapped = source.map(record).map_err(Failure::fault)?;
    let several = mapped.is_batch;
    for (index, document) in documents.iter().enumerate() {
        if index > 0 {
            say("")?;
        }
        if let Ok(document) = document {
            say(format_args!("input     {document}"))?;
        }
        let parts: Vec<_> = mapped.parts.iter().filter(|part| part.document == index).collect();
        if parts.is_empty() {
            say("output    nothing: the mapping says that this is about nobody")?;
        }
        for part in parts {
            let made = part.made.as_ref().map_err(Clone::clone);
            match made
                .and_then(|made| judge(made).map(|()| made).map_err(|refusal| part.refused(several, refusal)))
            {
                Ok(touchpoint) => say(format_args!("output    {touchpoint}"))?,
                Err(refusal) => {
                    if let Ok(made) = &part.made {
                        say(format_args!("output    {made}"))?;
                    }
                    say(format_args!("refused   {}: {refusal}", refusal.kind))?;
                }
            }
        }
    }
    dropped(&mapped)
}

fn dropped(mapped: &Mapped) -> Result<(), Failure> {
    if mapped.dropped.is_empty() {
        return Ok(());
    }
    let dropped: serde_json::Map<String, Value> =
        mapped.dropped.iter().map(|(name, count)| (name.to_string(), json!(count))).collect();
    say(format_args!("\ndropped   {}", Value::Object(dropped)))
}
