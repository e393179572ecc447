//! S7: how fast every byte is checked, against inflating and hashing alone.

use std::path::Path;
use std::process::Command;

use super::super::data::Data;
use super::super::measure::{self, median};
use super::super::{Bench, Row, baseline, limit};
use super::ingest::not_there;
use super::{frontdesk, last_number, ratio};

const RUNS: usize = 5;
const LEVEL: i32 = 4;

pub(super) fn measure(bench: &Bench, data: &Data, archive: &Path) -> Result<Vec<Row>, String> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let taken = measure::run(frontdesk(bench, archive).args(["archive", "verify"]))?;
        let records = last_number(&taken.stdout, "records")?;
        if records != data.records {
            return Err(format!("{records} of {} records were verified", data.records));
        }
        runs.push(taken);
    }
    let ours = median(runs).ok_or("no run")?;
    let raw = last_number(&ours.stdout, "raw_bytes")? as f64 / 1e6;
    let seconds = ours.wall.as_secs_f64();
    let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
    let limit = limit::measure(&data.path, LEVEL)?.inflate_and_hash * cores;
    let mut rows = vec![Row {
        id: "S7",
        what: "verify, start of the process included, against inflate + SHA-256 on all cores".into(),
        ours: format!("{:.3} s ({:.0} MB/s)", seconds, raw / seconds),
        baseline: format!("{limit:.0} MB/s"),
        ratio: ratio(raw / seconds, limit),
    }];
    rows.push(match go(bench) {
        Ok(wall) => Row {
            id: "S7",
            what: "the same against the documents' check in Go".into(),
            ours: format!("{seconds:.3} s"),
            baseline: format!("{wall:.2} s"),
            ratio: ratio(wall, seconds),
        },
        Err(why) => not_there("S7", "against the documents' check in Go", &why),
    });
    Ok(rows)
}

fn go(bench: &Bench) -> Result<f64, String> {
    let sources = bench.baseline.as_ref().ok_or("no --baseline was given")?;
    let out = bench.scratch.join("go-out");
    if !out.is_dir() {
        return Err("S1 has to run first: it makes the files that are checked".into());
    }
    let program = baseline::build(sources, "verify", &bench.scratch)?;
    let taken = measure::run(Command::new(program).arg("-dir").arg(&out))?;
    Ok(taken.wall.as_secs_f64())
}
