//! What of requests is kept, and so has forms by number: the values of the tables.
//!
//! When one of them changes, what it was becomes its older form, as a type of its own in a module beneath this one, and
//! `tests/forms.txt` gets a line more.

use kinfold_model::first_forms;

use crate::case::{Case, Piece};

first_forms! {
    Case: "request",
    Piece: "request.piece",
}

#[cfg(test)]
#[path = "../../model/tests/frozen/mod.rs"]
mod frozen;
#[cfg(test)]
mod tests;
