//! S4, S5, S13, S15: how large the search index is and what making it costs, how fast it answers beside a plain scan, and
//! how soon; and how fast the archive says what it holds.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use super::super::data::Data;
use super::super::{Bench, Row, measure};
use super::ingest::size_below;
use super::{fresh, frontdesk, last_number, ratio, report};

/// Texts within one word, of one character, and across words.
const TEXTS: [(&str, &str); 12] = [
    ("S4a", "thank"),
    ("S4a", "reservation"),
    ("S4a", "ti"),
    ("S4a", "ing"),
    ("S4a", "ate"),
    ("S4a", "zz"),
    ("S4a", "qqzz"),
    ("S4b", "e"),
    ("S4b", "q"),
    ("S4c", "make a reservation"),
    ("S4c", "thank you"),
    ("S4c", "e a"),
];

/// Times that each is asked; the median counts.
const ASKED: usize = 7;

/// A count, and the hits in their order.
#[derive(PartialEq)]
struct Answer {
    count: Option<u64>,
    ids: Vec<String>,
}

pub(super) fn measure(bench: &Bench, data: &Data) -> Result<Vec<Row>, String> {
    let (with, without) = (bench.scratch.join("archive-indexed"), bench.scratch.join("archive-unindexed"));
    let import = |folder: &Path, index: &str| -> Result<measure::Taken, String> {
        fresh(folder)?;
        let mut command = frontdesk(bench, folder);
        command.env("FRONTDESK_SEARCH_INDEX", index).args(["archive", "import", "--ndjson"]).arg(&data.path);
        measure::run(&mut command)
    };
    let indexed = import(&with, "on")?;
    let mut rows = Vec::new();
    if bench.wants("S13") {
        rows.extend(report::measure(bench, data, &with)?);
    }
    let plain = import(&without, "off")?;
    let size = size_below(&with.join("archive").join("search"))? as f64;
    let said = said(&data.path)? as f64;
    let peak = |taken: &measure::Taken| taken.peak_kib as f64 / 1024.0;
    let more = |of: fn(&measure::Taken) -> std::time::Duration| {
        of(&indexed).saturating_sub(of(&plain)).as_secs_f64()
    };
    rows.push(Row {
        id: "S5",
        what: format!("index of {} short conversations, against what was said in them", data.records),
        ours: format!(
            "{:.1} MB; {:.1} s, {:.1} s CPU, {:.1} MiB more than without",
            size / 1e6,
            more(|taken| taken.wall),
            more(|taken| taken.cpu),
            peak(&indexed) - peak(&plain)
        ),
        baseline: format!("{:.1} MB; {:.1} s, {:.1} MiB", said / 1e6, plain.wall.as_secs_f64(), peak(&plain)),
        ratio: ratio(size, said),
    });
    for (id, text) in TEXTS.into_iter().filter(|(id, _)| bench.wants(id) || bench.wants("S4")) {
        let (scanned, scan) = ask(bench, &without, text, &[], 1)?;
        let (found, taken) = ask(bench, &with, text, &[], ASKED)?;
        if found != scanned {
            return Err(format!("{text:?}: {:?} by the index, {:?} by the scan", found.count, scanned.count));
        }
        let count = found.count.unwrap_or_default();
        let row = |what: String, taken: f64| Row {
            id,
            what,
            ours: format!("{taken:.1} ms"),
            baseline: format!("{scan:.0} ms"),
            ratio: ratio(scan, taken),
        };
        rows.push(row(format!("{text:?}: exact count ({count}) and newest 20, against a plain scan"), taken));
        if id == "S4c" {
            let (newest, taken) = ask(bench, &with, text, &["--no-count"], ASKED)?;
            if newest.ids != scanned.ids {
                return Err(format!("{text:?}: the newest 20 are not those of the scan"));
            }
            rows.push(row(format!("{text:?}: newest 20"), taken));
        }
    }
    rows.extend(soon(bench, &with, data.records)?);
    fresh(&with)?;
    fresh(&without)?;
    let wanted = |row: &Row| bench.wants(row.id) || (row.id.starts_with("S4") && bench.wants("S4"));
    Ok(rows.into_iter().filter(wanted).collect())
}

/// An answer, and the median of the milliseconds it took within the process.
fn ask(
    bench: &Bench,
    folder: &Path,
    text: &str,
    more: &[&str],
    times: usize,
) -> Result<(Answer, f64), String> {
    let mut taken = Vec::new();
    let mut answer = None;
    for _ in 0..times {
        let mut search = frontdesk(bench, folder);
        search.args(["archive", "search", "--contains", text]).args(more);
        let stdout = measure::run(&mut search)?.stdout;
        taken.push(last_number(&stdout, "elapsed_us")? as f64 / 1e3);
        let line: serde_json::Value =
            serde_json::from_str(stdout.trim()).map_err(|error| format!("{error}: {stdout}"))?;
        let hits = line["hits"].as_array().ok_or("an answer without hits")?;
        let ids = hits.iter().filter_map(|hit| hit["id"].as_str().map(str::to_owned)).collect();
        answer = Some(Answer { count: line["count"].as_u64(), ids });
    }
    taken.sort_by(f64::total_cmp);
    Ok((answer.ok_or("nothing was asked")?, taken[taken.len() / 2]))
}

/// Bytes of all transcripts.
fn said(path: &Path) -> Result<u64, String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut bytes = 0;
    for line in BufReader::with_capacity(1 << 20, file).lines() {
        let line = line.map_err(|error| error.to_string())?;
        let members: BTreeMap<&str, &serde_json::value::RawValue> =
            serde_json::from_str(&line).map_err(|error| error.to_string())?;
        let transcript = members.get("transcript").ok_or("a line without a transcript")?;
        let text: String = serde_json::from_str(transcript.get()).map_err(|error| error.to_string())?;
        bytes += text.len() as u64;
    }
    Ok(bytes)
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
