//! Whether somebody has left a trace in bytes. In: values, each under a name. Out: the names of those that are there, in the clear, as
//! base64, or as their SHA-256; also within what is packed with zstd, as stores on disk are. Never the values.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read};
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kinfold_model::keys::sha256_hex;
use sha2::{Digest, Sha256};

/// Begins what zstd has packed.
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// No block of a store and no record is larger.
const UNPACKED_BYTES_MAX: u64 = 64 << 20;

/// What is looked for.
pub(crate) struct Traces {
    needles: AhoCorasick,
    /// Of each needle.
    names: Vec<String>,
}

impl Traces {
    /// Of values with their names. A value has at least six bytes, so that none is found by chance.
    pub(crate) fn of(values: &[(&str, &str)]) -> Self {
        let (mut needles, mut names): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for (name, value) in values {
            let hash = STANDARD.encode(Sha256::digest(value.as_bytes()));
            // How the last letters of base64 come out depends on what follows the value.
            let whole = value.len() / 3 * 3;
            let forms = [
                ((*name).to_owned(), (*value).to_owned()),
                (format!("{name} in base64"), STANDARD.encode(&value.as_bytes()[..whole])),
                (format!("SHA-256 of {name}"), sha256_hex(value)),
                (format!("SHA-256 of {name} in base64"), hash.trim_end_matches('=').to_owned()),
            ];
            for (name, form) in forms {
                assert!(form.len() >= 6, "{name} is too short to be looked for");
                names.push(name);
                needles.push(form);
            }
        }
        let needles = AhoCorasick::builder().ascii_case_insensitive(true).build(&needles);
        Self { needles: needles.expect("there are few"), names }
    }

    /// The names of what is found in bytes.
    pub(crate) fn within(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let mut found = self.as_they_are(bytes);
        for (at, window) in bytes.windows(ZSTD.len()).enumerate() {
            if window == ZSTD {
                found.extend(self.as_they_are(&unpacked(&bytes[at..])));
            }
        }
        found
    }

    /// The names of what is found in the files below a folder whose names are looked for. A file that goes meanwhile has nothing.
    pub(crate) fn below(&self, folder: &Path, is_wanted: &dyn Fn(&str) -> bool) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("can be listed").path();
                let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                if path.is_dir() {
                    folders.push(path);
                } else if is_wanted(name) {
                    match std::fs::read(&path) {
                        Ok(bytes) => found.extend(self.within(&bytes)),
                        Err(error) if error.kind() == ErrorKind::NotFound => {}
                        Err(error) => panic!("{} cannot be read: {error}", path.display()),
                    }
                }
            }
        }
        found
    }

    fn as_they_are(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let hits = self.needles.find_overlapping_iter(bytes);
        hits.filter_map(|hit| self.names.get(hit.pattern().as_usize())).map(String::as_str).collect()
    }
}

/// What can be unpacked of bytes that look as if zstd had packed them.
fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    if let Ok(decoder) = zstd::stream::read::Decoder::with_buffer(bytes) {
        // What was never packed ends in an error, and what came out before it counts.
        drop(decoder.single_frame().take(UNPACKED_BYTES_MAX).read_to_end(&mut unpacked));
    }
    unpacked
}

#[test]
fn a_value_is_found_in_each_form_also_in_what_is_packed_and_another_one_is_not() {
    let traces = Traces::of(&[("name", "Quirindalva"), ("other", "Somebody else")]);
    let hash = sha256_hex("Quirindalva");
    let packed =
        zstd::encode_all(&b"Quirindalva, and more, and more, and more"[..], 3).expect("it is packed");
    for (bytes, name) in [
        (b"x Quirindalva y".to_vec(), "name"),
        (STANDARD.encode("Quirindalva").into_bytes(), "name in base64"),
        (hash.to_uppercase().into_bytes(), "SHA-256 of name"),
        (STANDARD.encode(Sha256::digest(b"Quirindalva")).into_bytes(), "SHA-256 of name in base64"),
        ([&b"before"[..], &packed[..], b"after"].concat(), "name"),
    ] {
        assert_eq!(traces.within(&bytes), BTreeSet::from([name]));
    }
    assert!(traces.within(b"Quirindalv\x28\xb5\x2f\xfd, nothing was packed").is_empty());
}
