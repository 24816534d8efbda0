//! How much a signal may hold. What is beyond a limit is unreadable, never cut short.

/// A TCF string with vendor lists and publisher restrictions comes to several thousand characters; no header of a request
/// is longer. Everything that is decoded is smaller than some multiple of this.
pub const STRING_BYTES_MAX: usize = 16_384;

/// TCF has four kinds of segments, sections of the United States two.
pub const SEGMENTS_MAX: usize = 8;

/// Twice as many as there are sections.
pub const SECTIONS_MAX: usize = 64;

/// Categories of a consent object: people write them down one by one.
pub const CATEGORIES_MAX: usize = 64;

/// The name of a category or of a purpose, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 64;

/// Purposes that have rules: a touchpoint has room for as many decisions.
pub const PURPOSES_MAX: usize = 32;
