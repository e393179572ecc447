//! R14: how fast an archive is ready after a crash, and how fast its catalog is made again.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::super::data::Data;
use super::super::{Bench, Row, measure};
use super::{fresh, frontdesk, last_number, ratio};

pub(super) fn measure(bench: &Bench, data: &Data) -> Result<Vec<Row>, String> {
    let data_dir = bench.scratch.join("archive-restart");
    fresh(&data_dir)?;
    // Killed while it writes, late enough that most of the data is there.
    let whole =
        measure::run(frontdesk(bench, &data_dir).args(["archive", "import", "--ndjson"]).arg(&data.path))?;
    fresh(&data_dir)?;
    let mut child = frontdesk(bench, &data_dir)
        .args(["archive", "import", "--ndjson"])
        .arg(&data.path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    std::thread::sleep(whole.wall.mul_f64(0.9).max(Duration::from_millis(50)));
    child.kill().map_err(|error| error.to_string())?;
    child.wait().map_err(|error| error.to_string())?;

    let empty = bench.scratch.join("empty.ndjson");
    fs::write(&empty, b"").map_err(|error| error.to_string())?;
    let open = || -> Result<Duration, String> {
        let started = Instant::now();
        measure::run(frontdesk(bench, &data_dir).args(["archive", "import", "--ndjson"]).arg(&empty))?;
        Ok(started.elapsed())
    };
    let after_crash = open()?;
    let after_clean_stop = open()?;
    let archive = data_dir.join("archive");
    for name in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm", "catalog.sha256"] {
        match fs::remove_file(archive.join(name)) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    let rebuilt = open()?;
    let records = last_number(
        &measure::run(frontdesk(bench, &data_dir).args(["archive", "verify"]))?.stdout,
        "records",
    )?;
    let per_second = records as f64 / rebuilt.saturating_sub(after_clean_stop).as_secs_f64().max(1e-9);
    fresh(&data_dir)?;
    Ok(vec![
        Row {
            id: "R14",
            what: format!("ready after kill -9 with {records} records, against an open after a clean stop"),
            ours: format!("{:.0} ms", after_crash.as_secs_f64() * 1e3),
            baseline: format!("{:.0} ms", after_clean_stop.as_secs_f64() * 1e3),
            ratio: ratio(after_crash.as_secs_f64(), after_clean_stop.as_secs_f64()),
        },
        Row {
            id: "R14",
            what: "catalog made again from the segments, against 50,000 records a second".into(),
            ours: format!("{:.0} ms, {per_second:.0} records/s", rebuilt.as_secs_f64() * 1e3),
            baseline: "50000 records/s".into(),
            ratio: ratio(per_second, 50_000.0),
        },
    ])
}
