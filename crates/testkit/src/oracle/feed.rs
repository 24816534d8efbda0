//! What a record of a profile has to say of the change that it tells: the record of the same person that the topic had before, and the
//! new one, in; the first law that does not hold out.
//!
//! Both are compared member by member as text, whole, and not by what a stage remembers of them.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::UnifiedProfile;
use serde_json::Value;

/// How a record came about: whether it has to name what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It names each part that is another, and nothing else.
    Named,
    /// Something was erased in its batch: it may name nothing instead.
    Erased,
    /// Its output was taken out of the configuration and came back: it may name nothing instead, and say what the one before said.
    Anew,
}

/// Whether this record may follow that one; `None`: the topic had none, or a tombstone.
///
/// # Errors
/// A sentence without any value.
pub fn follows(before: Option<&UnifiedProfile>, after: &UnifiedProfile, told: Told) -> Result<(), String> {
    let version = before.map_or(0, |before| before.version) + 1;
    if after.version != version {
        return Err(format!("version {} came where {version} is next", after.version));
    }
    let names_nothing = after.changed.is_empty();
    if told == Told::Anew && names_nothing {
        return Ok(());
    }
    let differing = before.map(|before| differing(before, after)).unwrap_or_default();
    if before.is_some() && differing.is_empty() {
        return Err(format!("version {version} says what the one before said"));
    }
    if told == Told::Erased && names_nothing {
        return Ok(());
    }
    let named: BTreeSet<String> = after.changed.iter().cloned().collect();
    if named != differing || named.len() != after.changed.len() {
        return Err(format!("version {version} names {:?}, different is {differing:?}", after.changed));
    }
    Ok(())
}

fn differing(before: &UnifiedProfile, after: &UnifiedProfile) -> BTreeSet<String> {
    let (before, after) = (parts(before), parts(after));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

/// Each part by its name.
fn parts(profile: &UnifiedProfile) -> BTreeMap<String, Vec<Value>> {
    let mut parts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let Value::Object(members) = serde_json::json!(profile) else { return parts };
    for (member, value) in members {
        match member.as_str() {
            "person_id" | "version" | "changed" => {}
            "attributes" | "metrics" | "standard" => {
                for (name, one) in value.as_object().into_iter().flatten() {
                    parts.insert(format!("{member}.{name}"), vec![one.clone()]);
                }
            }
            "identifiers" | "consents" => {
                let key = if member == "consents" { "purpose" } else { "namespace" };
                for one in value.as_array().into_iter().flatten() {
                    let name = one[key].as_str().unwrap_or_default();
                    parts.entry(format!("{member}.{name}")).or_default().push(one.clone());
                }
            }
            _ => drop(parts.insert(member, vec![value])),
        }
    }
    parts
}
