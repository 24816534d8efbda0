//! Where a steward works: on the state folder of local runs, or on a deployment, which takes commands from its topic
//! and whose state on this machine can be looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use kinfold_daemon::config::Config;
use kinfold_daemon::process::{framing, kafka_settings};
use kinfold_kafka::World;
use kinfold_kafka::client::{Outgoing, read_table, send};
use kinfold_model::{Command, Keys, NodeId};
use kinfold_pipeline::Topology;
use kinfold_stitch::inspect;
use kinfold_wire::{TRACE_HEADER, Topic, Trace, decode};
use serde::Serialize;

use crate::clear::Clear;
use crate::commands::{Failure, load};
use crate::secret;
use crate::stores::Stores;

/// Where to work.
#[derive(Args)]
pub struct Where {
    /// The configuration, a TOML file; without --state it says which deployment is meant.
    #[arg(long, env = "KINFOLD_CONFIG")]
    config: Option<PathBuf>,
    /// The state folder of `kinfold resolve --state`.
    #[arg(long)]
    state: Option<PathBuf>,
}

/// A place to work, and what is needed there.
pub(crate) struct Site {
    pub(crate) config: Config,
    pub(crate) keys: Keys,
    /// `None`: the deployment.
    pub(crate) state: Option<PathBuf>,
}

impl Site {
    /// Reads the configuration and the secret.
    pub(crate) fn new(place: &Where) -> Result<Self, Failure> {
        let config = load(place.config.as_deref())?;
        let state = place.state.clone();
        let keys = match &state {
            Some(folder) => Keys::new(&secret_of(&config, folder)?),
            None => {
                let secret = config.require_secret();
                Keys::new(secret.map_err(|missing| Failure::Usage(format!("without --state, {missing}")))?)
            }
        };
        Ok(Self { config, keys, state })
    }

    /// The identity graph: that of the state folder, or what consumers keep of it on this machine.
    pub(crate) fn graph(&self) -> Result<Stores, Failure> {
        Stores::of_graph(self.folder(), &self.config)
    }

    /// The clear values of nodes, as far as they are known here.
    pub(crate) fn clear(&self, wanted: &BTreeSet<NodeId>) -> Result<Clear<'_>, Failure> {
        let mut clear = Clear::new(&self.config.rules);
        let mut seen = Ok(());
        Stores::of_facets(self.folder(), &self.config)?.visit(&mut |key, value| {
            if seen.is_ok() {
                seen = clear.see(key, value, |node| wanted.contains(&node));
            }
        })?;
        seen.map(|()| clear).map_err(Failure::fault)
    }

    /// The commands that were given, oldest first.
    pub(crate) fn commands(&self) -> Result<Vec<Command>, Failure> {
        let mut commands: Vec<Command> = Vec::new();
        match &self.state {
            Some(_) => self.graph()?.each(&mut |state| {
                commands.extend(inspect::commands(state).map_err(Failure::fault)?);
                Ok(())
            })?,
            None => commands.extend(self.commands_on_topic()?.into_values()),
        }
        commands.sort_by(|a, b| (a.time, &a.command_id).cmp(&(b.time, &b.command_id)));
        Ok(commands)
    }

    /// Sends a command to the deployment.
    pub(crate) fn send(&self, command: &Command) -> Result<(), Failure> {
        let trace = Trace::of_source(&command.command_id, 0, 0);
        self.order(Topic::IdentityCommand, &command.command_id, command, trace)
    }

    /// Writes a record of a public topic of the deployment. Everything that it brings about has its trace.
    pub(crate) fn order<T: Serialize>(
        &self,
        topic: Topic,
        key: &str,
        value: &T,
        trace: Trace,
    ) -> Result<(), Failure> {
        let settings = kafka_settings(&self.config);
        if World::observe(&settings).map_err(Failure::fault)?.count(topic.as_str()).is_none() {
            let name = settings.topic(topic.as_str());
            return Err(Failure::Fault(format!(
                "topic {name} is missing; `kinfold topics apply` creates it"
            )));
        }
        let topology = self.topology()?;
        let record = topology.public(topic, key.to_owned(), Some(value), trace).map_err(Failure::fault)?;
        let outgoing = Outgoing {
            topic: topic.as_str().to_owned(),
            key: Some(record.key),
            value: record.value,
            headers: vec![(TRACE_HEADER.to_owned(), trace.to_string().into_bytes())],
            ..Outgoing::default()
        };
        send(&settings, std::iter::once(outgoing)).map_err(Failure::fault)
    }

    fn commands_on_topic(&self) -> Result<BTreeMap<Vec<u8>, Command>, Failure> {
        let table = read_table(&kafka_settings(&self.config), Topic::IdentityCommand.as_str());
        let prefix = &self.config.deployment.prefix;
        let ids = self.config.registry.schema_ids(prefix, Topic::IdentityCommand).map_err(Failure::Fault)?;
        let read = |(key, value): (Vec<u8>, Vec<u8>)| {
            let command = decode(Topic::IdentityCommand, &ids, &value);
            command.map(|command| (key, command)).map_err(Failure::fault)
        };
        table.map_err(Failure::fault)?.into_iter().map(read).collect()
    }

    fn topology(&self) -> Result<Topology, Failure> {
        framing(&self.config).map_err(Failure::Fault)
    }

    fn folder(&self) -> &Path {
        self.state.as_deref().unwrap_or(&self.config.state.dir)
    }
}

/// The secret of a state folder that is there already.
pub(crate) fn secret_of(config: &Config, folder: &Path) -> Result<kinfold_model::Secret, Failure> {
    if !folder.join("store").is_dir() {
        let remedy = "`kinfold resolve --state` makes one";
        return Err(Failure::Fault(format!("{} is no state folder; {remedy}", folder.display())));
    }
    secret::find(config, folder)
}
