//! The stage: a record goes in, one touchpoint is sent, or the record is refused.
//!
//! The same record at the same time gives the same touchpoint, in every process that has the same secret and rules.

use std::collections::BTreeSet;
use std::sync::Arc;

use kinfold_model::{
    Context, Fault, Halt, Keys, Refusal, Rules, Stage, Timestamp, Touchpoint, TouchpointIdentifier,
};

use crate::block::Blocks;
use crate::identify::Found;
use crate::normalise::attributes::{self, Given};
use crate::quality::{self, Judgement};
use crate::settings::Settings;
use crate::{identify, json, normalise, validate};

/// Turns records into touchpoints. Cheap to clone: one for each partition.
#[derive(Clone)]
pub struct Capture(Arc<Fixed>);

struct Fixed {
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
        Self(Arc::new(Fixed { keys, rules, blocks, settings }))
    }

    /// The touchpoint that a record states. `now` is the time of the record in its log.
    ///
    /// # Errors
    /// A refusal that names the member at fault and the remedy; it holds no value of the record.
    pub fn touchpoint(&self, record: &[u8], now: Timestamp) -> Result<Touchpoint, Refusal> {
        let Fixed { keys, rules, blocks, settings } = &*self.0;
        let parsed = json::parse(record)?;
        let mut stated = validate::record(parsed, settings, now)?;
        let mut flags = BTreeSet::new();
        let given = Given { time: stated.time, cleaning: &settings.cleaning };
        attributes::clean(&mut stated.attributes, &given, &mut flags);
        let identifiers = normalise::identifiers(&mut stated, rules, settings)?;
        blocks.check(&identifiers)?;
        quality::judge(&stated, &identifiers, &Judgement { rules, settings, now }, &mut flags);
        let found = Found { identifiers, flags: quality::bounded(flags) };
        Ok(identify::touchpoint(stated, found, rules, &identify::Origin { keys, record }))
    }

    /// The source that a record names, also one that is refused; `None` when it names none that can be read.
    #[must_use]
    pub fn source(record: &[u8]) -> Option<String> {
        validate::source(json::parse(record).ok()?)
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
