//! Any bytes as payloads in Avro, with and without its schema.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("payload-avro", bytes));
