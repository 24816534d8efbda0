//! The lifecycle. In: `[[lifecycle.stages]]`. Out: stages without faults; those of the default when none is written.

use kinfold_model::{Amount, Currency};
use kinfold_value::LifecycleRules;
use kinfold_value::lifecycle::{LifecycleFaults, RevenueMin, Stage};
use kinfold_value::limits::STAGE_DAYS_MAX;

use super::reader::Section;

/// Reads the section.
pub(super) fn read_lifecycle(mut lifecycle: Section<'_>) -> LifecycleRules {
    let Some(mut sections) = lifecycle.given_sections("stages") else {
        lifecycle.finish();
        return LifecycleRules::default();
    };
    let stages: Vec<Stage> = sections.iter_mut().map(stage).collect();
    let rules = LifecycleRules::new(stages.clone()).unwrap_or_else(|LifecycleFaults(faults)| {
        // What could not be read may be just what is missing.
        let is_read = lifecycle.is_sound("stages") && sections.iter().all(|one| one.given().is_empty());
        for fault in faults.into_iter().filter(|_| is_read) {
            let is_of = |stage: &Stage| fault.stage.as_ref() == Some(&stage.name);
            let section = stages.iter().rposition(is_of).and_then(|place| sections.get(place));
            match (fault.stage, section) {
                (Some(name), Some(section)) => {
                    section.fault_here(format!("has the stage {name:?}, which {}", fault.what), fault.remedy);
                }
                _ => lifecycle.fault("stages", fault.what, fault.remedy),
            }
        }
        LifecycleRules::default()
    });
    sections.into_iter().for_each(Section::finish);
    lifecycle.finish();
    rules
}

fn stage(section: &mut Section<'_>) -> Stage {
    let counts = 0..=i64::from(u32::MAX);
    let days = 0..=i64::from(STAGE_DAYS_MAX);
    Stage {
        name: section.text("name", "", |_| Ok(())),
        identified: section.given_boolean("identified"),
        orders_min: section.given_number("orders_min", counts.clone()),
        orders_max: section.given_number("orders_max", counts),
        days_since_order_min: section.given_number("days_since_order_min", days.clone()),
        days_since_order_max: section.given_number("days_since_order_max", days.clone()),
        days_since_seen_min: section.given_number("days_since_seen_min", days.clone()),
        days_since_seen_max: section.given_number("days_since_seen_max", days.clone()),
        age_days_min: section.given_number("age_days_min", days),
        revenue_min: section.given_section("revenue_min").and_then(revenue),
    }
}

fn revenue(mut section: Section<'_>) -> Option<RevenueMin> {
    let currency = section.text("currency", "", |text| {
        let read = text.parse::<Currency>().map(drop);
        read.map_err(|error| ("is no currency", format!("it {error}")))
    });
    let amount = section.text("amount", "", |text| {
        text.parse::<Amount>().map(drop).map_err(|error| ("is no amount", format!("it {error}")))
    });
    let both: Option<(Currency, Amount)> = currency.parse().ok().zip(amount.parse().ok());
    if both.is_none() && section.is_sound("currency") && section.is_sound("amount") {
        section.fault_here("is not whole", "write { currency = \"EUR\", amount = \"500.00\" }");
    }
    section.finish();
    both.map(|(currency, amount)| RevenueMin { currency, amount })
}
