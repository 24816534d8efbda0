//! CSV and TSV: each row becomes an object whose members are named by the columns; an empty cell is no member.

use std::collections::BTreeMap;
use std::rc::Rc;

use kinfold_model::{Refusal, RefusalKind};

use super::{Document, too_many, undecodable};
use crate::limits;
use crate::value::Value;

/// How rows are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Between cells.
    pub delimiter: u8,
    /// The names of the columns; empty: the first row holds them.
    pub columns: Vec<String>,
    /// Whether cells may stand in quotes. Snowplow's do not, and a quote in them is a quote.
    pub quoting: bool,
}

impl Rows {
    /// The rows as objects. A row with more or fewer cells than columns is refused by itself.
    pub(super) fn documents(&self, bytes: &[u8]) -> Result<Vec<Document>, Refusal> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.delimiter)
            .quoting(self.quoting)
            .has_headers(false)
            .flexible(true)
            .from_reader(bytes);
        let mut rows = reader.records();
        let columns: Vec<Rc<str>> = if self.columns.is_empty() {
            let header =
                rows.next().ok_or_else(|| undecodable("has no row with the names of its columns"))?;
            let header = header.map_err(|_| undecodable("has a first row that is not UTF-8"))?;
            header.iter().map(|name| Rc::from(name.trim_start_matches('\u{feff}').trim())).collect()
        } else {
            self.columns.iter().map(|name| Rc::from(name.as_str())).collect()
        };
        let mut documents = Vec::new();
        for row in rows {
            if documents.len() >= limits::DOCUMENTS_MAX {
                return Err(too_many());
            }
            documents
                .push(row.map_err(|_| row_refusal("is not UTF-8")).and_then(|row| object(&columns, &row)));
        }
        Ok(documents)
    }
}

fn object(columns: &[Rc<str>], row: &csv::StringRecord) -> Document {
    if row.len() != columns.len() {
        return Err(row_refusal(&format!(
            "has {} cells, and there are {} columns",
            row.len(),
            columns.len()
        )));
    }
    let cells = columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty());
    let members: BTreeMap<Rc<str>, Value> =
        cells.map(|(name, cell)| (Rc::clone(name), Value::Text(cell.into()))).collect();
    Value::object(members).map_err(|_| row_refusal("is too large"))
}

fn row_refusal(complaint: &str) -> Refusal {
    Refusal::new(RefusalKind::Undecodable, "", format!("is a row that {complaint}"))
}
