//! The settings before they mean anything. In: the text of a TOML file and the variables of an environment.
//! Out: one tree in which each value knows where it was written. The environment wins over the file.
//!
//! The `toml` crate's syntax tree is read directly, because deserialising (also through figment) stops at the
//! first fault, and whoever deploys should see all of them at once.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::faults::{Fault, Origin};

/// Settings by key.
pub(super) type Table = BTreeMap<String, Node>;

/// A value and where it was written. Not printable: it may hold a password.
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

/// What was written.
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    List(Vec<Node>),
    Table(Table),
    /// From the environment, where everything is text: it is whatever its reader expects.
    Loose(String),
    /// A kind that no setting has.
    Other(&'static str),
}

impl Value {
    /// What it is, for a message that must not show the value itself.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) | Self::Loose(_) => "a text",
            Self::Integer(_) => "a number",
            Self::Float(_) => "a number with a fraction",
            Self::Boolean(_) => "true or false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

/// Reads a file's text as far as it can be read.
pub(super) fn from_toml(text: &str, faults: &mut Vec<Fault>) -> Table {
    let (table, errors) = DeTable::parse_recoverable(text);
    let lines = Lines(text);
    for error in errors {
        let origin = error.span().map_or(Origin::Whole, |span| lines.at(span.start));
        if faults.last().is_some_and(|fault| fault.origin == origin) {
            continue; // the second fault of a line mostly follows from the first
        }
        faults.push(Fault {
            origin,
            key: String::new(),
            // The message alone: the error's full text would repeat the line, which may hold a password.
            what: error.message().to_owned(),
            remedy: "write valid TOML, for example `key = \"text\"` or `key = 5`".to_owned(),
        });
    }
    lines.table(table.into_inner())
}

/// Lays the variables `KINFOLD_SECTION__KEY` over the tree. Returns the names that begin with `KINFOLD_` but have
/// no double underscore: they are no settings, but one of them may have been meant as such.
pub(super) fn lay_over(
    tree: &mut Table,
    environment: impl Iterator<Item = (String, String)>,
    faults: &mut Vec<Fault>,
) -> Vec<String> {
    let mut others = Vec::new();
    let sorted: BTreeMap<String, String> = environment.collect();
    for (name, text) in sorted {
        let Some(rest) = name.strip_prefix("KINFOLD_") else { continue };
        if !rest.contains("__") {
            others.push(name);
            continue;
        }
        let path = path_of(rest);
        let origin = Origin::Variable(name);
        if let Err(conflict) = set(tree, &path, Node { origin: origin.clone(), value: Value::Loose(text) }) {
            faults.push(Fault {
                origin,
                key: path.join("."),
                what: "lies below a setting that is given as a single value".to_owned(),
                remedy: match conflict {
                    Origin::Line(line) => {
                        format!("write a table in line {line} of the file, or leave one of the two out")
                    }
                    Origin::Variable(other) => format!("leave this variable or {other} out"),
                    Origin::Whole => "leave it out".to_owned(),
                },
            });
        }
    }
    others
}

/// `KAFKA__BATCH_RECORDS` → `kafka`, `batch_records`. The names of librdkafka's properties have dots where a
/// variable can only have underscores.
fn path_of(rest: &str) -> Vec<String> {
    let lower = rest.to_ascii_lowercase();
    match lower.strip_prefix("kafka__properties__") {
        Some(property) => {
            vec!["kafka".into(), "properties".into(), property.replace("__", "_").replace('_', ".")]
        }
        None => lower.split("__").map(str::to_owned).collect(),
    }
}

/// Puts a node at the end of a path; the error says where the value lies that is in the way.
fn set(table: &mut Table, path: &[String], node: Node) -> Result<(), Origin> {
    let [first, rest @ ..] = path else { return Ok(()) };
    if rest.is_empty() {
        table.insert(first.clone(), node);
        return Ok(());
    }
    let inner = table
        .entry(first.clone())
        .or_insert_with(|| Node { origin: node.origin.clone(), value: Value::Table(Table::new()) });
    match &mut inner.value {
        Value::Table(inner) => set(inner, rest, node),
        _ => Err(inner.origin.clone()),
    }
}

/// The text of a file, for turning byte positions into lines.
struct Lines<'t>(&'t str);

impl Lines<'_> {
    fn at(&self, position: usize) -> Origin {
        let before = self.0.as_bytes().iter().take(position);
        Origin::Line(before.filter(|byte| **byte == b'\n').count() + 1)
    }

    fn table(&self, table: DeTable<'_>) -> Table {
        table
            .into_iter()
            .map(|(key, value)| {
                let origin = self.at(key.span().start);
                (key.into_inner().into_owned(), Node { origin, value: self.value(value.into_inner()) })
            })
            .collect()
    }

    fn value(&self, value: DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .map_or(Value::Other("a number beyond 64 bits"), Value::Integer),
            DeValue::Float(number) => {
                number.as_str().parse().map_or(Value::Other("a number with a fraction"), Value::Float)
            }
            DeValue::Boolean(yes) => Value::Boolean(yes),
            DeValue::Datetime(_) => Value::Other("a date or time"),
            DeValue::Array(items) => Value::List(items.into_iter().map(|item| self.item(item)).collect()),
            DeValue::Table(table) => Value::Table(self.table(table)),
        }
    }

    fn item(&self, item: Spanned<DeValue<'_>>) -> Node {
        Node { origin: self.at(item.span().start), value: self.value(item.into_inner()) }
    }
}
