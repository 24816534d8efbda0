//! What holds for any bytes: bytes of others go in, and the law that they break comes out, if they break one.
//!
//! A target is a law for one kind of input, with bytes of that kind to begin with. It panics nowhere and gives the same for
//! the same bytes. The tests here try each target with its seeds and with its regressions, the inputs by which it once
//! failed, in `regressions/<target>/`; libFuzzer looks for others (`make fuzz`).

mod canonical;
mod normalised;
mod payloads;
mod signals;
mod topics;

use std::io;
use std::path::{Path, PathBuf};

/// What is tried.
pub struct Target {
    /// Its name, and that of the folder with its regressions.
    pub name: &'static str,
    /// Bytes of its kind, to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// The law that some bytes break, if they break one.
    pub check: fn(&[u8]) -> Result<(), String>,
}

/// All of them.
pub const TARGETS: [Target; 23] = [
    Target { name: "json", seeds: canonical::seeds, check: canonical::check },
    Target { name: "avro", seeds: topics::seeds, check: topics::check },
    Target { name: "payload-json", seeds: payloads::json, check: payloads::check_json },
    Target { name: "payload-jsonl", seeds: payloads::jsonl, check: payloads::check_jsonl },
    Target { name: "payload-csv", seeds: payloads::csv, check: payloads::check_csv },
    Target { name: "payload-form", seeds: payloads::form, check: payloads::check_form },
    Target { name: "payload-avro", seeds: payloads::avro, check: payloads::check_avro },
    Target { name: "payload-packed", seeds: payloads::packed, check: payloads::check_json },
    Target { name: "jq-output", seeds: canonical::seeds, check: canonical::check_mapped },
    Target { name: "sources", seeds: payloads::of_sources, check: payloads::check_sources },
    Target { name: "phone", seeds: normalised::phones, check: normalised::check_phone },
    Target { name: "email", seeds: normalised::emails, check: normalised::check_email },
    Target { name: "social", seeds: normalised::handles, check: normalised::check_social },
    Target { name: "date", seeds: normalised::dates, check: normalised::check_date },
    Target { name: "url", seeds: normalised::urls, check: normalised::check_url },
    Target { name: "ip", seeds: normalised::addresses, check: normalised::check_ip },
    Target { name: "name", seeds: normalised::names, check: normalised::check_name },
    Target { name: "postal-code", seeds: normalised::codes, check: normalised::check_code },
    Target { name: "tcf", seeds: signals::tcf, check: signals::check_tcf },
    Target { name: "gpp", seeds: signals::gpp, check: signals::check_gpp },
    Target { name: "us-states", seeds: signals::states, check: signals::check_states },
    Target { name: "consent-short", seeds: signals::short, check: signals::check_short },
    Target { name: "consent-object", seeds: signals::objects, check: signals::check_objects },
];

impl Target {
    /// Where the inputs lie by which it once failed.
    #[must_use]
    pub fn regressions(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions").join(self.name)
    }
}

/// The seeds of a target, and after them its regressions.
///
/// # Errors
/// A regression cannot be read.
pub fn inputs(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let mut inputs = (target.seeds)();
    let folder = match std::fs::read_dir(target.regressions()) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(inputs),
        Err(error) => return Err(error),
    };
    let mut files = folder.map(|file| Ok(file?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    files.sort();
    for file in files {
        inputs.push(std::fs::read(file)?);
    }
    Ok(inputs)
}

/// Ends the process if the bytes break the law of the target of that name, so that libFuzzer keeps them.
///
/// # Panics
/// They do, or there is no such target.
pub fn uphold(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("there is no target {name}"));
    if let Err(broken) = (target.check)(bytes) {
        panic!("{name}: {broken}");
    }
}
