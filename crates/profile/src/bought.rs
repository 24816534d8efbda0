//! What somebody bought: the entries of the state of people that are about one person in, their purchases out, counted as the
//! profile counts them, and only while they may be used.

use kinfold_model::{Currency, Fault};
use kinfold_value::Purchases;

use crate::disclosure::held;
use crate::orders::Orders;
use crate::settings::Settings;
use crate::worth;

/// What all sources said of the orders of one person.
#[derive(Default)]
pub struct Bought {
    orders: Orders,
    is_restricted: bool,
}

impl Bought {
    /// Takes in an entry whose key begins with [`prefix`](crate::disclosure::prefix).
    ///
    /// # Errors
    /// [`Fault::Corrupt`].
    pub fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Fault> {
        let (_, Some(member)) = held(key, value)? else { return Ok(()) };
        self.is_restricted |= member.restricted.is_some();
        if let Some(facet) = member.facet {
            self.orders.merge(facet.orders);
        }
        Ok(())
    }

    /// What they bought in a currency, as their value has it; nothing of somebody who is restricted, who may be used for nothing.
    #[must_use]
    pub fn purchases(&self, settings: &Settings, currency: &Currency) -> Purchases {
        if self.is_restricted {
            return Purchases::default();
        }
        worth::purchases(&self.orders, &settings.order_sources, currency)
    }
}
