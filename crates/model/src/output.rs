//! Outputs: topics of profiles that are bound to purposes, as a company declares them. What leaves on each is decided by the
//! people stage; here is what was asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::field::Field;
use crate::identifier::{Identifier, Namespace};
use crate::keys::sha256_hex;
use crate::purpose::Purposes;

/// At most so many outputs: each is looked at whenever somebody changes.
pub const OUTPUTS_MAX: usize = 32;
/// At most so many fields of one output, and as many namespaces.
pub const FIELDS_MAX: usize = 64;

/// In which form identifiers of a namespace leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Form {
    /// As they were normalised.
    Clear,
    /// The SHA-256 of that: lower-case hex.
    Sha256,
    /// The SHA-256 of a telephone number without its `+`.
    Sha256Digits,
}

impl Form {
    /// All forms, as the configuration names them.
    pub const ALL: [Self; 3] = [Self::Clear, Self::Sha256, Self::Sha256Digits];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Sha256 => "sha256",
            Self::Sha256Digits => "sha256_digits",
        }
    }

    /// An identifier as it leaves. Hashes of `email` are of the namespace `email_sha256`, and so on: nobody is to take one for
    /// an address.
    #[must_use]
    pub fn of(self, namespace: &Namespace, value: &str) -> Identifier {
        match self {
            Self::Clear => Identifier { namespace: namespace.clone(), value: value.to_owned() },
            Self::Sha256 => hashed(namespace, value),
            Self::Sha256Digits => hashed(namespace, value.strip_prefix('+').unwrap_or(value)),
        }
    }
}

fn hashed(namespace: &Namespace, text: &str) -> Identifier {
    Identifier::new(&format!("{namespace}_sha256"), &sha256_hex(text))
}

/// A topic of profiles, and what it is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Output {
    /// Each has to be allowed, or the person is not there at all. At least one.
    pub purposes: BTreeSet<String>,
    /// By which channel people are reached with it; `None`: by none in particular, and general decisions count.
    pub channel: Option<String>,
    /// The parts that are asked for: no groups, and no identifiers.
    pub fields: BTreeSet<Field>,
    /// The namespaces that are asked for, and in which form.
    pub identifiers: BTreeMap<Namespace, Form>,
    /// Purposes that a part, or a group of parts, needs besides.
    pub more: BTreeMap<Field, BTreeSet<String>>,
}

impl Output {
    /// All purposes that a part needs, also those that the person needs to be there.
    pub fn needs<'o>(&'o self, part: &'o Field) -> impl Iterator<Item = &'o str> {
        let more = self.more.iter().filter(move |(field, _)| field.covers(part));
        self.purposes.iter().chain(more.flat_map(|(_, purposes)| purposes)).map(String::as_str)
    }

    /// Whether each purpose that it needs permits one of these attributes at least. An attribute that touchpoints never state counts
    /// as well as any.
    #[must_use]
    pub fn permits_any(&self, attributes: &BTreeSet<String>, purposes: &Purposes) -> bool {
        attributes.iter().any(|name| {
            let part = Field::Attribute(name.clone());
            self.needs(&part).all(|purpose| purposes.get(purpose).permits(&part))
        })
    }

    /// Every purpose that it names.
    #[must_use]
    pub fn named(&self) -> BTreeSet<&str> {
        self.purposes.iter().chain(self.more.values().flatten()).map(String::as_str).collect()
    }

    /// All that is asked for, part by part.
    pub fn parts(&self) -> impl Iterator<Item = Field> {
        let identifiers = self.identifiers.keys().cloned().map(Field::Identifier);
        self.fields.iter().cloned().chain(identifiers)
    }
}

/// All outputs, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs(BTreeMap<Arc<str>, Output>);

impl Outputs {
    /// The output of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Output> {
        self.0.get(name)
    }

    /// The outputs, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Output)> {
        self.0.iter()
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.0.keys()
    }
}

impl FromIterator<(String, Output)> for Outputs {
    fn from_iter<I: IntoIterator<Item = (String, Output)>>(outputs: I) -> Self {
        Self(outputs.into_iter().map(|(name, output)| (Arc::from(name), output)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Metric;
    use crate::purpose::Purpose;

    #[test]
    fn hashes_are_those_that_advertising_platforms_expect_and_are_called_hashes() {
        let email = Form::Sha256.of(&Namespace::new("email"), "test@example.com");
        let hash = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b";
        assert!(email == Identifier::new("email_sha256", hash));
        let phone = |form: Form| form.of(&Namespace::new("phone"), "+493511234567");
        assert!(phone(Form::Clear) == Identifier::new("phone", "+493511234567"));
        assert!(phone(Form::Sha256) == Identifier::new("phone_sha256", &sha256_hex("+493511234567")));
        assert!(phone(Form::Sha256Digits) == Identifier::new("phone_sha256", &sha256_hex("493511234567")));
    }

    #[test]
    fn a_part_needs_the_purposes_of_its_output_of_itself_and_of_its_group() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let revenue = Field::Metric(Metric::Revenue);
        let output = Output {
            purposes: set(&["marketing"]),
            more: [(Field::Metrics, set(&["analytics"])), (revenue.clone(), set(&["scoring"]))].into(),
            ..Output::default()
        };
        let needs = |part: &Field| output.needs(part).map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(needs(&revenue), set(&["marketing", "analytics", "scoring"]));
        assert_eq!(needs(&Field::Metric(Metric::Orders)), set(&["marketing", "analytics"]));
        assert_eq!(needs(&Field::Attribute("city".to_owned())), set(&["marketing"]));
        assert_eq!(output.named(), BTreeSet::from(["analytics", "marketing", "scoring"]));
    }

    #[test]
    fn attributes_of_which_each_purpose_permits_another_are_permitted_by_none() {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let only = |name: &str| {
            let fields = [Field::Attribute(name.to_owned())].into();
            Purpose { fields: Some(fields), ..Purpose::default() }
        };
        let named = [("ads", only("hobby")), ("mail", only("topic")), ("care", Purpose::default())];
        let purposes: Purposes =
            named.map(|(name, purpose)| (name.to_owned(), purpose)).into_iter().collect();
        let permits = |names: &[&str], attributes: &[&str]| {
            let output = Output { purposes: set(names), ..Output::default() };
            output.permits_any(&set(attributes), &purposes)
        };
        assert!(permits(&["ads"], &["hobby", "topic"]) && permits(&["ads", "care"], &["hobby"]));
        assert!(!permits(&["ads", "mail"], &["hobby", "topic"]) && !permits(&["care"], &[]));
    }
}
