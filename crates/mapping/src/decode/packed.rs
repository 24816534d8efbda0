//! Records that were packed with gzip or zstd, told by their first bytes, which begin no text and no Avro.

use std::borrow::Cow;
use std::io::Read;

use kinfold_model::{Refusal, RefusalKind};

use super::undecodable;
use crate::limits;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// What zstd may keep of what it has unpacked: 8 MiB, the most that its format asks every reader to have.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// The bytes as they were before they were packed.
///
/// # Errors
/// `record_too_large` beyond [`limits::INFLATED_BYTES_MAX`], `undecodable` when they are damaged.
pub fn unpacked(record: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    if record.starts_with(&GZIP) {
        read("gzip", flate2::read::MultiGzDecoder::new(record))
    } else if record.starts_with(&ZSTD) {
        let mut decoder = zstd::stream::read::Decoder::with_buffer(record)
            .map_err(|_| undecodable("begins as zstd, and cannot be read as such"))?;
        decoder
            .window_log_max(ZSTD_WINDOW_LOG_MAX)
            .map_err(|_| undecodable("begins as zstd, and cannot be read as such"))?;
        read("zstd", decoder)
    } else if record.len() > limits::INFLATED_BYTES_MAX {
        Err(too_large())
    } else {
        Ok(Cow::Borrowed(record))
    }
}

fn read(kind: &str, reader: impl Read) -> Result<Cow<'static, [u8]>, Refusal> {
    let mut bytes = Vec::new();
    reader
        .take(limits::INFLATED_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| undecodable(format!("begins as {kind}, and is damaged or cut off")))?;
    if bytes.len() > limits::INFLATED_BYTES_MAX {
        return Err(too_large());
    }
    Ok(Cow::Owned(bytes))
}

fn too_large() -> Refusal {
    let complaint =
        format!("has more than {} bytes unpacked; send smaller batches", limits::INFLATED_BYTES_MAX);
    Refusal::new(RefusalKind::RecordTooLarge, "", complaint)
}
