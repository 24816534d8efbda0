//! The second stage: facets on their way to people in; profiles, tombstones and changes of consent out.
//!
//! Each person's members are kept; those whose members changed within a batch are folded once, at its end, and
//! published when the fold differs from what was last published: one record for all that changed, which names it, and
//! with less in it where it would be too large. A person of whom nothing was said is not published, and one of whom
//! nothing is left to say is retired. A message that comes again, or after a later one of the same node, changes nothing.
//!
//! Beside the profile each output gets what may leave of it there, in the same batch: somebody who withdraws is taken away where
//! the change of consent is told, and somebody who is restricted where the profile says so.
//!
//! A person one of whose consents ends, whose value is to be made anew, whose stage of the lifecycle becomes another, or of whom something
//! becomes stale, is to be verified again or becomes too old for an output, is folded again then, although nobody says anything. What was published as of a time is not
//! published as of an earlier one when an older record comes, as long as the person is published.
//!
//! When the purposes, the outputs, the rules of survivorship or the settings, the model of values among them, are others than those under
//! which people were published, all of them are folded again, some at a time, and who differs is published.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use kinfold_model::consent::{ConsentCause, EffectiveConsent};
use kinfold_model::privacy::{Confirmation, Report};
use kinfold_model::stored::encode;
use kinfold_model::{
    ConsentChange, Context, Fault, Halt, Keys, NodeId, Outputs, PersonId, Purposes, Stage, State,
    Survivorship, Timestamp, UnifiedProfile, View,
};
use serde::{Deserialize, Serialize};

use crate::edition::{Edition, Telling};
use crate::facets::{Barrier, Cause, FacetMessage, Member, PeopleInput};
use crate::fold::{Folded, Terms, fold};
use crate::outputs::{Exits, SentOutputs, leave, withdraw};
use crate::revision::{Declared, Revision};
use crate::room::fit;
use crate::settings::Settings;
use crate::standing::{Occasion, Standings};
use crate::table::Table;
use crate::{laws, timers};

/// What the stage sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// This person is like this from now on.
    Profile(Box<UnifiedProfile>),
    /// Nothing is left of this person.
    Retired(PersonId),
    /// This is what an output may have of this person from now on.
    Shared {
        /// Its name.
        output: Arc<str>,
        /// With only what may leave there.
        profile: Box<UnifiedProfile>,
    },
    /// An output may not have this person any more.
    Unshared {
        /// Its name.
        output: Arc<str>,
        /// Who.
        person: PersonId,
    },
    /// A consent stands otherwise than it did; follows the profile or the tombstone that it belongs to.
    Consent(Box<ConsentChange>),
    /// For whoever answers for requests: what was to be published is.
    Report(Report),
}

/// The stage. Holds whose members the current batch has changed; all else is in the state.
pub struct People {
    keys: Keys,
    purposes: Arc<Purposes>,
    outputs: Arc<Outputs>,
    survivorship: Arc<Survivorship>,
    settings: Arc<Settings>,
    /// Its number, for who counts confirmations.
    partition: u32,
    changed: BTreeMap<PersonId, Moves>,
    /// What is to be told once those who changed are published.
    reports: Vec<Report>,
    /// The greatest time that the current batch was told.
    now: Timestamp,
    /// As it is in the state; `None` until it was asked for.
    revision: Option<Revision>,
    /// Whether everybody is to be looked at, whatever the state says.
    is_recalled: bool,
}

/// Why somebody is folded: whether a batch moved members between people, and whether they are weighed anew.
#[derive(Default)]
struct Moves {
    moved_in: bool,
    /// To somebody else.
    left: bool,
    /// To nobody.
    unassigned: bool,
    /// To nobody for ever, because somebody asked.
    erased: bool,
    /// They were published under other terms, perhaps.
    revised: bool,
    /// Something was said before it was their turn. This is how they were before that.
    as_they_were: Option<Vec<(NodeId, Member)>>,
    /// Their consents then, under the terms of now.
    weighed: Option<Vec<EffectiveConsent>>,
}

/// A member as it is stored. The version comes first, in every form of it, so that it can be read alone. The version of a member that left
/// stays, or else an older message that comes again would bring the member back.
#[derive(Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) version: u64,
    pub(crate) member: Option<Member>,
}

/// What was last published of a person: enough to see that something is different, and what became of consents. By default
/// nothing.
#[derive(Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Publication {
    /// None of somebody who is retired: only outputs that are not configured may have them still.
    edition: Edition,
    consents: Standings,
    /// The last time at which something became other by the passing of time: it is not earlier now.
    ended: Option<Timestamp>,
    /// Of the person's timer.
    timer: Option<Timestamp>,
    outputs: SentOutputs,
}

impl People {
    /// The keys are those of the deployment; they give the ids under which a person might have been known. By the purposes
    /// decisions are weighed.
    #[must_use]
    pub fn new(keys: Keys, purposes: Arc<Purposes>) -> Self {
        Self {
            keys,
            purposes,
            outputs: Arc::default(),
            survivorship: Arc::default(),
            settings: Arc::default(),
            partition: 0,
            changed: BTreeMap::new(),
            reports: Vec::new(),
            now: Timestamp::MIN,
            revision: None,
            is_recalled: false,
        }
    }

    /// The same, of this partition.
    #[must_use]
    pub fn at(self, partition: u32) -> Self {
        Self { partition, ..self }
    }

    /// The same, which tells these outputs too.
    #[must_use]
    pub fn with_outputs(self, outputs: Arc<Outputs>) -> Self {
        Self { outputs, ..self }
    }

    /// The same, whose values of attributes survive by these rules.
    #[must_use]
    pub fn with_survivorship(self, survivorship: Arc<Survivorship>) -> Self {
        Self { survivorship, ..self }
    }

    /// The same, which folds by these settings.
    #[must_use]
    pub fn with_settings(self, settings: Arc<Settings>) -> Self {
        Self { settings, ..self }
    }

    /// Looks at every person again, as after a change of the purposes, and publishes whoever differs from what was last
    /// published: after a run that ended before it published.
    pub fn recall(&mut self) {
        (self.revision, self.is_recalled) = (None, true);
    }
}

impl Stage for People {
    type Input = PeopleInput;
    type Output = Published;

    fn handle(&mut self, input: PeopleInput, context: &mut Context<'_, Published>) -> Result<(), Halt> {
        let FacetMessage { person, node, version, cause, member } = match input {
            PeopleInput::Facet(message) => *message,
            PeopleInput::Barrier(Barrier { node, tickets }) => {
                let by = Confirmation::People { partition: self.partition };
                self.reports.extend(tickets.iter().map(|ticket| ticket.confirm(node, by)));
                return Ok(());
            }
        };
        let key = Table::Member.key(&[person.as_bytes(), node.as_bytes()]);
        if let Some(bytes) = context.state.get(&key)?
            && version <= Table::Member.decode_head::<Held, u64>(&bytes)?
        {
            return Ok(());
        }
        self.remember(person, context)?;
        context.state.put(key, encode(&Held { version, member }));
        self.now = self.now.max(context.now);
        let moves = self.changed.entry(person).or_default();
        moves.moved_in |= cause == Cause::MovedIn;
        moves.left |= cause == Cause::Left;
        moves.unassigned |= cause == Cause::Unassigned;
        moves.erased |= cause == Cause::Erased;
        Ok(())
    }

    fn due(&self, state: &dyn View) -> Result<Option<Timestamp>, Fault> {
        timers::first(state)
    }

    fn idle(&mut self, most: usize, context: &mut Context<'_, Published>) -> Result<Option<f64>, Fault> {
        self.now = self.now.max(context.now);
        let mut revision = self.revision(context.state)?;
        let due = timers::due(context.state, context.now, most)?;
        let left = most.saturating_sub(due.len());
        for person in due {
            self.changed.entry(person).or_default().revised |= revision.awaits(person);
        }
        for person in revision.advance(left, context.state)? {
            self.changed.entry(person).or_default().revised = true;
        }
        let progress = revision.progress();
        self.revision = Some(revision);
        Ok(progress)
    }

    fn finish(&mut self, context: &mut Context<'_, Published>) -> Result<(), Fault> {
        let told = mem::replace(&mut self.now, Timestamp::MIN);
        let revision = self.revision(context.state)?;
        for (person, mut moves) in mem::take(&mut self.changed) {
            let Look { before, folded, now } = self.look(person, told, context.state)?;
            // At one time with what is published, or else an end that lies between would be told as what was said.
            let were = moves.as_they_were.take().and_then(|members| self.fold(person, members, now));
            moves.weighed = were.map(|folded| folded.profile.consents);
            match (folded, before) {
                (Some(folded), before) => self.publish(folded, before, &moves, (&revision, now), context),
                (None, Some(before)) => self.retire(person, &before, &moves, (&revision, now), context),
                (None, None) => {}
            }
        }
        self.revision = Some(revision);
        context.output.extend(mem::take(&mut self.reports).into_iter().map(Published::Report));
        Ok(())
    }
}

/// A person at a time.
struct Look {
    /// As published.
    before: Option<Publication>,
    /// As folded; `None` when nothing was said of them.
    folded: Option<Folded>,
    /// Not before the last time at which something became other and was published so.
    now: Timestamp,
}

impl People {
    fn look(&self, person: PersonId, told: Timestamp, state: &dyn View) -> Result<Look, Fault> {
        let stored = state.get(&publication_key(person))?;
        let before: Option<Publication> =
            stored.map(|bytes| Table::Publication.decode(&bytes)).transpose()?;
        let now = before.as_ref().and_then(|before| before.ended).map_or(told, |ended| ended.max(told));
        let folded = self.fold(person, members(person, state)?, now);
        Ok(Look { before, folded, now })
    }

    fn fold(&self, person: PersonId, members: Vec<(NodeId, Member)>, now: Timestamp) -> Option<Folded> {
        let Self { keys, purposes, survivorship, settings, .. } = self;
        fold(person, members, Terms { keys, purposes, survivorship, settings }, now)
    }

    /// How far the look at everybody has got. Whoever takes it puts it back.
    fn revision(&mut self, state: &mut dyn State) -> Result<Revision, Fault> {
        if let Some(revision) = self.revision.take() {
            return Ok(revision);
        }
        let Self { purposes, outputs, survivorship, settings, .. } = self;
        let declared = Declared { purposes, outputs, survivorship, settings };
        let revision = Revision::begin(declared, state)?;
        Ok(if mem::take(&mut self.is_recalled) { revision.again(state) } else { revision })
    }

    /// Remembers somebody of whom something is about to be said and whose turn has not come: what other terms change is not to be told
    /// as what was said.
    fn remember(&mut self, person: PersonId, context: &mut Context<'_, Published>) -> Result<(), Fault> {
        let revision = self.revision(context.state)?;
        if revision.awaits(person) && !self.changed.contains_key(&person) {
            let as_they_were = Some(members(person, context.state)?);
            self.changed.insert(person, Moves { as_they_were, ..Moves::default() });
        }
        self.revision = Some(revision);
        Ok(())
    }

    /// Sends what is another than was published: the profile, what outputs may have of it, and the changes of consent.
    fn publish(
        &self,
        folded: Folded,
        before: Option<Publication>,
        moves: &Moves,
        (revision, now): (&Revision, Timestamp),
        context: &mut Context<'_, Published>,
    ) {
        let Folded { profile, since, until } = folded;
        let person = profile.person_id;
        let before = before.unwrap_or_default();
        let telling = Telling { keys: &self.keys, is_erased: moves.erased };
        let exits = Exits { outputs: &self.outputs, purposes: &self.purposes, revision, telling };
        let leaving = leave(&profile, exits, &before.outputs, now);
        let changes = moves.changes(&before, &profile, revision.cause(), now);
        let consents = Standings::of(&profile.consents);
        let mut profile = fit(profile);
        let next = before.edition.follow(&mut profile, telling);
        let is_other = next.is_some();
        let publication = Publication {
            edition: next.unwrap_or_else(|| before.edition.clone()),
            consents,
            // Nor before that of an output that had nothing of them in between.
            ended: since.max(leaving.ended).max(before.ended),
            timer: until.into_iter().chain(leaving.next).min(),
            outputs: leaving.sent,
        };
        if publication == before {
            return;
        }
        timers::set(context.state, person, before.timer, publication.timer);
        context.state.put(publication_key(person), encode(&publication));
        if is_other {
            debug_assert_eq!(laws::profile(&profile), Ok(()));
            context.send(Published::Profile(Box::new(profile)));
        }
        context.output.extend(leaving.records);
        context.output.extend(changes.into_iter().map(Box::new).map(Published::Consent));
    }

    /// Takes away somebody of whom nothing is left. Outputs that have them and are not configured are remembered.
    fn retire(
        &self,
        person: PersonId,
        before: &Publication,
        moves: &Moves,
        (revision, now): (&Revision, Timestamp),
        context: &mut Context<'_, Published>,
    ) {
        let (gone, outputs) = withdraw(person, &self.outputs, &before.outputs);
        if outputs.is_empty() {
            context.state.delete(publication_key(person));
        } else {
            let left = Publication { outputs, ..Publication::default() };
            context.state.put(publication_key(person), encode(&left));
        }
        timers::set(context.state, person, before.timer, None);
        if before.edition.is_published() {
            context.send(Published::Retired(person));
        }
        let changes = moves.ends(person, before, revision.cause(), now);
        context.output.extend(changes.into_iter().map(Box::new).map(Published::Consent));
        context.output.extend(gone);
    }
}

impl Moves {
    /// The changes of consent: first those that other terms bring about, then those by what was said.
    fn changes(
        &self,
        before: &Publication,
        profile: &UnifiedProfile,
        revising: ConsentCause,
        now: Timestamp,
    ) -> Vec<ConsentChange> {
        let person = profile.person_id;
        let by = |cause| Occasion { person, cause, now };
        // The first profile of a person begins with decisions, wherever its facets were before.
        if !before.edition.is_published() {
            return before.consents.changes(&profile.consents, by(ConsentCause::Decision));
        }
        let Some(weighed) = &self.weighed else {
            let cause = if self.revised { revising } else { self.cause() };
            return before.consents.changes(&profile.consents, by(cause));
        };
        let mut changes = before.consents.changes(weighed, by(revising));
        changes.extend(Standings::of(weighed).changes(&profile.consents, by(self.cause())));
        changes
    }

    /// The same of somebody of whom nothing is left.
    fn ends(
        &self,
        person: PersonId,
        before: &Publication,
        revising: ConsentCause,
        now: Timestamp,
    ) -> Vec<ConsentChange> {
        let by = |cause| Occasion { person, cause, now };
        let Some(weighed) = &self.weighed else { return before.consents.changes(&[], by(self.end())) };
        let mut changes = before.consents.changes(weighed, by(revising));
        changes.extend(Standings::of(weighed).changes(&[], by(self.end())));
        changes
    }

    /// Why consents changed by what was said.
    fn cause(&self) -> ConsentCause {
        match self {
            Self { erased: true, .. } => ConsentCause::Erasure,
            Self { moved_in: true, .. } => ConsentCause::Merge,
            Self { left: true, .. } | Self { unassigned: true, .. } => ConsentCause::Split,
            Self { .. } => ConsentCause::Decision,
        }
    }

    /// Why the consents of somebody ended of whom nothing is left. What they decided went with the last facet: to
    /// somebody else, which is a merge, or to nobody, where it only left.
    fn end(&self) -> ConsentCause {
        match self {
            Self { erased: true, .. } => ConsentCause::Erasure,
            Self { unassigned: true, left: false, .. } => ConsentCause::Split,
            Self { .. } => ConsentCause::Merge,
        }
    }
}

fn members(person: PersonId, state: &dyn View) -> Result<Vec<(NodeId, Member)>, Fault> {
    let prefix = Table::Member.key(&[person.as_bytes()]);
    let mut members = Vec::new();
    for (key, bytes) in state.scan(&prefix)? {
        let node = key.strip_prefix(prefix.as_slice()).and_then(|node| <[u8; 16]>::try_from(node).ok());
        let node = node.ok_or_else(|| Table::Member.corrupt("its key is not that of a person and a node"))?;
        let held: Held = Table::Member.decode(&bytes)?;
        members.extend(held.member.map(|member| (NodeId::from_bytes(node), member)));
    }
    Ok(members)
}

fn publication_key(person: PersonId) -> Vec<u8> {
    Table::Publication.key(&[person.as_bytes()])
}

#[cfg(test)]
impl Publication {
    /// One of which every field says something.
    pub(crate) fn sample(edition: Edition, consents: &[EffectiveConsent], outputs: SentOutputs) -> Self {
        let at = |ms| Timestamp::from_millis(ms).ok();
        let consents = Standings::of(consents);
        Self { edition, consents, ended: at(5), timer: at(600_000), outputs }
    }
}
