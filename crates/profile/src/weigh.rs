//! What the decisions of one person amount to: members and purposes in, one effective consent for each purpose and channel
//! out. A pure function of the set of members, and of the time.
//!
//! A decision is taken back by a later one of the other kind at any identifier at which it was said: a no by mail with the
//! cookie of an old browser ends with a yes at the same address, whatever the cookie is then. Of those that stand, the policy
//! of the purpose says which counts. A decision without a channel is one about every channel. A yes that has ended is neither a
//! yes nor a no; a no never ends. Where a purpose asks for a double opt-in, a yes that nobody confirmed was not said.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{
    ConsentState, Decision, EffectiveConsent, MergePolicy, NodeId, Purpose, Purposes, Timestamp,
};

use crate::facets::Member;
use crate::winners::{StatedConsent, Statement};

/// Purpose and channel.
type Scope<'m> = (&'m str, Option<&'m str>);

/// A decision, and the identifiers of the person at which it was said.
struct Said<'m> {
    stated: &'m StatedConsent,
    speakers: BTreeSet<NodeId>,
}

/// The consents of a person with these members, of which `own` are the identifiers, at that time; sorted by purpose and
/// channel, at most as many as a facet keeps.
pub(crate) fn weigh(
    members: &[(NodeId, Member)],
    own: &BTreeSet<NodeId>,
    purposes: &Purposes,
    now: Timestamp,
) -> Vec<EffectiveConsent> {
    let (said, undeclared) = (said(members, own, purposes), Purpose::default());
    let effective = |scope: &Scope<'_>| {
        let purpose = purposes.declared(scope.0).unwrap_or(&undeclared);
        let general = scope.1.and_then(|_| said.get(&(scope.0, None)));
        let about: Vec<&Said<'_>> = said.get(scope).into_iter().chain(general).flatten().collect();
        let weighed = standing(&about).map(|stated| (state(stated, purpose, now), stated));
        let (state, stated) = match purpose.merge {
            MergePolicy::Strictest => weighed.max_by_key(|(state, stated)| (strictness(*state), *stated)),
            MergePolicy::Newest => weighed.max_by_key(|(_, stated)| *stated),
        }?;
        Some(EffectiveConsent {
            purpose: scope.0.to_owned(),
            state,
            since: stated.time,
            jurisdiction: stated.jurisdiction.clone(),
            basis: stated.basis.clone(),
            source: stated.source.clone(),
            channel: scope.1.map(str::to_owned),
            expires: end(stated, purpose),
            signal: stated.signal.clone(),
            wording: stated.wording.clone(),
            confirmed: stated.confirmed,
        })
    };
    said.keys().take(StatedConsent::NAMES_MAX).filter_map(effective).collect()
}

/// When one of these consents changes by itself next; `None`: never.
pub(crate) fn next_end(consents: &[EffectiveConsent]) -> Option<Timestamp> {
    let granted = consents.iter().filter(|consent| consent.state == ConsentState::Granted);
    granted.filter_map(|consent| consent.expires).min()
}

/// The last end of those that have ended.
pub(crate) fn last_end(consents: &[EffectiveConsent]) -> Option<Timestamp> {
    let expired = consents.iter().filter(|consent| consent.state == ConsentState::Expired);
    expired.filter_map(|consent| consent.expires).max()
}

/// All that was said of each scope and counts. What was said at identifiers of which none is the person's own, because all are
/// quarantined or somebody else's, is said by the sighting.
fn said<'m>(
    members: &'m [(NodeId, Member)],
    own: &BTreeSet<NodeId>,
    purposes: &Purposes,
) -> BTreeMap<Scope<'m>, Vec<Said<'m>>> {
    let mut said: BTreeMap<Scope<'m>, Vec<Said<'m>>> = BTreeMap::new();
    for (node, member) in members {
        let Some(facet) = &member.facet else { continue };
        let counting = facet.consents.counting(purposes);
        if counting.is_empty() {
            continue;
        }
        let carried = facet.identifiers().map(|identifier| identifier.node);
        let mut speakers: BTreeSet<NodeId> = carried.filter(|node| own.contains(node)).collect();
        if speakers.is_empty() {
            speakers.insert(*node);
        }
        for (scope, stated) in counting {
            let place = said.entry((&scope.purpose, scope.channel.as_deref())).or_default();
            place.push(Said { stated, speakers: speakers.clone() });
        }
    }
    said
}

/// The decisions that nobody took back. There is one: the newest.
fn standing<'m>(about: &[&Said<'m>]) -> impl Iterator<Item = &'m StatedConsent> {
    // At each identifier, the newest no and the newest yes.
    let mut newest: [BTreeMap<NodeId, &StatedConsent>; 2] = Default::default();
    for said in about {
        let (stated, of_its_kind) = (said.stated, &mut newest[usize::from(is_yes(said.stated))]);
        for speaker in &said.speakers {
            of_its_kind.entry(*speaker).and_modify(|held| *held = (*held).max(stated)).or_insert(stated);
        }
    }
    about.iter().filter_map(move |said| {
        let of_the_other = &newest[usize::from(!is_yes(said.stated))];
        let is_later = |speaker| of_the_other.get(speaker).is_some_and(|other| *other > said.stated);
        (!said.speakers.iter().any(is_later)).then_some(said.stated)
    })
}

fn is_yes(stated: &StatedConsent) -> bool {
    stated.decision == Decision::Granted
}

fn state(stated: &StatedConsent, purpose: &Purpose, now: Timestamp) -> ConsentState {
    match stated.decision {
        Decision::Granted if end(stated, purpose).is_some_and(|end| end <= now) => ConsentState::Expired,
        Decision::Granted => ConsentState::Granted,
        Decision::Denied | Decision::Withdrawn => ConsentState::Denied,
        // No facet keeps one.
        Decision::Requested => ConsentState::Unknown,
    }
}

fn end(stated: &StatedConsent, purpose: &Purpose) -> Option<Timestamp> {
    match stated.decision {
        Decision::Granted => purpose.end(stated.time, stated.expires),
        Decision::Denied | Decision::Withdrawn | Decision::Requested => None,
    }
}

/// A no is stricter than a yes; a yes that holds counts before one that has ended.
fn strictness(state: ConsentState) -> u8 {
    match state {
        ConsentState::Unknown => 0,
        ConsentState::Expired => 1,
        ConsentState::Granted => 2,
        ConsentState::Denied => 3,
    }
}
