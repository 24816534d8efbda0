//! Canonical touchpoints, as JSON and as what a mapping makes: what capture accepts obeys its laws, is accepted as itself
//! when it comes again, and is read from Avro as it was written.

use kinfold_capture::laws::{self, Circumstances};
use kinfold_capture::{Capture, Settings, UnknownMembers};
use kinfold_mapping::Value;
use kinfold_model::{Keys, Rules, Secret, Timestamp, Touchpoint};
use kinfold_wire::{Framing, SchemaIds, Topic, decode, encode};

use crate::signals;

const SEEDS: [&str; 4] = [
    r#"{"touchpoint_id": "web-17", "time": "2026-03-01T10:15:00.250Z", "source": "webshop", "channel": "web", "type": "order",
        "identifiers": [{"namespace": "email", "value": "Ann@Example.ORG"}, {"namespace": "customer_id", "value": " C-4711 "},
                        {"namespace": "phone", "value": "0351 1234567"}, {"namespace": "social", "value": "mastodon:@Ann"}],
        "attributes": {"given_name": "ANN", "family_name": "lee", "birth_date": "29.02.1984", "country": "Germany",
                       "postal_code": "01067", "language": "de", "currency": "eur", "url": "https://example.org/?email=a%40b.c&x=1",
                       "ip": "192.0.2.17", "other": 1.5},
        "consents": [{"purpose": "marketing", "decision": "granted", "basis": "consent", "jurisdiction": "gdpr",
                      "time": "2026-03-01T10:14:58Z", "wording": "v3", "channel": "email", "expires": 1835518498000}],
        "consent_signals": {"tcf": "CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA", "gpp": "DBAA", "gpc": true, "us_privacy": "1YYN",
                            "consent_mode": {"ad_storage": "denied", "new": "x"}, "email": "unsubscribe",
                            "segment": {"categoryPreferences": {"Advertising": true, "Analytics": false}}},
        "order": {"order_id": "o-1", "value": "19.90", "currency": "EUR", "items": 2},
        "engagement": {"campaign": "spring", "action": "click"}}"#,
    r#"{"time": 0, "source": "till", "identifiers": [{"namespace": "cookie", "value": "c1"}]}"#,
    r#"{"time": 1772360100250, "source": "x", "identifiers": [{"namespace": "email_sha256",
        "value": "b7a6cb5e6a5a5f4b9e3b1e2f6c1d4a7e8f9001122334455667788990aabbccdd"}], "order": null, "unknown": [1, {"a": []}]}"#,
    r#"{"time": "2026-01-01T00:00:00+14:00", "source": "crm", "identifiers": [{"namespace": "phone", "value": "+49 351 1234567"}],
        "consents": [{"purpose": "p", "decision": "denied"}, {"purpose": "p", "decision": "requested"},
                     {"purpose": "p", "decision": "granted", "confirmed": true}], "attributes": {"full_name": "Dr. Ann van der Lee, MD"}}"#,
];

pub(super) fn seeds() -> Vec<Vec<u8>> {
    SEEDS.iter().map(|seed| seed.as_bytes().to_vec()).collect()
}

/// Canonical JSON.
pub(super) fn check(record: &[u8]) -> Result<(), String> {
    for unknown_members in UnknownMembers::ALL {
        let bench = Bench::new(unknown_members)?;
        if let Ok(touchpoint) = bench.capture.touchpoint(record, bench.now) {
            bench.in_order(&touchpoint)?;
        }
    }
    Ok(())
}

/// A value, as a mapping gives one.
pub(super) fn check_mapped(json: &[u8]) -> Result<(), String> {
    let Ok(value) = Value::parse(json) else { return Ok(()) };
    let bench = Bench::new(UnknownMembers::Refuse)?;
    bench.mapped(&value)
}

/// A capture, and what it was made with.
pub(super) struct Bench {
    keys: Keys,
    rules: Rules,
    settings: Settings,
    now: Timestamp,
    pub(super) capture: Capture,
}

impl Bench {
    pub(super) fn new(unknown_members: UnknownMembers) -> Result<Self, String> {
        let secret = Secret::new(b"0123456789abcdef").map_err(|error| error.to_string())?;
        let (keys, rules) = (Keys::new(&secret), Rules::default());
        let settings = Settings {
            unknown_members,
            default_region: Some("DE".to_owned()),
            signals: signals::rules()?.clone(),
            ..Settings::default()
        };
        let now = "2026-03-01T11:15:00Z".parse().map_err(|_| "the time of the bench is none")?;
        let capture = Capture::new(keys.clone(), rules.clone(), settings.clone());
        Ok(Self { keys, rules, settings, now, capture })
    }

    /// What came of a mapping is refused, or in order.
    pub(super) fn mapped(&self, value: &Value) -> Result<(), String> {
        match self.capture.mapped(value, || "an id".to_owned(), self.now) {
            Ok(touchpoint) => self.in_order(&touchpoint),
            Err(_) => Ok(()),
        }
    }

    /// The touchpoint of a record, if it is one; it is in order.
    pub(super) fn touchpoint(&self, record: &[u8]) -> Result<Option<Touchpoint>, String> {
        let Ok(touchpoint) = self.capture.touchpoint(record, self.now) else { return Ok(None) };
        self.in_order(&touchpoint).map(|()| Some(touchpoint))
    }

    fn in_order(&self, touchpoint: &Touchpoint) -> Result<(), String> {
        let given =
            Circumstances { keys: &self.keys, rules: &self.rules, settings: &self.settings, now: self.now };
        laws::check(touchpoint, &given)?;
        match self.capture.touchpoint(&laws::record(touchpoint), self.now) {
            Ok(again) if laws::mended(&again) == laws::mended(touchpoint) => {}
            Ok(_) => return Err("what is accepted stays as it is when it comes again".to_owned()),
            Err(refusal) => return Err(format!("what is accepted is accepted again: {refusal}")),
        }
        let Ok(bytes) = encode(Topic::Touchpoint, Framing::SingleObject, touchpoint) else { return Ok(()) };
        match decode::<Touchpoint>(Topic::Touchpoint, &SchemaIds::default(), &bytes) {
            Ok(read) if read == *touchpoint => Ok(()),
            _ => Err("a touchpoint is read as it was written".to_owned()),
        }
    }
}
