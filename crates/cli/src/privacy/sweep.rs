//! Dead letters that nobody may keep are removed by hand: what capture does every hour, now. In: a deployment. Out: how many there were
//! of each source, as a sentence; never a value.

use std::sync::Arc;

use kinfold_daemon::config::Config;
use kinfold_daemon::letters::{Call, Mode, Sweeper, Swept};
use kinfold_daemon::sources;
use kinfold_letters::Reason;
use kinfold_model::Keys;

use crate::commands::Failure;
use crate::run::now;

/// Looks through the dead letters of a deployment and, unless it is only asked how many there are, removes those that name somebody who
/// was erased, and those whose source lets them be kept for no longer. Out: what is to be told.
///
/// # Errors
/// When Kafka does not answer, or the folder of sources cannot be read.
pub(crate) fn sweep(config: &Config, keys: &Keys, mode: Mode) -> Result<String, Failure> {
    let (sources, faults) = sources::load(config).map_err(Failure::file(&config.sources_dir))?;
    let call = Call { sources: Arc::new(sources), now: now(), mode, is_stopped: &|| false };
    let swept = Sweeper::new(config, keys).sweep(&call)?;
    let broken: Vec<&str> = faults.keys().map(String::as_str).collect();
    Ok(told(&swept, mode, &broken))
}

fn told(swept: &Swept, mode: Mode, broken: &[&str]) -> String {
    let what = match mode {
        Mode::DryRun => "would be removed",
        Mode::Remove => "removed",
    };
    let of_erased = swept.list(Reason::Erasure);
    let too_old = match swept.counts.get(&Reason::Retention) {
        Some(_) => format!("; because their time was over: {}", swept.list(Reason::Retention)),
        None => String::new(),
    };
    let kept = match broken {
        [] => String::new(),
        _ => format!(
            "\nkept as long as [topics] refused_retention_ms says, because the files of their source have a fault: letters of {}; \
             `kinfold config check` says which",
            broken.join(", ")
        ),
    };
    let Swept { erased, letters, .. } = swept;
    format!(
        "dead letters {what}: {of_erased}{too_old}; letters on the topic: {letters}, identifiers that were ever erased: {erased}{kept}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_told_by_reason_and_source_and_so_is_a_source_whose_times_nobody_knows() {
        let counts = [(Reason::Erasure, ("web", 2)), (Reason::Retention, ("till", 3))];
        let counts = counts.map(|(reason, (source, count))| (reason, [(source.to_owned(), count)].into()));
        let mut swept = Swept { erased: 210, letters: 17, counts: counts.into() };
        assert_eq!(
            told(&swept, Mode::Remove, &[]),
            "dead letters removed: 2 of web; because their time was over: 3 of till; letters on the topic: 17, identifiers that \
             were ever erased: 210"
        );
        swept.counts.clear();
        let said = told(&swept, Mode::DryRun, &["crm", "till"]);
        assert!(said.starts_with("dead letters would be removed: none; letters on the topic: 17"), "{said}");
        assert!(said.contains("have a fault: letters of crm, till;"), "{said}");
    }
}
