//! What a customer will be worth, and where they stand.
//!
//! In go purchases by days, and from time to time those of everybody. Out come a [`Model`], fitted on everybody and kept in a
//! file; the [`Value`] of one person by such a model, as of a day; and the stage of their [`lifecycle`] by rules.
//!
//! Everything here is pure: there is no clock, no file and no randomness, and floats are computed by operations that give
//! the same bits on every machine. So each process that knows somebody's purchases publishes the same bytes.

pub mod bg_nbd;
mod day;
mod figure;
pub mod fit;
pub mod gamma_gamma;
pub mod lifecycle;
pub mod limits;
pub mod model;
mod parameters;
mod peak;
pub mod plot;
pub mod purchases;
pub mod refresh;
pub mod scores;
pub mod tracking;
pub mod value;

pub use day::{Day, DayError};
pub use figure::{Figure, FigureError};
pub use lifecycle::{Facts, Lifecycle, LifecycleRules, Timeline};
pub use model::{Meaning, Model, ModelError};
pub use parameters::NotPossible;
pub use purchases::{History, Purchases, Summary, Totals};
pub use refresh::Refresh;
pub use scores::{Quintiles, Scores};
pub use value::{Value, value};
