//! Any bytes as payloads of forms.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("payload-form", bytes));
