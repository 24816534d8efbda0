//! The secret key of a verifier: 64 hex digits in a file that nobody else may read. Whoever has it can sign requests.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use kinfold_privacy::verify::{from_hex, to_hex};

use crate::commands::Failure;

/// Makes a key. A file that is there is never written over.
///
/// # Errors
/// When the file is there, or cannot be written.
pub(crate) fn make(path: &Path) -> Result<[u8; 32], Failure> {
    let write = || -> std::io::Result<[u8; 32]> {
        let mut key = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut key)?;
        // Readable by nobody else from the first moment on.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(format!("{}\n", to_hex(&key)).as_bytes())?;
        file.sync_all()?;
        Ok(key)
    };
    write().map_err(Failure::file(path))
}

/// The key in a file.
///
/// # Errors
/// When there is none.
pub(crate) fn read(path: &Path) -> Result<[u8; 32], Failure> {
    let text = std::fs::read_to_string(path).map_err(Failure::file(path))?;
    from_hex(text.trim()).ok_or_else(|| {
        let what = "holds no key, which is 64 hex digits; `kinfold privacy keygen` makes one";
        Failure::Usage(format!("{} {what}", path.display()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_read_as_it_was_made_and_nobody_else_may_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("desk.key");
        let key = make(&path).expect("is made");
        assert_eq!(read(&path).expect("is read"), key);
        let mode = std::fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = make(&folder.path().join("other.key")).expect("is made");
        assert_ne!(key, other);
    }

    #[test]
    fn a_key_that_is_there_is_never_written_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("desk.key");
        let key = make(&path).expect("is made");
        assert!(make(&path).is_err());
        assert_eq!(read(&path).expect("is read"), key);
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("desk.key");
        std::fs::write(&path, "abcdef-secret").expect("writes");
        let said = read(&path).expect_err("is none").to_string();
        assert!(said.contains("64 hex digits") && !said.contains("abcdef"), "{said}");
    }
}
