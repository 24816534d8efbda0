//! A seeded generator of realistic touchpoints. In: a plan. Out: canonical JSON lines of seven sources in rough order
//! of time, each with the person it truly belongs to. Equal plans give equal bytes on every machine.
//!
//! Memory grows with people, not with touchpoints. Nobody in it exists: names are drawn from lists, e-mail addresses
//! lie in domains reserved for examples, and telephone numbers in ranges reserved for fiction.

mod damage;
mod events;
mod names;
mod people;
mod phones;
mod record;

use std::collections::VecDeque;

use fastrand::Rng;
use kinfold_model::time::Timestamp;

use events::{Order, Scene};
use people::People;

/// What to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Another seed, other people and other touchpoints.
    pub seed: u64,
    /// How many people there are; 0 gives no touchpoints.
    pub people: usize,
    /// How many records come out, those that are damaged or repeated among them.
    pub touchpoints: usize,
    /// The time of the first touchpoint.
    pub start: Timestamp,
    /// How many days of 24 hours the touchpoints are spread over.
    pub days: u32,
}

/// One record and the truth about it.
#[derive(Clone, PartialEq, Eq)]
pub struct Generated {
    /// The source that reports it, hence its topic.
    pub source: &'static str,
    /// One line of canonical JSON without a line break; not JSON at all when it is damaged so.
    pub record: Vec<u8>,
    /// Who was there: 0 to `people` - 1.
    pub person: u32,
    /// Whether it is as a touchpoint should be; about one in a hundred is not, and is to be refused.
    pub sound: bool,
}

impl std::fmt::Debug for Generated {
    /// The record is not printed.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "record of {} bytes from {}", self.record.len(), self.source)
    }
}

/// The sources, each with the weight of its share in a hundred.
pub const SOURCES: [(&str, u8); 7] = [
    ("webshop", 40),
    ("till", 20),
    ("crm", 7),
    ("email", 18),
    ("social", 5),
    ("survey", 4),
    ("callcentre", 6),
];

/// After so many of a hundred orders people may leave: somebody does after three times as many.
pub const CHURN_MAX: u8 = 33;

/// The CRM reports an order of the webshop after this many other records.
const REPORT_DELAY: u64 = 40;
/// A record is repeated from among this many that were kept.
const KEPT: usize = 64;
const LATE_MAX_MS: i64 = 3 * 86_400_000;

impl Plan {
    /// The records of the plan, from the first.
    #[must_use]
    pub fn generate(self) -> Generator {
        let mut rng = Rng::with_seed(self.seed);
        let people = People::new(self.people, self.seed, &mut rng);
        Generator {
            plan: self,
            rng,
            people,
            next: 0,
            orders: VecDeque::new(),
            kept: Vec::with_capacity(KEPT),
        }
    }
}

/// Gives the records of a plan one after the other.
pub struct Generator {
    plan: Plan,
    rng: Rng,
    people: People,
    next: u64,
    /// Orders of the webshop that the CRM has yet to report, and when.
    orders: VecDeque<(u64, Order)>,
    /// Some recent records, to be repeated.
    kept: Vec<Generated>,
}

impl Iterator for Generator {
    type Item = Generated;

    fn next(&mut self) -> Option<Generated> {
        if self.next >= self.plan.touchpoints as u64 || self.plan.people == 0 {
            return None;
        }
        let sequence = self.next;
        self.next += 1;
        if !self.kept.is_empty() && self.rng.u8(0..100) == 0 {
            return Some(self.kept[self.rng.usize(0..self.kept.len())].clone());
        }
        let mut generated = self.report(sequence);
        if self.rng.u8(0..100) == 0 {
            damage::damage(&mut generated, &mut self.rng);
        } else if self.rng.u8(0..8) == 0 {
            self.keep(&generated);
        }
        Some(generated)
    }
}

impl Generator {
    /// The same, but that people stop buying: after so many of a hundred orders that are not their first, on average, at most [`CHURN_MAX`]. With 0 nobody does.
    #[must_use]
    pub fn leaving(self, churn: u8) -> Self {
        Self { people: self.people.leaving(churn.min(CHURN_MAX)), ..self }
    }

    fn report(&mut self, sequence: u64) -> Generated {
        let time = self.time_of(sequence);
        let mut scene = Scene { people: &mut self.people, rng: &mut self.rng, sequence, time };
        if let Some((due, order)) = self.orders.front()
            && *due <= sequence
        {
            let generated = scene.crm_order(order);
            self.orders.pop_front();
            return generated;
        }
        let (generated, order) = scene.play();
        self.orders.extend(order.map(|order| (sequence + REPORT_DELAY, order)));
        generated
    }

    /// Mostly in order, give or take a few seconds; one in fifty comes up to three days late.
    fn time_of(&mut self, sequence: u64) -> Timestamp {
        let span = u128::from(self.plan.days) * 86_400_000;
        let share = span * u128::from(sequence) / (self.plan.touchpoints as u128).max(1);
        let on_time = i64::try_from(share).unwrap_or(i64::MAX);
        let late =
            if self.rng.u8(0..50) == 0 { self.rng.i64(0..LATE_MAX_MS) } else { self.rng.i64(0..5_000) };
        self.plan.start.plus_millis((on_time - late).max(0))
    }

    fn keep(&mut self, generated: &Generated) {
        if self.kept.len() < KEPT {
            self.kept.push(generated.clone());
        } else {
            let place = self.rng.usize(0..KEPT);
            self.kept[place].clone_from(generated);
        }
    }
}

#[cfg(test)]
mod tests;
