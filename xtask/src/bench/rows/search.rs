//! S2, S4, S5, S15: what the search index costs while importing, how large it is, how fast it answers beside a plain scan,
//! and how soon.

use std::path::Path;

use super::super::data::Data;
use super::super::{Bench, Row, measure};
use super::ingest::size_below;
use super::{fresh, frontdesk, last_number, ratio};

/// Texts within one word, of one character, and across words.
const TEXTS: [(&str, &str); 8] = [
    ("S4a", "thank"),
    ("S4a", "reservation"),
    ("S4a", "ti"),
    ("S4a", "zz"),
    ("S4b", "e"),
    ("S4c", "make a reservation"),
    ("S4c", "thank you"),
    ("S4c", "e a"),
];

pub(super) fn measure(bench: &Bench, data: &Data) -> Result<Vec<Row>, String> {
    let (with, without) = (bench.scratch.join("archive-indexed"), bench.scratch.join("archive-unindexed"));
    let import = |folder: &Path, index: &str| -> Result<measure::Taken, String> {
        fresh(folder)?;
        let mut command = frontdesk(bench, folder);
        command.env("FRONTDESK_SEARCH_INDEX", index).args(["archive", "import", "--ndjson"]).arg(&data.path);
        measure::run(&mut command)
    };
    let indexed = import(&with, "on")?;
    let plain = import(&without, "off")?;
    let size = size_below(&with.join("archive").join("search"))?;
    let seconds = |taken: &measure::Taken| taken.wall.as_secs_f64();
    let mut rows = vec![
        Row {
            id: "S2",
            what: format!("ingest with the search index, {} conversations, against without", data.records),
            ours: format!("{:.2} s, {:.1} MiB", seconds(&indexed), indexed.peak_kib as f64 / 1024.0),
            baseline: format!("{:.2} s, {:.1} MiB", seconds(&plain), plain.peak_kib as f64 / 1024.0),
            ratio: ratio(seconds(&indexed), seconds(&plain)),
        },
        Row {
            id: "S5",
            what: "size of the index, against the records".into(),
            ours: format!("{:.1} MB, {:.2} s more", size as f64 / 1e6, seconds(&indexed) - seconds(&plain)),
            baseline: format!("{:.1} MB", data.bytes as f64 / 1e6),
            ratio: ratio(size as f64, data.bytes as f64),
        },
    ];
    for (id, text) in TEXTS {
        let ask = |folder: &Path| -> Result<(u64, u64), String> {
            let taken =
                measure::run(frontdesk(bench, folder).args(["archive", "search", "--contains", text]))?;
            Ok((last_number(&taken.stdout, "count")?, last_number(&taken.stdout, "elapsed_us")?))
        };
        let (found, scanned) = (ask(&with)?, ask(&without)?);
        if found.0 != scanned.0 {
            return Err(format!("{text:?}: {} by the index, {} by the scan", found.0, scanned.0));
        }
        rows.push(Row {
            id,
            what: format!("{text:?}: exact count ({}) and newest 20, against a plain scan", found.0),
            ours: format!("{:.1} ms", found.1 as f64 / 1e3),
            baseline: format!("{:.1} ms", scanned.1 as f64 / 1e3),
            ratio: ratio(scanned.1 as f64, found.1 as f64),
        });
    }
    rows.extend(soon(bench, &with, data.records)?);
    fresh(&with)?;
    fresh(&without)?;
    Ok(rows
        .into_iter()
        .filter(|row| bench.wants(row.id) || (row.id.starts_with("S4") && bench.wants("S4")))
        .collect())
}

/// S15: from the start of the process to the first answer, and from a line that is handed over to the answer with it.
fn soon(bench: &Bench, archive: &Path, records: u64) -> Result<Vec<Row>, String> {
    let ask = |text: &str| -> Result<(u64, measure::Taken), String> {
        let taken = measure::run(frontdesk(bench, archive).args(["archive", "search", "--contains", text]))?;
        Ok((last_number(&taken.stdout, "count")?, taken))
    };
    let (_, first) = ask("reservation")?;
    let line = bench.scratch.join("one-line.ndjson");
    let text = "searchable at once 83d1f0";
    let conversation = format!(r#"{{"id":"bench-s15","transcript":"guest: {text}"}}"#);
    std::fs::write(&line, conversation + "\n").map_err(|error| format!("{}: {error}", line.display()))?;
    let mut import = frontdesk(bench, archive);
    let imported = measure::run(import.args(["archive", "import", "--ndjson"]).arg(&line))?;
    let (found, second) = ask(text)?;
    if found != 1 {
        return Err(format!("what was imported was found {found} times, not once"));
    }
    let row = |what: String, taken: std::time::Duration, floor: &str| Row {
        id: "S15",
        what,
        ours: format!("{:.0} ms", taken.as_secs_f64() * 1e3),
        baseline: format!("floor {floor}"),
        ratio: "-".into(),
    };
    Ok(vec![
        row(
            format!("start of the process to the first answer, {records} conversations"),
            first.wall,
            "500 ms",
        ),
        row(
            "one conversation imported, then found: both processes".into(),
            imported.wall + second.wall,
            "1,000 ms",
        ),
    ])
}
