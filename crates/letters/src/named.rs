//! Whom a letter names. In: the identifiers that were ever erased, with their marks, and a letter. Out: whether it names one of them.
//!
//! A letter is a record that nobody could read, so that nobody can say for certain whom it names: every text in it is read as an
//! identifier of every namespace, and what comes out as one that was erased counts. An identifier that a mapping would have put
//! together is not found. Of who agreed later to be known again, letters go whose records were written before that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kinfold_capture::{Capture, Settings};
use kinfold_mapping::decode::Format;
use kinfold_mapping::sources::ByName;
use kinfold_model::privacy::Erasure;
use kinfold_model::rules::Rules;
use kinfold_model::{DeadLetter, Keys, Mark, Namespace, NodeId, Normaliser, Timestamp};
use kinfold_wire::Topic;
use serde_json::json;

use crate::words;

/// So many texts are remembered with what came of them: names and values of letters repeat themselves.
const REMEMBERED_MAX: usize = 20_000;
/// In so many countries that a letter names its telephone numbers are looked for.
const COUNTRIES_MAX: usize = 16;
/// No telephone number has fewer digits.
const PHONE_DIGITS_MIN: usize = 5;

/// By which rules texts are read as identifiers.
pub struct Reading<'r> {
    /// Of the deployment.
    pub keys: &'r Keys,
    /// Of its namespaces.
    pub rules: &'r Rules,
    /// Of capture: the countries of telephone numbers are among them.
    pub settings: &'r Settings,
}

/// Takes note of the marks that an erasure tells. Several may tell of one identifier, in any order.
pub fn learn(erasure: &Erasure, marks: &mut BTreeMap<NodeId, Mark>) {
    for (node, mark) in erasure.marks.iter() {
        marks.entry(node).or_default().merge(mark);
    }
}

/// Finds erased identifiers in letters.
pub struct Finder {
    capture: Capture,
    namespaces: Vec<(Namespace, bool)>,
    /// In which a telephone number without its country may be meant.
    regions: BTreeSet<String>,
    /// Each with the time from which on records that name it stay: the greatest of all times as long as it has not come back.
    erased: BTreeMap<NodeId, Timestamp>,
    sources: Arc<ByName>,
    /// From when on records stay in which a source writes this text; `None` where it names nobody who was erased.
    remembered: BTreeMap<(String, String), Option<Timestamp>>,
    /// The same of a text as a telephone number in a country.
    phones: BTreeMap<(String, String), Option<Timestamp>>,
}

impl Finder {
    /// Looks for the identifiers that have these marks. A source that is not among `sources` writes canonical JSON, or text.
    #[must_use]
    pub fn new(reading: &Reading<'_>, marks: BTreeMap<NodeId, Mark>, sources: Arc<ByName>) -> Self {
        let Reading { keys, rules, settings } = *reading;
        let namespaces = rules.namespaces.iter();
        let namespaces = namespaces.map(|(name, rules)| (name.clone(), rules.normalise == Normaliser::Phone));
        let regions = settings.source_regions.values().chain(&settings.default_region);
        let erased = marks.into_iter().map(|(node, mark)| (node, mark.back().unwrap_or(Timestamp::MAX)));
        Self {
            capture: Capture::unblocked(keys.clone(), rules.clone(), settings.clone()),
            namespaces: namespaces.collect(),
            regions: regions.cloned().collect(),
            erased: erased.collect(),
            sources,
            remembered: BTreeMap::new(),
            phones: BTreeMap::new(),
        }
    }

    /// The sources whose letters are read by their format.
    #[must_use]
    pub fn sources(&self) -> &ByName {
        &self.sources
    }

    /// Whether a letter names somebody who was erased, in its payload or in the key of its record.
    pub fn is_named(&mut self, letter: &DeadLetter) -> bool {
        if self.erased.is_empty() {
            return false;
        }
        let source = letter.topic.strip_prefix("raw.").map(str::to_owned);
        let goes = |until: Option<Timestamp>| until.is_some_and(|until| letter.time < until);
        let (key, payload) =
            (letter.key.as_deref().unwrap_or_default(), letter.payload.as_deref().unwrap_or_default());
        let Some(source) = source else {
            // Records of ours have nodes beside the values; a request has only values, and its key may be one.
            return [key, payload].iter().any(|bytes| goes(self.with_node(bytes)))
                || (letter.topic == Topic::PrivacyRequest.as_str()
                    && [key, payload].iter().any(|bytes| {
                        words::in_bytes(bytes, &mut |text| goes(self.names(&letter.topic, text)))
                    }));
        };
        let of_source = self.sources.get(&source).cloned();
        let canonical = Format::Json;
        let format = of_source.as_ref().map_or(&canonical, |source| &source.settings().format);
        let mut countries = BTreeSet::new();
        let is_it = &mut |text: &str| {
            if is_country(text) && countries.len() < COUNTRIES_MAX {
                countries.insert(text.to_owned());
            }
            goes(self.names(&source, text))
        };
        if words::any(payload, format, is_it) || words::in_bytes(key, is_it) {
            return true;
        }
        // A number without its country is one of the country that the record states, wherever in it that stands.
        countries.retain(|country| !self.regions.contains(country));
        if countries.is_empty() {
            return false;
        }
        let is_phone = &mut |text: &str| countries.iter().any(|country| goes(self.as_phone(country, text)));
        words::any(payload, format, is_phone) || words::in_bytes(key, is_phone)
    }

    /// From when on records stay in which a text is the telephone number of somebody who was erased, in this country.
    fn as_phone(&mut self, country: &str, text: &str) -> Option<Timestamp> {
        if text.bytes().filter(u8::is_ascii_digit).count() < PHONE_DIGITS_MIN {
            return None;
        }
        let remembered = (country.to_owned(), text.to_owned());
        if let Some(known) = self.phones.get(&remembered) {
            return *known;
        }
        let phones = self.namespaces.iter().filter(|(_, is_phone)| *is_phone);
        let nodes = phones.filter_map(|(namespace, _)| self.node(namespace, "sweep", Some(country), text));
        let until = nodes.filter_map(|node| self.erased.get(&node).copied()).max();
        if self.phones.len() >= REMEMBERED_MAX {
            self.phones.clear();
        }
        self.phones.insert(remembered, until);
        until
    }

    fn names(&mut self, source: &str, text: &str) -> Option<Timestamp> {
        let remembered = (source.to_owned(), text.to_owned());
        if let Some(known) = self.remembered.get(&remembered) {
            return *known;
        }
        let until = self.nodes(source, text).filter_map(|node| self.erased.get(&node).copied()).max();
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(remembered, until);
        until
    }

    /// The nodes of a text in every namespace in which it can be read.
    fn nodes<'f>(&'f self, source: &'f str, text: &'f str) -> impl Iterator<Item = NodeId> + 'f {
        let read =
            move |namespace: &Namespace, region: Option<&str>| self.node(namespace, source, region, text);
        self.namespaces.iter().flat_map(move |(namespace, is_phone)| {
            let regions = self.regions.iter().filter(move |_| *is_phone).map(|region| Some(region.as_str()));
            std::iter::once(None).chain(regions).filter_map(move |region| read(namespace, region))
        })
    }

    /// The node of a text of a source in a namespace, if it can be read so; with a region, as the country of the touchpoint.
    fn node(&self, namespace: &Namespace, source: &str, region: Option<&str>, text: &str) -> Option<NodeId> {
        let mut record = json!({
            "time": 0, "source": source, "identifiers": [{ "namespace": namespace.as_str(), "value": text }],
        });
        if let Some(region) = region {
            record["attributes"] = json!({ "country": region });
        }
        let read = self.capture.touchpoint(record.to_string().as_bytes(), Timestamp::MAX).ok()?;
        read.identifiers.first().map(|identifier| identifier.node)
    }

    /// From when on records stay whose bytes hold the node of somebody who was erased, as it is or as hex digits.
    fn with_node(&self, bytes: &[u8]) -> Option<Timestamp> {
        let as_it_is = |window: &[u8]| <[u8; 16]>::try_from(window).map(NodeId::from_bytes).ok();
        let as_hex = |window: &[u8]| std::str::from_utf8(window).ok()?.parse::<NodeId>().ok();
        let found = bytes.windows(16).filter_map(as_it_is).chain(bytes.windows(32).filter_map(as_hex));
        found.filter_map(|node| self.erased.get(&node).copied()).max()
    }
}

/// Whether it may be the code of a country.
fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::letter::tests::{at, letter};
    use kinfold_model::keys::sha256_hex;
    use kinfold_model::{Identifier, Marks, Reach, Secret};

    fn keys() -> Keys {
        Keys::new(&Secret::new(b"a secret for tests only").expect("long"))
    }

    /// The node of `namespace:value`, the value as it is normalised.
    pub(crate) fn node(text: &str) -> NodeId {
        let (namespace, value) = text.split_once(':').expect("an identifier");
        keys().identifier(&Identifier::new(namespace, value), &Rules::default())
    }

    /// Erased at 10 ms.
    fn mark() -> Mark {
        let mut mark = Mark::default();
        mark.erase(Reach::Everything, ms(10));
        mark
    }

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms).expect("in range")
    }

    /// Of a deployment in Germany.
    pub(crate) fn finder(erased: &[&str], sources: ByName) -> Finder {
        of_marks(erased.iter().map(|text| (node(text), mark())), sources)
    }

    fn of_marks(marks: impl IntoIterator<Item = (NodeId, Mark)>, sources: ByName) -> Finder {
        let settings = Settings { default_region: Some("DE".to_owned()), ..Settings::default() };
        let reading = Reading { keys: &keys(), rules: &Rules::default(), settings: &settings };
        Finder::new(&reading, marks.into_iter().collect(), Arc::new(sources))
    }

    fn of(erased: &[&str]) -> Finder {
        finder(erased, ByName::new())
    }

    fn of_payload(payload: &str) -> DeadLetter {
        letter(&at("shop", 1), "bad_time", Some(payload.as_bytes()))
    }

    #[test]
    fn a_letter_names_who_was_erased_however_its_source_writes_them() {
        let mut finder = of(&["email:ann@example.org", "phone:+491711234567", "customer_id:C-4711"]);
        let hash = sha256_hex("ann@example.org");
        for payload in [
            r#"{"identifiers": [{"namespace": "email", "value": " Ann@Example.ORG "}]}"#.to_owned(),
            format!(r#"{{"hash": "{hash}"}}"#),
            r#"{"tel": "0171 1234567"}"#.to_owned(),
            r#"{"tel": "+49 (171) 123-4567"}"#.to_owned(),
            r#"{"id": "C-4711""#.to_owned(),
            "id;mail\n1;ann@example.org\n".to_owned(),
            "{\"tel\": \"0171 1234567\", ".to_owned(),
        ] {
            assert!(finder.is_named(&of_payload(&payload)), "{payload}");
        }
        for payload in [r#"{"mail": "bea@example.org"}"#, r#"{"id": "C-4712"}"#, "", "{"] {
            assert!(!finder.is_named(&of_payload(payload)), "{payload}");
        }
    }

    #[test]
    fn a_telephone_number_is_also_read_in_the_country_that_the_letter_names() {
        let mut finder = of(&["phone:+41441234567"]);
        let swiss = r#"{"address": {"country": "CH"}, "tel": "044 123 45 67"}"#;
        assert!(finder.is_named(&of_payload(swiss)));
        for payload in [r#"{"country": "FR", "tel": "044 123 45 67"}"#, r#"{"tel": "044 123 45 67"}"#] {
            assert!(!finder.is_named(&of_payload(payload)), "{payload}");
        }
    }

    #[test]
    fn a_request_that_could_not_be_read_is_known_by_the_values_in_it() {
        let mut finder = of(&["email:ann@example.org"]);
        let mut request = of_payload("");
        request.topic = Topic::PrivacyRequest.as_str().to_owned();
        assert!(!finder.is_named(&request));
        let payload = Some(b"\x00\x00\x00\x00\x05\x1eann@example.org\x02".to_vec());
        assert!(finder.is_named(&DeadLetter { payload, ..request.clone() }));
        assert!(finder.is_named(&DeadLetter { key: Some(b"ann@example.org".to_vec()), ..request }));
    }

    #[test]
    fn the_key_of_a_record_counts_too() {
        let mut finder = of(&["email:ann@example.org"]);
        let mut keyed = of_payload("{");
        keyed.key = Some(b"ann@example.org".to_vec());
        assert!(finder.is_named(&keyed));
        keyed.payload = None;
        assert!(finder.is_named(&keyed));
    }

    #[test]
    fn a_record_of_ours_is_known_by_the_nodes_in_it() {
        let mut finder = of(&["email:ann@example.org"]);
        let mut of_facets = of_payload("");
        of_facets.topic = "touchpoint".to_owned();
        assert!(!finder.is_named(&of_facets));
        let node = node("email:ann@example.org");
        for bytes in [[&b"abc"[..], node.as_bytes(), b"d"].concat(), format!("abc{node}d").into_bytes()] {
            assert!(finder.is_named(&DeadLetter { payload: Some(bytes), ..of_facets.clone() }));
        }
    }

    #[test]
    fn an_erasure_is_about_the_identifiers_that_have_marks_and_the_last_word_on_each_holds() {
        let (ann, bea) = (node("email:ann@example.org"), node("email:bea@example.org"));
        let mut back = mark();
        back.consent(ms(20));
        let company = [(ann, false), (bea, false)].into();
        let at_both = Erasure {
            node: keys().sighting(&[ann, bea]),
            marks: Marks::one(ann, mark(), company),
            ticket: None,
        };
        let lifted = Erasure { node: ann, marks: Marks::alone(ann, back), ticket: None };
        let mut marks = BTreeMap::new();
        learn(&at_both, &mut marks);
        assert!(marks.keys().eq([&ann]) && marks[&ann].holds());
        learn(&lifted, &mut marks);
        learn(&at_both, &mut marks);
        assert_eq!(marks[&ann].back(), Some(ms(20)));
    }

    #[test]
    fn a_letter_of_who_came_back_stays_if_its_record_was_written_since() {
        let mut letter = of_payload("id;mail\n1;ann@example.org\n");
        let mut back = mark();
        assert!(back.consent(letter.time.plus_millis(1)));
        let mut finder = of_marks([(node("email:ann@example.org"), back)], ByName::new());
        assert!(finder.is_named(&letter));
        letter.time = letter.time.plus_millis(1);
        assert!(!finder.is_named(&letter));
    }
}
