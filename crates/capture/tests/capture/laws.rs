//! Laws on generated records: no input makes capture panic, and what it accepts is in order and stable.

use kinfold_capture::laws::{self, Circumstances};
use kinfold_capture::{Settings, UnknownMembers};
use kinfold_model::{Rules, Touchpoint};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::{EXAMPLE, captured, keys, now, with};

fn settings(unknown_members: UnknownMembers) -> Settings {
    Settings { unknown_members, default_region: Some("DE".to_owned()), ..Settings::default() }
}

/// The laws hold, and the touchpoint written out as a record is captured as itself.
fn in_order(touchpoint: &Touchpoint, settings: &Settings) -> Result<(), TestCaseError> {
    let given = Circumstances { keys: &keys(), rules: &Rules::default(), settings, now: now() };
    prop_assert_eq!(laws::check(touchpoint, &given), Ok(()));
    let again = captured(&laws::record(touchpoint), settings.clone());
    let again = again.map(|again| laws::mended(&again));
    prop_assert!(
        again == Ok(laws::mended(touchpoint)),
        "another touchpoint the second time: {:?}",
        again.err()
    );
    Ok(())
}

/// Values of every JSON type, more often those that a touchpoint has somewhere.
fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1.5..1.5).prop_map(|number: f64| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        select(vec![
            "email",
            "phone",
            "social",
            "granted",
            "1.50",
            "EUR",
            "2026-03-01T10:00:00Z",
            "+49 351 1234567"
        ])
        .prop_map(Value::from),
        "[ A-Za-zäßİΣ\u{301}]{1,9}@[A-Za-zü]{1,5}\\.(org|de)".prop_map(Value::from),
        "[A-Za-z]{1,5}:@?[A-Za-zİΣ\u{301}]{1,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((select(vec!["namespace", "value", "purpose", "x", "time"]), inner), 0..4).prop_map(
                |members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            ),
        ]
    })
}

/// Every place in a value, as a JSON pointer.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, value)| places(value, &format!("{at}/{i}"), all))
        }
        Value::Object(object) => {
            object.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), all))
        }
        _ => {}
    }
}

/// The example with other values in some places.
fn altered(alterations: Vec<(Index, Value)>) -> Vec<u8> {
    let mut record: Value = serde_json::from_str(EXAMPLE).expect("the example is JSON");
    for (index, value) in alterations {
        let mut all = Vec::new();
        places(&record, "", &mut all);
        if let Some(place) = record.pointer_mut(index.get(all.as_slice()).as_str()) {
            *place = value;
        }
    }
    record.to_string().into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(record in vec(any::<u8>(), 0..300)) {
        let _ = captured(&record, settings(UnknownMembers::Keep));
    }

    #[test]
    fn arbitrary_changes_of_bytes_never_panic_and_leave_what_is_accepted_in_order(
        changes in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut record = EXAMPLE.as_bytes().to_vec();
        for (index, byte) in changes {
            *index.get_mut(&mut record) = byte;
        }
        let settings = settings(UnknownMembers::Keep);
        if let Ok(touchpoint) = captured(&record, settings.clone()) {
            in_order(&touchpoint, &settings)?;
        }
    }

    #[test]
    fn other_values_anywhere_never_panic_and_leave_what_is_accepted_in_order(
        alterations in vec((any::<Index>(), json_value()), 1..4),
        unknown_members in select(UnknownMembers::ALL.to_vec()),
    ) {
        let settings = settings(unknown_members);
        if let Ok(touchpoint) = captured(&altered(alterations), settings.clone()) {
            in_order(&touchpoint, &settings)?;
        }
    }

    #[test]
    fn every_attribute_is_stable(
        name in select(vec![
            "given_name", "family_name", "full_name", "birth_date", "country", "postal_code", "language", "currency",
            "url", "ip",
        ]),
        country in select(vec!["DE", "GB", "Germany", "nowhere"]),
        value in prop_oneof![
            any::<String>(),
            "[ ,A-Za-zäßİΣŉ\u{1c5}\u{301}'’.,-]{1,12}( jr| MD|,)?",
            "(Dr|mr|VON|van|de|) ?[A-ZÄÖÜΣİa-zß]{1,8}[ -]?[A-Z]{0,6}",
            "[0-9]{1,4}[-./ ][0-9]{1,2}[-./ ][0-9]{2,4}(T00:00:00Z)?",
            "[A-Z]{0,2}[ -]?[0-9]{3,6}[ -]?[A-Za-z0-9]{0,4}",
            "(https?:)?//([a-z]{1,3}(:x)?@)?[A-Z.a-z]{1,6}/[@a/?#]{0,5}([&?#](email|q|gclid)=[a@%40 ]{0,6}){0,3}",
            "[0-9]{1,3}(\\.[0-9]{1,3}){3}(:80)?",
        ],
    ) {
        let attributes: Value = [(name, value), ("country", country.to_owned())].into_iter().collect();
        let record = with(&format!(r#""attributes": {attributes}"#));
        let settings = settings(UnknownMembers::Refuse);
        if let Ok(touchpoint) = captured(record.as_bytes(), settings.clone()) {
            in_order(&touchpoint, &settings)?;
        }
    }

    #[test]
    fn every_identifier_that_is_accepted_is_stable(
        namespace in select(vec!["email", "phone", "social", "customer_id", "email_sha256"]),
        value in prop_oneof![
            any::<String>(),
            "[ A-Za-zäßİΣK\u{301}\u{345}.+]{1,9}@[A-Za-züßİ\u{301}]{1,5}\\.(ORG|de|ελ)",
            "[A-Za-z]{1,5}: ?@{0,2}[A-Za-zİΣ\u{301}\u{345}]{1,9}",
            "[0+]{0,2}(49|1|44|)[ ()0-9/-]{5,14}( ext. 5)?",
            "[0-9a-fA-F]{64}",
        ],
    ) {
        let identifier = json!({"namespace": namespace, "value": value});
        let record = json!({"time": 0, "source": "crm", "identifiers": [identifier]});
        let settings = settings(UnknownMembers::Refuse);
        if let Ok(touchpoint) = captured(record.to_string().as_bytes(), settings.clone()) {
            in_order(&touchpoint, &settings)?;
        }
    }
}

#[test]
fn the_example_obeys_the_laws() {
    let settings = Settings::default();
    let touchpoint = captured(EXAMPLE.as_bytes(), settings.clone()).expect("accepted");
    in_order(&touchpoint, &settings).expect("in order");
}
