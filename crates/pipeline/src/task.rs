//! One partition of one stage, driven one step at a time. Production and simulation drive the same task.

use std::sync::Arc;

use kinfold_model::{Context, Fault, Halt, Partition, Refusal, RefusalKind, Stage, Timestamp, View};
use kinfold_wire::Trace;
use kinfold_wire::limits::WRITTEN_BYTES_MAX;

use crate::batch::{Batch, Tally};
use crate::brake::Verdict;
use crate::dead_letter::dead_letter;
use crate::overlay::{Overlay, Writes};
use crate::port::Port;
use crate::record::{InRecord, Origin, OutRecord};

/// A stage at work on a partition, and the batch that it is working on.
pub struct Task<'p, P: Port> {
    port: &'p P,
    partition: Partition,
    stage: P::Stage,
    batch: Batch,
    /// Of the last record: what is sent at the end of the batch belongs to it.
    last: Option<(Timestamp, Trace)>,
}

/// On which occasion a stage works.
struct Occasion<'r> {
    now: Timestamp,
    trace: Trace,
    /// Of the record that is handled; `None` between records.
    origin: Option<&'r Origin>,
}

impl<'p, P: Port> Task<'p, P> {
    /// A task with an empty batch.
    pub fn new(port: &'p P, partition: Partition) -> Self {
        Self { port, partition, stage: port.stage(partition), batch: Batch::default(), last: None }
    }

    /// Which partition.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// Handles one record. A record that is refused becomes a dead letter and disturbs nothing else.
    ///
    /// # Errors
    /// After a fault the batch is worth nothing any more: call [`Task::abort`].
    pub fn step(&mut self, base: &dyn View, record: &InRecord) -> Result<(), Fault> {
        let trace = record.trace();
        self.last = Some((record.now(), trace));
        *self.batch.tally.consumed.entry(record.origin.clone()).or_default() += 1;
        let handled = self.port.read(record).and_then(|input| {
            let occasion = Occasion { now: record.now(), trace, origin: Some(&record.origin) };
            self.work(base, occasion, |stage, context| stage.handle(input, context))
        });
        match handled {
            Ok(((), refusals)) if refusals.is_empty() => {
                self.batch.tally.passed += 1;
                self.judged(record, None);
            }
            Ok(((), refusals)) => self.refuse(record, &refusals)?,
            Err(Halt::Refused(refusal)) => self.refuse(record, &[refusal])?,
            Err(Halt::Fault(fault)) => return Err(fault),
        }
        Ok(())
    }

    /// Lets the stage do work that no record asks for, at most `most` steps of it. Returns how much of it is done,
    /// or `None` when none is left.
    ///
    /// # Errors
    /// As [`Task::step`].
    pub fn idle(&mut self, base: &dyn View, now: Timestamp, most: usize) -> Result<Option<f64>, Fault> {
        let trace = Trace::of_source("", 0, 0);
        let occasion = Occasion { now, trace, origin: None };
        match self.work(base, occasion, |stage, context| Ok(stage.idle(most, context)?)) {
            Ok((progress, _)) => Ok(progress),
            Err(Halt::Fault(fault)) => Err(fault),
            Err(Halt::Refused(refusal)) => Err(Fault::Protocol(refusal.sentence)),
        }
    }

    /// When the stage has work again that no record asks for.
    ///
    /// # Errors
    /// Those of reading the state.
    pub fn due(&self, base: &dyn View) -> Result<Option<Timestamp>, Fault> {
        self.stage.due(base)
    }

    /// Ends the batch and hands over its effects. State changes that the stage still held back are among them;
    /// what it sends once per batch is, too.
    ///
    /// # Errors
    /// As [`Task::step`]; [`Fault::TooLarge`] when an entry of state is larger than its changelog could take.
    pub fn finish(&mut self, base: &dyn View) -> Result<Batch, Fault> {
        let (now, trace) = self.last.take().unwrap_or_else(|| (Timestamp::MIN, Trace::of_source("", 0, 0)));
        let occasion = Occasion { now, trace, origin: None };
        match self.work(base, occasion, |stage, context| Ok(stage.finish(context)?)) {
            Ok(((), _)) => {
                let batch = std::mem::take(&mut self.batch);
                check_size(&batch.writes)?;
                Ok(batch)
            }
            Err(Halt::Fault(fault)) => Err(fault),
            Err(Halt::Refused(refusal)) => Err(Fault::Protocol(refusal.sentence)),
        }
    }

    /// Hands over the effects so far and goes on with the batch: what the stage sends once per batch stays with it.
    pub fn flush(&mut self) -> Batch {
        std::mem::take(&mut self.batch)
    }

    /// Forgets the batch.
    pub fn abort(&mut self) {
        self.stage = self.port.stage(self.partition);
        self.batch = Batch::default();
        self.last = None;
    }

    /// Refuses a record that alone amounts to more than can be written. The batch holds nothing else then.
    ///
    /// # Errors
    /// As [`Task::step`].
    pub fn refuse_alone(&mut self, record: &InRecord, why: &Fault) -> Result<(), Fault> {
        self.abort();
        self.last = Some((record.now(), record.trace()));
        *self.batch.tally.consumed.entry(record.origin.clone()).or_default() += 1;
        let complaint = format_args!("cannot be handled: {why}");
        self.refuse(record, &[Refusal::new(RefusalKind::RecordTooLarge, "", complaint)])
    }

    /// The stage, for what is particular to it.
    pub fn stage_mut(&mut self) -> &mut P::Stage {
        &mut self.stage
    }

    fn work<R>(
        &mut self,
        base: &dyn View,
        occasion: Occasion<'_>,
        act: impl FnOnce(&mut P::Stage, &mut Context<'_, <P::Stage as Stage>::Output>) -> Result<R, Halt>,
    ) -> Result<(R, Vec<Refusal>), Halt> {
        let Batch { outputs, writes, tally, .. } = &mut self.batch;
        let mut sent = Vec::new();
        let mut state = Overlay::new(base, writes);
        let Occasion { now, trace, origin } = occasion;
        let result = act(&mut self.stage, &mut Context { now, state: &mut state, output: &mut sent })?;
        let mut refusals = Vec::new();
        for output in sent {
            refusals.extend(self.port.refusal(&output).cloned());
            self.port.account(&output, origin, tally);
            if let Some(note) = self.port.note(&output) {
                *tally.notes.entry(note).or_default() += 1;
            }
            self.port.write(output, trace, outputs)?;
        }
        Ok((result, refusals))
    }

    /// Notes what became of a record, for the brake of its source.
    fn judged(&mut self, record: &InRecord, verdict: Verdict) {
        let Origin::Raw(source) = &record.origin else { return };
        if record.first.is_some() {
            return;
        }
        match self.batch.verdicts.get_mut(source) {
            Some(verdicts) => verdicts.push(verdict),
            None => drop(self.batch.verdicts.insert(Arc::clone(source), vec![verdict])),
        }
    }

    /// A record is refused once, whatever number of its parts is; the payload is in the first of its dead letters.
    fn refuse(&mut self, record: &InRecord, refusals: &[Refusal]) -> Result<(), Fault> {
        self.judged(record, refusals.first().map(|refusal| refusal.kind));
        let source = self.port.source(record);
        for (index, refusal) in refusals.iter().enumerate() {
            let letter: OutRecord = dead_letter(P::NAME, record, refusal, index, self.port.topology())?;
            self.batch.outputs.push(letter);
            let tally = &mut self.batch.tally;
            let Tally { refused, parts_refused, .. } = tally;
            let count = if index == 0 { refused } else { parts_refused };
            *count.entry(refusal.kind).or_default() += 1;
            if let Some(source) = &source {
                tally.source(&record.origin, source).refusal(refusal.kind);
            }
        }
        Ok(())
    }
}

fn check_size(writes: &Writes) -> Result<(), Fault> {
    let bytes = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| key.len() + value.as_ref().map_or(0, Vec::len);
    match writes.iter().map(bytes).max() {
        Some(bytes) if bytes > WRITTEN_BYTES_MAX => {
            Err(Fault::TooLarge { what: "an entry of state".to_owned(), bytes, max: WRITTEN_BYTES_MAX })
        }
        _ => Ok(()),
    }
}
