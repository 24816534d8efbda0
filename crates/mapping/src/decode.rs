//! The bytes of a record become documents: unpacked if they are packed, then read by the format of the source.
//!
//! A record may be a batch; each of its documents has a fate of its own. A record that cannot be read is refused whole.

mod avro;
mod form;
mod packed;
mod rows;

use std::borrow::Cow;

use kinfold_model::{Refusal, RefusalKind};

use crate::limits;
use crate::value::{Unreadable, Value};

pub use avro::Avro;
pub use packed::unpacked;
pub use rows::Rows;

/// How the records of a source are written.
pub enum Format {
    /// One JSON value; a list is a batch of its elements.
    Json,
    /// A JSON value in each line.
    Jsonl,
    /// Avro: a container, a single object, or a schema registry's framing.
    Avro(Avro),
    /// Rows with columns, as CSV and TSV.
    Csv(Rows),
    /// A form as browsers send it: `a=1&data[email]=x`.
    Form,
}

/// A document, or why it is none.
pub type Document = Result<Value, Refusal>;

/// The documents of a record.
///
/// # Errors
/// A refusal of the whole record: `empty_record`, `record_too_large`, `invalid_utf8`, `malformed_json`, `too_deep`,
/// `too_many_elements`, `undecodable`.
pub fn documents(record: &[u8], format: &Format) -> Result<Vec<Document>, Refusal> {
    if record.is_empty() {
        return Err(Refusal::new(RefusalKind::EmptyRecord, "", "is empty"));
    }
    let bytes = unpacked(record)?;
    let documents = match format {
        Format::Json => batch(json(&bytes)?),
        Format::Jsonl => lines(&bytes)?,
        Format::Avro(avro) => avro.documents(&bytes)?,
        Format::Csv(rows) => rows.documents(&bytes)?,
        Format::Form => vec![Ok(form::document(text(&bytes)?)?)],
    };
    if documents.len() > limits::DOCUMENTS_MAX {
        return Err(too_many());
    }
    Ok(documents)
}

/// The refusal of a batch that is too long.
fn too_many() -> Refusal {
    let complaint = format!("holds more than {} documents; send smaller batches", limits::DOCUMENTS_MAX);
    Refusal::new(RefusalKind::TooManyElements, "", complaint)
}

/// The elements of a list, or the one value that is none.
fn batch(value: Value) -> Vec<Document> {
    match value {
        Value::List(list) => list.items().iter().cloned().map(Ok).collect(),
        value => vec![Ok(value)],
    }
}

fn lines(bytes: &[u8]) -> Result<Vec<Document>, Refusal> {
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let documents: Vec<Document> = lines.take(limits::DOCUMENTS_MAX + 1).map(json).collect();
    match documents.as_slice() {
        [] => Err(Refusal::new(RefusalKind::EmptyRecord, "", "has no line with content")),
        _ => Ok(documents),
    }
}

fn json(bytes: &[u8]) -> Result<Value, Refusal> {
    text(bytes)?;
    Value::parse(bytes).map_err(|unreadable| match unreadable {
        Unreadable::Syntax { line, column } => {
            let complaint = format!("is not JSON: the fault is at line {line}, column {column}");
            Refusal::new(RefusalKind::MalformedJson, "", complaint)
        }
        Unreadable::TooLarge => {
            let complaint = format!(
                "is nested more than {} levels deep, or weighs more than {} bytes once it is read",
                limits::DEPTH_MAX,
                limits::WEIGHT_MAX
            );
            Refusal::new(RefusalKind::TooDeep, "", complaint)
        }
    })
}

fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|error| {
        let complaint = format!("is not UTF-8 from byte {} on; send it in UTF-8", error.valid_up_to());
        Refusal::new(RefusalKind::InvalidUtf8, "", complaint)
    })
}

/// What a refusal says of bytes that are not of the format.
fn undecodable(complaint: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(RefusalKind::Undecodable, "", complaint.into())
}

#[cfg(test)]
mod tests;
