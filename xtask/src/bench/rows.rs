//! The rows of the targets this project has reached for so far.

mod audit;
mod changes;
mod closing;
mod door;
mod histories;
mod ingest;
mod memory;
mod pii;
mod rate;
mod report;
mod requests;
mod restart;
mod search;
mod sending;
mod serving;
mod verify;

use std::path::Path;
use std::process::Command;

use super::data::Form;
use super::{Bench, Row, data};

/// Measures every row that was asked for.
pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let needs_data =
        ["S1", "S3", "S7", "S13", "S14", "R14", "S2", "S4", "S4a", "S4b", "S4c", "S5", "S6", "S15"]
            .iter()
            .any(|row| bench.wants(row));
    if needs_data {
        let data = data::make(&bench.scratch, Form::Full, bench.records)?;
        let lines = data::lines(&data.path)?;
        if lines != data.records {
            return Err(format!("{} has {lines} lines, not {}", data.path.display(), data.records));
        }
        println!("data: {} conversations, {:.1} MB, {}", data.records, data.bytes as f64 / 1e6, data.origin);
        let archive = bench.scratch.join("archive-full");
        if ["S1", "S2", "S14", "S7"].iter().any(|row| bench.wants(row)) {
            rows.extend(ingest::measure(bench, &data, &archive)?);
        }
        if bench.wants("S7") {
            rows.extend(verify::measure(bench, &data, &archive)?);
        }
        if bench.wants("S3") {
            rows.extend(memory::measure(bench, &data)?);
        }
        if ["S4", "S4a", "S4b", "S4c", "S5", "S13", "S15"].iter().any(|row| bench.wants(row)) {
            let records = if bench.million { 1_000_000 } else { bench.records };
            let thin = data::make(&bench.scratch, Form::Thin, records)?;
            println!("data: {records} short conversations, {:.1} MB", thin.bytes as f64 / 1e6);
            rows.extend(search::measure(bench, &thin)?);
        }
        if bench.wants("S6") {
            let records = if bench.million { 1_000_000 } else { bench.records };
            rows.extend(serving::measure(bench, &data::make(&bench.scratch, Form::Thin, records)?)?);
        }
        if bench.wants("R14") {
            rows.extend(restart::measure(bench, &data)?);
        }
    }
    if bench.wants("S8") {
        rows.extend(rate::measure(bench)?);
        rows.extend(sending::measure(bench)?);
    }
    if bench.wants("S9") {
        rows.push(changes::measure(bench)?);
    }
    if bench.wants("S10") {
        rows.extend(histories::measure(bench)?);
    }
    if bench.wants("S11") {
        rows.extend(closing::measure(bench)?);
    }
    if bench.wants("S12") {
        rows.extend(audit::measure(bench)?);
    }
    if bench.wants("REQUESTS") {
        rows.extend(requests::measure(bench)?);
    }
    if bench.wants("S16") {
        rows.extend(pii::measure()?);
    }
    Ok(rows)
}

/// Our binary on a data directory, with JSON output and nothing from the environment.
fn frontdesk(bench: &Bench, data_dir: &Path) -> Command {
    let mut command = Command::new(&bench.binary);
    command.env_clear().arg("--json").arg("--no-progress").arg("--data-dir").arg(data_dir);
    command
}

/// An empty folder in place of what was there.
fn fresh(path: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// A field of the last JSON line.
fn last_number(stdout: &str, field: &str) -> Result<u64, String> {
    let line = stdout.lines().last().ok_or("nothing was printed")?;
    let value: serde_json::Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
    value[field].as_u64().ok_or_else(|| format!("no number {field} in {line}"))
}

fn ratio(numerator: f64, denominator: f64) -> String {
    format!("{:.2}", numerator / denominator.max(1e-9))
}
