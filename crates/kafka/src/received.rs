//! A message of Kafka as a record of the pipeline.

use std::sync::Arc;

use kinfold_model::Timestamp;
use kinfold_pipeline::{First, InRecord, Origin};
use kinfold_wire::{ORIGINAL_HEADER, TRACE_HEADER, TRACEPARENT_HEADER, Topic, Trace};
use rdkafka::message::{BorrowedMessage, Headers, Message};

use crate::link::unsigned;

/// What a topic's full name stands for; `None` for a topic that is not ours.
pub(crate) fn origin(topic: &str, prefix: &str) -> Option<Origin> {
    let name = topic.strip_prefix(prefix)?;
    match name.strip_prefix("raw.") {
        Some(source) => Some(Origin::Raw(Arc::from(source))),
        None => Some(Origin::Topic(name.parse::<Topic>().ok()?)),
    }
}

/// The record in a message; `None` for a topic that is not ours.
pub(crate) fn received(message: &BorrowedMessage<'_>, prefix: &str) -> Option<InRecord> {
    let time = message.timestamp().to_millis().and_then(|ms| Timestamp::from_millis(ms).ok());
    let (origin, time) = (origin(message.topic(), prefix)?, time.unwrap_or(Timestamp::MIN));
    let first = header(message, ORIGINAL_HEADER).and_then(|value| First::from_header(value, &origin, time));
    Some(InRecord {
        origin,
        partition: unsigned(message.partition()),
        offset: message.offset(),
        time,
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        trace: trace(message),
        first,
    })
}

fn trace(message: &BorrowedMessage<'_>) -> Option<Trace> {
    let text = header(message, TRACE_HEADER).or_else(|| header(message, TRACEPARENT_HEADER))?;
    Trace::from_header(text).ok()
}

/// The value of the first header of this name.
fn header<'m>(message: &'m BorrowedMessage<'_>, wanted: &str) -> Option<&'m [u8]> {
    message.headers()?.iter().find(|header| header.key == wanted)?.value
}
