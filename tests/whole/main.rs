//! Proofs about the whole pipeline, in one binary so that RocksDB and librdkafka are linked once.

mod simulation;
