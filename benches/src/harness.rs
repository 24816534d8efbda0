//! Measures. In: work to be timed. Out: for each piece of work the seconds of three runs, and for the process
//! the most memory it ever held.

use std::time::Instant;

use kinfold_cli::commands::Failure;
use serde::{Deserialize, Serialize};

/// How often each piece of work is timed.
pub(crate) const RUNS: usize = 3;

/// What a benchmark has measured so far.
#[derive(Default)]
pub(crate) struct Bench {
    rows: Vec<Row>,
    input_bytes: Option<u64>,
}

/// What a benchmark measured.
#[derive(Serialize, Deserialize)]
pub(crate) struct Measured {
    /// The benchmark.
    pub(crate) name: String,
    /// Its figures.
    pub(crate) rows: Vec<Row>,
    /// The most memory that the process ever held; `None` where the system does not tell.
    pub(crate) peak_bytes: Option<u64>,
    /// How much it held when the work began: prepared input for the most part. `None` as above.
    pub(crate) input_bytes: Option<u64>,
}

/// One figure.
#[derive(Serialize, Deserialize)]
pub(crate) struct Row {
    /// What was done.
    pub(crate) what: String,
    /// How many touchpoints each run took.
    pub(crate) touchpoints: u64,
    /// Of each run, ascending.
    pub(crate) seconds: [f64; RUNS],
    /// What else is worth knowing; may be empty.
    pub(crate) note: String,
}

impl Row {
    /// Seconds of the run in the middle.
    pub(crate) fn median(&self) -> f64 {
        self.seconds[RUNS / 2]
    }
}

impl Bench {
    /// Notes that the input is prepared.
    pub(crate) fn ready(&mut self) {
        self.input_bytes = status("VmRSS");
    }

    /// Times work that leaves nothing behind: once untimed, so that tables are filled, and then in earnest.
    pub(crate) fn repeat(
        &mut self,
        what: &str,
        touchpoints: usize,
        mut work: impl FnMut() -> Result<(), Failure>,
    ) -> Result<f64, Failure> {
        work()?;
        let mut seconds = [0.0; RUNS];
        for run in &mut seconds {
            *run = timed(&mut work)?.0;
        }
        Ok(self.row(what, touchpoints, seconds, ""))
    }

    /// Adds a figure, and gives its median in seconds.
    pub(crate) fn row(
        &mut self,
        what: &str,
        touchpoints: usize,
        mut seconds: [f64; RUNS],
        note: &str,
    ) -> f64 {
        seconds.sort_by(f64::total_cmp);
        let row =
            Row { what: what.to_owned(), touchpoints: touchpoints as u64, seconds, note: note.to_owned() };
        let median = row.median();
        self.rows.push(row);
        median
    }

    /// Says more of the last figure.
    pub(crate) fn note(&mut self, note: String) {
        if let Some(row) = self.rows.last_mut() {
            row.note = note;
        }
    }

    /// Ends the benchmark.
    pub(crate) fn measured(self, name: &str) -> Measured {
        let Self { rows, input_bytes } = self;
        Measured { name: name.to_owned(), rows, peak_bytes: status("VmHWM"), input_bytes }
    }
}

/// The seconds that some work took, and its result.
pub(crate) fn timed<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<(f64, T), Failure> {
    let began = Instant::now();
    let result = work()?;
    Ok((began.elapsed().as_secs_f64(), result))
}

/// How long this thread has been on a processor, in seconds, whatever else the machine had to do.
pub(crate) fn worked() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A size from what Linux tells of this process, in bytes.
fn status(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_that_of_the_middle_run_whatever_their_order() {
        let mut bench = Bench::default();
        let median = bench.row("anything", 1, [3.0, 1.0, 2.0], "");
        assert!((median - 2.0).abs() < f64::EPSILON);
        assert_eq!(bench.measured("all").rows[0].seconds, [1.0, 2.0, 3.0]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_knows_its_peak_and_a_thread_its_time() {
        assert!(status("VmHWM") > Some(0));
        assert_eq!(status("VmH"), None);
        assert!(worked() > 0.0);
    }
}
