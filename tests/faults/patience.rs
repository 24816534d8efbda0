//! Waiting with a limit. A signal ends every wait, so that guards can end what they guard before this program ends.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::case::{Outcome, wrong};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on INT and TERM end waits, and the second of them ends the program.
pub(crate) fn heed_signals() {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        let second = signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(flag));
        second
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(flag)))
            .expect("a signal that exists");
    }
}

/// Whether a signal came.
pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// Looks again and again until there is something to see. `what` ends the sentence "waited in vain for …".
pub(crate) fn until<T>(
    patience: Duration,
    what: impl std::fmt::Display,
    mut look: impl FnMut() -> Outcome<Option<T>>,
) -> Outcome<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        if is_interrupted() {
            return wrong("interrupted");
        }
        if Instant::now() > deadline {
            return wrong(format!("waited in vain for {what}, {} s long", patience.as_secs()));
        }
        thread::sleep(PAUSE);
    }
}

/// Lets time pass.
pub(crate) fn pass(time: Duration) -> Outcome<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        if is_interrupted() {
            return wrong("interrupted");
        }
        thread::sleep(PAUSE.min(end.saturating_duration_since(Instant::now())));
    }
    Ok(())
}
