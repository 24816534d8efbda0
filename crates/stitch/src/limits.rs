//! The limits of stitch, each with its reason.

/// How often one message may be passed on. Pointers lead to ever higher ranks, so an honest message needs
/// about as many hops as roots changed while it was on its way; a thousand means that the protocol is broken.
pub const HOPS_MAX: u16 = 1000;

/// A message that was passed on more often takes its turn in the log, even to its own partition. What it waits for
/// may be there already, behind the record that is being handled.
pub const HOPS_AT_ONCE: u16 = 8;

/// How many messages one record may set off on its own partition: the nodes and edges of the largest
/// components that Kinfold is built for, several times over. Beyond it the protocol runs in circles.
pub const STEPS_MAX: usize = 4_000_000;

/// How many sources the evidence of one sighting names. The least names are kept, whatever came first.
pub const SOURCES_MAX: usize = 16;
