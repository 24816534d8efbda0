//! One instance of each consumer, through the proxy, and the verbs that a case has for them.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::case::{Outcome, expect, wrong};
use crate::consumer::{Consumer, Program};
use crate::deployment::Deployment;
use crate::patience::until;

/// A stage is at work after so long, also when a dead member has to be waited for.
pub(crate) const READY: Duration = Duration::from_secs(120);

pub(crate) struct Crew<'d> {
    deployment: &'d Deployment<'d>,
    instance: String,
    consumers: BTreeMap<Program, Consumer>,
}

impl<'d> Crew<'d> {
    /// Nobody yet.
    pub(crate) fn new(deployment: &'d Deployment<'d>) -> Self {
        Self { deployment, instance: "1".to_owned(), consumers: BTreeMap::new() }
    }

    /// Starts all three, and waits until each is ready.
    pub(crate) fn start(deployment: &'d Deployment<'d>) -> Outcome<Self> {
        let mut crew = Self::new(deployment);
        Program::ALL.into_iter().try_for_each(|program| crew.begin(program))?;
        Program::ALL.into_iter().try_for_each(|program| crew.await_ready(program))?;
        Ok(crew)
    }

    /// Starts one that does not run.
    pub(crate) fn begin(&mut self, program: Program) -> Outcome<()> {
        self.begin_with(program, &[])
    }

    /// The same with settings of its own.
    pub(crate) fn begin_with(&mut self, program: Program, more: &[(&str, &str)]) -> Outcome<()> {
        let consumer = self.deployment.start_with(program, &self.instance, more)?;
        self.join(program, consumer);
        Ok(())
    }

    /// Takes over one that was started in another way.
    pub(crate) fn join(&mut self, program: Program, consumer: Consumer) {
        self.consumers.insert(program, consumer);
    }

    pub(crate) fn get(&self, program: Program) -> Outcome<&Consumer> {
        match self.consumers.get(&program) {
            Some(consumer) => Ok(consumer),
            None => wrong(format!("{} does not run", program.as_str())),
        }
    }

    pub(crate) fn await_ready(&self, program: Program) -> Outcome<()> {
        let consumer = self.get(program)?;
        until(READY, format_args!("{} to be ready", program.as_str()), || {
            Ok(consumer.ready().filter(|(ready, _)| *ready).map(|_| ()))
        })
    }

    /// Waits until it says that it is not ready; gives its reasons.
    pub(crate) fn await_not_ready(&self, program: Program, patience: Duration) -> Outcome<String> {
        let consumer = self.get(program)?;
        until(patience, format_args!("{} to say that it is not ready", program.as_str()), || {
            Ok(consumer.ready().filter(|(ready, _)| !ready).map(|(_, reasons)| reasons))
        })
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, program: Program) {
        if let Some(consumer) = self.consumers.remove(&program) {
            consumer.kill();
        }
    }

    /// TERM, which has to end in order.
    pub(crate) fn stop(&mut self, program: Program) -> Outcome<()> {
        let Some(consumer) = self.consumers.remove(&program) else { return Ok(()) };
        let code = consumer.stop()?;
        expect(code == Some(0), || format!("{} ended with exit code {code:?} after TERM", program.as_str()))
    }

    /// All three end in order, and none had ended before.
    pub(crate) fn stop_all(mut self) -> Outcome<()> {
        for (program, consumer) in &mut self.consumers {
            let ended = consumer.ended()?;
            expect(ended.is_none(), || format!("{} ended by itself: {ended:?}", program.as_str()))?;
        }
        Program::ALL.into_iter().try_for_each(|program| self.stop(program))
    }
}
