//! After a change of what is declared of purposes, outputs, attributes or profiles, or of the model of values, every person is weighed anew, in the order of ids, some at
//! a time. In: the terms of now, and in the state those under which people were published. Out: the people who are next. How far the look has got is
//! part of the state, so that a crash or a rebalance does not begin it anew.

use std::collections::BTreeMap;

use kinfold_model::consent::ConsentCause;
use kinfold_model::stored::{encode, image};
use kinfold_model::{Fault, Output, Outputs, PersonId, Purposes, State, Survivorship, View};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::table::Table;

/// Raised when the same settings come to mean something else: then, too, what was published is not what would be now.
const MEANING: u8 = 2;

/// All that decides what is published of a person besides what was said.
#[derive(Clone, Copy)]
pub(crate) struct Declared<'d> {
    pub(crate) purposes: &'d Purposes,
    pub(crate) outputs: &'d Outputs,
    pub(crate) survivorship: &'d Survivorship,
    pub(crate) settings: &'d Settings,
}

/// How far the look has got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revision {
    /// Under which terms; a digest.
    terms: [u8; 16],
    /// The last person who was looked at; `None` before the first.
    at: Option<PersonId>,
    done: bool,
    /// As what changes of consent are told that it brings about.
    cause: ConsentCause,
    /// How many outputs have begun, each time that one did.
    begun: u64,
    /// The outputs of now, each with its number among those. One that was taken out and came back has another.
    outputs: BTreeMap<String, u64>,
}

impl Revision {
    /// The look under these terms, as far as it has got. Where there is nobody yet, there is nobody to look at: who comes is
    /// published under these terms.
    pub(crate) fn begin(declared: Declared<'_>, state: &mut dyn State) -> Result<Self, Fault> {
        let stored = state.get(&Table::Revision.key(&[]))?;
        let stored: Option<Self> = stored.map(|bytes| Table::Revision.decode(&bytes)).transpose()?;
        let terms = declared.digest();
        let (mut begun, before) = match stored {
            Some(same) if same.terms == terms => return Ok(same),
            Some(other) => (other.begun, other.outputs),
            None => (0, BTreeMap::new()),
        };
        let mut number = |name: &str| {
            before.get(name).copied().unwrap_or_else(|| {
                begun += 1;
                begun
            })
        };
        let outputs = declared.outputs.names().map(|name| (name.to_string(), number(name))).collect();
        let done = next(None, state)?.is_none();
        let revision = Self { terms, at: None, done, cause: ConsentCause::Policy, begun, outputs };
        revision.keep(state);
        Ok(revision)
    }

    /// The same from the beginning, because people may have been left unpublished.
    pub(crate) fn again(self, state: &mut dyn State) -> Self {
        let cause = if self.done { ConsentCause::Decision } else { self.cause };
        let revision = Self { at: None, done: false, cause, ..self };
        revision.keep(state);
        revision
    }

    /// Whether this person is still to be looked at.
    pub(crate) fn awaits(&self, person: PersonId) -> bool {
        !self.done && self.at.is_none_or(|at| at < person)
    }

    /// As what changes of consent are told that it brings about.
    pub(crate) fn cause(&self) -> ConsentCause {
        self.cause
    }

    /// The number of an output; 0 for one that is not configured.
    pub(crate) fn number(&self, output: &str) -> u64 {
        self.outputs.get(output).copied().unwrap_or_default()
    }

    /// How much is done, 0 to 1; `None` when all is. Ids are hashes, so the place of the last one tells.
    pub(crate) fn progress(&self) -> Option<f64> {
        let place = |at: PersonId| {
            let [a, b, c, d, ..] = *at.as_bytes();
            f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX)
        };
        (!self.done).then(|| self.at.map_or(0.0, place))
    }

    /// The next people, at most this many. Without another one behind them the look is done.
    pub(crate) fn advance(&mut self, most: usize, state: &mut dyn State) -> Result<Vec<PersonId>, Fault> {
        let mut people = Vec::new();
        while !self.done && people.len() < most {
            match next(self.at, state)? {
                Some(person) => {
                    self.at = Some(person);
                    people.push(person);
                }
                None => self.done = true,
            }
        }
        if !people.is_empty() || self.done {
            self.keep(state);
        }
        Ok(people)
    }

    fn keep(&self, state: &mut dyn State) {
        state.put(Table::Revision.key(&[]), encode(self));
    }
}

/// The first person after this one of whom there is a member, or was one.
fn next(at: Option<PersonId>, state: &dyn View) -> Result<Option<PersonId>, Fault> {
    let prefix = Table::Member.key(&[]);
    let after = at.map_or_else(|| prefix.clone(), |at| Table::Member.key(&[at.as_bytes(), &[0xff; 16]]));
    let Some((key, _)) = state.page(&prefix, &after, 1)?.into_iter().next() else { return Ok(None) };
    let person = key.get(1..17).and_then(|person| <[u8; 16]>::try_from(person).ok());
    let person = person.ok_or_else(|| Table::Member.corrupt("its key is not that of a person and a node"))?;
    Ok(Some(PersonId::from_bytes(person)))
}

impl Declared<'_> {
    /// Names come in their order, whatever that of the file is.
    fn digest(self) -> [u8; 16] {
        let Self { purposes, outputs, survivorship, settings } = self;
        let outputs: Vec<(&str, &Output)> = outputs.iter().map(|(name, output)| (&**name, output)).collect();
        let terms = image(&(MEANING, purposes, outputs, survivorship, settings.digest()));
        let mut digest = [0; 16];
        digest.copy_from_slice(&blake3::hash(&terms).as_bytes()[..16]);
        digest
    }
}

#[cfg(test)]
impl Revision {
    /// One of which every field says something.
    pub(crate) fn sample(cause: ConsentCause) -> Self {
        let (at, outputs) = (Some(PersonId::new([3; 16])), [("mail".to_owned(), 2)].into());
        Self { terms: [6; 16], at, done: true, cause, begun: 5, outputs }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kinfold_model::{
        Ageing, AttributeRule, Basis, Field, Form, MergePolicy, Namespace, Purpose, Silence, SurvivorRule,
    };
    use kinfold_value::lifecycle::Stage;
    use kinfold_value::{LifecycleRules, Model, Refresh};

    use super::*;
    use crate::settings::Valuation;

    const MODEL: &str = include_str!("../tests/model.toml");

    fn purposes(named: impl IntoIterator<Item = (&'static str, Purpose)>) -> Purposes {
        named.into_iter().map(|(name, purpose)| (name.to_owned(), purpose)).collect()
    }

    fn outputs(named: impl IntoIterator<Item = (&'static str, Output)>) -> Outputs {
        named.into_iter().map(|(name, output)| (name.to_owned(), output)).collect()
    }

    fn digest(purposes: &Purposes, outputs: &Outputs) -> [u8; 16] {
        let (survivorship, settings) = (Survivorship::default(), Settings::default());
        Declared { purposes, outputs, survivorship: &survivorship, settings: &settings }.digest()
    }

    fn fold_digest(survivorship: &Survivorship, settings: &Settings) -> [u8; 16] {
        let (purposes, outputs) = (Purposes::default(), Outputs::default());
        Declared { purposes: &purposes, outputs: &outputs, survivorship, settings }.digest()
    }

    fn staged(stages: &[(&str, Option<u32>)]) -> Settings {
        let stage = |(name, orders_min): &(&str, Option<u32>)| Stage {
            name: (*name).to_owned(),
            orders_min: *orders_min,
            ..Stage::default()
        };
        let lifecycle =
            LifecycleRules::new(stages.iter().map(stage).collect()).expect("stages without faults");
        Settings { lifecycle, ..Settings::default() }
    }

    fn valued(r: &str, days: u32) -> Settings {
        let model =
            Model::from_toml(&MODEL.replace("r = 0.243", &format!("r = {r}"))).expect("a sound model");
        let refresh = Refresh::new(days).expect("a number of days");
        Settings { valuation: Some(Valuation { model, refresh }), ..Settings::default() }
    }

    fn city() -> Field {
        Field::Attribute("city".to_owned())
    }

    #[test]
    fn each_setting_of_a_purpose_and_of_an_output_makes_other_terms() {
        let named = || BTreeSet::from(["a".to_owned()]);
        let email = || Namespace::new("email");
        let purpose = Purpose::default;
        let of_purpose = [
            purpose(),
            Purpose { merge: MergePolicy::Newest, ..purpose() },
            Purpose { valid_for_ms: Some(1), ..purpose() },
            Purpose { basis: Basis::Contract, ..purpose() },
            Purpose { fields: Some(BTreeSet::new()), ..purpose() },
            Purpose { fields: Some([city()].into()), ..purpose() },
            Purpose { retention_ms: Some(1), ..purpose() },
            Purpose { double_opt_in: true, ..purpose() },
            Purpose { default: Some(Silence::OptIn), ..purpose() },
            Purpose { default: Some(Silence::OptOut), ..purpose() },
            Purpose { defaults: [("us".to_owned(), Silence::OptOut)].into(), ..purpose() },
            Purpose { defaults: [("eu".to_owned(), Silence::OptOut)].into(), ..purpose() },
        ];
        let output = Output::default;
        let of_output = [
            output(),
            Output { purposes: named(), ..output() },
            Output { channel: Some("a".to_owned()), ..output() },
            Output { fields: [city()].into(), ..output() },
            Output { identifiers: [(email(), Form::Clear)].into(), ..output() },
            Output { identifiers: [(email(), Form::Sha256)].into(), ..output() },
            Output { identifiers: [(email(), Form::Sha256Digits)].into(), ..output() },
            Output { more: [(city(), named())].into(), ..output() },
            Output { more: [(Field::Metrics, named())].into(), ..output() },
        ];
        let alone = |purpose: &Purpose| digest(&purposes([("a", purpose.clone())]), &Outputs::default());
        let beside = |output: &Output| digest(&Purposes::default(), &outputs([("a", output.clone())]));
        let mut digests: Vec<[u8; 16]> = of_purpose.iter().map(alone).collect();
        digests.extend(of_output.iter().map(beside));
        digests.push(digest(&Purposes::default(), &Outputs::default()));
        digests.push(digest(&purposes([("b", purpose())]), &Outputs::default()));
        digests.push(digest(&Purposes::default(), &outputs([("b", output())])));
        digests.push(digest(&purposes([("a", purpose())]), &outputs([("a", output())])));
        assert_eq!(digests.iter().collect::<BTreeSet<_>>().len(), digests.len());
    }

    #[test]
    fn each_setting_of_survivorship_makes_other_terms() {
        let of_all = |rule| Survivorship::new(rule, BTreeMap::new());
        let of_city = |rule| Survivorship::new(SurvivorRule::Newest, [("city".to_owned(), rule)].into());
        let rule = AttributeRule::default;
        let priority = |sources: &[&str]| AttributeRule {
            rule: SurvivorRule::SourcePriority,
            sources: sources.iter().map(|source| (*source).to_owned()).collect(),
            ..rule()
        };
        let mut declared: Vec<Survivorship> = SurvivorRule::ALL.into_iter().map(of_all).collect();
        declared
            .extend(SurvivorRule::ALL.into_iter().map(|by| of_city(AttributeRule { rule: by, ..rule() })));
        declared
            .extend([&["crm", "till"][..], &["till", "crm"], &["crm"]].map(|list| of_city(priority(list))));
        let ages = [
            Ageing { stale_after_ms: Some(1), ..Ageing::default() },
            Ageing { verify_again_after_ms: Some(1), ..Ageing::default() },
        ];
        declared.extend(ages.map(|ageing| of_city(AttributeRule { ageing, ..rule() })));
        let of_identifiers = |name: &str, ageing| {
            Survivorship::default().with_identifiers([(Namespace::new(name), ageing)].into())
        };
        declared.extend(ages.map(|ageing| of_identifiers("email", ageing)));
        declared.push(of_identifiers("phone", ages[0]));
        declared.push(Survivorship::default().with_interests(BTreeSet::new(), 10));
        declared.push(Survivorship::default().with_interests(["hobby".to_owned()].into(), 10));
        declared.push(Survivorship::default().with_interests(["hobby".to_owned()].into(), 9));
        let digests: BTreeSet<[u8; 16]> =
            declared.iter().map(|survivorship| fold_digest(survivorship, &Settings::default())).collect();
        assert_eq!(digests.len(), declared.len());
    }

    #[test]
    fn each_setting_of_profiles_makes_other_terms() {
        let settings = Settings::default;
        let orders = |sources: &[&str]| Settings {
            order_sources: sources.iter().map(|source| (*source).to_owned()).collect(),
            ..settings()
        };
        let declared = [
            settings(),
            orders(&["erp"]),
            orders(&["erp", "till"]),
            orders(&["till", "erp"]),
            Settings { utc_offset_minutes: 60, ..settings() },
            Settings { utc_offset_minutes: -60, ..settings() },
            Settings { timeline: 0, ..settings() },
            Settings { personal: BTreeSet::new(), ..settings() },
            staged(&[("any", None)]),
            staged(&[("all", None)]),
            staged(&[("any", None), ("buyer", Some(1))]),
            staged(&[("any", None), ("buyer", Some(2))]),
            valued("0.243", 7),
            valued("0.244", 7),
            valued("0.243", 28),
        ];
        let digests: BTreeSet<[u8; 16]> =
            declared.iter().map(|settings| fold_digest(&Survivorship::default(), settings)).collect();
        assert_eq!(digests.len(), declared.len());
    }

    #[test]
    fn the_order_of_the_file_does_not_matter() {
        let newest = || Purpose { merge: MergePolicy::Newest, ..Purpose::default() };
        let narrow = || Output { fields: [city(), Field::Aliases].into(), ..Output::default() };
        let one = digest(
            &purposes([("a", newest()), ("b", Purpose::default())]),
            &outputs([("x", narrow()), ("y", Output::default())]),
        );
        let other = digest(
            &purposes([("b", Purpose::default()), ("a", newest())]),
            &outputs([("y", Output::default()), ("x", narrow())]),
        );
        assert_eq!(one, other);
    }
}
