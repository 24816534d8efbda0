//! CDNOW: what the customers of a music shop bought in 18 months, which the literature fits on. The data lie in the folder that
//! `KINFOLD_TEST_DATA` names; here stand the published parameters, and in the documentation a curve.

use std::collections::BTreeMap;
use std::path::Path;

use kinfold_value::tracking::{Span, Tracking, track};
use kinfold_value::{Day, Meaning, Model, Purchases, Summary, plot};

use crate::data;

const FIGURE: &str = "../../docs/value-cdnow.svg";

fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

/// A file of them; `None` where there is none.
#[expect(clippy::disallowed_methods, reason = "the test is the driver here; the crate reads nothing")]
fn file(name: &str) -> Option<String> {
    Some(std::fs::read_to_string(data::found(&format!("cdnow/{name}"))?).expect("a text file"))
}

/// Columns: the customer of the master data, the customer, the day, how many discs, what they cost.
fn customers() -> Option<Vec<Purchases>> {
    let text = file("CDNOW_sample.txt")?;
    let mut customers = BTreeMap::<&str, Vec<_>>::new();
    for line in text.lines() {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [_, customer, bought, _, paid] = columns[..] else { panic!("{line:?} has five columns") };
        customers.entry(customer).or_default().push((day(bought), paid.parse().expect("an amount")));
    }
    Some(customers.into_values().map(Purchases::from_iter).collect())
}

/// The first 39 weeks are fitted, 78 there are.
fn span() -> Span {
    Span { first: day("1997-01-01"), fitted_until: day("1997-09-30"), until: day("1998-06-30") }
}

fn summaries(customers: &[Purchases]) -> Vec<Summary> {
    customers.iter().filter_map(|customer| Summary::of(customer, span().fitted_until)).collect()
}

fn meaning() -> Meaning {
    Meaning {
        currency: "USD".parse().expect("a currency"),
        period_days: 7,
        horizon_days: 365,
        discount_per_year: 0.1,
    }
}

fn fit(customers: &[Purchases]) -> Model {
    Model::fit(&summaries(customers), meaning(), span().fitted_until).expect("fits")
}

fn tracking(customers: &[Purchases]) -> Tracking {
    track(customers, fit(customers).bg_nbd(), span()).expect("there are later weeks")
}

#[test]
fn purchases_by_days_are_the_published_summary() {
    let (Some(customers), Some(text)) = (customers(), file("cdnow_customers_summary_with_transactions.csv"))
    else {
        return;
    };
    let ours = summaries(&customers);
    let theirs: Vec<Vec<f64>> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|column| column.parse().expect("a number")).collect())
        .collect();
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.iter().zip(&theirs) {
        let weeks = |days: u32| f64::from(days) / 7.0;
        let history = ours.history;
        assert_eq!(f64::from(history.frequency()), theirs[1], "customer {}", theirs[0]);
        for (ours, theirs) in [
            (weeks(history.recency_days()), theirs[2]),
            (weeks(history.age_days()), theirs[3]),
            (ours.repeat_mean.unwrap_or(0.0), theirs[4]),
        ] {
            assert!((ours - theirs).abs() < 0.0051, "{ours} is not {theirs}");
        }
    }
}

#[test]
fn the_parameters_are_the_published_ones_to_three_digits() {
    let Some(customers) = customers() else { return };
    let model = fit(&customers);
    let [r, alpha, a, b] = model.bg_nbd().parameters();
    let [p, q, v] = model.gamma_gamma().parameters();
    for (name, is, published) in [
        ("r", format!("{r:.3}"), "0.243"),
        ("alpha", format!("{alpha:.2}"), "4.41"),
        ("a", format!("{a:.3}"), "0.793"),
        ("b", format!("{b:.2}"), "2.43"),
        ("p", format!("{p:.2}"), "6.25"),
        ("q", format!("{q:.2}"), "3.74"),
        ("v", format!("{v:.1}"), "15.4"),
    ] {
        assert_eq!(is, published, "{name}");
    }
    // To the digits that are published.
    assert_eq!(
        (format!("{alpha:.3}"), format!("{b:.3}"), format!("{v:.2}")),
        ("4.414".into(), "2.426".into(), "15.44".into())
    );
}

#[test]
fn the_order_of_people_does_not_change_a_bit_of_a_model() {
    let Some(mut customers) = customers() else { return };
    let there = fit(&customers).to_toml();
    customers.reverse();
    assert_eq!(fit(&customers).to_toml(), there);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test is the driver here; the crate writes nothing")]
fn the_forecast_comes_true_within_some_per_cent_and_is_drawn_in_the_figure() {
    let Some(customers) = customers() else { return };
    let tracking = tracking(&customers);
    assert_eq!((tracking.customers, tracking.fitted_weeks, tracking.weeks.len()), (2_357, 39, 78));
    // As docs/value.md has them.
    let errors = (format!("{:+.3}", tracking.error_at_end()), format!("{:.3}", tracking.mean_error()));
    assert_eq!(errors, ("-0.041".into(), "0.026".into()));
    assert_eq!((tracking.later_made, format!("{:.0}", tracking.later_expected)), (1_882, "1653".into()));
    let (is, path) = (plot::svg(&tracking), Path::new(FIGURE));
    if std::env::var_os("KINFOLD_BLESS").is_some() {
        std::fs::write(path, &is).expect("the figure can be written");
    }
    let should = std::fs::read_to_string(path).unwrap_or_default();
    assert!(is == should, "docs/value-cdnow.svg is not what the data say; `make bless` rewrites it");
}
