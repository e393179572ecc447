//! S13: how fast the archive says what it holds: by day, and record by record.

use std::path::Path;

use super::super::data::Data;
use super::super::measure::{self, median};
use super::super::{Bench, Row};
use super::{frontdesk, last_number, ratio};

const RUNS: usize = 5;

/// The floors of the targets, which are stated for a million conversations.
const SUMMARY_SECONDS: f64 = 0.1;
const RECORDS_A_SECOND: f64 = 1e6;

/// Of an archive that has the data.
pub(super) fn measure(bench: &Bench, data: &Data, archive: &Path) -> Result<Vec<Row>, String> {
    // What is not equal to the list is not worth measuring.
    let listed = measure::run(frontdesk(bench, archive).args(["archive", "list"]))?.stdout.lines().count();
    let ask = |more: &[&str]| -> Result<measure::Taken, String> {
        let mut runs = Vec::new();
        for _ in 0..RUNS {
            runs.push(measure::run(frontdesk(bench, archive).args(["archive", "report"]).args(more))?);
        }
        let taken = median(runs).ok_or("no run")?;
        let total = last_number(&taken.stdout, "totalFiles")?;
        if (total, listed as u64) != (data.records, data.records) {
            return Err(format!("{total} records are reported, {listed} listed, {} stored", data.records));
        }
        Ok(taken)
    };
    let summary = ask(&["--summary"])?;
    let stored = by_day(&summary.stdout)?;
    if stored != data.records {
        return Err(format!("the days of the summary come to {stored} of {}", data.records));
    }
    let full = ask(&[])?;
    let names = full.stdout.matches("\"filename\":").count() as u64;
    if names != data.records {
        return Err(format!("{names} of {} records are in the report", data.records));
    }
    let (summary, full) = (summary.wall.as_secs_f64(), full.wall.as_secs_f64());
    let a_second = data.records as f64 / full;
    Ok(vec![
        Row {
            id: "S13",
            what: format!("report by day of {}, start of the process included; floor", data.records),
            ours: format!("{:.0} ms", summary * 1e3),
            baseline: format!("{:.0} ms", SUMMARY_SECONDS * 1e3),
            ratio: ratio(SUMMARY_SECONDS, summary),
        },
        Row {
            id: "S13",
            what: "report of every record, streamed; floor".into(),
            ours: format!("{:.0} ms, {:.2} M records/s", full * 1e3, a_second / 1e6),
            baseline: format!("{:.0} M records/s", RECORDS_A_SECOND / 1e6),
            ratio: ratio(a_second, RECORDS_A_SECOND),
        },
    ])
}

/// What the days of a summary, and conversations without one, come to.
fn by_day(stdout: &str) -> Result<u64, String> {
    let summary: serde_json::Value =
        serde_json::from_str(stdout.trim()).map_err(|error| error.to_string())?;
    let days = summary["calendar"].as_array().ok_or("the summary has no calendar")?;
    let undated = summary["totals"]["undated"].as_u64().ok_or("the summary has no undated")?;
    Ok(undated + days.iter().filter_map(|day| day["stored"].as_u64()).sum::<u64>())
}
