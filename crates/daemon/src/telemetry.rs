//! The log of a process. In: `[log]`. Out: lines on standard error, for people or as JSON, of the levels asked for.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryFault {
    /// The level is not one that the filter knows.
    #[error(
        "level under [log] is no level ({0}); write error, warn, info, debug or trace, or by module: info,rdkafka=warn"
    )]
    Level(String),
    /// A log was set up before.
    #[error("the log of this process was already set up ({0}); set it up once, at the start")]
    Twice(String),
}

/// Sets up the log of the whole process.
///
/// # Errors
/// [`TelemetryFault`], when the level makes no sense or a log was set up before.
pub fn init(log: &Log) -> Result<(), TelemetryFault> {
    let filter =
        EnvFilter::builder().parse(&log.level).map_err(|error| TelemetryFault::Level(error.to_string()))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = match log.format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    done.map_err(|error| TelemetryFault::Twice(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_level_and_a_second_log_are_refused() {
        let log = |level: &str| Log { format: LogFormat::Json, level: level.to_owned() };
        assert!(matches!(init(&log("loud=loud=loud")), Err(TelemetryFault::Level(_))));
        init(&log("error")).expect("the first");
        assert!(matches!(init(&log("error")), Err(TelemetryFault::Twice(_))));
    }
}
