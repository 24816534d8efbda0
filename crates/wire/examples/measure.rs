#![allow(warnings)]
#[path = "../tests/laws/samples.rs"]
mod samples;
use std::{hint::black_box, time::Instant};
use kinfold_wire::*;
use kinfold_model::*;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
fn time(name: &str, n: u32, mut f: impl FnMut()) {
    for _ in 0..n / 10 { f() }
    let mut best = f64::MAX;
    for _ in 0..7 { let t = Instant::now(); for _ in 0..n { f() } best = best.min(t.elapsed().as_nanos() as f64 / n as f64); }
    println!("{name}: {best:.0} ns");
}
fn main() {
    let schema = apache_avro::Schema::parse_str(Topic::Touchpoint.schema().unwrap().current().json()).unwrap();
    let reader = GenericDatumReader::builder(&schema).human_readable(true).build().unwrap();
    let writer = GenericDatumWriter::builder(&schema).human_readable(true).build().unwrap();
    let ids = SchemaIds::default();
    for (label, tp) in [("full", samples::full_touchpoint()), ("bare", samples::bare_touchpoint())] {
        let bytes = encode(Topic::Touchpoint, Framing::SingleObject, &tp).unwrap();
        println!("{label}: {} bytes, inner {} bytes", bytes.len(), encode_inner(&tp).unwrap().len());
        time("fast encode", 20000, || { black_box(encode(Topic::Touchpoint, Framing::SingleObject, black_box(&tp)).unwrap()); });
        time("fast decode", 20000, || { black_box(decode::<Touchpoint>(Topic::Touchpoint, &ids, black_box(&bytes)).unwrap()); });
        time("apache encode (serde direct)", 5000, || { black_box(writer.write_ser_to_vec(black_box(&tp)).unwrap()); });
        time("apache decode to Value", 5000, || { black_box(reader.read_value(&mut black_box(&bytes[10..])).unwrap()); });
        let v = reader.read_value(&mut &bytes[10..]).unwrap();
        time("apache Value encode", 5000, || { black_box(writer.write_value_ref(&mut Vec::new(), black_box(&v)).unwrap()); });
        let inner = encode_inner(&tp).unwrap();
        time("inner encode", 20000, || { black_box(encode_inner(black_box(&tp)).unwrap()); });
        time("inner decode", 20000, || { black_box(decode_inner::<Touchpoint>(black_box(&inner)).unwrap()); });
    }
}
