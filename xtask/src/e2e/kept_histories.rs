//! Histories in the archive: records, files, what becomes of them; and memory that does not grow with a history.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use frontdesk_sandbox::{Config, FaultPlan, Rule, Untidy, When};
use serde::Deserialize;
use serde_json::{Value, json};

use super::desk::Desk;
use super::history::{HISTORY, every_conversation};
use super::process::Run;
use super::scene::Scene;
use super::tenant::{Tenant, small};
use super::{Scenario, files, keeping};
use crate::Outcome;

/// What a long history may need more than a short one, sorting aside.
const SLACK_KIB: u64 = 16 << 10;

/// More than any file of the sandbox but the huge ones.
const LIMIT: &str = "1MiB";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "histories kept: a record each, a version for what changed, nothing for what did not",
            recorded,
        ),
        Scenario::new("histories kept: every file of a message is saved, or the report says why not", media),
        Scenario::new("histories kept: kill -9 among the files, and the same command once more", killed),
        Scenario::new(
            "histories kept: files follow the holds and the removal of their conversation",
            removed,
        ),
        Scenario::new("histories kept: memory does not grow with a history", long),
    ]
}

/// Links by what comes of following them, as the tenant counts them.
#[derive(Debug, Deserialize)]
struct Links {
    links: u64,
    reachable: u64,
    huge: u64,
    expired: u64,
    missing: u64,
}

fn links(tenant: &Tenant<'_>) -> Result<Links, String> {
    let bytes = tenant.door(http::Method::GET, "history", &Value::Null)?;
    let found: Value = serde_json::from_slice(&bytes).map_err(|error| format!("history: {error}"))?;
    serde_json::from_value(found["media"].clone()).map_err(|error| format!("media: {error}"))
}

/// A desk whose files may come from this machine, by the tenant's clock.
fn desk<'s>(scene: &'s Scene<'_>, tenant: &Tenant<'_>) -> Desk<'s> {
    let desk = scene.desk("data").connected(tenant);
    desk.with("FRONTDESK_LOCAL_ADDRESSES", "allow").with("FRONTDESK_TEST_CLOCK", &tenant.base_url)
}

fn pull<'a>(from: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["history", "pull", "--from", from, "--archive"], more].concat()
}

fn saving(from: &str) -> Vec<&str> {
    pull(from, &["--save-media", "--media-limit", LIMIT])
}

/// How many conversations the archive said this of.
fn count(run: &Run, name: &str, outcome: &str) -> Result<usize, String> {
    Ok(run.lines()?.iter().filter(|line| line[name] == outcome).count())
}

fn recorded(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(Config { conversations: Some(200), ..small(scene) })?;
    let desk = desk(scene, &tenant);
    let from = every_conversation(scene, &tenant)?;
    for (outcome, revised) in [("stored", false), ("unchanged", false), ("version_added", true)] {
        if revised {
            tenant.revise(7)?;
        }
        let run = desk.json(&pull(&from, &[]))?.exits(0)?;
        let wanted = if revised { 1 } else { 200 };
        ensure!(
            count(&run, "archived", outcome)? == wanted,
            "{}",
            run.wrong(&format!("not {wanted} are {outcome}"))
        );
    }
    desk.verifies(201)?;
    desk.json(&pull(&from, &["--types", "text"]))?.exits(2)?;
    // What was changed is in the audit, before and after; what was refused is not.
    let changes = desk.run(&["audit", "export", "--kind", "change"])?.exits(0)?.lines()?;
    let told: Vec<_> = changes.iter().map(|change| (&change["command"], &change["state"])).collect();
    let pair = [(&json!("history pull"), &json!("intent")), (&json!("history pull"), &json!("done"))];
    ensure!(told == [pair, pair, pair].concat(), "the audit tells of {told:?}");
    ensure!(changes[5]["counts"]["complete"] == 200 && changes[5]["run_id"].is_string(), "{}", changes[5]);
    Ok(())
}

/// The files in `media/`, by name; each is what its name says.
fn saved(desk: &Desk<'_>) -> Result<BTreeMap<String, u64>, String> {
    let mut found = BTreeMap::new();
    for path in files::below(&desk.archive().join("media"))? {
        let bytes = files::read(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        ensure!(files::sha256(&bytes) == name, "{name} holds other bytes");
        found.insert(name, bytes.len() as u64);
    }
    Ok(found)
}

/// The summary counts the files as the tenant does.
fn agrees(tenant: &Tenant<'_>, run: &Run) -> Result<u64, String> {
    let truth = links(tenant)?;
    let told = run.last()?["summary"]["media"].clone();
    for (name, wanted) in [
        ("saved", truth.reachable - truth.huge),
        ("too_large", truth.huge),
        ("expired", truth.expired),
        ("unreachable", truth.missing),
    ] {
        ensure!(told[name].as_u64().unwrap_or(0) == wanted, "{}", run.wrong(&format!("{name}: {truth:?}")));
    }
    ensure!(truth.reachable > truth.huge && truth.links > 20, "nothing was tested: {truth:?}");
    Ok(truth.reachable - truth.huge)
}

/// What the records of kind media say is saved: hash and length.
fn referred(desk: &Desk<'_>) -> Result<BTreeMap<String, u64>, String> {
    let mut found = BTreeMap::new();
    let listed = desk.json(&["archive", "list"])?.exits(0)?.lines()?;
    let ids: BTreeSet<&str> =
        listed.iter().filter(|line| line["kind"] == "media").filter_map(|line| line["id"].as_str()).collect();
    for id in ids {
        let run = desk.run(&["archive", "show", "--raw", "--kind", "media", "--", id])?.exits(0)?;
        let record: Value = serde_json::from_slice(&run.stdout).map_err(|error| format!("{id}: {error}"))?;
        for entry in record["media"].as_array().into_iter().flatten() {
            if let (Some(hash), Some(bytes)) = (entry["sha256"].as_str(), entry["bytes"].as_u64()) {
                found.insert(hash.to_owned(), bytes);
            }
        }
    }
    Ok(found)
}

fn media(scene: &Scene<'_>) -> Outcome {
    let untidy = Untidy::evenly(0.05);
    let tenant = scene.tenant(Config { conversations: Some(150), untidy, ..small(scene) })?;
    let desk = desk(scene, &tenant);
    let from = every_conversation(scene, &tenant)?;
    let run = desk.json(&saving(&from))?.exits(0)?;
    agrees(&tenant, &run)?;
    let there = saved(&desk)?;
    ensure!(!there.is_empty() && there == referred(&desk)?, "the files are not those of the records");
    desk.json(&["archive", "verify"])?.exits(0)?;
    let summary = desk.json(&["archive", "report", "--summary"])?.exits(0)?.last()?;
    ensure!(summary["totals"]["media"] == there.len(), "the report counts {}", summary["totals"]);
    // Again: what is saved is not asked for, and nothing is a new version.
    let before =
        tenant.stats().requests.get("GET /media/{conversation}/{media}/{name}").copied().unwrap_or(0);
    let again = desk.json(&saving(&from))?.exits(0)?;
    agrees(&tenant, &again)?;
    let asked = tenant.stats().requests.get("GET /media/{conversation}/{media}/{name}").copied().unwrap_or(0);
    ensure!(
        before > there.len() as u64 && asked - before < before,
        "{before}, then {asked}: asked for again"
    );
    ensure!(count(&again, "media_archived", "version_added")? == 0, "{}", again.wrong("nothing changed"));
    let out = scene.path("export");
    desk.json(&["archive", "export", "--out", &out.display().to_string()])?.exits(0)?;
    keeping::check(&desk, &out)?;
    let exported =
        files::below(&out)?.iter().filter(|path| path.extension().is_some_and(|end| end == "media")).count();
    ensure!(exported == there.len(), "{exported} of {} files were exported", there.len());
    damaged(&desk, &there)
}

/// A damaged file and one that is missing: found, given up, and had again.
fn damaged(desk: &Desk<'_>, there: &BTreeMap<String, u64>) -> Outcome {
    let mut names = there.keys();
    let (Some(wrong), Some(missing)) = (names.next(), names.next()) else {
        return Err("no two files".into());
    };
    let path = |name: &str| desk.archive().join("media").join(name);
    files::write(&path(wrong), b"other bytes")?;
    std::fs::remove_file(path(missing)).map_err(|error| format!("{missing}: {error}"))?;
    let found = desk.json(&["archive", "verify"])?.exits(6)?;
    let told = found.last()?["damaged"].to_string();
    ensure!(
        told.contains(wrong.as_str()) && told.contains(missing.as_str()),
        "{}",
        found.wrong("it names other files")
    );
    desk.json(&["archive", "repair", "--dry-run"])?.exits(6)?;
    desk.json(&["archive", "repair"])?.exits(3)?;
    desk.json(&["archive", "verify"])?.exits(0)?;
    Ok(())
}

fn killed(scene: &Scene<'_>) -> Outcome {
    let delay =
        Rule { when: When { path: Some(HISTORY.into()), ..When::default() }, then: None, delay_ms: 2 };
    let faults = FaultPlan { rules: vec![delay], ..FaultPlan::default() };
    let tenant = scene.tenant(Config { conversations: Some(80), faults, ..small(scene) })?;
    let desk = desk(scene, &tenant);
    let from = every_conversation(scene, &tenant)?;
    let command = [&["--json"] as &[&str], &saving(&from)].concat();
    let mut kills = 0;
    for _ in 0..scene.house.options.tier.pick(10, 200) {
        let running = desk.start(&command)?;
        std::thread::sleep(Duration::from_millis(scene.random().below(400)));
        let (alive, run) = running.kill()?;
        kills += u64::from(alive);
        if !alive {
            run.exits(0)?;
            break;
        }
        // Beside what is unfinished, nothing is wrong at any moment. Before the archive is made there is none.
        if desk.archive().join("FORMAT.json").exists() {
            desk.json(&["archive", "verify"])?.exits(0)?;
        }
    }
    ensure!(kills > 1, "nothing was killed");
    let run = desk.run(&command)?.exits(0)?;
    agrees(&tenant, &run)?;
    ensure!(saved(&desk)? == referred(&desk)?, "after {kills} kills the files are not those of the records");
    let verified = desk.json(&["archive", "verify"])?.exits(0)?;
    ensure!(
        verified.last()?["unfinished"].as_array().is_none_or(Vec::is_empty),
        "{}",
        verified.wrong("it is not tidy")
    );
    Ok(())
}

fn removed(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(Config { conversations: Some(60), ..small(scene) })?;
    let desk = desk(scene, &tenant);
    let from = every_conversation(scene, &tenant)?;
    desk.pull(&[])?.exits(0)?;
    desk.json(&saving(&from))?.exits(0)?;
    let before = saved(&desk)?;
    let of = |id: &str| -> Result<Vec<String>, String> {
        let run = desk.run(&["archive", "show", "--raw", "--kind", "media", "--", id])?;
        let record: Value = serde_json::from_slice(&run.stdout).unwrap_or_default();
        let entries = record["media"].as_array().cloned().unwrap_or_default();
        Ok(entries.iter().filter_map(|entry| entry["sha256"].as_str().map(str::to_owned)).collect())
    };
    let ids: Vec<String> = tenant.truth()?.into_keys().collect();
    let mut held = None;
    for id in &ids {
        let found = of(id)?;
        if !found.is_empty() {
            held = Some((id.clone(), found));
            break;
        }
    }
    let (id, kept) = held.ok_or("no conversation has a file")?;
    desk.hold("add", &id)?.exits(0)?;
    let plan = scene.hidden("plan").display().to_string();
    desk.json(&["archive", "retain", "--days", "1", "--plan", &plan])?.exits(0)?;
    let run = desk.json(&["archive", "retain", "--days", "1", "--apply", &plan, "--yes"])?;
    let there = saved(&desk)?;
    ensure!(there.len() < before.len(), "{}", run.wrong("no file was removed"));
    ensure!(kept.iter().all(|hash| there.contains_key(hash)), "a file of a held conversation is gone");
    ensure!(there == referred(&desk)?, "the files are not those of the records that are there");
    desk.json(&["archive", "verify"])?.exits(0)?;
    let shown = desk.run(&["archive", "show", "--media", &kept[0], "--", &id])?.exits(0)?;
    ensure!(files::sha256(&shown.stdout) == kept[0], "show gives other bytes");
    // What was removed does not come back, and leaves nothing.
    desk.json(&saving(&from))?.exits(0)?;
    ensure!(saved(&desk)? == there, "a file came back");
    desk.hold("release", &id)?.exits(0)?;
    let plan = scene.hidden("second plan").display().to_string();
    desk.json(&["archive", "retain", "--days", "1", "--plan", &plan])?.exits(0)?;
    desk.json(&["archive", "retain", "--days", "1", "--apply", &plan, "--yes"])?.exits(0)?;
    ensure!(saved(&desk)?.keys().all(|hash| !kept.contains(hash)), "a file outlives its conversation");
    desk.json(&["archive", "verify"])?.exits(0)?;
    Ok(())
}

fn long(scene: &Scene<'_>) -> Outcome {
    let many = scene.house.options.tier.pick(100_000, 1_000_000);
    let mut peaks = Vec::new();
    for messages in [5_000, many] {
        let config = Config { conversations: Some(10), long_history: Some(messages), ..small(scene) };
        let tenant = scene.tenant(config)?;
        let ready = tenant.ready();
        let id = ready.long_conversation_id.clone().ok_or("there is no long history")?;
        let line = json!({"organization_id": ready.organization_id, "domain_id": ready.domain_id, "conversation_id": id});
        let from = super::sessions::selection(scene, &format!("{messages}.ndjson"), &[line])?;
        let desk = scene.desk(&messages.to_string()).connected(&tenant);
        let out = scene.path(&format!("out {messages}")).display().to_string();
        let run = desk
            .json(&["history", "pull", "--from", &from, "--out", &out, "--max-depth", "100000"])?
            .exits(0)?;
        ensure!(run.last()?["summary"]["kept"] == messages, "{}", run.wrong("not all was kept"));
        peaks.push(run.peak_kib);
    }
    println!("      peaks in KiB: 5,000 messages: {}, {many}: {}", peaks[0], peaks[1]);
    // Nine bytes a message, and what sorting takes, which the short one does not need.
    let most = peaks[0] + SLACK_KIB + (16 << 10) + many * 9 / 1024;
    ensure!(peaks[1] <= most, "{} KiB for many, {} for few; {most} are allowed", peaks[1], peaks[0]);
    Ok(())
}
