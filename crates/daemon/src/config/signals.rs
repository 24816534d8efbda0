//! What consent signals mean. In: `[signals.<purpose>]`. Out: rules without faults, by which capture makes decisions; none
//! when no purpose is named, so that capture reads no signal.

use kinfold_signals::consent_mode::ConsentType;
use kinfold_signals::gpp::us::OptOut;
use kinfold_signals::ids::{FeatureId, PurposeId, VendorId};
use kinfold_signals::limits::NAME_BYTES_MAX;
use kinfold_signals::rules::{EmailRule, PurposeRules, Regime, TcfBasis, TcfRule};
use kinfold_signals::{RuleFault, SignalRules};

use super::reader::{Check, Section};

/// Reads the rules of all purposes.
pub(super) fn read_signals(mut section: Section<'_>) -> SignalRules {
    let purposes = section.given().into_iter().map(|name| {
        let rules = purpose(section.section(&name));
        (name, rules)
    });
    let rules = SignalRules { purposes: purposes.collect() };
    for RuleFault { purpose, what, remedy } in rules.faults() {
        match purpose {
            // What could not be read may be just what is missing.
            Some(purpose) if !section.is_sound(&purpose) => {}
            Some(purpose) => section.fault(&purpose, what, remedy),
            None => section.fault_here(what, remedy),
        }
    }
    rules
}

fn purpose(mut section: Section<'_>) -> PurposeRules {
    let jurisdiction = section.text("jurisdiction", "", |_| Ok(()));
    let opt_outs = section.choices("opt_outs", &OptOut::ALL, OptOut::as_str);
    let consent_mode = section.choices("consent_mode", &ConsentType::ALL, ConsentType::as_str);
    let rules = PurposeRules {
        regime: section.given_choice("regime", &Regime::ALL, Regime::as_str).unwrap_or_default(),
        jurisdiction: (!jurisdiction.is_empty()).then_some(jurisdiction),
        tcf: section.given_section("tcf").map(tcf),
        opt_outs: opt_outs.into_iter().collect(),
        gpc: section.given_boolean("gpc").unwrap_or_default(),
        consent_mode: consent_mode.into_iter().collect(),
        segment: section.list("segment", &[], category).into_iter().collect(),
        email: section.given_section("email").map(email),
    };
    section.finish();
    rules
}

fn tcf(mut section: Section<'_>) -> TcfRule {
    let purposes = section.numbers::<u8>("purposes", 1..=i64::from(PurposeId::MAX));
    let features = section.numbers::<u8>("special_features", 1..=i64::from(FeatureId::MAX));
    let vendor = section.given_number::<u16>("vendor", 1..=i64::from(u16::MAX));
    let rule = TcfRule {
        purposes: purposes.into_iter().filter_map(|id| PurposeId::try_from(id).ok()).collect(),
        special_features: features.into_iter().filter_map(|id| FeatureId::try_from(id).ok()).collect(),
        basis: section.given_choice("basis", &TcfBasis::ALL, TcfBasis::as_str).unwrap_or_default(),
        vendor: vendor.and_then(|id| VendorId::try_from(id).ok()),
        publisher: section.given_boolean("publisher").unwrap_or_default(),
    };
    section.finish();
    rule
}

fn email(mut section: Section<'_>) -> EmailRule {
    let rule = EmailRule {
        double_opt_in: section.given_boolean("double_opt_in").unwrap_or_default(),
        hard_bounce_denies: section.given_boolean("hard_bounce_denies").unwrap_or_default(),
    };
    section.finish();
    rule
}

/// A longer name is that of no category that is read.
fn category(name: &str) -> Check {
    if !name.is_empty() && name.len() <= NAME_BYTES_MAX {
        return Ok(());
    }
    Err(("is no name of a category", format!("write it as Segment has it, at most {NAME_BYTES_MAX} bytes")))
}
