//! The bytes of a record become a small tree that borrows its text from them.
//!
//! Refused here, before anything large is built: what is not UTF-8 or not JSON, members that appear twice, nesting
//! and lists beyond the limits. The parser's own messages are not passed on, because they can quote the record.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use kinfold_model::{Refusal, RefusalKind};
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use crate::limits;
use crate::path::Path;

/// A JSON value.
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// A number without fraction and exponent, between -2⁶³ and 2⁶⁴ - 1.
    Integer(i128),
    /// Any other number; finite.
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    /// In the order of the record; names are distinct.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl Json<'_> {
    /// The type, as a refusal names it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Integer(_) => "a whole number",
            Self::Number(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// Reads one JSON value that fills the record.
///
/// # Errors
/// `empty_record`, `record_too_large`, `invalid_utf8`, `malformed_json`, `too_deep`, `duplicate_member`,
/// `too_many_elements`, `too_many_identifiers`.
pub(crate) fn parse(record: &[u8]) -> Result<Json<'_>, Refusal> {
    if record.is_empty() {
        return Err(Refusal::new(RefusalKind::EmptyRecord, "", "is empty"));
    }
    if record.len() >= limits::RECORD_BYTES {
        let complaint =
            format!("has {} bytes, it must have fewer than {}", record.len(), limits::RECORD_BYTES);
        return Err(Refusal::new(RefusalKind::RecordTooLarge, "", complaint));
    }
    let text = std::str::from_utf8(record).map_err(|error| {
        let complaint = format!("is not UTF-8 from byte {} on; send it in UTF-8", error.valid_up_to());
        Refusal::new(RefusalKind::InvalidUtf8, "", complaint)
    })?;
    let refusal = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Reader { path: &Path::ROOT, refusal: &refusal }
        .deserialize(&mut deserializer)
        .and_then(|json| deserializer.end().map(|()| json))
        .map_err(|error| refusal.take().unwrap_or_else(|| malformed(&error)))
}

/// The same tree of a value that a mapping made; it lends its texts.
///
/// # Errors
/// Those of [`parse`] that are about depth and numbers of elements.
pub(crate) fn of_value(value: &kinfold_mapping::Value) -> Result<Json<'_>, Refusal> {
    let refusal = Cell::new(None);
    Reader { path: &Path::ROOT, refusal: &refusal }.deserialize(value).map_err(|_| {
        let unread = || Refusal::new(RefusalKind::Unmappable, "", "became no JSON in its mapping");
        refusal.take().unwrap_or_else(unread)
    })
}

fn malformed(error: &serde_json::Error) -> Refusal {
    let (line, column) = (error.line(), error.column());
    let complaint = match error.classify() {
        Category::Eof => format!("ends in the middle of its JSON, at line {line}, column {column}"),
        _ => format!("is not one JSON object: the fault is at line {line}, column {column}"),
    };
    Refusal::new(RefusalKind::MalformedJson, "", complaint)
}

/// Reads the value at a place. A refusal travels beside the parser's error, which can only carry text.
struct Reader<'r> {
    path: &'r Path<'r>,
    refusal: &'r Cell<Option<Refusal>>,
}

impl Reader<'_> {
    fn refuse<E: Error>(&self, kind: RefusalKind, path: &Path<'_>, complaint: impl fmt::Display) -> E {
        self.refusal.set(Some(Refusal::new(kind, path.to_string(), complaint)));
        E::custom("refused")
    }

    fn descend<E: Error>(&self) -> Result<(), E> {
        if self.path.depth() < limits::DEPTH_MAX {
            return Ok(());
        }
        let complaint = format!("is nested more than {} levels deep", limits::DEPTH_MAX);
        Err(self.refuse(RefusalKind::TooDeep, self.path, complaint))
    }

    /// Whether one more element or member may follow `count` of them.
    fn make_room<E: Error>(&self, count: usize) -> Result<(), E> {
        let (max, kind) = match self.path.top_level() {
            Some("identifiers") => (limits::IDENTIFIERS_MAX, RefusalKind::TooManyIdentifiers),
            Some("attributes") => (limits::ATTRIBUTES_MAX, RefusalKind::TooManyElements),
            Some("consents") => (limits::CONSENTS_MAX, RefusalKind::TooManyElements),
            _ => (limits::ELEMENTS_MAX, RefusalKind::TooManyElements),
        };
        if count < max {
            return Ok(());
        }
        Err(self.refuse(
            kind,
            self.path,
            format!("holds more than {max} elements, the most that are allowed"),
        ))
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(value))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
        self.descend()?;
        let mut elements = Vec::new();
        loop {
            let path = self.path.element(elements.len());
            let Some(element) = list.next_element_seed(Reader { path: &path, refusal: self.refusal })? else {
                return Ok(Json::List(elements));
            };
            self.make_room(elements.len())?;
            elements.push(element);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json<'de>, A::Error> {
        self.descend()?;
        // Most objects of a touchpoint fit, so that the list rarely grows.
        let mut members: Vec<(Cow<'de, str>, Json<'de>)> = Vec::with_capacity(12);
        while let Some(name) = object.next_key_seed(Name)? {
            self.make_room(members.len())?;
            let path = self.path.member(&name);
            if members.iter().any(|(known, _)| *known == name) {
                let complaint = "appears twice in one object; only one of them can be meant";
                return Err(self.refuse(RefusalKind::DuplicateMember, &path, complaint));
            }
            let value = object.next_value_seed(Reader { path: &path, refusal: self.refusal })?;
            members.push((name, value));
        }
        Ok(Json::Object(members))
    }
}

/// Reads the name of a member, without a copy unless it holds escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(record: &[u8]) -> (RefusalKind, String) {
        parse(record)
            .map(|json| json.kind())
            .map_err(|refusal| (refusal.kind, refusal.sentence))
            .expect_err("refused")
    }

    #[test]
    fn a_fault_is_named_by_line_and_column_and_never_quoted() {
        let (kind, sentence) = refusal(b"{\"a\":\n ann@example.org}");
        assert_eq!(kind, RefusalKind::MalformedJson);
        assert_eq!(sentence, "the record is not one JSON object: the fault is at line 2, column 2");
    }

    #[test]
    fn a_fault_of_encoding_is_named_by_its_byte() {
        assert_eq!(
            refusal(b"{\"a\":\"\xff\"}").1,
            "the record is not UTF-8 from byte 6 on; send it in UTF-8"
        );
    }

    #[test]
    fn names_that_differ_only_by_an_escape_are_the_same_name() {
        let (kind, sentence) = refusal(br#"{"a":{"b":1,"\u0062":2}}"#);
        assert_eq!(kind, RefusalKind::DuplicateMember);
        assert!(sentence.starts_with("a.b appears twice"), "{sentence}");
    }

    #[test]
    fn nesting_is_refused_at_the_limit_whatever_follows() {
        let brackets = "[".repeat(100_000);
        assert_eq!(refusal(brackets.as_bytes()).0, RefusalKind::TooDeep);
        let allowed = format!("{}{}", "[".repeat(limits::DEPTH_MAX), "]".repeat(limits::DEPTH_MAX));
        assert!(parse(allowed.as_bytes()).is_ok());
    }
}
