//! S8 for messages: how much of an allowed rate sending uses; and what following messages costs.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use super::super::{Bench, Row, measure};
use super::door::get;
use super::memory::serve;
use super::{fresh, frontdesk, ratio};

/// Seconds that each measurement aims at.
const SPAN: u64 = 30;
/// What is followed: so many messages, in so many conversations.
const FOLLOWED: u64 = 10_000;
const TALKS: usize = 100;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>, String> {
    let mut rows = Vec::new();
    for (per_second, latency) in [(5_u64, 10), (25, 500), (100, 10)] {
        let rate = (per_second * 60).to_string();
        let latency_ms = f64::from(latency);
        let latency = latency.to_string();
        let arguments = ["--rate-limit", &rate, "--rate-mode", "bucket", "--latency", &latency];
        let sent = send(bench, &arguments, per_second * SPAN, &["--no-wait"])?;
        // The bucket begins full with one second's worth.
        let allowed = per_second as f64 * (1.0 + sent.elapsed);
        let requests = number(&sent.summary, "requests")?;
        let throttled = number(&sent.summary, "throttled")?;
        rows.push(Row {
            id: "S8",
            what: format!(
                "messages: {per_second} requests a second allowed, {latency_ms:.0} ms latency; {throttled} answers 429"
            ),
            ours: format!("{requests} requests in {:.1} s", sent.elapsed),
            baseline: format!("{allowed:.0} allowed"),
            ratio: ratio(requests as f64, allowed),
        });
    }
    let sent = send(bench, &["--rate-limit", "1000000"], FOLLOWED, &[])?;
    let (polls, delivered) = (number(&sent.summary, "polls")?, number(&sent.summary, "delivered")?);
    rows.push(Row {
        id: "S8",
        what: format!(
            "{FOLLOWED} messages in {TALKS} conversations, followed: {delivered} delivered, {polls} looks, {:.3} a message",
            polls as f64 / delivered.max(1) as f64
        ),
        ours: format!("{polls} looks"),
        baseline: format!("one a message: {delivered}"),
        ratio: ratio(delivered as f64, polls as f64),
    });
    Ok(rows)
}

struct Sent {
    summary: Value,
    elapsed: f64,
}

/// Sends so many messages to conversations of a sandbox of its own.
fn send(bench: &Bench, arguments: &[&str], count: u64, more: &[&str]) -> Result<Sent, String> {
    let folder = bench.scratch.join("sending");
    fresh(&folder)?;
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let arguments = [arguments, &["--conversations", "2000"]].concat();
    let (mut sandbox, ready) = serve(bench, &arguments)?;
    let sent = run(bench, &folder, &ready, count, more);
    let _ = sandbox.kill();
    let _ = sandbox.wait();
    let sent = sent?;
    if number(&sent.summary, "sent")? != count {
        return Err(format!("not every message was sent: {}", sent.summary));
    }
    fresh(&folder)?;
    Ok(sent)
}

fn run(bench: &Bench, folder: &Path, ready: &Value, count: u64, more: &[&str]) -> Result<Sent, String> {
    let name = |field: &str| ready[field].as_str().unwrap_or_default().to_owned();
    let base = name("base_url");
    let address: SocketAddr =
        base.trim_start_matches("http://").parse().map_err(|error| format!("{base}: {error}"))?;
    let talks = get(address, &format!("/_sandbox/talks?channel=webchat&limit={TALKS}"))?;
    let talks: Vec<Value> = talks.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if talks.len() != TALKS {
        return Err(format!("{} conversations to send to", talks.len()));
    }
    let mut lines = String::new();
    for (number, talk) in (0..count).zip(talks.iter().cycle()) {
        let line = json!({"conversation_id": talk["conversation_id"], "from": talk["agent_id"], "to": [talk["customer_id"]],
                          "type": "text/plain", "content": format!("This is no. {number}.")});
        let _ = writeln!(lines, "{line}");
    }
    let list = folder.join("messages.ndjson");
    std::fs::write(&list, lines).map_err(|error| error.to_string())?;
    let started = Instant::now();
    let taken = measure::run(
        frontdesk(bench, folder)
            .env("FRONTDESK_CONTRACT", "gateway")
            .env("FRONTDESK_BASE_URL", base)
            .env("FRONTDESK_CLIENT_ID", name("client_id"))
            .env("FRONTDESK_CLIENT_SECRET", name("client_secret"))
            .args(["message", "send", "--from"])
            .arg(&list)
            .args(more),
    )?;
    let elapsed = started.elapsed().as_secs_f64();
    let last = taken.stdout.lines().last().unwrap_or_default();
    let last: Value = serde_json::from_str(last).map_err(|error| format!("{error}: {last}"))?;
    Ok(Sent { summary: last["summary"].clone(), elapsed })
}

fn number(summary: &Value, field: &str) -> Result<u64, String> {
    summary[field].as_u64().ok_or_else(|| format!("no number {field} in {summary}"))
}
