//! `<name>.toml`: strict, so that a misspelt key is a fault and not a wish that nobody hears.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::SourceFiles;
use crate::allow::{Allow, SPECIAL, TextRule, special};
use crate::decode::{Avro, Format, Rows};

/// No letter is kept for less, so that there is time to look at it; as for topics.
const RETENTION_MIN_MS: i64 = 60_000;

/// What a source's TOML says.
pub struct Settings {
    /// How records are written.
    pub format: Format,
    /// What its data is for.
    pub purposes: Vec<String>,
    /// What may pass.
    pub allow: Allow,
    /// How long dead letters of the source are kept, in milliseconds; `None`: as long as the topic keeps all of them.
    pub refused_retention_ms: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: WrittenFormat,
    #[serde(default)]
    topic: Option<String>,
    /// The source whose program this one uses, read by whoever reads the files.
    #[serde(default, rename = "program")]
    _program: Option<String>,
    #[serde(default)]
    purposes: Vec<String>,
    #[serde(default)]
    csv: Option<WrittenCsv>,
    #[serde(default)]
    avro: Option<WrittenAvro>,
    #[serde(default)]
    allow: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    text: BTreeMap<String, WrittenRule>,
    #[serde(default)]
    special: WrittenSpecial,
    #[serde(default)]
    drops: Vec<String>,
    #[serde(default)]
    refused_retention_ms: Option<i64>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum WrittenFormat {
    Json,
    Jsonl,
    Avro,
    Csv,
    Form,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCsv {
    #[serde(default)]
    delimiter: Option<String>,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(default)]
    quoting: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAvro {
    #[serde(default)]
    registry_ids: Vec<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSpecial {
    #[serde(default)]
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenRule {
    Word(String),
    Truncate { truncate: usize },
}

impl Settings {
    pub(super) fn read(files: &SourceFiles) -> Result<Self, Vec<String>> {
        let file = format!("{}.toml", files.name);
        let written: Written = toml::from_str(&files.toml).map_err(|error| {
            let line = error
                .span()
                .map(|span| 1 + files.toml.bytes().take(span.start).filter(|b| *b == b'\n').count());
            let place = line.map(|line| format!(" line {line}")).unwrap_or_default();
            vec![format!("{file}{place}: {}; see docs/sources.md", error.message())]
        })?;
        let mut faults = Vec::new();
        let mut fault = |key: &str, what: String| faults.push(format!("{file}: {key} {what}"));
        if let Some(topic) = written.topic.filter(|topic| *topic != format!("raw.{}", files.name)) {
            fault(
                "topic",
                format!(
                    "is `{topic}`; write raw.{0}, or name the files {topic}.* without `raw.`",
                    files.name
                ),
            );
        }
        let refused_retention_ms = written.refused_retention_ms;
        if let Some(ms) = refused_retention_ms.filter(|ms| *ms < RETENTION_MIN_MS) {
            let what = format!("is {ms}; write at least {RETENTION_MIN_MS}, in milliseconds");
            fault("refused_retention_ms", what);
        }
        if written.csv.is_some() && written.format != WrittenFormat::Csv {
            fault("csv", "is only for format = \"csv\"; leave it out, or change the format".to_owned());
        }
        if written.avro.is_some() && written.format != WrittenFormat::Avro {
            fault("avro", "is only for format = \"avro\"; leave it out, or change the format".to_owned());
        }
        let format = match written.format {
            WrittenFormat::Json => Format::Json,
            WrittenFormat::Jsonl => Format::Jsonl,
            WrittenFormat::Form => Format::Form,
            WrittenFormat::Csv => {
                let csv = written.csv;
                let delimiter = csv.as_ref().and_then(|csv| csv.delimiter.as_deref()).unwrap_or(",");
                let byte = match delimiter.as_bytes() {
                    [byte] => *byte,
                    _ => {
                        fault(
                            "csv.delimiter",
                            "is not one letter of ASCII; write \",\", \";\" or \"\\t\"".to_owned(),
                        );
                        b','
                    }
                };
                let quoting = csv.as_ref().and_then(|csv| csv.quoting).unwrap_or(true);
                Format::Csv(Rows {
                    delimiter: byte,
                    columns: csv.map(|csv| csv.columns).unwrap_or_default(),
                    quoting,
                })
            }
            WrittenFormat::Avro => {
                let schema = files.schema.as_deref().map(|schema| schema.parse::<serde_avro_fast::Schema>());
                if let Some(Err(_)) = schema {
                    faults.push(format!(
                        "{}.avsc: is no Avro schema; write the one that the records have",
                        files.name
                    ));
                }
                let registry_ids = written.avro.map(|avro| avro.registry_ids).unwrap_or_default();
                Format::Avro(Avro { schema: schema.and_then(Result::ok), registry_ids })
            }
        };
        let mut fault = |key: &str, what: String| faults.push(format!("{file}: {key} {what}"));
        for (name, purposes) in &written.allow {
            let key = format!("allow.{name}");
            if purposes.is_empty() {
                fault(&key, "names no purpose; write what it is for, one of `purposes`".to_owned());
            }
            for purpose in purposes.iter().filter(|purpose| !written.purposes.contains(purpose)) {
                fault(
                    &key,
                    format!("is for `{purpose}`, which is none of `purposes`; add it there, or correct it"),
                );
            }
            if let Some(category) =
                special(name).filter(|category| !written.special.allow.iter().any(|c| c == category))
            {
                fault(
                    &key,
                    format!(
                        "is of a special category (GDPR, article 9: {category}); leave it out, or write `allow = [\"{category}\"]` under [special]"
                    ),
                );
            }
        }
        for category in &written.special.allow {
            if !SPECIAL.iter().any(|(known, _)| known == category) {
                let known: Vec<&str> = SPECIAL.iter().map(|(known, _)| *known).collect();
                fault(
                    "special.allow",
                    format!("holds `{category}`; the categories are {}", known.join(", ")),
                );
            }
        }
        let mut allow = Allow {
            attributes: written.allow,
            drops: written.drops.into_iter().collect(),
            ..Allow::default()
        };
        for (name, rule) in written.text {
            let key = format!("text.{name}");
            if !allow.attributes.contains_key(&name)
                && !matches!(&rule, WrittenRule::Word(word) if word == "drop")
            {
                fault(
                    &key,
                    format!("is a rule for an attribute that does not pass; add `{name}` under [allow]"),
                );
            }
            match rule {
                WrittenRule::Word(word) if word == "hash" => {
                    allow.rules.insert(name, TextRule::Hash);
                }
                WrittenRule::Word(word) if word == "drop" => {
                    allow.attributes.remove(&name);
                    allow.drops.insert(name);
                }
                WrittenRule::Truncate { truncate } => {
                    allow.rules.insert(name, TextRule::Truncate(truncate));
                }
                WrittenRule::Word(word) => {
                    fault(&key, format!("is `{word}`; write \"hash\", \"drop\" or {{ truncate = 100 }}"));
                }
            }
        }
        if faults.is_empty() {
            Ok(Self { format, purposes: written.purposes, allow, refused_retention_ms })
        } else {
            Err(faults)
        }
    }
}
