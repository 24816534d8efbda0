//! The second stage: facets on their way to people in; profiles, tombstones and changes of consent out.
//!
//! Each person's members are kept; those whose members changed within a batch are folded once, at its end, and
//! published when the fold differs from what was last published. A person of whom nothing was said is not
//! published, and one of whom nothing is left to say is retired. A message that comes again, or after a later one of
//! the same node, changes nothing.
//!
//! Beside the profile each output gets what may leave of it there, in the same batch: somebody who withdraws is taken away where
//! the change of consent is told.
//!
//! A person one of whose consents ends, whose value is to be made anew, whose stage of the lifecycle becomes another, or of whom something
//! becomes too old for an output, is folded again then, although nobody says anything. What was published as of a time is not
//! published as of an earlier one when an older record comes, as long as the person is published.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use kinfold_model::consent::ConsentCause;
use kinfold_model::privacy::{Confirmation, Report};
use kinfold_model::stored::encode;
use kinfold_model::{
    ConsentChange, Context, Fault, Halt, Keys, NodeId, Outputs, PersonId, Purposes, Stage, State, Timestamp,
    UnifiedProfile,
};
use serde::{Deserialize, Serialize};

use crate::facets::{Barrier, Cause, FacetMessage, Member, PeopleInput};
use crate::fold::{Folded, Terms, fold};
use crate::outputs::{SentOutputs, leave, withdraw};
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
    settings: Arc<Settings>,
    /// Its number, for who counts confirmations.
    partition: u32,
    changed: BTreeMap<PersonId, Moves>,
    /// What is to be told once those who changed are published.
    reports: Vec<Report>,
    /// The greatest time that the current batch was told.
    now: Timestamp,
}

/// Whether a batch moved members between people.
#[derive(Clone, Copy, Default)]
struct Moves {
    moved_in: bool,
    /// To somebody else.
    left: bool,
    /// To nobody.
    unassigned: bool,
    /// To nobody for ever, because somebody asked.
    erased: bool,
}

/// A member as it is stored. The version comes first, so that it can be read alone. The version of a member that left
/// stays, or else an older message that comes again would bring the member back.
#[derive(Serialize, Deserialize)]
struct Held {
    version: u64,
    member: Option<Member>,
}

/// What was last published of a person: enough to see that something is different, and what became of consents. By default
/// nothing.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct Publication {
    version: i64,
    digest: [u8; 16],
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
        let (outputs, settings) = (Arc::default(), Arc::default());
        let (changed, reports) = (BTreeMap::new(), Vec::new());
        Self { keys, purposes, outputs, settings, partition: 0, changed, reports, now: Timestamp::MIN }
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

    /// The same, which folds by these settings.
    #[must_use]
    pub fn with_settings(self, settings: Arc<Settings>) -> Self {
        Self { settings, ..self }
    }

    /// Takes every person for changed, so that the next end of a batch publishes whoever differs from what was last
    /// published: after a run that ended before it published.
    ///
    /// # Errors
    /// Those of reading the state.
    pub fn recall(&mut self, state: &dyn State) -> Result<(), Fault> {
        for (key, _) in state.scan(&Table::Member.key(&[]))? {
            let person = key.get(1..17).and_then(|person| <[u8; 16]>::try_from(person).ok());
            let person =
                person.ok_or_else(|| Table::Member.corrupt("its key is not that of a person and a node"))?;
            self.changed.entry(PersonId::from_bytes(person)).or_default();
        }
        Ok(())
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
            && version <= Table::Member.decode_head::<u64>(&bytes)?
        {
            return Ok(());
        }
        context.state.put(key, encode(&Held { version, member }));
        self.now = self.now.max(context.now);
        let moves = self.changed.entry(person).or_default();
        moves.moved_in |= cause == Cause::MovedIn;
        moves.left |= cause == Cause::Left;
        moves.unassigned |= cause == Cause::Unassigned;
        moves.erased |= cause == Cause::Erased;
        Ok(())
    }

    fn due(&self, state: &dyn State) -> Result<Option<Timestamp>, Fault> {
        timers::first(state)
    }

    fn idle(&mut self, most: usize, context: &mut Context<'_, Published>) -> Result<Option<f64>, Fault> {
        self.now = self.now.max(context.now);
        for person in timers::due(context.state, context.now, most)? {
            self.changed.entry(person).or_default();
        }
        Ok(None)
    }

    fn finish(&mut self, context: &mut Context<'_, Published>) -> Result<(), Fault> {
        let told = mem::replace(&mut self.now, Timestamp::MIN);
        let terms = Terms { keys: &self.keys, purposes: &self.purposes, settings: &self.settings };
        for (person, moves) in mem::take(&mut self.changed) {
            let key = Table::Publication.key(&[person.as_bytes()]);
            let before: Option<Publication> =
                context.state.get(&key)?.map(|bytes| Table::Publication.decode(&bytes)).transpose()?;
            let now = before.as_ref().and_then(|before| before.ended).map_or(told, |ended| ended.max(told));
            let folded = fold(person, members(person, context.state)?, terms, now);
            match (folded, before) {
                (Some(folded), before) => self.publish(folded, before, moves, (key, now), context),
                (None, Some(before)) => {
                    retire(person, &before, moves, (key, now), context);
                    context.output.extend(withdraw(person, &self.outputs, &before.outputs));
                }
                (None, None) => {}
            }
        }
        context.output.extend(mem::take(&mut self.reports).into_iter().map(Published::Report));
        Ok(())
    }
}

impl People {
    /// Sends what is another than was published: the profile, what outputs may have of it, and the changes of consent.
    fn publish(
        &self,
        folded: Folded,
        before: Option<Publication>,
        moves: Moves,
        (key, now): (Vec<u8>, Timestamp),
        context: &mut Context<'_, Published>,
    ) {
        let Folded { mut profile, since, until } = folded;
        let person = profile.person_id;
        let cause = moves.cause(before.is_some());
        let before = before.unwrap_or_default();
        let digest = digest(&profile);
        let is_other = before.version == 0 || before.digest != digest;
        let leaving = leave(&profile, (&self.outputs, &self.purposes), &before.outputs, now);
        let changes = before.consents.changes(&profile.consents, Occasion { person, cause, now });
        let publication = Publication {
            version: before.version + i64::from(is_other),
            digest,
            consents: Standings::of(&profile.consents),
            ended: since.max(leaving.ended),
            timer: until.into_iter().chain(leaving.next).min(),
            outputs: leaving.sent,
        };
        if publication == before {
            return;
        }
        timers::set(context.state, person, before.timer, publication.timer);
        context.state.put(key, encode(&publication));
        if is_other {
            profile.version = publication.version;
            debug_assert_eq!(laws::profile(&profile), Ok(()));
            context.send(Published::Profile(Box::new(profile)));
        }
        context.output.extend(leaving.records);
        context.output.extend(changes.into_iter().map(Box::new).map(Published::Consent));
    }
}

impl Moves {
    /// Why consents changed. The first profile of a person begins with decisions, wherever its facets were before.
    fn cause(self, published_before: bool) -> ConsentCause {
        match self {
            _ if !published_before => ConsentCause::Decision,
            Self { erased: true, .. } => ConsentCause::Erasure,
            Self { moved_in: true, .. } => ConsentCause::Merge,
            Self { left: true, .. } | Self { unassigned: true, .. } => ConsentCause::Split,
            Self { .. } => ConsentCause::Decision,
        }
    }

    /// Why the consents of somebody ended of whom nothing is left. What they decided went with the last facet: to
    /// somebody else, which is a merge, or to nobody, where it only left.
    fn end(self) -> ConsentCause {
        match self {
            Self { erased: true, .. } => ConsentCause::Erasure,
            Self { unassigned: true, left: false, .. } => ConsentCause::Split,
            Self { .. } => ConsentCause::Merge,
        }
    }
}

fn members(person: PersonId, state: &dyn State) -> Result<Vec<(NodeId, Member)>, Fault> {
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

fn retire(
    person: PersonId,
    before: &Publication,
    moves: Moves,
    (key, now): (Vec<u8>, Timestamp),
    context: &mut Context<'_, Published>,
) {
    context.state.delete(key);
    timers::set(context.state, person, before.timer, None);
    context.send(Published::Retired(person));
    let changes = before.consents.changes(&[], Occasion { person, cause: moves.end(), now });
    context.output.extend(changes.into_iter().map(Box::new).map(Published::Consent));
}

/// Of all but the version, which is 0 in a profile that was just folded.
pub(crate) fn digest(profile: &UnifiedProfile) -> [u8; 16] {
    debug_assert_eq!(profile.version, 0);
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(&encode(profile)).as_bytes()[..16]);
    digest
}
