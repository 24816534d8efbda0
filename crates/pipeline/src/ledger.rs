//! What each source sent, as the store of a local run keeps it: tallies go in with the batches that they are of, sums by the
//! name of the source come out. On Kafka the metrics tell it, and capture keeps no state.

use std::collections::BTreeMap;

use kinfold_model::stored::{decode, encode};
use kinfold_model::{Fault, SourceQuality, View};

use crate::batch::Tally;
use crate::local::Shelf;
use crate::overlay::{Store, Writes};

/// Adds what sources sent to what they sent before.
///
/// # Errors
/// Those of reading the store.
pub(crate) fn add(tally: &Tally, store: &dyn View, writes: &mut Writes) -> Result<(), Fault> {
    for ((_, source), quality) in &tally.sources {
        let key = [Shelf::Quality.prefix().as_slice(), source.as_bytes()].concat();
        let before = match writes.get(&key) {
            Some(written) => written.clone(),
            None => store.get(&key)?,
        };
        let mut sum = before.map_or_else(|| Ok(SourceQuality::default()), |bytes| read(&bytes))?;
        sum.add(quality);
        writes.insert(key, Some(encode(&sum)));
    }
    Ok(())
}

/// What each source sent, since the store was made.
///
/// # Errors
/// Those of reading the store.
pub fn sources(store: &impl Store) -> Result<BTreeMap<String, SourceQuality>, Fault> {
    let (mut sources, mut fault) = (BTreeMap::new(), None);
    let prefix = Shelf::Quality.prefix();
    store.visit(&prefix, &mut |key, bytes| {
        let name = String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default()).into_owned();
        match read(bytes) {
            Ok(quality) => drop(sources.insert(name, quality)),
            Err(error) => fault = Some(error),
        }
    })?;
    fault.map_or(Ok(sources), Err)
}

fn read(bytes: &[u8]) -> Result<SourceQuality, Fault> {
    decode("quality", bytes)
}
