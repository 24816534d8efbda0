//! What of profiles is kept or sent for long, and so has forms by number: the structures of a facet, the facet, the values of the
//! tables, and the record of `profile-facet`.
//!
//! Each of them changes by itself. When one does, what it was becomes its older form, as a type of its own in a module beneath
//! this one, and `tests/forms.txt` gets a line more. A structure within one of them that has no number of its own changes with
//! what it stands in: values, tallies and marks with attributes, reports with orders.

use kinfold_model::first_forms;

use crate::activity::Activity;
use crate::attributes::Attributes;
use crate::counted::Counted;
use crate::counts::Counts;
use crate::decisions::Decisions;
use crate::delivery::Deliveries;
use crate::facet::Facet;
use crate::facets::{Node, PeopleInput};
use crate::named::Named;
use crate::orders::Orders;
use crate::people::{Held, Publication};
use crate::revision::Revision;
use crate::span::{Carried, Span};
use crate::timeline::Timeline;

first_forms! {
    Span: "facet.span",
    Counts: "facet.counts",
    Named<Span>: "facet.channel_seen",
    Activity: "facet.activity",
    Timeline: "facet.timeline",
    Carried: "facet.identifiers",
    Attributes: "facet.attributes",
    Orders: "facet.orders",
    Decisions: "facet.consents",
    Deliveries: "facet.deliveries",
    Facet: "facet",
    Node: "node",
    Counted: "seen",
    Held: "member",
    Publication: "publication",
    Revision: "revision",
    PeopleInput: "profile-facet",
}

#[cfg(test)]
#[path = "../../model/tests/frozen/mod.rs"]
mod frozen;
#[cfg(test)]
mod tests;
