//! Dead letters: the records of `touchpoint-refused` go in; which of them stand open, whom they name, and which are to go come out.
//!
//! A letter is dealt with when a later record of its key is a tombstone. Everything here is folded from that topic; nothing is kept
//! beside it, and nothing here reads or writes it. What comes out depends on the records, the erasures, the settings of sources and
//! the time that is handed in, and never shows a value. Open `letter.rs` first, then `leaving.rs`.

mod key;
mod leaving;
mod letter;
mod named;
mod open;
mod retention;
mod words;

pub use key::{LetterKey, Place};
pub use leaving::{Found, Judged, Leaving, Look, Looked, Reason};
pub use letter::{Letter, Record, Said, said};
pub use named::{Finder, Reading, learn};
pub use open::Letters;
pub use retention::kept_until;
