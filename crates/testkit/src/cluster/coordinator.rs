//! The coordinator of transactions: epochs of producers, and how a transaction ends.
//!
//! The end is decided in one place and marked in each partition by itself, in any order and late. There is no epoch of
//! a transaction: a request to end one that comes late acts on whatever transaction its producer has open by then,
//! unless the producer was given a new epoch.

use std::collections::BTreeSet;
use std::sync::Arc;

use kinfold_wire::Trace;

use super::group::Pending;
use super::log::Record;
use super::{Cluster, Denied, Member, Name, Place};

/// The longest that a mark may be late.
const MARK_DELAY_MAX_MS: i64 = 20_000;

/// Where the end of a transaction is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    Log(Place),
    /// The offsets of the producer's group.
    Offsets,
}

/// What is known of a transactional id.
#[derive(Default)]
pub(super) struct Producer {
    epoch: u32,
    phase: Phase,
    targets: BTreeSet<Target>,
    /// Whether its transaction was ended before it said so.
    was_torn: bool,
}

#[derive(Default)]
enum Phase {
    #[default]
    Idle,
    Open,
    Ending {
        is_commit: bool,
        /// Where it is to be marked, and when.
        left: Vec<(i64, Target)>,
    },
}

/// A record as a transaction adds it.
pub(super) struct Change<'c> {
    pub(super) key: &'c [u8],
    pub(super) value: Option<&'c [u8]>,
    pub(super) trace: Option<Trace>,
    pub(super) output: Option<Arc<str>>,
}

/// A request to end a transaction that is still on its way.
#[derive(Clone, Copy)]
pub(super) struct Late {
    pub(super) member: Member,
    pub(super) epoch: u32,
    pub(super) is_commit: bool,
}

impl Cluster {
    /// A producer begins: what its predecessor left open is ended, and it is fenced from now on.
    pub(super) fn begin_producer(&mut self, member: Member) -> u32 {
        self.end_anyhow(member);
        let producer = self.producers.entry(member).or_default();
        producer.epoch += 1;
        producer.was_torn = false;
        producer.epoch
    }

    pub(super) fn produce(
        &mut self,
        member: Member,
        epoch: u32,
        place: Place,
        change: Change<'_>,
    ) -> Result<i64, Denied> {
        self.join(member, epoch, Target::Log(place))?;
        let record = Record {
            offset: 0,
            time: self.now,
            key: Some(change.key.to_vec()),
            value: change.value.map(<[u8]>::to_vec),
            trace: change.trace,
            output: change.output,
            open: Some(member),
            horizon: None,
        };
        Ok(self.append(place, record))
    }

    /// Adds offsets to a transaction, if the group knows who sends them.
    pub(super) fn send_offsets(
        &mut self,
        member: Member,
        epoch: u32,
        (incarnation, generation): (u64, Option<u32>),
        more: Pending,
    ) -> Result<(), Denied> {
        self.join(member, epoch, Target::Offsets)?;
        let (stage, machine) = member;
        let group = self.group(stage);
        if !group.admits(machine, incarnation, generation) {
            return Err(Denied::Generation);
        }
        let pending = group.pending.entry(member).or_default();
        pending.offsets.extend(more.offsets);
        pending.reads.extend(more.reads);
        Ok(())
    }

    /// Decides how a transaction ends.
    pub(super) fn end(&mut self, member: Member, epoch: u32, is_commit: bool) -> Result<(), Denied> {
        let producer = self.producers.entry(member).or_default();
        if producer.epoch != epoch {
            return Err(Denied::Fenced);
        }
        match producer.phase {
            Phase::Open => self.decide(member, is_commit),
            Phase::Ending { is_commit: decided, .. } if decided == is_commit => {}
            _ => return Err(Denied::State),
        }
        Ok(())
    }

    /// A transaction took too long: it is aborted, and its producer fenced.
    pub(crate) fn time_out(&mut self, member: Member) {
        let Some(producer) = self.producers.get_mut(&member) else { return };
        if matches!(producer.phase, Phase::Open) {
            producer.epoch += 1;
            self.tell(|| {
                format!("the transaction of {}-{} takes too long and is aborted", member.0, member.1)
            });
            self.decide(member, false);
        }
    }

    /// Those who have a transaction open.
    pub(crate) fn open_transactions(&self) -> Vec<Member> {
        let open = self.producers.iter().filter(|(_, producer)| matches!(producer.phase, Phase::Open));
        open.map(|(member, _)| *member).collect()
    }

    /// Those whose transaction is open, or not marked everywhere.
    pub(super) fn unended_transactions(&self) -> Vec<Member> {
        let unended = self.producers.iter().filter(|(_, producer)| !matches!(producer.phase, Phase::Idle));
        unended.map(|(member, _)| *member).collect()
    }

    /// Writes the marks whose time has come.
    pub(crate) fn write_marks(&mut self) {
        let members: Vec<Member> = self.producers.keys().copied().collect();
        members.into_iter().for_each(|member| self.write_marks_of(member, self.now));
    }

    /// A request that was thought lost arrives.
    pub(crate) fn arrive_late(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let one = self.rng.usize(..self.late.len());
        let Late { member, epoch, is_commit } = self.late.swap_remove(one);
        let is_other = |(other, producer): (&Member, &Producer)| {
            *other == member && producer.epoch == epoch && matches!(producer.phase, Phase::Open)
        };
        if self.producers.iter().any(is_other) {
            self.audit.is_torn |= is_commit;
            self.producers.entry(member).or_default().was_torn = true;
        }
        let outcome = self.end(member, epoch, is_commit);
        self.tell(|| {
            format!("late: end of {}-{}, epoch {epoch}, commit {is_commit}: {outcome:?}", member.0, member.1)
        });
    }

    fn join(&mut self, member: Member, epoch: u32, target: Target) -> Result<(), Denied> {
        let producer = self.producers.entry(member).or_default();
        if producer.epoch != epoch {
            return Err(Denied::Fenced);
        }
        // The broker knows no transaction any more that the client believes in, and offsets begin one anew.
        if producer.was_torn && target != Target::Offsets {
            return Err(Denied::State);
        }
        // A new transaction begins when the last one is marked everywhere; the client asks again until then.
        self.write_marks_of(member, i64::MAX);
        let producer = self.producers.entry(member).or_default();
        producer.phase = Phase::Open;
        producer.targets.insert(target);
        Ok(())
    }

    fn end_anyhow(&mut self, member: Member) {
        if matches!(self.producers.get(&member), Some(Producer { phase: Phase::Open, .. })) {
            self.decide(member, false);
        }
        self.write_marks_of(member, i64::MAX);
    }

    fn decide(&mut self, member: Member, is_commit: bool) {
        let Some(producer) = self.producers.get_mut(&member) else { return };
        let targets = std::mem::take(&mut producer.targets);
        if is_commit {
            self.audit_commit(member, &targets);
        }
        let latest = *self.rng.choice(&[0, 0, 100, MARK_DELAY_MAX_MS]).unwrap_or(&0);
        let mut left = Vec::with_capacity(targets.len());
        for target in targets {
            let due = self.now + self.rng.i64(0..=latest);
            left.push((due, target));
        }
        self.rng.shuffle(&mut left);
        if let Some(producer) = self.producers.get_mut(&member) {
            producer.phase = Phase::Ending { is_commit, left };
        }
        self.write_marks_of(member, self.now);
    }

    fn write_marks_of(&mut self, member: Member, until: i64) {
        let Some(producer) = self.producers.get_mut(&member) else { return };
        let Phase::Ending { is_commit, left } = &mut producer.phase else { return };
        let is_commit = *is_commit;
        let (due, later): (Vec<_>, Vec<_>) = left.drain(..).partition(|(time, _)| *time <= until);
        if later.is_empty() {
            producer.phase = Phase::Idle;
        } else {
            *left = later;
        }
        for (_, target) in due {
            self.version += 1;
            match target {
                Target::Log(place) => self.shelves.of(place).mark(member, is_commit),
                Target::Offsets => {
                    let group = self.group(member.0);
                    let pending = group.pending.remove(&member).unwrap_or_default();
                    if is_commit {
                        group.offsets.extend(pending.offsets);
                    }
                }
            }
        }
    }

    /// Tells the audit what a transaction amounts to that is committed from now on.
    fn audit_commit(&mut self, member: Member, targets: &BTreeSet<Target>) {
        for target in targets {
            match target {
                Target::Log((Name::Changelog(stage), partition)) => {
                    let place = (Name::Changelog(*stage), *partition);
                    let Some(shelf) = self.shelves.get(place) else { continue };
                    self.audit.changelog((*stage, *partition), shelf.written_by(member));
                }
                Target::Offsets => {
                    let pending = self.group(member.0).pending.get(&member).cloned().unwrap_or_default();
                    self.audit.offsets(member.0, &pending, &self.shelves);
                }
                Target::Log(_) => {}
            }
        }
    }
}
