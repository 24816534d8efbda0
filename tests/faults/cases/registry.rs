//! A schema registry that is gone, fails, is slow, and refuses a schema.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use kinfold_kafka::reader::{Isolation, read};
use kinfold_pipeline::StageName;
use kinfold_wire::Topic;

use crate::case::{Case, Outcome, Seen, expect};
use crate::consumer::Program;
use crate::crew::Crew;
use crate::deployment::Deployment;
use crate::ground::Ground;
use crate::load::Load;
use crate::patience::{pass, until};
use crate::watch::position;

pub(crate) const CASE: Case = Case {
    number: 21,
    fault: "the schema registry fails, refuses a schema, is slow",
    expected: "pauses, says so and tries again; no dead letter; goes on with a slow one",
    is_short: false,
    run,
};

fn run(ground: &Ground) -> Outcome<Seen> {
    let registry = Registry::start()?;
    let url = registry.url();
    let deployment = Deployment::with(ground, "c21", &[("KINFOLD_REGISTRY__URL", &url)])?;
    deployment.explained(staged(&deployment, &registry))
}

fn staged(deployment: &Deployment<'_>, registry: &Registry) -> Outcome<Seen> {
    let load = Load::new(21, 500)?;
    let sound = load.records.iter().filter(|generated| generated.sound).count();
    let mut crew = Crew::new(deployment);
    registry.set(Mode::Fails);
    load.feed_at_once(deployment)?;
    Program::ALL.into_iter().try_for_each(|program| crew.begin(program))?;
    for mode in [Mode::Fails, Mode::Refuses] {
        registry.set(mode);
        let asked = registry.asked();
        until(Duration::from_secs(60), "another try", || Ok((registry.asked() > asked + 3).then_some(())))?;
        for program in Program::ALL {
            let reasons = crew.await_not_ready(program, Duration::from_secs(10))?;
            expect(reasons.contains("registry"), || format!("/ready does not name the registry: {reasons}"))?;
        }
    }
    expect(position(deployment, StageName::Capture)? == 0, || "capture wrote without schemas".to_owned())?;
    registry.set(Mode::Slow);
    let fault = Instant::now();
    for program in Program::ALL {
        crew.await_ready(program)?;
    }
    let ready = fault.elapsed();
    let count = |topic: Topic| -> Outcome<usize> {
        Ok(read(&deployment.settings, topic.as_str(), Isolation::Committed)?.len())
    };
    until(Duration::from_secs(120), "all touchpoints", || {
        Ok((count(Topic::Touchpoint)? >= sound).then_some(()))
    })?;
    pass(Duration::from_secs(2))?;
    let (touchpoints, refused) = (count(Topic::Touchpoint)?, count(Topic::TouchpointRefused)?);
    expect((touchpoints, refused) == (sound, load.records.len() - sound), || {
        format!("{touchpoints} touchpoints and {refused} dead letters came of {sound} sound records")
    })?;
    crew.stop_all()?;
    let what = format!("no dead letter for the registry's sake; {touchpoints} touchpoints afterwards");
    Ok(Seen { what, first_commit: Some(ready), caught_up: Some(fault.elapsed()) })
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Slow = 0,
    Fails = 1,
    Refuses = 2,
}

/// Answers like a registry of one mind: the same schema has the same number.
struct Registry {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    mode: AtomicU8,
    asked: AtomicUsize,
    is_over: AtomicBool,
    known: Mutex<Vec<String>>,
}

impl Registry {
    fn start() -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared: Arc<Shared> = Arc::default();
        let thread = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for client in listener.incoming().filter_map(Result::ok) {
                    if shared.is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let shared = Arc::clone(&shared);
                    thread::spawn(move || answer(client, &shared));
                }
            }
        });
        Ok(Self { address, shared, thread: Some(thread) })
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn set(&self, mode: Mode) {
        self.shared.mode.store(mode as u8, Ordering::Relaxed);
    }

    fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::Relaxed)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn answer(client: TcpStream, shared: &Shared) -> Option<()> {
    let mut reader = BufReader::new(client);
    let (mut request, mut length) = (String::new(), 0);
    reader.read_line(&mut request).ok()?;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if header.trim().is_empty() {
            break;
        }
    }
    let mut body = String::new();
    reader.by_ref().take(length).read_to_string(&mut body).ok()?;
    shared.asked.fetch_add(1, Ordering::Relaxed);
    let (status, body) = match shared.mode.load(Ordering::Relaxed) {
        mode if mode == Mode::Fails as u8 => ("500 Internal Server Error", "{}".to_owned()),
        mode if mode == Mode::Refuses as u8 => ("409 Conflict", r#"{"error_code":409}"#.to_owned()),
        _ => {
            thread::sleep(Duration::from_millis(300));
            let asked = request + &body;
            let mut known = shared.known.lock().unwrap_or_else(PoisonError::into_inner);
            let id = known.iter().position(|one| *one == asked).unwrap_or_else(|| {
                known.push(asked);
                known.len() - 1
            });
            ("200 OK", format!("{{\"id\":{}}}", id + 1))
        }
    };
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}", body.len());
    write!(reader.get_mut(), "{head}\r\n\r\n{body}").ok()
}
