//! Rules: for which purposes a company reads which signals. Plain data, as a privacy officer would write it.
//!
//! ```toml
//! [advertising]
//! jurisdiction = "gdpr"                      # of signals that do not say
//! tcf = { purposes = [2, 3, 4], vendor = 755 }
//! opt_outs = ["sale", "sharing", "targeted_advertising"]
//! gpc = true
//! consent_mode = ["ad_user_data", "ad_personalization"]
//! segment = ["Advertising"]
//!
//! [newsletter]
//! email = { double_opt_in = true }
//! ```
//!
//! A purpose that has no rule for a kind of signal is not touched by it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::consent_mode::ConsentType;
use crate::gpp::us::OptOut;
use crate::ids::{FeatureId, PurposeId, VendorId};
use crate::limits;

/// What signals mean, by purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SignalRules {
    /// Purpose → its rules.
    pub purposes: BTreeMap<String, PurposeRules>,
}

/// What signals mean for one purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PurposeRules {
    /// What it means that somebody did not opt out.
    pub regime: Regime,
    /// The law under which signals that name none were given, for example `gdpr`. `None`: not known.
    pub jurisdiction: Option<String>,
    /// What of a TC string it takes. `None`: TC strings say nothing about this purpose.
    pub tcf: Option<TcfRule>,
    /// Opt-outs of GPP that deny it; `sale` is also that of the US Privacy string.
    pub opt_outs: BTreeSet<OptOut>,
    /// Whether Global Privacy Control denies it, sent by the browser or told in a GPP string.
    pub gpc: bool,
    /// Types of Google's Consent Mode, all of which it takes.
    pub consent_mode: BTreeSet<ConsentType>,
    /// Categories of Segment's consent object, all of which it takes.
    pub segment: BTreeSet<String>,
    /// What events of mail mean. `None`: nothing.
    pub email: Option<EmailRule>,
}

/// What it means that somebody did not opt out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// Nothing: only a yes is a yes.
    #[default]
    OptIn,
    /// A yes, if they were told that they could.
    OptOut,
}

/// What of a TC string a purpose takes: all that is named here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TcfRule {
    /// Purposes of TCF.
    pub purposes: BTreeSet<PurposeId>,
    /// Special features of TCF, which are opted in to.
    pub special_features: BTreeSet<FeatureId>,
    /// On which legal basis.
    pub basis: TcfBasis,
    /// The vendor as which the company acts. It then also takes the vendor's own bit, that the vendor was disclosed, and
    /// that the publisher does not restrict it. `None`: only what was said of purposes counts.
    pub vendor: Option<VendorId>,
    /// Whether what counts is what was said of the publisher's own purposes. Without that segment there is no decision.
    pub publisher: bool,
}

/// The legal bases of TCF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TcfBasis {
    /// The person agreed.
    #[default]
    Consent,
    /// The person was told and did not object.
    LegitimateInterest,
}

impl TcfBasis {
    /// As decisions name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::LegitimateInterest => "legitimate_interest",
        }
    }
}

/// What events of mail mean for a purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailRule {
    /// Whether only a confirmed opt-in grants. Otherwise putting oneself on again does, too.
    pub double_opt_in: bool,
    /// Whether an address that does not exist is denied, although nobody decided so.
    pub hard_bounce_denies: bool,
}

/// Purposes of TCF that the policies leave to consent alone.
const CONSENT_ONLY: [u8; 5] = [1, 3, 4, 5, 6];

impl SignalRules {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.purposes.is_empty()
    }

    /// All that is wrong with the rules, each with its remedy, in order of purposes; empty when they can be used.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.purposes.len() > limits::PURPOSES_MAX {
            faults.push(format!("there are more than {} purposes; leave out some", limits::PURPOSES_MAX));
        }
        for (purpose, rules) in &self.purposes {
            let mut add = |fault: &str| faults.push(format!("purpose {purpose:?} {fault}"));
            if purpose.is_empty() || purpose.len() > limits::NAME_BYTES_MAX || purpose.trim() != purpose {
                add("is no name; write 1 to 64 bytes without white space around them");
            }
            if *rules
                == (PurposeRules {
                    regime: rules.regime,
                    jurisdiction: rules.jurisdiction.clone(),
                    ..PurposeRules::default()
                })
            {
                add("takes no signal; name one, or leave the purpose out");
            }
            if rules.regime == Regime::OptOut && rules.opt_outs.is_empty() {
                add("has the regime opt_out and nothing to opt out of; name `opt_outs`");
            }
            if rules.jurisdiction.as_ref().is_some_and(|name| {
                name.is_empty() || name.len() > limits::NAME_BYTES_MAX || name.trim() != name
            }) {
                add("has a jurisdiction that is no name; write for example \"gdpr\"");
            }
            if let Some(tcf) = &rules.tcf {
                tcf.faults().for_each(add);
            }
        }
        faults
    }
}

impl TcfRule {
    fn faults(&self) -> impl Iterator<Item = &'static str> {
        let interest = self.basis == TcfBasis::LegitimateInterest;
        let consent_only = self.purposes.iter().any(|id| CONSENT_ONLY.contains(&id.get()));
        [
            (
                self.purposes.is_empty() && self.special_features.is_empty(),
                "takes nothing of TCF; name `purposes` or `special_features`",
            ),
            (
                self.publisher && self.vendor.is_some(),
                "is both the publisher's own and a vendor's; leave out `publisher` or `vendor`",
            ),
            (
                interest && consent_only,
                "rests on legitimate interest for one of the purposes 1, 3, 4, 5 and 6 of TCF, which need consent",
            ),
            (
                self.publisher && !self.special_features.is_empty(),
                "is the publisher's own, of which TCF says nothing about special features; leave them out",
            ),
        ]
        .into_iter()
        .filter_map(|(is_wrong, fault)| is_wrong.then_some(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> SignalRules {
        toml::from_str(text).expect("TOML of rules")
    }

    const EXAMPLE: &str = r#"
        [advertising]
        jurisdiction = "gdpr"
        tcf = { purposes = [2, 3, 4], vendor = 755 }
        opt_outs = ["sale", "sharing", "targeted_advertising"]
        gpc = true
        consent_mode = ["ad_user_data", "ad_personalization"]
        segment = ["Advertising"]

        [newsletter]
        email = { double_opt_in = true }
    "#;

    #[test]
    fn the_example_is_read() {
        let rules = rules(EXAMPLE);
        assert_eq!(rules.faults(), [""; 0]);
        let advertising = &rules.purposes["advertising"];
        let tcf = advertising.tcf.as_ref().expect("a rule");
        assert_eq!((tcf.basis, tcf.vendor.map(VendorId::get)), (TcfBasis::Consent, Some(755)));
        assert_eq!((advertising.regime, advertising.opt_outs.len()), (Regime::OptIn, 3));
        assert!(rules.purposes["newsletter"].email.expect("a rule").double_opt_in);
    }

    #[test]
    fn what_is_no_rule_is_not_read() {
        for text in [
            "[p]\ntcf = { purposes = [0] }",
            "[p]\ntcf = { purposes = [25] }",
            "[p]\ntcf = { purposes = [1], vendor = 0 }",
            "[p]\ntcf = { purposes = [1], vendors = 7 }",
            "[p]\nopt_outs = [\"everything\"]",
            "[p]\nconsent_mode = [\"ads\"]",
            "[p]\nregime = \"maybe\"",
            "p = true",
        ] {
            assert!(toml::from_str::<SignalRules>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rules_that_contradict_themselves_are_named_with_a_remedy() {
        for (text, words) in [
            ("[p]", "takes no signal"),
            ("[p]\njurisdiction = \"gdpr\"", "takes no signal"),
            ("[\" p\"]\ngpc = true", "is no name"),
            ("[p]\ntcf = {}", "takes nothing of TCF"),
            ("[p]\ntcf = { purposes = [2], vendor = 7, publisher = true }", "both"),
            ("[p]\ntcf = { purposes = [2, 3], basis = \"legitimate_interest\" }", "need consent"),
            ("[p]\ntcf = { special_features = [1], publisher = true }", "special features"),
            ("[p]\nregime = \"opt_out\"\ngpc = true", "nothing to opt out of"),
            ("[p]\ngpc = true\njurisdiction = \"\"", "jurisdiction"),
        ] {
            let faults = rules(text).faults();
            assert!(faults.len() == 1 && faults[0].contains(words), "{text}: {faults:?}");
        }
        let many: String =
            (0..=limits::PURPOSES_MAX).map(|index| format!("[p{index}]\ngpc = true\n")).collect();
        assert_eq!(rules(&many).faults().len(), 1);
    }
}
