//! Telephone numbers: the examples of libphonenumber, and what UID2 takes for E.164.

use kinfold_model::Normaliser;
use serde_json::Value;

use super::{Normalised, Suite, list};

/// Every example of every country, as it is dialled there and as it is dialled from abroad.
pub(super) fn libphonenumber(vectors: &Value) -> [Suite; 2] {
    let ours = Normalised::by(Normaliser::Email);
    let mut abroad = Suite::new("libphonenumber, international", "`phone`");
    let mut at_home = Suite::new("libphonenumber, national", "`phone` with a `country`");
    for (index, case) in list(vectors).iter().enumerate() {
        let (region, e164) = (case["region"].as_str().unwrap_or_default(), case["e164"].as_str());
        abroad.compare(index, ours.value("phone", &case["e164"], "XX").as_deref(), e164, || None);
        let home = ours.value("phone", &case["national"], region);
        at_home.compare(index, home.as_deref(), e164, || {
            (region == "001").then_some(
                "Satellite and other networks of no country (region 001): nobody writes that as a country, and without \
                 one only the international form is read.",
            )
        });
    }
    [abroad, at_home]
}

/// UID2 asks for E.164 by its form alone, and mends nothing.
pub(super) fn uid2(vectors: &Value) -> [Suite; 2] {
    let ours = Normalised::by(Normaliser::Email);
    let mut valid = Suite::new("UID2 telephones", "`phone`");
    for (index, case) in list(&vectors["phone_valid"]).iter().enumerate() {
        valid.compare(index, ours.value("phone", case, "XX").as_deref(), case.as_str(), || {
            Some("E.164 by its form, and a number in no country's plan; UID2 counts digits.")
        });
    }
    let mut invalid = Suite::new("UID2 telephones that are none", "`phone`");
    for (index, case) in list(&vectors["phone_invalid"]).iter().enumerate() {
        let text = case.as_str().unwrap_or_default();
        invalid.compare(index, ours.value("phone", case, "XX").as_deref(), None, || {
            text.contains([' ', '+'])
                .then_some("White space and marks are mended, where a valid number comes out.")
        });
    }
    [valid, invalid]
}
