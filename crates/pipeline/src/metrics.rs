//! The metrics of every stage: their names, written once, and how a batch is counted.

use std::collections::BTreeSet;
use std::sync::Arc;

use kinfold_capture::Outcome;
use kinfold_letters::Reason;
use kinfold_model::privacy::ReceiptStatus;
use kinfold_model::{FlagKind, RefusalKind, SourceQuality, Timestamp};
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts,
    Registry,
};

use crate::batch::{Batch, Tally};
use crate::port::StageName;
use crate::ports::{FACET_FULL, PROFILE_TRUNCATED, REPEATED, SUPPRESSED};
use crate::record::Origin;

/// Every metric. Names begin with `kinfold_` and end in their unit; labels are bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricName {
    /// Gauge, always 1; label `version`.
    BuildInfo,
    /// Gauge: 1 when every stage of the process is at work.
    Ready,
    /// Counter; labels `stage`, `topic`.
    RecordsConsumed,
    /// Counter; label `stage`.
    RecordsPassed,
    /// Counter; labels `stage`, `kind`.
    RecordsRefused,
    /// Counter; labels `stage`, `topic`.
    RecordsProduced,
    /// Counter; labels `stage`, `outcome`.
    Transactions,
    /// Histogram; label `stage`.
    TransactionSeconds,
    /// Gauge; labels `stage`, `topic`, `partition`.
    ConsumerLag,
    /// Gauge; labels `stage`, `topic`, `partition`.
    HeldBack,
    /// Gauge; label `stage`.
    PartitionsAssigned,
    /// Counter; label `stage`.
    RestoredRecords,
    /// Gauge; labels `stage`, `partition`.
    RestoreRemaining,
    /// Counter; labels `stage`, `kind`.
    Faults,
    /// Gauge; label `stage`.
    LastCommit,
    /// Gauge; label `stage`.
    LastCheckpoint,
    /// Counter; labels `stage`, `note`.
    Notes,
    /// Gauge; labels `stage`, `partition`.
    Revision,
    /// Counter; label `source`.
    SourceRecords,
    /// Counter; label `source`.
    SourcePoints,
    /// Counter; labels `source`, `flag`.
    SourceFlags,
    /// Counter; label `source`.
    SourceDuplicates,
    /// Counter; labels `stage`, `kind`.
    PartsRefused,
    /// Counter; labels `source`, `outcome`.
    Mapped,
    /// Counter; labels `source`, `attribute`.
    AttributesDropped,
    /// Counter; labels `source`, `outcome`.
    SourceReloads,
    /// Gauge; label `source`.
    SourcePaused,
    /// Counter; label `reason`.
    LettersRemoved,
}

impl MetricName {
    /// All metrics.
    pub const ALL: [Self; 28] = [
        Self::BuildInfo,
        Self::Ready,
        Self::RecordsConsumed,
        Self::RecordsPassed,
        Self::RecordsRefused,
        Self::RecordsProduced,
        Self::Transactions,
        Self::TransactionSeconds,
        Self::ConsumerLag,
        Self::HeldBack,
        Self::PartitionsAssigned,
        Self::RestoredRecords,
        Self::RestoreRemaining,
        Self::Faults,
        Self::LastCommit,
        Self::LastCheckpoint,
        Self::Notes,
        Self::Revision,
        Self::SourceRecords,
        Self::SourcePoints,
        Self::SourceFlags,
        Self::SourceDuplicates,
        Self::PartsRefused,
        Self::Mapped,
        Self::AttributesDropped,
        Self::SourceReloads,
        Self::SourcePaused,
        Self::LettersRemoved,
    ];

    /// The name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BuildInfo => "kinfold_build_info",
            Self::Ready => "kinfold_ready",
            Self::RecordsConsumed => "kinfold_records_consumed_total",
            Self::RecordsPassed => "kinfold_records_passed_total",
            Self::RecordsRefused => "kinfold_records_refused_total",
            Self::RecordsProduced => "kinfold_records_produced_total",
            Self::Transactions => "kinfold_transactions_total",
            Self::TransactionSeconds => "kinfold_transaction_seconds",
            Self::ConsumerLag => "kinfold_consumer_lag_records",
            Self::HeldBack => "kinfold_held_back_seconds",
            Self::PartitionsAssigned => "kinfold_partitions_assigned",
            Self::RestoredRecords => "kinfold_restored_records_total",
            Self::RestoreRemaining => "kinfold_restore_remaining_records",
            Self::Faults => "kinfold_faults_total",
            Self::LastCommit => "kinfold_last_commit_timestamp_seconds",
            Self::LastCheckpoint => "kinfold_last_checkpoint_timestamp_seconds",
            Self::Notes => "kinfold_notes_total",
            Self::Revision => "kinfold_revision_ratio",
            Self::SourceRecords => "kinfold_source_records_total",
            Self::SourcePoints => "kinfold_source_points_total",
            Self::SourceFlags => "kinfold_source_flags_total",
            Self::SourceDuplicates => "kinfold_source_duplicates_total",
            Self::PartsRefused => "kinfold_parts_refused_total",
            Self::Mapped => "kinfold_mapped_total",
            Self::AttributesDropped => "kinfold_attributes_dropped_total",
            Self::SourceReloads => "kinfold_source_reloads_total",
            Self::SourcePaused => "kinfold_source_paused",
            Self::LettersRemoved => "kinfold_letters_removed_total",
        }
    }

    fn opts(self) -> Opts {
        let help = match self {
            Self::BuildInfo => "Always 1; the version is in the label.",
            Self::Ready => "1 when every stage of this process is at work, else 0.",
            Self::RecordsConsumed => "Records read, counted when their batch is committed.",
            Self::RecordsPassed => "Records handled without a refusal.",
            Self::RecordsRefused => "Records that became dead letters, by kind of refusal.",
            Self::RecordsProduced => "Records written, changelog not included.",
            Self::Transactions => {
                "Transactions that were committed, and those that failed and were done again (aborted)."
            }
            Self::TransactionSeconds => {
                "Time from handling the first record of a batch to the end of its commit."
            }
            Self::ConsumerLag => {
                "Committed records of the partition that the worker has not been handed yet."
            }
            Self::HeldBack => {
                "How long records have waited behind a last stable offset that stands still: a transaction hangs."
            }
            Self::PartitionsAssigned => "Partitions that this process owns.",
            Self::RestoredRecords => "Changelog records replayed into state.",
            Self::RestoreRemaining => "Changelog records still to be replayed before the partition goes on.",
            Self::Faults => "Faults by kind: kafka_unreachable, kafka, state, other.",
            Self::LastCommit => "Unix time of the last commit; 0 before the first.",
            Self::LastCheckpoint => {
                "Unix time of the commit in the last copy of a store; 0 before the first."
            }
            Self::Notes => "What operators want to hear of, by stage and note; docs/metrics.md lists them.",
            Self::PartsRefused => {
                "Further refusals of parts of a record that is already counted as refused, by kind."
            }
            Self::Mapped => {
                "What mappings made: touchpoint, refused, or nothing for records that are about nobody."
            }
            Self::AttributesDropped => "Attributes that a source may not pass on, by name, special or other.",
            Self::SourceReloads => {
                "Sources that were read again on SIGHUP: replaced, or kept because of a fault."
            }
            Self::SourcePaused => {
                "Workers of this process that do not read raw.<source>, because too much of it was refused."
            }
            Self::LettersRemoved => {
                "Records whose dead letters were removed without being asked: for an erasure, or by the retention of their source."
            }
            Self::Revision => {
                "How much of the stored state was looked at again under the settings of now, 0 to 1."
            }
            Self::SourceRecords => "Records of raw.<source> that became touchpoints or were refused.",
            Self::SourcePoints => {
                "Points of these records: 100 for a touchpoint without flags, 0 for a refused record. Over the records it \
                 is the score of the source."
            }
            Self::SourceFlags => "Touchpoints of raw.<source> that have a flag of this kind.",
            Self::SourceDuplicates => {
                "Touchpoints that had come before, by the source that they name; other where the deployment has no such source."
            }
        };
        Opts::new(self.as_str(), help)
    }
}

/// The kinds of faults, as the label `kind` of [`MetricName::Faults`] has them.
pub const FAULT_KINDS: [&str; 4] = ["kafka_unreachable", "kafka", "state", "other"];

/// The metrics of one process.
#[derive(Clone)]
pub struct Metrics {
    /// For `/metrics`.
    pub registry: Registry,
    /// Of the process.
    pub ready: Gauge,
    consumed: IntCounterVec,
    passed: IntCounterVec,
    refused: IntCounterVec,
    produced: IntCounterVec,
    transactions: IntCounterVec,
    transaction_seconds: HistogramVec,
    /// By stage, topic and partition.
    pub lag: IntGaugeVec,
    /// By stage, topic and partition.
    pub held_back: IntGaugeVec,
    assigned: IntGaugeVec,
    restored: IntCounterVec,
    /// By stage and partition.
    pub restore_remaining: IntGaugeVec,
    faults: IntCounterVec,
    last_commit: GaugeVec,
    last_checkpoint: GaugeVec,
    notes: IntCounterVec,
    parts_refused: IntCounterVec,
    mapped: IntCounterVec,
    dropped: IntCounterVec,
    reloads: IntCounterVec,
    paused: IntGaugeVec,
    letters_removed: IntCounterVec,
    /// By stage and partition.
    pub revision: GaugeVec,
    source_records: IntCounterVec,
    source_points: IntCounterVec,
    source_flags: IntCounterVec,
    source_duplicates: IntCounterVec,
    /// Those of the deployment.
    sources: Arc<BTreeSet<String>>,
}

/// Stands for the sources that touchpoints name and the deployment does not have.
const OTHER: &str = "other";

impl Metrics {
    /// Registers every metric for the stages of a process, at zero: a rate needs a first value.
    ///
    /// # Errors
    /// Only when a name or a label is illegal, which a test excludes.
    pub fn new(version: &str, stages: &[StageName]) -> Result<Self, prometheus::Error> {
        use MetricName as M;
        let registry = Registry::new();
        let counter = |name: M, labels: &[&str]| {
            let vec = IntCounterVec::new(name.opts(), labels)?;
            registry.register(Box::new(vec.clone())).map(|()| vec)
        };
        let gauge = |name: M, labels: &[&str]| {
            let vec = IntGaugeVec::new(name.opts(), labels)?;
            registry.register(Box::new(vec.clone())).map(|()| vec)
        };
        let build = gauge(M::BuildInfo, &["version"])?;
        build.with_label_values(&[version]).set(1);
        let ready = Gauge::with_opts(M::Ready.opts())?;
        registry.register(Box::new(ready.clone()))?;
        let last_commit = GaugeVec::new(M::LastCommit.opts(), &["stage"])?;
        registry.register(Box::new(last_commit.clone()))?;
        let last_checkpoint = GaugeVec::new(M::LastCheckpoint.opts(), &["stage"])?;
        registry.register(Box::new(last_checkpoint.clone()))?;
        let revision = GaugeVec::new(M::Revision.opts(), &["stage", "partition"])?;
        registry.register(Box::new(revision.clone()))?;
        let buckets = vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
        let seconds = HistogramOpts::from(M::TransactionSeconds.opts()).buckets(buckets);
        let transaction_seconds = HistogramVec::new(seconds, &["stage"])?;
        registry.register(Box::new(transaction_seconds.clone()))?;
        let metrics = Self {
            ready,
            consumed: counter(M::RecordsConsumed, &["stage", "topic"])?,
            passed: counter(M::RecordsPassed, &["stage"])?,
            refused: counter(M::RecordsRefused, &["stage", "kind"])?,
            produced: counter(M::RecordsProduced, &["stage", "topic"])?,
            transactions: counter(M::Transactions, &["stage", "outcome"])?,
            transaction_seconds,
            lag: gauge(M::ConsumerLag, &["stage", "topic", "partition"])?,
            held_back: gauge(M::HeldBack, &["stage", "topic", "partition"])?,
            assigned: gauge(M::PartitionsAssigned, &["stage"])?,
            restored: counter(M::RestoredRecords, &["stage"])?,
            restore_remaining: gauge(M::RestoreRemaining, &["stage", "partition"])?,
            faults: counter(M::Faults, &["stage", "kind"])?,
            last_commit,
            last_checkpoint,
            notes: counter(M::Notes, &["stage", "note"])?,
            parts_refused: counter(M::PartsRefused, &["stage", "kind"])?,
            mapped: counter(M::Mapped, &["source", "outcome"])?,
            dropped: counter(M::AttributesDropped, &["source", "attribute"])?,
            reloads: counter(M::SourceReloads, &["source", "outcome"])?,
            paused: gauge(M::SourcePaused, &["source"])?,
            letters_removed: counter(M::LettersRemoved, &["reason"])?,
            revision,
            source_records: counter(M::SourceRecords, &["source"])?,
            source_points: counter(M::SourcePoints, &["source"])?,
            source_flags: counter(M::SourceFlags, &["source", "flag"])?,
            source_duplicates: counter(M::SourceDuplicates, &["source"])?,
            sources: Arc::default(),
            registry,
        };
        stages.iter().for_each(|stage| metrics.begin_at_zero(stage.as_str()));
        if stages.contains(&StageName::Capture) {
            Reason::ALL.into_iter().for_each(|reason| metrics.letters_removed(reason, 0));
        }
        if stages.contains(&StageName::Facets) {
            metrics.source_duplicates.with_label_values(&[OTHER]);
        }
        Ok(metrics)
    }

    /// The same, of a deployment that has these sources.
    #[must_use]
    pub fn with_sources(self, sources: &[String]) -> Self {
        Self { sources: Arc::new(sources.iter().cloned().collect()), ..self }
    }

    fn begin_at_zero(&self, stage: &str) {
        self.passed.with_label_values(&[stage]);
        self.assigned.with_label_values(&[stage]);
        self.restored.with_label_values(&[stage]);
        self.last_commit.with_label_values(&[stage]);
        self.last_checkpoint.with_label_values(&[stage]);
        self.transaction_seconds.with_label_values(&[stage]);
        if stage == StageName::Stitch.as_str() {
            for note in kinfold_stitch::Note::ALL {
                self.notes.with_label_values(&[stage, note.as_str()]);
            }
        }
        if stage == StageName::Facets.as_str() {
            for note in [REPEATED, SUPPRESSED, FACET_FULL] {
                self.notes.with_label_values(&[stage, note]);
            }
        }
        if stage == StageName::People.as_str() {
            self.notes.with_label_values(&[stage, PROFILE_TRUNCATED]);
        }
        if stage == StageName::Privacy.as_str() {
            for status in ReceiptStatus::ALL {
                self.notes.with_label_values(&[stage, status.as_str()]);
            }
        }
        for kind in RefusalKind::ALL {
            self.refused.with_label_values(&[stage, kind.as_str()]);
            self.parts_refused.with_label_values(&[stage, kind.as_str()]);
        }
        for outcome in ["committed", "aborted"] {
            self.transactions.with_label_values(&[stage, outcome]);
        }
        for kind in FAULT_KINDS {
            self.faults.with_label_values(&[stage, kind]);
        }
    }

    /// Counts a batch that was committed at this time. Consumed, passed and refused rise together, so that
    /// they agree in every scrape but one that falls between two lines of this function.
    pub fn committed<'b>(
        &self,
        stage: StageName,
        batches: impl IntoIterator<Item = &'b Batch>,
        now: Timestamp,
    ) {
        let stage = stage.as_str();
        for batch in batches {
            for (origin, count) in &batch.tally.consumed {
                self.consumed.with_label_values(&[stage, &origin.to_string()]).inc_by(*count);
            }
            self.passed.with_label_values(&[stage]).inc_by(batch.tally.passed);
            for (kind, count) in &batch.tally.refused {
                self.refused.with_label_values(&[stage, kind.as_str()]).inc_by(*count);
            }
            for (note, count) in &batch.tally.notes {
                self.notes.with_label_values(&[stage, note]).inc_by(*count);
            }
            self.count_sources(stage, &batch.tally);
            for output in &batch.outputs {
                self.produced.with_label_values(&[stage, &*output.topic_name()]).inc();
            }
        }
        self.transactions.with_label_values(&[stage, "committed"]).inc();
        self.last_commit.with_label_values(&[stage]).set(now.millis() as f64 / 1000.0);
    }

    /// Counts what sources sent, and what their mappings made of it.
    fn count_sources(&self, stage: &str, tally: &Tally) {
        for ((origin, name), quality) in &tally.sources {
            match origin {
                Origin::Raw(source) => self.appraised(source, quality),
                Origin::Topic(_) => self.repeated(name, quality.duplicates),
            }
        }
        for (kind, count) in &tally.parts_refused {
            self.parts_refused.with_label_values(&[stage, kind.as_str()]).inc_by(*count);
        }
        for ((source, outcome), count) in &tally.mapped {
            self.mapped.with_label_values(&[source.as_str(), outcome.as_str()]).inc_by(*count);
        }
        for ((source, attribute), count) in &tally.dropped {
            self.dropped.with_label_values(&[source, attribute]).inc_by(*count);
        }
    }

    /// Counts what a source sent; its name is that of its topic, for no record chooses a label.
    fn appraised(&self, source: &str, quality: &SourceQuality) {
        self.source_records.with_label_values(&[source]).inc_by(quality.records());
        self.source_points.with_label_values(&[source]).inc_by(quality.points);
        for kind in FlagKind::ALL {
            let count = quality.flags.get(&kind).copied().unwrap_or_default();
            self.source_flags.with_label_values(&[source, kind.as_str()]).inc_by(count);
        }
    }

    /// Counts touchpoints that had come before. No record chooses a label: what it names has to be a source of the deployment.
    fn repeated(&self, name: &str, count: u64) {
        let source = self.sources.get(name).map_or(OTHER, String::as_str);
        self.source_duplicates.with_label_values(&[source]).inc_by(count);
    }

    /// Notes that a copy of a store, as of this time, was saved elsewhere.
    pub fn saved(&self, stage: StageName, time: Timestamp) {
        self.last_checkpoint.with_label_values(&[stage.as_str()]).set(time.millis() as f64 / 1000.0);
    }

    /// Counts a batch that was undone.
    pub fn aborted(&self, stage: StageName) {
        self.transactions.with_label_values(&[stage.as_str(), "aborted"]).inc();
    }

    /// Counts a source that was read again: whether it was replaced.
    pub fn reloaded(&self, source: &str, replaced: bool) {
        let outcome = if replaced { "replaced" } else { "kept" };
        self.reloads.with_label_values(&[source, outcome]).inc();
    }

    /// Begins the counts of a source at zero.
    pub fn knows(&self, source: &str) {
        for outcome in Outcome::ALL {
            self.mapped.with_label_values(&[source, outcome.as_str()]);
        }
    }

    /// Counts workers that hold a source, by the difference; 0 for a source that is about to be read.
    pub fn source_held(&self, source: &str, difference: i64) {
        self.paused.with_label_values(&[source]).add(difference);
    }

    /// Counts records whose dead letters were removed.
    pub fn letters_removed(&self, reason: Reason, count: u64) {
        self.letters_removed.with_label_values(&[reason.as_str()]).inc_by(count);
    }

    /// A partition is another's from now on, who tells of its restore.
    pub fn left(&self, stage: StageName, partition: u32) {
        let labels = [stage.as_str(), &partition.to_string()];
        // One that was never set is not there.
        drop(self.restore_remaining.remove_label_values(&labels));
        drop(self.revision.remove_label_values(&labels));
    }

    /// Counts a fault; `kind` is one of [`FAULT_KINDS`].
    pub fn fault(&self, stage: StageName, kind: &'static str) {
        self.faults.with_label_values(&[stage.as_str(), kind]).inc();
    }

    /// The clock of transactions.
    #[must_use]
    pub fn transaction_seconds(&self, stage: StageName) -> Histogram {
        self.transaction_seconds.with_label_values(&[stage.as_str()])
    }

    /// How many records of the changelog were replayed.
    #[must_use]
    pub fn restored(&self, stage: StageName) -> IntCounter {
        self.restored.with_label_values(&[stage.as_str()])
    }

    /// Sets how many partitions a worker owns, by the difference.
    pub fn assigned(&self, stage: StageName, difference: i64) {
        self.assigned.with_label_values(&[stage.as_str()]).add(difference);
    }
}

#[cfg(test)]
mod tests {
    use kinfold_model::Flag;

    use super::*;

    #[test]
    fn every_metric_has_a_prefix_a_name_of_its_own_and_is_registered() {
        let metrics = Metrics::new("1", &StageName::ALL).expect("names are legal");
        metrics.consumed.with_label_values(&["capture", "raw.web"]);
        metrics.produced.with_label_values(&["capture", "touchpoint"]);
        metrics.lag.with_label_values(&["capture", "raw.web", "0"]);
        metrics.held_back.with_label_values(&["capture", "raw.web", "0"]);
        metrics.restore_remaining.with_label_values(&["stitch", "0"]);
        metrics.revision.with_label_values(&["stitch", "0"]);
        metrics.appraised("web", &SourceQuality::default());
        metrics.parts_refused.with_label_values(&["capture", "unmappable"]);
        metrics.knows("web");
        metrics.dropped.with_label_values(&["web", "other"]);
        metrics.reloaded("web", true);
        metrics.source_held("web", 0);
        let registered: Vec<String> =
            metrics.registry.gather().iter().map(|family| family.name().to_owned()).collect();
        let mut names: Vec<String> = MetricName::ALL.iter().map(|name| name.as_str().to_owned()).collect();
        names.sort();
        assert_eq!(registered, names);
        assert!(names.iter().all(|name| name.starts_with("kinfold_")));
    }

    #[test]
    fn a_source_is_counted_by_its_topic_and_never_by_what_a_record_says() {
        let metrics = Metrics::new("1", &StageName::ALL).expect("names are legal");
        let metrics = metrics.with_sources(&["web".to_owned()]);
        let mut batch = Batch::default();
        for name in ["shop", "ann@example.org"] {
            let quality = batch.tally.source(&Origin::Raw("web".into()), name);
            quality.touchpoint(&[Flag { kind: FlagKind::Stale, member: "time".to_owned() }]);
            quality.refusal(RefusalKind::BadTime);
        }
        for (name, count) in [("till", 3), ("web", 4), ("ann@example.org", 5)] {
            batch.tally.source(&Origin::Topic(kinfold_wire::Topic::Touchpoint), name).duplicates = count;
        }
        metrics.committed(StageName::Capture, [&batch], Timestamp::default());
        let of = |vec: &IntCounterVec, labels: &[&str]| vec.with_label_values(labels).get();
        assert_eq!(of(&metrics.source_records, &["web"]), 4);
        assert_eq!(of(&metrics.source_points, &["web"]), 160);
        assert_eq!(of(&metrics.source_flags, &["web", "stale"]), 2);
        let repeated = ["web", "other"].map(|source| of(&metrics.source_duplicates, &[source]));
        assert_eq!(repeated, [4, 8]);
        let families = metrics.registry.gather();
        let labels =
            families.iter().flat_map(|family| family.get_metric()).flat_map(|metric| metric.get_label());
        assert!(labels.map(|label| label.value()).all(|value| !value.contains('@') && value != "till"));
    }
}
