//! Whether everything happened exactly once. In: a deployment whose consumers have worked off a load. Out: counts for
//! the report, or the first law that does not hold.
//!
//! 1. Each raw record became one touchpoint or one refusal, and nothing came from nowhere.
//! 2. The commits of each partition are numbered without a gap and without a repetition, and the group's offsets are
//!    of the last of them. So nothing of an old owner follows the first commit of a new one: it would have the same number.
//! 3. No transaction hangs: a reader of committed records reaches the end of every topic.
//! 4. The people that were published are those of a local run of the same records.

mod commits;
mod records;

use std::time::{Duration, Instant};

use kinfold_cli::on_kafka::{People, published};

use crate::case::{Failure, Outcome, wrong};
use crate::deployment::Deployment;
use crate::load::Load;
use crate::patience::until;
use crate::watch::open_transactions;

pub(crate) use commits::groups;
pub(crate) use records::{Place, dead_letters};

/// How long consumers may take for a backlog of a few thousand records on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);
/// A transaction that is open for longer hangs: nothing is left to be done that could be in it.
const OPEN_MAX: Duration = Duration::from_secs(30);
/// Between two reads of the table of people.
const PAUSE: Duration = Duration::from_millis(700);

pub(crate) struct Checker<'d> {
    deployment: &'d Deployment<'d>,
    expected: People,
    /// How many raw records were written, those of strangers among them.
    raw: usize,
    /// What strangers wrote to topics other than `raw.*`: each is to be refused.
    strangers: Vec<Place>,
}

/// What the checker counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Proof {
    pub(crate) raw: usize,
    pub(crate) commits: u64,
    pub(crate) people: usize,
}

impl std::fmt::Display for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} records once each, {} people, {} commits in a row", self.raw, self.people, self.commits)
    }
}

impl<'d> Checker<'d> {
    /// For a deployment that gets this load and nothing else.
    pub(crate) fn new(deployment: &'d Deployment<'d>, load: &Load) -> Outcome<Self> {
        let expected = deployment.expected(load)?;
        Ok(Self { deployment, expected, raw: load.records.len(), strangers: Vec::new() })
    }

    /// Notes what strangers write besides: so many raw records, none of which is about anybody, and these on other topics.
    pub(crate) fn with_strangers(self, raw: usize, strangers: Vec<Place>) -> Self {
        Self { raw: self.raw + raw, strangers, ..self }
    }

    /// Waits until the consumers have published what is expected; gives the time since `began`.
    pub(crate) fn caught_up(&self, began: Instant) -> Outcome<Duration> {
        let mut last = People::new();
        let waited = until(PATIENCE, "the expected people", || {
            last = published(&self.deployment.settings)
                .map_err(|failure| Failure::Wrong(failure.to_string()))?;
            if last == self.expected {
                return Ok(Some(began.elapsed()));
            }
            std::thread::sleep(PAUSE);
            Ok(None)
        });
        waited.map_err(|failure| match failure {
            Failure::Wrong(why) => Failure::Wrong(format!("{why}: {}", self.difference(&last))),
            not_staged => not_staged,
        })
    }

    /// Checks every law. Call it when the consumers have caught up.
    pub(crate) fn prove(&self) -> Outcome<Proof> {
        let deployment = self.deployment;
        until(OPEN_MAX, "the end of every transaction", || {
            let open = open_transactions(deployment)?;
            Ok(open.is_empty().then_some(()))
        })
        .or_else(|_| {
            wrong(format!("a transaction hangs on {}", open_transactions(deployment)?.join(", ")))
        })?;
        let raw = records::each_once(deployment, self.raw, &self.strangers)?;
        let commits = commits::in_a_row(deployment)?;
        let people =
            published(&deployment.settings).map_err(|failure| Failure::Wrong(failure.to_string()))?;
        if people == self.expected {
            return Ok(Proof { raw, commits, people: people.len() });
        }
        wrong(format!("after they had caught up, people changed: {}", self.difference(&people)))
    }

    fn difference(&self, people: &People) -> String {
        let agree = people.iter().filter(|(key, profile)| self.expected.get(*key) == Some(profile)).count();
        format!("{} are published, {} expected, {agree} agree", people.len(), self.expected.len())
    }
}
