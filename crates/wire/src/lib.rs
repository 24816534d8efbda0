//! Bytes to model and back, and the list of topics.
//!
//! What goes in are records of the model or bytes from a log; what comes out are bytes or records, or a
//! [`WireError`]. Public topics carry Avro ([`encode`], [`decode`]) that any Avro reader understands, inner topics
//! carry a compact form of their own ([`encode_inner`], [`decode_inner`]). No bytes, however hostile, make this
//! crate panic or take more memory than its [`limits`] allow, and no error repeats a value of the record.

mod avro;
mod contract;
mod coordinates;
mod error;
mod framing;
mod inner;
pub mod limits;
mod partition;
mod topic;
mod trace;

pub use avro::{decode, encode};
pub use contract::{Contract, Version};
pub use coordinates::{Coordinates, CoordinatesError, ORIGINAL_HEADER, Original};
pub use error::WireError;
pub use framing::{Framing, SchemaIds};
pub use inner::{INNER_VERSION, decode_inner, encode_inner};
pub use partition::keyed;
pub use topic::{SourceNameError, Topic, TopicError, check_source, output_topic, raw_topic};
pub use trace::{SCHEMA_HEADER, TRACE_HEADER, TRACEPARENT_HEADER, Trace, TraceError, schema_header};
