//! The model file. In: a fit, or TOML that was written earlier. Out: a [`Model`] that can be computed with, or a sentence that
//! says what is wrong with it.

use kinfold_model::Currency;
use kinfold_model::money::CurrencyError;
use serde::{Deserialize, Serialize};

use crate::bg_nbd::BgNbd;
use crate::day::Day;
use crate::fit::{FitError, Fitted, Sample};
use crate::gamma_gamma::GammaGamma;
use crate::limits::{DISCOUNT_MAX, HORIZON_DAYS_MAX, MODEL_BYTES_MAX, PERIOD_DAYS_MAX, TERMS_MAX};
use crate::parameters::NotPossible;
use crate::purchases::Summary;
use crate::scores::Quintiles;
use crate::value::{Horizon, terms_max};

/// The version of the file that this release writes, and the only one that it reads.
pub const VERSION: u32 = 1;

/// What a value of somebody is made with.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    file: File,
    bg_nbd: BgNbd,
    gamma_gamma: GammaGamma,
    id: String,
}

/// What a value means: decided by a person, and not by the purchases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// In what purchases are paid. Those in other currencies are no purchases.
    pub currency: Currency,
    /// Days of a period, of which `alpha` has a number; 7 unless there is a reason. It changes no figure that is published.
    pub period_days: u32,
    /// How many days ahead is forecast.
    pub horizon_days: u32,
    /// What money of a year later is worth less, as a rate: 0.1 is ten per cent.
    pub discount_per_year: f64,
}

/// Why a file is no model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// It is not TOML of this shape.
    #[error("the model cannot be read: {0}; `kinfold clv fit` makes another one")]
    Malformed(String),
    /// It is of another release.
    #[error(
        "the model has version {found}, and this release reads version {VERSION}; fit it again with this `kinfold clv fit`"
    )]
    Version {
        /// What it has.
        found: i64,
    },
    /// A parameter that makes no sense.
    #[error("the model makes no sense: {0}; `kinfold clv fit` makes another one")]
    Parameter(#[from] NotPossible),
    /// Something else that makes no sense.
    #[error("the model makes no sense: {what}; {remedy}")]
    Nonsense {
        /// Which member, and what it is.
        what: String,
        /// What would be right.
        remedy: String,
    },
}

/// Why there is no model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MakeError {
    /// The purchases give none.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// What it should mean makes no sense.
    #[error(transparent)]
    Meaning(#[from] ModelError),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    /// What happened later is not in the fit.
    fitted_until: Day,
    meaning: Meaning,
    fitted_from: FittedFrom,
    bg_nbd: Parameters<BgNbdNames>,
    gamma_gamma: Parameters<GammaGammaNames>,
    quintiles: Quintiles,
}

/// On how much the parameters rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FittedFrom {
    /// People who bought.
    pub customers: u64,
    /// Those of them who bought again.
    pub repeat_customers: u64,
    /// Those of them who paid more than nothing for it.
    pub paying_customers: u64,
    /// On how many days they bought again.
    pub repeat_purchases: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters<T> {
    log_likelihood: f64,
    parameters: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    standard_errors: Option<T>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BgNbdNames {
    r: f64,
    alpha: f64,
    a: f64,
    b: f64,
}

impl From<[f64; 4]> for BgNbdNames {
    fn from([r, alpha, a, b]: [f64; 4]) -> Self {
        Self { r, alpha, a, b }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct GammaGammaNames {
    p: f64,
    q: f64,
    v: f64,
}

impl From<[f64; 3]> for GammaGammaNames {
    fn from([p, q, v]: [f64; 3]) -> Self {
        Self { p, q, v }
    }
}

impl<T> Parameters<T> {
    fn of<M, const N: usize>(fitted: &Fitted<M, N>, parameters: [f64; N]) -> Self
    where
        T: From<[f64; N]>,
    {
        Self {
            log_likelihood: fitted.log_likelihood,
            parameters: parameters.into(),
            standard_errors: fitted.standard_errors.map(T::from),
        }
    }
}

impl Model {
    /// Fits on people who had bought by the end of a day.
    ///
    /// # Errors
    /// [`MakeError`].
    pub fn fit(people: &[Summary], meaning: Meaning, fitted_until: Day) -> Result<Self, MakeError> {
        meaning.check()?;
        let mut sample = Sample::default();
        people.iter().try_for_each(|summary| sample.take(summary))?;
        let bg_nbd = sample.bg_nbd(meaning.period_days)?;
        let gamma_gamma = sample.gamma_gamma()?;
        let quintiles = Quintiles::of(people).ok_or(FitError::TooFew { found: 0 })?;
        let fitted_from = FittedFrom {
            customers: sample.customers(),
            repeat_customers: sample.repeat_customers(),
            paying_customers: sample.paying_customers(),
            repeat_purchases: sample.repeat_purchases(),
        };
        let file = File {
            version: VERSION,
            fitted_until,
            meaning,
            fitted_from,
            bg_nbd: Parameters::of(&bg_nbd, bg_nbd.model.parameters()),
            gamma_gamma: Parameters::of(&gamma_gamma, gamma_gamma.model.parameters()),
            quintiles,
        };
        Ok(Self::new(file)?)
    }

    /// Reads what [`Model::to_toml`] wrote.
    ///
    /// # Errors
    /// [`ModelError`].
    pub fn from_toml(text: &str) -> Result<Self, ModelError> {
        /// Read first, because another version may have other members.
        #[derive(Deserialize)]
        struct Head {
            version: i64,
        }
        if text.len() > MODEL_BYTES_MAX {
            return Err(ModelError::Malformed(format!("it has more than {MODEL_BYTES_MAX} bytes")));
        }
        let malformed = |error: toml::de::Error| ModelError::Malformed(error.message().to_owned());
        let Head { version } = toml::from_str(text).map_err(malformed)?;
        if version != i64::from(VERSION) {
            return Err(ModelError::Version { found: version });
        }
        Self::new(toml::from_str(text).map_err(malformed)?)
    }

    /// The file: TOML.
    ///
    /// # Panics
    /// Never: a model is plain data.
    #[must_use]
    pub fn to_toml(&self) -> String {
        toml::to_string(&self.file).expect("a model is plain data")
    }

    fn new(file: File) -> Result<Self, ModelError> {
        file.meaning.check()?;
        if let Some(name) = file.quintiles.fault() {
            let what = format!("the bounds quintiles.{name} fall");
            return Err(ModelError::Nonsense { what, remedy: "they are in ascending order".to_owned() });
        }
        let BgNbdNames { r, alpha, a, b } = file.bg_nbd.parameters;
        let GammaGammaNames { p, q, v } = file.gamma_gamma.parameters;
        let bg_nbd = BgNbd::new([r, alpha, a, b], file.meaning.period_days)?;
        let gamma_gamma = GammaGamma::new([p, q, v])?;
        file.meaning.is_near(&bg_nbd)?;
        let mut model = Self { file, bg_nbd, gamma_gamma, id: String::new() };
        model.id = blake3::hash(model.to_toml().as_bytes()).to_hex().chars().take(16).collect();
        Ok(model)
    }

    /// Which model it is: 16 hex digits of a hash of all that the file says.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What values by it mean.
    #[must_use]
    pub fn meaning(&self) -> &Meaning {
        &self.file.meaning
    }

    /// The last day of which the fit knew.
    #[must_use]
    pub fn fitted_until(&self) -> Day {
        self.file.fitted_until
    }

    /// On how much it rests.
    #[must_use]
    pub fn fitted_from(&self) -> FittedFrom {
        self.file.fitted_from
    }

    /// Whether somebody still buys, and how often.
    #[must_use]
    pub fn bg_nbd(&self) -> &BgNbd {
        &self.bg_nbd
    }

    /// What they pay.
    #[must_use]
    pub fn gamma_gamma(&self) -> &GammaGamma {
        &self.gamma_gamma
    }

    /// What parts people into fifths.
    #[must_use]
    pub fn quintiles(&self) -> &Quintiles {
        &self.file.quintiles
    }

    /// The parameters with their standard errors, by name, for people.
    #[must_use]
    pub fn parameters(&self) -> Vec<(&'static str, f64, Option<f64>)> {
        let of_purchases =
            self.file.bg_nbd.standard_errors.map(|BgNbdNames { r, alpha, a, b }| [r, alpha, a, b]);
        let of_spending = self.file.gamma_gamma.standard_errors.map(|GammaGammaNames { p, q, v }| [p, q, v]);
        let rows =
            |i: usize| (BgNbd::NAMES[i], self.bg_nbd.parameters()[i], of_purchases.map(|errors| errors[i]));
        let more = |i: usize| {
            (GammaGamma::NAMES[i], self.gamma_gamma.parameters()[i], of_spending.map(|errors| errors[i]))
        };
        (0..4).map(rows).chain((0..3).map(more)).collect()
    }
}

impl Meaning {
    /// # Errors
    /// [`ModelError::Nonsense`].
    fn check(&self) -> Result<(), ModelError> {
        // A code that was read from a file is any text.
        let code = self.currency.to_string();
        if code.parse::<Currency>().as_ref() != Ok(&self.currency) {
            let what = format!("meaning.currency is {code:?}");
            return Err(ModelError::Nonsense { what, remedy: CurrencyError.to_string() });
        }
        let days = [
            ("period_days", self.period_days, PERIOD_DAYS_MAX),
            ("horizon_days", self.horizon_days, HORIZON_DAYS_MAX),
        ];
        for (name, value, most) in days {
            if value == 0 || value > most {
                let what = format!("meaning.{name} is {value}");
                return Err(ModelError::Nonsense { what, remedy: format!("it must be from 1 to {most}") });
            }
        }
        if !(0.0..=DISCOUNT_MAX).contains(&self.discount_per_year) {
            let what = format!("meaning.discount_per_year is {}", self.discount_per_year);
            let remedy = format!("it must be from 0 to {DISCOUNT_MAX}, and 0.1 is ten per cent");
            return Err(ModelError::Nonsense { what, remedy });
        }
        Ok(())
    }

    /// The terms of a forecast grow with `r` and with the horizon, and as `alpha` is small.
    ///
    /// # Errors
    /// [`ModelError::Nonsense`].
    fn is_near(&self, bg_nbd: &BgNbd) -> Result<(), ModelError> {
        let [r, alpha, ..] = bg_nbd.parameters();
        let (days, discount_per_year) = (self.horizon_days, self.discount_per_year);
        if terms_max(bg_nbd, Horizon { days, discount_per_year }) <= TERMS_MAX {
            return Ok(());
        }
        let what = format!(
            "with bg_nbd.r {r} and bg_nbd.alpha {alpha}, in periods of {} days, a forecast of {days} days is too long to compute",
            self.period_days
        );
        let remedy =
            "write a shorter meaning.horizon_days, or fit it again on people who buy less often".to_owned();
        Err(ModelError::Nonsense { what, remedy })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The published parameters of CDNOW.
    pub(crate) const CDNOW: &str = r#"
version = 1
fitted_until = "1997-09-30"

[meaning]
currency = "USD"
period_days = 7
horizon_days = 365
discount_per_year = 0.1

[fitted_from]
customers = 2357
repeat_customers = 946
paying_customers = 946
repeat_purchases = 2457

[bg_nbd]
log_likelihood = -9582.4

[bg_nbd.parameters]
r = 0.243
alpha = 4.414
a = 0.793
b = 2.426

[gamma_gamma]
log_likelihood = -4055.0

[gamma_gamma.parameters]
p = 6.25
q = 3.74
v = 15.44

[quintiles]
recency_days = [50, 100, 200, 250]
frequency = [1, 1, 2, 3]
monetary = ["10.00", "15.00", "25.00", "40.00"]
"#;

    fn error(from: &str, to: &str) -> String {
        assert!(CDNOW.contains(from), "{from}");
        Model::from_toml(&CDNOW.replacen(from, to, 1)).expect_err("is wrong").to_string()
    }

    #[test]
    fn a_model_is_read_as_it_was_written_and_keeps_its_id() {
        let model = Model::from_toml(CDNOW).expect("is a model");
        let again = Model::from_toml(&model.to_toml()).expect("is a model");
        assert_eq!(again, model);
        assert_eq!(model.id().len(), 16);
        let other = Model::from_toml(&CDNOW.replace("0.243", "0.244")).expect("is a model");
        assert_ne!(other.id(), model.id());
    }

    #[test]
    fn another_version_is_refused_whatever_else_it_has() {
        let error = Model::from_toml("version = 2\nsomething = \"new\"").expect_err("is of tomorrow");
        assert_eq!(error, ModelError::Version { found: 2 });
        assert!(error.to_string().contains("kinfold clv fit"));
    }

    #[test]
    fn what_makes_no_sense_is_named_with_a_remedy() {
        for (from, to, words) in [
            ("r = 0.243", "r = -1.0", "bg_nbd.r is -1, and must be from"),
            ("r = 0.243", "r = nan", "bg_nbd.r is NaN"),
            ("r = 0.243", "r = 100000.0", "bg_nbd.r 100000 and bg_nbd.alpha 4.414"),
            ("q = 3.74", "q = 0.5", "gamma_gamma.q is 0.5"),
            ("alpha = 4.414", "alpha = inf", "bg_nbd.alpha is inf"),
            ("horizon_days = 365", "horizon_days = 0", "meaning.horizon_days is 0"),
            ("period_days = 7", "period_days = 400", "from 1 to 366"),
            ("discount_per_year = 0.1", "discount_per_year = -0.1", "meaning.discount_per_year is -0.1"),
            ("[1, 1, 2, 3]", "[1, 4, 2, 3]", "quintiles.frequency fall"),
            ("USD", "dollars", "ISO 4217"),
            ("customers = 2357", "clients = 2357", "clients"),
            ("version = 1", "", "version"),
        ] {
            let sentence = error(from, to);
            assert!(sentence.contains(words), "{to}: {sentence}");
        }
        let long = format!("{CDNOW}#{}", "x".repeat(MODEL_BYTES_MAX));
        assert!(matches!(Model::from_toml(&long), Err(ModelError::Malformed(_))));
    }
}
