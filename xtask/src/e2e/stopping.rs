//! `frontdesk serve` is asked to stop while everything goes on at once.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::scene::Scene;
use super::serve::{SEARCH, Served, connect, rest};
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![Scenario::new("serve: under load a signal ends it within ten seconds, and nothing is lost", loaded)]
}

/// The whole process is to be gone after ten seconds (design); a machine that runs other scenarios gets as many more. Without
/// an end of its own a client that does not read would keep it for ever.
const GONE_WITHIN: Duration = Duration::from_secs(20);
/// What takes longer hangs.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// Conversations whose answer is longer than what the system keeps for who does not read.
fn import(scene: &Scene<'_>, desk: &super::desk::Desk<'_>) -> Result<BTreeSet<String>, String> {
    let ids: BTreeSet<String> = (0..2_000).map(|n| format!("own-{n:04}")).collect();
    let said = "a refund that takes its time to be read ".repeat(25);
    let text: String = ids
        .iter()
        .map(|id| {
            let line = json!({"id": id, "startTime": "2024-03-01T10:00:00Z", "interactions": [{"transcript": said}]});
            format!("{line}\n")
        })
        .collect();
    let file = scene.hidden("own.ndjson");
    files::write_private(&file, text.as_bytes())?;
    desk.import(&file)?.exits(0)?;
    Ok(ids)
}

fn loaded(scene: &Scene<'_>) -> Outcome {
    let latency = Duration::from_millis(300);
    let config = frontdesk_sandbox::Config { conversations: Some(3_000), latency, ..small(scene) };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant);
    let own = import(scene, &desk)?;
    let busy = desk
        .clone()
        .with("FRONTDESK_PULL_EVERY", "1s")
        .with("FRONTDESK_PULL_RANGE", "3650d")
        .with("FRONTDESK_VERIFY_EVERY", "1s");
    let mut served = Served::start(&busy)?;
    let open = |head: &str| -> Result<TcpStream, String> {
        let mut stream = connect(&served.address)?;
        stream.write_all(head.as_bytes()).map_err(|error| error.to_string())?;
        Ok(stream)
    };
    // Who asks for much and does not read, who dribbles, who says nothing.
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut deaf = open(&format!("GET {SEARCH}?q=refund HTTP/1.1\r\nHost: localhost\r\n\r\n"))?;
        // The answer has begun.
        deaf.read_exact(&mut [0; 16]).map_err(|error| error.to_string())?;
        clients.push(deaf);
        clients.push(open("GET /healthz HTTP/1.1\r\nHo")?);
        clients.push(open("")?);
    }
    // A page that follows the runs.
    let mut events = open("GET /runs/events HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
    let mut told = Vec::new();
    while !String::from_utf8_lossy(&told).contains("event: runs") {
        let mut piece = [0; 1024];
        let read = events.read(&mut piece).map_err(|error| error.to_string())?;
        ensure!(read > 0, "the stream of events ended by itself");
        told.extend_from_slice(&piece[..read]);
    }
    // A pull that has stored something and goes on.
    let began = Instant::now();
    let acknowledged = loop {
        let jobs = served.get("/api/v1/schedules")?.json()?;
        let jobs = jobs["jobs"].as_array().cloned().unwrap_or_default();
        let is_pulling = jobs.iter().any(|job| job["job"] == "pull" && job["state"] == "running");
        let page = served.get("/api/v1/conversations?limit=200&q=from:2025-01-01")?;
        let page = page.json()?;
        if is_pulling && page["count"].as_u64().unwrap_or_default() > 0 {
            let hits = page["hits"].as_array().cloned().unwrap_or_default();
            break hits.iter().filter_map(|hit| hit["id"].as_str().map(str::to_owned)).collect::<Vec<_>>();
        }
        ensure!(began.elapsed() < HANGS_AFTER, "no pull was seen at work: {jobs:?}");
        std::thread::sleep(Duration::from_millis(20));
    };

    let asked = Instant::now();
    ensure!(served.running.signal("TERM")?, "it had ended before");
    let address = served.address.clone();
    let run = served.running.wait()?;
    let took = asked.elapsed();
    let run = run.exits(0)?;
    ensure!(took < GONE_WITHIN, "{}", run.wrong(&format!("it was gone after {took:?}")));
    ensure!(TcpStream::connect(&address).is_err(), "somebody still listens");
    let end = rest(&mut events)?;
    ensure!(!String::from_utf8_lossy(&end).contains("HTTP/1.1"), "the stream did not just end");
    drop(clients);

    // What was answered is there, all of it is sound, and the next pull goes on where this one was.
    let listed: BTreeSet<String> = desk.list()?.into_iter().map(|record| record.id).collect();
    ensure!(own.is_subset(&listed), "conversations that were imported are gone");
    if let Some(lost) = acknowledged.iter().find(|id| !listed.contains(*id)) {
        return Err(format!("{lost} was found and is not there any more"));
    }
    desk.json(&["archive", "verify"])?.exits(0)?;
    desk.json(&["audit", "verify"])?.exits(0)?;
    let line = desk.pull(&[])?.exits(0)?.last()?;
    ensure!(line["seen"].as_u64() > Some(0), "{line}");
    let listed: BTreeSet<String> = desk.list()?.into_iter().map(|record| record.id).collect();
    let truth = tenant.truth()?;
    ensure!(truth.keys().all(|id| listed.contains(id)), "the next pull did not complete it");
    Ok(())
}
