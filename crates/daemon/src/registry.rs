//! The schema registry: gives each public topic's schema a number, under the subject `<topic>-value` as
//! Confluent's serialisers do. Asked once, at the start of a stage; records then carry the numbers.

use kinfold_pipeline::Topology;
use kinfold_wire::{Framing, Topic, Version};
use serde_json::{Value, json};

/// The registry does not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    /// No answer, or a refusal.
    #[error(
        "the schema registry at {url} did not take the schema of {subject}: {why}; check [registry] url, and the \
         subject's compatibility setting"
    )]
    Refused {
        /// As configured.
        url: String,
        /// The subject.
        subject: String,
        /// What the client or the registry says.
        why: String,
    },
}

/// Registers every published version of every public topic, and notes the numbers.
pub(crate) fn register(url: &str, prefix: &str, topology: &mut Topology) -> Result<(), RegistryError> {
    for topic in Topic::ALL {
        let Some(contract) = topic.schema() else { continue };
        let subject = format!("{prefix}{topic}-value");
        for version in contract.versions() {
            let schema_id = number(url, &subject, version)?;
            topology.schema_ids.insert(schema_id, topic, version.number());
            topology.framing.insert(topic, Framing::Confluent { schema_id });
        }
    }
    Ok(())
}

fn number(url: &str, subject: &str, version: &Version) -> Result<i32, RegistryError> {
    let refused =
        |why: String| RegistryError::Refused { url: url.to_owned(), subject: subject.to_owned(), why };
    let address = format!("{}/subjects/{subject}/versions", url.trim_end_matches('/'));
    let mut answer = ureq::post(&address)
        .header("Content-Type", "application/vnd.schemaregistry.v1+json")
        .send_json(json!({ "schema": version.json() }))
        .map_err(|error| refused(error.to_string()))?;
    let answer: Value = answer.body_mut().read_json().map_err(|error| refused(error.to_string()))?;
    let id = answer.get("id").and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
    id.ok_or_else(|| refused("its answer holds no id".to_owned()))
}
