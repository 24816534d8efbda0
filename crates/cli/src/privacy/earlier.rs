//! Requests that a command has sent before, so that it can be given again when what it found then is not there any more. In: the id of
//! the first, who signs, whom the command names, and `privacy-request` of a deployment. Out: what the requests name, by number.
//!
//! What is read here is signed again, and anybody who writes the topic may have put something there. So only what is signed counts.

use std::collections::{BTreeMap, BTreeSet};

use kinfold_daemon::process::kafka_settings;
use kinfold_kafka::reader::{Isolation, Reader};
use kinfold_model::privacy::{PrivacyKind, PrivacyScope, RequestIdentifier};
use kinfold_model::{NodeId, PrivacyRequest, Timestamp};
use kinfold_privacy::Verifiers;
use kinfold_privacy::verify::public_key;
use kinfold_wire::{Topic, decode};

use super::request::{self, Parts, Signer};
use crate::commands::Failure;
use crate::site::Site;

/// What was sent. Nothing, where there was no such command.
#[derive(Default)]
pub(crate) struct Earlier {
    pub(crate) parts: Parts,
    /// When it was asked.
    pub(crate) time: Option<Timestamp>,
}

/// Looks for the requests of an erasure of these people that was sent under an id.
///
/// # Errors
/// When the topic cannot be read to its end.
pub(crate) fn look(
    site: &Site,
    request_id: &str,
    signer: &Signer,
    named: &BTreeSet<NodeId>,
) -> Result<Earlier, Failure> {
    let mut trusted = site.config.privacy.verifiers.clone();
    trusted.add(&signer.verifier, &public_key(&signer.secret_key)).map_err(Failure::fault)?;
    let topic = Topic::PrivacyRequest;
    let prefix = &site.config.deployment.prefix;
    let ids = site.config.registry.schema_ids(prefix, topic).map_err(Failure::Fault)?;
    let mut sent = BTreeMap::new();
    let reader = Reader::from_beginning(&kafka_settings(&site.config), topic.as_str(), Isolation::Committed);
    reader.map_err(Failure::fault)?.each(&mut |record| {
        let key = record.key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        let Some(number) = key.and_then(|key| number(request_id, key)) else { return Ok(()) };
        // What cannot be read is nothing that a command has sent.
        let request = record.value.and_then(|value| decode::<PrivacyRequest>(topic, &ids, &value).ok());
        if let Some(request) = request
            && key == Some(request.request_id.as_str())
            && is_erasure(&request, &trusted)
        {
            sent.insert(number, request);
        }
        Ok::<(), Failure>(())
    })?;
    Ok(of_one_command(sent, named, &|one| request::node(one, &site.config, &site.keys)))
}

/// Which of the requests of a command has this key.
fn number(request_id: &str, key: &str) -> Option<usize> {
    if key == request_id {
        return Some(1);
    }
    let number: usize = key.strip_prefix(request_id)?.strip_prefix('-')?.parse().ok()?;
    (number > 1 && key == request::numbered(request_id, number)).then_some(number)
}

fn is_erasure(request: &PrivacyRequest, trusted: &Verifiers) -> bool {
    (request.kind, request.scope) == (PrivacyKind::Erase, PrivacyScope::Person)
        && trusted.check(request).is_ok()
}

/// Those of one command have one time. The first is sent last: where it is there, all are, and name whoever is named. Where it is not, the
/// others name people who were found, by their nodes; a request with such an id that names anybody else is another one.
fn of_one_command(
    mut sent: BTreeMap<usize, PrivacyRequest>,
    named: &BTreeSet<NodeId>,
    node: &dyn Fn(&RequestIdentifier) -> Option<NodeId>,
) -> Earlier {
    let is_named = |one: &RequestIdentifier| node(one).is_some_and(|node| named.contains(&node));
    let first = sent.get(&1).map(|request| request.time);
    if first.is_none() {
        sent.retain(|_, request| {
            request.identifiers.iter().all(|one| request::is_by_node(one) || is_named(one))
        });
    }
    let time = first.or_else(|| sent.values().map(|request| request.time).max());
    sent.retain(|_, request| Some(request.time) == time);
    let parts: Parts = sent.into_iter().map(|(number, request)| (number, request.identifiers)).collect();
    let nodes: BTreeSet<NodeId> = parts.values().flatten().filter_map(node).collect();
    if parts.is_empty() || (first.is_some() && !named.is_subset(&nodes)) {
        return Earlier::default();
    }
    Earlier { parts, time }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::{Namespace, NodeKind};
    use kinfold_privacy::verify::sign;

    const SECRET: [u8; 32] = [7; 32];

    fn node(number: u8) -> NodeId {
        NodeId::new([number; 16], NodeKind::Identifier)
    }

    fn found(number: u8) -> RequestIdentifier {
        request::by_node(&Namespace::new("email"), node(number))
    }

    /// Whose value is its number, as far as this test knows values.
    fn clear(number: u8) -> RequestIdentifier {
        RequestIdentifier { namespace: Namespace::new("customer_id"), value: number.to_string() }
    }

    fn request(ms: i64, identifiers: Vec<RequestIdentifier>) -> PrivacyRequest {
        PrivacyRequest {
            request_id: "r".to_owned(),
            kind: PrivacyKind::Erase,
            scope: PrivacyScope::Person,
            identifiers,
            time: Timestamp::from_millis(ms).expect("in range"),
            verifier: Some("desk".to_owned()),
            signature: None,
        }
    }

    /// What a command that names 1 finds, as numbers, and the time.
    fn of(sent: Vec<(usize, PrivacyRequest)>) -> (Vec<usize>, Option<i64>) {
        let read = |one: &RequestIdentifier| {
            if request::is_by_node(one) { one.value.parse().ok() } else { one.value.parse().ok().map(node) }
        };
        let earlier = of_one_command(sent.into_iter().collect(), &[node(1)].into(), &read);
        (earlier.parts.into_keys().collect(), earlier.time.map(Timestamp::millis))
    }

    #[test]
    fn what_a_command_sent_is_found_whether_or_not_it_came_to_its_end() {
        let whole = vec![(1, request(5, vec![clear(1), found(2)])), (2, request(5, vec![found(3)]))];
        assert_eq!(of(whole.clone()), (vec![1, 2], Some(5)));
        assert_eq!(of(whole[1..].to_vec()), (vec![2], Some(5)), "it died before the first");
        assert_eq!(of(Vec::new()), (Vec::new(), None));
    }

    #[test]
    fn what_another_command_sent_is_none_of_it() {
        let first = || (1, request(5, vec![clear(1)]));
        assert_eq!(of(vec![first(), (2, request(6, vec![found(3)]))]), (vec![1], Some(5)));
        assert_eq!(of(vec![(2, request(5, vec![clear(9)]))]), (Vec::new(), None), "somebody was named");
        let other = vec![(1, request(5, vec![clear(9)])), (2, request(5, vec![found(3)]))];
        assert_eq!(of(other), (Vec::new(), None), "the id is that of another request");
    }

    #[test]
    fn a_key_is_that_of_a_request_of_the_command_only_as_it_writes_it() {
        let numbers = ["r", "r-2", "r-17", "r-1", "r-0", "r-02", "r-+2", "r2", "r-", "s", "r-2-3"];
        let expected = [Some(1), Some(2), Some(17), None, None, None, None, None, None, None, None];
        assert_eq!(numbers.map(|key| number("r", key)), expected);
    }

    #[test]
    fn only_an_erasure_that_somebody_has_signed_who_may_is_signed_again() {
        let mut trusted = Verifiers::default();
        trusted.add("desk", &public_key(&SECRET)).expect("is a key");
        let unsigned = request(5, vec![clear(1)]);
        let by = |secret: &[u8; 32], request: PrivacyRequest| {
            let signature = Some(sign(&request, secret));
            PrivacyRequest { signature, ..request }
        };
        assert!(is_erasure(&by(&SECRET, unsigned.clone()), &trusted));
        assert!(!is_erasure(&unsigned, &trusted) && !is_erasure(&by(&[8; 32], unsigned.clone()), &trusted));
        let lift = PrivacyRequest { kind: PrivacyKind::Lift, ..unsigned };
        assert!(!is_erasure(&by(&SECRET, lift), &trusted));
    }
}
