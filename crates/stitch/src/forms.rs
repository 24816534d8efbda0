//! What of identity is kept or sent for long, and so has forms by number: the values of the tables, and the record of
//! `identity-op`.
//!
//! When one of them changes, what it was becomes its older form, as a type of its own in a module beneath this one, and
//! `tests/forms.txt` gets a line more. Of a command the form is the model's.

use kinfold_model::first_forms;

use crate::component::Member;
use crate::folder::Header;
use crate::node::{Link, Node};
use crate::op::Op;
use crate::revision::Revision;

first_forms! {
    Node: "identity.node",
    Link: "identity.link",
    Header: "identity.component",
    Member: "identity.member",
    Revision: "identity.revision",
    Op: "identity-op",
}

#[cfg(test)]
#[path = "../../model/tests/frozen/mod.rs"]
mod frozen;
#[cfg(test)]
mod tests;
