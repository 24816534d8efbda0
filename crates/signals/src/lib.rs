//! Consent signals: a string or an object of others goes in, and what it says comes out, or a fault that names the culprit.
//!
//! TC strings ([`tcf`]), GPP strings ([`gpp`]), US Privacy strings, Global Privacy Control, Google's Consent Mode, Segment's
//! consent object, events of mail; then [`decide()`], which makes decisions of them by the [`rules`] of a company. All of it
//! is a function of its arguments. No input makes it panic, and what it holds is bounded by the length of the input, also
//! where few bits stand for many vendors. What cannot be read grants nothing and denies nothing.
//!
//! TCF and GPP are read here and by no library. The one for Rust, `iab_gpp` 0.1.2, calls itself work in progress and does
//! not ask for what TCF 2.3 asks for. It writes every range of vendors out: 16 KB of text took 560 MB and many seconds. It
//! takes ranges that run backwards for empty ones and values without a meaning for "not applicable", and adds up Fibonacci
//! codes without looking whether they fit, which panics where overflow is checked and is another number where it is not.

mod bits;
pub mod consent_mode;
pub mod decide;
pub mod email;
mod fault;
pub mod gpc;
pub mod gpp;
pub mod ids;
pub mod limits;
pub mod rules;
pub mod segment;
pub mod tcf;
pub mod us_privacy;

pub use decide::{Evidence, Signal, decide};
pub use email::EmailSignal;
pub use fault::{Fault, FaultKind};
pub use rules::{RuleFault, SignalRules};
