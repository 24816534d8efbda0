//! Any bytes as strings of the Transparency and Consent Framework.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("tcf", bytes));
