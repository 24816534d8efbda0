//! Blocked identifiers: a record that has no other is refused, beside another they stay where they are.

use kinfold_capture::Settings;
use kinfold_model::{Refusal, RefusalKind, Rules, Touchpoint};
use serde_json::json;

use super::{capture, captured};

fn of(identifiers: &[(&str, &str)]) -> Result<Touchpoint, Refusal> {
    let identifiers: Vec<_> = identifiers
        .iter()
        .map(|(namespace, value)| json!({"namespace": namespace, "value": value}))
        .collect();
    let record = json!({"time": 0, "source": "till", "identifiers": identifiers});
    captured(record.to_string().as_bytes(), Settings::default())
}

/// Values of the default lists and of their patterns that the normalisers of their namespaces can read.
fn blocked() -> Vec<(&'static str, String)> {
    let rules = Rules::default();
    let list = |namespace: &'static str| {
        rules.namespaces[namespace].block.values().iter().map(move |value| (namespace, value.clone()))
    };
    let everywhere = rules.block.values().iter().map(|value| ("cookie", value.clone()));
    let patterns = [
        ("customer_id", "000"),
        ("device_id", "00000000-0000-0000-0000-000000000000"),
        ("device_id", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"),
        ("email", "No-Reply@shop.example.org"),
        ("email", "anybody@example.invalid"),
    ];
    let patterns = patterns.map(|(namespace, value)| (namespace, value.to_owned()));
    everywhere.chain(list("email")).chain(list("device_id")).chain(patterns).collect()
}

#[test]
fn what_is_on_a_block_list_is_refused_when_alone_whatever_its_case() {
    for (namespace, value) in blocked() {
        for value in [value.to_uppercase(), format!(" {value} ")] {
            let refusal = of(&[(namespace, &value)]).expect_err(namespace);
            assert_eq!(refusal.kind, RefusalKind::BlockedIdentifier, "{namespace} {value}");
            assert_eq!(refusal.member, "identifiers");
            assert!(refusal.sentence.starts_with("identifiers are all on the block list"), "{refusal}");
        }
    }
}

#[test]
fn a_blocked_telephone_number_is_refused_when_alone_even_where_it_could_be_one() {
    for value in Rules::default().namespaces["phone"].block.values() {
        let kind = of(&[("phone", value)]).expect_err("is blocked, or no number of any country").kind;
        assert!(
            matches!(kind, RefusalKind::BlockedIdentifier | RefusalKind::BadIdentifier),
            "{value}: {kind}"
        );
    }
}

#[test]
fn what_is_on_a_block_list_is_kept_beside_another_identifier() {
    let stage = capture(Settings::default());
    for (namespace, value) in blocked() {
        let touchpoint =
            of(&[("loyalty_id", "L-17"), (namespace, &value)]).expect("somebody can be recognised");
        let alone = of(&[("loyalty_id", "L-17")]).expect("accepted");
        assert_eq!(touchpoint.identifiers.len(), 2, "{namespace} {value}");
        assert_ne!(touchpoint.sighting, alone.sighting, "what was seen together is one sighting");
        for identifier in &touchpoint.identifiers {
            assert_eq!(stage.is_blocked(identifier), identifier.namespace.as_str() != "loyalty_id");
        }
    }
}

#[test]
fn a_record_whose_identifiers_are_all_blocked_is_refused_however_many_they_are() {
    let refused = of(&[("cookie", "null"), ("device_id", "unknown"), ("email", "noreply@example.org")]);
    assert_eq!(refused.map_err(|refusal| refusal.kind).err(), Some(RefusalKind::BlockedIdentifier));
}
