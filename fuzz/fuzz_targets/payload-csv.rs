//! Any bytes as payloads of separated values.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("payload-csv", bytes));
