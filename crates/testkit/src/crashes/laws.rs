//! What has to be true when everything has come to rest.

use std::collections::BTreeMap;

use kinfold_pipeline::{OutRecord, StageName};
use kinfold_wire::{Topic, Trace};

use super::machine::Machine;
use crate::cluster::Cluster;
use crate::simulation::{Map, Outcome, graph};

/// Each store of a partition that is at work holds what its changelog says.
pub(super) fn stores_are_folds(cluster: &Cluster, machine: &Machine) -> Result<(), String> {
    let (stage, number) = machine.member;
    if !stage.is_stateful() {
        return Ok(());
    }
    for partition in machine.board.at_work() {
        if let Some(how) = cluster.difference((stage, partition), &machine.disks.content(partition)) {
            return Err(format!("at rest, the store of {stage} {partition} on machine {number} {how}"));
        }
    }
    Ok(())
}

/// A partition of which part of a transaction was committed without the rest stands still, for somebody to look at.
pub(super) fn nothing_torn_is_at_work(cluster: &Cluster, machine: &Machine) -> Result<(), String> {
    let (stage, number) = machine.member;
    let torn = |partition: &u32| stage.is_stateful() && cluster.is_torn_at((stage, *partition));
    match machine.board.at_work().into_iter().find(torn) {
        Some(partition) => Err(format!("{stage} {partition} was torn, and is at work on machine {number}")),
        None => Ok(()),
    }
}

/// What there is at the end, if each raw record became one touchpoint or one refusal.
pub(super) fn outcome(cluster: &Cluster) -> Result<Outcome, String> {
    let topics = Topic::ALL.into_iter().chain([Topic::ProfileOutput]);
    let written: BTreeMap<Topic, Vec<OutRecord>> =
        topics.map(|topic| (topic, cluster.committed(topic))).collect();
    let mut became: BTreeMap<String, usize> =
        cluster.raw_traces().iter().map(|trace| (trace.to_string(), 0)).collect();
    let letters = written[&Topic::TouchpointRefused].iter().filter(|record| record.value.is_some());
    for record in written[&Topic::Touchpoint].iter().chain(letters) {
        let trace: Trace = record.trace;
        *became.entry(trace.to_string()).or_default() += 1;
    }
    if let Some((trace, count)) = became.iter().find(|(_, count)| **count != 1) {
        return Err(format!("the raw record of trace {trace} became {count} touchpoints and refusals"));
    }
    let stores: Vec<Map> =
        (0..cluster.partitions).map(|partition| cluster.fold((StageName::Stitch, partition))).collect();
    let graph = graph(&stores).map_err(|fault| fault.to_string())?;
    let of = |stage| (0..cluster.partitions).map(|partition| cluster.fold((stage, partition))).collect();
    let kept = StageName::ALL.into_iter().filter(|stage| stage.is_stateful()).map(|stage| (stage, of(stage)));
    Ok(Outcome { written, tallies: BTreeMap::new(), graph, stores, kept: kept.collect() })
}
