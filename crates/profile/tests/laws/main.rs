//! The laws of facets and people, asked of both stages together over a state in memory.

mod consents;
mod disclosures;
mod erasures;
mod history;
mod journeys;
mod metrics;
mod outputs;
mod restrictions;
mod revision;
mod survivorship;
mod world;
mod worth;
