//! Reads `identity-op`, writes `identity-op`, `identity-assignment` and `identity-change`.

use std::process::ExitCode;

use kinfold_daemon::process::{STITCH, main_of};

fn main() -> ExitCode {
    main_of(&STITCH)
}
