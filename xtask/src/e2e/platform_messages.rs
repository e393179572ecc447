//! `message send` and `session close` on the vendor's published contract, which has no idempotency: whatever becomes of the
//! replies, each message is there once at most, and what is in doubt is settled by the next run.

use std::collections::{BTreeMap, BTreeSet};

use frontdesk_sandbox::{Config, Effect, FaultPlan, GuestPlan, Point, Rates, RetryAfter, Rule, When};
use http::Method;
use serde_json::{Value, json};

use super::Scenario;
use super::desk::Desk;
use super::process::Run;
use super::scene::Scene;
use super::sessions::{self, selection};
use super::tenant::{Tenant, small};
use crate::Outcome;

/// Where a message is posted.
const POST: &str =
    "/api/v2/conversations/messages/{conversationId}/communications/{communicationId}/messages";
/// Messages of a scenario, and the conversations they go to.
const MESSAGES: usize = 36;
const TALKS: usize = 36;

/// Seconds after which a message that is not to be seen never will be.
const LONG_ENOUGH: u64 = 3_600;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("platform: messages are sent once each on the agent's leg, and arrive", sent),
        Scenario::new(
            "platform: replies to messages are lost, none is there twice, all are settled",
            lost_replies,
        ),
        Scenario::new("platform: sessions are ended through a storm, each once, and stay ended", ended),
    ]
}

/// A tenant whose guests are all there, and a desk that asks it as the vendor publishes it.
fn open<'s, 'h>(scene: &'s Scene<'h>) -> Result<(Tenant<'h>, Desk<'s>), String> {
    let guest_plan = GuestPlan { active: 1.0, ..GuestPlan::default() };
    let tenant = scene.tenant_of_both(Config { guest_plan, ..small(scene) })?;
    tenant.plan_receipts(&json!({"sent_ms": 5, "delivered_ms": [10, 60], "read": 0.0}))?;
    let desk = scene.desk("data").on_platform(&tenant).with("FRONTDESK_POLL_INTERVAL", "50ms");
    Ok((tenant, desk))
}

/// A live conversation over messages: its id, and the user behind the agent's leg.
struct Talk {
    id: String,
    user: String,
    customer: String,
}

/// The first conversations that have an agent on a connected leg.
fn talks(tenant: &Tenant<'_>, count: usize) -> Result<Vec<Talk>, String> {
    let token = tenant.platform_token()?;
    let mut talks = Vec::new();
    for number in 0..tenant.count() {
        let gateway: Value = serde_json::from_slice(&tenant.conversation(number)?)
            .map_err(|error| format!("conversation {number}: {error}"))?;
        let id = gateway["id"].as_str().unwrap_or_default();
        let path = format!("/api/v2/conversations/{id}");
        let live: Value =
            serde_json::from_slice(&tenant.platform(Method::GET, &path, &token, &Value::Null)?)
                .map_err(|error| format!("{path}: {error}"))?;
        let people = live["participants"].as_array().map_or(&[] as &[Value], Vec::as_slice);
        // Nothing can be said on a leg of a messenger nobody knows: some conversations of the tenant have one.
        let open = |leg: &Value| leg["state"] == "connected" && leg["type"] != "unknown";
        let on_leg = |one: &&Value| one["messages"].as_array().is_some_and(|legs| legs.iter().any(open));
        let of = |purpose: &str| people.iter().filter(on_leg).find(|one| one["purpose"] == purpose);
        if let (Some(agent), Some(customer)) = (of("agent"), of("customer")) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            talks.push(Talk {
                id: id.to_owned(),
                user: text(&agent["userId"]),
                customer: text(&customer["id"]),
            });
        }
        if talks.len() == count {
            return Ok(talks);
        }
    }
    Err(format!("only {} conversations are live", talks.len()))
}

fn text(k: usize) -> String {
    format!("This is no. {k:05}.")
}

/// The lines of the messages, in a file.
fn lines(scene: &Scene<'_>, talks: &[Talk]) -> Result<String, String> {
    let line = |k: usize| {
        let Talk { id, user, customer } = &talks[k % talks.len()];
        json!({"conversation_id": id, "from": user, "to": [customer], "type": "text/plain", "content": text(k)})
    };
    selection(scene, "messages.ndjson", &(0..MESSAGES).map(line).collect::<Vec<_>>())
}

/// How often the tenant has each text.
fn taken(tenant: &Tenant<'_>) -> Result<BTreeMap<String, u64>, String> {
    let mut counts = BTreeMap::new();
    for message in tenant.taken()? {
        *counts.entry(message.content.as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    Ok(counts)
}

/// None of the messages is there twice; returns how many are there.
fn once_at_most(tenant: &Tenant<'_>, run: &Run) -> Result<usize, String> {
    let counts = taken(tenant)?;
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    ensure!(twice.is_empty(), "{}", run.wrong(&format!("posted more than once: {twice:?}")));
    Ok(counts.len())
}

/// The texts' numbers by the outcome that a run told.
fn outcomes(run: &Run) -> Result<BTreeMap<String, BTreeSet<u64>>, String> {
    let mut outcomes: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for line in run.lines()?.iter().filter(|line| line["outcome"].is_string()) {
        let outcome = line["outcome"].as_str().unwrap_or_default().to_owned();
        outcomes.entry(outcome).or_default().insert(line["line"].as_u64().unwrap_or(0));
    }
    Ok(outcomes)
}

fn sent(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = open(scene)?;
    let from = lines(scene, &talks(&tenant, TALKS)?)?;
    let run = desk.json(&["message", "send", "--from", &from, "--threshold", "60s"])?;
    let lines = run.lines()?;
    let other: Vec<_> =
        lines.iter().filter(|line| line["outcome"].is_string() && line["outcome"] != "sent").collect();
    ensure!(other.is_empty(), "{}", run.wrong(&format!("not all were sent: {other:?}")));
    let run = run.exits(0)?;
    ensure!(outcomes(&run)?["sent"].len() == MESSAGES, "{}", run.wrong("a line has no outcome"));
    ensure!(once_at_most(&tenant, &run)? == MESSAGES, "{}", run.wrong("not all are there"));
    let arrived = run
        .lines()?
        .iter()
        .filter(|line| matches!(line["delivery"].as_str(), Some("delivered" | "read")))
        .count();
    ensure!(arrived == MESSAGES, "{}", run.wrong(&format!("{arrived} arrived")));
    // The same lines again are the same messages.
    let again = desk.json(&["message", "send", "--from", &from, "--threshold", "60s"])?.exits(0)?;
    ensure!(once_at_most(&tenant, &again)? == MESSAGES, "{}", again.wrong("something was sent again"));
    desk.json(&["audit", "verify"])?.exits(0).map(|_| ())
}

fn lost_replies(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = open(scene)?;
    let desk = desk
        .with("FRONTDESK_TIMEOUT_HEAD", "2s")
        .with("FRONTDESK_TIMEOUT_IDLE", "2s")
        .with("FRONTDESK_TEST_CLOCK", &tenant.base_url);
    let from = lines(scene, &talks(&tenant, TALKS)?)?;
    // Done, and the answer does not come: by a reset, a cut, a 502; or not done, and nobody can tell.
    let losses = [
        Effect::Reset(Point::BeforeHead),
        Effect::Cut(Point::Byte(20)),
        Effect::CommittedThen { status: 502 },
        Effect::Unheard(frontdesk_sandbox::Break::Reset),
    ];
    let rules = (0..MESSAGES).filter(|k| k % 3 != 0).map(|k| {
        let when = When {
            method: Some("POST".into()),
            path: Some(POST.into()),
            body_contains: Some(text(k)),
            times: Some(1),
            ..When::default()
        };
        Rule { when, then: Some(losses[k % losses.len()].clone()), delay_ms: 0 }
    });
    tenant.set_faults(&FaultPlan { rules: rules.collect(), ..FaultPlan::default() })?;
    let command = ["message", "send", "--from", &from, "--threshold", "60s"];
    let mut run = desk.json(&command)?;
    ensure!(matches!(run.exit, Some(0 | 3 | 5)), "{}", run.wrong("exit 0, 3 or 5 was expected"));
    for fault in ["reset", "cut", "committed_then_502", "unheard"] {
        ensure!(tenant.fired(fault) > 0, "the fault {fault} never fired: {:?}", tenant.stats());
    }
    let there = once_at_most(&tenant, &run)?;
    // Whatever is told as sent is there, and nothing is told as not sent that is.
    let counts = taken(&tenant)?;
    for (outcome, numbers) in outcomes(&run)? {
        for number in numbers {
            let known = counts.contains_key(&text(usize::try_from(number).unwrap_or(0).saturating_sub(1)));
            let agrees = match outcome.as_str() {
                "sent" => known,
                "not_sent" => !known,
                _ => true,
            };
            ensure!(agrees, "{}", run.wrong(&format!("line {number} is told as {outcome}, there: {known}")));
        }
    }
    // The network heals: what is in doubt is settled, and nothing is there twice.
    tenant.set_faults(&FaultPlan::default())?;
    tenant.advance_clock(LONG_ENOUGH)?;
    run = desk.json(&command)?;
    ensure!(matches!(run.exit, Some(0 | 3)), "{}", run.wrong("exit 0 or 3 was expected"));
    ensure!(once_at_most(&tenant, &run)? >= there, "{}", run.wrong("messages vanished"));
    let told = outcomes(&run)?;
    let unsettled: usize = told
        .iter()
        .filter(|(outcome, _)| !matches!(outcome.as_str(), "sent" | "unknown"))
        .map(|(_, lines)| lines.len())
        .sum();
    ensure!(unsettled == 0, "{}", run.wrong("some are neither sent nor unknown"));
    let sent = told.get("sent").map_or(0, BTreeSet::len);
    ensure!(sent >= there, "{}", run.wrong(&format!("{there} are there, {sent} are told as sent")));
    desk.json(&["audit", "verify"])?.exits(0).map(|_| ())
}

fn ended(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk) = open(scene)?;
    let talks = talks(&tenant, TALKS)?;
    let rate = Rates {
        status_429: 0.05,
        status_503: 0.05,
        reset: 0.1,
        cut: 0.1,
        retry_after: vec![RetryAfter::Text("0".into())],
        ..Rates::default()
    };
    let lines: Vec<Value> =
        talks.iter().map(|talk| json!({"guest_id": talk.id, "reason": "customer_initiated"})).collect();
    let from = selection(scene, "guests.ndjson", &lines)?;
    let plan = scene.path("plan.ndjson").display().to_string();
    desk.json(&["session", "close", "--from", &from, "--plan", &plan])?.exits(0)?;
    // After the plan: a look that meets faults as often as it is tried is rightly no plan for that guest.
    tenant.set_faults(&FaultPlan { rate, ..FaultPlan::default() })?;
    desk.json(&["session", "close", "--apply", &plan, "--yes"])?;
    ensure!(tenant.stats().faults.values().sum::<u64>() > 0, "no fault fired: {:?}", tenant.stats());
    // What was in doubt is settled once the network has healed, and nobody is ended twice.
    tenant.set_faults(&FaultPlan::default())?;
    let run = desk.json(&["session", "close", "--apply", &plan, "--yes"])?.exits(0)?;
    let outcomes = sessions::outcomes(&run)?;
    ensure!(
        outcomes.len() == talks.len()
            && outcomes.values().all(|outcome| matches!(outcome.as_str(), "ended" | "duplicate")),
        "{}",
        run.wrong("not all were ended")
    );
    let token = tenant.platform_token()?;
    for talk in &talks {
        let path = format!("/api/v2/conversations/{}", talk.id);
        let live: Value =
            serde_json::from_slice(&tenant.platform(Method::GET, &path, &token, &Value::Null)?)
                .map_err(|error| format!("{path}: {error}"))?;
        ensure!(live["endTime"].is_string(), "{}", run.wrong(&format!("{} goes on", talk.id)));
    }
    desk.json(&["audit", "verify"])?.exits(0).map(|_| ())
}
