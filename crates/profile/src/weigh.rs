//! What the decisions of one person amount to: members and purposes in, one effective consent for each purpose and channel
//! out. A pure function of the set of members, and of the time.
//!
//! Each identifier of the person speaks with its newest decision: at `ann@example.org` yes, at the telephone no. Where they
//! disagree, the policy of the purpose decides. A decision without a channel is one about every channel, so it competes with
//! those about any of them. A yes that has ended is neither a yes nor a no; a no never ends.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_model::{
    ConsentState, Decision, EffectiveConsent, MergePolicy, NodeId, Purpose, Purposes, Timestamp,
};

use crate::facets::Member;
use crate::winners::{StatedConsent, Statement};

/// Purpose and channel.
type Scope<'m> = (&'m str, Option<&'m str>);

/// The newest decision of each identifier.
type Voices<'m> = BTreeMap<NodeId, &'m StatedConsent>;

/// The consents of a person with these members, of which `own` are the identifiers, at that time; sorted by purpose and
/// channel, at most as many as a facet keeps.
pub(crate) fn weigh(
    members: &[(NodeId, Member)],
    own: &BTreeSet<NodeId>,
    purposes: &Purposes,
    now: Timestamp,
) -> Vec<EffectiveConsent> {
    let said = said(members, own);
    let effective = |scope: &Scope<'_>| {
        let purpose = purposes.get(scope.0);
        let voices = voices(*scope, &said);
        let weighed = voices.into_values().map(|stated| (state(stated, &purpose, now), stated));
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
            expires: end(stated, &purpose),
            signal: stated.signal.clone(),
            wording: stated.wording.clone(),
        })
    };
    said.keys().take(StatedConsent::NAMES_MAX).filter_map(effective).collect()
}

/// When one of these consents changes by itself next; `None`: never.
pub(crate) fn next_end(consents: &[EffectiveConsent]) -> Option<Timestamp> {
    let granted = consents.iter().filter(|consent| consent.state == ConsentState::Granted);
    granted.filter_map(|consent| consent.expires).min()
}

/// What each identifier said of each scope. What was said at identifiers of which none is the person's own, because all are
/// quarantined or somebody else's, is said by the sighting.
fn said<'m>(members: &'m [(NodeId, Member)], own: &BTreeSet<NodeId>) -> BTreeMap<Scope<'m>, Voices<'m>> {
    let mut said: BTreeMap<Scope<'m>, Voices<'m>> = BTreeMap::new();
    for (node, member) in members {
        let Some(facet) = member.facet.as_ref().filter(|facet| facet.consents.len() > 0) else { continue };
        let carried = facet.identifiers().map(|identifier| identifier.node);
        let mut speakers: BTreeSet<NodeId> = carried.filter(|node| own.contains(node)).collect();
        if speakers.is_empty() {
            speakers.insert(*node);
        }
        for (scope, stated) in facet.consents.iter() {
            let voices = said.entry((&scope.purpose, scope.channel.as_deref())).or_default();
            speakers.iter().for_each(|speaker| hear(voices, *speaker, stated));
        }
    }
    said
}

/// What each identifier says of a scope, with what it says of every channel.
fn voices<'m>(scope: Scope<'m>, said: &BTreeMap<Scope<'m>, Voices<'m>>) -> Voices<'m> {
    let mut voices = said.get(&scope).cloned().unwrap_or_default();
    if scope.1.is_some() {
        for (speaker, stated) in said.get(&(scope.0, None)).into_iter().flatten() {
            hear(&mut voices, *speaker, stated);
        }
    }
    voices
}

fn hear<'m>(voices: &mut Voices<'m>, speaker: NodeId, stated: &'m StatedConsent) {
    voices.entry(speaker).and_modify(|newest| *newest = (*newest).max(stated)).or_insert(stated);
}

fn state(stated: &StatedConsent, purpose: &Purpose, now: Timestamp) -> ConsentState {
    match stated.decision {
        Decision::Granted if end(stated, purpose).is_some_and(|end| end <= now) => ConsentState::Expired,
        Decision::Granted => ConsentState::Granted,
        Decision::Denied | Decision::Withdrawn => ConsentState::Denied,
    }
}

fn end(stated: &StatedConsent, purpose: &Purpose) -> Option<Timestamp> {
    match stated.decision {
        Decision::Granted => purpose.end(stated.time, stated.expires),
        Decision::Denied | Decision::Withdrawn => None,
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
