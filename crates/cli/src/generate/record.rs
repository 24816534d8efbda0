//! The JSON of one record. In: its members in the order of the format. Out: one line of canonical JSON.
//! Texts come from our own lists and numbers, none of which JSON would have to escape.

use std::fmt::Display;
use std::io::Write as _;

use kinfold_model::time::Timestamp;

/// A record that is being written.
pub(super) struct Record {
    bytes: Vec<u8>,
    open: Open,
}

/// Which member is being written.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Nothing,
    Identifiers,
    Attributes,
    Consents,
}

/// The members that every record begins with.
pub(super) struct Head {
    /// Prefix and number; `None` leaves the id to capture.
    pub(super) id: Option<(&'static str, u64)>,
    pub(super) time: Timestamp,
    pub(super) source: &'static str,
    pub(super) channel: &'static str,
    pub(super) kind: &'static str,
}

/// A decision, for the touchpoint's time and on the basis of consent.
pub(super) struct Said {
    pub(super) purpose: &'static str,
    /// `None`: it is about any.
    pub(super) channel: Option<&'static str>,
    pub(super) decision: &'static str,
    pub(super) jurisdiction: &'static str,
    pub(super) wording: &'static str,
}

impl Record {
    pub(super) fn new(head: &Head) -> Self {
        let mut record = Self { bytes: Vec::with_capacity(512), open: Open::Nothing };
        record.put(format_args!("{{"));
        if let Some((prefix, number)) = head.id {
            record.put(format_args!(r#""touchpoint_id":"{prefix}-{number:09}","#));
        }
        let Head { time, source, channel, kind, .. } = head;
        record.put(format_args!(
            r#""time":"{time}","source":"{source}","channel":"{channel}","type":"{kind}""#
        ));
        record
    }

    pub(super) fn identifier(&mut self, namespace: &str, value: impl Display) {
        self.element(Open::Identifiers);
        self.put(format_args!(r#"{{"namespace":"{namespace}","value":"{value}"}}"#));
    }

    pub(super) fn attribute(&mut self, name: &str, value: impl Display) {
        self.element(Open::Attributes);
        self.put(format_args!(r#""{name}":"{value}""#));
    }

    pub(super) fn consent(&mut self, said: &Said) {
        let Said { purpose, channel, decision, jurisdiction, wording } = said;
        self.element(Open::Consents);
        self.put(format_args!(
            r#"{{"purpose":"{purpose}","decision":"{decision}","basis":"consent","jurisdiction":"{jurisdiction}","wording":"{wording}""#
        ));
        if let Some(channel) = channel {
            self.put(format_args!(r#","channel":"{channel}""#));
        }
        self.put(format_args!("}}"));
    }

    /// `cents` are hundredths of the currency.
    pub(super) fn order(&mut self, id: u64, cents: u32, currency: &str, items: u8) {
        self.close();
        let (units, hundredths) = (cents / 100, cents % 100);
        self.put(format_args!(
            r#","order":{{"order_id":"O-{id}","value":"{units}.{hundredths:02}","currency":"{currency}","items":{items}}}"#
        ));
    }

    /// Of the order that was written last.
    pub(super) fn order_became(&mut self, status: &str) {
        let end = self.bytes.pop();
        debug_assert_eq!(end, Some(b'}'));
        self.put(format_args!(r#","status":"{status}"}}"#));
    }

    pub(super) fn reaction(&mut self, campaign: &str, action: &str) {
        self.close();
        self.put(format_args!(r#","engagement":{{"campaign":"{campaign}","action":"{action}"}}"#));
    }

    /// `tenths` of sentiment: -10 (bad) to 10 (good).
    pub(super) fn sentiment(&mut self, action: &str, tenths: i8) {
        self.close();
        let sign = if tenths < 0 { "-" } else { "" };
        let (units, tenths) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
        self.put(format_args!(r#","engagement":{{"action":"{action}","sentiment":{sign}{units}.{tenths}}}"#));
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.close();
        self.bytes.push(b'}');
        self.bytes
    }

    /// Opens the member, or goes on in it after a comma.
    fn element(&mut self, member: Open) {
        if self.open == member {
            self.bytes.push(b',');
            return;
        }
        self.close();
        self.bytes.extend_from_slice(match member {
            Open::Nothing => b"",
            Open::Identifiers => br#","identifiers":["#,
            Open::Attributes => br#","attributes":{"#,
            Open::Consents => br#","consents":["#,
        });
        self.open = member;
    }

    fn close(&mut self) {
        match self.open {
            Open::Nothing => {}
            Open::Identifiers | Open::Consents => self.bytes.push(b']'),
            Open::Attributes => self.bytes.push(b'}'),
        }
        self.open = Open::Nothing;
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.bytes.write_fmt(text).expect("a Vec takes whatever is written to it");
    }
}
