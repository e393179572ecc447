//! Guests on the vendor's published contract: their histories, their sessions, and who is told that they came.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use frontdesk_sandbox::{Config, Effect, FaultPlan, Point, Rates, RetryAfter, Rule, When};
use http::Method;
use serde_json::{Value, json};

use super::Scenario;
use super::callback::{sessions, signed, until};
use super::caller::{Key, Listening};
use super::desk::Desk;
use super::files;
use super::opening::{asked, counted};
use super::platform_texts::{Texts, parsed};
use super::process::Run;
use super::scene::Scene;
use super::sessions::selection;
use super::tenant::{Tenant, small};
use crate::Outcome;

/// A flow of the organisation.
const WORKFLOW: &str = "3c5e0b8e-2f6a-4d07-9a53-8f8a3a5d5b11";

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("platform: histories to the message, through a storm of faults", |scene| {
            histories(scene, storm())
        }),
        Scenario::new("platform: histories to the message", |scene| histories(scene, FaultPlan::default())),
        Scenario::new("platform: guests come in over their socket through a storm, each once", |scene| {
            opened(scene, socket_storm())
        }),
        Scenario::new("platform: guests come in over their socket, each once", |scene| {
            opened(scene, FaultPlan::default())
        }),
        Scenario::new("platform: a guest's own token ends the session, and no other", own_ends),
        Scenario::new("platform: a trigger that was registered once tells of every guest", triggered),
    ]
}

fn storm() -> FaultPlan {
    let rate = Rates {
        status_429: 0.03,
        status_500: 0.01,
        status_503: 0.02,
        reset: 0.02,
        cut: 0.02,
        retry_after: vec![RetryAfter::Text("0".into())],
        ..Rates::default()
    };
    FaultPlan { rate, ..FaultPlan::default() }
}

/// Sockets that break, before and after something was done.
fn socket_storm() -> FaultPlan {
    let on = |action: &str, every: u64, then: Effect| {
        let when = When { path: Some(action.to_owned()), every: Some(every), ..When::default() };
        Rule { when, then: Some(then), delay_ms: 0 }
    };
    let rules = vec![
        on("configureSession", 7, Effect::Reset(Point::BeforeHead)),
        on("onMessage", 5, Effect::Cut(Point::BeforeHead)),
        on("onMessage", 6, Effect::Unheard(frontdesk_sandbox::Break::Reset)),
        on("getJwt", 4, Effect::Reset(Point::BeforeHead)),
    ];
    FaultPlan { rules, ..storm() }
}

fn histories(scene: &Scene<'_>, faults: FaultPlan) -> Outcome {
    let stormy = faults != FaultPlan::default();
    let tenant = scene.tenant_of_both(Config { conversations: Some(200), ..small(scene) })?;
    let desk = scene.desk("data").on_platform(&tenant);
    let ids: Vec<String> = tenant.truth()?.into_keys().collect();
    let truth = tenant.all_texts(&ids)?;
    let ready = tenant.ready();
    let lines: Vec<Value> = ids
        .iter()
        .map(|id| json!({"organization_id": ready.organization_id, "domain_id": ready.domain_id, "conversation_id": id}))
        .collect();
    let from = selection(scene, "conversations.ndjson", &lines)?;
    let out = scene.path("histories");
    let command =
        ["history", "pull", "--from", &from, "--out", &out.display().to_string(), "--page-size", "7"];
    tenant.set_faults(&faults)?;
    let mut run = desk.json(&command)?;
    if stormy {
        ensure!(tenant.stats().faults.len() >= 4, "hardly any fault fired: {:?}", tenant.stats());
        // What the storm was too much for is taken up by the same command.
        tenant.set_faults(&FaultPlan::default())?;
        run = desk.json(&command)?;
    }
    let run = run.exits(0)?;
    files_have(&truth, &out.join(&ready.organization_id).join(&ready.domain_id))?;
    let summary = run.last()?["summary"].take();
    let kept: usize = truth.values().map(|texts| texts.readable.len()).sum();
    ensure!(
        summary["complete"] == ids.len() && summary["kept"] == kept && summary["failed"] == 0,
        "{}",
        run.wrong(&format!("{} histories with {kept} messages were expected", ids.len()))
    );
    Ok(())
}

/// A file for every conversation, with each of its messages once.
fn files_have(truth: &BTreeMap<String, Texts>, folder: &Path) -> Outcome {
    for (conversation, texts) in truth {
        let bytes = files::read(&folder.join(format!("{conversation}.ndjson")))?;
        let mut ids = Vec::new();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            ids.push(parsed(line, conversation)?["id"].as_str().unwrap_or_default().to_owned());
        }
        let unique: BTreeSet<String> = ids.iter().cloned().collect();
        ensure!(unique.len() == ids.len(), "{conversation}: a message is there twice");
        ensure!(
            unique == texts.readable,
            "{conversation}: {} of {} messages are there",
            unique.len(),
            texts.readable.len()
        );
    }
    Ok(())
}

/// A desk that guests of the tenant's deployment come in by.
pub(super) fn at_the_door<'s>(desk: Desk<'s>, tenant: &Tenant<'_>) -> Desk<'s> {
    desk.on_platform(tenant).with("FRONTDESK_DEPLOYMENT_ID", tenant.deployment_id())
}

fn opened(scene: &Scene<'_>, faults: FaultPlan) -> Outcome {
    const LINES: usize = 80;
    let stormy = faults != FaultPlan::default();
    let tenant = scene.tenant_of_both(small(scene))?;
    let desk = at_the_door(scene.desk("data"), &tenant);
    let from = selection(scene, "guests.ndjson", &(0..LINES).map(asked).collect::<Vec<_>>())?;
    let open = ["--json", "session", "open", "--from", &from];
    tenant.set_faults(&faults)?;
    if stormy {
        let run = desk.run(&open)?;
        ensure!(matches!(run.exit, Some(0 | 3 | 5)), "{}", run.wrong("exit 0, 3 or 5 was expected"));
        for fault in ["reset", "cut", "unheard"] {
            ensure!(tenant.fired(fault) > 0, "the fault {fault} never fired: {:?}", tenant.stats());
        }
        tenant.set_faults(&FaultPlan::default())?;
    }
    // What is in doubt is the same session, not another.
    let run = desk.run(&open)?.exits(0)?;
    let (counts, _) = counted(&run)?;
    ensure!(
        counts.get("opened") == Some(&(LINES as u64)) && counts.len() == 1,
        "{}",
        run.wrong(&format!("{counts:?}"))
    );
    the_tenant_has(&tenant, LINES, &run)?;
    // The same lines again are the same sessions, and ask for nothing.
    let again = desk.run(&open)?.exits(0)?;
    the_tenant_has(&tenant, LINES, &again)?;
    desk.json(&["audit", "verify"])?.exits(0).map(|_| ())
}

/// The tenant counts so many sessions, none of them under two keys.
fn the_tenant_has(tenant: &Tenant<'_>, count: usize, run: &Run) -> Outcome {
    let totals = parsed(&tenant.door(Method::GET, "sessions/totals", &Value::Null)?, "sessions/totals")?;
    ensure!(totals["opened"] == count && totals["mismatches"] == 0, "{}", run.wrong(&format!("{totals}")));
    Ok(())
}

fn own_ends(scene: &Scene<'_>) -> Outcome {
    const GUESTS: usize = 4;
    let tenant = scene.tenant_of_both(small(scene))?;
    let desk = at_the_door(scene.desk("data"), &tenant);
    let from = selection(scene, "guests.ndjson", &(0..GUESTS).map(asked).collect::<Vec<_>>())?;
    desk.json(&["session", "open", "--from", &from])?.exits(0)?;
    let list = tenant.door(Method::GET, "sessions", &Value::Null)?;
    let truth = |line: &[u8]| parsed(line, "sessions");
    let sessions: Vec<Value> = list
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(truth)
        .collect::<Result<_, _>>()?;
    ensure!(sessions.len() == GUESTS, "{} sessions were opened", sessions.len());
    let text = |session: &Value, name: &str| session[name].as_str().unwrap_or_default().to_owned();
    let token = scene.path("token");
    for (n, session) in sessions.iter().enumerate() {
        // The one before the last is asked to be forgotten, the last one is named by another's conversation.
        let (forget, foreign) = (n == GUESTS - 2, n == GUESTS - 1);
        let guest = text(if foreign { &sessions[0] } else { session }, "id");
        files::write(&token, text(session, "key").as_bytes())?;
        let retain = if forget { "false" } else { "true" };
        let file = token.display().to_string();
        let close = [
            "session",
            "close",
            "--guest-id",
            &guest,
            "--guest-session-file",
            &file,
            "--retain-data",
            retain,
        ];
        let run = desk.json(&[&close[..], &["--reason", "customer_initiated"]].concat())?;
        let (exit, outcome) = if foreign { (3, "skipped") } else { (0, "ended") };
        let run = run.exits(exit)?;
        ensure!(run.lines()?[0]["outcome"] == outcome, "{}", run.wrong("another outcome was expected"));
        let said = format!("{}{}", String::from_utf8_lossy(&run.stdout), run.stderr);
        ensure!(!said.contains(&text(session, "key")), "{}", run.wrong("it says the token"));
        let path = format!("sessions/{}", text(session, "id"));
        let now = parsed(&tenant.door(Method::GET, &path, &Value::Null)?, "session")?;
        ensure!((now["state"] == "closed") != foreign, "{}", run.wrong(&format!("{now}")));
    }
    desk.json(&["audit", "verify"])?.exits(0)?;
    // The gateway knows no such thing, and what is no token is said to be none.
    files::write(&token, b"not a token")?;
    let file = token.display().to_string();
    let close = ["session", "close", "--guest-id", "g", "--reason", "timeout", "--guest-session-file", &file];
    desk.json(&close)?.exits(2)?.says(&["UUID"]).map(|_| ())
}

fn triggered(scene: &Scene<'_>) -> Outcome {
    const GUESTS: usize = 15;
    let tenant = scene.tenant_of_both(small(scene))?;
    let key = Key::new(scene);
    let desk = at_the_door(signed(scene, &tenant, &key)?, &tenant);
    let register = ["webhook", "register", "--workflow", WORKFLOW];
    let first = desk.json(&register)?.exits(0)?.last()?;
    ensure!(first["outcome"] == "registered" && first["workflow"] == WORKFLOW, "{first}");
    let second = desk.json(&register)?.exits(0)?.last()?;
    ensure!(second["outcome"] == "known" && second["id"] == first["id"], "{second}");
    desk.json(&["webhook", "register"])?.exits(2)?.says(&["--workflow"])?;
    // The flow's data action calls the listener, whose key it has.
    tenant.plan_callbacks(&json!({"secret": key.text(), "repeat": 2, "retry_ms": 50}))?;
    let listening = Listening::start(&desk, &[])?;
    let uri = format!("http://{}/webhook/callback", listening.address);
    tenant.door(Method::POST, "workflows", &json!({"id": WORKFLOW, "uri": uri, "headers": {}}))?;
    let lines: Vec<Value> = (0..GUESTS).map(asked).collect();
    let from = selection(scene, "guests.ndjson", &lines)?;
    let run = desk.json(&["session", "open", "--from", &from])?.exits(0)?;
    let came: BTreeSet<String> =
        run.lines()?.iter().filter_map(|line| line["session_id"].as_str().map(str::to_owned)).collect();
    ensure!(came.len() == GUESTS, "{}", run.wrong("not all came in"));
    until("the CRM knows every guest", || Ok(sessions(&tenant)?.len() >= GUESTS))?;
    listening.stop()?;
    let known = sessions(&tenant)?;
    ensure!(known.keys().cloned().collect::<BTreeSet<_>>() == came, "the CRM knows others: {known:?}");
    ensure!(known.values().all(|ids| ids.len() == 1), "a guest is two events: {known:?}");
    Ok(())
}
