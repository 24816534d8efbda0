//! Any bytes as payloads in JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("payload-json", bytes));
