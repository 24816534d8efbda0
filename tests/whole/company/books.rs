//! The books of the company: the rows of its five systems, and what they add up to by themselves. No code of the pipeline takes part, and the
//! rules by which rows count are written a second time.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;
use serde_json::json;

/// A row by the names of its columns; what is empty is an empty text.
pub(crate) type Row = BTreeMap<String, String>;

/// What a system calls one of its customers: the namespace, and the value.
pub(crate) type Account = (&'static str, String);

/// A system of the company.
pub(crate) struct System {
    /// The name of its source.
    pub(crate) source: &'static str,
    /// The namespace of what it calls its customers.
    pub(crate) namespace: &'static str,
    /// The column that says which of them a row is about.
    account: &'static str,
    /// The file of its customers.
    register: &'static str,
    /// How many touchpoints a row of that file gives; a row of any other file gives one.
    statements: i64,
    /// Its other file.
    journal: &'static str,
}

/// All of them. The companies of the CRM are about nobody: they have no column of an account.
pub(crate) static SYSTEMS: [System; 5] = [
    System {
        source: "app",
        namespace: "app_id",
        account: "app_user_id",
        register: "app_signups",
        statements: 2,
        journal: "app_events",
    },
    System {
        source: "billing",
        namespace: "billing_id",
        account: "billing_account_id",
        register: "billing_accounts",
        statements: 1,
        journal: "billing_invoices",
    },
    System {
        source: "crm",
        namespace: "crm_id",
        account: "crm_contact_id",
        register: "crm_contacts",
        statements: 2,
        journal: "crm_companies",
    },
    System {
        source: "partner",
        namespace: "partner_id",
        account: "partner_lead_id",
        register: "partner_leads",
        statements: 1,
        journal: "partner_referrals",
    },
    System {
        source: "support",
        namespace: "support_id",
        account: "support_user_id",
        register: "support_users",
        statements: 2,
        journal: "support_tickets",
    },
];

/// What the rows of an account, or of several, come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) touchpoints: i64,
    /// Invoices that are paid.
    pub(crate) orders: i64,
    /// Invoices that are void.
    pub(crate) cancellations: i64,
    /// What was paid, in cents by currency.
    pub(crate) cents: BTreeMap<String, i64>,
}

impl Sums {
    /// Adds others.
    pub(crate) fn add(&mut self, other: &Self) {
        self.touchpoints += other.touchpoints;
        self.orders += other.orders;
        self.cancellations += other.cancellations;
        for (currency, cents) in &other.cents {
            *self.cents.entry(currency.clone()).or_default() += cents;
        }
    }

    /// What was paid, as decimal text by currency.
    pub(crate) fn revenue(&self) -> BTreeMap<String, String> {
        let text = |cents: &i64| format!("{}.{:02}", cents / 100, cents % 100);
        self.cents.iter().map(|(currency, cents)| (currency.clone(), text(cents))).collect()
    }
}

struct Entry {
    system: &'static System,
    is_register: bool,
    row: Row,
}

/// Every row.
pub(crate) struct Books(Vec<Entry>);

impl Books {
    /// Reads the folder of the data set.
    pub(crate) fn read(folder: &Path) -> Self {
        let mut entries = Vec::new();
        for system in &SYSTEMS {
            for (file, is_register) in [(system.register, true), (system.journal, false)] {
                let rows = rows(&folder.join("data").join(format!("{file}.csv")));
                entries.extend(rows.into_iter().map(|row| Entry { system, is_register, row }));
            }
        }
        Self(entries)
    }

    /// The rows as records of their sources, as JSON and no more than that, in an order of the seed's choice.
    pub(crate) fn records(&self, seed: u64) -> Vec<(Arc<str>, Vec<u8>)> {
        let record =
            |entry: &Entry| (Arc::from(entry.system.source), json!(entry.row).to_string().into_bytes());
        let mut records: Vec<_> = self.0.iter().map(record).collect();
        Rng::with_seed(seed).shuffle(&mut records);
        records
    }

    /// How many rows there are by source.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        self.0.iter().for_each(|entry| *counts.entry(entry.system.source).or_default() += 1);
        counts
    }

    /// What the rows of each account come to.
    pub(crate) fn sums(&self) -> BTreeMap<Account, Sums> {
        let mut accounts: BTreeMap<Account, Sums> = BTreeMap::new();
        for Entry { system, is_register, row } in &self.0 {
            let Some(id) = row.get(system.account) else { continue };
            let sums = accounts.entry((system.namespace, id.clone())).or_default();
            sums.touchpoints += if *is_register { system.statements } else { 1 };
            let Some(cents) = row.get("amount_cents") else { continue };
            match text(row, "status") {
                "paid" => {
                    sums.orders += 1;
                    let cents: i64 = cents.parse().expect("amounts are whole cents");
                    *sums.cents.entry(text(row, "currency").to_uppercase()).or_default() += cents;
                }
                "void" => sums.cancellations += 1,
                _ => {}
            }
        }
        accounts
    }

    /// The rows of customers, each with its account.
    pub(crate) fn customers(&self) -> impl Iterator<Item = (Account, &Row)> {
        let of_register = self.0.iter().filter(|entry| entry.is_register);
        of_register.map(|entry| {
            ((entry.system.namespace, text(&entry.row, entry.system.account).to_owned()), &entry.row)
        })
    }

    /// The accounts in groups: together where `keys` gives two rows the same text, in as many steps as it takes.
    pub(crate) fn groups(&self, keys: impl Fn(&Row) -> Vec<String>) -> Vec<BTreeSet<Account>> {
        let customers: Vec<(Account, &Row)> = self.customers().collect();
        let mut above: Vec<usize> = (0..customers.len()).collect();
        let mut first: BTreeMap<String, usize> = BTreeMap::new();
        for (index, (_, row)) in customers.iter().enumerate() {
            for key in keys(row) {
                let other = *first.entry(key).or_insert(index);
                let (one, other) = (top(&above, index), top(&above, other));
                above[one.max(other)] = one.min(other);
            }
        }
        let mut groups: BTreeMap<usize, BTreeSet<Account>> = BTreeMap::new();
        for (index, (account, _)) in customers.into_iter().enumerate() {
            groups.entry(top(&above, index)).or_default().insert(account);
        }
        groups.into_values().collect()
    }
}

fn top(above: &[usize], mut index: usize) -> usize {
    while above[index] != index {
        index = above[index];
    }
    index
}

/// The e-mail address of a row.
pub(crate) fn email(row: &Row) -> Option<String> {
    Some(text(row, "email").to_lowercase()).filter(|email| !email.is_empty())
}

/// The telephone number of a row: its last ten digits.
pub(crate) fn telephone(row: &Row) -> Option<String> {
    let digits: String = text(row, "phone").chars().filter(char::is_ascii_digit).collect();
    (digits.len() >= 10).then(|| digits[digits.len() - 10..].to_owned())
}

/// The given and the family name of a row in small letters, where it has both, and neither is an initial.
pub(crate) fn full_name(row: &Row) -> Option<String> {
    let whole = [text(row, "account_name"), text(row, "display_name")].concat().to_lowercase();
    let whole = whole.split_once(", ").map_or(whole.clone(), |(family, given)| format!("{given} {family}"));
    let (given, family) = match whole.split_once(' ') {
        Some((given, family)) => (given.to_owned(), family.to_owned()),
        None => (text(row, "first_name").to_lowercase(), text(row, "last_name").to_lowercase()),
    };
    let is_name = |name: &str| !name.is_empty() && !name.ends_with('.');
    (is_name(&given) && is_name(&family)).then(|| format!("{given} {family}"))
}

/// The company of a row in small letters.
pub(crate) fn employer(row: &Row) -> Option<String> {
    let company = [text(row, "company_name"), text(row, "company")].concat().to_lowercase();
    Some(company).filter(|company| !company.is_empty())
}

fn text<'r>(row: &'r Row, column: &str) -> &'r str {
    row.get(column).map_or("", String::as_str)
}

fn rows(path: &Path) -> Vec<Row> {
    let read = || -> Result<Vec<Row>, csv::Error> { csv::Reader::from_path(path)?.deserialize().collect() };
    read().unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}
