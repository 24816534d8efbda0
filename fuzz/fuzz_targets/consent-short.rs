//! Any bytes as short signals of consent: US Privacy strings, Global Privacy Control, `gcs`, events of mail.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("consent-short", bytes));
