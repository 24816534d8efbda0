//! Identifiers and touchpoints as a person writes them on the command line: `email:Ann@Example.org`, or
//! `email#<node id>` for whoever knows the node and not the value. Values are normalised as capture does it.

use std::fmt;
use std::path::Path;

use kinfold_capture::Capture;
use kinfold_daemon::config::Config;
use kinfold_model::{Keys, Namespace, NodeId, Refusal, Timestamp, Touchpoint};
use serde_json::json;

use crate::commands::Failure;

/// An identifier that somebody named.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Its node.
    pub node: NodeId,
    /// The namespace of that node: `email` for an `email_sha256`.
    pub namespace: Namespace,
    /// Normalised; `None` when only the node is known.
    pub value: Option<String>,
}

impl fmt::Debug for Named {
    /// The value is not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.namespace, self.node)
    }
}

impl fmt::Display for Named {
    /// As it can be written on the command line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}:{value}", self.namespace),
            None => write!(f, "{}#{}", self.namespace, self.node),
        }
    }
}

/// Reads an identifier. `argument` is its name in the usage of the command.
///
/// # Errors
/// Wrong usage: the sentence names the argument and what would be right, and does not repeat the value.
pub fn identifier(argument: &str, text: &str, config: &Config, keys: &Keys) -> Result<Named, Failure> {
    let wrong = |what: &str| Failure::Usage(format!("{argument} {what}"));
    if let Some((namespace, node)) = as_node(text) {
        let namespace = Namespace::new(namespace);
        let known: Vec<&str> = config.rules.namespaces.keys().map(Namespace::as_str).collect();
        if config.rules.namespace(&namespace).is_none() {
            return Err(wrong(&format!(
                "names none of the namespaces that are configured: {}",
                known.join(", ")
            )));
        }
        if node.is_sighting() {
            return Err(wrong("names the node of a sighting; name an identifier"));
        }
        return Ok(Named { node, namespace: config.rules.node_namespace(&namespace), value: None });
    }
    let Some((namespace, value)) = text.split_once(':') else {
        return Err(wrong(
            "is no identifier; write namespace:value, for example email:ann@example.org, or namespace#node with the \
             32 hex digits of a node id",
        ));
    };
    let record = json!({
        "time": 0, "source": "steward", "identifiers": [{ "namespace": namespace, "value": value }],
    });
    let read = touchpoint_in(record.to_string().as_bytes(), config, keys);
    let refused =
        |refusal: Refusal| wrong(refusal.sentence.strip_prefix(&refusal.member).unwrap_or_default().trim());
    let identifiers = read.map_err(refused)?.identifiers;
    let one = identifiers.into_iter().next().ok_or_else(|| wrong("names no identifier"))?;
    let namespace = config.rules.node_namespace(&one.namespace);
    Ok(Named { node: one.node, namespace, value: Some(one.value) })
}

/// Reads a file with exactly one canonical touchpoint.
///
/// # Errors
/// When the file cannot be read; wrong usage when it holds anything else.
pub fn touchpoint(argument: &str, path: &Path, config: &Config, keys: &Keys) -> Result<Touchpoint, Failure> {
    let bytes = std::fs::read(path).map_err(Failure::file(path))?;
    // The end of the line is no part of the record, whose hash may be its id.
    let mut record = bytes.as_slice();
    for end in [b"\n", b"\r"] {
        record = record.strip_suffix(end).unwrap_or(record);
    }
    touchpoint_in(record, config, keys).map_err(|refusal| {
        let what = "does not hold exactly one touchpoint as JSON";
        Failure::Usage(format!("{argument} {}: {what}: {}", path.display(), refusal.sentence))
    })
}

fn touchpoint_in(record: &[u8], config: &Config, keys: &Keys) -> Result<Touchpoint, Refusal> {
    let capture = Capture::unblocked(keys.clone(), config.rules.clone(), config.capture.clone());
    capture.touchpoint(record, Timestamp::MAX)
}

fn as_node(text: &str) -> Option<(&str, NodeId)> {
    let (namespace, node) = text.split_once('#')?;
    if namespace.contains(':') { None } else { Some((namespace, node.parse().ok()?)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kinfold_model::Secret;

    fn read(text: &str) -> Result<Named, Failure> {
        let config = Config::load(None, std::iter::empty()).expect("defaults are right");
        identifier("A", text, &config, &Keys::new(&Secret::new(b"a secret for tests only").expect("long")))
    }

    #[test]
    fn an_identifier_is_normalised_and_leads_to_the_node_that_capture_gives_it() {
        let ann = read("email: Ann@Example.ORG ").expect("is right");
        assert_eq!(ann.to_string(), "email:ann@example.org");
        let by_node = read(&format!("email#{}", ann.node)).expect("is right");
        assert_eq!((by_node.node, by_node.value), (ann.node, None));
        assert_eq!(read("social:instagram:Ann").expect("is right").to_string(), "social:instagram:ann");
    }

    #[test]
    fn debug_output_keeps_the_value_to_itself() {
        let ann = read("email:ann@example.org").expect("is right");
        assert_eq!(format!("{ann:?}, {ann:#?}"), format!("email#{0}, email#{0}", ann.node));
    }

    #[test]
    fn what_is_on_the_block_list_can_be_named() {
        assert_eq!(read("email:noreply@example.org").expect("is right").namespace.as_str(), "email");
    }

    #[test]
    fn what_is_wrong_is_told_with_the_argument_and_without_the_value() {
        let sighting = format!("email#{:032x}", 0x10);
        for text in [
            "ann-secret",
            "shoe_size:ann-secret",
            "email:ann-secret",
            "cookie:  ",
            "shoe_size#ann",
            &sighting,
        ] {
            match read(text) {
                Err(Failure::Usage(said)) => {
                    assert!(said.starts_with("A ") && !said.contains("ann-secret"), "{text}: {said}");
                }
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
