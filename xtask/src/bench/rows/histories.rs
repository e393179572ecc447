//! S10: many histories, against what neither rate nor latency lets anybody pass: the longest of them is asked page by page,
//! and all pages together take what the limit allows.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use super::super::{Bench, Row};
use super::door::get;
use super::memory::serve;
use super::{fresh, frontdesk, last_number, ratio};

/// Messages per page: small, so that pages are what takes the time.
const PAGE: u64 = 10;

/// Where the long history stands in the list.
#[derive(Clone, Copy, PartialEq)]
enum Long {
    None,
    First,
    Last,
}

/// One measurement.
struct Case {
    what: &'static str,
    conversations: u64,
    /// Pages of the long history.
    pages: u64,
    long: Long,
    per_second: u64,
    latency_ms: u64,
}

const CASES: [Case; 4] = [
    Case {
        what: "short ones, the limit is what takes the time",
        conversations: 300,
        pages: 0,
        long: Long::None,
        per_second: 25,
        latency_ms: 100,
    },
    Case {
        what: "one of 100 pages is what takes the time, first in the list",
        conversations: 100,
        pages: 100,
        long: Long::First,
        per_second: 100,
        latency_ms: 200,
    },
    Case {
        what: "the same, last in the list",
        conversations: 100,
        pages: 100,
        long: Long::Last,
        per_second: 100,
        latency_ms: 200,
    },
    Case {
        what: "both take about as long, the long one last",
        conversations: 300,
        pages: 100,
        long: Long::Last,
        per_second: 50,
        latency_ms: 200,
    },
];

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    CASES.iter().map(|case| one(bench, case)).collect()
}

fn one(bench: &Bench, case: &Case) -> Result<Row, String> {
    let folder = bench.scratch.join("histories");
    fresh(&folder)?;
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let text = |number: u64| number.to_string();
    let mut arguments = vec![
        "--rate-mode".to_owned(),
        "bucket".to_owned(),
        "--rate-limit".to_owned(),
        text(case.per_second * 60),
        "--latency".to_owned(),
        text(case.latency_ms),
        "--conversations".to_owned(),
        text(case.conversations),
    ];
    if case.long != Long::None {
        arguments.extend(["--long-history".to_owned(), text(case.pages * PAGE)]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (mut sandbox, ready) = serve(bench, &arguments)?;
    let measured = pull(bench, case, &folder, &ready);
    let _ = sandbox.kill();
    let _ = sandbox.wait();
    let row = measured?;
    fresh(&folder)?;
    Ok(row)
}

fn pull(bench: &Bench, case: &Case, folder: &Path, ready: &Value) -> Result<Row, String> {
    let name = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
    let list = folder.join("conversations.ndjson");
    std::fs::write(&list, lines(case, ready)?).map_err(|error| error.to_string())?;
    let started = Instant::now();
    let taken = super::super::measure::run(
        frontdesk(bench, folder)
            .env("FRONTDESK_CONTRACT", "gateway")
            .env("FRONTDESK_BASE_URL", name("base_url"))
            .env("FRONTDESK_CLIENT_ID", name("client_id"))
            .env("FRONTDESK_CLIENT_SECRET", name("client_secret"))
            .args(["history", "pull", "--page-size", &PAGE.to_string(), "--max-depth", "100000", "--from"])
            .arg(&list)
            .arg("--out")
            .arg(folder.join("out")),
    )?;
    let elapsed = started.elapsed().as_secs_f64();
    let last: Value = taken
        .stdout
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok())
        .ok_or("there is no summary")?;
    let summary = last["summary"].to_string();
    let (pages, throttled) = (last_number(&summary, "pages")?, last_number(&summary, "throttled")?);
    if last_number(&summary, "complete")? != case.conversations + u64::from(case.long != Long::None) {
        return Err(format!("not every history is complete: {summary}"));
    }
    let longest = case.pages as f64 * case.latency_ms as f64 / 1000.0;
    // The bucket begins full with one second's worth.
    let allowed = (pages as f64 / case.per_second as f64 - 1.0).max(0.0);
    let bound = longest.max(allowed);
    Ok(Row {
        id: "S10",
        what: format!(
            "{} histories: {}; {} requests a second, {} ms; {throttled} answers 429",
            case.conversations, case.what, case.per_second, case.latency_ms
        ),
        ours: format!("{pages} pages in {elapsed:.1} s"),
        baseline: format!("{bound:.1} s (longest {longest:.1} s, limit {allowed:.1} s)"),
        ratio: ratio(elapsed, bound),
    })
}

/// The list that is pulled.
fn lines(case: &Case, ready: &Value) -> Result<String, String> {
    let line = |id: &str| {
        let line = json!({
            "organization_id": ready["organization_id"], "domain_id": ready["domain_id"], "conversation_id": id,
        });
        format!("{line}\n")
    };
    let base = ready["base_url"].as_str().unwrap_or_default();
    let address: SocketAddr = base
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .parse()
        .map_err(|error| format!("{base}: {error}"))?;
    let mut text = String::new();
    for number in 0..case.conversations {
        let body = get(address, &format!("/_sandbox/conversations/{number}"))?;
        let conversation: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
        text.push_str(&line(conversation["id"].as_str().unwrap_or_default()));
    }
    let long = ready["long_conversation_id"].as_str().map(line).unwrap_or_default();
    Ok(match case.long {
        Long::None => text,
        Long::First => long + &text,
        Long::Last => text + &long,
    })
}
