//! The laws of how people are folded.

use kinfold_profile::Settings;

use super::{load, only_fault};

#[test]
fn without_a_word_no_source_is_preferred_and_ten_touchpoints_are_shown() {
    let profile = load("", &[]).expect("valid").profile;
    assert_eq!(profile, Settings::default());
    assert_eq!((profile.order_sources.len(), profile.utc_offset_minutes, profile.timeline), (0, 0, 10));
}

#[test]
fn settings_of_profiles_are_read_as_they_are_described_and_the_environment_wins() {
    let text =
        "[profile]\nutc_offset_minutes = -210\ntimeline = 0\n[orders]\nsources = [\"erp\", \"cafe\u{301}\"]";
    let config = load(text, &[]).expect("valid");
    let order_sources = ["erp", "caf\u{e9}"].map(str::to_owned).into();
    let expected = Settings { order_sources, utc_offset_minutes: -210, timeline: 0, ..Settings::default() };
    assert_eq!(config.profile, expected);
    assert_eq!(load(&config.describe(), &[]).expect("accepted").profile, config.profile);
    let env = [("KINFOLD_ORDERS__SOURCES", "webshop, erp"), ("KINFOLD_PROFILE__TIMELINE", "50")];
    let config = load(text, &env).expect("valid");
    assert_eq!(
        (config.profile.order_sources, config.profile.timeline),
        (vec!["webshop".into(), "erp".into()], 50)
    );
}

#[test]
fn settings_of_profiles_that_cannot_be_meant_are_faults() {
    let many: Vec<String> = (0..65).map(|n| format!("\"s{n}\"")).collect();
    let many = format!("[orders]\nsources = [{}]", many.join(", "));
    for (text, said) in [
        ("[profile]\ntimeline = 51", "profile.timeline is 51; write a number from 0 to 50"),
        ("[profile]\nutc_offset_minutes = 900", "write a number from -720 to 840"),
        ("[orders]\nsources = [\"erp\", \"erp\"]", "orders.sources names a source twice"),
        ("[orders]\nsources = [\" erp\"]", "orders.sources holds an entry that is no name of a source"),
        ("[orders]\nsource = [\"erp\"]", "orders.source is no setting; did you mean orders.sources?"),
        (&many, "orders.sources names 65 sources; name at most 64"),
    ] {
        let fault = only_fault(text, &[]);
        assert!(fault.contains(said), "{fault}");
    }
}
