//! Avro of our topics: any bytes are read or refused, and what is read is written as what is read again.

use kinfold_model::{
    Assignment, Command, ConsentChange, DeadLetter, IdentityChange, Touchpoint, UnifiedProfile,
};
use kinfold_wire::{Framing, SchemaIds, Topic, decode, encode};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::canonical::{self, Bench};

/// Records of touchpoints; those of other topics begin with the same bytes but for the fingerprint, which changes hardly
/// ever hit, so that each input is tried with the fingerprint of each topic.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let Ok(bench) = Bench::new(kinfold_capture::UnknownMembers::Drop) else { return Vec::new() };
    let touchpoints =
        canonical::seeds().into_iter().filter_map(|seed| bench.touchpoint(&seed).ok().flatten());
    let mut seeds: Vec<Vec<u8>> = touchpoints
        .filter_map(|touchpoint| encode(Topic::Touchpoint, Framing::SingleObject, &touchpoint).ok())
        .collect();
    seeds.push(vec![0; 64]);
    seeds.push((0..64).collect());
    seeds
}

pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    read::<Touchpoint>(Topic::Touchpoint, bytes)?;
    read::<DeadLetter>(Topic::TouchpointRefused, bytes)?;
    read::<Command>(Topic::IdentityCommand, bytes)?;
    read::<Assignment>(Topic::IdentityAssignment, bytes)?;
    read::<IdentityChange>(Topic::IdentityChange, bytes)?;
    read::<UnifiedProfile>(Topic::UnifiedProfile, bytes)?;
    read::<ConsentChange>(Topic::ConsentChange, bytes)
}

fn read<T: Serialize + DeserializeOwned + PartialEq>(topic: Topic, bytes: &[u8]) -> Result<(), String> {
    let contract = topic.schema().ok_or_else(|| format!("{topic} has a schema"))?;
    let mut framed = vec![0xc3, 0x01];
    framed.extend(contract.current().fingerprint());
    framed.extend(bytes.get(10..).unwrap_or_default());
    for bytes in [bytes, &framed] {
        let Ok(record) = decode::<T>(topic, &SchemaIds::default(), bytes) else { continue };
        let Ok(written) = encode(topic, Framing::SingleObject, &record) else { continue };
        match decode::<T>(topic, &SchemaIds::default(), &written) {
            Ok(again) if again == record => {}
            _ => return Err(format!("a record of {topic} is read as it was written")),
        }
    }
    Ok(())
}
