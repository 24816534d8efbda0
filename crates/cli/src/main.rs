//! `kinfold`: see `kinfold help`.

use std::process::ExitCode;

use clap::Parser;
use kinfold_cli::commands::{Command, Failure};

/// What `kinfold help` ends with; README.md has the same as a table.
const EXIT_CODES: &str = "Exit codes: 0 done; 1 a fault; 2 records were refused and --strict was given, or all requests about \
                          somebody's data were refused; 64 wrong usage or configuration.";

/// Folds a stream of customer touchpoints into people.
#[derive(Parser)]
#[command(name = "kinfold", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[expect(clippy::print_stderr, reason = "a command-line tool speaks to whoever typed the command")]
fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A terminal that is gone cannot be told so.
            drop(error.print());
            return if error.use_stderr() { ExitCode::from(Failure::USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match arguments.command.run() {
        Ok(()) | Err(Failure::ReaderGone) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("kinfold: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}
