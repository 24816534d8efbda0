//! What was measured, for people and for programs. Rates are touchpoints per second.

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use kinfold_cli::commands::Failure;
use serde_json::{Value, json};

use crate::harness::{Measured, Row};

const COLUMNS: [&str; 7] =
    ["benchmark", "touchpoints/s", "min - max", "µs each", "peak MiB", "of it input", "note"];

/// How busy the machine was in the last minute, and on how many processors; `None` where the system does not tell.
pub(crate) fn load() -> Option<String> {
    let load = std::fs::read_to_string("/proc/loadavg").ok()?;
    let processors = std::thread::available_parallelism().ok()?;
    Some(format!("{} on {processors} processors", load.split_whitespace().next()?))
}

/// One line for each figure. Memory is that of a whole process, hence told once for each benchmark.
pub(crate) fn table(all: &[Measured], load: Option<&str>) -> String {
    let mut table = Table::new();
    table
        .load_style(ASCII_MARKDOWN)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(COLUMNS);
    for measured in all {
        for (place, row) in measured.rows.iter().enumerate() {
            let first = |bytes: Option<u64>| {
                if place == 0 { bytes.map_or("?".into(), mebibytes) } else { String::new() }
            };
            table.add_row([
                format!("{}: {}", measured.name, row.what),
                format!("{:.0}", rate(row, row.median())),
                format!("{:.0} - {:.0}", rate(row, slowest(row)), rate(row, fastest(row))),
                format!("{:.2}", micros(row)),
                first(measured.peak_bytes),
                first(measured.input_bytes),
                row.note.clone(),
            ]);
        }
    }
    for column in table.column_iter_mut().skip(1).take(COLUMNS.len() - 2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("load before: {}\n{table}", load.unwrap_or("unknown"))
}

/// The same, and the seconds of each run.
pub(crate) fn json(all: &[Measured], load: Option<&str>) -> Result<String, Failure> {
    let benchmarks: Vec<Value> = all.iter().map(benchmark).collect();
    serde_json::to_string_pretty(&json!({ "load_before": load, "benchmarks": benchmarks }))
        .map_err(Failure::fault)
}

fn benchmark(measured: &Measured) -> Value {
    let rows: Vec<Value> = measured.rows.iter().map(figure).collect();
    json!({
        "name": measured.name,
        "peak_bytes": measured.peak_bytes,
        "input_bytes": measured.input_bytes,
        "rows": rows,
    })
}

fn figure(row: &Row) -> Value {
    json!({
        "what": row.what,
        "touchpoints": row.touchpoints,
        "seconds": row.seconds,
        "per_second": {
            "median": rate(row, row.median()),
            "min": rate(row, slowest(row)),
            "max": rate(row, fastest(row)),
        },
        "micros_each": micros(row),
        "note": row.note,
    })
}

fn rate(row: &Row, seconds: f64) -> f64 {
    row.touchpoints as f64 / seconds
}

fn slowest(row: &Row) -> f64 {
    row.seconds.iter().copied().fold(0.0, f64::max)
}

fn fastest(row: &Row) -> f64 {
    row.seconds.iter().copied().fold(f64::INFINITY, f64::min)
}

fn micros(row: &Row) -> f64 {
    row.median() * 1e6 / row.touchpoints as f64
}

fn mebibytes(bytes: u64) -> String {
    format!("{}", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_of_the_runs_in_the_middle_and_at_both_ends() {
        let row =
            Row { what: "work".into(), touchpoints: 100, seconds: [1.0, 2.0, 4.0], note: String::new() };
        let measured =
            [Measured { name: "some".into(), rows: vec![row], peak_bytes: Some(3 << 20), input_bytes: None }];
        let text = table(&measured, None);
        let last = text.lines().last().unwrap_or_default();
        let last: Vec<&str> = last.split_whitespace().filter(|cell| *cell != "|").collect();
        assert_eq!(last, ["some:", "work", "50", "25", "-", "100", "20000.00", "3", "?"]);
    }
}
