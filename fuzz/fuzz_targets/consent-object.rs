//! Any bytes as objects of consent: those of Google's Consent Mode and of Segment.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("consent-object", bytes));
