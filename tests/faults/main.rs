//! Faults on a real Apache Kafka: processes killed, brokers that crash, answers that are lost, stores that are damaged.
//!
//! In: nothing for the short set, `--all`, numbers of cases, `--soak MINUTES` (with `--seed N`), or
//! `--recovery IDENTIFIERS`. Out: a table of what was expected and what was seen. The exit code is 1 when a case failed. What this machine cannot stage is
//! called `not staged`, and never passed.
#![expect(clippy::print_stdout, reason = "the table is what this program is for")]

mod case;
mod cases;
mod cgroup;
mod checker;
mod choice;
mod cluster;
mod consumer;
mod crew;
mod deployment;
mod ground;
mod load;
mod mount;
mod patience;
mod proxy;
mod recovery;
mod report;
mod shim;
mod soak;
mod state;
mod watch;

use std::process::ExitCode;

use choice::{Choice, USAGE, Wanted};
use ground::Ground;
use report::Report;

fn main() -> ExitCode {
    let choice = match Choice::of(std::env::args().skip(1)) {
        Ok(choice) => choice,
        Err(wrong) => {
            println!("{wrong}\n{USAGE}");
            return ExitCode::from(64);
        }
    };
    patience::heed_signals();
    match choice.wanted {
        Wanted::Help => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Wanted::Soak { minutes, seed } => soak::run(minutes, seed, choice.keep),
        Wanted::Recovery { identifiers } => recovery::run(identifiers, choice.keep),
        Wanted::Cases(wanted) => {
            let cases: Vec<_> = cases::ALL.iter().copied().filter(|case| wanted.has(case)).collect();
            if cases.is_empty() {
                println!("no case of faults is meant");
                return ExitCode::SUCCESS;
            }
            run(&cases, choice.keep)
        }
    }
}

fn run(cases: &[&case::Case], keep: bool) -> ExitCode {
    let ground = match Ground::start(keep) {
        Ok(ground) => ground,
        Err(why) => {
            println!("no broker, hence no case was staged: {why}");
            return ExitCode::FAILURE;
        }
    };
    let mut report = Report::default();
    for case in cases {
        println!("case {:>2}: {} …", case.number, case.fault);
        let result = case.staged(&ground);
        report.add(case, result);
        if patience::is_interrupted() {
            break;
        }
    }
    println!("\n{report}");
    if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
