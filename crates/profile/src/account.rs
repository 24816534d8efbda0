//! Why a profile shows this value of an attribute and no other: the entries of the state of people that are about one person in; the
//! rule, the winner and everything that it won against, in order, out. Whoever asks sees values, for that is what they ask for.

use std::collections::BTreeMap;

use kinfold_model::profile::Attribute;
use kinfold_model::{AttributeRule, Fault, Survivorship, Timestamp};

use crate::attributes::Attributes;
use crate::disclosure::held;
use crate::ends::Ends;
use crate::span::Span;
use crate::survivor::{Competitor, Contest, beyond};
use crate::values::Pair;

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
    /// As of then.
    pub as_of: Timestamp,
    /// When each value was last stated by anybody.
    pub confirmed: BTreeMap<String, Timestamp>,
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
        let rule = declared.of(name);
        let (beyond, mut ends) = (beyond(values, rule), Ends::at(now));
        let contest = Contest::new(name, values, &beyond, rule, now);
        let counted: BTreeMap<&Pair, (u64, Span)> =
            values.counted().map(|(pair, touchpoints, span)| (pair, (touchpoints, span))).collect();
        let stated = |one: &Competitor<'_>| match counted.get(one.pair) {
            Some((touchpoints, span)) => Stated::of(one).counted(*touchpoints, *span),
            None => Stated::of(one),
        };
        let stated: Vec<Stated> = contest.in_order().into_iter().map(stated).collect();
        let confirmed =
            stated.iter().filter_map(|one| Some((one.value.clone(), contest.confirmed(&one.value)?)));
        Some(Account {
            shown: contest.attribute(&mut ends)?,
            confirmed: confirmed.collect(),
            stated,
            rule: rule.clone(),
            is_full: values.is_full(),
            as_of: now,
        })
    }
}

impl Account {
    /// Since when a value is stale that was stated, whoever stated it last; `None`: it is not.
    #[must_use]
    pub fn stale(&self, value: &str) -> Option<Timestamp> {
        let end = self.confirmed.get(value).and_then(|confirmed| self.rule.ageing.stale(*confirmed));
        end.filter(|end| *end <= self.as_of)
    }

    /// Since when a value has to be verified again by the source that stated it; `None`: it has not, or it never was.
    #[must_use]
    pub fn verify_again(&self, one: &Stated) -> Option<Timestamp> {
        let end = one.verified.and_then(|verified| self.rule.ageing.verify_again(verified));
        end.filter(|end| *end <= self.as_of)
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

    /// The same with what is counted, which is exact where a tally may not be.
    pub(crate) fn counted(self, touchpoints: u64, span: Span) -> Self {
        Self { first: span.first, last: span.last, touchpoints: Some(touchpoints), ..self }
    }
}
