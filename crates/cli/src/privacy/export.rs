//! All that is held on a person (GDPR, Art. 15 and 20). In: an identifier, and a state folder or a deployment. Out: a document with the
//! profile, everything that was said, also what did not win, what its sources are for, for which purposes it is used and who gets it;
//! as JSON and as a page. Identifiers of others, whom touchpoints named beside the person, are not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_daemon::sources;
use kinfold_kafka::Settings;
use kinfold_kafka::reader::{Isolation, Reader, Stored};
use kinfold_model::{Assignment, Field, NodeId, Output, PersonId, Purpose, Timestamp, UnifiedProfile};
use kinfold_pipeline::StageName;
use kinfold_profile::disclosure::{self, Disclosure, Restricted, Said, SaidAttribute};
use kinfold_wire::{Framing, SchemaIds, Topic, decode, encode};
use serde_json::{Map, Value, json};

use super::page::page;
use crate::avro_json::AvroJson;
use crate::commands::Failure;
use crate::run::now;
use crate::site::Site;
use crate::stores::Stores;

/// So often a person is read who becomes another one in the meantime.
const TRIES_MAX: usize = 4;
/// Between two tries, so that all stages can follow.
const PAUSE: Duration = Duration::from_secs(1);

/// What was read of a person, one thing after the other.
struct Found {
    person: PersonId,
    profile: Option<UnifiedProfile>,
    disclosure: Disclosure,
}

/// What is held on a person.
struct Held {
    person: PersonId,
    /// `None` for somebody who is not published, because nothing was said of them.
    profile: Option<UnifiedProfile>,
    /// By the set of identifiers at which it was said.
    said: BTreeMap<NodeId, Said>,
}

/// The document about the person of an identifier; `None` when it belongs to nobody.
///
/// # Errors
/// When the folder or the deployment cannot be read, or the person changes again and again while they are.
pub(crate) fn document(site: &Site, node: NodeId) -> Result<Option<Map<String, Value>>, Failure> {
    let held = held(node, PAUSE, &mut || match &site.state {
        Some(folder) => in_folder(site, folder, node),
        None => Deployment { site, settings: kafka_settings(&site.config) }.find(node),
    })?;
    held.map(|held| written(&held, site)).transpose()
}

/// Looks until what was read is of one person, to whom the identifier belongs: a stage may not have heard yet what another one
/// knows, and then it would be somebody else's data.
fn held(
    node: NodeId,
    pause: Duration,
    look: &mut dyn FnMut() -> Result<Option<Found>, Failure>,
) -> Result<Option<Held>, Failure> {
    let mut is_here = false;
    for attempt in 0..TRIES_MAX {
        if attempt > 0 {
            std::thread::sleep(pause);
        }
        let Some(Found { person, profile, disclosure }) = look()? else { return Ok(None) };
        if disclosure.has(node) {
            return Ok(Some(Held { person, profile, said: disclosure.into_said() }));
        }
        is_here = disclosure.restricted() != Restricted::Unknown;
    }
    let why = if is_here {
        "the person of IDENTIFIER changes right now, and nothing was written; try again"
    } else {
        "nothing is held here of the person of IDENTIFIER, and nothing was written; ask where kinfold-profile has their state, or, \
         if they have just become somebody else, try again"
    };
    Err(Failure::Fault(why.to_owned()))
}

/// Writes `export.json` and `export.html`, which nobody else may read. What is there under these names is replaced, and if it is a
/// link, what it leads to stays as it is.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn write(document: &Map<String, Value>, folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(Failure::file(folder))?;
    let json = format!("{:#}\n", Value::Object(document.clone()));
    let html = page("All that is held on a person", document);
    for (name, content) in [("export.json", json), ("export.html", html)] {
        let path = folder.join(name);
        replace(&path, &folder.join(format!(".{name}.new")), content.as_bytes())
            .map_err(Failure::file(&path))?;
    }
    Ok(())
}

/// The file is made anew beside the old one, so that it has the rights of a new one, and takes its place when it is complete.
fn replace(path: &Path, beside: &Path, content: &[u8]) -> std::io::Result<()> {
    // What an export left behind that was interrupted.
    if let Err(error) = std::fs::remove_file(beside)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    let replaced = written.and_then(|()| std::fs::rename(beside, path));
    if replaced.is_err() {
        // The first error tells more than one of cleaning up.
        let _ = std::fs::remove_file(beside);
    }
    replaced
}

fn in_folder(site: &Site, folder: &Path, node: NodeId) -> Result<Option<Found>, Failure> {
    let ids = SchemaIds::default();
    let last = |topic: Topic, key: String| Stores::of_topic(folder, topic, &site.config)?.get(key.as_bytes());
    let Some(value) = last(Topic::IdentityAssignment, node.to_string())? else { return Ok(None) };
    let assignment: Assignment = decode(Topic::IdentityAssignment, &ids, &value).map_err(Failure::fault)?;
    if assignment.erased {
        return Ok(None);
    }
    let person = assignment.person_id;
    let profile = last(Topic::UnifiedProfile, person.to_string())?;
    let profile = profile.map(|value| decode(Topic::UnifiedProfile, &ids, &value)).transpose();
    let disclosure = disclosed(folder, &site.config, person)?;
    Ok(Some(Found { person, profile: profile.map_err(Failure::fault)?, disclosure }))
}

/// What the people in a state folder hold of a person. Where their partition is elsewhere it holds nothing, and then
/// [`Disclosure::restricted`] is [`Restricted::Unknown`].
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn disclosed(folder: &Path, config: &Config, person: PersonId) -> Result<Disclosure, Failure> {
    let mut disclosure = Disclosure::default();
    Stores::of_people(folder, config)?.each(&mut |state| {
        for (key, value) in state.scan(&disclosure::prefix(person)).map_err(Failure::fault)? {
            disclosure.take(&key, &value).map_err(Failure::fault)?;
        }
        Ok(())
    })?;
    Ok(disclosure)
}

/// A deployment, of which topics and a changelog are read.
struct Deployment<'s> {
    site: &'s Site,
    settings: Settings,
}

impl Deployment<'_> {
    fn find(&self, node: NodeId) -> Result<Option<Found>, Failure> {
        let assignment: Option<Assignment> = self.last(Topic::IdentityAssignment, &node.to_string())?;
        let assignment = assignment.filter(|assignment| !assignment.erased);
        let Some(person) = assignment.map(|assignment| assignment.person_id) else { return Ok(None) };
        let profile = self.last(Topic::UnifiedProfile, &person.to_string())?;
        let prefix = disclosure::prefix(person);
        let mut entries: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        self.each(&Settings::changelog(StageName::People), &mut |record| {
            let Some(key) = record.key.filter(|key| key.starts_with(&prefix)) else { return Ok(()) };
            match record.value {
                Some(value) => drop(entries.insert(key, value)),
                None => drop(entries.remove(&key)),
            }
            Ok(())
        })?;
        let mut disclosure = Disclosure::default();
        for (key, value) in &entries {
            disclosure.take(key, value).map_err(Failure::fault)?;
        }
        Ok(Some(Found { person, profile, disclosure }))
    }

    /// The last record of a key of a public topic.
    fn last<T: serde::de::DeserializeOwned>(&self, topic: Topic, key: &str) -> Result<Option<T>, Failure> {
        let config = &self.site.config;
        let ids = config.registry.schema_ids(&config.deployment.prefix, topic).map_err(Failure::Fault)?;
        let mut last = None;
        self.each(topic.as_str(), &mut |record| {
            if record.key.as_deref() == Some(key.as_bytes()) {
                last = record.value;
            }
            Ok(())
        })?;
        last.map(|value| decode(topic, &ids, &value)).transpose().map_err(Failure::fault)
    }

    fn each(&self, topic: &str, see: &mut dyn FnMut(Stored) -> Result<(), Failure>) -> Result<(), Failure> {
        let reader = Reader::from_beginning(&self.settings, topic, Isolation::Committed);
        reader.map_err(Failure::fault)?.each(see)
    }
}

fn written(held: &Held, site: &Site) -> Result<Map<String, Value>, Failure> {
    let mut document = Map::new();
    document.insert("made".to_owned(), now().to_string().into());
    document.insert("person_id".to_owned(), held.person.to_string().into());
    document
        .insert("profile".to_owned(), held.profile.as_ref().map(profile).transpose()?.unwrap_or_default());
    document.insert("said".to_owned(), held.said.values().map(said).collect());
    document.insert("sources".to_owned(), origins(held, site)?);
    document.insert("purposes".to_owned(), purposes(&site.config));
    document.insert("recipients".to_owned(), recipients(held.profile.as_ref(), &site.config));
    document.insert("kept".to_owned(), kept(site));
    Ok(document)
}

/// As its schema has it, with times as text.
fn profile(profile: &UnifiedProfile) -> Result<Value, Failure> {
    let bytes = encode(Topic::UnifiedProfile, Framing::SingleObject, profile).map_err(Failure::fault)?;
    AvroJson::new(Topic::UnifiedProfile)?.read(&bytes).map(Value::Object)
}

fn said(said: &Said) -> Value {
    let identifiers = said.identifiers.iter().map(|one| {
        json!({
            "namespace": one.namespace.as_str(), "value": one.value,
            "first_seen": one.first_seen.to_string(), "last_seen": one.last_seen.to_string(),
            "verified": one.verified.as_ref().map(Timestamp::to_string),
        })
    });
    let attributes = said.attributes.iter().map(|SaidAttribute { name, stated }| {
        json!({
            "name": name, "value": stated.value, "source": stated.source,
            "first": stated.first.to_string(), "last": stated.last.to_string(),
            "touchpoints": stated.touchpoints, "verified": stated.verified.as_ref().map(Timestamp::to_string),
        })
    });
    let orders = said.orders.iter().map(|one| {
        json!({
            "order_id": one.order_id, "source": one.source, "placed": one.placed.to_string(),
            "value": one.value.to_string(), "currency": one.currency.to_string(), "items": one.items,
            "status": one.status, "refunded": one.refunded.to_string(), "time": one.time.to_string(),
        })
    });
    let timeline = said.timeline.iter().map(|one| {
        json!({
            "time": one.time.to_string(), "touchpoint_id": one.touchpoint_id, "source": one.source,
            "channel": one.channel, "type": one.r#type, "action": one.action, "order_id": one.order_id,
        })
    });
    let consents = said.consents.iter().map(|one| {
        json!({
            "purpose": one.scope.purpose, "channel": one.scope.channel, "decision": one.decision,
            "time": one.time.to_string(), "expires": one.expires.as_ref().map(Timestamp::to_string),
            "source": one.source, "basis": one.basis, "jurisdiction": one.jurisdiction, "signal": one.signal,
            "wording": one.wording, "confirmed": one.confirmed,
        })
    });
    json!({
        "first_seen": said.first_seen.to_string(), "last_seen": said.last_seen.to_string(),
        "touchpoints": said.touchpoints, "identifiers": identifiers.collect::<Value>(),
        "attributes": attributes.collect::<Value>(), "orders": orders.collect::<Value>(),
        "timeline": timeline.collect::<Value>(),
        "active_half_hours": said.active.iter().map(Timestamp::to_string).collect::<Vec<_>>(),
        "consents": consents.collect::<Value>(),
    })
}

/// Who said anything, and what the data of each is for, where a mapping says so.
fn origins(held: &Held, site: &Site) -> Result<Value, Failure> {
    let (mappings, _) = sources::load(&site.config).map_err(Failure::file(&site.config.sources_dir))?;
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for said in held.said.values() {
        names.extend(said.attributes.iter().map(|one| one.stated.source.as_str()));
        names.extend(said.orders.iter().map(|one| one.source.as_str()));
        names.extend(said.timeline.iter().map(|one| one.source.as_str()));
        names.extend(said.consents.iter().map(|one| one.source.as_str()));
    }
    let line = |name: &&str| {
        let purposes = mappings.get(*name).map(|source| source.settings().purposes.clone());
        json!({ "source": name, "purposes": purposes })
    };
    Ok(names.iter().map(line).collect())
}

/// What data is used for, as the configuration declares it. Whether it may be, is among the consents of the profile.
fn purposes(config: &Config) -> Value {
    let line = |(name, purpose): (&str, &Purpose)| {
        json!({
            "purpose": name, "basis": purpose.basis.as_str(),
            "fields": purpose.fields.as_ref().map_or_else(|| vec!["all".to_owned()], named),
            "retention_days": purpose.retention_ms.map(days), "consent_valid_days": purpose.valid_for_ms.map(days),
        })
    };
    config.purposes.iter().map(line).collect()
}

/// The outputs that have the person now, and what they ask for of a profile.
fn recipients(profile: Option<&UnifiedProfile>, config: &Config) -> Value {
    let Some(profile) = profile else { return Value::Array(Vec::new()) };
    let line = |(name, output): (&str, &Output)| {
        let forms = output.identifiers.iter();
        let forms = forms.map(|(namespace, form)| (namespace.to_string(), Value::from(form.as_str())));
        json!({
            "output": name, "purposes": output.purposes, "channel": output.channel,
            "fields": named(&output.fields), "identifiers": forms.collect::<Map<String, Value>>(),
        })
    };
    kinfold_profile::recipients(profile, &config.outputs, &config.purposes, now()).map(line).collect()
}

/// As the configuration names them.
fn named(fields: &BTreeSet<Field>) -> Vec<String> {
    fields.iter().map(ToString::to_string).collect()
}

fn days(ms: i64) -> f64 {
    ms as f64 / 86_400_000.0
}

/// What the rest of the configuration says of how long things are kept.
fn kept(site: &Site) -> Value {
    json!({
        "raw_records_and_touchpoints_days": days(site.config.topics.raw_retention_ms),
        "refused_records_days": days(site.config.topics.refused_retention_ms),
        "profile": "until it is erased",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::NodeKind;

    #[test]
    fn what_is_not_of_the_person_of_the_identifier_is_read_again_and_never_written() {
        let node = NodeId::new([9; 16], NodeKind::Identifier);
        let mut tries = 0;
        let stale = held(node, Duration::ZERO, &mut || {
            tries += 1;
            let person = PersonId::new([1; 16]);
            Ok(Some(Found { person, profile: None, disclosure: Disclosure::default() }))
        });
        assert!(matches!(stale, Err(Failure::Fault(why)) if why.contains("try again")));
        assert_eq!(tries, TRIES_MAX);
        assert!(matches!(held(node, Duration::ZERO, &mut || Ok(None)), Ok(None)), "it is nobody's");
    }

    #[test]
    fn what_data_is_used_for_is_told_as_it_is_declared() {
        let variables = [
            ("KINFOLD_PURPOSES__MARKETING__FIELDS", "city,metrics.orders"),
            ("KINFOLD_PURPOSES__MARKETING__RETENTION_MS", "172800000"),
            ("KINFOLD_PURPOSES__SERVICE__BASIS", "contract"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::load(None, variables.into_iter()).expect("the settings are right");
        let expected = json!([
            {
                "purpose": "marketing", "basis": "consent", "fields": ["city", "metrics.orders"],
                "retention_days": 2.0, "consent_valid_days": null,
            },
            {
                "purpose": "service", "basis": "contract", "fields": ["all"],
                "retention_days": null, "consent_valid_days": null,
            },
        ]);
        assert_eq!(purposes(&config), expected);
        assert_eq!(recipients(None, &config), json!([]), "who is not published leaves nowhere");
    }

    #[test]
    fn a_link_is_replaced_and_what_it_leads_to_stays_as_it_is() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = tempfile::tempdir().expect("a folder");
        let elsewhere = folder.path().join("elsewhere");
        std::fs::write(&elsewhere, "mine").expect("writes");
        let out = folder.path().join("out");
        std::fs::create_dir(&out).expect("is made");
        for name in ["export.json", ".export.json.new", "export.html"] {
            symlink(&elsewhere, out.join(name)).expect("is made");
        }
        write(&Map::new(), &out).expect("writes");
        assert_eq!(std::fs::read_to_string(&elsewhere).expect("is there"), "mine");
        let names =
            std::fs::read_dir(&out).expect("is there").map(|entry| entry.expect("is there").file_name());
        let mut names: Vec<_> = names.collect();
        names.sort();
        assert_eq!(names, ["export.html", "export.json"]);
        for name in names {
            let about = std::fs::symlink_metadata(out.join(name)).expect("is there");
            assert!(about.is_file());
            assert_eq!(about.permissions().mode() & 0o777, 0o600);
        }
    }
}
