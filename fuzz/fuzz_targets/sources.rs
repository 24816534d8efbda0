//! Any bytes as payloads of the vendors whose mappings come with Kinfold.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("sources", bytes));
