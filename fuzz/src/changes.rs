//! Random changes of seeds: bytes and numbers replaced, pieces taken out, doubled, moved, and put in from other seeds.

use fastrand::Rng;

/// How long an input may grow.
const BYTES_MAX: usize = 1 << 14;

/// What texts and formats are made of, and what lies at their borders.
const PIECES: [&[u8]; 44] = [
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"-0",
    b"1e308",
    b"1e-400",
    b"9223372036854775807",
    b"18446744073709551615",
    b"-9223372036854775808",
    b"\n",
    b"\r\n",
    b"\t",
    b"&",
    b"=",
    b"%00",
    b"%e2%82",
    b"[]",
    b"[a][b]",
    b"@",
    b".",
    b"+",
    b"/",
    b"#",
    b"?",
    b"//",
    b"T00:00:00Z",
    b"+14:00",
    b"9999-12-31",
    "\u{0}".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{301}".as_bytes(),
    "\u{130}".as_bytes(),
    "\u{3a3}".as_bytes(),
    "\u{200d}".as_bytes(),
    "\u{660}".as_bytes(),
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
];

/// A seed with one to eight changes.
#[must_use]
pub fn of(seeds: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut input = random.choice(seeds).cloned().unwrap_or_default();
    for _ in 0..random.usize(1..=8) {
        change(&mut input, seeds, random);
        input.truncate(BYTES_MAX);
    }
    input
}

fn change(input: &mut Vec<u8>, seeds: &[Vec<u8>], random: &mut Rng) {
    let at = random.usize(0..=input.len());
    let end = at + random.usize(0..=(input.len() - at).min(16));
    match random.u8(0..8) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.u8(0..8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.u8(..);
            }
        }
        2 => drop(input.drain(at..end)),
        3 => {
            let piece = input[at..end].to_vec();
            let times = random.usize(1..4);
            input.splice(at..at, piece.repeat(times));
        }
        4 => {
            let piece = random.choice(PIECES).unwrap_or_default();
            input.splice(at..end, piece.iter().copied());
        }
        5 => {
            let piece = random.choice(PIECES).unwrap_or_default();
            input.splice(at..at, piece.iter().copied());
        }
        6 => {
            let other = random.choice(seeds).map(Vec::as_slice).unwrap_or_default();
            let from = random.usize(0..=other.len());
            let to = from + random.usize(0..=(other.len() - from).min(64));
            input.splice(at..end, other[from..to].iter().copied());
        }
        _ => {
            // A letter or a number next to the one that is there.
            if let Some(byte) = input.get_mut(at) {
                *byte = byte.wrapping_add(random.u8(0..3)).wrapping_sub(1);
            }
        }
    }
}
