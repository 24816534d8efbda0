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
use std::fmt;

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

impl Regime {
    /// Both.
    pub const ALL: [Self; 2] = [Self::OptIn, Self::OptOut];

    /// As rules name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptIn => "opt_in",
            Self::OptOut => "opt_out",
        }
    }
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
    /// Both.
    pub const ALL: [Self; 2] = [Self::Consent, Self::LegitimateInterest];

    /// As rules and decisions name it.
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

/// Something that is wrong with rules. It holds nothing but names that the rules themselves have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleFault {
    /// The purpose whose rules are wrong; `None`: all rules together.
    pub purpose: Option<String>,
    /// What is wrong: the predicate of a sentence whose subject is the purpose, or the rules.
    pub what: &'static str,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { purpose, what, remedy } = self;
        match purpose {
            Some(purpose) => write!(f, "purpose {purpose:?} {what}; {remedy}"),
            None => write!(f, "the rules {what}; {remedy}"),
        }
    }
}

/// Purposes of TCF that the policies leave to consent alone.
const CONSENT_ONLY: [u8; 5] = [1, 3, 4, 5, 6];

impl SignalRules {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.purposes.is_empty()
    }

    /// All that is wrong with the rules, in order of purposes; empty when they can be used.
    #[must_use]
    pub fn faults(&self) -> Vec<RuleFault> {
        let mut faults = Vec::new();
        if self.purposes.len() > limits::PURPOSES_MAX {
            let remedy = format!("name at most {}", limits::PURPOSES_MAX);
            faults.push(RuleFault { purpose: None, what: "name too many purposes", remedy });
        }
        for (purpose, rules) in &self.purposes {
            let of_name = (!is_name(purpose)).then_some(("is no name of a purpose", NAMES));
            let fault = |(what, remedy): (&'static str, &str)| RuleFault {
                purpose: Some(purpose.clone()),
                what,
                remedy: remedy.to_owned(),
            };
            faults.extend(of_name.into_iter().chain(rules.faults()).map(fault));
        }
        faults
    }
}

impl PurposeRules {
    /// What is wrong, and the remedy.
    fn faults(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let Self { regime, jurisdiction, tcf, opt_outs, segment, .. } = self;
        let nothing = Self { regime: *regime, jurisdiction: jurisdiction.clone(), ..Self::default() };
        let found = [
            (*self == nothing, "takes no signal", "name one, or leave the purpose out"),
            (
                *regime == Regime::OptOut && opt_outs.is_empty(),
                "has the regime opt_out and nothing to opt out of",
                "name `opt_outs`",
            ),
            (
                jurisdiction.as_deref().is_some_and(|name| !is_name(name)),
                "has a jurisdiction that is no name",
                "write for example \"gdpr\"",
            ),
            (
                segment.iter().any(|name| !is_name(name)),
                "takes a category of Segment that is no name",
                "write it without white space around it, in at most 64 bytes",
            ),
        ];
        those_wrong(found).chain(tcf.iter().flat_map(TcfRule::faults))
    }
}

impl TcfRule {
    /// What is wrong, and the remedy.
    fn faults(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let interest = self.basis == TcfBasis::LegitimateInterest;
        let consent_only = self.purposes.iter().any(|id| CONSENT_ONLY.contains(&id.get()));
        those_wrong([
            (
                self.purposes.is_empty() && self.special_features.is_empty(),
                "takes nothing of TCF",
                "name `purposes` or `special_features`",
            ),
            (
                self.publisher && self.vendor.is_some(),
                "is both the publisher's own and a vendor's",
                "leave out `publisher` or `vendor`",
            ),
            (
                interest && consent_only,
                "rests on legitimate interest for one of the purposes 1, 3, 4, 5 and 6 of TCF, which need consent",
                "leave out `basis`, or these purposes",
            ),
            (
                self.publisher && !self.special_features.is_empty(),
                "is the publisher's own, of which TCF says nothing about special features",
                "leave them out",
            ),
        ])
    }
}

type Found = (bool, &'static str, &'static str);

fn those_wrong<const COUNT: usize>(
    found: [Found; COUNT],
) -> impl Iterator<Item = (&'static str, &'static str)> {
    found.into_iter().filter(|(is_wrong, ..)| *is_wrong).map(|(_, what, remedy)| (what, remedy))
}

const NAMES: &str = "write 1 to 64 bytes without control characters, and without white space around them";

/// As touchpoints have names: white space around them is cut off there, and control characters are refused.
fn is_name(name: &str) -> bool {
    let fits = !name.is_empty() && name.len() <= limits::NAME_BYTES_MAX;
    fits && name.trim().len() == name.len() && !name.contains(char::is_control)
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
        assert_eq!(rules.faults(), []);
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
            ("[\"p\\u0001\"]\ngpc = true", "is no name"),
            ("[p]\ntcf = {}", "takes nothing of TCF"),
            ("[p]\ntcf = { purposes = [2], vendor = 7, publisher = true }", "both"),
            ("[p]\ntcf = { purposes = [2, 3], basis = \"legitimate_interest\" }", "need consent"),
            ("[p]\ntcf = { special_features = [1], publisher = true }", "special features"),
            ("[p]\nregime = \"opt_out\"\ngpc = true", "nothing to opt out of"),
            ("[p]\ngpc = true\njurisdiction = \"\"", "jurisdiction"),
            ("[p]\nsegment = [\"Ads\", \" Ads\"]", "a category of Segment that is no name"),
        ] {
            let faults = rules(text).faults();
            let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
            assert!(said.len() == 1 && said[0].contains(words), "{text}: {said:?}");
        }
        let many: String =
            (0..=limits::PURPOSES_MAX).map(|index| format!("[p{index}]\ngpc = true\n")).collect();
        let faults = rules(&many).faults();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].to_string(), "the rules name too many purposes; name at most 32");
    }

    #[test]
    fn every_choice_is_read_by_its_name() {
        for regime in Regime::ALL {
            let read = rules(&format!("[p]\nregime = \"{}\"", regime.as_str()));
            assert_eq!(read.purposes["p"].regime, regime);
        }
        for basis in TcfBasis::ALL {
            let read = rules(&format!("[p]\ntcf = {{ basis = \"{}\" }}", basis.as_str()));
            assert_eq!(read.purposes["p"].tcf.as_ref().map(|tcf| tcf.basis), Some(basis));
        }
        for opt_out in OptOut::ALL {
            let read = rules(&format!("[p]\nopt_outs = [\"{}\"]", opt_out.as_str()));
            assert_eq!(read.purposes["p"].opt_outs, [opt_out].into());
        }
    }
}
