//! A company of five systems, whole: the rows of their exports go through the mappings and rules of `tests/company`, and one profile a person
//! comes out. Each profile is compared with the rows that are its own, and a report tells of all of them together.

mod books;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use kinfold_capture::Outcome;
use kinfold_cli::run::Setup;
use kinfold_daemon::config::Config;
use kinfold_daemon::sources;
use kinfold_model::{PersonId, UnifiedProfile};
use kinfold_pipeline::{Shelf, StageName, Tally};
use kinfold_testkit::data::test_data;
use kinfold_wire::{Framing, SchemaIds, Topic, decode, encode};

use self::books::{Account, Books, SYSTEMS, Sums, email, telephone};
use self::report::{Intake, Report, accounts, revenue};
use crate::sources::blessing;

/// What a run made of the rows.
struct Found {
    profiles: BTreeMap<PersonId, UnifiedProfile>,
    quarantined: usize,
    tally: Tally,
}

fn folder() -> PathBuf {
    PathBuf::from("company")
}

fn deployment() -> Config {
    let secret = ("KINFOLD_SECRET".to_owned(), "a secret that only tests use".to_owned());
    let config = Config::load(Some(&folder().join("kinfold.toml")), [secret].into_iter());
    Config { sources_dir: folder().join("sources"), ..config.unwrap_or_else(|faults| panic!("{faults}")) }
}

/// Takes all rows through all stages, in an order of the seed's choice.
fn resolve(books: &Books, seed: u64) -> Found {
    let config = deployment();
    let (mappings, faults) = sources::load(&config).expect("a folder of sources");
    assert!(faults.is_empty(), "{faults:#?}");
    let setup = Setup::new(config, None).expect("has a secret").with_sources(mappings);
    let state = tempfile::tempdir().expect("a folder");
    let mut run = setup.begin(state.path()).expect("the store opens");
    for (offset, (source, record)) in (0..).zip(books.records(seed)) {
        run.feed(&source, offset, record).expect("a record is handled or refused");
    }
    run.publish().expect("people are published");
    let mut profiles = BTreeMap::new();
    let see = &mut |_: &[u8], value: &[u8]| {
        let profile: UnifiedProfile =
            decode(Topic::UnifiedProfile, &SchemaIds::default(), value).expect("we wrote it");
        // It counts publications, and so tells of the way.
        profiles.insert(profile.person_id, UnifiedProfile { version: 0, ..profile });
    };
    run.local.visit(Shelf::Topic(Topic::UnifiedProfile), see).expect("the store is read");
    let mut quarantined = 0;
    let see = &mut |key: &[u8], value: &[u8]| {
        let node = kinfold_stitch::node_of_entry(key, value).expect("we wrote it");
        quarantined += usize::from(node.is_some_and(|node| node.is_quarantined()));
    };
    run.local.visit(Shelf::Stage(StageName::Stitch), see).expect("the store is read");
    Found { profiles, quarantined, tally: run.local.tally(StageName::Capture) }
}

/// What became of the records of each source.
fn intakes(books: &Books, tally: &Tally) -> Vec<Intake> {
    let counts = books.counts();
    let of_system = |system: &books::System| {
        let mut intake = Intake {
            source: system.source,
            records: counts.get(system.source).copied().unwrap_or_default(),
            nobody: tally
                .mapped
                .get(&(system.source.to_owned(), Outcome::Nothing))
                .copied()
                .unwrap_or_default(),
            quality: kinfold_model::SourceQuality::default(),
        };
        let qualities = tally.sources.iter().filter(|((_, source), _)| source == system.source);
        qualities.for_each(|(_, quality)| intake.quality.add(quality));
        intake
    };
    SYSTEMS.iter().map(of_system).collect()
}

/// Every row is accounted for: it became the touchpoints that it should, and none was refused.
fn check_intake(intakes: &[Intake], tally: &Tally, total: &Sums) {
    let records: u64 = intakes.iter().map(|intake| intake.records).sum();
    assert_eq!((tally.consumed_total(), tally.passed, tally.refused_total()), (records, records, 0));
    let touchpoints: u64 = intakes.iter().map(|intake| intake.quality.touchpoints).sum();
    assert_eq!(touchpoints, u64::try_from(total.touchpoints).expect("is a count"));
}

/// Every account and every address and number of a row is in one profile, and in no other.
fn check_identifiers(books: &Books, profiles: &[&UnifiedProfile]) {
    let stated = |namespace: &'static str, value: Option<String>| value.map(|value| (namespace, value));
    let should: BTreeSet<(&str, String)> = books
        .customers()
        .flat_map(|(account, row)| {
            [Some(account), stated("email", email(row)), stated("telephone", telephone(row))]
        })
        .flatten()
        .collect();
    let mut is = BTreeSet::new();
    for identifier in profiles.iter().flat_map(|profile| &profile.identifiers) {
        let is_new = is.insert((identifier.namespace.as_str(), identifier.value.clone()));
        assert!(
            is_new,
            "two profiles share an identifier of the namespace {}",
            identifier.namespace.as_str()
        );
    }
    let (missing, extra) = (should.difference(&is).count(), is.difference(&should).count());
    assert_eq!((missing, extra), (0, 0), "identifiers of rows without a profile, of profiles without a row");
}

/// Each profile adds up to just what the rows of its accounts do, and all profiles to what all rows do.
fn check_sums(sums: &BTreeMap<Account, Sums>, total: &Sums, profiles: &[&UnifiedProfile]) {
    for &profile in profiles {
        let mut should = Sums::default();
        for account in accounts(profile) {
            should.add(sums.get(&account).expect("an account has rows"));
        }
        let metrics = &profile.metrics;
        let is = (metrics.touchpoints, metrics.orders, metrics.cancellations, revenue(&[profile]));
        assert_eq!(
            is,
            (should.touchpoints, should.orders, should.cancellations, should.revenue()),
            "{profile:?}"
        );
    }
    assert_eq!(revenue(profiles), total.revenue());
}

/// The groups of accounts whose rows share an address or a number, and which rules part, by their size and the number of their people. All
/// others are one person each, and nobody is of two groups.
fn parted(books: &Books, profiles: &[&UnifiedProfile]) -> Vec<(usize, usize)> {
    let person: BTreeMap<Account, PersonId> = profiles
        .iter()
        .flat_map(|profile| accounts(profile).map(move |account| (account, profile.person_id)))
        .collect();
    let groups = books.groups(|row| {
        let address = email(row).map(|email| format!("email {email}"));
        address.into_iter().chain(telephone(row).map(|number| format!("telephone {number}"))).collect()
    });
    let (mut parted, mut people_of_groups) = (Vec::new(), 0);
    for group in &groups {
        let people: BTreeSet<&PersonId> = group.iter().filter_map(|account| person.get(account)).collect();
        people_of_groups += people.len();
        if people.len() == 1 {
            continue;
        }
        let mut namespaces = BTreeSet::new();
        let has_two =
            group.iter().any(|(namespace, _)| !namespaces.insert(namespace) && *namespace != "crm_id");
        assert!(has_two, "{} accounts are {} people, and no rule parts them", group.len(), people.len());
        parted.push((group.len(), people.len()));
    }
    assert_eq!(people_of_groups, profiles.len(), "somebody is of two groups that share nothing");
    parted
}

fn compare(text: &str) {
    let path = folder().join("report.md");
    if blessing() {
        std::fs::write(&path, text).expect("is written");
        return;
    }
    let expected = std::fs::read_to_string(&path).expect("`make bless` writes it");
    assert!(text == expected, "{} differs; `make bless` rewrites it:\n{text}", path.display());
}

/// The profiles as they are published.
fn published(found: &Found) -> BTreeMap<PersonId, Vec<u8>> {
    let bytes = |profile: &UnifiedProfile| {
        encode(Topic::UnifiedProfile, Framing::SingleObject, profile).expect("is a profile")
    };
    found.profiles.iter().map(|(person, profile)| (*person, bytes(profile))).collect()
}

#[test]
fn golden_report_of_a_company_whose_profiles_add_up_to_its_rows_in_any_order() {
    let Some(data) = test_data("kanoniv-5source") else { return };
    let books = Books::read(&data);
    let found = resolve(&books, 5);
    let (one, other) = (published(&found), published(&resolve(&books, 6)));
    let differing = one.iter().filter(|(person, bytes)| other.get(person) != Some(bytes)).count();
    assert_eq!((one.len(), differing), (other.len(), 0), "people, and those whose bytes differ");
    let profiles: Vec<&UnifiedProfile> = found.profiles.values().collect();
    let sums = books.sums();
    let mut total = Sums::default();
    sums.values().for_each(|of_account| total.add(of_account));
    let intakes = intakes(&books, &found.tally);
    check_intake(&intakes, &found.tally, &total);
    check_identifiers(&books, &profiles);
    check_sums(&sums, &total, &profiles);
    let parted = parted(&books, &profiles);
    let report = Report {
        intakes: &intakes,
        profiles: &profiles,
        books: &books,
        total: &total,
        parted: &parted,
        quarantined: found.quarantined,
    };
    compare(&report.text());
}
