//! Reads `raw.*`, writes `touchpoint`, `identity-op` and `touchpoint-refused`, from which it removes what nobody may keep.

use std::process::ExitCode;

use kinfold_daemon::process::{CAPTURE, main_of};

fn main() -> ExitCode {
    main_of(&CAPTURE)
}
