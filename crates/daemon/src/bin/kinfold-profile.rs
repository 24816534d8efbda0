//! Reads `touchpoint` and `identity-assignment`, writes `profile-facet`, `unified-profile` and `consent-change`.

use std::process::ExitCode;

use kinfold_daemon::process::{PROFILE, main_of};

fn main() -> ExitCode {
    main_of(&PROFILE)
}
