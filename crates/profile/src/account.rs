//! Why a profile shows this value of an attribute and no other: the entries of the state of people that are about one person in; the
//! rule, the winner and everything that it won against, in order, out. Whoever asks sees values, for that is what they ask for.

use kinfold_model::profile::Attribute;
use kinfold_model::{AttributeRule, Fault, Survivorship, Timestamp};

use crate::attributes::Attributes;
use crate::disclosure::held;
use crate::survivor::{Competitor, Contest};

/// How one attribute came about. No `Debug`, for values are personal data.
pub struct Account {
    /// What is declared of the attribute.
    pub rule: AttributeRule,
    /// What the profile shows.
    pub shown: Attribute,
    /// All that was stated, in the order of the rule; the first won.
    pub stated: Vec<Stated>,
    /// Whether there were more values than are counted: of those only the newest, the oldest, the longest, the last verified and the
    /// newest of each source are known.
    pub is_full: bool,
}

/// A value that a source stated.
#[derive(Clone, PartialEq, Eq)]
pub struct Stated {
    /// The value.
    pub value: String,
    /// Who stated it.
    pub source: String,
    /// When it did first; of a value that is not counted, when it is known to have done so.
    pub first: Timestamp,
    /// When it did last.
    pub last: Timestamp,
    /// At how many distinct touchpoints, more than 16 by an estimate; `None` for a value that is not counted.
    pub touchpoints: Option<u64>,
    /// When it last said that it has verified it.
    pub verified: Option<Timestamp>,
}

/// What was stated of one person.
#[derive(Default)]
pub struct Accounts(Attributes);

impl Accounts {
    /// Takes in an entry whose key begins with [`crate::disclosure::prefix`].
    ///
    /// # Errors
    /// [`Fault::Corrupt`].
    pub fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        let (_, member) = held(key, value)?;
        if let Some(facet) = member.and_then(|member| member.facet) {
            self.0.merge(facet.attributes);
        }
        Ok(())
    }

    /// The names of all attributes that were stated.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.least().map(|(name, _)| name)
    }

    /// How the attribute of this name came about, as of that time; `None` when nobody stated it.
    #[must_use]
    pub fn of(&self, name: &str, declared: &Survivorship, now: Timestamp) -> Option<Account> {
        let (_, values) = self.0.least().find(|(stated, _)| *stated == name)?;
        let (beyond, rule) = (values.beyond(), declared.of(name));
        let contest = Contest::new(name, values, &beyond, rule);
        Some(Account {
            shown: contest.attribute(now)?,
            stated: contest.in_order().into_iter().map(Stated::of).collect(),
            rule: rule.clone(),
            is_full: values.is_full(),
        })
    }
}

impl Stated {
    /// What is known of a pair of value and source.
    pub(crate) fn of(competitor: &Competitor<'_>) -> Self {
        let Competitor { pair, tally, is_kept } = competitor;
        Self {
            value: pair.value.clone(),
            source: pair.source.clone(),
            first: tally.first.time,
            last: tally.last.time,
            touchpoints: is_kept.then(|| tally.distinct.count()),
            verified: tally.verified.as_ref().map(|mark| mark.time),
        }
    }
}
