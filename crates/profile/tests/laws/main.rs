//! The laws of facets and people, asked of both stages together over a state in memory.

mod consents;
mod history;
mod journeys;
mod world;
