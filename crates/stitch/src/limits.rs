//! The limits of stitch, each with its reason. How large a component may be is a rule: `max_component`.

/// How often one message may be passed on. Pointers lead to ever higher ranks, so an honest message needs
/// about as many hops as roots changed while it was on its way; a thousand means that the protocol is broken.
pub const HOPS_MAX: u16 = 1000;

/// A message that was passed on more often takes its turn in the log, even to its own partition. What it waits for
/// may be there already, behind the record that is being handled.
pub const HOPS_AT_ONCE: u16 = 8;

/// How many messages one record may set off on its own partition: the nodes and edges of the largest
/// components that Kinfold is built for, several times over. Beyond it the protocol runs in circles.
pub const STEPS_MAX: usize = 4_000_000;

/// How many sources the evidence of one sighting names. The least names are kept, whatever came first; what all
/// others said is kept as one.
pub const SOURCES_MAX: usize = 16;

/// How many touchpoints of one source at one sighting are told apart. One of more cannot be taken back by itself,
/// only all that its source said; in return a daily visitor costs no more than a weekly one.
pub const TOUCHPOINTS_MAX: usize = 8;

/// How many identifiers a touchpoint may have, as capture allows.
pub const IDENTIFIERS_MAX: u32 = 16;

/// How many identifiers a steward's command may name: those of the largest touchpoint.
pub const COMMAND_IDENTIFIERS_MAX: usize = 16;

/// How many bytes a text of a steward's command may have: a sentence or two.
pub const COMMAND_TEXT_BYTES_MAX: usize = 1000;
