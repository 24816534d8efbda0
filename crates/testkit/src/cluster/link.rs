//! A worker's connection to the simulated cluster. Between every two effects the process may end, the connection may be
//! lost, or the process may stand still while others go on.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::{Rc, Weak};

use kinfold_model::Timestamp;
use kinfold_pipeline::changelog::{Entry, MARK_KEY};
use kinfold_pipeline::link::{Claim, Commit, Link, Polled, Tailed};
use kinfold_pipeline::{Origin, OutRecord};

use super::coordinator::{Change, Late};
use super::group::{Pending, Word};
use super::{Denied, Faults, Member, Name, Place, Process, SKEW_MAX_MS, Shared, in_record};

/// Records are produced more often than anything else happens.
const PRODUCING: f64 = 0.1;
/// So are they read.
const READING: f64 = 0.2;

/// Lets all others go on while a process stands still.
pub(crate) trait Meanwhile {
    /// Comes back when the process goes on.
    fn meanwhile(&self, frozen: Member);
}

/// The connection is worth nothing any more.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Lost(String);

impl Lost {
    fn denied(doing: &'static str) -> impl FnOnce(Denied) -> Self {
        move |why| Self(format!("{doing}: {why:?}"))
    }
}

/// A partition of the changelog that is read.
struct Followed {
    next: i64,
    /// As it was when following began.
    end: i64,
    /// The end that the reader was told of last.
    told: Option<i64>,
}

/// One worker's connection.
pub(crate) struct SimulatedLink<'w> {
    cluster: Shared,
    others: Weak<dyn Meanwhile + 'w>,
    process: Rc<Process>,
    changelog: String,
    epoch: u32,
    /// Whether a connection broke since the producer began.
    is_troubled: bool,
    /// Of the assignment that the client knows.
    generation: Option<u32>,
    assigned: BTreeSet<u32>,
    resumed: BTreeSet<u32>,
    held: BTreeSet<Origin>,
    positions: BTreeMap<Place, i64>,
    followed: BTreeMap<u32, Followed>,
    gone: VecDeque<u32>,
    /// What was handed out since the last commit, by partition: for the audit.
    delivered: BTreeMap<u32, BTreeSet<(Place, i64)>>,
}

impl<'w> SimulatedLink<'w> {
    pub(crate) fn join(
        process: Rc<Process>,
        cluster: Shared,
        others: Weak<dyn Meanwhile + 'w>,
    ) -> Result<Self, Lost> {
        let changelog = Name::Changelog(process.member.0).to_string();
        let mut link = Self {
            cluster,
            others,
            process,
            changelog,
            epoch: 0,
            is_troubled: false,
            generation: None,
            assigned: BTreeSet::new(),
            resumed: BTreeSet::new(),
            held: BTreeSet::new(),
            positions: BTreeMap::new(),
            followed: BTreeMap::new(),
            gone: VecDeque::new(),
            delivered: BTreeMap::new(),
        };
        link.effect("beginning", 1.0)?;
        link.begin_producer();
        Ok(link)
    }

    fn begin_producer(&mut self) {
        self.epoch = self.cluster.borrow_mut().begin_producer(self.process.member);
        self.is_troubled = false;
    }

    /// The partitions of the changelog that are read.
    pub(crate) fn followed(&self) -> BTreeSet<u32> {
        self.followed.keys().copied().collect()
    }

    /// Whether the group would take offsets from this worker.
    pub(crate) fn is_believed(&self) -> bool {
        let (stage, machine) = self.process.member;
        self.cluster.borrow_mut().group(stage).admits(machine, self.process.incarnation, self.generation)
    }

    /// Something is about to happen: what goes wrong before it does?
    fn effect(&mut self, what: &str, weight: f64) -> Result<(), Lost> {
        let (stage, machine) = self.process.member;
        if self.process.is_dead.get() {
            return Err(Lost("the process is dead".to_owned()));
        }
        let mut cluster = self.cluster.borrow_mut();
        let faults = cluster.faults;
        if cluster.strikes((faults.crash + faults.loss + faults.freeze) * weight) {
            let which = cluster.rng.f64() * (faults.crash + faults.loss + faults.freeze);
            if which < faults.crash {
                cluster.tell(|| format!("{stage}-{machine} ends before {what}"));
                self.process.is_dead.set(true);
                return Err(Lost("the process is dead".to_owned()));
            }
            if which < faults.crash + faults.loss {
                cluster.tell(|| format!("{stage}-{machine} loses its connection before {what}"));
                return Err(Lost(format!("the connection was lost before {what}")));
            }
            cluster.tell(|| format!("{stage}-{machine} stands still before {what}"));
            drop(cluster);
            if let Some(others) = self.others.upgrade() {
                others.meanwhile(self.process.member);
            }
            self.cluster.borrow().tell(|| format!("{stage}-{machine} goes on with {what}"));
        }
        if self.process.is_dead.get() { Err(Lost("the process is dead".to_owned())) } else { Ok(()) }
    }

    fn tell(&self, line: impl FnOnce() -> String) {
        let (stage, machine) = self.process.member;
        self.cluster.borrow().tell(|| format!("{stage}-{machine} {}", line()));
    }

    /// What the group has to say.
    fn membership(&mut self) -> Result<Option<Polled>, Lost> {
        let (stage, machine) = self.process.member;
        let word = {
            let mut cluster = self.cluster.borrow_mut();
            cluster.group(stage).hear(machine, self.process.incarnation, self.generation)
        };
        match word {
            Word::Nothing => Ok(None),
            Word::Fenced => Err(Lost("a successor is a member of the group".to_owned())),
            Word::Revoked => {
                self.tell(|| format!("gives up {:?}", self.assigned));
                self.generation = None;
                self.assigned.clear();
                self.resumed.clear();
                self.delivered.clear();
                Ok(Some(Polled::Revoked))
            }
            Word::Assigned(generation, partitions) => {
                let Some(claims) = self.claims(&partitions) else {
                    let mut cluster = self.cluster.borrow_mut();
                    let loss = cluster.faults.loss;
                    let is_lost = cluster.strikes(loss);
                    return if is_lost { Err(Lost("the offsets are not told".to_owned())) } else { Ok(None) };
                };
                self.tell(|| format!("has {partitions:?} in generation {generation}: {}", shown(&claims)));
                self.generation = Some(generation);
                self.assigned = partitions;
                Ok(Some(Polled::Assigned(claims)))
            }
        }
    }

    /// What is committed, and reading at rest there; `None` while it may change by a transaction that is at its end.
    fn claims(&mut self, partitions: &BTreeSet<u32>) -> Option<Vec<Claim>> {
        let stage = self.process.member.0;
        let mut cluster = self.cluster.borrow_mut();
        let group = cluster.group(stage);
        if partitions.iter().any(|partition| !group.is_stable(*partition)) {
            return None;
        }
        self.resumed.clear();
        self.delivered.clear();
        self.positions.clear();
        let mut claims = Vec::new();
        for partition in partitions {
            let mut claim = Claim { partition: *partition, ..Claim::default() };
            for name in Name::inputs(stage) {
                let place = (name, *partition);
                let (Some((offset, number)), Some(origin)) = (group.offsets.get(&place), name.origin())
                else {
                    continue;
                };
                claim.commit = claim.commit.max(*number);
                claim.offsets.insert(origin, *offset);
                self.positions.insert(place, *offset);
            }
            claims.push(claim);
        }
        Some(claims)
    }

    /// The end of a transaction, as it may go.
    fn end(&mut self) -> Result<(), Lost> {
        let member = self.process.member;
        let doubt = {
            let mut cluster = self.cluster.borrow_mut();
            let doubt = cluster.faults.doubt;
            cluster.strikes(doubt).then(|| cluster.rng.u8(0..3))
        };
        let is_lost = doubt.is_some_and(|doubt| doubt < 2);
        if is_lost {
            let is_late = doubt == Some(0);
            self.tell(|| format!("ends its transaction; the request is lost, or late: {is_late}"));
            if is_late {
                let late = Late { member, epoch: self.epoch, is_commit: true };
                self.cluster.borrow_mut().late.push(late);
            }
            return Err(Lost("nobody knows how the transaction ended".to_owned()));
        }
        let ended = self.cluster.borrow_mut().end(member, self.epoch, true);
        self.tell(|| format!("ends its transaction: {ended:?}, the answer is lost: {}", doubt.is_some()));
        ended.map_err(Lost::denied("ending the transaction"))?;
        let mut cluster = self.cluster.borrow_mut();
        let Faults { repeat, is_deaf, .. } = cluster.faults;
        if cluster.strikes(repeat) {
            cluster.late.push(Late { member, epoch: self.epoch, is_commit: true });
            self.is_troubled = !is_deaf;
        }
        if doubt.is_some() { Err(Lost("nobody knows how the transaction ended".to_owned())) } else { Ok(()) }
    }

    /// The rest of a transaction: the log's part of one partition; gives the place of the marker.
    fn produce(&mut self, commit: &Commit<'_>) -> Result<Option<i64>, Lost> {
        let (member, epoch) = (self.process.member, self.epoch);
        let send = |link: &mut Self, place, change: Change<'_>| {
            link.effect("producing", PRODUCING)?;
            let sent = link.cluster.borrow_mut().produce(member, epoch, place, change);
            sent.map_err(Lost::denied("producing"))
        };
        for record in commit.outputs {
            let OutRecord { topic, output, partition, key, value, trace } = record;
            let (value, trace, output) = (value.as_deref(), Some(*trace), output.clone());
            send(self, (Name::Topic(*topic), *partition), Change { key, value, trace, output })?;
        }
        let Some(marker) = &commit.marker else { return Ok(None) };
        let place = (Name::Changelog(member.0), commit.partition);
        for (key, value) in commit.writes {
            send(self, place, Change { key, value: value.as_deref(), trace: None, output: None })?;
        }
        send(self, place, Change { key: MARK_KEY, value: Some(marker), trace: None, output: None }).map(Some)
    }
}

impl Link for SimulatedLink<'_> {
    type Error = Lost;

    fn cluster(&self) -> &str {
        "the cluster"
    }

    fn changelog(&self) -> &str {
        &self.changelog
    }

    fn keeps_deletions_since(&self) -> Timestamp {
        let kept = self.cluster.borrow().retention_ms - 2 * SKEW_MAX_MS;
        self.now().plus_millis(-kept).max(Timestamp::MIN)
    }

    fn now(&self) -> Timestamp {
        let now = self.cluster.borrow().now + self.process.skew_ms;
        Timestamp::from_millis(now).unwrap_or(Timestamp::MAX)
    }

    fn draw(&mut self) -> u128 {
        self.cluster.borrow_mut().rng.u128(1..)
    }

    fn poll(&mut self, _: bool) -> Result<Polled, Lost> {
        self.effect("polling", READING)?;
        if let Some(polled) = self.membership()? {
            return Ok(polled);
        }
        let stage = self.process.member.0;
        let mut cluster = self.cluster.borrow_mut();
        if cluster.rng.u8(0..6) == 0 {
            return Ok(Polled::Enough);
        }
        let places = self.resumed.iter().flat_map(|partition| {
            let is_held = |name: &Name| name.origin().is_some_and(|origin| self.held.contains(&origin));
            let names = Name::inputs(stage).into_iter().filter(|name| !is_held(name));
            names.map(|name| (name, *partition)).collect::<Vec<Place>>()
        });
        let position = |place: &Place| self.positions.get(place).copied().unwrap_or_default();
        let waiting = places.filter_map(|place| {
            let record = cluster.shelves.get(place)?.next(position(&place))?;
            Some((place, in_record(place, record)?))
        });
        let waiting: Vec<_> = waiting.collect();
        let Some((place, record)) = cluster.rng.choice(waiting) else { return Ok(Polled::Enough) };
        self.positions.insert(place, record.offset + 1);
        self.delivered.entry(place.1).or_default().insert((place, record.offset));
        Ok(Polled::Record(record))
    }

    fn resume(&mut self, partition: u32) -> Result<(), Lost> {
        self.effect("resuming", READING)?;
        if self.assigned.contains(&partition) {
            self.resumed.insert(partition);
        }
        Ok(())
    }

    fn rewind(&mut self, partition: u32, offsets: &BTreeMap<Origin, i64>) -> Result<(), Lost> {
        self.effect("rewinding", 1.0)?;
        self.resumed.remove(&partition);
        self.delivered.remove(&partition);
        for name in Name::inputs(self.process.member.0) {
            let offset = name.origin().and_then(|origin| offsets.get(&origin)).copied();
            self.positions.insert((name, partition), offset.unwrap_or_default());
        }
        self.tell(|| format!("rewinds {partition} to {offsets:?}"));
        Ok(())
    }

    fn hold(&mut self, input: &Origin) -> Result<(), Lost> {
        self.effect("holding an input", READING)?;
        self.held.insert(input.clone());
        Ok(())
    }

    fn release(&mut self) -> Result<(), Lost> {
        self.effect("releasing its inputs", READING)?;
        self.held.clear();
        Ok(())
    }

    fn transact(&mut self, commits: &[Commit<'_>]) -> Result<BTreeMap<u32, i64>, Lost> {
        self.effect("its transaction", 1.0)?;
        if self.is_troubled {
            self.begin_producer();
            self.effect("its transaction, with another producer", 1.0)?;
        }
        let mut markers = BTreeMap::new();
        let mut pending = Pending::default();
        for commit in commits {
            markers.extend(self.produce(commit)?.map(|offset| (commit.partition, offset)));
            pending.reads.extend(self.delivered.remove(&commit.partition).unwrap_or_default());
            for (origin, offset) in commit.offsets {
                let name = match origin {
                    Origin::Raw(_) => Name::Raw,
                    Origin::Topic(topic) => Name::Topic(*topic),
                };
                pending.offsets.insert((name, commit.partition), (*offset, commit.number));
            }
        }
        self.effect("sending the offsets", 1.0)?;
        let (member, epoch) = (self.process.member, self.epoch);
        self.tell(|| {
            let numbers = commits.iter().map(|one| (one.partition, one.number, one.offsets));
            format!("sends its offsets: {:?}", numbers.collect::<Vec<_>>())
        });
        let seat = (self.process.incarnation, self.generation);
        let sent = self.cluster.borrow_mut().send_offsets(member, epoch, seat, pending);
        sent.map_err(Lost::denied("sending the offsets"))?;
        self.effect("ending the transaction", 1.0)?;
        self.end()?;
        let mut cluster = self.cluster.borrow_mut();
        let crash = cluster.faults.crash;
        if cluster.strikes(crash) {
            cluster.tell(|| format!("{}-{} ends after its commit", member.0, member.1));
            self.process.is_dead.set(true);
        }
        Ok(markers)
    }

    fn renew(&mut self) -> Result<Vec<Claim>, Lost> {
        self.effect("renewing its producer", 1.0)?;
        self.begin_producer();
        self.effect("asking where to go on", 1.0)?;
        let partitions = self.assigned.clone();
        let claims = self.claims(&partitions).ok_or_else(|| Lost("the offsets are not told".to_owned()))?;
        self.tell(|| format!("begins again: {}", shown(&claims)));
        Ok(claims)
    }

    fn follow(&mut self, partition: u32, from: Option<i64>) -> Result<(), Lost> {
        self.effect("following the changelog", READING)?;
        self.unfollow(partition)?;
        let place = (Name::Changelog(self.process.member.0), partition);
        let end = self.cluster.borrow().shelves.get(place).map_or(0, |shelf| shelf.stable());
        if from.is_some_and(|from| !(0..end).contains(&from)) {
            self.gone.push_back(partition);
            return Ok(());
        }
        self.followed.insert(partition, Followed { next: from.unwrap_or_default(), end, told: None });
        Ok(())
    }

    fn unfollow(&mut self, partition: u32) -> Result<(), Lost> {
        self.gone.retain(|gone| *gone != partition);
        self.followed.remove(&partition);
        Ok(())
    }

    fn tail(&mut self, _: bool) -> Result<Option<(u32, Tailed)>, Lost> {
        self.effect("reading the changelog", PRODUCING)?;
        if let Some(partition) = self.gone.pop_front() {
            return Ok(Some((partition, Tailed::Gone)));
        }
        let mut cluster = self.cluster.borrow_mut();
        if self.followed.is_empty() || cluster.rng.u8(0..12) == 0 {
            return Ok(None);
        }
        let mut partitions: Vec<u32> = self.followed.keys().copied().collect();
        cluster.rng.shuffle(&mut partitions);
        for partition in partitions {
            let Some(followed) = self.followed.get_mut(&partition) else { continue };
            let shelf = cluster.shelves.of((Name::Changelog(self.process.member.0), partition));
            if let Some(record) = shelf.next(followed.next) {
                followed.next = record.offset + 1;
                let (key, value) = (record.key.clone().unwrap_or_default(), record.value.clone());
                return Ok(Some((partition, Tailed::Entry(Entry { offset: record.offset, key, value }))));
            }
            if followed.told != Some(shelf.stable()) {
                followed.told = Some(shelf.stable());
                return Ok(Some((partition, Tailed::End)));
            }
        }
        Ok(None)
    }

    fn remaining(&self, partition: u32) -> i64 {
        self.followed.get(&partition).map_or(0, |followed| (followed.end - followed.next).max(0))
    }

    fn standbys(&mut self) -> Result<BTreeSet<u32>, Lost> {
        self.effect("asking who is in the group", 1.0)?;
        let mut cluster = self.cluster.borrow_mut();
        if !cluster.has_standbys {
            return Ok(BTreeSet::new());
        }
        let others: Vec<u32> = (0..cluster.partitions).filter(|one| !self.assigned.contains(one)).collect();
        Ok(others.into_iter().filter(|_| cluster.rng.bool()).collect())
    }
}

fn shown(claims: &[Claim]) -> String {
    let one = |claim: &Claim| format!("{} at commit {} {:?}", claim.partition, claim.commit, claim.offsets);
    claims.iter().map(one).collect::<Vec<_>>().join(", ")
}
