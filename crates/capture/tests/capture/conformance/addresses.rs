//! E-mail addresses: is_email (which are any), validator.js and UID2 (how they are normalised).

use kinfold_model::Normaliser;
use serde_json::{Value, json};

use super::{Normalised, Suite, list};

const QUOTED: &str = "A quoted local part is legal, and nobody has such a mailbox: in data of customers it is a fault of an export.";
const LITERAL: &str = "An address literal is legal, and nobody has such a mailbox: in data of customers it is a fault of an export.";
const TLD: &str =
    "A mailbox directly in a top-level domain is legal, and in data of customers it is a domain cut short.";
const DOTS: &str = "Dots at the ends of the local part, and several in a row, are illegal, and providers in Japan gave out such mailboxes.";
const SPACE: &str = "White space around an address is no part of it and is trimmed.";
const IDN: &str = "A domain is written in ASCII (UTS 46), as mail servers and name servers know it; so both spellings are one address.";

/// Whether capture takes an address for one, as is_email does with its default settings: what needs no comments, folded
/// white space or obsolete forms.
pub(super) fn is_email(vectors: &Value) -> Suite {
    let mut suite = Suite::new("is_email", "`normalise = \"email\"`: is it an address");
    let ours = Normalised::by(Normaliser::Email);
    for vector in list(vectors) {
        let text = |member: &str| vector[member].as_str().unwrap_or_default();
        let address = text("address").chars().map(control).collect::<String>();
        let valid =
            ["ISEMAIL_VALID_CATEGORY", "ISEMAIL_DNSWARN", "ISEMAIL_RFC5321"].contains(&text("category"));
        let accepted = ours.value("email", &json!(address), "DE");
        let word = |accepted: bool| Some(if accepted { "an address" } else { "none" });
        suite.compare(text("id"), word(accepted.is_some()), word(valid), || {
            let diagnosis = text("diagnosis");
            match (valid, diagnosis) {
                (true, _) if address.contains('"') => Some(QUOTED),
                (true, _) if address.contains('[') => Some(LITERAL),
                (true, _)
                    if !address.contains("@") || !address.rsplit('@').any(|part| part.contains('.')) =>
                {
                    Some(TLD)
                }
                (true, _) => None,
                (false, _) if address.trim() != address => Some(SPACE),
                (false, "ISEMAIL_ERR_DOT_START" | "ISEMAIL_ERR_DOT_END" | "ISEMAIL_ERR_CONSECUTIVEDOTS") => {
                    Some(DOTS)
                }
                (false, _) => None,
            }
        });
    }
    suite
}

/// The file writes control characters as their pictures, from U+2400 on.
fn control(c: char) -> char {
    char::from_u32(u32::from(c).wrapping_sub(0x2400)).filter(char::is_ascii_control).unwrap_or(c)
}

/// Each of their sets of options is held against the nearest of ours: with tags of providers or without.
pub(super) fn validator_js(vectors: &Value) -> Suite {
    let mut suite = Suite::new(
        "validator.js normalizeEmail",
        "`normalise = \"email_provider\"`; `\"email\"` for options that keep tags",
    );
    let (all, none) = (Normalised::by(Normaliser::EmailProvider), Normalised::by(Normaliser::Email));
    for (set, options) in list(vectors).iter().enumerate() {
        let said = options["options"].as_str().unwrap_or_default();
        let keeps_tags = said.contains("subaddress: false");
        let ours = if keeps_tags { &none } else { &all };
        for (index, case) in list(&options["cases"]).iter().enumerate() {
            let ours = ours.value("email", &case["input"], "DE");
            let theirs = case["expected"].as_str();
            suite.compare(format_args!("{set}.{index}"), ours.as_deref(), theirs, || {
                let (ours, theirs) = (ours.as_deref().unwrap_or_default(), theirs.unwrap_or_default());
                if ours.eq_ignore_ascii_case(theirs) {
                    Some("A local part is in lower case always: no provider tells mailboxes apart by case.")
                } else if !theirs.is_ascii() {
                    Some(IDN)
                } else if theirs.contains('"') {
                    Some(QUOTED)
                } else if theirs.contains("..") {
                    Some("All dots mean nothing to this provider, several in a row like a single one.")
                } else if said.contains("convert") || said.contains("remove_dots: false") {
                    Some("Dots, tags and spellings of a provider's domain go together, or stay together: one setting.")
                } else {
                    None
                }
            });
        }
    }
    suite
}

/// As UID2 normalises addresses before it hashes them.
pub(super) fn uid2(vectors: &Value) -> [Suite; 2] {
    let ours = Normalised::by(Normaliser::EmailUid2);
    let mut valid = Suite::new("UID2 e-mails", "`normalise = \"email_uid2\"`");
    for (index, case) in list(&vectors["email_valid"]).iter().enumerate() {
        let (value, theirs) = (ours.value("email", &case["input"], "DE"), case["normalized"].as_str());
        let is_idn = theirs.is_some_and(|address| !address.rsplit('@').next().is_some_and(str::is_ascii));
        valid.compare(index, value.as_deref(), theirs, || (is_idn && value.is_some()).then_some(IDN));
    }
    let mut invalid = Suite::new("UID2 e-mails that are none", "`normalise = \"email_uid2\"`");
    for (index, case) in list(&vectors["email_invalid"]).iter().enumerate() {
        invalid.compare(index, ours.value("email", case, "DE").as_deref(), None, || None);
    }
    [valid, invalid]
}
