//! A world in memory: touchpoints and assignments in, batch by batch; what consumers of the topics see out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kinfold_model::privacy::Report;
use kinfold_model::touchpoint::Order;
use kinfold_model::{
    Ageing, Amount, Assignment, AttributeRule, Basis, Consent, ConsentChange, Context, Decision, Identifier,
    Keys, MergePolicy, Namespace, NodeId, OrderStatus, Outputs, PersonId, Purpose, Purposes, Returning,
    Rules, Secret, Stage, SurvivorRule, Survivorship, Timestamp, Touchpoint, TouchpointIdentifier,
    UnifiedProfile,
};
use kinfold_profile::{
    Cause, FacetMessage, Facets, FacetsInput, Joined, Member, People, PeopleInput, Published, Settings, laws,
};

use crate::oracle::{Told, follows};

/// State without a disk.
pub(crate) type Memory = BTreeMap<Vec<u8>, Vec<u8>>;

/// Runs one batch of a stage at that time, as a driver does: work that is due is done in it.
pub(crate) fn run<S: Stage>(
    stage: &mut S,
    state: &mut Memory,
    now: Timestamp,
    inputs: impl IntoIterator<Item = S::Input>,
) -> Vec<S::Output> {
    let mut output = Vec::new();
    let is_due = stage.due(state).expect("a sound state").is_some_and(|due| due <= now);
    let mut context = Context { now, state, output: &mut output };
    for input in inputs {
        stage.handle(input, &mut context).expect("well-formed input over a sound state");
    }
    if is_due {
        stage.idle(1, &mut context).expect("a sound state");
    }
    stage.finish(&mut context).expect("a sound state");
    output
}

/// Both stages, and what a consumer of each topic would remember.
pub(crate) struct World {
    pub(crate) facets: Memory,
    pub(crate) people: Memory,
    pub(crate) sent: Vec<FacetMessage>,
    /// The source of each touchpoint that was sent again.
    pub(crate) repeated: Vec<String>,
    /// How many touchpoints came too late.
    pub(crate) suppressed: usize,
    /// Of both stages, about requests.
    pub(crate) reports: Vec<Report>,
    pub(crate) members: BTreeMap<(PersonId, NodeId), Member>,
    pub(crate) profiles: BTreeMap<PersonId, UnifiedProfile>,
    pub(crate) changes: Vec<ConsentChange>,
    /// By output and person.
    pub(crate) shared: BTreeMap<(String, PersonId), UnifiedProfile>,
    /// Those of them that were without their output for a while since their last record.
    pub(crate) unspoken_of: BTreeSet<(String, PersonId)>,
    /// By which decisions are weighed.
    pub(crate) purposes: Arc<Purposes>,
    /// To which profiles leave.
    pub(crate) outputs: Arc<Outputs>,
    /// By which values of attributes survive.
    pub(crate) survivorship: Arc<Survivorship>,
    /// By which people are folded.
    pub(crate) settings: Arc<Settings>,
    /// What the drivers say.
    pub(crate) now: Timestamp,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            facets: Memory::default(),
            people: Memory::default(),
            sent: Vec::new(),
            repeated: Vec::new(),
            suppressed: 0,
            reports: Vec::new(),
            members: BTreeMap::new(),
            profiles: BTreeMap::new(),
            changes: Vec::new(),
            shared: BTreeMap::new(),
            unspoken_of: BTreeSet::new(),
            purposes: Arc::new(purposes()),
            outputs: Arc::default(),
            survivorship: Arc::default(),
            settings: Arc::new(settings()),
            now: at(0),
        }
    }

    /// It is that time now, and nobody says anything: work that is due is done, person by person.
    pub(crate) fn pass(&mut self, ms: i64) -> Vec<Published> {
        self.now = at(ms);
        let mut published = Vec::new();
        for _ in 0..1000 {
            let due = self.stage().due(&self.people).expect("a sound state");
            if due.is_none_or(|due| due > self.now) {
                return published;
            }
            published.extend(self.deliver(Vec::new()));
        }
        panic!("what is due is done once");
    }

    /// A world that has seen these inputs in one batch.
    pub(crate) fn of(inputs: impl IntoIterator<Item = FacetsInput>) -> Self {
        let mut world = Self::new();
        world.batch(inputs);
        world
    }

    /// One batch through both stages; gives what the second published.
    pub(crate) fn batch(&mut self, inputs: impl IntoIterator<Item = FacetsInput>) -> Vec<Published> {
        let (mut messages, mut told) = (Vec::new(), Vec::new());
        for output in run(&mut facets(), &mut self.facets, self.now, inputs) {
            match output {
                Joined::Facet(message) => {
                    told.push(PeopleInput::Facet(message.clone()));
                    messages.push(*message);
                }
                Joined::Barrier(barrier) => told.push(PeopleInput::Barrier(barrier)),
                Joined::Repeated { source } => self.repeated.push(source),
                Joined::Suppressed => self.suppressed += 1,
                Joined::Report(report) => self.reports.push(report),
            }
        }
        for message in &messages {
            let place = (message.person, message.node);
            match message.member.clone() {
                Some(member) => _ = self.members.insert(place, member),
                None => _ = self.members.remove(&place),
            }
        }
        self.sent.extend_from_slice(&messages);
        self.reads(told)
    }

    /// One batch through the second stage only.
    pub(crate) fn deliver(&mut self, messages: Vec<FacetMessage>) -> Vec<Published> {
        self.reads(messages.into_iter().map(PeopleInput::from).collect())
    }

    /// A process that was just started looks at the next `most` people; tells whether there are more.
    pub(crate) fn revise(&mut self, most: usize) -> (Vec<Published>, bool) {
        let (mut stage, mut output) = (self.stage(), Vec::new());
        let mut context = Context { now: self.now, state: &mut self.people, output: &mut output };
        let progress = stage.idle(most, &mut context).expect("a sound state");
        assert!(progress.is_none_or(|progress| (0.0..=1.0).contains(&progress)));
        stage.finish(&mut context).expect("a sound state");
        self.see(&output, &BTreeSet::new());
        (output, progress.is_some())
    }

    /// A process of this world that has just been started.
    pub(crate) fn stage(&self) -> People {
        People::new(keys(), Arc::clone(&self.purposes))
            .with_outputs(Arc::clone(&self.outputs))
            .with_survivorship(Arc::clone(&self.survivorship))
            .with_settings(Arc::clone(&self.settings))
    }

    fn reads(&mut self, inputs: Vec<PeopleInput>) -> Vec<Published> {
        let erased = |input: &PeopleInput| match input {
            PeopleInput::Facet(message) => (message.cause == Cause::Erased).then_some(message.person),
            PeopleInput::Barrier(_) => None,
        };
        let erased = inputs.iter().filter_map(erased).collect();
        let published = run(&mut self.stage(), &mut self.people, self.now, inputs);
        self.see(&published, &erased);
        published
    }

    /// `erased` are those of whom something was erased in this batch.
    fn see(&mut self, published: &[Published], erased: &BTreeSet<PersonId>) {
        let away = self.shared.keys().filter(|(output, _)| self.outputs.get(output).is_none());
        self.unspoken_of.extend(away.cloned());
        let told = |person| if erased.contains(&person) { Told::Erased } else { Told::Named };
        for record in published {
            match record {
                Published::Profile(profile) => {
                    let before = self.profiles.insert(profile.person_id, (**profile).clone());
                    assert_eq!(follows(before.as_ref(), profile, told(profile.person_id)), Ok(()));
                }
                Published::Retired(person) => {
                    self.profiles.remove(person).expect("only somebody who was published is retired");
                }
                Published::Shared { output, profile } => {
                    let place = (output.to_string(), profile.person_id);
                    // An output that was taken out and came back is sent everybody anew.
                    let is_anew = self.unspoken_of.remove(&place);
                    let told = if is_anew { Told::Anew } else { told(profile.person_id) };
                    let before = self.shared.insert(place, (**profile).clone());
                    assert_eq!(follows(before.as_ref(), profile, told), Ok(()));
                }
                Published::Unshared { output, person } => {
                    let place = (output.to_string(), *person);
                    self.shared.remove(&place).expect("only somebody who was there is taken away");
                    self.unspoken_of.remove(&place);
                }
                Published::Consent(change) => self.changes.push((**change).clone()),
                Published::Report(report) => self.reports.push(report.clone()),
            }
        }
    }

    /// All profiles as bytes, without their versions and what changed, which tell of steps.
    pub(crate) fn bytes(&self) -> BTreeMap<PersonId, Vec<u8>> {
        self.profiles.iter().map(|(person, profile)| (*person, unversioned(profile))).collect()
    }

    /// The same of the outputs that are configured.
    pub(crate) fn shared_bytes(&self) -> BTreeMap<(String, PersonId), Vec<u8>> {
        let configured = self.shared.iter().filter(|((output, _), _)| self.outputs.get(output).is_some());
        configured.map(|(place, profile)| (place.clone(), unversioned(profile))).collect()
    }

    /// The sum laws, for every person.
    pub(crate) fn check_sums(&self) -> Result<(), laws::Broken> {
        self.profiles.iter().try_for_each(|(person, profile)| {
            let theirs = self.members.iter().filter(|((owner, _), _)| owner == person);
            let facets: Vec<_> = theirs.filter_map(|(_, member)| member.facet.as_ref()).collect();
            laws::profile(profile)?;
            laws::sums(profile, facets)
        })
    }
}

/// Somebody who is erased comes back by a consent to marketing, or to `digest`, which has to be confirmed.
fn facets() -> Facets {
    Facets::new(Arc::new(Returning::by(["marketing".to_owned(), "digest".to_owned()], &purposes())))
}

fn unversioned(profile: &UnifiedProfile) -> Vec<u8> {
    let unversioned = UnifiedProfile { version: 0, changed: Vec::new(), ..profile.clone() };
    postcard::to_stdvec(&unversioned).expect("a profile has bytes")
}

pub(crate) fn people() -> People {
    People::new(keys(), Arc::new(purposes())).with_settings(Arc::new(settings()))
}

/// Of orders the shop is believed before the till, and these before others; hours are told half an hour west of UTC.
pub(crate) fn settings() -> Settings {
    let order_sources = ["shop", "till"].map(str::to_owned).into();
    Settings { order_sources, utc_offset_minutes: -30, ..Settings::default() }
}

/// `newsletter` goes by the newest decision, a yes to `survey` lasts 4 ms, `service` needs none and uses nothing that is older than
/// 10 ms, `digest` asks for a double opt-in; all else is as by default.
pub(crate) fn purposes() -> Purposes {
    let newest = Purpose { merge: MergePolicy::Newest, ..Purpose::default() };
    let short = Purpose { valid_for_ms: Some(4), ..Purpose::default() };
    let service = Purpose { basis: Basis::Contract, retention_ms: Some(10), ..Purpose::default() };
    let double = Purpose { double_opt_in: true, ..Purpose::default() };
    let named = [("newsletter", newest), ("survey", short), ("service", service), ("digest", double)];
    named.into_iter().map(|(name, purpose)| (name.to_owned(), purpose)).collect()
}

/// The city that was said most often, which is stale after 5 ms; every street; the interest that was verified, for 4 ms; of all else the
/// newest. Addresses are stale after 2 ms, and verified for 4.
pub(crate) fn survivorship() -> Survivorship {
    let city = AttributeRule {
        rule: SurvivorRule::MostFrequent,
        ageing: Ageing { stale_after_ms: Some(5), verify_again_after_ms: Some(3) },
        ..AttributeRule::default()
    };
    let ageing = Ageing { stale_after_ms: Some(2), verify_again_after_ms: Some(4) };
    let street = AttributeRule { rule: SurvivorRule::Union, ageing, ..AttributeRule::default() };
    let interest = AttributeRule { rule: SurvivorRule::VerifiedFirst, ageing, ..AttributeRule::default() };
    let rules = [("city", city), ("street", street), ("interest", interest)];
    let rules = rules.map(|(name, rule)| (name.to_owned(), rule));
    Survivorship::new(SurvivorRule::Newest, rules.into())
        .with_identifiers([(Namespace::new("email"), ageing)].into())
}

pub(crate) fn keys() -> Keys {
    Keys::new(&Secret::new(b"0123456789abcdef").expect("long enough"))
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).expect("in range")
}

pub(crate) fn person(n: u8) -> PersonId {
    PersonId::new([n; 16])
}

pub(crate) fn identifier(namespace: &str, value: &str) -> TouchpointIdentifier {
    let clear = Identifier::new(namespace, value);
    let node = keys().identifier(&clear, &Rules::default());
    TouchpointIdentifier { node, namespace: clear.namespace, value: clear.value }
}

/// A touchpoint that says nothing but whom it is of.
pub(crate) fn touchpoint(id: &str, ms: i64, mut identifiers: Vec<TouchpointIdentifier>) -> Touchpoint {
    identifiers.sort();
    let mut nodes: Vec<_> = identifiers.iter().map(|identifier| identifier.node).collect();
    nodes.dedup();
    Touchpoint {
        touchpoint_id: id.to_owned(),
        time: at(ms),
        source: "shop".to_owned(),
        channel: None,
        r#type: None,
        sighting: keys().sighting(&nodes),
        identifiers,
        attributes: BTreeMap::new(),
        consents: Vec::new(),
        consent_signals: None,
        order: None,
        engagement: None,
        flags: Vec::new(),
        verified: Vec::new(),
    }
}

pub(crate) fn order(id: &str, value: &str, items: i64) -> Order {
    Order {
        order_id: id.to_owned(),
        value: value.parse().expect("an amount"),
        currency: "EUR".parse().expect("a currency"),
        items,
        status: OrderStatus::Placed,
        refunded: Amount::default(),
    }
}

pub(crate) fn consent(decision: Decision, ms: i64) -> Consent {
    Consent {
        purpose: "marketing".to_owned(),
        decision,
        basis: None,
        jurisdiction: None,
        time: at(ms),
        wording: None,
        channel: None,
        expires: None,
        signal: None,
        confirmed: false,
    }
}

pub(crate) fn said(touchpoint: &Touchpoint) -> FacetsInput {
    FacetsInput::Touchpoint(Box::new(touchpoint.clone()))
}

pub(crate) fn assigned(node: NodeId, person_id: PersonId) -> FacetsInput {
    FacetsInput::Assignment(Assignment { node, namespace: None, person_id, erased: false })
}

pub(crate) fn unassigned(node: NodeId) -> FacetsInput {
    FacetsInput::Unassigned(node)
}
