//! `kinfold-benches [--json] [NAME…]`: how fast the stages are, and how much memory they take.
//!
//! In: names of benchmarks, or parts of names; none means all. Out: one row for each figure. Every benchmark runs in
//! a process of its own, so that no peak of memory hides behind another.

mod avro;
mod capture;
mod extremes;
mod harness;
mod local;
mod mapped;
mod material;
mod profiles;
mod report;
mod stitch;

use std::io::Write;
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use kinfold_cli::commands::Failure;

use harness::{Bench, Measured};

/// A benchmark: its name, and what it does.
type Entry = (&'static str, fn(&mut Bench) -> Result<(), Failure>);

const BENCHMARKS: [Entry; 11] = [
    ("capture", capture::run),
    ("mapped", mapped::run),
    ("stitch-memory", stitch::in_memory),
    ("stitch-rocksdb", stitch::on_rocksdb),
    ("profiles", profiles::usual),
    ("local", local::run),
    ("avro", avro::run),
    ("extreme-cookie", extremes::cookie),
    ("extreme-email", extremes::email),
    ("extreme-chain", extremes::chain),
    ("extreme-profiles", profiles::many),
];

/// Measures the stages of Kinfold.
#[derive(Parser)]
#[command(name = "kinfold-benches")]
struct Arguments {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Run this benchmark here, and print what was measured for the process that asked.
    #[arg(long, hide = true)]
    child: Option<String>,
    /// Only benchmarks whose name begins so.
    names: Vec<String>,
}

#[expect(clippy::print_stderr, reason = "a command-line tool speaks to whoever typed the command")]
fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.child {
        Some(name) => measure(name),
        None => measure_each(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("kinfold-benches: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn measure(name: &str) -> Result<(), Failure> {
    let known = BENCHMARKS.iter().find(|(known, _)| *known == name);
    let (name, run) = known.ok_or_else(|| unknown(name))?;
    let mut bench = Bench::default();
    run(&mut bench)?;
    let measured = serde_json::to_string(&bench.measured(name)).map_err(Failure::fault)?;
    say(&measured)
}

fn measure_each(arguments: &Arguments) -> Result<(), Failure> {
    let names = &arguments.names;
    if let Some(name) =
        names.iter().find(|name| !BENCHMARKS.iter().any(|(known, _)| known.starts_with(*name)))
    {
        return Err(unknown(name));
    }
    let asked = |known: &str| names.is_empty() || names.iter().any(|name| known.starts_with(name));
    let load = report::load();
    let all = BENCHMARKS.iter().filter(|(known, _)| asked(known)).map(|(name, _)| in_child(name));
    let all = all.collect::<Result<Vec<Measured>, Failure>>()?;
    say(&if arguments.json {
        report::json(&all, load.as_deref())?
    } else {
        report::table(&all, load.as_deref())
    })
}

fn in_child(name: &str) -> Result<Measured, Failure> {
    let own = std::env::current_exe().map_err(Failure::fault)?;
    let child = Command::new(own)
        .args(["--child", name])
        .stderr(Stdio::inherit())
        .output()
        .map_err(Failure::fault)?;
    if !child.status.success() {
        return Err(Failure::Fault(format!("benchmark {name} ended with {}", child.status)));
    }
    serde_json::from_slice(&child.stdout).map_err(Failure::fault)
}

fn unknown(name: &str) -> Failure {
    let known = BENCHMARKS.map(|(known, _)| known).join(", ");
    Failure::Usage(format!("there is no benchmark {name:?}; there are {known}"))
}

fn say(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Failure::fault)
}
