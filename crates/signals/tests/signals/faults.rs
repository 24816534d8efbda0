//! Strings that contradict themselves or their version are faults, and name what contradicts.

use kinfold_signals::FaultKind;
use kinfold_signals::tcf::TcString;

use super::encode::{Tcf, Writer};

fn fault(text: &str) -> (&'static str, FaultKind) {
    let fault = TcString::read(text).expect_err("unreadable");
    (fault.field, fault.kind)
}

/// A string whose disclosed vendors are written as one range, up to a highest id.
fn disclosing(max: u64, first: u64, last: u64) -> String {
    let core = Tcf { disclosed: None, ..Tcf::default() }.text();
    let mut segment = Writer::default();
    segment.number(1, 3).number(max, 16).number(1, 1).number(1, 12);
    segment.number(1, 1).number(first, 16).number(last, 16);
    format!("{core}.{}", segment.text())
}

#[test]
fn since_march_2026_a_string_says_which_vendors_were_disclosed() {
    // 2026-03-01T00:00:00Z in tenths of a second.
    const DAY: u64 = 17_723_232_000;
    let at = |last_updated_tenths| Tcf { disclosed: None, last_updated_tenths, ..Tcf::default() }.text();
    assert!(TcString::read(&at(DAY - 1)).is_ok_and(|string| string.disclosed_vendors.is_none()));
    assert_eq!(fault(&at(DAY)), ("the segment", FaultKind::NoDisclosedVendors));
    let told = Tcf { last_updated_tenths: DAY, ..Tcf::default() };
    assert!(TcString::read(&told.text()).is_ok());
}

#[test]
fn ranges_run_forwards_from_1_to_the_highest_id_of_their_list() {
    assert!(TcString::read(&disclosing(9, 1, 9)).is_ok());
    assert_eq!(fault(&disclosing(9, 1, 10)), ("vendors", FaultKind::Id { id: 10 }));
    assert_eq!(fault(&disclosing(9, 0, 9)), ("vendors", FaultKind::Id { id: 0 }));
    assert_eq!(fault(&disclosing(9, 5, 4)), ("vendors", FaultKind::Backwards { first: 5, last: 4 }));
}

#[test]
fn restrictions_are_of_purposes_that_there_are_and_of_kinds_that_there_are() {
    let with =
        |purpose, kind| Tcf { restrictions: vec![(purpose, kind, [7].into())], ..Tcf::default() }.text();
    assert!(TcString::read(&with(24, 2)).is_ok());
    assert_eq!(fault(&with(0, 0)), ("restricted_purpose", FaultKind::Id { id: 0 }));
    assert_eq!(fault(&with(25, 0)), ("restricted_purpose", FaultKind::Id { id: 25 }));
    assert_eq!(fault(&with(1, 3)), ("restriction_type", FaultKind::Reserved { value: 3 }));
}

#[test]
fn policies_that_are_not_known_are_not_read() {
    for policy in [0, 1, 6, 63] {
        let text = Tcf { policy, ..Tcf::default() }.text();
        let kind = FaultKind::Version { found: policy.into(), known: "2 to 5" };
        assert_eq!(fault(&text), ("policy_version", kind));
    }
}

#[test]
fn letters_are_letters() {
    let text = Tcf { language: "D[".to_owned(), ..Tcf::default() }.text();
    assert_eq!(fault(&text), ("consent_language", FaultKind::Reserved { value: 26 }));
}
