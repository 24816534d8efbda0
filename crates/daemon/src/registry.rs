//! The schema registry: gives each public topic's schema a number, under the subject `<topic>-value` as
//! Confluent's serialisers do. Asked once, at the start of a stage; records then carry the numbers. Who only reads asks for
//! the numbers that there are, and gives none.
//!
//! A user and password in its URL never reach an error, and no answer is waited for without end.

use std::time::Duration;

use kinfold_pipeline::Topology;
use kinfold_wire::{Contract, Framing, SchemaIds, Topic, Version, output_topic};
use serde_json::{Value, json};
use ureq::Agent;

use crate::config::{Registry, masked};

/// How long one answer may take, from the look for the address to the last byte.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The registry has no such subject, or not this schema under it, as Confluent's API numbers its errors.
const UNKNOWN: [i64; 2] = [40401, 40403];

/// The registry does not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistryError {
    /// No answer, or a refusal.
    #[error(
        "the schema registry at {url} did not take the schema of {subject}: {why}; check [registry] url, and the \
         subject's compatibility setting"
    )]
    Refused {
        /// As configured, without a password.
        url: String,
        /// The subject.
        subject: String,
        /// What the client or the registry says.
        why: String,
    },
    /// No answer to a question.
    #[error(
        "the schema registry at {url} did not say which schemas {subject} has: {why}; check [registry] url"
    )]
    Untold {
        /// As configured, without a password.
        url: String,
        /// The subject.
        subject: String,
        /// What the client or the registry says.
        why: String,
    },
}

/// Registers every published version of every public topic, and of the outputs that are known, and notes the numbers.
pub(crate) fn register(url: &str, prefix: &str, topology: &mut Topology) -> Result<(), RegistryError> {
    let client = Client::new(url, TIMEOUT);
    for topic in Topic::ALL {
        let Some(contract) = topic.schema() else { continue };
        for version in contract.versions() {
            let schema_id = client.give(&subject(prefix, topic), version)?;
            topology.schema_ids.insert(schema_id, topic, version.number());
            topology.framing.insert(topic, Framing::Confluent { schema_id });
        }
    }
    let profiles = Topic::ProfileOutput.schema().into_iter().flat_map(Contract::versions);
    for (output, framing) in &mut topology.outputs {
        for version in profiles.clone() {
            let schema_id = client.give(&format!("{prefix}{}-value", output_topic(output)), version)?;
            *framing = Framing::Confluent { schema_id };
        }
    }
    Ok(())
}

impl Registry {
    /// What the registry's numbers mean on a topic of the deployment with this prefix, for whoever only reads: nothing is
    /// registered. None where there is no registry.
    ///
    /// # Errors
    /// A sentence, when the registry does not answer.
    pub fn schema_ids(&self, prefix: &str, topic: Topic) -> Result<SchemaIds, String> {
        let mut ids = SchemaIds::default();
        let (Some(url), Some(contract)) = (&self.url, topic.schema()) else { return Ok(ids) };
        let client = Client::new(url, TIMEOUT);
        for version in contract.versions() {
            let known = client.ask(&subject(prefix, topic), version).map_err(|error| error.to_string())?;
            known.into_iter().for_each(|id| ids.insert(id, topic, version.number()));
        }
        Ok(ids)
    }
}

fn subject(prefix: &str, topic: Topic) -> String {
    format!("{prefix}{topic}-value")
}

/// Speaks to a registry.
struct Client<'u> {
    url: &'u str,
    agent: Agent,
}

impl<'u> Client<'u> {
    fn new(url: &'u str, timeout: Duration) -> Self {
        let config =
            Agent::config_builder().timeout_global(Some(timeout)).http_status_as_error(false).build();
        Self { url, agent: config.new_agent() }
    }

    /// The number of a schema under a subject; it gets one if it has none.
    fn give(&self, subject: &str, version: &Version) -> Result<i32, RegistryError> {
        let answer = self.post(&format!("/subjects/{subject}/versions"), version);
        answer.and_then(|(status, answer)| id(status, &answer)).map_err(|why| RegistryError::Refused {
            url: masked(self.url),
            subject: subject.to_owned(),
            why,
        })
    }

    /// The number of a schema under a subject, if it has one. The question is put with the schema, and changes nothing.
    fn ask(&self, subject: &str, version: &Version) -> Result<Option<i32>, RegistryError> {
        let answer = self.post(&format!("/subjects/{subject}"), version);
        let known = |(status, answer): (u16, Value)| match answer.get("error_code").and_then(Value::as_i64) {
            Some(code) if UNKNOWN.contains(&code) => Ok(None),
            _ => id(status, &answer).map(Some),
        };
        answer.and_then(known).map_err(|why| RegistryError::Untold {
            url: masked(self.url),
            subject: subject.to_owned(),
            why,
        })
    }

    /// The status and the body of the answer; a body that is no JSON, as a proxy's may be, counts for nothing.
    fn post(&self, path: &str, version: &Version) -> Result<(u16, Value), String> {
        let address = format!("{}{path}", self.url.trim_end_matches('/'));
        let sent = self
            .agent
            .post(&address)
            .header("Content-Type", "application/vnd.schemaregistry.v1+json")
            .send_json(json!({ "schema": version.json() }));
        let mut answer = sent.map_err(said)?;
        let status = answer.status().as_u16();
        let body = match answer.body_mut().read_json::<Value>() {
            Err(ureq::Error::Json(_)) => Value::Null,
            read => read.map_err(said)?,
        };
        Ok((status, body))
    }
}

fn id(status: u16, answer: &Value) -> Result<i32, String> {
    if !(200..300).contains(&status) {
        return Err(format!("http status: {status}"));
    }
    let id = answer.get("id").and_then(Value::as_i64).and_then(|id| i32::try_from(id).ok());
    id.ok_or_else(|| "its answer holds no id".to_owned())
}

fn said(error: ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => "it is silent for too long".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    /// Answers each request with the next id and this code of an error, as a registry would; gives what was asked.
    fn registry(
        requests: usize,
        status: &'static str,
        code: i64,
    ) -> (String, std::thread::JoinHandle<Vec<String>>) {
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
            let body = format!("{{\"id\":{},\"error_code\":{code}}}", id + 100);
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
        let (url, asked) = registry(topics.len(), "200 OK", 0);
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
    fn an_output_has_a_subject_of_its_own_and_is_written_with_the_number_of_that() {
        let versions = |topic: Topic| topic.schema().map_or(0, |contract| contract.versions().len());
        let public: usize = Topic::ALL.into_iter().map(versions).sum();
        let all = public + versions(Topic::ProfileOutput);
        let (url, asked) = registry(all, "200 OK", 0);
        let mut topology = Topology::default();
        topology.outputs.insert("marketing".into(), Framing::SingleObject);
        register(&url, "kinfold.", &mut topology).expect("registers");
        let asked = asked.join().expect("the registry ends");
        let subject = "/subjects/kinfold.unified-profile.marketing-value/versions";
        assert!(asked[public..].iter().all(|path| path == subject), "{asked:?}");
        let schema_id = i32::try_from(all - 1 + 100).expect("small");
        assert_eq!(topology.outputs["marketing"], Framing::Confluent { schema_id });
    }

    #[test]
    fn a_refusal_names_the_registry_and_the_subject() {
        let (url, _asked) = registry(1, "409 Conflict", 409);
        let error = register(&url, "kinfold.", &mut Topology::default()).expect_err("is refused");
        let said = error.to_string();
        assert!(said.contains(&url) && said.contains("kinfold.touchpoint-value"), "{said}");
        assert!(said.contains("http status: 409"), "{said}");
    }

    #[test]
    fn no_error_holds_the_password_of_the_url() {
        for status in ["409 Conflict", "500 Internal Server Error"] {
            let of_user = |url: String| url.replace("http://", "http://me:pass-1@");
            let (url, _asked) = registry(1, status, 1);
            let refused =
                register(&of_user(url), "kinfold.", &mut Topology::default()).expect_err("is refused");
            let (url, _asked) = registry(1, status, 1);
            let untold = known(&of_user(url)).expect_err("is not told");
            for said in [refused.to_string(), untold] {
                assert!(said.contains("http://***@127.0.0.1") && !said.contains("pass-1"), "{said}");
            }
        }
    }

    #[test]
    fn a_registry_that_is_silent_is_an_error_that_names_it() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("has an address"));
        std::thread::spawn(move || {
            let client = listener.accept();
            std::thread::sleep(Duration::from_secs(30));
            drop(client);
        });
        let contract = Topic::ALL.into_iter().find_map(Topic::schema).expect("one is public");
        let version = contract.versions().first().expect("it has a version");
        let error = Client::new(&url, Duration::from_millis(200)).give("s", version).expect_err("is silent");
        let said = error.to_string();
        assert!(said.contains(&url) && said.contains("it is silent for too long"), "{said}");
    }

    const READ: Topic = Topic::TouchpointRefused;

    fn known(url: &str) -> Result<SchemaIds, String> {
        Registry { url: Some(url.to_owned()) }.schema_ids("kinfold.", READ)
    }

    #[test]
    fn who_only_reads_is_told_the_numbers_and_registers_nothing() {
        let versions = READ.schema().expect("is public").versions().len();
        let (url, asked) = registry(versions, "200 OK", 0);
        let mut expected = SchemaIds::default();
        for (id, version) in (100..).zip(READ.schema().expect("is public").versions()) {
            expected.insert(id, READ, version.number());
        }
        assert_eq!(format!("{:?}", known(&url)), format!("{:?}", Ok::<_, String>(expected)));
        let asked = asked.join().expect("the registry ends");
        assert!(asked.iter().all(|path| path == "/subjects/kinfold.touchpoint-refused-value"), "{asked:?}");
    }

    #[test]
    fn a_schema_that_was_never_registered_has_no_number_and_an_address_that_is_no_registry_is_an_error() {
        let versions = READ.schema().expect("is public").versions().len();
        for code in UNKNOWN {
            let (url, _asked) = registry(versions, "404 Not Found", code);
            let none = Ok::<_, String>(SchemaIds::default());
            assert_eq!(format!("{:?}", known(&url)), format!("{none:?}"));
        }
        let (url, _asked) = registry(1, "404 Not Found", 404);
        assert!(known(&url).is_err_and(|said| said.contains("http status: 404")));
    }
}
