//! How much a record may hold. A record beyond a limit is refused, never cut short.
//!
//! Lengths are bytes of UTF-8, after trimming and normalising.

/// Records of this many bytes or more are refused: Kafka's own default for a message is 1 MiB, so that a touchpoint,
/// which adds node ids, still fits after capture.
pub const RECORD_BYTES: usize = 1 << 20;

/// A touchpoint needs four levels; the rest is room for an envelope that is then named in the refusal.
pub const DEPTH_MAX: usize = 8;

/// Evidence grows with the identifiers that are seen together; a till, a browser or a CRM row has a handful.
pub const IDENTIFIERS_MAX: usize = 16;

/// A profile carries every attribute of every touchpoint, so this bounds profiles too.
pub const ATTRIBUTES_MAX: usize = 64;

/// One decision for each purpose, and for some a few by channel; the longest published list of purposes, IAB TCF, has eleven
/// and a few features.
pub const CONSENTS_MAX: usize = 32;

/// Elements of any other list, members of any other object.
pub const ELEMENTS_MAX: usize = 64;

/// Room for two UUIDs and a prefix, or for a URL of moderate length.
pub const ID_BYTES_MAX: usize = 256;

/// Names become keys of maps and labels on screens: namespaces, attributes, sources, channels, types, purposes,
/// legal bases, jurisdictions, actions, types and categories of consent signals.
pub const NAME_BYTES_MAX: usize = 64;

/// The longest e-mail address has 254 bytes; opaque device and card tokens are longer, but not by much.
pub const IDENTIFIER_BYTES_MAX: usize = 512;

/// A line of an address, a sentence, a URL with its query: text about a person, not a document.
pub const ATTRIBUTE_BYTES_MAX: usize = 4096;

/// A TCF string with vendor lists and publisher restrictions comes to several thousand characters.
pub const SIGNAL_BYTES_MAX: usize = 16_384;

/// The longest form of RFC 3339 with nanoseconds and a zone has 35 bytes.
pub const TIME_BYTES_MAX: usize = 64;

/// 12 digits, a point, 4 digits and a sign, with room for a reader to see what went wrong.
pub const MONEY_BYTES_MAX: usize = 32;

/// Articles in one order: nobody buys more, and 10⁹ orders of this size still add up in 64 bits.
pub const ITEMS_MAX: i64 = 1_000_000_000;

/// Up to here every whole number is its own 64-bit float. Beyond it digits would be lost unseen.
pub const FLOAT_EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// What is odd about one touchpoint: enough to name what a source should mend, and bounded whatever it sends.
pub const FLAGS_MAX: usize = 16;
