//! `kinfold clv`: the model by which values of customers are made, and whether its forecasts come true.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use kinfold_value::fit::Sample;
use kinfold_value::model::MakeError;
use kinfold_value::tracking::{Span, Tracking, track};
use kinfold_value::{Day, Meaning, Model, Summary, plot};

use super::{Failure, say};
use crate::buyers::{Buyers, Where};
use crate::tables;

/// What to do with the model.
#[derive(Subcommand)]
pub enum ClvCommand {
    /// Fit a model on everybody's purchases, and write it to a file.
    Fit(Fit),
    /// Fit on the purchases until a day, and compare the forecast with those after it; needs days, hence no deployment.
    Track(Track),
}

/// What to fit on, and what values shall mean.
#[derive(Args)]
pub struct Fit {
    #[command(flatten)]
    place: Where,
    /// The last day to look at; that of the last purchase, unless it is given.
    #[arg(long)]
    until: Option<Day>,
    /// How many days ahead values look.
    #[arg(long, default_value_t = 365)]
    horizon_days: u32,
    /// What money of a year later is worth less: 0.1 is ten per cent.
    #[arg(long, default_value_t = 0.1)]
    discount_per_year: f64,
    /// Days of a period, in which `alpha` is told.
    #[arg(long, default_value_t = 7)]
    period_days: u32,
    /// The file to write; one of this name is replaced.
    #[arg(long)]
    out: PathBuf,
}

/// What to compare.
#[derive(Args)]
pub struct Track {
    #[command(flatten)]
    place: Where,
    /// The last day that the fit knows.
    #[arg(long)]
    until: Day,
    /// Draw cumulative repeat purchases by week into this file.
    #[arg(long)]
    svg: Option<PathBuf>,
}

impl ClvCommand {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Fit(fit) => fit.run(),
            Self::Track(track) => track.run(),
        }
    }
}

/// Nobody bought anything that counts.
fn nobody(place: &Where) -> Failure {
    Failure::Fault(format!("nobody has bought anything in {}; look at --currency", place.currency))
}

impl Fit {
    fn run(self) -> Result<(), Failure> {
        let buyers = Buyers::read(&self.place)?;
        let last = buyers.last_day().ok_or_else(|| nobody(&self.place))?;
        let until = self.until.unwrap_or(last);
        if until < last && !buyers.has_days() {
            return Err(Failure::Usage(format!(
                "profiles tell the last order only, so that nobody knows who had bought what by {until}: leave --until away, or fit \
                 from --state or --transactions"
            )));
        }
        let meaning = Meaning {
            currency: self.place.currency.clone(),
            period_days: self.period_days,
            horizon_days: self.horizon_days,
            discount_per_year: self.discount_per_year,
        };
        let model = Model::fit(&buyers.summaries(until), meaning, until).map_err(|error| match error {
            MakeError::Meaning(_) => Failure::Usage(error.to_string()),
            MakeError::Fit(_) => Failure::fault(error),
        })?;
        replace(&self.out, &model.to_toml())?;
        let from = model.fitted_from();
        say(format_args!(
            "model {} of purchases until {until}: {} customers, {} of them bought again, {} times in all",
            model.id(),
            from.customers,
            from.repeat_customers,
            from.repeat_purchases
        ))?;
        let mut table = tables::table(&["parameter", "value", "standard error"]);
        for (name, value, error) in model.parameters() {
            let error = error.map_or_else(|| "not known".to_owned(), |error| format!("{error:.4}"));
            table.add_row([name.to_owned(), format!("{value:.4}"), error]);
        }
        tables::right(&mut table, &[1, 2]);
        say(table)?;
        say(format_args!("it is in {}", self.out.display()))
    }
}

/// A process that reads the file meanwhile reads the old one or the new one.
fn replace(path: &Path, content: &str) -> Result<(), Failure> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    std::fs::write(&beside, content).map_err(Failure::file(&beside))?;
    std::fs::rename(&beside, path).map_err(Failure::file(path))
}

impl Track {
    fn run(self) -> Result<(), Failure> {
        /// Weeks are what is compared; the expectation does not depend on the period of the fit.
        const PERIOD_DAYS: u32 = 7;
        let Buyers::Days(people) = Buyers::read(&self.place)? else {
            let remedy = "name a state folder with --state, or a file with --transactions";
            return Err(Failure::Usage(format!("profiles do not tell the days of purchases; {remedy}")));
        };
        let days = || people.iter().flat_map(|person| person.days().iter().map(|(day, _)| *day));
        let (Some(first), Some(until)) = (days().min(), days().max()) else {
            return Err(nobody(&self.place));
        };
        let mut sample = Sample::default();
        for summary in people.iter().filter_map(|person| Summary::of(person, self.until)) {
            sample.take(&summary).map_err(Failure::fault)?;
        }
        let fitted = sample.bg_nbd(PERIOD_DAYS).map_err(Failure::fault)?;
        let span = Span { first, fitted_until: self.until, until };
        let tracking = track(&people, &fitted.model, span).ok_or_else(|| {
            let what = "there must be a week of purchases after --until, and no more than ten years in all";
            Failure::Usage(format!("{what}; purchases are of {first} to {until}"))
        })?;
        tell(&tracking)?;
        let Some(file) = &self.svg else { return Ok(()) };
        replace(file, &plot::svg(&tracking))?;
        say(format_args!("the curve is in {}", file.display()))
    }
}

fn tell(tracking: &Tracking) -> Result<(), Failure> {
    let mut table = tables::table(&["week", "repeat purchases by then", "expected"]);
    let shown = tracking.weeks.iter().filter(|week| week.number >= tracking.fitted_weeks);
    for week in shown {
        table.add_row([week.number.to_string(), week.made.to_string(), format!("{:.0}", week.expected)]);
    }
    tables::right(&mut table, &[0, 1, 2]);
    say(table)?;
    say(format_args!(
        "{} customers; after the fit {} repeat purchases, {:.0} were expected of these people; by the end {:+.1} %, on average {:.1} % apart",
        tracking.customers,
        tracking.later_made,
        tracking.later_expected,
        100.0 * tracking.error_at_end(),
        100.0 * tracking.mean_error()
    ))
}
