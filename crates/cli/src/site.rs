//! Where a steward works: on the state folder of local runs, or on a deployment, which takes commands from its topic
//! and whose state on this machine can be looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;
use kinfold_daemon::config::Config;
use kinfold_daemon::process::{framing, kafka_settings};
use kinfold_kafka::World;
use kinfold_kafka::client::{produce_keyed, read_table};
use kinfold_model::{Command, Keys, NodeId, State};
use kinfold_pipeline::{Draft, Local, LocalPorts, Overlay, Shelf, StageName, Store, Topology, Writes};
use kinfold_stitch::inspect;
use kinfold_store::{Memory, RocksStore};
use kinfold_wire::{Topic, Trace, decode};

use crate::clear::Clear;
use crate::commands::{Failure, load};
use crate::secret;

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

/// A stored state, to be looked at only.
pub(crate) type Stored<'a> = Local<'a, Draft<'a, RocksStore>>;

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

    /// Lets somebody look at the state folder, which stays as it is.
    pub(crate) fn read<T>(
        &self,
        folder: &Path,
        look: impl FnOnce(&Stored<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let memory = Memory::new(self.config.state.cache_bytes);
        let store = RocksStore::open_read_only(&folder.join("store"), &memory).map_err(Failure::fault)?;
        let ports = LocalPorts::new(&self.keys, &self.config.rules, self.config.capture.clone());
        look(&Local::open(&ports, Draft::new(&store)).map_err(Failure::fault)?)
    }

    /// Shows the state of stitch, partition by partition.
    pub(crate) fn each_partition(
        &self,
        look: &mut dyn FnMut(&dyn State) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if let Some(folder) = &self.state {
            return self.read(folder, |local| local.look(StageName::Stitch, look));
        }
        let stores = self.on_this_machine(StageName::Stitch)?;
        if stores.is_empty() {
            let folder = self.config.state.dir.join(StageName::Stitch.as_str());
            return Err(Failure::Fault(format!(
                "{} holds no state of stitch; run this where kinfold-stitch runs, with its configuration, or name the \
                 folder of local runs with --state",
                folder.display()
            )));
        }
        stores.iter().try_for_each(|store| look(&Overlay::new(store, &mut Writes::new())))
    }

    /// The clear values of nodes, as far as they are known here.
    pub(crate) fn clear(&self, wanted: BTreeSet<NodeId>) -> Result<Clear, Failure> {
        let mut clear = Clear::of(wanted);
        let see = &mut |key: &[u8], value: &[u8]| clear.see(key, value);
        match &self.state {
            Some(folder) => self.read(folder, |local| {
                local.visit(Shelf::Stage(StageName::Facets), see).map_err(Failure::fault)
            })?,
            None => {
                for store in self.on_this_machine(StageName::Facets)? {
                    store.visit(b"", see).map_err(Failure::fault)?;
                }
            }
        }
        clear.checked().map_err(Failure::fault)
    }

    /// The commands that were given, oldest first.
    pub(crate) fn commands(&self) -> Result<Vec<Command>, Failure> {
        let mut commands = match &self.state {
            Some(folder) => self.read(folder, |local| {
                local.look(StageName::Stitch, inspect::commands).map_err(Failure::fault)
            })?,
            None => self.commands_on_topic()?.into_values().collect(),
        };
        commands.sort_by(|a, b| (a.time, &a.command_id).cmp(&(b.time, &b.command_id)));
        Ok(commands)
    }

    /// Sends a command to the deployment.
    pub(crate) fn send(&self, command: &Command) -> Result<(), Failure> {
        let settings = kafka_settings(&self.config);
        let topic = Topic::IdentityCommand;
        if World::observe(&settings).map_err(Failure::fault)?.count(topic.as_str()).is_none() {
            let name = settings.topic(topic.as_str());
            return Err(Failure::Fault(format!(
                "topic {name} is missing; `kinfold topics apply` creates it"
            )));
        }
        let topology = self.topology()?;
        let trace = Trace::of_source(&command.command_id, 0, 0);
        let record = topology.public(topic, command.command_id.clone(), Some(command), trace);
        let value = record.map_err(Failure::fault)?.value.unwrap_or_default();
        produce_keyed(&settings, topic.as_str(), &command.command_id, value).map_err(Failure::fault)
    }

    fn commands_on_topic(&self) -> Result<BTreeMap<Vec<u8>, Command>, Failure> {
        let table = read_table(&kafka_settings(&self.config), Topic::IdentityCommand.as_str());
        let topology = self.topology()?;
        let read = |(key, value): (Vec<u8>, Vec<u8>)| {
            let command = decode(Topic::IdentityCommand, &topology.schema_ids, &value);
            command.map(|command| (key, command)).map_err(Failure::fault)
        };
        table.map_err(Failure::fault)?.into_iter().map(read).collect()
    }

    fn topology(&self) -> Result<Topology, Failure> {
        framing(&self.config).map_err(Failure::Fault)
    }

    /// The stores of a stage that the consumers keep on this machine, by partition; they are not changed.
    fn on_this_machine(&self, stage: StageName) -> Result<Vec<RocksStore>, Failure> {
        let folder = self.config.state.dir.join(stage.as_str());
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        let mut partitions = BTreeSet::new();
        for entry in std::fs::read_dir(&folder).map_err(Failure::file(&folder))? {
            let name = entry.map_err(Failure::file(&folder))?.file_name();
            partitions.extend(name.to_str().and_then(|name| name.parse::<u32>().ok()));
        }
        let memory = Memory::new(self.config.state.cache_bytes);
        let open = |partition: u32| RocksStore::open_read_only(&folder.join(partition.to_string()), &memory);
        partitions.into_iter().map(open).collect::<Result<_, _>>().map_err(Failure::fault)
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
