//! One connection through the proxy: a thread for each direction, and the rules between them.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::rule::{Action, Gate, Rule};
use super::{LOOK, Shared};

/// A larger frame is none, and its connection is cut.
const FRAME_MAX: usize = 256 << 20;
/// How long the answer to a client that is gone is waited for.
const LATE_ANSWER: Duration = Duration::from_secs(5);

/// Requests on their way, by correlation id, whose answers a rule wants to see.
type Awaited = Arc<Mutex<BTreeMap<i32, Arc<Rule>>>>;

/// Begins to carry frames. Both threads end with either socket.
pub(super) fn connect(client: TcpStream, broker: TcpStream, shared: &Arc<Shared>) {
    drop((client.set_nodelay(true), broker.set_nodelay(true)));
    let awaited = Awaited::default();
    let (Ok(client_again), Ok(broker_again)) = (client.try_clone(), broker.try_clone()) else { return };
    let requests = Requests { client, broker, awaited: Arc::clone(&awaited), shared: Arc::clone(shared) };
    let answers = Answers { client: client_again, broker: broker_again, awaited, shared: Arc::clone(shared) };
    thread::spawn(move || requests.carry());
    thread::spawn(move || answers.carry());
}

struct Requests {
    client: TcpStream,
    broker: TcpStream,
    awaited: Awaited,
    shared: Arc<Shared>,
}

impl Requests {
    fn carry(mut self) {
        while let Ok(frame) = read(&mut self.client) {
            if !self.shared.wait_for_line(false) || self.pass(&frame).is_none() {
                break;
            }
        }
        cut(&self.client);
        self.await_answers();
        cut(&self.broker);
    }

    /// Passes one request on; `None` ends the connection.
    fn pass(&mut self, frame: &[u8]) -> Option<()> {
        let api = i16::from_be_bytes(frame.get(..2)?.try_into().ok()?);
        let correlation = i32::from_be_bytes(frame.get(4..8)?.try_into().ok()?);
        let Some(rule) = self.shared.rule_for(api, frame) else { return write(&mut self.broker, frame).ok() };
        if !matches!(rule.action, Action::LoseRequest) {
            self.awaited
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(correlation, Arc::clone(&rule));
        }
        match rule.action {
            Action::Delay(time) => {
                rule.note_held();
                thread::sleep(time);
            }
            Action::HoldRequest => {
                rule.note_held();
                self.opened(&rule, correlation)?;
            }
            Action::Postpone => {
                cut(&self.client);
                rule.note_held();
                self.opened(&rule, correlation)?;
                write(&mut self.broker, frame).ok()?;
                return None;
            }
            Action::LoseRequest => {
                rule.note_held();
                return None;
            }
            Action::HoldAnswer | Action::LoseAnswer => {}
        }
        write(&mut self.broker, frame).ok()
    }

    /// Waits until the rule lets go; one that throws away wants no answer either.
    fn opened(&self, rule: &Rule, correlation: i32) -> Option<()> {
        let is_open = opened(rule, &self.shared);
        if is_open.is_none() {
            self.awaited.lock().unwrap_or_else(PoisonError::into_inner).remove(&correlation);
        }
        is_open
    }

    /// The client may be gone; what it asked is read by the broker all the same, as on a network, and the other thread
    /// takes the answers that rules want to see.
    fn await_answers(&self) {
        let until = Instant::now() + LATE_ANSWER;
        let waits = || !self.awaited.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        while waits() && Instant::now() < until && !self.shared.is_over() {
            thread::sleep(LOOK);
        }
    }
}

struct Answers {
    client: TcpStream,
    broker: TcpStream,
    awaited: Awaited,
    shared: Arc<Shared>,
}

impl Answers {
    fn carry(mut self) {
        while let Ok(frame) = read(&mut self.broker) {
            if !self.shared.wait_for_line(true) || self.pass(&frame).is_none() {
                break;
            }
        }
        cut(&self.client);
        cut(&self.broker);
    }

    fn pass(&mut self, frame: &[u8]) -> Option<()> {
        let correlation = i32::from_be_bytes(frame.get(..4)?.try_into().ok()?);
        let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rule) = awaited.remove(&correlation) else {
            // The client may be gone: the broker's side stays open for a request that is held back.
            let is_wanted = !awaited.is_empty();
            drop(awaited);
            return write(&mut self.client, frame).ok().or(is_wanted.then_some(()));
        };
        drop(awaited);
        rule.note_answer(frame);
        match rule.action {
            Action::HoldAnswer => {
                rule.note_held();
                opened(&rule, &self.shared)?;
            }
            Action::LoseAnswer => {
                rule.note_held();
                return None;
            }
            // Its client is gone: nothing is left to be carried.
            Action::Postpone => return None,
            Action::Delay(_) | Action::HoldRequest | Action::LoseRequest => {}
        }
        write(&mut self.client, frame).ok()
    }
}

/// Waits until a rule lets go; `None` when it throws away.
fn opened(rule: &Rule, shared: &Shared) -> Option<()> {
    while !shared.is_over() {
        match rule.wait(LOOK) {
            Gate::Open => return Some(()),
            Gate::Discarded => return None,
            Gate::Closed => {}
        }
    }
    None
}

/// A frame without its size.
fn read(socket: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut size = [0; 4];
    socket.read_exact(&mut size)?;
    let size = usize::try_from(i32::from_be_bytes(size)).unwrap_or(usize::MAX);
    if size > FRAME_MAX {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    let mut frame = vec![0; size];
    socket.read_exact(&mut frame)?;
    Ok(frame)
}

fn write(socket: &mut TcpStream, frame: &[u8]) -> io::Result<()> {
    let size = u32::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut bytes = Vec::with_capacity(frame.len() + 4);
    bytes.extend_from_slice(&size.to_be_bytes());
    bytes.extend_from_slice(frame);
    socket.write_all(&bytes)
}

fn cut(socket: &TcpStream) {
    drop(socket.shutdown(Shutdown::Both));
}
