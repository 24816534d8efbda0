//! The stage: a record goes in, and touchpoints are sent, or refusals.
//!
//! Canonical JSON gives one touchpoint. A record of a source that has a mapping may give many, or none, and each of its parts
//! passes or is refused by itself. The same record at the same time gives the same, in every process that has the same
//! secret, rules and sources.

use std::collections::BTreeSet;
use std::sync::Arc;

use kinfold_mapping::{Source, Sources, Value};
use kinfold_model::{
    BlockList, Context, Fault, Halt, Keys, NodeId, Refusal, Rules, Stage, Timestamp, Touchpoint,
    TouchpointIdentifier,
};

use crate::block::Blocks;
use crate::captured::{Captured, RawRecord, SourceTally};
use crate::identify::Found;
use crate::normalise::attributes::{self, Given};
use crate::quality::{self, Judgement};
use crate::settings::Settings;
use crate::signals::{self, Reading};
use crate::{identify, json, normalise, validate};

/// Turns records into touchpoints. Cheap to clone: one for each partition.
#[derive(Clone)]
pub struct Capture(Arc<Fixed>);

struct Fixed {
    keys: Keys,
    rules: Rules,
    blocks: Blocks,
    settings: Settings,
    /// `None`: every record is canonical.
    sources: Option<Arc<Sources>>,
}

impl Capture {
    /// The keys of the deployment, the rules of its namespaces, and what the operator chose, also of consent signals.
    #[must_use]
    pub fn new(keys: Keys, rules: Rules, settings: Settings) -> Self {
        let blocks = Blocks::new(&rules);
        let settings = Settings { signals: signals::composed(settings.signals), ..settings };
        Self(Arc::new(Fixed { keys, rules, blocks, settings, sources: None }))
    }

    /// The same without block lists, which refuse what is blocked: people speak about just that.
    #[must_use]
    pub fn unblocked(keys: Keys, mut rules: Rules, settings: Settings) -> Self {
        rules.block = BlockList::default();
        rules.namespaces.values_mut().for_each(|of_namespace| of_namespace.block = BlockList::default());
        Self::new(keys, rules, settings)
    }

    /// The same, with mappings for some sources.
    #[must_use]
    pub fn with_sources(self, sources: Arc<Sources>) -> Self {
        let Fixed { keys, rules, settings, .. } = &*self.0;
        let (keys, rules, settings) = (keys.clone(), rules.clone(), settings.clone());
        let blocks = Blocks::new(&rules);
        Self(Arc::new(Fixed { keys, rules, blocks, settings, sources: Some(sources) }))
    }

    /// The touchpoint that a record of canonical JSON states. `now` is the time of the record in its log.
    ///
    /// # Errors
    /// A refusal that names the member at fault and the remedy; it holds no value of the record.
    pub fn touchpoint(&self, record: &[u8], now: Timestamp) -> Result<Touchpoint, Refusal> {
        let id = || self.0.keys.touchpoint_id(record);
        self.stated(json::parse(record)?, id, now)
    }

    /// The touchpoint that a mapped value states; `id` is its id if it states none.
    ///
    /// # Errors
    /// As [`Capture::touchpoint`].
    pub fn mapped(
        &self,
        value: &Value,
        id: impl FnOnce() -> String,
        now: Timestamp,
    ) -> Result<Touchpoint, Refusal> {
        self.stated(json::of_value(value)?, id, now)
    }

    /// The source that a record of canonical JSON names, also one that is refused; `None` when it names none that can be read.
    #[must_use]
    pub fn source(record: &[u8]) -> Option<String> {
        validate::source(json::parse(record).ok()?)
    }

    /// Whether records of this source go through a mapping.
    #[must_use]
    pub fn is_mapped(&self, source: &str) -> bool {
        self.0.sources.as_ref().is_some_and(|sources| sources.get(source).is_some())
    }

    /// The node of an identifier that somebody names outside a touchpoint, as the one of a list at `index`. What is blocked can
    /// be named.
    ///
    /// # Errors
    /// As [`Capture::touchpoint`].
    pub fn node(&self, namespace: &str, value: &str, index: usize) -> Result<NodeId, Refusal> {
        let Fixed { keys, rules, settings, .. } = &*self.0;
        let identifier = normalise::named((namespace, value), index, rules, settings)?;
        Ok(keys.identifier(&identifier, rules))
    }

    /// The latest time that a touchpoint may have whose record is written to the log now, or was before.
    #[must_use]
    pub fn latest(&self, now: Timestamp) -> Timestamp {
        now.plus_millis(self.0.settings.max_future_ms)
    }

    /// Whether the block lists hold this identifier, whose value is normalised: it stays in its touchpoint, and says
    /// nothing about anybody.
    #[must_use]
    pub fn is_blocked(&self, identifier: &TouchpointIdentifier) -> bool {
        self.0.blocks.hold(&identifier.namespace, &identifier.value)
    }

    fn stated(
        &self,
        parsed: json::Json<'_>,
        id: impl FnOnce() -> String,
        now: Timestamp,
    ) -> Result<Touchpoint, Refusal> {
        let Fixed { keys, rules, blocks, settings, .. } = &*self.0;
        let mut stated = validate::record(parsed, settings, now)?;
        let mut flags = BTreeSet::new();
        let given = Given { time: stated.time, cleaning: &settings.cleaning };
        attributes::clean(&mut stated.attributes, &given, &mut flags);
        let reading = Reading { rules: &settings.signals, latest: now.plus_millis(settings.max_future_ms) };
        signals::read(&mut stated, &reading, &mut flags)?;
        let identifiers = normalise::identifiers(&mut stated, rules, settings)?;
        blocks.check(&identifiers)?;
        quality::judge(&stated, &identifiers, &Judgement { rules, settings, now }, &mut flags);
        let found = Found { identifiers, flags: quality::bounded(flags) };
        stated.touchpoint_id.get_or_insert_with(id);
        Ok(identify::touchpoint(stated, found, rules, keys))
    }

    fn mapping(&self, record: &RawRecord) -> Option<Arc<Source>> {
        self.0.sources.as_ref()?.get(record.source.as_deref()?)
    }

    fn map(&self, source: &Source, record: &[u8], context: &mut Context<'_, Captured>) {
        let mut tally = SourceTally { source: source.name().to_owned(), ..SourceTally::default() };
        match source.map(record) {
            Ok(mapped) => {
                let batch = mapped.is_batch;
                tally.dropped = mapped.dropped_labels(source.allow());
                // The record is hashed once, however many touchpoints it gives.
                let mut hash = None;
                for (index, part) in mapped.parts.iter().enumerate() {
                    let id = || {
                        let hash = hash.get_or_insert_with(|| self.0.keys.touchpoint_id(record));
                        self.0.keys.touchpoint_id(format!("{hash}/{index}").as_bytes())
                    };
                    let made = part.made.as_ref().map_err(Refusal::clone).and_then(|value| {
                        let made = self.mapped(value, id, context.now);
                        made.map_err(|refusal| part.refused(batch, refusal))
                    });
                    match made {
                        Ok(touchpoint) => {
                            tally.touchpoints += 1;
                            context.send(touchpoint);
                        }
                        Err(refusal) => {
                            tally.refused += 1;
                            context.send(Captured::Refused(refusal));
                        }
                    }
                }
            }
            Err(refusal) => {
                tally.refused += 1;
                context.send(Captured::Refused(refusal));
            }
        }
        context.send(Captured::Mapped(tally));
    }
}

impl Stage for Capture {
    type Input = RawRecord;
    type Output = Captured;

    fn handle(&mut self, record: RawRecord, context: &mut Context<'_, Captured>) -> Result<(), Halt> {
        match self.mapping(&record) {
            Some(source) => self.map(&source, &record.bytes, context),
            None => {
                let touchpoint = self.touchpoint(&record.bytes, context.now)?;
                context.send(touchpoint);
            }
        }
        Ok(())
    }

    /// Nothing is held back, so nothing is left to send.
    fn finish(&mut self, _: &mut Context<'_, Captured>) -> Result<(), Fault> {
        Ok(())
    }
}
