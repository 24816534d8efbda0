//! What of requests is kept, and so has forms by number: the values of the tables.
//!
//! When one of them changes, what it was becomes its older form, as a type of its own in a module beneath this one, and
//! `tests/forms.txt` gets a line more.

use kinfold_model::first_forms;

use crate::case::Case;

mod piece;

first_forms! {
    Case: "request",
}

#[cfg(test)]
#[path = "../../model/tests/frozen/mod.rs"]
mod frozen;
#[cfg(test)]
mod tests;
