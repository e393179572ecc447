//! S1: how fast conversations become durable; S2: the same with the search index. S14: how much disk they take.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::super::data::Data;
use super::super::measure::{self, median};
use super::super::{Bench, Row, baseline, limit};
use super::{fresh, frontdesk, last_number, ratio};

const RUNS: usize = 3;
/// The level the archive packs with by default.
const LEVEL: i32 = 1;

pub(super) fn measure(bench: &Bench, data: &Data, archive: &Path) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    let baseline = if bench.wants("S1") || bench.wants("S2") { go(bench, data) } else { Err(String::new()) };
    let mb = data.bytes as f64 / 1e6;
    if bench.wants("S2") {
        let ours = import(bench, data, archive, "on")?;
        let what = format!("ingest with the search index, {} conversations", data.records);
        rows.push(beside_go("S2", &what, &ours, &baseline));
    }
    let ours = import(bench, data, archive, "off")?;
    if bench.wants("S1") {
        let limit = limit::measure(&data.path, LEVEL)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        rows.push(Row {
            id: "S1",
            what: format!("ingest, {} conversations, against packing alone on all cores", data.records),
            ours: format!(
                "{:.2} s ({:.0} MB/s), {:.2} s CPU",
                ours.wall.as_secs_f64(),
                mb / ours.wall.as_secs_f64(),
                ours.cpu.as_secs_f64()
            ),
            baseline: format!("{:.0} MB/s", limit.pack * cores),
            ratio: ratio(mb / ours.wall.as_secs_f64(), limit.pack * cores),
        });
        rows.push(beside_go("S1", "the same", &ours, &baseline));
    }
    if bench.wants("S14") {
        let stored = size_below(&archive.join("archive/segments"))?;
        rows.push(Row {
            id: "S14",
            what: "stored size: segments with headers and checksums".into(),
            ours: format!("{:.1} MB", stored as f64 / 1e6),
            baseline: format!("{mb:.1} MB raw"),
            ratio: ratio(mb, stored as f64 / 1e6),
        });
    }
    Ok(rows)
}

/// The median of several imports into an empty archive, with the search index on or off.
fn import(bench: &Bench, data: &Data, archive: &Path, index: &str) -> Result<measure::Taken, String> {
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        fresh(archive)?;
        let mut import = frontdesk(bench, archive);
        import.env("FRONTDESK_SEARCH_INDEX", index).args(["archive", "import", "--ndjson"]).arg(&data.path);
        let taken = measure::run(&mut import)?;
        let stored = last_number(&taken.stdout, "stored")?;
        if stored != data.records {
            return Err(format!("{stored} of {} were stored", data.records));
        }
        runs.push(taken);
    }
    median(runs).ok_or_else(|| "no run".to_owned())
}

fn beside_go(
    id: &'static str,
    what: &str,
    ours: &measure::Taken,
    baseline: &Result<(f64, f64), String>,
) -> Row {
    let (wall, cpu) = (ours.wall.as_secs_f64(), ours.cpu.as_secs_f64());
    let said = format!("{wall:.2} s; {cpu:.2} s; {:.1} MiB", ours.peak_kib as f64 / 1024.0);
    match baseline {
        Ok((go_wall, go_cpu)) => Row {
            id,
            what: format!("{what}, against the documents' program in Go (wall; CPU; peak)"),
            ours: said,
            baseline: format!("{go_wall:.2} s; {go_cpu:.2} s"),
            ratio: format!("{}; {}", ratio(*go_wall, wall), ratio(*go_cpu, cpu)),
        },
        Err(why) => Row { ours: said, ..not_there(id, what, why) },
    }
}

fn go(bench: &Bench, data: &Data) -> Result<(f64, f64), String> {
    let sources = bench.baseline.as_ref().ok_or("no --baseline was given")?;
    let program = baseline::build(sources, "archive", &bench.scratch)?;
    let out = bench.scratch.join("go-out");
    fresh(&out)?;
    let taken =
        measure::run(Command::new(program).arg("-in").arg(&data.path).arg("-full").arg("-out").arg(&out))?;
    Ok((taken.wall.as_secs_f64(), taken.cpu.as_secs_f64()))
}

/// The row of a comparison that could not be made, with the reason.
pub(super) fn not_there(id: &'static str, what: &str, why: &str) -> Row {
    let why = why.lines().next().unwrap_or_default().to_owned();
    Row { id, what: what.into(), ours: "-".into(), baseline: why, ratio: "-".into() }
}

pub(super) fn size_below(folder: &Path) -> Result<u64, String> {
    let mut size = 0;
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?.flatten() {
        let metadata = entry.metadata().map_err(|error| error.to_string())?;
        size += if metadata.is_dir() { size_below(&entry.path())? } else { metadata.len() };
    }
    Ok(size)
}
