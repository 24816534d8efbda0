//! Identifiers as they were written become identifiers as they are compared: one spelling for each.
//!
//! Each normaliser leaves its own output as it is, so that a record may be captured twice. A value that cannot be
//! read is refused by a sentence that says what would be right, and never repeats the value.

mod email;
mod email_sha256;
mod phone;
mod plain;
mod social;

use std::borrow::Cow;

use kinfold_model::{Identifier, Namespace, NamespaceRules, Normaliser, Refusal, RefusalKind, Rules};

use crate::limits;
use crate::path::Path;
use crate::settings::Settings;
use crate::text;
use crate::validate::{Claim, Stated};

/// What would be right instead, as the end of a sentence.
pub(crate) type Remedy = &'static str;

/// Takes the identifiers of a record and normalises each by the rules of its namespace.
///
/// # Errors
/// `unknown_namespace`, `bad_identifier`, `value_too_long`.
pub(crate) fn identifiers(
    stated: &mut Stated<'_>,
    rules: &Rules,
    settings: &Settings,
) -> Result<Vec<Identifier>, Refusal> {
    let claims = std::mem::take(&mut stated.identifiers);
    let country = stated.attributes.get("country").map(String::as_str);
    let regions = [country, settings.default_region.as_deref()];
    let list = Path::ROOT.member("identifiers");
    claims
        .into_iter()
        .enumerate()
        .map(|(index, claim)| identifier(claim, rules, regions, &list.element(index)))
        .collect()
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
        Normaliser::Email => email::normalise(&claim.value),
        Normaliser::EmailSha256 => email_sha256::normalise(&claim.value),
        Normaliser::Phone => phone::normalise(&claim.value, regions),
        Normaliser::Social => social::normalise(&claim.value),
    };
    let path = path.member("value");
    let value = read.map_err(|remedy| bad_identifier(namespace, remedy, &path))?;
    text::within(&value, limits::IDENTIFIER_BYTES_MAX, &path)?;
    Ok(Identifier { namespace: namespace.clone(), value })
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
