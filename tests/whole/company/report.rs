//! The report on the company's people: profiles in, text out. It holds counts and sums, and no value of anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Display, Write as _};

use kinfold_model::{Reason, SourceQuality, UnifiedProfile};

use super::books::{Account, Books, Row, SYSTEMS, Sums, email, employer, full_name, telephone};

/// What became of the records of a source.
pub(crate) struct Intake {
    pub(crate) source: &'static str,
    pub(crate) records: u64,
    /// Records that are about nobody.
    pub(crate) nobody: u64,
    pub(crate) quality: SourceQuality,
}

/// All that is reported on.
pub(crate) struct Report<'a> {
    pub(crate) intakes: &'a [Intake],
    pub(crate) profiles: &'a [&'a UnifiedProfile],
    pub(crate) books: &'a Books,
    /// What all rows come to, by the books.
    pub(crate) total: &'a Sums,
    /// The groups of accounts whose rows share an address or a number, and which rules part, with how many people each is.
    pub(crate) parted: &'a [(usize, usize)],
    /// How many identifiers are quarantined.
    pub(crate) quarantined: usize,
}

/// The accounts of a person.
pub(crate) fn accounts(profile: &UnifiedProfile) -> impl Iterator<Item = Account> {
    profile.identifiers.iter().filter_map(|identifier| {
        let system = SYSTEMS.iter().find(|system| identifier.namespace.as_str() == system.namespace)?;
        Some((system.namespace, identifier.value.clone()))
    })
}

impl Report<'_> {
    /// As Markdown.
    pub(crate) fn text(&self) -> String {
        let mut page = Page(String::new());
        page.say(
            "# The people of one company\n\nFive systems, five mappings, one profile a person: what \
             came of the rows of kanoniv-5source under the rules of this folder. `make bless` writes \
             this page; the test that compares it also checks it against the rows.",
        );
        self.intake(&mut page);
        self.people(&mut page);
        self.identifiers(&mut page);
        self.money(&mut page);
        self.survivors(&mut page);
        self.others(&mut page);
        page.0
    }

    fn intake(&self, page: &mut Page) {
        page.say("## What came in\n\nA record is a row. Rows of the CRM's companies are about nobody.");
        page.head(["source", "records", "touchpoints", "about nobody", "refused", "flags", "score"]);
        for intake in self.intakes {
            let Intake { source, records, nobody, quality } = intake;
            let flags =
                quality.flags.iter().map(|(kind, count)| format!("{} {}", spaced(*count), kind.as_str()));
            let flags: Vec<String> = flags.collect();
            let score = quality.score_tenths().unwrap_or_default();
            let refused: u64 = quality.refused.values().sum();
            page.row([
                (*source).to_owned(),
                spaced(*records),
                spaced(quality.touchpoints),
                spaced(*nobody),
                spaced(refused),
                if flags.is_empty() { "none".to_owned() } else { flags.join(", ") },
                format!("{}.{}", score / 10, score % 10),
            ]);
        }
    }

    fn people(&self, page: &mut Page) {
        let people = self.profiles.len();
        page.say(&format!("## People\n\n{} people. In how many systems each of them is:", spaced(people)));
        let systems = |profile: &UnifiedProfile| {
            accounts(profile).map(|(namespace, _)| namespace).collect::<BTreeSet<_>>().len()
        };
        page.shares(["systems", "people", ""], &self.count(|profile| Some(systems(profile))), people);
        page.say("How many rows of customers they have, over all systems:");
        let rows = |profile: &UnifiedProfile| accounts(profile).count();
        page.shares(["rows", "people", ""], &self.count(|profile| Some(rows(profile))), people);
        page.say("By how many identifiers they are known (accounts, addresses, numbers):");
        let known = |profile: &UnifiedProfile| profile.identifiers.len();
        page.shares(["identifiers", "people", ""], &self.count(|profile| Some(known(profile))), people);
        page.say("Where they stand, by the stages of `kinfold.toml`:");
        let stage = |profile: &UnifiedProfile| Some(profile.lifecycle.as_ref()?.stage.clone());
        page.shares(["stage", "people", ""], &self.count(stage), people);
    }

    fn identifiers(&self, page: &mut Page) {
        let all: usize = self.profiles.iter().map(|profile| profile.identifiers.len()).sum();
        let parted: usize = self.parted.iter().map(|(_, people)| people).sum();
        page.say(&format!(
            "## Nobody is there twice\n\nThe profiles hold {} identifiers, and no two profiles hold \
             the same. {} are quarantined. Rows that share an address or a number are one person, but \
             for {} of {} groups of rows: where two accounts of one system share an address, the rules \
             take them for two people, and {} people came of it. What they share goes with whoever \
             was seen with it last.",
            spaced(all),
            spaced(self.quarantined),
            self.parted.len(),
            spaced(self.profiles.len() + self.parted.len() - parted),
            parted,
        ));
    }

    fn money(&self, page: &mut Page) {
        let sum =
            |of: fn(&UnifiedProfile) -> i64| self.profiles.iter().map(|profile| of(profile)).sum::<i64>();
        page.say(
            "## What they did\n\nThe sums of all profiles are those of the rows, and so is each \
             single profile: the test adds both up. An invoice that is paid is an order, one that is \
             void is a cancellation, one that is open is neither.",
        );
        page.head(["", "all profiles", "all rows"]);
        let mut line = |name: &str, is: i64, should: i64| {
            page.row([name.to_owned(), spaced(is), spaced(should)]);
        };
        line("touchpoints", sum(|profile| profile.metrics.touchpoints), self.total.touchpoints);
        line("orders", sum(|profile| profile.metrics.orders), self.total.orders);
        line("cancellations", sum(|profile| profile.metrics.cancellations), self.total.cancellations);
        let revenue = revenue(self.profiles);
        for (currency, should) in self.total.revenue() {
            let is = revenue.get(&currency).cloned().unwrap_or_default();
            page.row([format!("revenue, {currency}"), is, should]);
        }
        let buyers = self.profiles.iter().filter(|profile| profile.metrics.orders > 0).count();
        page.say(&format!("{} people paid at least one invoice.", spaced(buyers)));
    }

    fn survivors(&self, page: &mut Page) {
        const REASONS: [Reason; 6] = [
            Reason::Only,
            Reason::SourcePriority,
            Reason::Newest,
            Reason::Oldest,
            Reason::MostFrequent,
            Reason::Union,
        ];
        page.say(
            "## Which value survived\n\nOf each attribute: how many people have it, how many of them \
             only ever with one value, and by what the others were settled.",
        );
        let named = REASONS.iter().map(|reason| reason.as_str().to_owned());
        page.line(["attribute".to_owned(), "people".to_owned()].into_iter().chain(named));
        page.rule(2 + REASONS.len());
        let mut counts: BTreeMap<&str, BTreeMap<Reason, usize>> = BTreeMap::new();
        for profile in self.profiles {
            for (name, attribute) in &profile.attributes {
                *counts.entry(name).or_default().entry(attribute.reason).or_default() += 1;
            }
        }
        for (name, reasons) in counts {
            let by = REASONS.iter().map(|reason| spaced(reasons.get(reason).copied().unwrap_or_default()));
            let all: usize = reasons.values().sum();
            page.line([name.to_owned(), spaced(all)].into_iter().chain(by));
        }
    }

    fn others(&self, page: &mut Page) {
        let groups = |keys: &dyn Fn(&Row) -> Vec<String>| self.books.groups(keys);
        let strong = |row: &Row| -> Vec<String> {
            let address = email(row).map(|email| format!("email {email}"));
            address.into_iter().chain(telephone(row).map(|number| format!("telephone {number}"))).collect()
        };
        let at_work = |row: &Row| {
            full_name(row).zip(employer(row)).map(|(name, company)| format!("name {name} at {company}"))
        };
        let ours = groups(&strong);
        let with_work = groups(&|row| strong(row).into_iter().chain(at_work(row)).collect());
        let named = |row: &Row| full_name(row).map(|name| format!("name {name}"));
        let with_name = groups(&|row| strong(row).into_iter().chain(named(row)).collect());
        page.say(
            "## What others find\n\nNobody knows how many people these rows are of. Others report \
             2,233 (by Splink), 2,270, and 3,583 (by SQL). Kinfold joins by identifiers and by \
             nothing else. What plain union finds in the same rows when it may look at more or at \
             less:",
        );
        page.head(["joined where rows have the same", "groups"]);
        let only_email = groups(&|row| email(row).into_iter().collect());
        let mut line = |what: &str, groups: usize| page.row([what.to_owned(), spaced(groups)]);
        line("e-mail address", only_email.len());
        line("e-mail address, or telephone number", ours.len());
        line("the same, or full name and company, letter by letter", with_work.len());
        line("the same, or full name alone", with_name.len());
        let single = ours.iter().filter(|group| group.len() == 1).count();
        let mute = self.books.customers().filter(|(_, row)| strong(row).is_empty()).count();
        let mut places: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        let group_of: BTreeMap<&Account, usize> = ours
            .iter()
            .enumerate()
            .flat_map(|(index, group)| group.iter().map(move |account| (account, index)))
            .collect();
        for (account, row) in self.books.customers() {
            if let (Some(name), Some(index)) = (full_name(row), group_of.get(&account)) {
                places.entry(name).or_default().insert(*index);
            }
        }
        let shared = places.values().filter(|groups| groups.len() > 1).count();
        page.say(&format!(
            "So what parts us from the lower two figures is names; 3,583 is more than addresses alone \
             leave. {} of our groups have one row only, and {} rows have neither an address nor a \
             number: nothing but a name can join these to anything, and many of them are likely \
             people whom we count twice. But {} full names stand in more than one of our groups, and \
             nobody can tell by a name alone which of them are namesakes; many names of the help desk \
             hold slips of the keyboard, too. Whoever joins by names joins more, and is wrong at times. \
             Kinfold does not, because what is joined wrongly gets somebody else's mail. Where a name \
             is good evidence, a steward, or a matcher outside, can say so: `kinfold steward link`.",
            spaced(single),
            spaced(mute),
            spaced(shared),
        ));
    }

    /// How many profiles give the same.
    fn count<K: Ord>(&self, of: impl Fn(&UnifiedProfile) -> Option<K>) -> BTreeMap<K, usize> {
        let mut counts = BTreeMap::new();
        self.profiles
            .iter()
            .filter_map(|profile| of(profile))
            .for_each(|key| *counts.entry(key).or_default() += 1);
        counts
    }
}

/// The revenue of all profiles by currency, added up exactly.
pub(crate) fn revenue(profiles: &[&UnifiedProfile]) -> BTreeMap<String, String> {
    let mut sums: BTreeMap<&str, kinfold_model::Amount> = BTreeMap::new();
    for (currency, amount) in profiles.iter().flat_map(|profile| &profile.metrics.revenue) {
        *sums.entry(currency).or_default() += *amount;
    }
    sums.into_iter().map(|(currency, sum)| (currency.to_owned(), sum.to_string())).collect()
}

/// A number with a comma before each three digits.
fn spaced(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Markdown, paragraph by paragraph.
struct Page(String);

impl Page {
    /// A paragraph, with an empty line before it.
    fn say(&mut self, paragraph: &str) {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(paragraph);
        self.0.push('\n');
    }

    fn head<const N: usize>(&mut self, names: [&str; N]) {
        self.line(names.map(str::to_owned));
        self.rule(N);
    }

    /// Below the head of a table: the first column to the left, the others to the right.
    fn rule(&mut self, columns: usize) {
        writeln!(self.0, "|---|{}", "---:|".repeat(columns - 1))
            .expect("a String takes whatever is written to it");
    }

    fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.line(cells);
    }

    /// A line of a table; the first of one comes after an empty line.
    fn line(&mut self, cells: impl IntoIterator<Item = String>) {
        if !self.0.ends_with("|\n") {
            self.0.push('\n');
        }
        let cells: Vec<String> = cells.into_iter().collect();
        writeln!(self.0, "| {} |", cells.join(" | ")).expect("a String takes whatever is written to it");
    }

    /// A table of counts and their shares of all.
    fn shares<K: Display>(&mut self, head: [&str; 3], counts: &BTreeMap<K, usize>, all: usize) {
        self.head(head);
        for (key, count) in counts {
            let tenths = (count * 1000 + all / 2).checked_div(all).unwrap_or_default();
            self.row([key.to_string(), spaced(count), format!("{}.{} %", tenths / 10, tenths % 10)]);
        }
    }
}
