//! Text in base64url becomes bits, read from the front: numbers, flags, letters, Fibonacci codes.
//!
//! Nothing is copied, so that a reader costs no memory; each read ends with a value or with a fault that names its field.

use kinfold_model::Timestamp;

use crate::fault::{Fault, FaultKind};

const SEXTET: usize = 6;

/// The bits of one part of a signal.
pub(crate) struct Bits<'a> {
    text: &'a [u8],
    /// The next bit.
    at: usize,
    part: &'static str,
}

impl<'a> Bits<'a> {
    /// # Errors
    /// An empty part, or a character that base64url does not have. Padding with `=` is one: consent strings have none.
    pub(crate) fn new(text: &'a str, part: &'static str) -> Result<Self, Fault> {
        let text = text.as_bytes();
        let fault = |kind| Err(Fault::new(part, "the text", kind));
        match text.iter().position(|byte| sextet(*byte).is_none()) {
            Some(at) => fault(FaultKind::Character { at }),
            None if text.is_empty() => fault(FaultKind::Empty),
            None => Ok(Self { text, at: 0, part }),
        }
    }

    /// Says what the part is, once its first bits have told.
    pub(crate) fn belongs_to(&mut self, part: &'static str) {
        self.part = part;
    }

    pub(crate) fn fault(&self, field: &'static str, kind: FaultKind) -> Fault {
        Fault::new(self.part, field, kind)
    }

    /// A number of up to 57 bits, of which the first is the highest.
    ///
    /// # Errors
    /// The part ends before.
    pub(crate) fn number(&mut self, bits: usize, field: &'static str) -> Result<u64, Fault> {
        let end = self.at + bits;
        if end > self.text.len() * SEXTET {
            return Err(self.fault(field, FaultKind::Short));
        }
        let mut value = 0;
        while self.at < end {
            let within = self.at % SEXTET;
            let take = (SEXTET - within).min(end - self.at);
            let sextet = self.text.get(self.at / SEXTET).copied().and_then(sextet).unwrap_or_default();
            let piece = u64::from(sextet) >> (SEXTET - within - take) & ((1 << take) - 1);
            value = value << take | piece;
            self.at += take;
        }
        Ok(value)
    }

    /// A number of up to 16 bits.
    pub(crate) fn short(&mut self, bits: usize, field: &'static str) -> Result<u16, Fault> {
        let value = self.number(bits, field)?;
        u16::try_from(value).map_err(|_| self.fault(field, FaultKind::Id { id: value }))
    }

    /// A number of up to 8 bits.
    pub(crate) fn byte(&mut self, bits: usize, field: &'static str) -> Result<u8, Fault> {
        let value = self.number(bits, field)?;
        u8::try_from(value).map_err(|_| self.fault(field, FaultKind::Id { id: value }))
    }

    pub(crate) fn flag(&mut self, field: &'static str) -> Result<bool, Fault> {
        Ok(self.number(1, field)? == 1)
    }

    /// Tenths of a second since 1970, in 36 bits.
    pub(crate) fn time(&mut self, field: &'static str) -> Result<Timestamp, Fault> {
        let tenths = self.number(36, field)?;
        let time = i64::try_from(tenths * 100).ok().and_then(|ms| Timestamp::from_millis(ms).ok());
        time.ok_or_else(|| self.fault(field, FaultKind::Reserved { value: tenths }))
    }

    /// Two letters of six bits each, `A` being 0.
    pub(crate) fn letters(&mut self, field: &'static str) -> Result<[u8; 2], Fault> {
        let mut letters = [0; 2];
        for letter in &mut letters {
            let value = self.byte(SEXTET, field)?;
            if value > 25 {
                return Err(self.fault(field, FaultKind::Reserved { value: value.into() }));
            }
            *letter = b'A' + value;
        }
        Ok(letters)
    }

    /// A number from 1 to 65,535 as a sum of Fibonacci numbers that are no neighbours, the smallest first; two ones in a
    /// row end it.
    pub(crate) fn fibonacci(&mut self, field: &'static str) -> Result<u16, Fault> {
        let (mut term, mut next, mut sum, mut last) = (1_u32, 2_u32, 0_u32, false);
        loop {
            let bit = self.flag(field)?;
            if bit && last {
                return u16::try_from(sum).map_err(|_| self.fault(field, FaultKind::Id { id: sum.into() }));
            }
            if term > u32::from(u16::MAX) {
                return Err(self.fault(field, FaultKind::Id { id: term.into() }));
            }
            sum += if bit { term } else { 0 };
            (term, next, last) = (next, term + next, bit);
        }
    }

    /// Ends the part: what is left is padding.
    ///
    /// # Errors
    /// A bit of it is set, so that the part is not what it was read as.
    pub(crate) fn end(mut self) -> Result<(), Fault> {
        while self.at < self.text.len() * SEXTET {
            let left = self.text.len() * SEXTET - self.at;
            if self.number(left.min(SEXTET), "the text")? != 0 {
                return Err(self.fault("the text", FaultKind::Leftover));
            }
        }
        Ok(())
    }
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(text: &str) -> Bits<'_> {
        Bits::new(text, "test").expect("base64url")
    }

    #[test]
    fn numbers_are_read_across_characters_from_the_highest_bit() {
        let mut bits = bits("DBABMA");
        assert_eq!(bits.number(6, "type"), Ok(3));
        assert_eq!(bits.number(6, "version"), Ok(1));
        assert_eq!(bits.number(12, "amount"), Ok(1));
        assert_eq!(bits.number(7, "rest"), Ok(0b001_1000));
        assert_eq!(bits.number(6, "beyond").map_err(|fault| fault.kind), Err(FaultKind::Short));
        assert_eq!(bits.end(), Ok(()));
    }

    #[test]
    fn a_set_bit_behind_the_last_field_is_a_fault() {
        let mut bits = bits("AB");
        assert_eq!(bits.number(6, "all"), Ok(0));
        assert_eq!(bits.end().map_err(|fault| fault.kind), Err(FaultKind::Leftover));
    }

    #[test]
    fn fibonacci_codes_are_sums_and_no_code_is_read_without_end() {
        // 11, 011, 1011, then zeros.
        let mut some = bits("3YAA");
        let read: Vec<_> = (0..3).map(|_| some.fibonacci("id").expect("a code")).collect();
        assert_eq!(read, [1, 2, 4]);
        let zeros = "A".repeat(100);
        assert_eq!(
            bits(&zeros).fibonacci("id").map_err(|fault| fault.kind),
            Err(FaultKind::Id { id: 75_025 })
        );
    }

    #[test]
    fn what_base64url_does_not_have_is_named_by_its_place() {
        for (text, at) in [("A=", 1), ("A+B", 1), ("\u{e9}", 0), ("AB CD", 2)] {
            let fault = Bits::new(text, "test").map(|_| ()).map_err(|fault| fault.kind);
            assert_eq!(fault, Err(FaultKind::Character { at }), "{text}");
        }
        assert_eq!(Bits::new("", "test").map(|_| ()).map_err(|fault| fault.kind), Err(FaultKind::Empty));
    }
}
