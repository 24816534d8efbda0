//! The cases of a source: payloads, and what has to come of them. A source whose cases do not come out is not used.

use std::fmt;

use kinfold_model::Refusal;

use crate::source::{Mapped, Source};
use crate::value::Value;

/// The files of a case as they were read.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CaseFiles {
    /// What stands before the ending of its file.
    pub name: String,
    /// The record: `<name>.<ending>`.
    pub record: Vec<u8>,
    /// `<name>.out.json`; `None` when there is none.
    pub expected: Option<String>,
}

impl fmt::Debug for CaseFiles {
    /// Its name: a record that somebody made a case of may be of somebody.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case {}", self.name)
    }
}

/// A case that does not come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFault {
    /// The source and the case: `segment.cases/identify`.
    pub case: String,
    /// What is wrong, without a value of the record.
    pub what: String,
}

impl fmt::Display for CaseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, what } = self;
        write!(f, "{case} {what}; see both with `kinfold map`, and correct the mapping or the .out.json")
    }
}

/// Whether a mapped touchpoint is one that capture takes.
pub type Judge<'j> = &'j dyn Fn(&Value) -> Result<(), Refusal>;

/// What comes of a record, as `.out.json` has it: `touchpoints`, `refused` (kind and sentence), and `dropped` by name.
#[must_use]
pub fn outcome(source: &Source, record: &[u8], judge: Judge<'_>) -> serde_json::Value {
    let mapped = match source.map(record) {
        Ok(mapped) => mapped,
        Err(refusal) => return written(&[], &[refusal], &Mapped::default()),
    };
    let (mut touchpoints, mut refused) = (Vec::new(), Vec::new());
    let several = mapped.is_batch;
    for part in &mapped.parts {
        match part
            .made
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|made| judge(made).map(|()| made).map_err(|refusal| part.refused(several, refusal)))
        {
            Ok(touchpoint) => touchpoints.push(touchpoint),
            Err(refusal) => refused.push(refusal),
        }
    }
    written(&touchpoints, &refused, &mapped)
}

fn written(touchpoints: &[&Value], refused: &[Refusal], mapped: &Mapped) -> serde_json::Value {
    let touchpoints: Vec<serde_json::Value> =
        touchpoints.iter().map(|touchpoint| serde_json::to_value(touchpoint).unwrap_or_default()).collect();
    let refused: Vec<serde_json::Value> = refused
        .iter()
        .map(|refusal| serde_json::json!({"kind": refusal.kind.as_str(), "sentence": refusal.sentence}))
        .collect();
    let dropped: serde_json::Map<_, _> =
        mapped.dropped.iter().map(|(name, count)| (name.to_string(), (*count).into())).collect();
    serde_json::json!({"touchpoints": touchpoints, "refused": refused, "dropped": dropped})
}

/// Checks all cases of a source.
///
/// # Errors
/// Every case that does not come out, or a source that has none.
pub fn check(source: &Source, cases: &[CaseFiles], judge: Judge<'_>) -> Result<(), Vec<CaseFault>> {
    let folder = format!("{}.cases", source.name());
    if cases.is_empty() {
        let what = "holds no case: nobody can say that the mapping works".to_owned();
        return Err(vec![CaseFault { case: folder, what }]);
    }
    let faults: Vec<CaseFault> = cases
        .iter()
        .filter_map(|case| {
            let what = difference(source, case, judge)?;
            Some(CaseFault { case: format!("{folder}/{}", case.name), what })
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

fn difference(source: &Source, case: &CaseFiles, judge: Judge<'_>) -> Option<String> {
    let Some(expected) = &case.expected else { return Some("has no .out.json".to_owned()) };
    let Ok(expected) = serde_json::from_str::<serde_json::Value>(expected) else {
        return Some("has an .out.json that is no JSON".to_owned());
    };
    let found = outcome(source, &case.record, judge);
    if found == expected {
        return None;
    }
    let list = |value: &serde_json::Value, name: &str| {
        value.get(name).and_then(serde_json::Value::as_array).cloned().unwrap_or_default()
    };
    for name in ["touchpoints", "refused"] {
        let (found, expected) = (list(&found, name), list(&expected, name));
        if found.len() != expected.len() {
            return Some(format!("gives {} {name} and not {}", found.len(), expected.len()));
        }
        let unequal =
            found.iter().zip(&expected).enumerate().find(|(_, (found, expected))| found != expected);
        if let Some((index, (found, expected))) = unequal {
            let members: Vec<&str> = members(found).chain(members(expected)).collect();
            let member = members.into_iter().find(|member| found.get(member) != expected.get(member));
            return Some(format!(
                "gives another {} {index} than expected: `{}` differs",
                &name[..name.len() - usize::from(name.ends_with('s'))],
                member.unwrap_or_default()
            ));
        }
    }
    Some("drops other attributes than expected".to_owned())
}

fn members(value: &serde_json::Value) -> impl Iterator<Item = &str> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.as_str())
}
