//! Three small brokers, each also a controller, on the loopback interface. They end when the cluster is dropped.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kinfold_testkit::broker::script;

use crate::case::{Outcome, expect};
use crate::consumer::free_address;
use crate::patience::until;

const BROKERS: usize = 3;
/// Any text of this form will do.
const CLUSTER_ID: &str = "kinfoldfaultscluster00";
/// Each of them is a Java that starts on a machine that is busy.
const START: Duration = Duration::from_secs(180);

pub(crate) struct Cluster {
    brokers: Vec<Broker>,
}

struct Broker {
    address: String,
    folder: PathBuf,
    process: Option<Child>,
}

impl Cluster {
    /// Starts all of them, and waits until each may be given partitions.
    pub(crate) fn start(folder: &Path) -> Outcome<Self> {
        let mut cluster = Self { brokers: Vec::new() };
        let controllers: Vec<String> = (0..BROKERS).map(|_| free_address()).collect::<Outcome<_>>()?;
        for (number, controller) in controllers.iter().enumerate() {
            let (address, folder) = (free_address()?, folder.join(format!("broker-{number}")));
            std::fs::create_dir_all(&folder)?;
            std::fs::write(
                folder.join("server.properties"),
                properties(number, &address, controller, &controllers, &folder),
            )?;
            let mut format = script("run", Path::new("kafka.tools.StorageTool"));
            format
                .args(["format", "--cluster-id", CLUSTER_ID, "--config"])
                .arg(folder.join("server.properties"));
            let formatted = format.output()?;
            expect(formatted.status.success(), || String::from_utf8_lossy(&formatted.stderr).into_owned())?;
            cluster.brokers.push(Broker { address, folder, process: None });
        }
        cluster.brokers.iter_mut().try_for_each(Broker::begin)?;
        until(START, "three brokers to have started", || {
            Ok(cluster.brokers.iter().all(Broker::has_started).then_some(()))
        })?;
        Ok(cluster)
    }

    /// Every broker, as `host:port` with commas.
    pub(crate) fn bootstrap(&self) -> String {
        self.brokers.iter().map(|broker| broker.address.as_str()).collect::<Vec<_>>().join(",")
    }

    /// Kills one, so that what it led moves to others.
    pub(crate) fn crash(&mut self, number: usize) {
        self.brokers[number].end();
    }

    /// Starts it again.
    pub(crate) fn begin(&mut self, number: usize) -> Outcome<()> {
        self.brokers[number].begin()
    }
}

impl Broker {
    fn begin(&mut self) -> Outcome<()> {
        let log = File::options().create(true).append(true).open(self.folder.join("broker.log"))?;
        let mut command = script("run", Path::new("kafka.Kafka"));
        command
            .arg(self.folder.join("server.properties"))
            // The script's Java is its child.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(log));
        self.process = Some(command.spawn()?);
        Ok(())
    }

    /// It says so when the controller has let it in.
    fn has_started(&self) -> bool {
        let log = std::fs::read_to_string(self.folder.join("broker.log"));
        log.is_ok_and(|log| log.contains("Kafka Server started"))
    }

    fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(Command::new("kill").args(["-KILL", "--", &format!("-{}", process.id())]).status());
            drop(process.wait());
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.end();
    }
}

fn properties(
    number: usize,
    address: &str,
    controller: &str,
    controllers: &[String],
    folder: &Path,
) -> String {
    let voters: Vec<String> = (1..).zip(controllers).map(|(id, address)| format!("{id}@{address}")).collect();
    let (id, voters, data) = (number + 1, voters.join(","), folder.join("data"));
    format!(
        "process.roles=broker,controller\n\
         node.id={id}\n\
         listeners=PLAINTEXT://{address},CONTROLLER://{controller}\n\
         controller.listener.names=CONTROLLER\n\
         controller.quorum.voters={voters}\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         group.initial.rebalance.delay.ms=0\n\
         default.replication.factor=3\n\
         min.insync.replicas=2\n\
         offsets.topic.replication.factor=3\n\
         offsets.topic.num.partitions=4\n\
         transaction.state.log.replication.factor=3\n\
         transaction.state.log.min.isr=2\n\
         transaction.state.log.num.partitions=4\n\
         transaction.abort.timed.out.transaction.cleanup.interval.ms=1000\n\
         log.cleaner.dedupe.buffer.size=4194304\n\
         broker.session.timeout.ms=6000\n\
         num.network.threads=2\n\
         num.io.threads=4\n",
        data.display()
    )
}
