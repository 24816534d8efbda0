//! Dead letters of a deployment, as they lie on Kafka: which stand open, and how those go that nobody may keep. What is decided of
//! them is in `kinfold_letters`; here `touchpoint-refused` is read and written.

mod rounds;
mod shelf;
mod sweep;

pub(crate) use rounds::{Rounds, UnderWay};
pub use shelf::{LettersError, Shelf, tombstone};
pub use sweep::{Call, Mode, Sweeper, Swept};
