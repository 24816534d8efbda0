//! Any bytes as what a mapping may give.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("jq-output", bytes));
