//! Limits, each with its reason.

use std::ops::RangeInclusive;

/// Fifty years: nobody plans further, and a forecast takes time in proportion to it.
pub const FORECAST_DAYS_MAX: u32 = 18_263;
/// Ten years: how far the horizon of a model may be.
pub const HORIZON_DAYS_MAX: u32 = 3_653;
/// A year: how long a period of a model, or the time between two values of somebody, may be.
pub const PERIOD_DAYS_MAX: u32 = 366;
/// What money loses in a year at most, as a rate: beyond it nothing later counts.
pub const DISCOUNT_MAX: f64 = 10.0;
/// Of parameters without a unit. Outside, a distribution is a point or has no middle, and a fit that ends there found nothing.
pub const SHAPE_RANGE: RangeInclusive<f64> = 1e-4..=1e5;
/// Of `alpha`, in periods. How small it may be for its horizon says [`TERMS_MAX`].
pub const ALPHA_RANGE: RangeInclusive<f64> = 0.05..=1e6;
/// Of `v`, in units of the currency.
pub const SCALE_RANGE: RangeInclusive<f64> = 1e-4..=1e9;
/// People whose purchases a fit is made of: they are held in memory.
pub const CUSTOMERS_MAX: usize = 20_000_000;
/// Below so many people who came back, parameters are an accident.
pub const REPEAT_CUSTOMERS_MIN: u64 = 10;
/// A model file has a few hundred bytes.
pub const MODEL_BYTES_MAX: usize = 16_384;
/// Ten years: how many weeks a forecast is compared with.
pub const WEEKS_MAX: u32 = 522;
/// Among so many of the last days of purchase that one is looked for which was paid back, so that a refund takes a bounded time. They
/// are a year of somebody who buys daily, and more of everybody else.
pub const PAID_BACK_DAYS_MAX: usize = 366;
/// Terms of the sums that a value may take, whoever it is of: everybody who bought is valued whenever they change. With the published
/// parameters and a year ahead it is less than a hundredth of this.
pub const TERMS_MAX: f64 = 2e6;
/// Stages of a lifecycle: each is asked at each point in time.
pub const STAGES_MAX: usize = 16;
/// Bytes of the name of a stage.
pub const STAGE_NAME_BYTES_MAX: usize = 64;
/// A hundred years: the longest time that a stage may ask for.
pub const STAGE_DAYS_MAX: u32 = 36_525;
/// The last changes of stage that are told.
pub const CHANGES_MAX: usize = 8;
