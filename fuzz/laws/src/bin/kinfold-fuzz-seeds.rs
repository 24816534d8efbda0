//! `kinfold-fuzz-seeds FOLDER`: writes the seeds of each target, and the inputs by which it once failed, as files into
//! `FOLDER/<target>/`, where libFuzzer begins with them.

use std::io::{self, Error, ErrorKind};
use std::path::PathBuf;

use kinfold_fuzz_laws::{TARGETS, inputs};

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| Error::new(ErrorKind::InvalidInput, "name the folder to write to"))?;
    for target in &TARGETS {
        let folder = folder.join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (place, input) in inputs(target)?.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{place}")), input)?;
        }
    }
    Ok(())
}
