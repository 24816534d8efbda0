//! The configuration. In: a TOML file (optional) and the environment, in which `KINFOLD_SECTION__KEY` wins over the
//! file. Out: settings that are checked and need no second look, or all that is wrong in one message.
//! Every setting has a default. The secret and passwords are never printed.

mod block;
mod describe;
mod faults;
mod lifecycle;
mod namespaces;
mod outputs;
mod privacy;
mod profile;
mod properties;
mod purposes;
mod reader;
mod settings;
mod signals;
mod survivorship;
mod tree;
mod value;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kinfold_kafka::LostRecords;
use kinfold_model::keys::Secret;
use kinfold_model::rules::Rules;
use kinfold_model::{Outputs, Purposes, Returning, Survivorship};
use kinfold_pipeline::BrakeLimits;
use kinfold_privacy::Verifiers;
use kinfold_value::Refresh;

pub use faults::{ConfigFaults, Fault, Origin};
pub use properties::Properties;

/// All settings. `Debug` is [`Config::describe`].
#[derive(Clone)]
pub struct Config {
    /// `[deployment]`
    pub deployment: Deployment,
    /// `[kafka]`
    pub kafka: Kafka,
    /// `[registry]`
    pub registry: Registry,
    /// `[topics]`
    pub topics: Topics,
    /// `[http]`
    pub http: Http,
    /// `[state]`
    pub state: State,
    /// `[capture]`; its field `signals` is `[signals.<purpose>]`
    pub capture: kinfold_capture::Settings,
    /// `capture.sources_dir`: the folder of mappings; a relative one begins where the process was started. A folder that is
    /// not there holds none.
    pub sources_dir: PathBuf,
    /// `capture.brake_ratio` and `capture.brake_records`: when a source is held; `None` (a ratio of 0): never.
    pub brake: Option<BrakeLimits>,
    /// `capture.sweep_interval_ms`: how often dead letters that nobody may keep are removed; `None` (0): only when somebody asks.
    pub sweep_interval: Option<Duration>,
    /// `[checkpoints]`
    pub checkpoints: Checkpoints,
    /// `[log]`
    pub log: Log,
    /// `[identity]`, `[identity.guard]` and `[namespaces.<name>]`
    pub rules: Rules,
    /// `[purposes.<name>]`: how decisions about each are weighed, how long a yes lasts, and what each permits.
    pub purposes: Purposes,
    /// `[attributes]`, `[attributes.<name>]` and `[profile]`: which values of attributes survive, and what tells of interests.
    pub survivorship: Survivorship,
    /// `[profile]`, `[orders]` and `[lifecycle]`: how the members of a person are folded. Without the model of `[value]`, which
    /// [`crate::valuation::settings`] adds.
    pub profile: kinfold_profile::Settings,
    /// `[value]`
    pub value: ValueConfig,
    /// `[outputs.<name>]`: to which topics profiles leave, for which purposes, and what of them.
    pub outputs: Outputs,
    /// `[privacy]`
    pub privacy: PrivacyConfig,
}

/// `[deployment]`: what tells this deployment from others on the same cluster.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// `prefix`: begins the name of every topic and consumer group.
    pub prefix: String,
    /// `instance`: part of the transactional ids, hence different for each process of a stage, and the same after
    /// its restart.
    pub instance: String,
    /// `secret_file`, or the variable `KINFOLD_SECRET`, which wins: keys the ids of nodes and people.
    /// `None` when neither is set.
    pub secret: Option<Secret>,
    /// `secret_file` as it was written; `None` when it is empty.
    pub secret_file: Option<PathBuf>,
}

/// `[kafka]`
#[derive(Clone, Debug)]
pub struct Kafka {
    /// `bootstrap`: brokers as `host:port`, with commas between them.
    pub bootstrap: String,
    /// `commit_interval_ms`: a batch is committed after this time at the latest.
    pub commit_interval_ms: u64,
    /// `workers`: threads of each stage in this process.
    pub workers: u32,
    /// `batch_records`: a batch is committed after this many records at the latest.
    pub batch_records: usize,
    /// `batch_bytes_max`: a batch is committed when its records are this large together.
    pub batch_bytes_max: usize,
    /// `session_timeout_ms`: how long the group waits for a silent member.
    pub session_timeout_ms: u32,
    /// `transaction_timeout_ms`: how long a successor waits for a dead predecessor; below the session's time-out.
    pub transaction_timeout_ms: u32,
    /// `queue_bytes_max`: how much one worker reads ahead.
    pub queue_bytes_max: u64,
    /// `lost_records`: what to do about records that were deleted before they were read.
    pub lost_records: LostRecords,
    /// `properties`: handed to librdkafka as they are.
    pub properties: Properties,
}

/// `[registry]`
#[derive(Clone)]
pub struct Registry {
    /// `url` of a schema registry; `None` (empty): values are in Avro's single-object encoding.
    pub url: Option<String>,
}

/// `[topics]`: what `kinfold topics apply` makes.
#[derive(Clone, Debug)]
pub struct Topics {
    /// `sources`: there is one topic `raw.<source>` for each.
    pub sources: Vec<String>,
    /// `partitions` of each topic that is keyed; fixed for the life of a deployment.
    pub partitions: u32,
    /// `replication`: copies of each partition.
    pub replication: u16,
    /// `raw_retention_ms`: how long raw records are kept.
    pub raw_retention_ms: i64,
    /// `refused_retention_ms`: how long dead letters are kept; as raw records, unless it is given.
    pub refused_retention_ms: i64,
    /// `identity_change_retention_ms`: how long it is kept how people changed; `None` (0): for ever.
    pub identity_change_retention_ms: Option<i64>,
    /// `consent_change_retention_ms`: how long it is kept how consents changed; `None` (0): for ever.
    pub consent_change_retention_ms: Option<i64>,
}

/// `[http]`
#[derive(Clone, Debug)]
pub struct Http {
    /// `listen`; `None` (empty): the binary's default on the loopback interface.
    pub listen: Option<SocketAddr>,
}

/// `[state]`
#[derive(Clone, Debug)]
pub struct State {
    /// `dir`: the folder of the local state; a relative one begins where the process was started.
    pub dir: PathBuf,
    /// `cache_bytes`: one cache for all partitions of the process.
    pub cache_bytes: usize,
    /// `standbys`: how many deaths of other workers the state is kept warm for.
    pub standbys: u32,
    /// `rewrite_interval_ms`: how often the files of each store are written anew, so that what was deleted leaves the disk.
    pub rewrite_interval_ms: i64,
}

/// `[checkpoints]`
#[derive(Clone, Debug)]
pub struct Checkpoints {
    /// `url` of an object store; `None` (empty): no copies are made.
    pub url: Option<String>,
    /// `interval_ms`: how often a copy of each store is made.
    pub interval_ms: i64,
}

/// `[privacy]`
#[derive(Clone, Debug, Default)]
pub struct PrivacyConfig {
    /// `[privacy.verifiers.<name>]`: whose signatures a request needs one of; without any, every request is refused.
    pub verifiers: Verifiers,
    /// `return_by`: by a later consent to one of these purposes somebody who was erased may be known again; none: never.
    pub returning: Returning,
}

/// `[value]`
#[derive(Clone, Debug, Default)]
pub struct ValueConfig {
    /// `model`: the file that `kinfold clv fit` wrote; a relative one begins where the process was started. `None` (empty): profiles
    /// tell no value.
    pub model: Option<PathBuf>,
    /// `refresh_days`: how often values are made anew.
    pub refresh: Refresh,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct Log {
    /// `format`
    pub format: LogFormat,
    /// `level`: `info`, or by module as in `info,rdkafka=warn`.
    pub level: String,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Both, as the configuration names them.
    pub const ALL: [Self; 2] = [Self::Text, Self::Json];

    /// The name in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// The secret is needed and was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the deployment has no secret, which keys the ids of people; make one with `openssl rand -hex 32 > kinfold.secret` \
     and set secret_file = \"kinfold.secret\" under [deployment], or put it into KINFOLD_SECRET; \
     all processes of a deployment share it, and it never changes"
)]
pub struct SecretMissing;

impl Config {
    /// Reads the file, if there is one, and lays the environment over it.
    ///
    /// # Errors
    /// [`ConfigFaults`] with everything that is wrong in either.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigFaults> {
        settings::load(file, env).map(|(config, _)| config)
    }

    /// The secret.
    ///
    /// # Errors
    /// [`SecretMissing`] when neither `secret_file` nor `KINFOLD_SECRET` is set.
    pub fn require_secret(&self) -> Result<&Secret, SecretMissing> {
        self.deployment.secret.as_ref().ok_or(SecretMissing)
    }

    /// The settings in effect as TOML, each with its value; `***` stands for the secret and for passwords.
    #[must_use]
    pub fn describe(&self) -> String {
        describe::describe(self)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

impl Registry {
    /// The URL with `***` for a user and password in it; empty when there is none.
    #[must_use]
    pub fn masked_url(&self) -> String {
        masked(self.url.as_deref().unwrap_or_default())
    }
}

/// A URL with `***` for a user and password in it. A password may hold a slash that nobody escaped, so that it is taken to
/// end at the last `@` of all.
pub(crate) fn masked(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://***@{host}"),
            None => url.to_owned(),
        },
        None => url.to_owned(),
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked_url())
    }
}

#[cfg(test)]
mod tests;
