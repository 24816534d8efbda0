//! Whole-pipeline proofs live in `whole/`, one test binary, and in `faults/`, another that ends in a table; this library
//! is empty.
