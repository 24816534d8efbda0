//! The stage: an [`Op`] in; messages to other partitions, assignments and changes of people out.

use kinfold_model::{Assignment, Context, Fault, Halt, IdentityChange, Keys, Partition, Rules, Stage};

use crate::desk::Desk;
use crate::journal::Journal;
use crate::op::Op;
use crate::protocol::{Law, Step};

/// One partition of stitch.
pub struct Stitch {
    law: Law,
    desk: Desk,
}

/// What stitch sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stitched {
    /// To a node on another partition.
    Op(Op),
    /// A node's person changed.
    Assigned(Assignment),
    /// People changed.
    Changed(IdentityChange),
}

impl Stitch {
    /// `partition` is that of `identity-op`.
    #[must_use]
    pub fn new(keys: Keys, rules: Rules, partition: Partition) -> Self {
        Self { law: Law { keys, rules, partition }, desk: Desk::default() }
    }
}

impl Stage for Stitch {
    type Input = Op;
    type Output = Stitched;

    /// Never refuses: what cannot be right in a message of our own is a fault.
    fn handle(&mut self, op: Op, context: &mut Context<'_, Stitched>) -> Result<(), Halt> {
        let mut journal = Journal::default();
        let cause = op.cause;
        let step = Step::new(&self.law, &mut self.desk, context.state, &mut journal, cause);
        let away = step.run(op)?;
        context.output.extend(away.into_iter().map(Stitched::Op));
        context.output.extend(journal.assignments().map(Stitched::Assigned));
        context.output.extend(journal.changes(cause).into_iter().map(Stitched::Changed));
        Ok(())
    }

    fn finish(&mut self, context: &mut Context<'_, Stitched>) -> Result<(), Fault> {
        self.desk.put_away(context.state);
        Ok(())
    }
}
