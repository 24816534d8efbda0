//! Proofs about the whole pipeline, in one binary so that RocksDB and librdkafka are linked once.

mod brake_on_kafka;
mod command_line;
mod crashes;
mod data_sets;
mod dead_letters;
mod dead_on_kafka;
mod explain;
mod explain_command;
mod golden;
mod in_sight;
mod interleavings;
mod large;
mod local;
mod on_kafka;
mod programs;
mod quality;
mod review;
mod revision;
mod rules;
mod simulation;
mod sources;
mod steward;
mod tidy;
mod traps;
mod truth;
mod undo;
