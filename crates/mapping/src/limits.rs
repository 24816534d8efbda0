//! How much a record and a program may take. What goes beyond is refused, never cut short.
//!
//! Programs are counted in steps and bytes and not in seconds, so that a record has the same fate on every machine.

/// What a record may hold once it is unpacked: four times the largest record, as text packs. Beyond it a small record
/// could fill the memory.
pub const INFLATED_BYTES_MAX: usize = 4 << 20;

/// How deep a payload may be nested. The deepest that vendors publish, Shopify's orders, has seven levels.
pub const DEPTH_MAX: u8 = 32;

/// What one value may weigh, as [`crate::value`] weighs it; a record of many small numbers weighs ten times its text.
pub const WEIGHT_MAX: u64 = 48 << 20;

/// Documents in one record: vendors send batches of 100 to 1000.
pub const DOCUMENTS_MAX: usize = 10_000;

/// Steps of a program for one document. The programs of this repository take 50 to 500; a loop of this many takes some
/// milliseconds.
pub const STEPS_MAX: u64 = 100_000;

/// Steps of a program for all documents of one record.
pub const RECORD_STEPS_MAX: u64 = 2_000_000;

/// What a program may make for one document, whether it keeps it or not.
pub const MADE_BYTES_MAX: u64 = 32 << 20;

/// How deep calls of definitions may be nested, in levels of program text. A level takes up to 2 KiB of the stack, and a
/// thread has at least 2 MiB.
pub const CALL_DEPTH_MAX: u32 = 400;

/// How deep the text of one definition may be nested.
pub const TEXT_DEPTH_MAX: u32 = 120;

/// The text of a program: the longest of this repository has 6 KiB.
pub const PROGRAM_BYTES_MAX: usize = 1 << 16;

/// Touchpoints of one document.
pub const OUTPUTS_MAX: usize = 1000;

/// What all touchpoints of one document may weigh.
pub const OUTPUT_WEIGHT_MAX: u64 = 8 << 20;

/// A regular expression, compiled. Matching takes time linear in the text.
pub const REGEX_BYTES_MAX: usize = 1 << 18;

/// The files of a source: a person has to be able to read them.
pub const FILE_BYTES_MAX: u64 = 1 << 20;
