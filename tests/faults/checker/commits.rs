//! The numbers of commits, as the changelogs' markers and the group's offsets have them.

use std::collections::BTreeMap;

use kinfold_kafka::Settings;
use kinfold_kafka::reader::{Isolation, committed, read};
use kinfold_pipeline::StageName;
use kinfold_pipeline::changelog::{MARK_KEY, Mark};

use crate::case::{Outcome, expect};
use crate::deployment::Deployment;

/// One commit of one partition, as the changelog has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) commit: u64,
    /// The marker among them.
    pub(crate) records: u64,
}

/// The commits of each partition of a stage, in the order of the changelog.
pub(crate) fn groups(deployment: &Deployment<'_>, stage: StageName) -> Outcome<BTreeMap<i32, Vec<Group>>> {
    let mut groups: BTreeMap<i32, Vec<Group>> = BTreeMap::new();
    let mut open: BTreeMap<i32, u64> = BTreeMap::new();
    for record in read(&deployment.settings, &Settings::changelog(stage), Isolation::Committed)? {
        let records = open.entry(record.partition).or_default();
        *records += 1;
        if record.key.as_deref() == Some(MARK_KEY) {
            let group =
                Group { commit: Mark::decode(&record.value.unwrap_or_default())?.commit, records: *records };
            groups.entry(record.partition).or_default().push(group);
            *records = 0;
        }
    }
    let left = open.iter().find(|(_, records)| **records > 0);
    expect(left.is_none(), || {
        let (partition, records) = left.unwrap_or((&0, &0));
        format!(
            "{stage}, partition {partition}: {records} changes at the end of the changelog have no marker"
        )
    })?;
    Ok(groups)
}

/// Gives the number of commits of all stages and partitions.
pub(super) fn in_a_row(deployment: &Deployment<'_>) -> Outcome<u64> {
    let mut total = 0;
    for stage in StageName::ALL.into_iter().filter(|stage| stage.is_stateful()) {
        let groups = groups(deployment, stage)?;
        for (partition, groups) in &groups {
            for (expected, group) in (1..).zip(groups) {
                expect(group.commit == expected, || {
                    format!(
                        "{stage}, partition {partition}: after commit {} came {}",
                        expected - 1,
                        group.commit
                    )
                })?;
                total += 1;
            }
        }
        let inputs: Vec<String> = stage.inputs().iter().map(|topic| topic.as_str().to_owned()).collect();
        let offsets = committed(&deployment.settings, stage, &inputs)?;
        let mut last: BTreeMap<i32, u64> = BTreeMap::new();
        for ((_, partition), committed) in &offsets {
            let noted = last.entry(*partition).or_default();
            let number = committed.metadata.split(' ').next().unwrap_or_default();
            *noted = number.parse::<u64>().unwrap_or_default().max(*noted);
        }
        for (partition, groups) in &groups {
            let (marked, noted) = (groups.last().map(|group| group.commit), last.get(partition).copied());
            expect(marked == noted, || {
                format!(
                    "{stage}, partition {partition}: offsets are of commit {noted:?}, the changelog of {marked:?}"
                )
            })?;
        }
    }
    Ok(total)
}
