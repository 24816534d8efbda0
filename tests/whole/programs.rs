//! The programs under test, as `cargo build --workspace --bins` left them beside the tests.

use std::path::PathBuf;
use std::process::{Child, Command, Output};

/// A program of the workspace.
pub(crate) fn program(name: &str) -> Command {
    let tests = std::env::current_exe().expect("a test knows where it is");
    let folder: PathBuf = tests.ancestors().nth(2).expect("target/debug/deps/whole").to_owned();
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: `make test` builds it, or `cargo build --workspace --bins`",
        path.display()
    );
    let mut command = Command::new(path);
    command.env_remove("KINFOLD_CONFIG").env_remove("KINFOLD_SECRET");
    command
}

/// What `kinfold` answers.
pub(crate) fn kinfold(arguments: &[&str]) -> Output {
    program("kinfold").args(arguments).output().expect("kinfold runs")
}

/// A process that is ended with the test.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Asks it to stop, and waits for its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let asked = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(asked.expect("kill runs").success());
        self.0.wait().expect("it was started").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
