//! The laws of facets and people, asked of both stages together over a state in memory.

mod consents;
mod disclosures;
mod erasures;
mod feed;
mod history;
mod journeys;
mod metrics;
mod outputs;
mod restrictions;
mod revision;
mod survivorship;
mod world;
mod worth;

/// What the simulation asks of records, too. Its crate is not a dependency here, because all stages come with it.
#[path = "../../../testkit/src/oracle/feed.rs"]
#[expect(unreachable_pub, reason = "it is public where it lives")]
mod oracle;
