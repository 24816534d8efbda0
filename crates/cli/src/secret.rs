//! The secret of local runs. Two runs of one user give the same ids, so that their results can be compared; nobody
//! else can compute them.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use kinfold_daemon::config::Config;
use kinfold_model::Secret;

use crate::commands::Failure;

/// The secret of the configuration; else that of the state folder; else the user's own, which is made once and
/// copied into the state folder, so that the folder can be moved to another machine.
///
/// # Errors
/// When a secret cannot be read or written.
pub fn of(config: &Config, state: Option<&Path>) -> Result<Secret, Failure> {
    if let Ok(secret) = config.require_secret() {
        return Ok(secret.clone());
    }
    let kept = state.map(|state| state.join("secret"));
    if let Some(path) = kept.as_deref().filter(|path| path.exists()) {
        return read(path);
    }
    let own = own_path();
    if !own.exists() {
        make(&own)?;
    }
    let secret = read(&own)?;
    if let Some(path) = kept {
        std::fs::copy(&own, &path).map_err(Failure::file(&path))?;
    }
    Ok(secret)
}

/// The secret that [`of`] would find, without making or copying one.
///
/// # Errors
/// When there is none, or it cannot be read.
pub fn find(config: &Config, state: &Path) -> Result<Secret, Failure> {
    if let Ok(secret) = config.require_secret() {
        return Ok(secret.clone());
    }
    match [state.join("secret"), own_path()].iter().find(|path| path.exists()) {
        Some(path) => read(path),
        None => Err(Failure::Usage(
            config.require_secret().err().map_or_else(String::new, |error| error.to_string()),
        )),
    }
}

fn own_path() -> PathBuf {
    let home =
        || std::env::var_os("HOME").map_or_else(|| PathBuf::from("."), PathBuf::from).join(".local/share");
    std::env::var_os("XDG_DATA_HOME").map_or_else(home, PathBuf::from).join("kinfold/secret")
}

fn read(path: &Path) -> Result<Secret, Failure> {
    let bytes = std::fs::read(path).map_err(Failure::file(path))?;
    Secret::new(&bytes).map_err(|error| Failure::Fault(format!("{}: {error}", path.display())))
}

fn make(path: &Path) -> Result<(), Failure> {
    let write = || -> std::io::Result<()> {
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        let mut random = [0; 32];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
        let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        // Readable by nobody else from the first moment on.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        file?.write_all(hex.as_bytes())
    };
    write().map_err(Failure::file(path))
}
