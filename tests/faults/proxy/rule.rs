//! A rule of the proxy: which requests it takes, what becomes of them, and how a case follows it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::case::Outcome;
use crate::patience::until;

/// Requests of Kafka's protocol that rules speak of, by their api key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Any,
    Produce,
    Fetch,
    Heartbeat,
    EndTxn,
}

impl Api {
    fn is(self, key: i16) -> bool {
        let own = match self {
            Self::Any => return true,
            Self::Produce => 0,
            Self::Fetch => 1,
            Self::Heartbeat => 12,
            Self::EndTxn => 26,
        };
        key == own
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// It passes after this time; so does all that follows it on its connection.
    Delay(Duration),
    /// It waits until it is released.
    HoldRequest,
    /// It passes, and its answer waits until it is released.
    HoldAnswer,
    /// The client is cut off, and the request waits until it is released: then it arrives although its sender has long
    /// begun to do something else.
    Postpone,
    /// The client is cut off before it passes.
    LoseRequest,
    /// It passes, and the client is cut off instead of getting the answer.
    LoseAnswer,
}

/// What is done with what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Closed,
    Open,
    /// It is thrown away with its connection.
    Discarded,
}

pub(super) struct Rule {
    api: Api,
    about: Vec<u8>,
    pub(super) action: Action,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// How many requests it may still take.
    left: usize,
    /// How many it has in its grip, or had.
    held: usize,
    gate: Gate,
    /// Of the broker, to requests that it took; without the size.
    answers: Vec<Vec<u8>>,
}

impl Rule {
    pub(super) fn new(api: Api, about: &str, action: Action, times: usize) -> Self {
        let state = State { left: times, held: 0, gate: Gate::Closed, answers: Vec::new() };
        Self {
            api,
            about: about.as_bytes().to_vec(),
            action,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    /// Whether it takes this request; if so, it takes one fewer from now on.
    pub(super) fn takes(&self, api: i16, frame: &[u8]) -> bool {
        let mut state = self.lock();
        let is_about =
            self.about.is_empty() || frame.windows(self.about.len()).any(|part| part == self.about);
        let takes = state.left > 0 && self.api.is(api) && is_about;
        if takes {
            state.left -= 1;
        }
        takes
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.lock().left == 0
    }

    /// Notes that something is in its grip.
    pub(super) fn note_held(&self) {
        self.lock().held += 1;
    }

    /// Notes what the broker answered to a request that it took.
    pub(super) fn note_answer(&self, frame: &[u8]) {
        self.lock().answers.push(frame.to_vec());
    }

    /// Waits for a while; gives the gate as it then is.
    pub(super) fn wait(&self, time: Duration) -> Gate {
        let state = self.lock();
        if state.gate != Gate::Closed {
            return state.gate;
        }
        self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0.gate
    }

    fn set(&self, gate: Gate) {
        let mut state = self.lock();
        state.left = 0;
        if state.gate == Gate::Closed {
            state.gate = gate;
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The case's end of a rule. Dropping it ends the rule, and discards what is held.
pub(crate) struct Held(Arc<Rule>);

impl Held {
    pub(super) fn new(rule: Arc<Rule>) -> Self {
        Self(rule)
    }

    /// Waits until so many requests, or answers, are in its grip.
    pub(crate) fn await_held(&self, count: usize, patience: Duration) -> Outcome<()> {
        until(patience, format_args!("{count} of {:?} at the proxy", self.0.api), || {
            Ok((self.0.lock().held >= count).then_some(()))
        })
    }

    /// How many it took.
    pub(crate) fn held(&self) -> usize {
        self.0.lock().held
    }

    /// Lets go what is held.
    pub(crate) fn release(&self) {
        self.0.set(Gate::Open);
    }

    /// Throws away what is held, and cuts the connections that it was held on.
    pub(crate) fn discard(&self) {
        self.0.set(Gate::Discarded);
    }

    /// The error code in the broker's first answer to EndTxn, of the versions that librdkafka speaks: after the
    /// correlation id and the throttle time.
    pub(crate) fn end_txn_error(&self, patience: Duration) -> Outcome<i16> {
        until(patience, "the broker's answer", || {
            let state = self.0.lock();
            let code = state.answers.first().and_then(|frame| frame.get(8..10));
            Ok(code.map(|code| i16::from_be_bytes([code[0], code[1]])))
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.discard();
    }
}
