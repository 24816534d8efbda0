//! A source: how its records are read, the program that maps them, and what may pass.

mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use kinfold_model::{Refusal, RefusalKind};

use crate::allow::{Allow, Dropped};
use crate::cases::CaseFiles;
use crate::decode;
use crate::limits;
use crate::program::{Program, Stop};
use crate::value::Value;

pub use settings::Settings;

/// The files of a source as they were read. Nothing here reads a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFiles {
    /// The name: that of the files, and of the topic `raw.<name>`.
    pub name: String,
    /// `<name>.toml`
    pub toml: String,
    /// `<name>.jq`
    pub program: String,
    /// `<name>.avsc`, if there is one.
    pub schema: Option<String>,
    /// `<name>.cases/`
    pub cases: Vec<CaseFiles>,
}

/// All that is wrong with a source: the file, what is wrong, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFaults(pub Vec<String>);

impl fmt::Display for SourceFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for SourceFaults {}

/// A source that can be used.
pub struct Source {
    name: String,
    settings: Settings,
    program: Program,
}

/// What became of a record.
#[derive(Debug, Default)]
pub struct Mapped {
    /// In the order of its documents, and of what the program gave for each.
    pub parts: Vec<Part>,
    /// What was dropped, by name.
    pub dropped: Dropped,
    /// Whether the record held more than one document.
    pub is_batch: bool,
}

/// One touchpoint of a record, or a refusal.
#[derive(Debug)]
pub struct Part {
    /// Which document of the record, from 0.
    pub document: usize,
    /// A touchpoint as canonical JSON; it has not been checked as such.
    pub made: Result<Value, Refusal>,
}

impl Source {
    /// Compiles the files of a source. Its cases are looked at elsewhere.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub fn compile(files: &SourceFiles) -> Result<Self, SourceFaults> {
        let name = &files.name;
        let mut faults = Vec::new();
        let settings = Settings::read(files).map_err(|found| faults.extend(found));
        let program =
            Program::compile(&files.program).map_err(|fault| faults.push(format!("{name}.jq: {fault}")));
        match (settings, program) {
            (Ok(settings), Ok(program)) => Ok(Self { name: name.clone(), settings, program }),
            _ => Err(SourceFaults(faults)),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its TOML says.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What may pass.
    #[must_use]
    pub fn allow(&self) -> &Allow {
        &self.settings.allow
    }

    /// The touchpoints of a record.
    ///
    /// # Errors
    /// A refusal of the whole record, when it cannot be read.
    pub fn map(&self, record: &[u8]) -> Result<Mapped, Refusal> {
        let documents = decode::documents(record, &self.settings.format)?;
        let several = documents.len() > 1;
        let mut mapped = Mapped { is_batch: several, ..Mapped::default() };
        let mut steps = limits::RECORD_STEPS_MAX;
        for (index, document) in documents.into_iter().enumerate() {
            let made = document.and_then(|document| self.touchpoints(document, &mut steps));
            let place = if several { format!("[{index}]") } else { String::new() };
            match made {
                Ok(touchpoints) => {
                    for touchpoint in touchpoints {
                        let made = self.checked(touchpoint, &mut mapped.dropped);
                        mapped
                            .parts
                            .push(Part { document: index, made: made.map_err(|r| within(r, &place)) });
                    }
                }
                Err(refusal) => {
                    mapped.parts.push(Part { document: index, made: Err(within(refusal, &place)) });
                }
            }
        }
        Ok(mapped)
    }

    fn touchpoints(&self, document: Value, steps: &mut u64) -> Result<Vec<Value>, Refusal> {
        self.program.run(document, steps).map_err(|stop| match stop {
            Stop::Limit(limit) => Refusal::new(
                RefusalKind::MappingLimit,
                "",
                format!("is refused because the mapping of `{}` {limit}", self.name),
            ),
            Stop::Error(Some(words)) => Refusal::new(
                RefusalKind::Unmappable,
                "",
                format!("is refused by the mapping of `{}`: {words}", self.name),
            ),
            Stop::Error(None) => Refusal::new(
                RefusalKind::Unmappable,
                "",
                format!(
                    "has a shape that the mapping of `{0}` does not expect; see it with `kinfold map {0} FILE`",
                    self.name
                ),
            ),
        })
    }

    /// The touchpoint with what may pass, and with the source's name if it has none.
    fn checked(&self, touchpoint: Value, dropped: &mut Dropped) -> Result<Value, Refusal> {
        if !matches!(touchpoint, Value::Object(_)) {
            let complaint = format!("became something else than an object in the mapping of `{}`", self.name);
            return Err(Refusal::new(RefusalKind::Unmappable, "", complaint));
        }
        let minimised = self.settings.allow.minimise(touchpoint, dropped);
        if minimised.get("source").is_some() {
            return Ok(minimised);
        }
        let name = self.name.as_str();
        let named = minimised.with_members(|members| {
            members.insert(Rc::from("source"), Value::Text(name.into()));
        });
        named.map_err(|_| Refusal::new(RefusalKind::RecordTooLarge, "", "became too large in its mapping"))
    }
}

/// The same refusal, of a document within a record.
fn within(refusal: Refusal, place: &str) -> Refusal {
    if place.is_empty() {
        return refusal;
    }
    let member =
        if refusal.member.is_empty() { place.to_owned() } else { format!("{place}.{}", refusal.member) };
    Refusal { kind: refusal.kind, member, sentence: format!("{place}: {}", refusal.sentence) }
}

impl Part {
    /// What a refusal that is found later says, of this part of the record.
    #[must_use]
    pub fn refused(&self, several: bool, refusal: Refusal) -> Refusal {
        if several { within(refusal, &format!("[{}]", self.document)) } else { refusal }
    }
}

impl Mapped {
    /// How often attributes were dropped, by the names under which they are counted.
    #[must_use]
    pub fn dropped_labels(&self, allow: &Allow) -> BTreeMap<String, u64> {
        let mut labels = BTreeMap::new();
        for (name, count) in &self.dropped {
            *labels.entry(allow.label(name).to_owned()).or_default() += count;
        }
        labels
    }
}

#[cfg(test)]
mod tests;
