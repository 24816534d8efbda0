//! Any bytes as addresses of e-mail.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kinfold_fuzz_laws::uphold("email", bytes));
