//! The schema registry: gives each public topic's schema a number, under the subject `<topic>-value` as
//! Confluent's serialisers do. Asked once, at the start of a stage; records then carry the numbers.

use kinfold_pipeline::Topology;
use kinfold_wire::{Framing, Topic, Version};
use serde_json::{Value, json};

/// The registry does not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    /// No answer, or a refusal.
    #[error(
        "the schema registry at {url} did not take the schema of {subject}: {why}; check [registry] url, and the \
         subject's compatibility setting"
    )]
    Refused {
        /// As configured.
        url: String,
        /// The subject.
        subject: String,
        /// What the client or the registry says.
        why: String,
    },
}

/// Registers every published version of every public topic, and notes the numbers.
pub(crate) fn register(url: &str, prefix: &str, topology: &mut Topology) -> Result<(), RegistryError> {
    for topic in Topic::ALL {
        let Some(contract) = topic.schema() else { continue };
        let subject = format!("{prefix}{topic}-value");
        for version in contract.versions() {
            let schema_id = number(url, &subject, version)?;
            topology.schema_ids.insert(schema_id, topic, version.number());
            topology.framing.insert(topic, Framing::Confluent { schema_id });
        }
    }
    Ok(())
}

fn number(url: &str, subject: &str, version: &Version) -> Result<i32, RegistryError> {
    let refused =
        |why: String| RegistryError::Refused { url: url.to_owned(), subject: subject.to_owned(), why };
    let address = format!("{}/subjects/{subject}/versions", url.trim_end_matches('/'));
    let mut answer = ureq::post(&address)
        .header("Content-Type", "application/vnd.schemaregistry.v1+json")
        .send_json(json!({ "schema": version.json() }))
        .map_err(|error| refused(error.to_string()))?;
    let answer: Value = answer.body_mut().read_json().map_err(|error| refused(error.to_string()))?;
    let id = answer.get("id").and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
    id.ok_or_else(|| refused("its answer holds no id".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    /// Answers each request with the next id, as a registry would; gives what was asked.
    fn registry(requests: usize, status: &'static str) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("has an address"));
        let answer = move |id: usize| {
            let (stream, _) = listener.accept().expect("a client comes");
            let mut reader = BufReader::new(stream);
            let (mut request, mut length) = (String::new(), 0);
            reader.read_line(&mut request).expect("a request line");
            loop {
                let mut header = String::new();
                reader.read_line(&mut header).expect("a header");
                if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a number");
                }
                if header.trim().is_empty() {
                    break;
                }
            }
            std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).expect("a body");
            let body = format!("{{\"id\":{}}}", id + 100);
            let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}", body.len());
            write!(reader.get_mut(), "{head}\r\n\r\n{body}").expect("answers");
            request.split(' ').nth(1).unwrap_or_default().to_owned()
        };
        (url, std::thread::spawn(move || (0..requests).map(answer).collect()))
    }

    #[test]
    fn every_version_of_every_public_topic_is_registered_and_the_last_is_written_with_its_number() {
        let contracts: Vec<_> = Topic::ALL.into_iter().filter_map(Topic::schema).collect();
        let versions = contracts.iter().flat_map(|contract| contract.versions());
        let topics: Vec<Topic> = versions.map(Version::topic).collect();
        let (url, asked) = registry(topics.len(), "200 OK");
        let mut topology = Topology::default();
        register(&url, "kinfold.", &mut topology).expect("registers");
        let asked = asked.join().expect("the registry ends");
        for (index, topic) in topics.iter().enumerate() {
            assert_eq!(asked[index], format!("/subjects/kinfold.{topic}-value/versions"));
            let last = topics.iter().rposition(|other| other == topic).unwrap_or(index);
            let schema_id = i32::try_from(last + 100).expect("small");
            assert_eq!(topology.framing[topic], Framing::Confluent { schema_id });
        }
    }

    #[test]
    fn a_refusal_names_the_registry_and_the_subject() {
        let (url, _asked) = registry(1, "409 Conflict");
        let error = register(&url, "kinfold.", &mut Topology::default()).expect_err("is refused");
        let said = error.to_string();
        assert!(said.contains(&url) && said.contains("kinfold.touchpoint-value"), "{said}");
    }
}
