//! `kinfold-fuzz [--minutes N] [--seed N] [TARGET…]`: random changes of seeds, until something breaks or time is over.
//!
//! In: names of targets; none means all, each for so long. Out: how many inputs each took, or the law that was broken, and
//! the file in which the input lies that broke it.

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use kinfold_fuzz::{TARGETS, Target, changes, regressions};

/// Gives random bytes to what reads bytes of others.
#[derive(Parser)]
#[command(name = "kinfold-fuzz")]
struct Arguments {
    /// How long each target runs.
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Another one gives other bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// All if none is named.
    targets: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let known = |name: &String| TARGETS.iter().any(|target| target.name == name);
    if let Some(name) = arguments.targets.iter().find(|name| !known(name)) {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        say(&format!("there is no target {name:?}; there are {}", names.join(", ")));
        return ExitCode::from(2);
    }
    let asked = |target: &&Target| {
        arguments.targets.is_empty() || arguments.targets.iter().any(|name| name == target.name)
    };
    for target in TARGETS.iter().filter(asked) {
        if !run(target, Duration::from_secs(60 * arguments.minutes), arguments.seed) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Whether the target kept its laws for so long.
fn run(target: &Target, time: Duration, seed: u64) -> bool {
    let (mut random, seeds) = (fastrand::Rng::with_seed(seed), (target.seeds)());
    let (began, mut inputs) = (Instant::now(), 0_u64);
    while began.elapsed() < time {
        let input = changes::of(&seeds, &mut random);
        let kept = catch_unwind(AssertUnwindSafe(|| (target.check)(&input)));
        if let Some(broken) = kept.map_or_else(|_| Some("it panics".to_owned()), Result::err) {
            let folder = regressions(target);
            let file = folder.join(format!("seed-{seed}-input-{inputs}"));
            let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, &input));
            let place = written.map_or_else(|error| error.to_string(), |()| file.display().to_string());
            say(&format!("{}: {broken}\nthe input: {place}", target.name));
            return false;
        }
        inputs += 1;
    }
    say(&format!("{}: {inputs} inputs in {} s, seed {seed}", target.name, began.elapsed().as_secs()));
    true
}

fn say(text: &str) {
    // Whoever closed the output does not want to read it.
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}
