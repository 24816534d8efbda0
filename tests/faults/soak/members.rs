//! The members of a soak: two instances of each consumer, of which any may be down.

use std::collections::BTreeMap;
use std::time::Duration;

use fastrand::Rng;

use crate::case::{Outcome, expect};
use crate::consumer::{Consumer, Program};
use crate::crew::READY;
use crate::deployment::Deployment;
use crate::patience::{pass, until};

const INSTANCES: [&str; 2] = ["1", "2"];

type Name = (Program, &'static str);

pub(super) struct Members<'d> {
    deployment: &'d Deployment<'d>,
    running: BTreeMap<Name, Consumer>,
}

impl<'d> Members<'d> {
    /// All of them.
    pub(super) fn start(deployment: &'d Deployment<'d>) -> Outcome<Self> {
        let mut members = Self { deployment, running: BTreeMap::new() };
        members.complete()?;
        Ok(members)
    }

    /// Starts those that are down, and waits until all are ready.
    pub(super) fn complete(&mut self) -> Outcome<()> {
        for name in all() {
            self.ensure(name)?;
        }
        for ((program, instance), consumer) in &self.running {
            until(READY, format_args!("{} {instance} to be ready", program.as_str()), || {
                Ok(consumer.ready().filter(|(ready, _)| *ready).map(|_| ()))
            })?;
        }
        Ok(())
    }

    /// `kill -9` for one of those that run.
    pub(super) fn kill(&mut self, rng: &mut Rng) {
        if let Some(consumer) = self.drawn(rng).and_then(|name| self.running.remove(&name)) {
            consumer.kill();
        }
    }

    /// TERM for one of those that run.
    pub(super) fn end(&mut self, rng: &mut Rng) -> Outcome<()> {
        let Some(name) = self.drawn(rng) else { return Ok(()) };
        let Some(consumer) = self.running.remove(&name) else { return Ok(()) };
        let code = consumer.stop()?;
        // The second says that it was waiting for a broker that did not answer, and ended all the same.
        expect(code == Some(0) || code == Some(75), || {
            format!("{} {} ended with {code:?} after TERM", name.0.as_str(), name.1)
        })
    }

    /// Starts all that are down of one program.
    pub(super) fn begin(&mut self, rng: &mut Rng) -> Outcome<()> {
        let program = Program::ALL[rng.usize(..Program::ALL.len())];
        INSTANCES.into_iter().try_for_each(|instance| self.ensure((program, instance)))
    }

    /// STOP for one of those that run, and CONT after this time.
    pub(super) fn pause(&mut self, rng: &mut Rng, time: Duration) -> Outcome<()> {
        let Some(consumer) = self.drawn(rng).and_then(|name| self.running.get(&name)) else { return Ok(()) };
        consumer.pause()?;
        let passed = pass(time);
        consumer.go_on()?;
        passed
    }

    /// All end in order, and none had ended by itself.
    pub(super) fn stop(mut self) -> Outcome<()> {
        for ((program, instance), consumer) in &mut self.running {
            let ended = consumer.ended()?;
            expect(ended.is_none(), || {
                format!("{} {instance} ended by itself: {ended:?}", program.as_str())
            })?;
        }
        for ((program, instance), consumer) in self.running {
            let code = consumer.stop()?;
            expect(code == Some(0), || format!("{} {instance} ended with {code:?}", program.as_str()))?;
        }
        Ok(())
    }

    fn ensure(&mut self, name: Name) -> Outcome<()> {
        if !self.running.contains_key(&name) {
            self.running.insert(name, self.deployment.start(name.0, name.1)?);
        }
        Ok(())
    }

    fn drawn(&self, rng: &mut Rng) -> Option<Name> {
        let names: Vec<Name> = self.running.keys().copied().collect();
        (!names.is_empty()).then(|| names[rng.usize(..names.len())])
    }
}

fn all() -> impl Iterator<Item = Name> {
    Program::ALL.into_iter().flat_map(|program| INSTANCES.map(|instance| (program, instance)))
}
