//! Requests of a pull on the vendor's published contract, beside the fewest that can do: calm by queries and by jobs, and with
//! texts that come late on pages that drift, until all of them are there.

use std::net::SocketAddr;

use frontdesk_sandbox::Moment;
use serde_json::{Value, json};

use super::super::{Bench, Row, measure};
use super::door::{get, post};
use super::memory::{pull_command, serve};
use super::{fresh, last_number};
use crate::least::{By, Least};

const CONVERSATIONS: u64 = 12_000;
/// The share of the texts that come late.
const LATE: f64 = 0.01;
/// The share of the pages that begin with records of the one before.
const DRIFT: f64 = 0.2;
/// Longer than texts are late, and than late ones are waited for.
const LATER_SECONDS: u64 = 73 * 3_600;

/// What is done to the sandbox.
#[derive(Clone, Copy, PartialEq)]
enum Weather {
    Calm,
    /// Late texts, and pages that drift.
    Rough,
}

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (way, by, weather) in [
        ("query", By::Queries, Weather::Calm),
        ("jobs", By::Jobs, Weather::Calm),
        ("query", By::Queries, Weather::Rough),
    ] {
        rows.extend(one(bench, way, by, weather)?);
    }
    Ok(rows)
}

fn one(bench: &Bench, way: &str, by: By, weather: Weather) -> Result<Vec<Row>, String> {
    let archive = bench.scratch.join("archive-requests");
    fresh(&archive)?;
    let (mut sandbox, ready) = serve(
        bench,
        &[
            "--contract",
            "both",
            "--rate-limit",
            "600000",
            "--guests",
            "0",
            "--conversations",
            &CONVERSATIONS.to_string(),
        ],
    )?;
    let measured = pulls(bench, &archive, &ready, (way, by, weather));
    let _ = sandbox.kill();
    let _ = sandbox.wait();
    fresh(&archive)?;
    measured
}

fn pulls(
    bench: &Bench,
    archive: &std::path::Path,
    ready: &Value,
    (way, by, weather): (&str, By, Weather),
) -> Result<Vec<Row>, String> {
    let text = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
    let base = text("base_url");
    let address: SocketAddr =
        base.trim_start_matches("http://").parse().map_err(|error| format!("{base}: {error}"))?;
    let time = |field: &str| text(field).parse::<Moment>().map_err(|error| format!("{field}: {error}"));
    let least = Least::of(by, time("from")?, time("to")?, |path| {
        get(address, &format!("/_sandbox/{path}")).map(String::into_bytes)
    })?;
    if weather == Weather::Rough {
        let plan = json!({"late": LATE, "late_seconds": LATER_SECONDS / 2});
        post(address, "/_sandbox/platform", &plan.to_string())?;
        post(address, "/_sandbox/faults", &json!({"rate": {"drift": DRIFT}}).to_string())?;
    }
    let pull = || {
        let mut command = pull_command(bench, archive, ready);
        command
            .env("FRONTDESK_CONTRACT", "platform")
            .env("FRONTDESK_BASE_URL", text("platform_url"))
            .env("FRONTDESK_LOGIN_URL", text("platform_login_url"))
            .env("FRONTDESK_DETAILS_BY", way)
            .env("FRONTDESK_TEST_CLOCK", &base);
        let stdout = measure::run(&mut command)?.stdout;
        let answer: Value = serde_json::from_str(stdout.lines().last().unwrap_or_default())
            .map_err(|error| format!("{error}: {stdout}"))?;
        let late = answer["transcripts"]["late"].as_u64().ok_or("it does not say what is late")?;
        Ok::<_, String>((last_number(&stdout, "requests")?, late))
    };
    let row = |what: String, requests: u64, least: u64| Row {
        id: "REQUESTS",
        what,
        ours: format!("{requests} requests"),
        baseline: format!("{least} at least"),
        ratio: format!("{:.3}", requests as f64 / least as f64),
    };
    let (requests, late) = pull()?;
    let all = format!("{CONVERSATIONS} conversations");
    if weather == Weather::Calm {
        return Ok(vec![row(format!("{all} by {way}, calm"), requests, least.total())]);
    }
    post(address, "/_sandbox/clock", &json!({"advance_seconds": LATER_SECONDS}).to_string())?;
    let (again, still_late) = pull()?;
    if still_late > 0 {
        return Err(format!("{still_late} conversations are late for ever"));
    }
    // The listing once more, and each conversation that was late once more.
    let least_again = least.listing + 2 * late;
    let rough = format!("{all} by {way}, {DRIFT} of the pages drift, {LATE} of the texts are late");
    Ok(vec![
        row(rough, requests, least.total()),
        row(format!("the same 73 h later, {late} conversations are looked at again"), again, least_again),
    ])
}
