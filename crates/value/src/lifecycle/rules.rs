//! The rules: stages in an order, each with what it asks for. In: a configuration. Out: rules without faults, or all faults with
//! their remedies.

use std::collections::BTreeSet;
use std::fmt;

use kinfold_model::money::CurrencyError;
use kinfold_model::{Amount, Currency};
use serde::{Deserialize, Serialize};

use crate::limits::{STAGE_DAYS_MAX, STAGE_NAME_BYTES_MAX, STAGES_MAX};

/// Stages without faults. The last of the list whose conditions all hold is the stage of a person; the first has none, so that
/// there always is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct LifecycleRules(Vec<Stage>);

/// As a configuration has them: `[[lifecycle.stages]]`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    stages: Vec<Stage>,
}

/// A stage, and what it asks for; all that is given must hold. Days are whole ones of 24 hours: somebody whose last order is 89 days and
/// 23 hours ago has not bought for 89 days.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stage {
    /// Lower-case letters, digits and `_`.
    pub name: String,
    /// Whether an identifier of theirs is that of a person, and not of a device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identified: Option<bool>,
    /// Orders at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders_min: Option<u32>,
    /// Orders at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orders_max: Option<u32>,
    /// Days since the last order at least; never holds of somebody without an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_since_order_min: Option<u32>,
    /// Days since the last order at most; never holds of somebody without an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_since_order_max: Option<u32>,
    /// Days since they were last seen at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_since_seen_min: Option<u32>,
    /// Days since they were last seen at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_since_seen_max: Option<u32>,
    /// Days since they were first seen at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age_days_min: Option<u32>,
    /// What their orders in one currency amount to at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revenue_min: Option<RevenueMin>,
}

/// An amount that orders must reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevenueMin {
    /// Only orders in it count.
    pub currency: Currency,
    /// At least.
    pub amount: Amount,
}

/// Something that is wrong with a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecycleFault {
    /// Which; `None` for all of them.
    pub stage: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub remedy: String,
}

/// Everything that is wrong, one sentence for each fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct LifecycleFaults(pub Vec<LifecycleFault>);

impl fmt::Display for LifecycleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.stage {
            Some(stage) => write!(f, "the stage {stage:?} {}; {}", self.what, self.remedy),
            None => write!(f, "the stages of the lifecycle {}; {}", self.what, self.remedy),
        }
    }
}

impl TryFrom<Written> for LifecycleRules {
    type Error = LifecycleFaults;

    fn try_from(written: Written) -> Result<Self, LifecycleFaults> {
        Self::new(written.stages)
    }
}

impl From<LifecycleRules> for Written {
    fn from(rules: LifecycleRules) -> Self {
        Self { stages: rules.0 }
    }
}

impl Default for LifecycleRules {
    /// anonymous, prospect, customer, repeat, loyal (4 orders), at risk (no order for 90 days), lapsed (for a year).
    fn default() -> Self {
        let stage = |name: &str| Stage { name: name.to_owned(), ..Stage::default() };
        let orders = |name, orders_min| Stage { orders_min: Some(orders_min), ..stage(name) };
        let silent = |name, days| Stage { days_since_order_min: Some(days), ..orders(name, 1) };
        Self(vec![
            stage("anonymous"),
            Stage { identified: Some(true), ..stage("prospect") },
            orders("customer", 1),
            orders("repeat", 2),
            orders("loyal", 4),
            silent("at_risk", 90),
            silent("lapsed", 365),
        ])
    }
}

impl LifecycleRules {
    /// Stages in their order; a later one wins over an earlier one.
    ///
    /// # Errors
    /// [`LifecycleFaults`] with everything that is wrong.
    pub fn new(stages: Vec<Stage>) -> Result<Self, LifecycleFaults> {
        let faults = faults(&stages);
        if faults.is_empty() { Ok(Self(stages)) } else { Err(LifecycleFaults(faults)) }
    }

    /// In their order; at least one.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.0
    }

    /// Whether a stage depends on when somebody was seen between the first time and the last.
    #[must_use]
    pub fn ask_when_seen(&self) -> bool {
        let asks = |stage: &Stage| stage.days_since_seen_min.or(stage.days_since_seen_max).is_some();
        self.0.iter().any(asks)
    }
}

fn faults(stages: &[Stage]) -> Vec<LifecycleFault> {
    let mut faults = Vec::new();
    let mut fault = |stage: Option<&Stage>, what: String, remedy: String| {
        faults.push(LifecycleFault { stage: stage.map(|stage| stage.name.clone()), what, remedy });
    };
    if stages.is_empty() {
        fault(
            None,
            "are none".to_owned(),
            "name at least one, or leave out the section for the default".to_owned(),
        );
    }
    if stages.len() > STAGES_MAX {
        fault(None, format!("are {}", stages.len()), format!("name at most {STAGES_MAX}"));
    }
    let mut names = BTreeSet::new();
    for (place, stage) in stages.iter().enumerate() {
        let named = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        if stage.name.is_empty() || stage.name.len() > STAGE_NAME_BYTES_MAX || !stage.name.bytes().all(named)
        {
            let remedy = format!("use lower-case letters, digits and _, at most {STAGE_NAME_BYTES_MAX}");
            fault(Some(stage), "has a name that is none".to_owned(), remedy);
        }
        if !names.insert(&stage.name) {
            fault(Some(stage), "is there twice".to_owned(), "give each a name of its own".to_owned());
        }
        let free = *stage == Stage { name: stage.name.clone(), ..Stage::default() };
        if place == 0 && !free {
            let remedy = "take its conditions away, or put one without any before it".to_owned();
            fault(
                Some(stage),
                "is the first and has conditions, so that somebody might be in none".to_owned(),
                remedy,
            );
        }
        if place > 0 && free {
            let remedy = "give it a condition, or put it first".to_owned();
            fault(Some(stage), "has no condition, so that nobody is in a stage before it".to_owned(), remedy);
        }
        of_conditions(stage, &mut |what, remedy| fault(Some(stage), what, remedy));
    }
    faults
}

fn of_conditions(stage: &Stage, fault: &mut dyn FnMut(String, String)) {
    for (name, least, most) in [
        ("orders", stage.orders_min, stage.orders_max),
        ("days_since_order", stage.days_since_order_min, stage.days_since_order_max),
        ("days_since_seen", stage.days_since_seen_min, stage.days_since_seen_max),
    ] {
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            let what = format!("asks for {name}_min = {least} and {name}_max = {most}, which nobody has");
            fault(what, "make the least no more than the most".to_owned());
        }
    }
    for (name, days) in stage.days() {
        if days > STAGE_DAYS_MAX {
            fault(format!("has {name} = {days}"), format!("ask for at most {STAGE_DAYS_MAX} days"));
        }
    }
    if let Some(RevenueMin { currency, .. }) = &stage.revenue_min {
        // A code that was read from a file is any text.
        let code = currency.to_string();
        if code.parse::<Currency>().as_ref() != Ok(currency) {
            fault(format!("has revenue_min.currency = {code:?}"), format!("it {CurrencyError}"));
        }
    }
}

impl Stage {
    /// All that are days, by name.
    fn days(&self) -> impl Iterator<Item = (&'static str, u32)> {
        [
            ("days_since_order_min", self.days_since_order_min),
            ("days_since_order_max", self.days_since_order_max),
            ("days_since_seen_min", self.days_since_seen_min),
            ("days_since_seen_max", self.days_since_seen_max),
            ("age_days_min", self.age_days_min),
        ]
        .into_iter()
        .filter_map(|(name, days)| Some((name, days?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<LifecycleRules, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    fn stages(more: &str) -> String {
        format!("[[stages]]\nname = \"anybody\"\n[[stages]]\nname = \"more\"\n{more}")
    }

    #[test]
    fn rules_are_read_as_they_were_written() {
        let rules = LifecycleRules::default();
        let text = toml::to_string(&rules).expect("are plain data");
        assert_eq!(read(&text), Ok(rules));
        let text = stages("revenue_min = { currency = \"EUR\", amount = \"500.00\" }\nage_days_min = 30");
        assert_eq!(read(&text).expect("are rules").stages().len(), 2);
    }

    #[test]
    fn the_default_rules_have_no_fault() {
        assert_eq!(faults(LifecycleRules::default().stages()), []);
    }

    #[test]
    fn every_fault_names_the_stage_and_a_remedy() {
        for (text, words) in [
            (stages(""), "the stage \"more\" has no condition"),
            (stages("orders_min = 3\norders_max = 2"), "orders_min = 3 and orders_max = 2"),
            (stages("days_since_seen_min = 99999"), "days_since_seen_min = 99999"),
            (
                stages("revenue_min = { currency = \"euros\", amount = \"5\" }"),
                "revenue_min.currency = \"euros\"",
            ),
            (stages("order_min = 3"), "order_min"),
            (stages("orders_min = 1\n[[stages]]\nname = \"more\"\norders_min = 2"), "is there twice"),
            (stages("orders_min = 1").replace("anybody", "Any Body"), "\"Any Body\" has a name that is none"),
            ("[[stages]]\nname = \"some\"\nidentified = true".to_owned(), "is the first and has conditions"),
            ("stages = []".to_owned(), "are none"),
        ] {
            let sentence = read(&text).expect_err(words);
            assert!(sentence.contains(words), "{words}: {sentence}");
        }
        let many: String =
            (0..STAGES_MAX).map(|n| format!("[[stages]]\nname = \"s{n}\"\norders_min = 1\n")).collect();
        let sentence = read(&format!("[[stages]]\nname = \"first\"\n{many}")).expect_err("are too many");
        assert!(sentence.contains("at most 16"), "{sentence}");
    }
}
