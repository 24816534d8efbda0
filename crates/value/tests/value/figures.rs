//! Laws of the models, over all parameters and histories that can be.

use kinfold_value::bg_nbd::BgNbd;
use kinfold_value::gamma_gamma::GammaGamma;
use kinfold_value::value::{Horizon, discounted_purchases};
use kinfold_value::{Day, History, Model, Purchases, Refresh, Summary, value};
use proptest::prelude::*;

/// Fifty years.
const DAYS_MAX: u32 = 18_263;

fn history() -> impl Strategy<Value = History> {
    (0..=DAYS_MAX)
        .prop_flat_map(|age| (Just(age), 0..=age))
        .prop_flat_map(|(age, recency)| (Just(age), Just(recency), recency.min(1)..=recency.min(10_000)))
        .prop_map(|(age, recency, frequency)| {
            History::new(frequency, recency, age)
                .expect("no more purchases than days, and no day without one")
        })
}

/// Logarithms, so that small and large ones are as frequent.
fn parameter(from: f64, to: f64) -> impl Strategy<Value = f64> {
    (from.ln()..to.ln()).prop_map(f64::exp)
}

fn bg_nbd() -> impl Strategy<Value = BgNbd> {
    (parameter(1e-3, 1e2), parameter(0.3, 1e4), parameter(1e-3, 1e3), parameter(1e-3, 1e3))
        .prop_map(|(r, alpha, a, b)| BgNbd::new([r, alpha, a, b], 7).expect("are possible"))
}

/// As much as the last bits of many terms.
const ROUNDING: f64 = 1e-9;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn to_be_alive_is_a_probability(model in bg_nbd(), history in history()) {
        let alive = model.alive(history);
        prop_assert!((0.0..=1.0).contains(&alive), "{alive}");
    }

    #[test]
    fn who_stays_silent_longer_is_less_probably_alive(model in bg_nbd(), history in history(), more in 1..1000_u32) {
        let later = History::new(history.frequency(), history.recency_days(), history.age_days() + more);
        prop_assert!(model.alive(later.expect("is older")) <= model.alive(history));
    }

    #[test]
    fn a_later_last_purchase_makes_more_probably_alive(model in bg_nbd(), history in history()) {
        prop_assume!(history.frequency() > 0);
        let later = History::new(history.frequency(), history.age_days(), history.age_days());
        prop_assert!(model.alive(later.expect("is consistent")) >= model.alive(history));
    }

    #[test]
    fn nothing_is_expected_of_no_time_and_more_of_more(model in bg_nbd(), history in history(), days in 1..DAYS_MAX) {
        prop_assert_eq!(model.expected_purchases(history, 0), 0.0);
        let (half, whole) = (model.expected_purchases(history, days / 2), model.expected_purchases(history, days));
        prop_assert!(half.is_finite() && whole.is_finite() && half >= 0.0);
        prop_assert!(whole >= half * (1.0 - ROUNDING), "{half} {whole}");
    }

    #[test]
    fn no_more_is_expected_than_of_somebody_who_never_goes(model in bg_nbd(), history in history(), days in 0..DAYS_MAX) {
        let [r, alpha, _, _] = model.parameters();
        let rate = (r + f64::from(history.frequency())) / (alpha + f64::from(history.age_days()) / 7.0);
        let most = rate * f64::from(days) / 7.0;
        let expected = model.expected_purchases(history, days);
        prop_assert!(expected <= most * (1.0 + ROUNDING), "{expected} {most}");
    }

    #[test]
    fn a_discount_takes_something_and_not_more_than_all(
        model in bg_nbd(), history in history(), days in 1..3653_u32, discount_per_year in 0.0..10.0,
    ) {
        let whole = model.expected_purchases(history, days);
        let discounted = discounted_purchases(&model, history, Horizon { days, discount_per_year });
        prop_assert!(discounted >= 0.0 && discounted <= whole * (1.0 + ROUNDING), "{discounted} {whole}");
    }

    #[test]
    fn what_a_purchase_is_worth_lies_between_ones_own_mean_and_that_of_all(
        p in parameter(1e-3, 1e3), q in 1.1..1e3, v in parameter(1e-2, 1e6), repeats in 0..10_000_u32, mean in 0.0..1e6,
    ) {
        let model = GammaGamma::new([p, q, v]).expect("are possible");
        let (all, worth) = (model.expected_value(0, 0.0), model.expected_value(repeats, mean));
        let (least, most) = if repeats == 0 { (all, all) } else { (all.min(mean), all.max(mean)) };
        prop_assert!(worth >= least * (1.0 - ROUNDING) && worth <= most * (1.0 + ROUNDING), "{least} {worth} {most}");
    }

    #[test]
    fn a_value_does_not_depend_on_the_order_of_purchases_nor_on_the_time_within_a_cell(
        bought in prop::collection::vec((0..3000_u32, 0..100_000_i64), 0..40), now in 0..3000_u32, hours in 0..24_i64,
    ) {
        let model = Model::from_toml(MODEL).expect("is a model");
        let first: Day = "2020-01-06".parse().expect("a day");
        let order = |(day, cents): &(u32, i64)| {
            (first.plus(*day), format!("{}.{:02}", cents / 100, cents % 100).parse().expect("an amount"))
        };
        let there: Purchases = bought.iter().map(order).collect();
        let back: Purchases = bought.iter().rev().map(order).collect();
        prop_assert_eq!(&there, &back);
        let refresh = Refresh::default();
        let now = first.plus(now).start().plus_millis(hours * 3_600_000);
        let value_at = |now| value(&there, &model, refresh.as_of(&there, now));
        let end = refresh.next(now).plus_millis(-1);
        prop_assert_eq!(value_at(now), value_at(end));
        if let Some(value) = value_at(now) {
            prop_assert!(value.alive.to_f64() >= 0.0 && value.alive.to_f64() <= 1.0);
            prop_assert!(Summary::of(&there, value.as_of).is_some());
        }
    }
}

const MODEL: &str = r#"
version = 1
fitted_until = "1997-09-30"
meaning = { currency = "USD", period_days = 7, horizon_days = 365, discount_per_year = 0.1 }
fitted_from = { customers = 2357, repeat_customers = 946, paying_customers = 946, repeat_purchases = 2457 }
bg_nbd = { log_likelihood = -9582.4, parameters = { r = 0.243, alpha = 4.414, a = 0.793, b = 2.426 } }
gamma_gamma = { log_likelihood = -4055.0, parameters = { p = 6.25, q = 3.74, v = 15.44 } }

[quintiles]
recency_days = [50, 100, 200, 250]
frequency = [1, 1, 2, 3]
monetary = ["10.00", "15.00", "25.00", "40.00"]
"#;

/// The bits, so that a change of a library or of a compiler that would make processes disagree is seen.
#[test]
fn figures_are_the_same_to_the_last_bit_everywhere() {
    let model = BgNbd::new([0.243, 4.414, 0.793, 2.426], 7).expect("are possible");
    let history = History::new(2, 213, 272).expect("is consistent");
    assert_eq!(model.alive(history).to_bits(), ALIVE_BITS, "{:#x}", model.alive(history).to_bits());
    let expected = model.expected_purchases(history, 273);
    assert_eq!(expected.to_bits(), EXPECTED_BITS, "{:#x}", expected.to_bits());
}

const ALIVE_BITS: u64 = 0x3fe7_4039_169c_94fe;
const EXPECTED_BITS: u64 = 0x3ff3_9e2b_9b88_51fc;
