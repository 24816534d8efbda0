//! What the command line asks for. Options of Rust's own test harness are let pass, because `cargo test -- …` gives
//! the same words to every test binary.

use crate::case::Case;

pub(crate) const USAGE: &str = "\
faults                        the short set
faults --all                  every case
faults NUMBER…                these cases
faults --soak MINUTES         random faults for so long [--seed N]
faults --recovery IDENTIFIERS how long a stage with so many identifiers needs to recover
  --keep                      keep logs, state and the broker's data, and say where";

/// The command line, understood.
pub(crate) struct Choice {
    pub(crate) wanted: Wanted,
    /// Whether the folder with the logs stays.
    pub(crate) keep: bool,
}

/// What is to be done.
pub(crate) enum Wanted {
    Help,
    Cases(Cases),
    Soak { minutes: u64, seed: u64 },
    Recovery { identifiers: usize },
}

/// Which cases.
pub(crate) enum Cases {
    Short,
    All,
    Numbers(Vec<u8>),
    /// A filter of names, as the usual harness has them.
    Named(Vec<String>),
}

impl Cases {
    pub(crate) fn has(&self, case: &Case) -> bool {
        match self {
            Self::Short => case.is_short,
            Self::All => true,
            Self::Numbers(numbers) => numbers.contains(&case.number),
            Self::Named(words) => words.iter().any(|word| case.fault.contains(word.as_str())),
        }
    }
}

impl Choice {
    pub(crate) fn of(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.peekable();
        let (mut cases, mut seed, mut keep) = (Cases::Short, 1, false);
        let (mut minutes, mut identifiers) = (None, None);
        while let Some(word) = arguments.next() {
            let mut number = || {
                let given = arguments.next().unwrap_or_default();
                given.parse::<u64>().map_err(|_| format!("{word} needs a number, not '{given}'"))
            };
            match word.as_str() {
                "--help" | "-h" => return Ok(Self { wanted: Wanted::Help, keep }),
                "--all" => cases = Cases::All,
                "--keep" => keep = true,
                "--soak" => minutes = Some(number()?),
                "--recovery" => identifiers = usize::try_from(number()?).ok(),
                "--seed" => seed = number()?,
                // With its number; the usual harness would take it.
                "--test-threads" => drop(number()?),
                option if option.starts_with('-') => {}
                word => cases = cases.narrowed(word),
            }
        }
        let wanted = match (minutes, identifiers) {
            (Some(minutes), _) => Wanted::Soak { minutes, seed },
            (None, Some(identifiers)) => Wanted::Recovery { identifiers },
            (None, None) => Wanted::Cases(cases),
        };
        Ok(Self { wanted, keep })
    }
}

impl Cases {
    fn narrowed(self, word: &str) -> Self {
        match (self, word.parse::<u8>()) {
            (Self::Numbers(numbers), Ok(number)) => Self::Numbers([numbers, vec![number]].concat()),
            (_, Ok(number)) => Self::Numbers(vec![number]),
            (Self::Named(words), Err(_)) => Self::Named([words, vec![word.to_owned()]].concat()),
            (_, Err(_)) => Self::Named(vec![word.to_owned()]),
        }
    }
}
