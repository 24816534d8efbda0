//! A piece of a request as it was at first: without the decisions against a purpose that were forgotten.

use std::collections::BTreeSet;

use kinfold_model::first_forms;
use kinfold_model::versioned::{Renew, Versioned};
use serde::{Deserialize, Serialize};

use crate::case::Piece;

/// The first form of [`Piece`].
#[derive(Serialize, Deserialize)]
pub(crate) struct PieceAtFirst {
    stitch: Option<(u32, bool)>,
    facets: Option<u64>,
    is_overruled: bool,
    people: BTreeSet<u32>,
}

first_forms! {
    PieceAtFirst: "request.piece",
}

impl Versioned for Piece {
    const NAME: &'static str = "request.piece";
    type Older = PieceAtFirst;
}

impl Renew<Piece> for PieceAtFirst {
    fn renew(self) -> Piece {
        let Self { stitch, facets, is_overruled, people } = self;
        Piece { stitch, facets, is_overruled, people, denials: 0 }
    }
}
