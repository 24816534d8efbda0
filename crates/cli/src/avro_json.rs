//! A record of a public topic as JSON, by its schema alone: an independent Avro library reads what we wrote.
//! Times become RFC 3339 text, days ISO 8601, bytes become lower-case hex.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use kinfold_model::{Date, Timestamp};
use kinfold_wire::Topic;
use serde_json::{Map, Value as Json};

use crate::commands::Failure;

/// Single-object encoding begins with two bytes of marker and eight of fingerprint.
const HEADER_BYTES: usize = 10;

/// Reads the records of one topic.
pub struct AvroJson {
    schema: Schema,
}

impl AvroJson {
    /// Parses the topic's current schema.
    ///
    /// # Errors
    /// When the topic has none.
    pub fn new(topic: Topic) -> Result<Self, Failure> {
        let contract =
            topic.schema().ok_or_else(|| Failure::Fault(format!("topic {topic} has no schema")))?;
        let schema = Schema::parse_str(contract.current().json()).map_err(Failure::fault)?;
        Ok(Self { schema })
    }

    /// The record in a value.
    ///
    /// # Errors
    /// When the value is not of this schema.
    pub fn read(&self, value: &[u8]) -> Result<Map<String, Json>, Failure> {
        let mut datum = value.get(HEADER_BYTES..).unwrap_or_default();
        let reader = GenericDatumReader::builder(&self.schema).build().map_err(Failure::fault)?;
        match json(reader.read_value(&mut datum).map_err(Failure::fault)?) {
            Json::Object(record) => Ok(record),
            other => Err(Failure::Fault(format!("a record was expected, not {other}"))),
        }
    }
}

fn json(value: Avro) -> Json {
    match value {
        Avro::Boolean(value) => value.into(),
        Avro::Int(value) => value.into(),
        Avro::Long(value) => value.into(),
        Avro::Float(value) => value.into(),
        Avro::Double(value) => value.into(),
        Avro::String(value) | Avro::Enum(_, value) => value.into(),
        Avro::Uuid(value) => value.to_string().into(),
        Avro::TimestampMillis(ms) => {
            Timestamp::from_millis(ms).map_or_else(|_| ms.into(), |time| time.to_string().into())
        }
        Avro::Date(days) => Date::from_days(days).map_or_else(|_| days.into(), |day| day.to_string().into()),
        Avro::Bytes(bytes) | Avro::Fixed(_, bytes) => {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
        }
        Avro::Union(_, value) => json(*value),
        Avro::Array(values) => values.into_iter().map(json).collect(),
        Avro::Map(values) => {
            let sorted: std::collections::BTreeMap<String, Avro> = values.into_iter().collect();
            Json::Object(sorted.into_iter().map(|(name, value)| (name, json(value))).collect())
        }
        Avro::Record(fields) => {
            Json::Object(fields.into_iter().map(|(name, value)| (name, json(value))).collect())
        }
        // The schemas use nothing else.
        _ => Json::Null,
    }
}
