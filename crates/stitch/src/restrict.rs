//! Somebody asks that what is known of them be used for nothing, or that it may be used again. In: an identifier that a request names.
//! Out: word to facets, for each identifier that restricts its person from now on, or does so no more.
//!
//! Nothing of the graph changes, and nothing is kept here. Facets keeps a restriction at the identifier, and it goes with it to whoever
//! the identifier belongs to: a merge restricts both, and a split leaves it with whoever holds one that is restricted.

use kinfold_model::privacy::{Confirmation, Finding, Restriction};
use kinfold_model::{Fault, NodeId, PersonId};

use crate::erase::Theirs;
use crate::protocol::Step;

impl Step<'_> {
    /// Restricts the person to whom this identifier belongs, or lifts that.
    ///
    /// A restriction stands at this identifier and at all that are the person's alone, so that it stays with them when one of these
    /// becomes somebody else's or nobody's. It is not put where others could be restricted by it unless it was asked for. It is lifted
    /// at all that are theirs, by whichever the person is named.
    pub(crate) fn restrict_person(&mut self, root: NodeId, restriction: &Restriction) -> Result<(), Fault> {
        let (law, id, stands) = (self.law, restriction.node, restriction.stands);
        let Theirs { person, identifiers } = Theirs::of(id, self.component(root)?, &law.rules);
        let is_meant = |(node, is_claimed): &(NodeId, bool)| !stands || !is_claimed || *node == id;
        let asked = identifiers.into_iter().filter(is_meant).map(|(node, _)| node).collect();
        self.rule(person, asked, restriction);
        Ok(())
    }

    /// Tells facets of each of these identifiers, and who asked that they were found.
    pub(crate) fn rule(&mut self, person: Option<PersonId>, asked: Vec<NodeId>, restriction: &Restriction) {
        let ticket = &restriction.ticket;
        for node in asked.iter().copied() {
            self.journal.restricted(Restriction { node, ..restriction.clone() });
            self.journal.report(ticket.confirm(node, Confirmation::Stitch { asked: 0, is_new: true }));
        }
        let identifier = ticket.asked_by;
        self.tell_of(ticket, Finding::Resolved { identifier, person, asked, was_erased: false });
    }
}
