//! Any bytes as records of every public topic in Avro.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("avro", bytes));
