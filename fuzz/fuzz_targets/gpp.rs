//! Any bytes as strings of the Global Privacy Platform.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("gpp", bytes));
