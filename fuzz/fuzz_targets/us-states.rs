//! Any bytes as sections of the Global Privacy Platform about the United States and their states.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("us-states", bytes));
