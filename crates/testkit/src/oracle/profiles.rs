//! What is known of each person: one fold over all of that person's touchpoints.
//!
//! In go canonical touchpoints and the people that the oracle found in them; out comes one profile, of version 0,
//! for each person to whom at least one touchpoint belongs; who is restricted is not told here. Neither order nor repetition
//! of touchpoints matters; the time does to consents that end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::consent::ConsentState;
use kinfold_model::profile::ProfileIdentifier;
use kinfold_model::{
    Amount, Consent, Decision, EffectiveConsent, Keys, MergePolicy, Namespace, NodeId, PersonId, Purposes,
    Survivorship, Timestamp, Touchpoint, UnifiedProfile,
};
use kinfold_profile::Settings;

use super::attributes;
use super::metrics::{metrics, orders, timeline};
use super::people::Expected;
use super::worth::{lifecycle, worth};

/// By what profiles are folded, besides touchpoints and people.
#[derive(Clone, Copy)]
pub struct Terms<'t> {
    /// Of the deployment.
    pub keys: &'t Keys,
    /// By which decisions are weighed.
    pub purposes: &'t Purposes,
    /// By which values of attributes survive.
    pub survivorship: &'t Survivorship,
    /// What the operator chose.
    pub settings: &'t Settings,
    /// What has ended or become stale by then has.
    pub now: Timestamp,
}

/// The profiles of all people, by person.
#[must_use]
pub fn profiles(
    touchpoints: &[Touchpoint],
    expected: &Expected,
    terms: Terms<'_>,
) -> BTreeMap<PersonId, UnifiedProfile> {
    let of_person = by_person(touchpoints, expected);
    of_person
        .into_iter()
        .map(|(person_id, touchpoints)| (person_id, profile(person_id, &touchpoints, expected, terms)))
        .collect()
}

/// All the money of everybody, by currency, order by order.
#[must_use]
pub fn revenue(
    touchpoints: &[Touchpoint],
    expected: &Expected,
    settings: &Settings,
) -> BTreeMap<String, Amount> {
    let mut revenue: BTreeMap<String, Amount> = BTreeMap::new();
    for touchpoints in by_person(touchpoints, expected).values() {
        for order in orders(touchpoints, settings).iter().filter(|order| !order.is_cancelled()) {
            *revenue.entry(order.said.currency.to_string()).or_default() += order.net();
        }
    }
    revenue
}

/// Those that belong to anybody.
fn by_person<'a>(
    touchpoints: &'a [Touchpoint],
    expected: &Expected,
) -> BTreeMap<PersonId, Vec<&'a Touchpoint>> {
    let mut of_person: BTreeMap<PersonId, Vec<&Touchpoint>> = BTreeMap::new();
    for touchpoint in touchpoints {
        if let Some(person) = expected.person.get(&touchpoint.sighting) {
            of_person.entry(*person).or_default().push(touchpoint);
        }
    }
    of_person
}

fn profile(
    person_id: PersonId,
    touchpoints: &[&Touchpoint],
    expected: &Expected,
    terms: Terms<'_>,
) -> UnifiedProfile {
    let identifiers = identifiers(person_id, touchpoints, expected, terms);
    let attributes = attributes::attributes(touchpoints, terms.survivorship, terms.now);
    UnifiedProfile {
        person_id,
        version: 0,
        standard: attributes::standard(&attributes, &identifiers),
        value: worth(touchpoints, terms.settings, terms.now),
        lifecycle: Some(lifecycle(touchpoints, &identifiers, terms.settings, terms.now)),
        identifiers,
        attributes,
        interests: attributes::interests(touchpoints, terms.survivorship),
        metrics: metrics(touchpoints, terms.settings),
        timeline: timeline(touchpoints, terms.settings),
        consents: consents(person_id, touchpoints, expected, terms),
        segments: Vec::new(),
        aliases: aliases(person_id, expected, terms.keys),
        restricted: None,
        changed: Vec::new(),
        truncated: Vec::new(),
    }
}

/// Those of the touchpoints' identifiers that belong to the person. A kiosk's cookie, for example, does not.
fn identifiers(
    person_id: PersonId,
    touchpoints: &[&Touchpoint],
    expected: &Expected,
    terms: Terms<'_>,
) -> Vec<ProfileIdentifier> {
    let mut found: BTreeMap<(Namespace, String), ProfileIdentifier> = BTreeMap::new();
    for touchpoint in touchpoints {
        for identifier in &touchpoint.identifiers {
            if expected.person.get(&identifier.node) != Some(&person_id) {
                continue;
            }
            let (namespace, value) = (identifier.namespace.clone(), identifier.value.clone());
            let entry = found.entry((namespace.clone(), value.clone())).or_insert(ProfileIdentifier {
                namespace,
                value,
                first_seen: touchpoint.time,
                last_seen: touchpoint.time,
                undeliverable: undeliverable(identifier.node, touchpoints),
                verified: None,
                verify_again: None,
                stale: None,
            });
            let is_verified = touchpoint.verified.iter().any(|name| *name == identifier.namespace.as_str());
            entry.verified = entry.verified.max(is_verified.then_some(touchpoint.time));
            entry.first_seen = entry.first_seen.min(touchpoint.time);
            entry.last_seen = entry.last_seen.max(touchpoint.time);
        }
    }
    let has_passed = |time: &Timestamp| *time <= terms.now;
    for one in found.values_mut() {
        let ageing = terms.survivorship.ageing_of(&one.namespace);
        one.stale = ageing.stale_after_ms.map(|ms| one.last_seen.plus_millis(ms)).filter(has_passed);
        let again = one.verified.zip(ageing.verify_again_after_ms).map(|(time, ms)| time.plus_millis(ms));
        one.verify_again = again.filter(has_passed);
    }
    found.into_values().collect()
}

/// When the newest of the events about an address, a number or an account tells that nothing arrives; of several of one time, when any
/// does. An event is about what its channel reaches, and one about two is about neither.
fn undeliverable(node: NodeId, touchpoints: &[&Touchpoint]) -> Option<Timestamp> {
    let tells = |touchpoint: &&&Touchpoint| {
        // The worlds know these channels.
        let is_reached = |name: &Namespace| match touchpoint.channel.as_deref() {
            None | Some("email") => name.as_str().starts_with("email"),
            Some("call") => name.as_str() == "phone",
            _ => false,
        };
        let of = touchpoint.identifiers.iter().filter(|one| is_reached(&one.namespace));
        of.map(|one| one.node).collect::<BTreeSet<_>>() == BTreeSet::from([node])
    };
    let events = touchpoints.iter().filter(tells).filter_map(|touchpoint| {
        let action = touchpoint.engagement.as_ref()?.action.as_deref()?;
        let bounced = ["bounce", "cleaned"].contains(&action);
        let arrived = ["open", "Opened", "click", "reply", "delivered"].contains(&action);
        (bounced || arrived).then_some((touchpoint.time, bounced))
    });
    events.max().filter(|(_, bounced)| *bounced).map(|(time, _)| time)
}

/// For each purpose and channel, what the decisions of the person amount to that nobody took back.
fn consents(
    person_id: PersonId,
    touchpoints: &[&Touchpoint],
    expected: &Expected,
    terms: Terms<'_>,
) -> Vec<EffectiveConsent> {
    let all = || touchpoints.iter().flat_map(|t| t.consents.iter().map(move |consent| (*t, consent)));
    let stated = || all().filter(move |(_, consent)| is_said(consent, terms.purposes));
    let scopes: BTreeSet<(&String, &Option<String>)> =
        stated().map(|(_, consent)| (&consent.purpose, &consent.channel)).collect();
    let effective = |(purpose, channel): (&String, &Option<String>)| {
        let declared = terms.purposes.get(purpose);
        let mut said: Vec<Said<'_>> = Vec::new();
        for (touchpoint, consent) in stated() {
            if consent.purpose != *purpose || (consent.channel.is_some() && consent.channel != *channel) {
                continue;
            }
            let declared = declared.valid_for_ms.map(|ms| consent.time.plus_millis(ms));
            let end = consent.expires.into_iter().chain(declared).min();
            let theirs = |node: &NodeId| expected.person.get(node) == Some(&person_id);
            // Those of all that was said there: one that was erased may be left out of some of it.
            let there = touchpoints.iter().filter(|other| other.sighting == touchpoint.sighting);
            let mut speakers: BTreeSet<NodeId> =
                there.flat_map(|other| &other.identifiers).map(|one| one.node).filter(theirs).collect();
            // A sighting speaks for itself where none of its identifiers is the person's.
            if speakers.is_empty() {
                speakers.insert(touchpoint.sighting);
            }
            let end = end.filter(|_| consent.decision == Decision::Granted);
            said.push(Said { touchpoint, consent, end, speakers });
        }
        // Of each sighting the newest of all counts, and nothing that was said there before.
        let last_there = |one: &&Said<'_>| {
            let there = said.iter().filter(|other| {
                other.touchpoint.sighting == one.touchpoint.sighting
                    && other.consent.channel == one.consent.channel
            });
            there.into_iter().all(|other| one.order() <= other.order())
        };
        let last: Vec<&Said<'_>> = said.iter().filter(last_there).collect();
        let takes_back = |other: &Said<'_>, one: &Said<'_>| {
            other.is_yes() != one.is_yes()
                && other.order() < one.order()
                && !other.speakers.is_disjoint(&one.speakers)
        };
        let standing = last.iter().filter(|one| !last.iter().any(|other| takes_back(other, one)));
        let strictness = |said: &Said<'_>| match said.state(terms.now) {
            ConsentState::Denied => 0,
            ConsentState::Granted => 1,
            _ => 2,
        };
        let winner = match declared.merge {
            MergePolicy::Strictest => {
                standing.min_by(|a, b| (strictness(a), a.order()).cmp(&(strictness(b), b.order())))
            }
            MergePolicy::Newest => standing.min_by(|a, b| a.order().cmp(&b.order())),
        }?;
        Some(EffectiveConsent {
            purpose: purpose.clone(),
            state: winner.state(terms.now),
            since: winner.consent.time,
            jurisdiction: winner.consent.jurisdiction.clone(),
            basis: winner.consent.basis.clone(),
            source: winner.touchpoint.source.clone(),
            channel: channel.clone(),
            expires: winner.end,
            signal: winner.consent.signal.clone(),
            wording: winner.consent.wording.clone(),
            confirmed: winner.consent.confirmed,
        })
    };
    scopes.into_iter().filter_map(effective).collect()
}

/// Who has yet to confirm has said nothing: after a request, and where it is asked for after a yes, too.
fn is_said(consent: &Consent, purposes: &Purposes) -> bool {
    match consent.decision {
        Decision::Denied | Decision::Withdrawn => true,
        Decision::Granted => consent.confirmed || !purposes.get(&consent.purpose).double_opt_in,
        Decision::Requested => false,
    }
}

/// A decision, by whom it was said, and when it ends if it is a yes.
struct Said<'t> {
    touchpoint: &'t Touchpoint,
    consent: &'t Consent,
    end: Option<Timestamp>,
    speakers: BTreeSet<NodeId>,
}

impl Said<'_> {
    fn is_yes(&self) -> bool {
        self.consent.decision == Decision::Granted
    }

    /// The least is the newest; of one time the most cautious, and what ends first. That somebody did not opt out comes last.
    fn order(&self) -> impl Ord {
        let Consent { time, decision, basis, jurisdiction, wording, expires, signal, confirmed, .. } =
            self.consent;
        let only_stayed = *decision == Decision::Granted && basis.as_deref() == Some("opt_out");
        (
            only_stayed,
            Reverse(*time),
            *decision,
            (expires.is_none(), *expires),
            self.touchpoint.source.clone(),
            basis.clone(),
            jurisdiction.clone(),
            signal.clone(),
            wording.clone(),
            !confirmed,
        )
    }

    fn state(&self, now: Timestamp) -> ConsentState {
        match self.consent.decision {
            Decision::Denied | Decision::Withdrawn => ConsentState::Denied,
            Decision::Requested => ConsentState::Unknown,
            Decision::Granted if self.end.is_some_and(|end| end <= now) => ConsentState::Expired,
            Decision::Granted => ConsentState::Granted,
        }
    }
}

/// Whoever was known by one of these identifiers alone had the id that has this identifier as its anchor.
fn aliases(person_id: PersonId, expected: &Expected, keys: &Keys) -> Vec<PersonId> {
    let mine = expected.person.iter().filter(|(node, person)| **person == person_id && !node.is_sighting());
    let ids: BTreeSet<PersonId> = mine.map(|(node, _)| keys.person(*node)).collect();
    ids.into_iter().filter(|id| *id != person_id).collect()
}

#[cfg(test)]
mod tests;
