//! `frontdesk demo`: what a newcomer does first.

use std::path::Path;

use serde_json::Value;

use super::desk::Desk;
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("demo: in an empty folder, whatever the environment says, and once more", demo),
        Scenario::new("demo: the same story over the platform contract", platform),
        Scenario::new("demo: leaves a folder alone that is not its own", not_its_own),
    ]
}

fn demo(scene: &Scene<'_>) -> Outcome {
    // Everything around points elsewhere or is broken: a demo needs nothing and touches nothing.
    let elsewhere = scene.tenant(small(scene))?;
    let folder = scene.path("empty");
    files::create_folder(&folder)?;
    let data = scene.path("data");
    let profile = scene.path("home/.config/frontdesk/frontdesk.toml");
    files::write_private(&profile, b"this is = = no TOML")?;
    let desk = scene
        .desk("data")
        .connected(&elsewhere)
        .inside(folder.clone())
        .with("FRONTDESK_CONTRACT", "telegraph")
        .with("FRONTDESK_SEGMENT_SIZE", "a little")
        .with("FRONTDESK_ORGANIZATION_ID", "another")
        .with("HTTP_PROXY", "http://127.0.0.1:1")
        .with("http_proxy", "http://127.0.0.1:1");
    let run = desk.run(&["demo"])?.exits(0)?;
    let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), run.stderr).to_lowercase();
    let words = [
        "stored",
        "verif",
        "search",
        "complete",
        "archive search",
        "legal hold",
        "export",
        "histories",
        "sessions",
    ];
    for word in words.into_iter().chain([
        "webhook",
        "journal",
        "messages",
        "arrived",
        "consent",
        "found in this session",
    ]) {
        ensure!(said.contains(word), "{}", run.wrong(&format!("the summary does not speak of {word:?}")));
    }
    ensure!(elsewhere.stats().requests.is_empty(), "the demo asked the tenant of the environment");
    ensure!(!data.exists(), "the demo used the data folder of the environment");
    let left = files::below(&folder)?;
    let own = folder.join("frontdesk-demo");
    ensure!(
        !left.is_empty() && left.iter().all(|path| path.starts_with(&own)),
        "the demo wrote elsewhere: {left:?}"
    );
    std::fs::remove_file(&profile).map_err(|error| error.to_string())?;
    // What it leaves is a whole archive, which the other commands read.
    let after = scene.desk("empty/frontdesk-demo");
    let listed = after.list()?;
    ensure!(listed.len() >= 1_000, "the demo stored {} conversations", listed.len());
    after.verifies(listed.len() as u64)?;
    after.lines_are_what_is_listed(&listed)?;
    let found = after.json(&["archive", "search", "--contains", "a"])?.exits(0)?.last()?;
    ensure!(found["count"].as_u64() > Some(0), "nothing can be found in the demo's archive");
    let export = own.join("export");
    after.shell(&format!("cd '{}' && sha256sum --strict --quiet -c SHA256SUMS", export.display()))?;
    let held = after.json(&["archive", "hold", "list"])?.exits(0)?.lines()?.len();
    let preview = after.json(&["archive", "retain", "--days", "30"])?.exits(0)?.last()?;
    ensure!(
        held > 0 && preview["summary"]["held"].as_u64() == Some(held as u64),
        "{held} are held, and retention counts others: {preview}"
    );
    both_jobs(&after, &own, 21)?;
    // Again: its own folder is no reason to refuse.
    let again = scene.desk("data").inside(folder).json(&["demo"])?.exits(0)?;
    let summary = again.last()?;
    let (closed, story) = (&summary["closed"], &summary["story"]);
    let told = [("messages_sent", 2), ("messages_arrived", 2), ("history_messages", 3)];
    for (name, count) in told {
        ensure!(story[name].as_u64() == Some(count), "{}", again.wrong(&format!("{name} is not {count}")));
    }
    ensure!(
        story["closed"] == "ended" && story["found_again"] == true && story["archived"] == "provisional",
        "{}",
        again.wrong("the story did not end as it should")
    );
    // Whom it opened the session for is in the log, with his consent.
    let guest = story["guest_id"].as_str().unwrap_or_default();
    let consent = after.json(&["session", "consent", guest])?.exits(0)?;
    let session = story["session_id"].as_str().unwrap_or("none");
    let said = String::from_utf8_lossy(&consent.stdout);
    ensure!(said.contains(session), "{}", consent.wrong("the session's consent is not on record"));
    // A newcomer sees each way a session comes out, and nothing that failed.
    for outcome in ["ended", "duplicate", "skipped"] {
        ensure!(closed[outcome].as_u64() > Some(0), "{}", again.wrong(&format!("no session is {outcome}")));
    }
    let events =
        summary["histories"].as_u64().zip(closed["ended"].as_u64()).map(|(pulled, ended)| pulled + ended + 2);
    ensure!(
        events.is_some() && summary["events_received"].as_u64() >= events,
        "{}",
        again.wrong("the receiver got fewer events than there were")
    );
    both_jobs(&after, &own, 22)?;
    // Another guest came.
    after.verifies(listed.len() as u64 + 1)
}

/// What both jobs left: whole histories, a journal that verifies, and no event that waits.
fn both_jobs(after: &Desk<'_>, own: &Path, count: usize) -> Outcome {
    after.json(&["audit", "verify"])?.exits(0)?;
    let deliveries = after.json(&["webhook", "deliveries"])?.exits(0)?;
    let lines = deliveries.lines()?;
    ensure!(
        !lines.is_empty() && lines.iter().all(|line| line["state"] == "delivered"),
        "{}",
        deliveries.wrong("an event was not delivered")
    );
    let histories: Vec<_> = files::below(&own.join("histories"))?
        .into_iter()
        .filter(|path| path.to_string_lossy().ends_with(".report.json"))
        .collect();
    ensure!(histories.len() == count, "{} histories are there", histories.len());
    for path in histories {
        let report: Value =
            serde_json::from_slice(&files::read(&path)?).map_err(|error| error.to_string())?;
        ensure!(report["state"] == "complete", "{}: {report}", path.display());
    }
    Ok(())
}

/// Over what the vendor publishes: the same lines, and no call of the gateway's.
fn platform(scene: &Scene<'_>) -> Outcome {
    let folder = scene.path("empty");
    files::create_folder(&folder)?;
    let run = scene.desk("data").inside(folder).json(&["demo", "--contract", "platform"])?.exits(0)?;
    let summary = run.last()?;
    let (story, closed) = (&summary["story"], &summary["closed"]);
    for (name, count) in [("messages_sent", 2), ("messages_arrived", 2), ("history_messages", 3)] {
        ensure!(story[name].as_u64() == Some(count), "{}", run.wrong(&format!("{name} is not {count}")));
    }
    ensure!(
        story["closed"] == "ended" && story["found_again"] == true && story["archived"] == "provisional",
        "{}",
        run.wrong("the story did not end as it should")
    );
    ensure!(
        summary["state"] == "complete" && summary["found"].as_u64() > Some(0),
        "{}",
        run.wrong("not everything was pulled, or nothing of it is found")
    );
    for outcome in ["ended", "duplicate", "skipped"] {
        ensure!(closed[outcome].as_u64() > Some(0), "{}", run.wrong(&format!("no session is {outcome}")));
    }
    let after = scene.desk("empty/frontdesk-demo");
    both_jobs(&after, &scene.path("empty/frontdesk-demo"), 21)?;
    // Details and transcripts, both of the published contract.
    let listed = after.list()?;
    after.verifies(listed.len() as u64)?;
    for (kind, member) in [("details", "participants"), ("transcript", "entities")] {
        let id = story["session_id"].as_str().unwrap_or("none");
        let shown = after.run(&["archive", "show", id, "--kind", kind, "--raw"])?.exits(0)?;
        let record: Value = serde_json::from_slice(&shown.stdout).map_err(|error| error.to_string())?;
        ensure!(record[member].is_array(), "{}", shown.wrong(&format!("{kind} without {member}")));
    }
    Ok(())
}

fn not_its_own(scene: &Scene<'_>) -> Outcome {
    for (name, file) in [("letters", "frontdesk-demo/letter.txt"), ("a file", "frontdesk-demo")] {
        let folder = scene.path(name);
        let theirs = folder.join(file);
        files::create_folder(theirs.parent().unwrap_or(&folder))?;
        files::write(&theirs, b"dear")?;
        let before = files::prints(&folder)?;
        let run =
            scene.desk("data").inside(folder.clone()).run(&["demo"])?.exits(2)?.says(&["frontdesk-demo"])?;
        ensure!(files::prints(&folder)? == before, "{}", run.wrong("the demo changed what is not its own"));
    }
    // An archive with real conversations in it is not the demo's either.
    let folder = scene.path("real");
    let line = scene.hidden("one.ndjson");
    files::write_private(&line, br#"{"id":"one","startTime":"2025-01-01T00:00:00Z"}"#)?;
    let desk = scene.desk("real/frontdesk-demo");
    desk.import(&line)?.exits(0)?;
    let listed = desk.list()?;
    scene.desk("data").inside(folder).run(&["demo"])?.exits(2)?;
    ensure!(desk.list()? == listed, "the demo wrote into somebody's archive");
    Ok(())
}
