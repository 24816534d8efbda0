//! Values as they were written become values as they are compared: one spelling for each.
//!
//! Each normaliser leaves its own output as it is, so that a record may be captured twice. An identifier that cannot be
//! read is refused by a sentence that says what would be right, and never repeats the value. An attribute that cannot be
//! read is kept and flagged: it links nobody, and the rest of the record is worth having.

pub(crate) mod attributes;
mod country;
mod currency;
mod date;
mod email;
mod email_sha256;
mod ip;
mod language;
mod mailbox;
mod name;
mod phone;
mod plain;
mod postal_code;
mod providers;
mod social;
mod url;

use std::borrow::Cow;

use kinfold_model::{
    FlagKind, Identifier, Namespace, NamespaceRules, Normaliser, Refusal, RefusalKind, Rules,
};

use crate::limits;
use crate::path::Path;
use crate::settings::Settings;
use crate::text;
use crate::validate::{Claim, Stated};
use providers::Tags;

pub use url::PERSONAL_PARAMETERS;

/// What would be right instead, as the end of a sentence.
pub(crate) type Remedy = &'static str;

/// Takes the identifiers of a record and normalises each by the rules of its namespace. A telephone number is read in the
/// country of the touchpoint, whose attributes are clean already, else in that of its source.
///
/// # Errors
/// `unknown_namespace`, `bad_identifier`, `value_too_long`.
pub(crate) fn identifiers(
    stated: &mut Stated<'_>,
    rules: &Rules,
    settings: &Settings,
) -> Result<Vec<Identifier>, Refusal> {
    let claims = std::mem::take(&mut stated.identifiers);
    let country = stated.attributes.get("country").or_else(|| stated.attributes.get("country_code"));
    let country = country.map(String::as_str);
    let of_source = settings.source_regions.get(&stated.source).or(settings.default_region.as_ref());
    let regions = [country, of_source.map(String::as_str)];
    let list = Path::ROOT.member("identifiers");
    claims
        .into_iter()
        .enumerate()
        .map(|(index, claim)| identifier(claim, rules, regions, &list.element(index)))
        .collect()
}

/// One identifier that somebody names outside a touchpoint; `index` is its place among others.
///
/// # Errors
/// As [`identifiers`], and `empty_value`.
pub(crate) fn named(
    (namespace, value): (&str, &str),
    index: usize,
    rules: &Rules,
    settings: &Settings,
) -> Result<Identifier, Refusal> {
    let list = Path::ROOT.member("identifiers");
    let path = list.element(index);
    let value = text::clean(value.into(), limits::IDENTIFIER_BYTES_MAX, &path.member("value"))?;
    let claim = Claim { namespace: namespace.into(), value };
    identifier(claim, rules, [settings.default_region.as_deref(), None], &path)
}

/// One identifier; `regions` are the countries to read a telephone number in, the best first.
fn identifier(
    claim: Claim<'_>,
    rules: &Rules,
    regions: [Option<&str>; 2],
    path: &Path<'_>,
) -> Result<Identifier, Refusal> {
    let Some((namespace, NamespaceRules { normalise, .. })) =
        rules.namespaces.get_key_value(&*claim.namespace)
    else {
        return Err(unknown_namespace(rules, path));
    };
    let read = match normalise {
        Normaliser::Text => plain::normalise(claim.value).map(Cow::into_owned),
        Normaliser::Email => email::normalise(&claim.value, Tags::Kept),
        Normaliser::EmailUid2 => email::normalise(&claim.value, Tags::Uid2),
        Normaliser::EmailProvider => email::normalise(&claim.value, Tags::Providers),
        Normaliser::EmailSha256 => email_sha256::normalise(&claim.value),
        Normaliser::Phone => phone::normalise(&claim.value, regions),
        Normaliser::Social => social::normalise(&claim.value),
    };
    let path = path.member("value");
    let value = read.map_err(|remedy| bad_identifier(namespace, remedy, &path))?;
    text::within(&value, limits::IDENTIFIER_BYTES_MAX, &path)?;
    Ok(Identifier { namespace: namespace.clone(), value })
}

/// What is odd about a normalised identifier, if anything is.
pub(crate) fn oddity(
    namespace: &Namespace,
    value: &str,
    rules: &Rules,
    settings: &Settings,
) -> Option<FlagKind> {
    let is_email = rules.normaliser(namespace).is_some_and(Normaliser::is_email);
    if is_email { mailbox::oddity(value, &settings.cleaning.disposable_domains) } else { None }
}

/// Whether three capitals are the code of a currency.
pub(crate) fn is_currency(code: &str) -> bool {
    currency::is_known(code)
}

fn bad_identifier(namespace: &Namespace, remedy: Remedy, path: &Path<'_>) -> Refusal {
    let complaint = format!("cannot be read as `{namespace}`: it must be {remedy}");
    Refusal::new(RefusalKind::BadIdentifier, path.to_string(), complaint)
}

fn unknown_namespace(rules: &Rules, path: &Path<'_>) -> Refusal {
    let known: Vec<&str> = rules.namespaces.keys().map(Namespace::as_str).collect();
    let complaint = format!("is none of the namespaces that are configured: {}", known.join(", "));
    Refusal::new(RefusalKind::UnknownNamespace, path.member("namespace").to_string(), complaint)
}

/// One normaliser on many inputs: each gives the expected value or none, and leaves its own output as it is.
#[cfg(test)]
pub(crate) fn check(normalise: impl Fn(&str) -> Option<String>, cases: &[(&str, Option<&str>)]) {
    for (input, expected) in cases {
        let output = normalise(input);
        assert_eq!(output.as_deref(), *expected, "{input:?}");
        if let Some(output) = output {
            assert_eq!(normalise(&output).as_deref(), Some(&*output), "a second time: {input:?}");
        }
    }
}
