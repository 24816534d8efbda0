//! Any bytes as canonical touchpoints as JSON.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("json", bytes));
