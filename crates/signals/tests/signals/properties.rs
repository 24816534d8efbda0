//! Laws on generated strings: what is written is read; whatever is cut, changed or made up gives a value or a fault.

use std::collections::BTreeSet;
use std::fmt::Debug;

use kinfold_signals::gpp::{Gpp, section_ids, us};
use kinfold_signals::ids::{FeatureId, PurposeId};
use kinfold_signals::tcf::{RestrictionKind, TcString};
use kinfold_signals::us_privacy::UsPrivacy;
use kinfold_signals::{EmailSignal, limits};
use proptest::collection::{btree_set, vec};
use proptest::option;
use proptest::prelude::*;

use super::encode::{self, Publisher, Tcf, Writer};

/// Few ids, some of them neighbours, some far out.
fn vendors() -> impl Strategy<Value = BTreeSet<u16>> {
    btree_set(prop_oneof![4 => 1..40_u16, 2 => 700..800_u16, 1 => 1..=u16::MAX], 0..30)
}

fn purposes() -> impl Strategy<Value = BTreeSet<u16>> {
    btree_set(1..=24_u16, 0..12)
}

fn publisher() -> impl Strategy<Value = Publisher> {
    let customs = vec(any::<(bool, bool)>(), 0..=63).prop_map(|flags| flags.into_iter().unzip());
    (purposes(), purposes(), customs).prop_map(
        |(consents, interests, (custom_consents, custom_interests))| Publisher {
            consents,
            interests,
            custom_consents,
            custom_interests,
        },
    )
}

pub(crate) fn strings() -> impl Strategy<Value = Tcf> {
    let plain = (0..1_u64 << 36, 0..1_u64 << 36, [0..4096_u16, 0..4096_u16], 0..64_u8, 0..4096_u16, 2..=5_u8);
    let letters = ("[A-Z]{2}", "[A-Z]{2}");
    let bits = (any::<[bool; 2]>(), any::<bool>(), any::<bool>());
    let said = (btree_set(1..=12_u16, 0..6), purposes(), purposes());
    let restrictions = vec((1..=24_u8, 0..=2_u8, vendors()), 0..5);
    let lists = (vendors(), vendors(), vendors(), option::of(vendors()));
    (plain, letters, bits, said, restrictions, lists, option::of(publisher()))
        .prop_map(
            |(
                plain,
                (language, country),
                (flags, one_untold, as_ranges),
                said,
                restrictions,
                lists,
                publisher,
            )| Tcf {
                created_tenths: plain.0,
                last_updated_tenths: plain.1,
                cmp: plain.2,
                screen: plain.3,
                language,
                list_version: plain.4,
                policy: plain.5,
                flags,
                features: said.0,
                consents: said.1,
                interests: said.2,
                one_untold,
                country,
                vendor_consents: lists.0,
                vendor_interests: lists.1,
                restrictions,
                disclosed: Some(lists.2),
                allowed: lists.3,
                publisher,
                as_ranges,
            },
        )
        .prop_map(short)
}

/// As bits, far ids would make strings of many kilobytes, and of several lists more than the limit.
fn short(mut string: Tcf) -> Tcf {
    if !string.as_ranges {
        let lists = [&mut string.vendor_consents, &mut string.vendor_interests];
        for list in lists.into_iter().chain(&mut string.disclosed).chain(&mut string.allowed) {
            list.retain(|id| *id < 1000);
        }
    }
    string
}

fn same<T: PartialEq + Debug>(read: impl IntoIterator<Item = T>, written: impl IntoIterator<Item = T>) {
    assert_eq!(read.into_iter().collect::<Vec<_>>(), written.into_iter().collect::<Vec<_>>());
}

/// Every field of what was read is that which was written.
fn agrees(read: &TcString, written: &Tcf) {
    let ids = |purposes: kinfold_signals::ids::Purposes| {
        purposes.iter().map(|id| u16::from(id.get())).collect::<Vec<_>>()
    };
    assert_eq!(read.created.millis() as u64, written.created_tenths * 100);
    assert_eq!(read.last_updated.millis() as u64, written.last_updated_tenths * 100);
    assert_eq!([read.cmp_id, read.cmp_version], written.cmp);
    assert_eq!((read.consent_screen, read.vendor_list_version), (written.screen, written.list_version));
    assert_eq!(read.policy_version, written.policy);
    assert_eq!(read.consent_language.as_slice(), written.language.as_bytes());
    assert_eq!(read.publisher_country.as_slice(), written.country.as_bytes());
    assert_eq!([read.is_service_specific, read.use_non_standard_texts], written.flags);
    assert_eq!(read.purpose_one_untold, written.one_untold);
    same(
        read.special_features.iter().map(|id| u16::from(FeatureId::get(id))),
        written.features.iter().copied(),
    );
    same(ids(read.consents), written.consents.iter().copied());
    same(ids(read.legitimate_interests), written.interests.iter().copied());
    same(read.vendor_consents.iter(), written.vendor_consents.iter().copied());
    same(read.vendor_legitimate_interests.iter(), written.vendor_interests.iter().copied());
    assert_eq!(read.restrictions.len(), written.restrictions.len());
    for (read, (purpose, kind, vendors)) in read.restrictions.iter().zip(&written.restrictions) {
        let kinds = [
            RestrictionKind::NotAllowed,
            RestrictionKind::RequireConsent,
            RestrictionKind::RequireLegitimateInterest,
        ];
        assert_eq!((PurposeId::get(read.purpose), read.kind), (*purpose, kinds[usize::from(*kind)]));
        same(read.vendors.iter(), vendors.iter().copied());
    }
    for (read, written) in
        [(&read.disclosed_vendors, &written.disclosed), (&read.allowed_vendors, &written.allowed)]
    {
        assert_eq!(read.is_some(), written.is_some());
        same(read.iter().flat_map(|list| list.iter()), written.iter().flatten().copied());
    }
    assert_eq!(read.publisher.is_some(), written.publisher.is_some());
    if let (Some(read), Some(written)) = (&read.publisher, &written.publisher) {
        same(ids(read.consents), written.consents.iter().copied());
        same(ids(read.legitimate_interests), written.interests.iter().copied());
        assert_eq!(read.custom_consents, written.custom_consents);
        assert_eq!(read.custom_legitimate_interests, written.custom_interests);
    }
}

/// Everything that takes text takes it, and gives the same twice.
fn takes(text: &str) {
    assert_eq!(TcString::read(text), TcString::read(text));
    assert_eq!(Gpp::read(text), Gpp::read(text));
    let _ = (section_ids(text), UsPrivacy::read(text), text.parse::<EmailSignal>());
    for area in (7..=23).filter_map(us::Area::of) {
        let _ = us::UsSection::read(area, text);
    }
    let _ = kinfold_signals::consent_mode::ConsentMode::read_gcs(text);
    let _ = kinfold_signals::gpc::GlobalPrivacyControl::read_header(text);
}

/// One bit of a character of base64url turned over; other characters stay.
fn flipped(text: &str, bit: usize) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = bit / 6;
    let turn = |character: char| {
        let Some(value) = ALPHABET.find(character) else { return character };
        ALPHABET.chars().nth(value ^ 1 << (bit % 6)).unwrap_or(character)
    };
    text.chars().enumerate().map(|(index, one)| if index == at { turn(one) } else { one }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_tc_string_is_read_as_it_was_written(written in strings()) {
        agrees(&TcString::read(&written.text()).expect("readable"), &written);
    }

    #[test]
    fn ids_of_sections_are_read_as_they_were_written(ids in btree_set(1..=u16::MAX, 0..limits::SECTIONS_MAX)) {
        let sections: Vec<(u16, String)> = ids.iter().map(|id| (*id, "x".to_owned())).collect();
        let read = Gpp::read(&encode::gpp(&sections)).expect("readable");
        same(read.sections.iter().map(|section| section.id), ids);
    }

    #[test]
    fn a_section_of_a_state_is_read_as_it_was_written(fields in vec(0..=2_u64, 20), gpc in option::of(any::<bool>())) {
        // Texas: twenty fields of two bits, the opt-outs at the fourth and fifth place.
        let mut core = Writer::default();
        core.number(1, 6);
        for field in &fields[..18] {
            core.number(*field, 2);
        }
        let gpc_segment = gpc.map(|is| format!(".{}", Writer::default().number(1, 2).number(is.into(), 1).text()));
        let text = core.text() + &gpc_segment.unwrap_or_default();
        let read = us::UsSection::read(us::Area::of(16).expect("Texas"), &text).expect("readable");
        let choices = [us::Choice::NotApplicable, us::Choice::No, us::Choice::Yes];
        let choice = |at: usize| choices[fields[at] as usize];
        same(read.opt_outs.values().copied(), [choice(3), choice(4)]);
        same(read.sensitive.clone(), (5..13).map(choice));
        same(read.children.clone(), [choice(13)]);
        prop_assert_eq!(read.beyond_what_was_said, Some(choice(14)));
        prop_assert_eq!(read.gpc, gpc);
    }

    #[test]
    fn every_prefix_of_a_string_is_a_value_or_a_fault(written in strings()) {
        let text = encode::gpp(&[(2, written.text()), (6, "1YNN".to_owned()), (8, "BVWSSSVY.YA".to_owned())]);
        // All of the front, where most fields are; of the lists behind it a part, because each is read from the start.
        for end in (0..text.len().min(100)).chain((100..text.len()).step_by(7)) {
            takes(&text[..end]);
        }
        // The core cut anywhere before its padding is no string, because nothing in it may be missing.
        let core = written.text().split('.').next().unwrap_or_default().to_owned();
        for end in core.len().saturating_sub(50)..core.len() - 1 {
            prop_assert!(TcString::read(&core[..end]).is_err());
        }
    }

    #[test]
    fn every_flipped_bit_gives_a_value_or_a_fault(written in strings(), bits in vec(any::<prop::sample::Index>(), 32)) {
        let text = written.text();
        for bit in bits {
            takes(&flipped(&text, bit.index(text.len() * 6)));
        }
    }

    #[test]
    fn text_of_base64url_and_dots_is_a_value_or_a_fault(text in "[A-Za-z0-9_.~-]{0,400}") {
        takes(&text);
        takes(&format!("C{text}"));
        takes(&format!("DBACNYA~C{text}~{text}"));
    }

    #[test]
    fn any_text_is_a_value_or_a_fault(text in any::<String>()) {
        takes(&text);
    }
}

#[test]
fn the_longest_strings_are_taken_whatever_they_hold() {
    let all: BTreeSet<u16> = BTreeSet::from_iter((1..=u16::MAX).step_by(2));
    for as_ranges in [false, true] {
        // 65,535 bits, and as many ranges as twelve bits can count.
        let some: BTreeSet<u16> =
            if as_ranges { all.iter().copied().take(900).collect() } else { all.clone() };
        let written = Tcf { vendor_consents: some, as_ranges, ..Tcf::default() };
        let text = written.text();
        assert!(text.len() <= limits::STRING_BYTES_MAX, "{}", text.len());
        agrees(&TcString::read(&text).expect("readable"), &written);
    }
    let longest = |one: &str| one.repeat(limits::STRING_BYTES_MAX / one.len());
    for text in ["_", "A", "C", ".", "~", "D", "CA.", "B~"].map(longest) {
        takes(&text);
        takes(&text[1..]);
    }
}
