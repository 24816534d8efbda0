//! Attributes: names and values, all kept as text.
//!
//! `true` is kept as `true`, a number by its shortest digits (`1.50` as `1.5`). A number with so many digits that
//! a 64-bit float would lose some is refused, because it was meant to be text.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use kinfold_model::{Refusal, RefusalKind};

use super::members::{Members, wrong_type};
use crate::json::Json;
use crate::limits;
use crate::path::Path;
use crate::text;

/// The attributes of the member `attributes`; none when it is absent.
///
/// # Errors
/// `wrong_type`, `empty_value`, `value_too_long`, `out_of_range`, and `duplicate_member` for two spellings of a name.
pub(crate) fn read(object: Option<Json<'_>>) -> Result<BTreeMap<String, String>, Refusal> {
    let mut attributes = BTreeMap::new();
    if let Some(object) = object {
        let path = Path::ROOT.member("attributes");
        for (name, value) in Members::of(object, &path)?.rest() {
            insert(&mut attributes, name, value, &path)?;
        }
    }
    Ok(attributes)
}

/// Puts unknown members of the record among its attributes.
///
/// # Errors
/// As [`read`], and `too_many_elements` when there are more attributes than allowed.
pub(crate) fn keep(
    unknown: Vec<(Cow<'_, str>, Json<'_>)>,
    attributes: &mut BTreeMap<String, String>,
) -> Result<(), Refusal> {
    for (name, value) in unknown {
        insert(attributes, name, value, &Path::ROOT)?;
    }
    if attributes.len() > limits::ATTRIBUTES_MAX {
        let complaint = format!(
            "holds more than {} elements with the unknown members that are kept",
            limits::ATTRIBUTES_MAX
        );
        return Err(Refusal::new(RefusalKind::TooManyElements, "attributes", complaint));
    }
    Ok(())
}

fn insert(
    attributes: &mut BTreeMap<String, String>,
    name: Cow<'_, str>,
    value: Json<'_>,
    parent: &Path<'_>,
) -> Result<(), Refusal> {
    let path = parent.member(&name);
    let Some(value) = as_text(value, &path)? else { return Ok(()) };
    let key = text::clean(Cow::Borrowed(&name), limits::NAME_BYTES_MAX, &path)?.into_owned();
    match attributes.entry(key) {
        Entry::Vacant(vacant) => {
            vacant.insert(value);
            Ok(())
        }
        Entry::Occupied(_) => {
            let complaint = "names an attribute that the record states already";
            Err(Refusal::new(RefusalKind::DuplicateMember, path.to_string(), complaint))
        }
    }
}

fn as_text(value: Json<'_>, path: &Path<'_>) -> Result<Option<String>, Refusal> {
    match value {
        Json::Null => Ok(None),
        Json::Bool(value) => Ok(Some(value.to_string())),
        Json::Integer(value) => Ok(Some(value.to_string())),
        Json::Number(value) if value.abs() < limits::FLOAT_EXACT_MAX => Ok(Some(value.to_string())),
        Json::Number(_) => {
            let complaint = "is a number of too many digits to be kept exactly; send it as text";
            Err(Refusal::new(RefusalKind::OutOfRange, path.to_string(), complaint))
        }
        Json::Text(text) => {
            text::clean(text, limits::ATTRIBUTE_BYTES_MAX, path).map(|text| Some(text.into_owned()))
        }
        other => Err(wrong_type("text, a number, true or false", &other, path)),
    }
}
