//! Avro: container files carry their schema; single objects and the framing of schema registries name it, and it has to be
//! the one in `<name>.avsc`.

use kinfold_model::Refusal;
use serde::Deserialize;
use serde_avro_fast::Schema;
use serde_avro_fast::de::read::SliceRead;
use serde_avro_fast::de::{DeserializerConfig, DeserializerState};
use serde_avro_fast::object_container_file_encoding::Reader;

use super::{Document, too_many, undecodable};
use crate::limits;
use crate::value::Value;

const CONTAINER: &[u8] = b"Obj\x01";
const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];
const REGISTRY: u8 = 0;
/// Elements of one list or map: more would not fit a record.
const ELEMENTS_MAX: usize = limits::INFLATED_BYTES_MAX;

/// How the Avro records of a source are read.
pub struct Avro {
    /// The schema in `<name>.avsc`; `None` when there is no such file: then only containers can be read.
    pub schema: Option<Schema>,
    /// The ids that a schema registry gave that schema.
    pub registry_ids: Vec<u32>,
}

impl Avro {
    pub(super) fn documents(&self, bytes: &[u8]) -> Result<Vec<Document>, Refusal> {
        if bytes.starts_with(CONTAINER) {
            return container(bytes);
        }
        let datum = match bytes {
            [first, second, fingerprint @ ..] if [*first, *second] == SINGLE_OBJECT => {
                let (fingerprint, datum) = fingerprint.split_at_checked(8).ok_or_else(cut_off)?;
                if self.schema()?.rabin_fingerprint() != fingerprint {
                    let complaint =
                        "is an Avro single object of another schema than the one in the source's .avsc file";
                    return Err(undecodable(complaint));
                }
                datum
            }
            [REGISTRY, rest @ ..] => {
                let (id, datum) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
                let id = u32::from_be_bytes(*id);
                if !self.registry_ids.contains(&id) {
                    let complaint = format!(
                        "names schema {id} of a registry; add it to `avro.registry_ids` of the source"
                    );
                    return Err(undecodable(complaint));
                }
                datum
            }
            _ => return Err(undecodable("is no Avro container, single object or registry's framing")),
        };
        let mut config = DeserializerConfig::new(self.schema()?);
        config.max_seq_size = ELEMENTS_MAX;
        config.allowed_depth = usize::from(limits::DEPTH_MAX) * 2;
        let mut state = DeserializerState::with_config(SliceRead::new(datum), config);
        let value = Value::deserialize(state.deserializer())
            .map_err(|_| undecodable("is no value of the Avro schema in the source's .avsc file"))?;
        Ok(super::batch(value))
    }

    fn schema(&self) -> Result<&Schema, Refusal> {
        let complaint = "is Avro without its schema; put it into the source's .avsc file";
        self.schema.as_ref().ok_or_else(|| undecodable(complaint))
    }
}

/// What a container says of itself.
#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "avro.codec", default)]
    codec: Option<String>,
}

/// A container that is packed inside could hold any amount of data, which nobody would count.
fn container(bytes: &[u8]) -> Result<Vec<Document>, Refusal> {
    let damaged = || undecodable("is an Avro container that is damaged or cut off");
    let opened = Reader::new_and_metadata::<Metadata>(SliceRead::new(bytes));
    let (mut reader, metadata) = opened.map_err(|_| damaged())?;
    if metadata.codec.is_some_and(|codec| codec != "null") {
        let complaint = "is an Avro container that is packed inside; send it unpacked, or pack the whole record with zstd";
        return Err(undecodable(complaint));
    }
    let mut documents = Vec::new();
    for document in reader.deserialize::<Value>() {
        if documents.len() >= limits::DOCUMENTS_MAX {
            return Err(too_many());
        }
        documents.push(Ok(document.map_err(|_| damaged())?));
    }
    Ok(documents)
}

fn cut_off() -> Refusal {
    undecodable("is Avro that is cut off")
}
