//! `kinfold privacy restrict` and `kinfold privacy lift`: what is known of a person is kept and used for nothing, and may be used again.

use clap::Args;
use kinfold_model::privacy::{PrivacyKind, PrivacyScope};

use super::ask::{Given, named, outcome};
use crate::commands::Failure;
use crate::privacy::request::{Parts, spread};
use crate::site::Site;

/// Whom, and on whose word.
#[derive(Args)]
pub struct Restrict {
    /// As namespace:value, or namespace#node. All of a person's that you know; any of them will do.
    #[arg(value_name = "IDENTIFIER", required = true)]
    identifiers: Vec<String>,
    #[command(flatten)]
    given: Given,
}

impl Restrict {
    /// Asks for one or the other.
    pub(super) fn run(self, kind: PrivacyKind) -> Result<(), Failure> {
        let site = Site::new(&self.given.place)?;
        self.given.check_signed(&site)?;
        let (identifiers, _) = named(&self.identifiers, &site)?;
        let parts = spread(Parts::new(), &identifiers);
        let wish = self.given.wish(&site, (kind, PrivacyScope::Person), parts)?;
        let receipts = self.given.ask(&site, &wish)?;
        if self.given.only_sends(&site) { Ok(()) } else { outcome(&receipts) }
    }
}
