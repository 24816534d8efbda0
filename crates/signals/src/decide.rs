//! From signals to decisions: what a signal said, and rules, go in; decisions for the company's purposes come out.
//!
//! The laws, which the tests hold: a purpose that the signal does not speak of gets no decision. Only what was said grants:
//! all that a rule takes must have been granted. One thing denied denies the purpose. That nobody opted out grants nothing,
//! unless the rule says so and a notice was given.

use std::collections::BTreeSet;

use kinfold_model::Timestamp;
use kinfold_model::consent::{Consent, Decision, OPT_OUT};

use crate::consent_mode::ConsentMode;
use crate::email::EmailSignal;
use crate::gpc::GlobalPrivacyControl;
use crate::gpp::us::{Choice, Notified, OptOut, UsSection};
use crate::gpp::{Content, Gpp};
use crate::ids::PurposeId;
use crate::rules::{EmailRule, PurposeRules, Regime, SignalRules, TcfBasis, TcfRule};
use crate::segment::SegmentConsent;
use crate::tcf::{RestrictionKind, TcString};
use crate::us_privacy::UsPrivacy;

/// A signal that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// A TC string.
    Tcf(Box<TcString>),
    /// A GPP string.
    Gpp(Gpp),
    /// A US Privacy string.
    UsPrivacy(UsPrivacy),
    /// A browser that says no.
    GlobalPrivacyControl(GlobalPrivacyControl),
    /// What a page allows Google.
    ConsentMode(ConsentMode),
    /// Segment's consent object.
    Segment(SegmentConsent),
    /// An event of an address.
    Email(EmailSignal),
}

impl Signal {
    /// Which evidence its decisions have.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        match self {
            Self::Tcf(_) => Evidence::Tcf,
            Self::Gpp(_) => Evidence::Gpp,
            Self::UsPrivacy(_) => Evidence::UsPrivacy,
            Self::GlobalPrivacyControl(_) => Evidence::GlobalPrivacyControl,
            Self::ConsentMode(_) => Evidence::ConsentMode,
            Self::Segment(_) => Evidence::Segment,
            Self::Email(_) => Evidence::Email,
        }
    }
}

impl From<GlobalPrivacyControl> for Signal {
    fn from(gpc: GlobalPrivacyControl) -> Self {
        Self::GlobalPrivacyControl(gpc)
    }
}

/// What a decision was read from: its `signal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// A TC string.
    Tcf,
    /// A GPP string.
    Gpp,
    /// A US Privacy string.
    UsPrivacy,
    /// `Sec-GPC`.
    GlobalPrivacyControl,
    /// Google's Consent Mode.
    ConsentMode,
    /// Segment's consent object.
    Segment,
    /// An event of an address.
    Email,
}

impl Evidence {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Tcf,
        Self::Gpp,
        Self::UsPrivacy,
        Self::GlobalPrivacyControl,
        Self::ConsentMode,
        Self::Segment,
        Self::Email,
    ];

    /// The name, as decisions have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcf => "tcf",
            Self::Gpp => "gpp",
            Self::UsPrivacy => "us_privacy",
            Self::GlobalPrivacyControl => "gpc",
            Self::ConsentMode => "consent_mode",
            Self::Segment => "segment",
            Self::Email => "email",
        }
    }
}

/// The decisions that a signal means under the rules, in order of purposes. `time` is when the signal was seen; a TC string
/// has a time of its own. A GPP string may give several for one purpose, one for each law that it speaks of. An event of an
/// address is about mail alone, all others are about any channel. Wording and end are `None`: no signal says which text was
/// shown, or until when it holds.
#[must_use]
pub fn decide(signal: &Signal, rules: &SignalRules, time: Timestamp) -> Vec<Consent> {
    let (evidence, is_of_mail) = (signal.evidence(), matches!(signal, Signal::Email(_)));
    // Nothing else has two steps: who clicks on a banner is not asked again at an address.
    let is_confirmation = matches!(signal, Signal::Email(EmailSignal::OptInConfirmed));
    let mut decided = Vec::new();
    for (purpose, rules) in &rules.purposes {
        let found = match signal {
            Signal::Tcf(string) => tcf(string, rules, time).into_iter().collect(),
            Signal::Gpp(gpp) => {
                let read = gpp.sections.iter().filter_map(|one| one.content.as_ref().ok());
                read.filter_map(|content| section(content, rules, time)).collect()
            }
            Signal::UsPrivacy(string) => us_privacy(*string, rules).into_iter().collect(),
            Signal::GlobalPrivacyControl(gpc) => browser(*gpc, rules).into_iter().collect(),
            Signal::ConsentMode(mode) => {
                let granted = rules.consent_mode.iter().map(|kind| mode.granted.get(kind).copied());
                all(granted).map(|is| consented(is, rules)).into_iter().collect()
            }
            Signal::Segment(consent) => {
                let granted = rules.segment.iter().map(|name| consent.categories.get(name).copied());
                all(granted).map(|is| consented(is, rules)).into_iter().collect()
            }
            Signal::Email(event) => email(*event, rules).into_iter().collect::<Vec<Verdict>>(),
        };
        decided.extend(found.into_iter().map(|verdict| Consent {
            purpose: purpose.clone(),
            decision: verdict.decision,
            basis: Some(verdict.basis.to_owned()),
            jurisdiction: verdict.jurisdiction,
            time: verdict.time.unwrap_or(time),
            wording: None,
            channel: is_of_mail.then(|| "email".to_owned()),
            expires: None,
            signal: Some(evidence.as_str().to_owned()),
            confirmed: is_confirmation,
        }));
    }
    decided
}

/// A decision that does not know its purpose yet.
struct Verdict {
    decision: Decision,
    basis: &'static str,
    jurisdiction: Option<String>,
    /// `None`: when the signal was seen.
    time: Option<Timestamp>,
}

const CONSENT: &str = "consent";
const DAY_MS: i64 = 86_400_000;

/// Whether all that is asked for was granted: no if one was denied, `None` if one was not said, or none is asked for.
fn all(answers: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let answers: BTreeSet<Option<bool>> = answers.collect();
    if answers.contains(&Some(false)) {
        Some(false)
    } else {
        (!answers.is_empty() && !answers.contains(&None)).then_some(true)
    }
}

fn yes_or_no(is: bool) -> Decision {
    if is { Decision::Granted } else { Decision::Denied }
}

fn consented(is: bool, rules: &PurposeRules) -> Verdict {
    Verdict { decision: yes_or_no(is), basis: CONSENT, jurisdiction: rules.jurisdiction.clone(), time: None }
}

fn tcf(string: &TcString, rules: &PurposeRules, seen: Timestamp) -> Option<Verdict> {
    let rule = rules.tcf.as_ref()?;
    let decision = yes_or_no(all(tcf_answers(string, rule)?.into_iter())?);
    Some(Verdict {
        decision,
        basis: rule.basis.as_str(),
        jurisdiction: Some("gdpr".to_owned()),
        time: Some(match decision {
            Decision::Granted => string.last_updated,
            Decision::Denied | Decision::Withdrawn | Decision::Requested => latest(string.last_updated, seen),
        }),
    })
}

/// When a no was said at the latest. Strings tell no more than the day since TCF 2.2, as its beginning, and a yes of that day
/// that was stated elsewhere is not to win over a no that may have come after it.
fn latest(last_updated: Timestamp, seen: Timestamp) -> Timestamp {
    if last_updated.floor(DAY_MS) != last_updated {
        return last_updated;
    }
    seen.clamp(last_updated, last_updated.plus_millis(DAY_MS - 1))
}

/// What a TC string says about each thing that a rule takes; `None` when it does not say anything about its party.
fn tcf_answers(string: &TcString, rule: &TcfRule) -> Option<Vec<Option<bool>>> {
    let interest = rule.basis == TcfBasis::LegitimateInterest;
    let stated = match &string.publisher {
        Some(publisher) if rule.publisher && interest => publisher.legitimate_interests,
        Some(publisher) if rule.publisher => publisher.consents,
        None if rule.publisher => return None,
        _ if interest => string.legitimate_interests,
        _ => string.consents,
    };
    let purpose = |id: &PurposeId| {
        let is_untold = id.get() == 1 && string.purpose_one_untold && !rule.publisher;
        (!is_untold).then(|| stated.contains(*id) && !is_restricted(string, rule, *id))
    };
    let feature = |id| Some(string.special_features.contains(id));
    let mut answers: Vec<Option<bool>> = rule.purposes.iter().map(purpose).collect();
    answers.extend(rule.special_features.iter().copied().map(feature));
    if answers.is_empty() {
        return None;
    }
    if let Some(vendor) = rule.vendor {
        let vendors = if interest { &string.vendor_legitimate_interests } else { &string.vendor_consents };
        // Who was not disclosed was not decided on, whatever the other lists say.
        let is_disclosed =
            string.disclosed_vendors.as_ref().is_none_or(|disclosed| disclosed.contains(vendor));
        // Special features need no bit of the vendor's.
        if !rule.purposes.is_empty() {
            answers.push(Some(vendors.contains(vendor)));
        }
        answers.push(Some(is_disclosed));
    }
    Some(answers)
}

fn is_restricted(string: &TcString, rule: &TcfRule, purpose: PurposeId) -> bool {
    let Some(vendor) = rule.vendor else { return false };
    string.restrictions_of(vendor, purpose).any(|kind| match kind {
        RestrictionKind::NotAllowed => true,
        RestrictionKind::RequireConsent => rule.basis != TcfBasis::Consent,
        RestrictionKind::RequireLegitimateInterest => rule.basis != TcfBasis::LegitimateInterest,
    })
}

fn section(content: &Content, rules: &PurposeRules, seen: Timestamp) -> Option<Verdict> {
    match content {
        Content::Tcf(string) => tcf(string, rules, seen),
        Content::UsPrivacy(string) => us_privacy(*string, rules),
        Content::Us(section) => state(section, rules),
        Content::Raw(_) => None,
    }
}

fn state(section: &UsSection, rules: &PurposeRules) -> Option<Verdict> {
    let chosen = |opt_out: &OptOut| section.opt_outs.get(opt_out).copied();
    let has_opted_out = rules.opt_outs.iter().any(|opt_out| chosen(opt_out) == Some(Choice::No));
    let was_sent = rules.gpc && section.gpc == Some(true);
    let could = |opt_out: &&OptOut| section.notices.get(&opt_out.notice()) == Some(&Notified::Yes);
    let mut told = rules.opt_outs.iter().filter(could).filter_map(chosen);
    let stayed = told.any(|choice| choice == Choice::Yes);
    let decision = opted(has_opted_out || was_sent, stayed, rules.regime)?;
    let jurisdiction = Some(section.area.as_str().to_owned());
    Some(Verdict { decision, basis: OPT_OUT, jurisdiction, time: None })
}

fn us_privacy(string: UsPrivacy, rules: &PurposeRules) -> Option<Verdict> {
    if !rules.opt_outs.contains(&OptOut::Sale) {
        return None;
    }
    let stayed = string.was_notified == Some(true) && string.opted_out_of_sale == Some(false);
    let decision = opted(string.opted_out_of_sale == Some(true), stayed, rules.regime)?;
    Some(Verdict { decision, basis: OPT_OUT, jurisdiction: Some("us".to_owned()), time: None })
}

fn browser(gpc: GlobalPrivacyControl, rules: &PurposeRules) -> Option<Verdict> {
    let jurisdiction = rules.jurisdiction.clone();
    let denied = Verdict { decision: Decision::Denied, basis: OPT_OUT, jurisdiction, time: None };
    (rules.gpc && gpc.is_on).then_some(denied)
}

fn opted(out: bool, stayed: bool, regime: Regime) -> Option<Decision> {
    if out {
        return Some(Decision::Denied);
    }
    (stayed && regime == Regime::OptOut).then_some(Decision::Granted)
}

fn email(event: EmailSignal, rules: &PurposeRules) -> Option<Verdict> {
    let EmailRule { double_opt_in, hard_bounce_denies } = rules.email?;
    let decision = match event {
        EmailSignal::Unsubscribe | EmailSignal::SpamComplaint => Decision::Withdrawn,
        EmailSignal::OptInConfirmed => Decision::Granted,
        EmailSignal::Resubscribe if !double_opt_in => Decision::Granted,
        EmailSignal::HardBounce if hard_bounce_denies => Decision::Denied,
        EmailSignal::Resubscribe | EmailSignal::HardBounce | EmailSignal::OptInRequested => return None,
    };
    Some(Verdict { decision, basis: CONSENT, jurisdiction: rules.jurisdiction.clone(), time: None })
}
