//! The table at the end: one row for each case.

use std::fmt;
use std::time::Duration;

use crate::case::{Case, Failure, Outcome, Seen};

/// Rows in the order in which the cases ran.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<[String; 6]>,
    failures: Vec<String>,
}

const HEADINGS: [&str; 6] = ["", "fault", "expected", "seen", "seconds to recover", "verdict"];
/// A cell is broken at about this width.
const WIDTHS: [usize; 6] = [2, 30, 36, 44, 18, 30];

impl Report {
    /// Adds a case, and says at once how it went.
    pub(crate) fn add(&mut self, case: &Case, result: Outcome<Seen>) {
        let (seen, seconds, verdict) = match result {
            Ok(seen) => (seen.what.clone(), seconds(&seen), "passed".to_owned()),
            Err(Failure::Wrong(why)) => {
                self.failures.push(format!("case {}, {}:\n{why}", case.number, case.fault));
                (why.lines().next().unwrap_or_default().to_owned(), String::new(), "FAILED".to_owned())
            }
            Err(Failure::NotStaged(why)) => (String::new(), String::new(), format!("not staged: {why}")),
        };
        println!("case {:>2}: {verdict} {seconds} {seen}", case.number);
        let number = case.number.to_string();
        self.rows.push([number, case.fault.to_owned(), case.expected.to_owned(), seen, seconds, verdict]);
    }

    pub(crate) fn has_failed(&self) -> bool {
        !self.failures.is_empty()
    }
}

fn seconds(seen: &Seen) -> String {
    let text = |what: &str, duration: Option<Duration>| {
        duration.map(|duration| format!("{what} {:.1}", duration.as_secs_f64()))
    };
    let parts = [text("first commit", seen.first_commit), text("caught up", seen.caught_up)];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for failure in &self.failures {
            writeln!(f, "{failure}\n")?;
        }
        row(f, &HEADINGS.map(str::to_owned))?;
        writeln!(f, "{}", WIDTHS.map(|width| "-".repeat(width)).join("-+-"))?;
        self.rows.iter().try_for_each(|cells| row(f, cells))?;
        let verdicts = |begin: &str| self.rows.iter().filter(|row| row[5].starts_with(begin)).count();
        let (passed, failed, not) = (verdicts("passed"), verdicts("FAILED"), verdicts("not staged"));
        write!(f, "\n{passed} passed, {failed} failed, {not} not staged")
    }
}

/// One row, on as many lines as its longest cell needs.
fn row(f: &mut fmt::Formatter<'_>, cells: &[String; 6]) -> fmt::Result {
    let broken: Vec<Vec<String>> =
        cells.iter().zip(WIDTHS).map(|(cell, width)| broken(cell, width)).collect();
    let lines = broken.iter().map(Vec::len).max().unwrap_or_default();
    for line in 0..lines {
        let cells = broken.iter().zip(WIDTHS).map(|(cell, width)| {
            let text = cell.get(line).map_or("", String::as_str);
            format!("{text:<width$}")
        });
        writeln!(f, "{}", cells.collect::<Vec<_>>().join(" | ").trim_end())?;
    }
    Ok(())
}

fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
