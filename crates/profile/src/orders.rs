//! Orders: what each source last said of each, and when it was first heard of.
//!
//! Reports go in, in any order and any number of times. Facets keep them by order and source, so that the fold can ask which
//! source is to be believed, whoever reports what to which set of identifiers; out come orders, each once.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use kinfold_model::{Amount, Currency, OrderStatus, Timestamp, Touchpoint};
use serde::{Deserialize, Serialize};

/// Nobody buys as often at one set of identifiers; a till that stands for its customers does. A report takes at most 650 bytes: an
/// id and the id of a touchpoint of 256 bytes each, a source of 64, two amounts of 19, and a few numbers. Together they stay below
/// 5.3 MB of the 8 MB that a record may hold, whatever they say.
pub(crate) const REPORTS_MAX: usize = 8_000;

/// Reports by order id and source; the least when there are too many.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Orders(BTreeMap<Reporter, Reported>);

/// Which order, and who speaks of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Reporter {
    pub(crate) order_id: String,
    pub(crate) source: String,
}

/// What a source said of an order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reported {
    /// The time of the first report: what is said later, of a return for example, does not move it.
    pub(crate) placed: Timestamp,
    /// What holds of it.
    pub(crate) newest: StatedOrder,
}

/// One report. The newest wins, then the greatest touchpoint id, value, currency, number of articles, status and refund.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct StatedOrder {
    pub(crate) time: Timestamp,
    pub(crate) touchpoint_id: String,
    pub(crate) value: Amount,
    pub(crate) currency: Currency,
    pub(crate) items: i64,
    pub(crate) status: OrderStatus,
    pub(crate) refunded: Amount,
}

/// An order of a person, once.
pub(crate) struct Settled<'o> {
    /// The first time that any source reported it.
    pub(crate) placed: Timestamp,
    /// The report that is believed.
    pub(crate) stated: &'o StatedOrder,
}

impl Orders {
    /// Takes in what a touchpoint says of an order; says whether that is news.
    pub(crate) fn hear(&mut self, touchpoint: &Touchpoint) -> bool {
        let Some(order) = &touchpoint.order else { return false };
        let reporter = Reporter { order_id: order.order_id.clone(), source: touchpoint.source.clone() };
        let newest = StatedOrder {
            time: touchpoint.time,
            touchpoint_id: touchpoint.touchpoint_id.clone(),
            value: order.value,
            currency: order.currency.clone(),
            items: order.items,
            status: order.status,
            refunded: order.refunded,
        };
        self.keep(reporter, Reported { placed: touchpoint.time, newest })
    }

    /// Whether there is no room for a report more.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() >= REPORTS_MAX
    }

    /// Takes in all that the other has, beyond any limit: what is merged is not stored.
    pub(crate) fn merge(&mut self, other: Self) {
        for (reporter, reported) in other.0 {
            self.take(reporter, reported);
        }
    }

    /// How many orders there are, whoever reports them.
    pub(crate) fn len(&self) -> usize {
        let ids: Vec<&String> = self.0.keys().map(|reporter| &reporter.order_id).collect();
        ids.chunk_by(|one, next| one == next).count()
    }

    /// By order and source.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Reporter, &Reported)> {
        self.0.iter()
    }

    /// Each order once, by id. Of several sources the first that `sources` names is believed; those that it does not name come
    /// after all that it does, and of them the newest report is.
    pub(crate) fn settle(&self, sources: &[String]) -> Vec<Settled<'_>> {
        let rank = |source: &str| sources.iter().position(|named| named == source).unwrap_or(sources.len());
        let reports: Vec<(&Reporter, &Reported)> = self.0.iter().collect();
        let of_one = reports.chunk_by(|one, next| one.0.order_id == next.0.order_id);
        let settled = of_one.filter_map(|reports| {
            let placed = reports.iter().map(|(_, reported)| reported.placed).min()?;
            let ranked = reports.iter().map(|(by, reported)| (Reverse(rank(&by.source)), &reported.newest));
            let (_, stated) = ranked.max()?;
            Some(Settled { placed, stated })
        });
        settled.collect()
    }

    /// Those of them that are not cancelled.
    pub(crate) fn standing(&self, sources: &[String]) -> impl Iterator<Item = Settled<'_>> + use<'_> {
        self.settle(sources).into_iter().filter(|order| !order.stated.is_cancelled())
    }

    /// Takes a report in, if there is room.
    fn keep(&mut self, reporter: Reporter, reported: Reported) -> bool {
        let is_last = || self.0.last_key_value().is_some_and(|(last, _)| *last < reporter);
        if self.is_full() && is_last() {
            return false;
        }
        let is_news = self.take(reporter, reported);
        if self.0.len() > REPORTS_MAX {
            self.0.pop_last();
        }
        is_news
    }

    fn take(&mut self, reporter: Reporter, reported: Reported) -> bool {
        let Some(known) = self.0.get_mut(&reporter) else {
            return self.0.insert(reporter, reported).is_none();
        };
        let is_news = reported.placed < known.placed || reported.newest > known.newest;
        known.placed = known.placed.min(reported.placed);
        if reported.newest > known.newest {
            known.newest = reported.newest;
        }
        is_news
    }
}

impl StatedOrder {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.status == OrderStatus::Cancelled
    }

    /// What it brought in: its value without what was paid back. A refund that is an order of its own, of a negative value,
    /// is what it is.
    pub(crate) fn net(&self) -> Amount {
        let nothing = Amount::default();
        match self.status {
            OrderStatus::Cancelled => nothing,
            OrderStatus::Returned if self.refunded == nothing => self.value.min(nothing),
            OrderStatus::Placed | OrderStatus::Returned => self.value - self.refunded,
        }
    }
}

#[cfg(test)]
impl Orders {
    /// What of it would be stored: of what was merged, the least that have room.
    pub(crate) fn cut(&mut self) {
        while self.0.len() > REPORTS_MAX {
            self.0.pop_last();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(value: &str, status: OrderStatus, refunded: &str) -> StatedOrder {
        StatedOrder {
            time: Timestamp::default(),
            touchpoint_id: "t".to_owned(),
            value: value.parse().expect("an amount"),
            currency: "EUR".parse().expect("a currency"),
            items: 1,
            status,
            refunded: refunded.parse().expect("an amount"),
        }
    }

    #[test]
    fn an_order_that_is_written_in_two_ways_is_one() {
        let order = |value| stated(value, OrderStatus::Placed, "0");
        assert!(order("1.50") == order("1.5"));
        assert!(order("1.6") > order("1.50"));
    }

    fn reported(n: usize, source: &str) -> (Reporter, Reported) {
        let reporter = Reporter { order_id: format!("O-{n:05}"), source: source.to_owned() };
        let newest = stated("1", OrderStatus::Placed, "0");
        (reporter, Reported { placed: newest.time, newest })
    }

    #[test]
    fn of_too_many_reports_the_least_stay_whatever_came_first() {
        let most = REPORTS_MAX / 2 + 9;
        let reports: Vec<_> = (0..most).flat_map(|n| [reported(n, "erp"), reported(n, "shop")]).collect();
        let of = |reports: &mut dyn Iterator<Item = &(Reporter, Reported)>| {
            let mut orders = Orders::default();
            for (reporter, reported) in reports {
                orders.keep(reporter.clone(), reported.clone());
            }
            orders
        };
        let orders = of(&mut reports.iter());
        assert!(orders == of(&mut reports.iter().rev()) && orders.is_full());
        assert!(orders == of(&mut reports.iter().skip(700).chain(&reports[..900])));
        assert_eq!((orders.iter().count(), orders.len()), (REPORTS_MAX, REPORTS_MAX / 2));
        assert_eq!(orders.settle(&[]).len(), REPORTS_MAX / 2);
    }

    #[test]
    fn an_order_brings_in_what_was_not_paid_back() {
        use OrderStatus::{Cancelled, Placed, Returned};
        for (value, status, refunded, net) in [
            ("10", Placed, "0", "10.00"),
            ("10", Placed, "2.5", "7.50"),
            ("10", Returned, "4", "6.00"),
            ("10", Returned, "0", "0.00"),
            ("10", Cancelled, "0", "0.00"),
            ("-10", Placed, "0", "-10.00"),
            ("-10", Returned, "0", "-10.00"),
        ] {
            let order = stated(value, status, refunded);
            assert_eq!(order.net().to_string(), net, "{value} {status:?} {refunded}");
        }
    }
}
