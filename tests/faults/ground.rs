//! What cases stand on: a broker, a proxy of ours in front of its second listener, and a folder for all that is
//! written. Everything ends with it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kinfold_testkit::broker::Broker;

use crate::case::{Failure, Outcome, expect};
use crate::proxy::Proxy;

/// Of the broker. Timed-out transactions are looked for every second, so that a case waits for the time-out that it
/// set and not for the default of ten seconds more.
const SETTINGS: [&str; 1] = ["transaction.abort.timed.out.transaction.cleanup.interval.ms=1000"];

pub(crate) struct Ground {
    broker: Mutex<Broker>,
    pub(crate) proxy: Proxy,
    folder: PathBuf,
    /// `None` when the folder is to stay.
    _until_dropped: Option<tempfile::TempDir>,
    keep: bool,
}

impl Ground {
    /// A new broker in a new folder. With `keep` the folder stays.
    pub(crate) fn start(keep: bool) -> Result<Self, String> {
        Self::start_with(keep, None, &[])
    }

    /// The same with settings of the broker, and its data in a folder of the caller's.
    pub(crate) fn start_with(keep: bool, data: Option<&Path>, settings: &[&str]) -> Result<Self, String> {
        let mut folder = tempfile::Builder::new()
            .prefix("kinfold-faults-")
            .tempdir()
            .map_err(|error| error.to_string())?;
        folder.disable_cleanup(keep);
        let proxy = Proxy::listen().map_err(|error| error.to_string())?;
        let behind = format!("behind={}", proxy.address);
        let all = [behind.as_str()].into_iter().chain(SETTINGS).chain(settings.iter().copied());
        let at = data.map_or_else(|| folder.path().join("broker"), Path::to_owned);
        let broker = Broker::start_with(&at, all.map(str::to_owned).collect())?;
        proxy.lead_to(listener(&broker)?);
        let path = folder.path().to_owned();
        if keep {
            println!("logs, state and the broker's data are in {}", path.display());
        }
        Ok(Self { broker: Mutex::new(broker), proxy, folder: path, _until_dropped: Some(folder), keep })
    }

    /// Another one like this, for a case that hurts the broker.
    pub(crate) fn another(&self) -> Outcome<Self> {
        Self::start(self.keep).map_err(Failure::Wrong)
    }

    /// Another one whose broker has these settings and keeps its data in `data`.
    pub(crate) fn another_with(&self, data: &Path, settings: &[&str]) -> Outcome<Self> {
        Self::start_with(self.keep, Some(data), settings).map_err(Failure::Wrong)
    }

    /// A folder for all that belongs to `name`.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Of the broker, without the proxy: `host:port`.
    pub(crate) fn address(&self) -> String {
        self.broker().address.clone()
    }

    /// Ends the broker as a crash would.
    pub(crate) fn crash_broker(&self) {
        self.broker().crash();
    }

    /// Starts the broker after a crash, where it was: that clients look for it elsewhere is no case of ours.
    pub(crate) fn start_broker(&self) -> Outcome<()> {
        let mut broker = self.broker();
        let address = broker.address.clone();
        broker.start_again().map_err(Failure::Wrong)?;
        expect(broker.address == address, || format!("somebody took the broker's port, {address}"))?;
        self.proxy.lead_to(listener(&broker).map_err(Failure::Wrong)?);
        Ok(())
    }

    /// Runs one of Kafka's tools.
    pub(crate) fn tool(&self, class: &str, arguments: &[&str]) -> Outcome<String> {
        self.broker().tool(class, arguments).map_err(Failure::Wrong)
    }

    fn broker(&self) -> MutexGuard<'_, Broker> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listener(broker: &Broker) -> Result<SocketAddr, String> {
    let address = broker.behind.as_deref().and_then(|address| address.parse().ok());
    address.ok_or_else(|| "the broker has no listener behind the proxy".to_owned())
}
