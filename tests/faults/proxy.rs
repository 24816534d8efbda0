//! A proxy on the loopback interface that understands the frames of Kafka's protocol and nothing in them but the
//! header. In: a broker's address and rules. Out: the same frames, but for those that a rule delays, holds back or
//! loses.
//!
//! A request is a size of 4 bytes, then api key, api version, correlation id, and a body; an answer is a size, the
//! correlation id of its request, and a body. Requests on one connection are answered in order.

mod connection;
mod rule;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{io, mem};

use connection::connect;
use rule::Rule;
pub(crate) use rule::{Action, Api, Held};

/// How often a thread that waits looks whether all is over.
const LOOK: Duration = Duration::from_millis(100);

/// What passes on all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Everything.
    Open,
    /// Requests arrive, and answers do not: nothing is refused, they vanish until the line is open again.
    NoAnswers,
    /// Nothing passes in either direction, and nobody is told so.
    Silent,
    /// Connections are closed, and new ones too.
    Cut,
}

/// A proxy that runs until it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// What the proxy and its connections share.
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    is_over: AtomicBool,
}

struct State {
    upstream: Option<SocketAddr>,
    rules: Vec<Arc<Rule>>,
    line: Line,
    /// Both ends of every connection, to cut them.
    sockets: Vec<TcpStream>,
}

impl Proxy {
    /// Listens on a port of its own.
    pub(crate) fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = State { upstream: None, rules: Vec::new(), line: Line::Open, sockets: Vec::new() };
        let (state, changed, is_over) = (Mutex::new(state), Condvar::new(), AtomicBool::new(false));
        let shared = Arc::new(Shared { state, changed, is_over });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, &shared)
        });
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    /// New connections lead to this broker.
    pub(crate) fn lead_to(&self, upstream: SocketAddr) {
        self.shared.lock().upstream = Some(upstream);
    }

    /// From now on does something with the first `times` requests of a kind whose frame contains `about`, for example the
    /// begin of a transactional id. It ends with what is returned.
    pub(crate) fn rule(&self, api: Api, about: &str, action: Action, times: usize) -> Held {
        let rule = Arc::new(Rule::new(api, about, action, times));
        self.shared.lock().rules.push(Arc::clone(&rule));
        Held::new(rule)
    }

    /// Changes what passes. Cutting closes the connections that are there.
    pub(crate) fn set_line(&self, line: Line) {
        let mut state = self.shared.lock();
        state.line = line;
        if line == Line::Cut {
            close(&mut state.sockets);
        }
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        self.set_line(Line::Cut);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        drop(self.accepting.take().map(JoinHandle::join));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// The rule for a request, which counts it. Rules that were given up are forgotten.
    fn rule_for(&self, api: i16, frame: &[u8]) -> Option<Arc<Rule>> {
        let mut state = self.lock();
        state.rules.retain(|rule| !rule.is_given_up());
        state.rules.iter().find(|rule| rule.takes(api, frame)).cloned()
    }

    /// Waits until requests, or answers, pass again. Gives `false` when the connection is to end.
    fn wait_for_line(&self, is_answer: bool) -> bool {
        let mut state = self.lock();
        loop {
            let passes = match state.line {
                Line::Open => true,
                Line::NoAnswers => !is_answer,
                Line::Silent => false,
                Line::Cut => return false,
            };
            if passes || self.is_over() {
                return passes;
            }
            let waited = self.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for client in listener.incoming() {
        if shared.is_over() {
            return;
        }
        let Ok(client) = client else { continue };
        let mut state = shared.lock();
        let Some(upstream) = state.upstream.filter(|_| state.line != Line::Cut) else { continue };
        let Ok(broker) = TcpStream::connect(upstream) else { continue };
        if let (Ok(one), Ok(other)) = (client.try_clone(), broker.try_clone()) {
            state.sockets.retain(|socket| socket.peer_addr().is_ok());
            state.sockets.extend([one, other]);
            drop(state);
            connect(client, broker, shared);
        }
    }
}

fn close(sockets: &mut Vec<TcpStream>) {
    for socket in mem::take(sockets) {
        drop(socket.shutdown(std::net::Shutdown::Both));
    }
}
