//! Where somebody stands: a stage of a lifecycle, by rules. In: [`LifecycleRules`] and [`Facts`] with their times. Out: the stage
//! at any time, since when, and until when if nothing more happens.
//!
//! Stages follow event time. Whoever hears of an order a month late gives the stage that the person had a month ago, and so
//! everybody says the same in the end, whatever came first.

mod rules;
mod timeline;

pub use rules::{LifecycleFault, LifecycleFaults, LifecycleRules, RevenueMin, Stage};
pub use timeline::{Change, Facts, Lifecycle, Order, Timeline, identified, personal};
