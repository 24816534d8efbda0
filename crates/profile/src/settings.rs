//! What the operator chose about profiles.

use std::collections::BTreeSet;

use kinfold_model::stored::image;
use kinfold_model::{Namespace, Rules};
use kinfold_value::lifecycle::{RevenueMin, Stage, personal};
use kinfold_value::{LifecycleRules, Model, Refresh};

/// How the members of a person are folded, besides by purposes.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Of several sources that report an order the first of these is believed; those that are not named come after them.
    pub order_sources: Vec<String>,
    /// How many minutes the clocks by which hours of the day are told are ahead of UTC; negative: behind.
    pub utc_offset_minutes: i64,
    /// How many touchpoints a profile shows; 0: none.
    pub timeline: usize,
    /// What purchases are worth; `None`: profiles tell nothing of it.
    pub valuation: Option<Valuation>,
    /// Where people stand.
    pub lifecycle: LifecycleRules,
    /// The namespaces whose identifiers are those of a person, and not of a device.
    pub personal: BTreeSet<Namespace>,
}

/// By what purchases are valued.
#[derive(Clone, Debug, PartialEq)]
pub struct Valuation {
    /// Fitted on everybody's purchases.
    pub model: Model,
    /// How often values are made anew.
    pub refresh: Refresh,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            order_sources: Vec::new(),
            utc_offset_minutes: 0,
            timeline: 10,
            valuation: None,
            lifecycle: LifecycleRules::default(),
            personal: personal(&Rules::default()),
        }
    }
}

impl Settings {
    /// A hash of all of them: settings of one digest fold everybody alike. Of the model it takes the id, which is a hash of what the
    /// file says.
    #[must_use]
    pub fn digest(&self) -> [u8; 16] {
        let Self { order_sources, utc_offset_minutes, timeline, valuation, lifecycle, personal } = self;
        let valuation = valuation.as_ref().map(|Valuation { model, refresh }| (model.id(), refresh.days()));
        let stages: Vec<_> = lifecycle.stages().iter().map(conditions).collect();
        let all = image(&(order_sources, utc_offset_minutes, timeline, valuation, stages, personal));
        let mut digest = [0; 16];
        digest.copy_from_slice(&blake3::hash(&all).as_bytes()[..16]);
        digest
    }
}

/// A stage as a tuple. Its own form for files leaves out what is not asked for, so that two stages could have the same bytes.
fn conditions(stage: &Stage) -> impl serde::Serialize + use<'_> {
    let Stage {
        name,
        identified,
        orders_min,
        orders_max,
        days_since_order_min,
        days_since_order_max,
        days_since_seen_min,
        days_since_seen_max,
        age_days_min,
        revenue_min,
    } = stage;
    let revenue = revenue_min.as_ref().map(|RevenueMin { currency, amount }| (currency, amount));
    let orders = (orders_min, orders_max, days_since_order_min, days_since_order_max);
    (name, identified, orders, days_since_seen_min, days_since_seen_max, age_days_min, revenue)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(stage: Stage) -> Settings {
        let stage = Stage { name: "other".to_owned(), ..stage };
        let stages = vec![Stage { name: "any".to_owned(), ..Stage::default() }, stage];
        let lifecycle = LifecycleRules::new(stages).expect("stages without faults");
        Settings { lifecycle, ..Settings::default() }
    }

    #[test]
    fn each_setting_makes_another_digest_and_the_same_settings_the_same() {
        let (one, stage) = (Some(1), Stage::default);
        let revenue = |currency: &str, amount: &str| {
            let (currency, amount) = (currency.parse().expect("a code"), amount.parse().expect("an amount"));
            with(Stage { revenue_min: Some(RevenueMin { currency, amount }), ..stage() })
        };
        let all = [
            Settings::default(),
            Settings { order_sources: vec!["till".to_owned()], ..Settings::default() },
            Settings { utc_offset_minutes: 60, ..Settings::default() },
            Settings { timeline: 3, ..Settings::default() },
            Settings { personal: BTreeSet::new(), ..Settings::default() },
            with(Stage { identified: Some(true), ..stage() }),
            with(Stage { identified: Some(false), ..stage() }),
            with(Stage { orders_min: one, ..stage() }),
            with(Stage { orders_max: one, ..stage() }),
            with(Stage { days_since_order_min: one, ..stage() }),
            with(Stage { days_since_order_max: one, ..stage() }),
            with(Stage { days_since_seen_min: one, ..stage() }),
            with(Stage { days_since_seen_max: one, ..stage() }),
            with(Stage { age_days_min: one, ..stage() }),
            revenue("EUR", "5.00"),
            revenue("EUR", "5.01"),
            revenue("USD", "5.00"),
        ];
        let digests: BTreeSet<[u8; 16]> = all.iter().map(Settings::digest).collect();
        assert_eq!(digests.len(), all.len());
        assert_eq!(all[2].clone().digest(), all[2].digest());
    }
}
