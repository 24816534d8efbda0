//! What somebody bought: the entries of the state of people that are about one person in, their purchases out, counted as the
//! profile counts them.

use kinfold_model::{Amount, Currency, Fault, Timestamp};

use crate::disclosure::held;
use crate::orders::Orders;
use crate::settings::Settings;

/// What all sources said of the orders of one person.
#[derive(Default)]
pub struct Bought(Orders);

/// An order that is not cancelled.
#[derive(Clone, PartialEq, Eq)]
pub struct Purchase {
    /// When it was first reported.
    pub placed: Timestamp,
    /// What it brought in, without what was paid back; in units of `currency`.
    pub revenue: Amount,
    /// Of the revenue.
    pub currency: Currency,
}

impl Bought {
    /// Takes in an entry whose key begins with [`prefix`](crate::disclosure::prefix).
    ///
    /// # Errors
    /// [`Fault::Corrupt`].
    pub fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        let (_, member) = held(key, value)?;
        if let Some(facet) = member.and_then(|member| member.facet) {
            self.0.merge(facet.orders);
        }
        Ok(())
    }

    /// Each order once, by id, as the source says that these settings believe.
    #[must_use]
    pub fn purchases(&self, settings: &Settings) -> Vec<Purchase> {
        let orders = self.0.settle(&settings.order_sources).into_iter();
        let standing = orders.filter(|order| !order.stated.is_cancelled()).map(|order| Purchase {
            placed: order.placed,
            revenue: order.stated.net(),
            currency: order.stated.currency.clone(),
        });
        standing.collect()
    }
}
