//! RFM: how recently, how often and for how much somebody buys, each as a score from 1 to 5. In: bounds that a model file
//! has, of all people at once. Out: the scores of one.
//!
//! A stage knows one person at a time, so it cannot tell in which fifth they are; what it would know of others would depend
//! on who came first. So the bounds are fixed until the next fit.

use kinfold_model::Amount;
use serde::{Deserialize, Serialize};

use crate::purchases::Summary;

/// What parts people into fifths. Each has four bounds that do not fall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quintiles {
    /// Days since the last purchase.
    pub recency_days: [u32; 4],
    /// Purchases, the first among them.
    pub frequency: [u32; 4],
    /// What was paid for a purchase on average.
    pub monetary: [Amount; 4],
}

/// From 1 to 5; 5 is best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scores {
    /// 5: the last purchase was recently.
    pub recency: u8,
    /// 5: there were many.
    pub frequency: u8,
    /// 5: much was paid for each.
    pub monetary: u8,
}

impl Quintiles {
    /// Of people who bought; `None` of nobody. A bound is the value of the person at the end of a fifth of them.
    #[must_use]
    pub fn of(people: &[Summary]) -> Option<Self> {
        Some(Self {
            recency_days: bounds(people.iter().map(Summary::days_since_last).collect())?,
            frequency: bounds(people.iter().map(Summary::purchases).collect())?,
            monetary: bounds(people.iter().map(|summary| summary.mean).collect())?,
        })
    }

    /// The scores of somebody. Who is at a bound is in the lower fifth, which for days since the last purchase is the better one.
    #[must_use]
    pub fn scores(&self, summary: &Summary) -> Scores {
        Scores {
            recency: 6 - fifth(&self.recency_days, summary.days_since_last()),
            frequency: fifth(&self.frequency, summary.purchases()),
            monetary: fifth(&self.monetary, summary.mean),
        }
    }

    /// The first bounds that fall, by name.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        [
            ("recency_days", self.recency_days.is_sorted()),
            ("frequency", self.frequency.is_sorted()),
            ("monetary", self.monetary.is_sorted()),
        ]
        .into_iter()
        .find_map(|(name, sorted)| (!sorted).then_some(name))
    }
}

fn bounds<T: Ord + Copy>(mut values: Vec<T>) -> Option<[T; 4]> {
    values.sort_unstable();
    let at = |fifth: usize| values.get((values.len() * fifth).div_ceil(5).saturating_sub(1)).copied();
    Some([at(1)?, at(2)?, at(3)?, at(4)?])
}

fn fifth<T: Ord>(bounds: &[T; 4], value: T) -> u8 {
    bounds.iter().fold(1, |score, bound| score + u8::from(value > *bound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purchases::History;

    fn somebody(frequency: u32, recency_days: u32, age_days: u32, mean: &str) -> Summary {
        let history = History::new(frequency, recency_days, age_days).expect("is consistent");
        Summary { history, repeat_mean: None, mean: mean.parse().expect("an amount") }
    }

    #[test]
    fn ten_people_who_differ_make_five_pairs() {
        let people: Vec<Summary> =
            (1..=10_u32).map(|n| somebody(n, 10 * n, 100, &format!("{n}.50"))).collect();
        let quintiles = Quintiles::of(&people).expect("there are people");
        assert_eq!(quintiles.frequency, [3, 5, 7, 9]);
        assert_eq!(quintiles.recency_days, [10, 30, 50, 70]);
        for (n, person) in people.iter().enumerate() {
            let score = u8::try_from(n / 2 + 1).expect("is small");
            let scores = quintiles.scores(person);
            assert_eq!((scores.frequency, scores.monetary), (score, score));
        }
        assert_eq!(quintiles.scores(&people[9]).recency, 5);
        assert_eq!(quintiles.scores(&people[0]).recency, 1);
    }

    #[test]
    fn who_is_alike_has_the_same_scores() {
        let people = vec![somebody(0, 0, 3, "5.00"); 100];
        let quintiles = Quintiles::of(&people).expect("there are people");
        let scores = quintiles.scores(&people[0]);
        assert_eq!(scores, Scores { recency: 5, frequency: 1, monetary: 1 });
        assert_eq!(Quintiles::of(&[]), None);
    }
}
