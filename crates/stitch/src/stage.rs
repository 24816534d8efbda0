//! The stage: an [`Op`] in; messages to other partitions, assignments and changes of people out.

use kinfold_model::privacy::{Report, Ruling};
use kinfold_model::{
    Assignment, ChangeRule, Context, Fault, Halt, IdentityChange, Keys, NodeId, Partition, Rules, Stage,
    State,
};

use crate::desk::Desk;
use crate::journal::{Journal, Note};
use crate::op::{Cause, Op};
use crate::protocol::{Law, Step};
use crate::revision::Revision;

/// One partition of stitch.
pub struct Stitch {
    law: Law,
    desk: Desk,
    /// `None` until it was read.
    revision: Option<Revision>,
}

/// What stitch sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stitched {
    /// To a node on another partition.
    Op(Op),
    /// A node's person changed.
    Assigned(Assignment),
    /// A node belongs to nobody any more.
    Unassigned(NodeId),
    /// People changed.
    Changed(IdentityChange),
    /// Somebody asked, so that something that was said does not count any more, or may not be used, or may be again.
    Ruled(Ruling),
    /// For whoever answers for requests.
    Reported(Report),
    /// An identifier begins or ceases to link: for logs and metrics, not for a topic.
    Noted(NodeId, Note),
}

impl Stitch {
    /// `partition` is that of `identity-op`.
    #[must_use]
    pub fn new(keys: Keys, rules: Rules, partition: Partition) -> Self {
        Self { law: Law::new(keys, rules, partition), desk: Desk::default(), revision: None }
    }

    /// How far what is stored was looked at again.
    fn revision(&mut self, state: &mut dyn State) -> Result<Revision, Fault> {
        match self.revision.take() {
            Some(revision) => Ok(revision),
            None => Revision::begin(self.law.version, state),
        }
    }

    fn tell(
        &self,
        mut journal: Journal,
        (away, cause): (Vec<Op>, Cause),
        context: &mut Context<'_, Stitched>,
    ) {
        let output = &mut *context.output;
        output.extend(away.into_iter().map(Stitched::Op));
        let (rulings, reports) = journal.asked_for();
        output.extend(rulings.into_iter().map(Stitched::Ruled));
        output.extend(reports.into_iter().map(Stitched::Reported));
        output.extend(journal.assignments().map(|(node, assignment)| match assignment {
            Some(assignment) => Stitched::Assigned(assignment),
            None => Stitched::Unassigned(node),
        }));
        output.extend(journal.changes(&cause, self.law.version).into_iter().map(Stitched::Changed));
        output.extend(journal.notes().into_iter().map(|(node, note)| Stitched::Noted(node, note)));
    }
}

impl Stage for Stitch {
    type Input = Op;
    type Output = Stitched;

    /// Never refuses: what cannot be right in a message of our own is a fault.
    fn handle(&mut self, op: Op, context: &mut Context<'_, Stitched>) -> Result<(), Halt> {
        self.revision = Some(self.revision(context.state)?);
        let mut journal = Journal::default();
        let cause = op.cause.clone();
        let step = Step::new(&self.law, &mut self.desk, context.state, &mut journal, cause);
        let sent = step.run(op)?;
        self.tell(journal, sent, context);
        Ok(())
    }

    /// Looks again at nodes that earlier rules decided on.
    fn idle(&mut self, most: usize, context: &mut Context<'_, Stitched>) -> Result<Option<f64>, Fault> {
        let mut revision = self.revision(context.state)?;
        if !revision.is_done() {
            // What is on the desk is not in the state yet.
            self.desk.put_away(context.state);
            for id in revision.advance(most, context.state)? {
                let mut journal = Journal::default();
                let cause = Cause { node: id, time: context.now, rule: ChangeRule::Rules, command_id: None };
                let step = Step::new(&self.law, &mut self.desk, context.state, &mut journal, cause);
                let sent = step.run_again(id)?;
                self.tell(journal, sent, context);
            }
        }
        let progress = revision.progress();
        let is_done = revision.is_done();
        self.revision = Some(revision);
        Ok((!is_done).then_some(progress))
    }

    fn finish(&mut self, context: &mut Context<'_, Stitched>) -> Result<(), Fault> {
        self.desk.put_away(context.state);
        Ok(())
    }
}
