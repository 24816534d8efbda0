//! Who bought what when, for `kinfold clv`. In: a state folder, the topic `unified-profile`, or a file of transactions. Out: the
//! purchases of each, without a word about who they are. Whoever is restricted is left out. A part of the people is never taken for all
//! of them without being asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use kinfold_daemon::config::Config;
use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::client::read_table;
use kinfold_model::{Amount, Currency, Fault, Timestamp};
use kinfold_profile::bought::Bought;
use kinfold_profile::{Settings, Table};
use kinfold_value::{Day, Purchases, Summary, Totals};
use kinfold_wire::{Topic, decode};
use serde::Deserialize;

use crate::commands::{Failure, load, say};
use crate::stores::Stores;

/// Whose purchases to look at: of --state, else of --transactions, else of the deployment.
#[derive(Args)]
pub(crate) struct Where {
    /// The configuration, a TOML file; without --state and --transactions it says which deployment is meant.
    #[arg(long, env = "KINFOLD_CONFIG")]
    config: Option<PathBuf>,
    /// The state folder of `kinfold resolve --state`, or of consumers on this machine.
    #[arg(long)]
    state: Option<PathBuf>,
    /// Of --state: look at the people who are here, although some partitions are not.
    #[arg(long, requires = "state")]
    partial: bool,
    /// A CSV file with a header: a line is a purchase of a customer on a day.
    #[arg(long, conflicts_with = "state")]
    transactions: Option<PathBuf>,
    /// Of --transactions: the column that tells customers apart.
    #[arg(long, default_value = "id")]
    id_column: String,
    /// Of --transactions: the column of the day, as 2026-03-01, 20260301 or RFC 3339.
    #[arg(long, default_value = "date")]
    date_column: String,
    /// Of --transactions: the column of what was paid, as decimal text.
    #[arg(long, default_value = "value")]
    value_column: String,
    /// Only orders in this currency count; a file of transactions is taken to be in it.
    #[arg(long)]
    pub(crate) currency: Currency,
}

/// What is known of those who bought.
pub(crate) enum Buyers {
    /// The days of each.
    Days(Vec<Purchases>),
    /// Sums of each, as profiles tell them.
    Totals(Vec<Totals>),
}

impl Buyers {
    /// Reads them.
    ///
    /// # Errors
    /// When a file, a folder or a topic cannot be read, or does not tell what is needed.
    pub(crate) fn read(place: &Where) -> Result<Self, Failure> {
        if let Some(file) = &place.transactions {
            return of_file(file, place).map(Self::Days);
        }
        let config = load(place.config.as_deref())?;
        match &place.state {
            Some(folder) => of_state(folder, &config, place).map(Self::Days),
            None => of_topic(&config, &place.currency).map(Self::Totals),
        }
    }

    /// Whether it is known what each bought on which day.
    pub(crate) fn has_days(&self) -> bool {
        matches!(self, Self::Days(_))
    }

    /// The day of the last purchase of all; `None` when nobody bought anything.
    pub(crate) fn last_day(&self) -> Option<Day> {
        match self {
            Self::Days(people) => people.iter().filter_map(|person| Some(person.days().last()?.0)).max(),
            Self::Totals(people) => people.iter().map(|person| Day::of(person.last_order)).max(),
        }
    }

    /// What was known at the end of a day of those who had bought by then.
    pub(crate) fn summaries(&self, until: Day) -> Vec<Summary> {
        match self {
            Self::Days(people) => people.iter().filter_map(|person| Summary::of(person, until)).collect(),
            Self::Totals(people) => people.iter().filter_map(|person| person.summary(until)).collect(),
        }
    }
}

fn of_file(path: &Path, place: &Where) -> Result<Vec<Purchases>, Failure> {
    let wrong = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let mut reader = csv::Reader::from_path(path).map_err(|error| wrong(error.to_string()))?;
    let header = reader.headers().map_err(|error| wrong(error.to_string()))?.clone();
    let column = |name: &str, flag: &str| {
        let place = header.iter().position(|column| column.trim() == name);
        place.ok_or_else(|| wrong(format!("there is no column {name}; name it with {flag}")))
    };
    let id = column(&place.id_column, "--id-column")?;
    let date = column(&place.date_column, "--date-column")?;
    let value = column(&place.value_column, "--value-column")?;
    let mut people = BTreeMap::<String, Vec<(Day, Amount)>>::new();
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|error| wrong(error.to_string()))? {
        let line = row.position().map_or(0, csv::Position::line);
        let at = |column: usize| row.get(column).unwrap_or_default().trim();
        let bad = |name: &str, what: String| wrong(format!("line {line}: {name} {what}"));
        let day =
            day(at(date)).ok_or_else(|| bad(&place.date_column, "is no day; write 2026-03-01".to_owned()))?;
        let paid =
            at(value).parse::<Amount>().map_err(|error| bad(&place.value_column, error.to_string()))?;
        people.entry(at(id).to_owned()).or_default().push((day, paid));
    }
    Ok(people.into_values().map(Purchases::from_iter).collect())
}

fn day(text: &str) -> Option<Day> {
    text.parse::<Day>().ok().or_else(|| text.parse::<Timestamp>().ok().map(Day::of))
}

/// The entries of one person follow each other, so that there is never more than one of them in memory.
fn of_state(folder: &Path, config: &Config, place: &Where) -> Result<Vec<Purchases>, Failure> {
    let stores = Stores::of_people(folder, config)?;
    let here: Vec<bool> = stores.shelves().iter().map(Option::is_some).collect();
    if here.iter().all(|here| !here) {
        return Err(Failure::Usage(format!(
            "{} holds no people; name with --state the folder that `kinfold resolve --state` wrote, or that of kinfold-profile",
            folder.display()
        )));
    }
    match missing(&here) {
        Some(missing) if place.partial => {
            say(format_args!("{missing}: what follows is of a part of the people"))?
        }
        Some(missing) => {
            return Err(Failure::Usage(format!(
                "{missing}, and {} has only a part of the people; bring the folders of the partitions together, or ask for this part \
                 with --partial",
                folder.display()
            )));
        }
        None => {}
    }
    let mut found =
        People { currency: &place.currency, settings: &config.profile, current: None, buyers: Vec::new() };
    let mut seen = Ok(());
    stores.visit(&mut |key, value| {
        if seen.is_ok() {
            seen = found.see(key, value);
        }
    })?;
    seen.map_err(Failure::fault)?;
    found.end();
    Ok(found.buyers)
}

/// Which partitions are elsewhere, as the beginning of a sentence; `None` where all are here.
fn missing(here: &[bool]) -> Option<String> {
    let missing: Vec<String> = (0..)
        .zip(here)
        .filter(|(_, here)| !**here)
        .map(|(partition, _): (u32, _)| partition.to_string())
        .collect();
    let (which, are) = match missing.len() {
        0 => return None,
        1 => ("partition", "is"),
        _ => ("partitions", "are"),
    };
    Some(format!("{which} {} of {} {are} not here", missing.join(", "), here.len()))
}

struct People<'c> {
    currency: &'c Currency,
    /// They say whose word of an order counts.
    settings: &'c Settings,
    /// What the keys of the person at hand begin with, and what was said of their orders.
    current: Option<(Vec<u8>, Bought)>,
    buyers: Vec<Purchases>,
}

impl People<'_> {
    /// An entry of the state of people, which may be of another table.
    fn see(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        /// A tag and the id of a person.
        const PREFIX_BYTES: usize = 17;
        let Some(prefix) = key.get(..PREFIX_BYTES).filter(|_| key.first() == Some(&Table::Member.tag()))
        else {
            return Ok(());
        };
        if self.current.as_ref().is_none_or(|(current, _)| current != prefix) {
            self.end();
            self.current = Some((prefix.to_vec(), Bought::default()));
        }
        match &mut self.current {
            Some((_, bought)) => bought.take(key, value),
            None => Ok(()),
        }
    }

    /// All entries of the person at hand were seen.
    fn end(&mut self) {
        let Some((_, bought)) = self.current.take() else { return };
        let purchases = bought.purchases(self.settings, self.currency);
        if !purchases.days().is_empty() {
            self.buyers.push(purchases);
        }
    }
}

/// Of a published profile, what is needed. Profiles of earlier versions do not tell when orders were placed.
#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    restricted: Option<Timestamp>,
    metrics: ProfileMetrics,
}

#[derive(Deserialize)]
struct ProfileMetrics {
    orders: i64,
    revenue: BTreeMap<String, Amount>,
    #[serde(default)]
    first_order: Option<Timestamp>,
    #[serde(default)]
    last_order: Option<Timestamp>,
}

fn of_topic(config: &Config, currency: &Currency) -> Result<Vec<Totals>, Failure> {
    let topic = Topic::UnifiedProfile;
    let ids = config.registry.schema_ids(&config.deployment.prefix, topic).map_err(Failure::Fault)?;
    let table = read_table(&kafka_settings(config), topic.as_str()).map_err(Failure::fault)?;
    let (mut buyers, mut silent) = (Vec::new(), 0_u64);
    for value in table.into_values() {
        let Profile { restricted, metrics } = decode(topic, &ids, &value).map_err(Failure::fault)?;
        if restricted.is_some() {
            continue;
        }
        // Where somebody paid in several currencies, a profile does not tell how many orders were in which.
        let only = metrics.revenue.len() == 1;
        let Some(revenue) = metrics.revenue.get(&currency.to_string()).filter(|_| only) else { continue };
        match (metrics.first_order, metrics.last_order) {
            (Some(first_order), Some(last_order)) => buyers.push(Totals {
                orders: u32::try_from(metrics.orders).unwrap_or(u32::MAX),
                first_order,
                last_order,
                revenue: *revenue,
            }),
            _ => silent += 1,
        }
    }
    if silent > 0 && buyers.is_empty() {
        return Err(Failure::Fault(
            "profiles on unified-profile do not tell when orders were placed; fit with --state where kinfold-profile runs".to_owned(),
        ));
    }
    Ok(buyers)
}

#[cfg(test)]
mod tests {
    use kinfold_pipeline::StageName;
    use kinfold_store::{Memory, RocksStore};

    use super::*;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        place: Where,
    }

    fn read(content: &str, more: &[&str]) -> Result<Buyers, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("t.csv");
        std::fs::write(&file, content).expect("writes");
        let file = file.to_str().expect("is text");
        let flags =
            ["clv", "--currency", "eur", "--transactions", file].into_iter().chain(more.iter().copied());
        let command = <Command as clap::Parser>::try_parse_from(flags).expect("are flags");
        Buyers::read(&command.place).map_err(|failure| failure.to_string())
    }

    #[test]
    fn transactions_become_purchases_by_customer_and_day() {
        let content =
            "who,when,paid\na,2026-01-01,10\nb,20260105,5.50\na,2026-01-08T12:00:00Z,20\na,2026-01-08,1\n";
        let flags = ["--id-column", "who", "--date-column", "when", "--value-column", "paid"];
        let buyers = read(content, &flags).expect("can be read");
        let summaries = buyers.summaries(buyers.last_day().expect("somebody bought"));
        assert_eq!(summaries.len(), 2);
        assert_eq!(summaries[0].repeat_mean, Some(21.0));
    }

    #[test]
    fn a_part_of_the_people_is_not_taken_for_all_of_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let people = folder.path().join(StageName::People.as_str());
        let all = load(None).expect("every setting has a default").topics.partitions;
        let make = |partition: u32| {
            let store = RocksStore::open(&people.join(partition.to_string()), &Memory::new(1 << 20));
            drop(store.expect("a store"));
        };
        (0..all).filter(|partition| ![1, 3].contains(partition)).for_each(make);
        let state = folder.path().to_str().expect("is text");
        let read = |more: &[&str]| {
            let flags =
                ["clv", "--currency", "eur", "--state", state].into_iter().chain(more.iter().copied());
            let command = <Command as clap::Parser>::try_parse_from(flags).expect("are flags");
            Buyers::read(&command.place)
                .map(|buyers| buyers.has_days())
                .map_err(|failure| failure.to_string())
        };
        let sentence = read(&[]).expect_err("is refused");
        let words = [&*format!("partitions 1, 3 of {all} are not here"), "--partial"];
        assert!(words.iter().all(|words| sentence.contains(words)), "{sentence}");
        assert_eq!(read(&["--partial"]), Ok(true));
        [1, 3].into_iter().for_each(make);
        assert_eq!(read(&[]), Ok(true));
    }

    #[test]
    fn a_fault_names_line_and_column_and_not_the_value() {
        for (content, words) in [
            ("id,date,value\nann,2026-13-01,5\n", "line 2: date is no day"),
            ("id,date,value\nann,2026-01-01,5\nann,2026-01-02,much\n", "line 3: value must be decimal text"),
            ("id,day,value\n", "there is no column date; name it with --date-column"),
        ] {
            let sentence = read(content, &[]).err().expect("is refused");
            assert!(sentence.contains(words) && !sentence.contains("ann"), "{sentence}");
        }
    }
}
