//! The stage: a record goes in, one touchpoint is sent, or the record is refused.
//!
//! The same record at the same time gives the same touchpoint, in every process that has the same secret and rules.

use std::sync::Arc;

use kinfold_model::{
    Context, Fault, Halt, Keys, Refusal, Rules, Stage, Timestamp, Touchpoint, TouchpointIdentifier,
};

use crate::block::Blocks;
use crate::settings::Settings;
use crate::{identify, json, normalise, validate};

/// Turns records into touchpoints. Cheap to clone: one for each partition.
#[derive(Clone)]
pub struct Capture(Arc<Given>);

struct Given {
    keys: Keys,
    rules: Rules,
    blocks: Blocks,
    settings: Settings,
}

impl Capture {
    /// The keys of the deployment, the rules of its namespaces, and what the operator chose.
    #[must_use]
    pub fn new(keys: Keys, rules: Rules, settings: Settings) -> Self {
        let blocks = Blocks::new(&rules);
        Self(Arc::new(Given { keys, rules, blocks, settings }))
    }

    /// The touchpoint that a record states. `now` is the time of the record in its log.
    ///
    /// # Errors
    /// A refusal that names the member at fault and the remedy; it holds no value of the record.
    pub fn touchpoint(&self, record: &[u8], now: Timestamp) -> Result<Touchpoint, Refusal> {
        let Given { keys, rules, blocks, settings } = &*self.0;
        let parsed = json::parse(record)?;
        let mut stated = validate::record(parsed, settings, now)?;
        let identifiers = normalise::identifiers(&mut stated, rules, settings)?;
        blocks.check(&identifiers)?;
        Ok(identify::touchpoint(stated, identifiers, rules, &identify::Origin { keys, record }))
    }

    /// Whether the block lists hold this identifier, whose value is normalised: it stays in its touchpoint, and says
    /// nothing about anybody.
    #[must_use]
    pub fn is_blocked(&self, identifier: &TouchpointIdentifier) -> bool {
        self.0.blocks.hold(&identifier.namespace, &identifier.value)
    }
}

impl Stage for Capture {
    type Input = Vec<u8>;
    type Output = Touchpoint;

    fn handle(&mut self, record: Vec<u8>, context: &mut Context<'_, Touchpoint>) -> Result<(), Halt> {
        let touchpoint = self.touchpoint(&record, context.now)?;
        context.send(touchpoint);
        Ok(())
    }

    /// Nothing is held back, so nothing is left to send.
    fn finish(&mut self, _: &mut Context<'_, Touchpoint>) -> Result<(), Fault> {
        Ok(())
    }
}
