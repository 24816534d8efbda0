//! The second stage: facets on their way to people in; profiles, tombstones and changes of consent out.
//!
//! Each person's members are kept; those whose members changed within a batch are folded once, at its end, and
//! published when the fold differs from what was last published. A person of whom nothing was said is not
//! published, and one of whom nothing is left to say is retired. A message that comes again, or after a later one of
//! the same node, changes nothing.
//!
//! A person one of whose consents ends is folded again then, although nobody says anything. What was published as ended does
//! not begin again when an older record comes, as long as the person is published.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;

use kinfold_model::consent::ConsentCause;
use kinfold_model::stored::encode;
use kinfold_model::{
    ConsentChange, Context, Fault, Halt, Keys, NodeId, PersonId, Purposes, Stage, State, Timestamp,
    UnifiedProfile,
};
use serde::{Deserialize, Serialize};

use crate::facets::{Cause, FacetMessage, Member};
use crate::fold::{Terms, fold};
use crate::standing::{Occasion, Standings};
use crate::table::Table;
use crate::weigh::{last_end, next_end};
use crate::{laws, timers};

/// What the stage sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Published {
    /// This person is like this from now on.
    Profile(Box<UnifiedProfile>),
    /// Nothing is left of this person.
    Retired(PersonId),
    /// A consent stands otherwise than it did; follows the profile or the tombstone that it belongs to.
    Consent(Box<ConsentChange>),
}

/// The stage. Holds whose members the current batch has changed; all else is in the state.
pub struct People {
    keys: Keys,
    purposes: Arc<Purposes>,
    changed: BTreeMap<PersonId, Moves>,
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
#[derive(Default, Serialize, Deserialize)]
struct Publication {
    version: i64,
    digest: [u8; 16],
    consents: Standings,
    /// The last end that was published: it is not earlier now.
    ended: Option<Timestamp>,
    /// Of the person's timer.
    timer: Option<Timestamp>,
}

impl People {
    /// The keys are those of the deployment; they give the ids under which a person might have been known. By the purposes
    /// decisions are weighed.
    #[must_use]
    pub fn new(keys: Keys, purposes: Arc<Purposes>) -> Self {
        Self { keys, purposes, changed: BTreeMap::new(), now: Timestamp::MIN }
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
    type Input = FacetMessage;
    type Output = Published;

    fn handle(&mut self, message: FacetMessage, context: &mut Context<'_, Published>) -> Result<(), Halt> {
        let FacetMessage { person, node, version, cause, member } = message;
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
        let terms = Terms { keys: &self.keys, purposes: &self.purposes };
        for (person, moves) in mem::take(&mut self.changed) {
            let key = Table::Publication.key(&[person.as_bytes()]);
            let before: Option<Publication> =
                context.state.get(&key)?.map(|bytes| Table::Publication.decode(&bytes)).transpose()?;
            let now = before.as_ref().and_then(|before| before.ended).map_or(told, |ended| ended.max(told));
            let profile = fold(person, members(person, context.state)?, terms, now);
            match (profile, before) {
                (Some(profile), before) => publish(profile, before, moves, (key, now), context),
                (None, Some(before)) => retire(person, &before, moves, (key, now), context),
                (None, None) => {}
            }
        }
        Ok(())
    }
}

impl Moves {
    /// Why consents changed. The first profile of a person begins with decisions, wherever its facets were before.
    fn cause(self, published_before: bool) -> ConsentCause {
        match self {
            _ if !published_before => ConsentCause::Decision,
            Self { moved_in: true, .. } => ConsentCause::Merge,
            Self { left: true, .. } | Self { unassigned: true, .. } => ConsentCause::Split,
            Self { .. } => ConsentCause::Decision,
        }
    }

    /// Why the consents of somebody ended of whom nothing is left. What they decided went with the last facet: to
    /// somebody else, which is a merge, or to nobody, where it only left.
    fn end(self) -> ConsentCause {
        if self.unassigned && !self.left { ConsentCause::Split } else { ConsentCause::Merge }
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

fn publish(
    mut profile: UnifiedProfile,
    before: Option<Publication>,
    moves: Moves,
    (key, now): (Vec<u8>, Timestamp),
    context: &mut Context<'_, Published>,
) {
    let digest = digest(&profile);
    // The consents are in the digest, and the timer follows from them.
    if before.as_ref().is_some_and(|before| before.digest == digest) {
        return;
    }
    let person = profile.person_id;
    let cause = moves.cause(before.is_some());
    let before = before.unwrap_or_default();
    profile.version = before.version + 1;
    debug_assert_eq!(laws::profile(&profile), Ok(()));
    let changes = before.consents.changes(&profile.consents, Occasion { person, cause, now });
    let timer = next_end(&profile.consents);
    timers::set(context.state, person, before.timer, timer);
    let consents = Standings::of(&profile.consents);
    let ended = last_end(&profile.consents);
    let publication = Publication { version: profile.version, digest, consents, ended, timer };
    context.state.put(key, encode(&publication));
    context.send(Published::Profile(Box::new(profile)));
    context.output.extend(changes.into_iter().map(Box::new).map(Published::Consent));
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
fn digest(profile: &UnifiedProfile) -> [u8; 16] {
    debug_assert_eq!(profile.version, 0);
    let mut digest = [0; 16];
    digest.copy_from_slice(&blake3::hash(&encode(profile)).as_bytes()[..16]);
    digest
}
