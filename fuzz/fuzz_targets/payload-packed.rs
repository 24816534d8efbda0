//! Any bytes as payloads packed by gzip or zstd.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("payload-packed", bytes));
