//! The laws of the wire, checked against an independent Avro library and Avro's own files.

mod avro_files;
#[path = "../../../model/tests/data/mod.rs"]
mod data;
mod evolution;
mod hostile;
mod independent;
mod round_trip;
mod samples;
