//! Avro: touchpoints to bytes and back, by the library on the hot path and by the one that reads for a check.
//! Both write the same bytes, which is made sure of first, so the ratio compares like with like.

use std::hint::black_box;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use kinfold_cli::commands::Failure;
use kinfold_model::Touchpoint;
use kinfold_wire::{Framing, SchemaIds, Topic, decode, encode};

use crate::harness::Bench;
use crate::material;

const TOUCHPOINTS: usize = 50_000;
const PEOPLE: usize = 5_000;
/// Single-object encoding begins with two bytes of marker and eight of fingerprint.
const HEADER_BYTES: usize = 10;

/// Both ways, each by both libraries.
pub(crate) fn run(bench: &mut Bench) -> Result<(), Failure> {
    let touchpoints = touchpoints()?;
    let contract =
        Topic::Touchpoint.schema().ok_or_else(|| Failure::Fault("touchpoints have no schema".into()))?;
    let schema = Schema::parse_str(contract.current().json()).map_err(Failure::fault)?;
    let writer = GenericDatumWriter::builder(&schema).human_readable(true).build().map_err(Failure::fault)?;
    let reader = GenericDatumReader::builder(&schema).human_readable(true).build().map_err(Failure::fault)?;
    let written = touchpoints.iter().map(ours).collect::<Result<Vec<_>, _>>()?;
    for (touchpoint, written) in touchpoints.iter().zip(&written) {
        agree(touchpoint, written, &writer, &reader)?;
    }
    bench.ready();
    let encoding = bench.repeat("encode, kinfold-wire", touchpoints.len(), || {
        touchpoints.iter().try_for_each(|touchpoint| ours(touchpoint).map(|bytes| drop(black_box(bytes))))
    })?;
    let theirs = bench.repeat("encode, apache-avro", touchpoints.len(), || {
        let bytes = |touchpoint| writer.write_ser_to_vec(touchpoint).map(|bytes| drop(black_box(bytes)));
        touchpoints.iter().try_for_each(bytes).map_err(Failure::fault)
    })?;
    bench.note(format!("{:.1} times as long", theirs / encoding));
    let decoding = bench.repeat("decode, kinfold-wire", written.len(), || {
        written.iter().try_for_each(|bytes| read(bytes).map(|touchpoint| drop(black_box(touchpoint))))
    })?;
    let theirs = bench.repeat("decode, apache-avro", written.len(), || {
        let touchpoint = |bytes: &Vec<u8>| reader.read_deser::<Touchpoint>(&mut datum(bytes));
        written
            .iter()
            .try_for_each(|bytes| touchpoint(bytes).map(|read| drop(black_box(read))))
            .map_err(Failure::fault)
    })?;
    bench.note(format!("{:.1} times as long", theirs / decoding));
    Ok(())
}

fn touchpoints() -> Result<Vec<Touchpoint>, Failure> {
    let port = material::capture()?;
    let now = material::read_at()?;
    let touchpoint = |record: Vec<u8>| {
        port.stage.touchpoint(&record, now).map_err(|refusal| Failure::Fault(refusal.sentence))
    };
    material::records(TOUCHPOINTS, PEOPLE)?.map(touchpoint).collect()
}

fn agree(
    touchpoint: &Touchpoint,
    written: &[u8],
    writer: &GenericDatumWriter<'_>,
    reader: &GenericDatumReader<'_>,
) -> Result<(), Failure> {
    let theirs = writer.write_ser_to_vec(touchpoint).map_err(Failure::fault)?;
    let reread: Touchpoint = reader.read_deser(&mut datum(written)).map_err(Failure::fault)?;
    if theirs == datum(written) && reread == *touchpoint && read(written)? == *touchpoint {
        return Ok(());
    }
    Err(Failure::Fault("the two libraries do not agree on a touchpoint, so they cannot be compared".into()))
}

fn ours(touchpoint: &Touchpoint) -> Result<Vec<u8>, Failure> {
    encode(Topic::Touchpoint, Framing::SingleObject, touchpoint).map_err(Failure::fault)
}

fn read(bytes: &[u8]) -> Result<Touchpoint, Failure> {
    decode(Topic::Touchpoint, &SchemaIds::default(), bytes).map_err(Failure::fault)
}

fn datum(bytes: &[u8]) -> &[u8] {
    bytes.get(HEADER_BYTES..).unwrap_or_default()
}
