//! S12: signed audit batches that are on the disk before they are sent, beside the disk itself and the documents' program.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::{Bench, Row, baseline};
use super::closing::free_address;
use super::door::get;
use super::{fresh, frontdesk, ratio};
use crate::cargo;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let folder = bench.scratch.join("audit");
    fresh(&folder)?;
    let Some(sources) = &bench.baseline else {
        println!("S12: without --baseline nothing is sent");
        // Nobody answers there, and nothing is sent.
        return Ok(recorded(&folder, "http://127.0.0.1:9/sink/audit")?.0);
    };
    let address = free_address()?;
    let (platform, syncer) = (
        baseline::build(sources, "mockapi", &bench.scratch)?,
        baseline::build(sources, "syncer", &bench.scratch)?,
    );
    let mut platform = Command::new(platform)
        .args(["-addr", &address.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    std::thread::sleep(Duration::from_millis(500));
    let sink = format!("http://{address}/sink/audit");
    let measured = (|| {
        let (mut rows, entries, recording) = recorded(&folder, &sink)?;
        let started = Instant::now();
        let output = frontdesk(bench, &folder)
            .args(["webhook", "drain"])
            .env("FRONTDESK_LOCAL_ADDRESSES", "allow")
            .output()
            .map_err(|error| error.to_string())?;
        let sending = started.elapsed().as_secs_f64();
        let stats = get(address, "/stats")?;
        let count = |field: &str| {
            let stats: serde_json::Value = serde_json::from_str(&stats).unwrap_or_default();
            stats[field].as_u64().unwrap_or_default()
        };
        // One more than was recorded: the endpoint's own entry. The last, partial batch waits for its five seconds.
        if !output.status.success() || count("audit_entries") < entries || count("bad_signature") > 0 {
            return Err(format!("{stats}\n{}", String::from_utf8_lossy(&output.stderr)));
        }
        let started = Instant::now();
        let run = Command::new(syncer)
            .args(["-endpoint", &sink, "-n", &entries.to_string()])
            .output()
            .map_err(|error| error.to_string())?;
        let theirs = entries as f64 / started.elapsed().as_secs_f64();
        if !run.status.success() {
            return Err(String::from_utf8_lossy(&run.stderr).into_owned());
        }
        let ours = entries as f64 / (recording + sending);
        rows.push(Row {
            id: "S12",
            what: format!(
                "{entries} entries recorded ({recording:.2} s), then sent in signed batches of 50, each settled on the \
                 disk ({sending:.2} s)"
            ),
            ours: format!("{ours:.0} entries/s"),
            baseline: format!("Go, from memory: {theirs:.0} entries/s"),
            ratio: ratio(ours, theirs),
        });
        Ok(rows)
    })();
    let _ = platform.kill();
    let _ = platform.wait();
    measured
}

/// Records entries with the journal's own bench. Gives its rows, how many entries are to be sent, and the seconds it took
/// to record those.
fn recorded(folder: &Path, sink: &str) -> Result<(Vec<Row>, u64, f64), String> {
    let shown = folder.display().to_string();
    let stdout =
        cargo::output(&["bench", "-q", "-p", "frontdesk-journal", "--bench", "record", "--", &shown, sink])?;
    let line = stdout.lines().last().unwrap_or_default();
    let value: serde_json::Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
    let number = |field: &str| value[field].as_f64().ok_or_else(|| format!("no number {field} in {line}"));
    let disk = number("fdatasync")?;
    let mut rows = Vec::new();
    for (field, what) in [
        ("alone", "audit entries recorded by one caller, each waiting for the disk"),
        ("together", "by 64 threads, each waiting for the disk"),
        ("pipelined", "by one caller that hands over 50,000 and waits for all"),
    ] {
        let ours = number(field)?;
        rows.push(Row {
            id: "S12",
            what: what.to_owned(),
            ours: format!("{ours:.0} entries/s"),
            baseline: format!("{disk:.0} fdatasync/s"),
            ratio: ratio(ours, disk),
        });
    }
    let entries = value["entries"].as_u64().ok_or_else(|| format!("no number entries in {line}"))?;
    Ok((rows, entries, number("seconds")?))
}
