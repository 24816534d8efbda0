//! Whole-pipeline proofs live in `whole/`, one test binary; this library is empty.
