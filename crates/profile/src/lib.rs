//! Touchpoints and assignments become facets, facets become people.
//!
//! Two stages. [`Facets`] joins what was said (`touchpoint`) with whom it was said of (`identity-assignment`), both
//! keyed by node, and sends each facet, whole, to its person. [`People`] keeps the facets of each person and
//! publishes what they [`fold`](fold::fold) to, and to each output what of it may leave there. Facets are never merged into each other for good: a merge or a split
//! of people only regroups them, so nothing is counted twice and nothing is lost.
//!
//! Everything here is pure: state is read and written through [`kinfold_model::State`], there is no clock, and the
//! result is a function of the set of touchpoints and the last assignment of each node, whatever the order, the
//! repetitions and the batches were, and of the time that the driver tells, which only what ends or grows old by itself asks for, the
//! worth of purchases, and the lifecycle. Only `version` and `changed` tell of the steps that were taken.

pub mod account;
mod action;
mod activity;
mod allowed;
mod attributes;
pub mod bought;
mod counted;
mod counts;
mod decisions;
mod delivery;
pub mod disclosure;
mod distinct;
mod edition;
mod ends;
pub mod facet;
pub mod facets;
pub mod fold;
mod forms;
mod interests;
pub mod laws;
#[cfg(test)]
mod mergeable;
mod metrics;
mod named;
mod orders;
mod outputs;
mod parts;
pub mod people;
mod place;
mod restriction;
mod revision;
mod room;
mod sample;
#[cfg(test)]
mod samples;
mod settings;
mod span;
mod standard;
mod standing;
mod survivor;
pub mod table;
mod tally;
mod timeline;
mod timers;
mod values;
mod weigh;
mod winners;
mod worth;

pub use facet::Facet;
pub use facets::{Barrier, Cause, FacetMessage, Facets, FacetsInput, Joined, Member, PeopleInput};
pub use outputs::recipients;
pub use people::{People, Published};
pub use room::PROFILE_BYTES_MAX;
pub use settings::{Settings, Valuation};
pub use table::Table;
pub use timeline::TIMELINE_MAX;
pub use timers::timer_of;
