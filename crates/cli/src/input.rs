//! Files of touchpoints, line by line: `.jsonl`, or gzipped with a name that ends in `.gz`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use crate::commands::Failure;

/// The longest line that is kept whole. What is longer is cut one byte beyond it, and then refused by its length.
const LINE_BYTES_MAX: usize = 1 << 20;

/// The lines of a file.
pub struct Lines {
    reader: Box<dyn BufRead>,
    line: Vec<u8>,
}

impl Lines {
    /// Opens a file. `progress` is told of the bytes that are read from disk.
    ///
    /// # Errors
    /// When the file cannot be opened, or is of a kind that cannot be read.
    pub fn open(path: &Path, progress: impl FnMut(u64) + 'static) -> Result<Self, Failure> {
        let name = path.to_string_lossy();
        if name.ends_with(".csv") || name.ends_with(".csv.gz") {
            let what =
                "a CSV file needs a mapping: name its source with --source, or convert it to JSON lines";
            return Err(Failure::Usage(format!("{}: {what}", path.display())));
        }
        let file = File::open(path).map_err(Failure::file(path))?;
        let counted = BufReader::with_capacity(1 << 16, Counted { file, progress });
        let reader: Box<dyn BufRead> = if name.ends_with(".gz") {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(counted)))
        } else {
            Box::new(counted)
        };
        Ok(Self { reader, line: Vec::new() })
    }

    /// The next line without its end; `None` at the end of the file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not gzip although its name says so.
    pub fn next_line(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        self.line.clear();
        let limit = LINE_BYTES_MAX as u64 + 2;
        if self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line)? == 0 {
            return Ok(None);
        }
        if self.line.last() != Some(&b'\n') && self.line.len() as u64 == limit {
            self.reader.skip_until(b'\n')?;
        }
        let mut line = self.line.as_slice();
        for end in [b"\n", b"\r"] {
            line = line.strip_suffix(end).unwrap_or(line);
        }
        Ok(Some(line.to_vec()))
    }
}

struct Counted<F> {
    file: File,
    progress: F,
}

impl<F: FnMut(u64)> Read for Counted<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let bytes = self.file.read(buffer)?;
        (self.progress)(bytes as u64);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn lines(name: &str, content: &[u8]) -> Vec<usize> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, content).expect("writes");
        let mut lines = Lines::open(&path, |_| {}).expect("opens");
        std::iter::from_fn(|| lines.next_line().expect("reads")).map(|line| line.len()).collect()
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() {
        let content = [vec![b'x'; LINE_BYTES_MAX + 500], b"\nab\r\n\nabc".to_vec()].concat();
        assert_eq!(lines("a.jsonl", &content), [LINE_BYTES_MAX + 2, 2, 0, 3]);
    }

    #[test]
    fn a_gzipped_file_gives_the_lines_that_were_packed() {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(b"ab\nabc\n").expect("packs");
        assert_eq!(lines("a.json.gz", &packer.finish().expect("packs")), [2, 3]);
    }

    #[test]
    fn a_csv_file_is_refused_with_the_remedy() {
        let error = Lines::open(Path::new("people.csv"), |_| {}).err().expect("is refused");
        assert!(error.to_string().contains("JSON lines"), "{error}");
    }
}
