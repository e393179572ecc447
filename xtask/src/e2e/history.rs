//! Histories: a thousand of them, to the message; listings that go in circles; what people get wrong; kills.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use frontdesk_sandbox::{Config, Effect, FaultPlan, Rates, RetryAfter, Rule, Untidy, When};
use serde_json::{Value, json};

use super::faults::always;
use super::process::Run;
use super::scene::Scene;
use super::sessions::selection;
use super::telling::{RECEIVER, drained, moody, told};
use super::tenant::{Tenant, WIDE, small};
use super::{Scenario, files};
use crate::Outcome;

/// The path template of a history.
pub(super) const HISTORY: &str =
    "/api/v2/public/messaging/{organizationId}/{domainId}/{conversationId}/messages";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "history: a thousand conversations through storms of 429, 5xx, resets, cuts and 401",
            |scene| many(scene, storm()),
        ),
        Scenario::new("history: a thousand conversations, to the message", |scene| {
            many(scene, FaultPlan::default())
        }),
        Scenario::new("history: kill -9 at any moment, and the same command once more", killed),
        Scenario::new("history: listings that go in circles end by name", circles),
        Scenario::new("history: pages that are none end by name", no_pages),
        Scenario::new("history: ids, sizes and depths that cannot be are refused before any call", refused),
        Scenario::new("history: what the gateway refuses is told with its advice", not_there),
    ]
}

fn storm() -> FaultPlan {
    let rate = Rates {
        status_429: 0.02,
        status_500: 0.005,
        status_503: 0.005,
        reset: 0.01,
        cut: 0.01,
        retry_after: vec![RetryAfter::Text("0".into())],
        ..Rates::default()
    };
    let refused = Effect::Status { status: 401, retry_after: Vec::new(), body: None };
    let when = When { path: Some(HISTORY.to_owned()), every: Some(211), ..When::default() };
    FaultPlan { rules: vec![Rule { when, then: Some(refused), delay_ms: 0 }], rate, ..FaultPlan::default() }
}

/// A line for every conversation of the tenant.
pub(super) fn every_conversation(scene: &Scene<'_>, tenant: &Tenant<'_>) -> Result<String, String> {
    let ready = tenant.ready();
    let lines: Vec<Value> = tenant
        .truth()?
        .into_keys()
        .map(|id| {
            json!({"organization_id": ready.organization_id, "domain_id": ready.domain_id, "conversation_id": id})
        })
        .collect();
    selection(scene, "conversations.ndjson", &lines)
}

fn many(scene: &Scene<'_>, faults: FaultPlan) -> Outcome {
    let stormy = faults != FaultPlan::default();
    let config = Config {
        seed: scene.seed(),
        conversations: Some(1_000),
        untidy: Untidy::evenly(0.05),
        rate_limit_per_min: WIDE,
        faults,
        ..Config::default()
    };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant).tells(&tenant, "history_batch_sync")?;
    if stormy {
        moody(&tenant)?;
    }
    let from = every_conversation(scene, &tenant)?;
    let out = scene.path("histories");
    let out_text = out.display().to_string();
    // With a token, so that a 401 can be met with a fresh one.
    let command =
        ["history", "pull", "--from", &from, "--out", &out_text, "--page-size", "7", "--with-bearer"];
    let run = desk.json(&command)?.exits(0)?;
    counts(&tenant, &run)?;
    files_are_the_histories(&tenant, &out)?;
    if stormy {
        for fault in ["status_429", "status_500", "status_503", "reset", "cut", "status_401"] {
            ensure!(tenant.fired(fault) > 0, "the fault {fault} never fired: {:?}", tenant.stats());
        }
    }
    drained(&desk, &tenant)?;
    messages_are_told(&tenant)?;
    desk.json(&["audit", "verify"])?.exits(0)?;
    Ok(())
}

/// The summary counts what the tenant counts.
fn counts(tenant: &Tenant<'_>, run: &Run) -> Outcome {
    let truth = tenant.histories()?;
    let summary = run.last()?["summary"].clone();
    for (name, wanted) in [
        ("complete", truth.conversations),
        ("fetched", truth.messages),
        ("kept", truth.unique),
        ("duplicates", truth.duplicates),
        ("out_of_order", truth.equal + truth.backwards),
        ("unreadable_timestamps", truth.unreadable),
        ("filtered", 0),
        ("rejected", 0),
        ("failed", 0),
    ] {
        ensure!(summary[name] == wanted, "{}", run.wrong(&format!("{name} should be {wanted}: {truth:?}")));
    }
    let some = [truth.duplicates, truth.equal, truth.backwards, truth.unreadable, truth.unknown_types];
    ensure!(some.iter().all(|count| *count > 0), "the histories are not untidy: {truth:?}");
    Ok(())
}

/// The message ids of every conversation, as the details query knows them.
fn said(tenant: &Tenant<'_>) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    (0..tenant.count())
        .map(|number| {
            let bytes = tenant.conversation(number)?;
            let conversation: Value =
                serde_json::from_slice(&bytes).map_err(|error| format!("a conversation: {error}"))?;
            let interactions = conversation["interactions"].as_array().cloned().unwrap_or_default();
            let messages =
                interactions.iter().flat_map(|one| one["messages"].as_array().cloned().unwrap_or_default());
            let ids = messages.filter_map(|message| message["id"].as_str().map(str::to_owned)).collect();
            Ok((conversation["id"].as_str().unwrap_or_default().to_owned(), ids))
        })
        .collect()
}

/// A file for every conversation, with each of its messages once.
fn files_are_the_histories(tenant: &Tenant<'_>, out: &Path) -> Outcome {
    let ready = tenant.ready();
    let folder = out.join(&ready.organization_id).join(&ready.domain_id);
    for (conversation, wanted) in said(tenant)? {
        let bytes = files::read(&folder.join(format!("{conversation}.ndjson")))?;
        let mut ids = Vec::new();
        for line in String::from_utf8_lossy(&bytes).lines() {
            let message: Value =
                serde_json::from_str(line).map_err(|error| format!("{conversation}: {error}"))?;
            ids.push(message["id"].as_str().unwrap_or_default().to_owned());
        }
        let unique: BTreeSet<String> = ids.iter().cloned().collect();
        ensure!(unique.len() == ids.len(), "{conversation}: a message is there twice");
        ensure!(unique == wanted, "{conversation}: {} of {} messages are there", unique.len(), wanted.len());
    }
    Ok(())
}

/// Every message was told of, under exactly one `webhook-id`.
fn messages_are_told(tenant: &Tenant<'_>) -> Outcome {
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (id, event) in told(tenant, "history_batch_sync")? {
        let messages = event["messages"].as_array().cloned().unwrap_or_default();
        ensure!(event["messageCount"] == messages.len(), "an event miscounts its messages: {event}");
        ensure!(!messages.is_empty(), "an event without messages: {event}");
        for message in messages {
            ids.entry(message["id"].as_str().unwrap_or_default().to_owned()).or_default().insert(id.clone());
        }
    }
    let twice = ids.iter().find(|(_, ids)| ids.len() > 1);
    ensure!(twice.is_none(), "{RECEIVER}: a message was told of under two ids: {twice:?}");
    let wanted: BTreeSet<String> = said(tenant)?.into_values().flatten().collect();
    let told: BTreeSet<String> = ids.into_keys().collect();
    ensure!(told == wanted, "{} messages were told of, {} there are", told.len(), wanted.len());
    Ok(())
}

fn killed(scene: &Scene<'_>) -> Outcome {
    let delay =
        Rule { when: When { path: Some(HISTORY.into()), ..When::default() }, then: None, delay_ms: 3 };
    let faults = FaultPlan { rules: vec![delay], ..FaultPlan::default() };
    let tenant = scene.tenant(Config { conversations: Some(120), faults, ..small(scene) })?;
    let from = every_conversation(scene, &tenant)?;
    let desk = scene.desk("data").connected(&tenant).tells(&tenant, "history_batch_sync")?;
    let out = scene.path("histories");
    let out_text = out.display().to_string();
    let command = ["--json", "history", "pull", "--from", &from, "--out", &out_text, "--page-size", "3"];
    let mut killed = 0;
    for _ in 0..scene.house.options.tier.pick(12, 200) {
        let running = desk.start(&command)?;
        std::thread::sleep(Duration::from_millis(scene.random().below(250)));
        let (alive, run) = running.kill()?;
        killed += u64::from(alive);
        if !alive {
            run.exits(0)?;
            break;
        }
    }
    ensure!(killed > 1, "nothing was killed");
    let run = desk.run(&command)?.exits(0)?;
    let truth = tenant.histories()?;
    let summary = run.last()?["summary"].clone();
    ensure!(
        summary["complete"] == truth.conversations && summary["kept"] == truth.unique,
        "{}",
        run.wrong(&format!("after {killed} kills the summary is not the truth: {truth:?}"))
    );
    files_are_the_histories(&tenant, &out)?;
    drained(&desk, &tenant)?;
    messages_are_told(&tenant)?;
    desk.json(&["audit", "verify"])?.exits(0)?;
    Ok(())
}

/// The first conversation of the tenant, as flags.
fn first(ready: &frontdesk_sandbox::Ready) -> [&str; 6] {
    let id = ready.conversation_id.as_deref().unwrap_or_default();
    ["--organization-id", &ready.organization_id, "--domain-id", &ready.domain_id, "--conversation-id", id]
}

/// The report that ends the lines of one history.
fn report(run: &Run) -> Result<Value, String> {
    let mut reports = run.lines()?.into_iter().map(|line| line["report"].clone()).filter(Value::is_object);
    reports.next_back().ok_or_else(|| run.wrong("there is no report"))
}

fn circles(scene: &Scene<'_>) -> Outcome {
    for (name, effect, page) in [
        ("A -> A", Effect::RepeatToken, Some(3)),
        ("A -> B -> A", Effect::LoopToken, Some(3)),
        ("the same page under two tokens", Effect::SamePage, None),
        ("ten empty pages", Effect::EmptyPage, None),
    ] {
        let after = if page.is_none() { 2 } else { 0 };
        let faults = always(When { path: Some(HISTORY.into()), page, after, ..When::default() }, effect);
        let tenant = scene.tenant(Config { faults, ..small(scene) })?;
        let desk = scene.desk(name).connected(&tenant);
        let ready = tenant.ready();
        let pull = [&["history", "pull", "--page-size", "1"], &first(&ready) as &[&str]].concat();
        let run = desk.json(&pull)?.exits(3)?;
        let report = report(&run)?;
        ensure!(report["state"] == "looping", "{}", run.wrong(&format!("{name}: the state is not looping")));
        ensure!(report["kept"].as_u64() >= Some(2), "{}", run.wrong("what came before the loop is not kept"));
        let asked = tenant.stats().requests.get(&format!("GET {HISTORY}")).copied().unwrap_or(0);
        ensure!(asked <= 14, "{name}: {asked} pages were asked for");
        // Straight again, the same command takes it all.
        tenant.set_faults(&FaultPlan::default())?;
        let run = desk.json(&pull)?.exits(0)?;
        ensure!(self::report(&run)?["state"] == "complete", "{}", run.wrong("it does not go on"));
    }
    Ok(())
}

fn no_pages(scene: &Scene<'_>) -> Outcome {
    for (name, effect) in [
        ("a page without meta", Effect::PageWithoutMeta),
        ("a page without entities", Effect::PageWithoutEntities),
        ("no JSON", Effect::NotJson),
        ("a page for people", Effect::Html),
        ("nothing", Effect::Empty),
        ("nested beyond reason", Effect::Deep { levels: 100_000 }),
    ] {
        let faults = always(When { path: Some(HISTORY.into()), page: Some(2), ..When::default() }, effect);
        let tenant = scene.tenant(Config { faults, ..small(scene) })?;
        let desk = scene.desk(name).connected(&tenant);
        let ready = tenant.ready();
        let pull = [&["history", "pull", "--page-size", "2"], &first(&ready) as &[&str]].concat();
        let run = desk.json(&pull)?.exits(3).map_err(|message| format!("{name}: {message}"))?;
        let report = report(&run)?;
        ensure!(
            report["state"] == "failed" && report["kept"] == 2,
            "{}",
            run.wrong(&format!("{name}: {report}"))
        );
        tenant.set_faults(&FaultPlan::default())?;
        desk.json(&pull)?.exits(0)?;
    }
    Ok(())
}

fn refused(scene: &Scene<'_>) -> Outcome {
    let tenant = scene.tenant(small(scene))?;
    let desk = scene.desk("data").connected(&tenant);
    let ids = |organization: &'static str, domain: &'static str, conversation: &'static str| {
        ["--organization-id", organization, "--domain-id", domain, "--conversation-id", conversation]
    };
    let good = ids("o", "d", "c");
    let cases: [(&[&str], &[&str]); 9] = [
        (&[&good as &[&str], &["--page-size", "0"]].concat(), &["page-size", "50"]),
        (&[&good as &[&str], &["--page-size", "51"]].concat(), &["page-size", "50"]),
        (&[&good as &[&str], &["--page-size", "many"]].concat(), &["page-size"]),
        (&[&good as &[&str], &["--max-depth", "0"]].concat(), &["max-depth"]),
        (&ids("", "d", "c"), &["organization-id"]),
        (&ids("o", "", "c"), &["domain-id"]),
        (&ids("o", "d", ""), &["conversation-id"]),
        (&ids("o", "d", ".."), &["conversation-id"]),
        (&ids("o", "d", "."), &["conversation-id"]),
    ];
    for (arguments, words) in cases {
        desk.json(&[&["history", "pull"], arguments].concat())?.exits(2)?.says(words)?;
    }
    // A list that names nobody was not meant.
    for (name, lines) in [("empty.ndjson", ""), ("blank.ndjson", "\n \r\n\n")] {
        let list = scene.hidden(name);
        files::write_private(&list, lines.as_bytes())?;
        let list = list.display().to_string();
        desk.json(&["history", "pull", "--from", &list])?.exits(2)?.says(&["no conversation is named"])?;
    }
    desk.json(&["history", "pull", "--from", "-"])?.exits(2)?.says(&["no conversation is named"])?;
    // All of it is told at once.
    let all = [&["history", "pull", "--page-size", "0", "--max-depth", "0"], &ids("", "..", "") as &[&str]]
        .concat();
    desk.json(&all)?.exits(2)?.says(&[
        "page-size",
        "max-depth",
        "organization-id",
        "domain-id",
        "conversation-id",
    ])?;
    ensure!(tenant.stats().requests.is_empty(), "something was asked for: {:?}", tenant.stats());
    Ok(())
}

fn not_there(scene: &Scene<'_>) -> Outcome {
    let days = Duration::from_secs(24 * 3_600);
    let tenant = scene.tenant(Config { history_retention: Some(days), ..small(scene) })?;
    let ready = tenant.ready();
    let desk = scene.desk("data").connected(&tenant);
    let mine = first(&ready);
    let with = |at: usize, value: &'static str| {
        let mut flags = mine;
        flags[at] = value;
        flags
    };
    let cases: [(&str, [&str; 6]); 4] = [
        ("conversation.not.found", with(5, "no-such-conversation")),
        ("organization.not.found", with(1, "another")),
        ("domain.not.found", with(3, "another")),
        ("conversation.expired", mine),
    ];
    for (code, flags) in cases {
        let run = desk.json(&[&["history", "pull"], &flags as &[&str]].concat())?;
        let run = run.exits(5)?.says(&["404", code])?;
        let error = run.error().ok_or_else(|| run.wrong("there is no error object"))?;
        ensure!(error["hint"].is_string(), "{}", run.wrong("no hint says what to do"));
        ensure!(error["correlation_id"].is_string(), "{}", run.wrong("there is no correlation id"));
        let report = report(&run)?;
        ensure!(report["state"] == "failed" && report["pages"] == 0, "{}", run.wrong("no report says so"));
    }
    // And where the answer is no JSON.
    let text = Effect::Status { status: 404, retry_after: Vec::new(), body: Some("gone fishing".into()) };
    tenant.set_faults(&always(When { path: Some(HISTORY.into()), ..When::default() }, text))?;
    desk.json(&[&["history", "pull"], &mine as &[&str]].concat())?.exits(5)?.says(&["404"])?;
    Ok(())
}
