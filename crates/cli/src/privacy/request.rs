//! Identifiers of the command line become requests. In: what somebody wrote, and who signs. Out: requests as they go to
//! `privacy-request`, each with as many identifiers as one may have.

use std::collections::BTreeMap;

use kinfold_daemon::config::Config;
use kinfold_model::privacy::{PrivacyKind, PrivacyScope, RequestIdentifier};
use kinfold_model::{Keys, Namespace, NodeId, PrivacyRequest, Timestamp};
use kinfold_privacy::stage::{IDENTIFIERS_MAX, REQUEST_ID_BYTES_MAX};
use kinfold_privacy::verify;

use crate::argument;
use crate::commands::Failure;

/// What the requests of one command name, by their numbers, which begin with 1.
pub(crate) type Parts = BTreeMap<usize, Vec<RequestIdentifier>>;

/// What is asked for.
pub(crate) struct Wish {
    /// Of the first request; those after it have their number behind it.
    pub(crate) request_id: String,
    pub(crate) kind: PrivacyKind,
    pub(crate) scope: PrivacyScope,
    pub(crate) parts: Parts,
    pub(crate) time: Timestamp,
    /// `None` where no signature is needed.
    pub(crate) signer: Option<Signer>,
}

/// Who signs.
pub(crate) struct Signer {
    /// As the configuration names them.
    pub(crate) verifier: String,
    pub(crate) secret_key: [u8; 32],
}

impl Wish {
    /// The requests, signed, in the order in which they are sent. The first comes last: where it has arrived all have, and as long as
    /// it has not, the person whom it names is there, so that it can be found again what is missing.
    ///
    /// # Errors
    /// Wrong usage: an id that no request can have.
    pub(crate) fn requests(&self) -> Result<Vec<PrivacyRequest>, Failure> {
        let parts = self.parts.iter().rev();
        parts.map(|(number, identifiers)| self.request(*number, identifiers)).collect()
    }

    fn request(&self, number: usize, identifiers: &[RequestIdentifier]) -> Result<PrivacyRequest, Failure> {
        let request_id = numbered(&self.request_id, number);
        let is_visible = |c: char| !c.is_control() && !c.is_whitespace();
        if !(1..=REQUEST_ID_BYTES_MAX).contains(&request_id.len()) || !request_id.chars().all(is_visible) {
            let what = "is no id of a request; write 1 to 200 bytes, without blanks and control characters";
            return Err(Failure::Usage(format!("--request-id {what}")));
        }
        let request = PrivacyRequest {
            request_id,
            kind: self.kind,
            scope: self.scope,
            identifiers: identifiers.to_vec(),
            time: self.time,
            verifier: self.signer.as_ref().map(|signer| signer.verifier.clone()),
            signature: None,
        };
        let signature = self.signer.as_ref().map(|signer| verify::sign(&request, &signer.secret_key));
        Ok(PrivacyRequest { signature, ..request })
    }
}

/// The id of the request with this number, of a command whose first has this id.
pub(crate) fn numbered(request_id: &str, number: usize) -> String {
    if number == 1 { request_id.to_owned() } else { format!("{request_id}-{number}") }
}

/// These identifiers become requests beside those that are there, each with as many as one may have.
pub(crate) fn spread(mut parts: Parts, identifiers: &[RequestIdentifier]) -> Parts {
    let mut number = 1;
    for chunk in identifiers.chunks(IDENTIFIERS_MAX) {
        while parts.contains_key(&number) {
            number += 1;
        }
        parts.insert(number, chunk.to_vec());
    }
    parts
}

/// An identifier as somebody wrote it, `namespace:value` or `namespace#node`, and its node. A node that is known without its value is
/// named with a `#` behind the namespace.
///
/// # Errors
/// Wrong usage, see [`argument::identifier`].
pub(crate) fn identifier(
    text: &str,
    config: &Config,
    keys: &Keys,
) -> Result<(RequestIdentifier, NodeId), Failure> {
    let named = argument::identifier("IDENTIFIER", text, config, keys)?;
    let one = match named.value {
        None => by_node(&named.namespace, named.node),
        Some(value) => {
            // A hash of an address has the node of the address, and is read as the hash that it is.
            let namespace =
                text.split_once(':').map_or(named.namespace.as_str(), |(written, _)| written.trim());
            RequestIdentifier { namespace: Namespace::new(namespace), value }
        }
    };
    Ok((one, named.node))
}

/// The node of an identifier of a request; `None` for one that this configuration does not know.
pub(crate) fn node(one: &RequestIdentifier, config: &Config, keys: &Keys) -> Option<NodeId> {
    if is_by_node(one) {
        return one.value.parse().ok();
    }
    identifier(&format!("{}:{}", one.namespace, one.value), config, keys).ok().map(|(_, node)| node)
}

/// Whether only the node of an identifier is known.
pub(crate) fn is_by_node(one: &RequestIdentifier) -> bool {
    one.namespace.as_str().ends_with('#')
}

/// An identifier of which only the node is known.
pub(crate) fn by_node(namespace: &Namespace, node: NodeId) -> RequestIdentifier {
    RequestIdentifier { namespace: Namespace::new(&format!("{namespace}#")), value: node.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::Secret;
    use kinfold_model::keys::sha256_hex;
    use kinfold_privacy::Verifiers;

    fn read(text: &str) -> Result<(RequestIdentifier, NodeId), Failure> {
        let config = Config::load(None, std::iter::empty()).expect("defaults are right");
        identifier(text, &config, &Keys::new(&Secret::new(b"a secret for tests only").expect("long")))
    }

    fn wish(count: usize) -> Wish {
        let one = |number: usize| RequestIdentifier {
            namespace: Namespace::new("cookie"),
            value: format!("c-{number}"),
        };
        Wish {
            request_id: "r".to_owned(),
            kind: PrivacyKind::Erase,
            scope: PrivacyScope::Person,
            parts: spread(Parts::new(), &(0..count).map(one).collect::<Vec<_>>()),
            time: Timestamp::from_millis(1_772_323_200_000).expect("in range"),
            signer: Some(Signer { verifier: "desk".to_owned(), secret_key: [7; 32] }),
        }
    }

    #[test]
    fn an_identifier_is_written_as_capture_reads_it_again() {
        let (ann, node) = read("email: Ann@Example.ORG").expect("is right");
        assert_eq!((ann.namespace.as_str(), ann.value.as_str()), ("email", "ann@example.org"));
        let hash = sha256_hex("ann@example.org");
        let (hashed, same) = read(&format!("email_sha256:{hash}")).expect("is right");
        assert_eq!((hashed.namespace.as_str(), &hashed.value, same), ("email_sha256", &hash, node));
        let (by_node, same) = read(&format!("email#{node}")).expect("is right");
        assert_eq!(
            (by_node.namespace.as_str(), by_node.value.as_str(), same),
            ("email#", node.to_string().as_str(), node)
        );
        let config = Config::load(None, std::iter::empty()).expect("defaults are right");
        let keys = Keys::new(&Secret::new(b"a secret for tests only").expect("long"));
        for one in [&ann, &hashed, &by_node] {
            assert_eq!(super::node(one, &config, &keys), Some(node), "it is read again");
        }
        assert!(matches!(read("shoe_size:44"), Err(Failure::Usage(_))));
    }

    #[test]
    fn each_of_the_requests_has_an_id_of_its_own_and_is_signed() {
        let mut verifiers = Verifiers::default();
        verifiers.add("desk", &verify::public_key(&[7; 32])).expect("is a key");
        let requests = wish(33).requests().expect("is right");
        let counts: Vec<(&str, usize)> =
            requests.iter().map(|one| (one.request_id.as_str(), one.identifiers.len())).collect();
        assert_eq!(counts, [("r-3", 1), ("r-2", 16), ("r", 16)], "the first is sent last");
        assert!(requests.iter().all(|request| verifiers.check(request) == Ok(())));
    }

    #[test]
    fn what_was_sent_before_keeps_its_number_and_the_rest_gets_those_that_are_free() {
        let all: Vec<RequestIdentifier> = wish(33).parts.into_values().flatten().collect();
        let sent = Parts::from([(2, all[..3].to_vec())]);
        let parts = spread(sent, &all[3..]);
        let counts: Vec<(usize, usize)> = parts.iter().map(|(number, part)| (*number, part.len())).collect();
        assert_eq!(counts, [(1, 16), (2, 3), (3, 14)]);
        assert_eq!(spread(parts.clone(), &[]), parts);
    }

    #[test]
    fn where_nobody_signs_there_is_no_verifier() {
        let requests = Wish { signer: None, ..wish(1) }.requests().expect("is right");
        assert_eq!((requests[0].verifier.as_ref(), requests[0].signature.as_ref()), (None, None));
        assert_eq!(Verifiers::none_needed().check(&requests[0]), Ok(()));
    }

    #[test]
    fn an_id_that_no_request_can_have_is_wrong_usage() {
        for id in [String::new(), "x".repeat(201), "a\nb".to_owned(), "a b".to_owned()] {
            assert!(matches!(Wish { request_id: id, ..wish(1) }.requests(), Err(Failure::Usage(_))));
        }
    }
}
