//! Ending guest sessions: what a plan says, what is done, and what the tenant counted.

use std::collections::BTreeMap;

use frontdesk_sandbox::{Config, Effect, FaultPlan, GuestPlan, Rates, RetryAfter, Rule, When};
use serde_json::{Value, json};

use super::Scenario;
use super::files;
use super::process::Run;
use super::scene::Scene;
use super::telling::{drained, ended_are_told, moody};
use super::tenant::{Tenant, WIDE};
use super::truth::Guest;
use crate::Outcome;

const GUESTS: u64 = 10_000;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "sessions: ten thousand guests through storms of 429, 5xx, resets, cuts and 401",
            |scene| many(scene, storm()),
        ),
        Scenario::new("sessions: ten thousand guests, each in exactly one state", |scene| {
            many(scene, FaultPlan::default())
        }),
    ]
}

/// A little of everything, and a token that is refused before its time.
fn storm() -> FaultPlan {
    let rate = Rates {
        status_429: 0.005,
        status_500: 0.0007,
        status_503: 0.0007,
        reset: 0.001,
        cut: 0.001,
        retry_after: vec![RetryAfter::Text("0".into())],
        ..Rates::default()
    };
    let refused = Effect::Status { status: 401, retry_after: Vec::new(), body: None };
    let path = Some("/api/v2/webmessaging/guests/{guestId}".to_owned());
    let rule =
        Rule { when: When { path, every: Some(997), ..When::default() }, then: Some(refused), delay_ms: 0 };
    FaultPlan { rules: vec![rule], rate, ..FaultPlan::default() }
}

/// What a line asks for guest number `k`: every reason, both choices, with and without a reference.
pub(super) fn wanted(guest: &Guest, k: usize) -> Value {
    let reasons = ["customer_initiated", "agent_initiated", "timeout", "system_escalation", "bot_handoff"];
    let mut line =
        json!({"guest_id": guest.id, "reason": reasons[k % 5], "retain_data": !k.is_multiple_of(7)});
    if k.is_multiple_of(3) {
        line["external_ref"] = json!(format!("case {k} & more"));
    }
    line
}

/// Writes the lines of these guests to a file.
pub(super) fn selection(scene: &Scene<'_>, name: &str, lines: &[Value]) -> Result<String, String> {
    let path = scene.hidden(name);
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    files::write_private(&path, text.as_bytes())?;
    Ok(path.display().to_string())
}

fn many(scene: &Scene<'_>, faults: FaultPlan) -> Outcome {
    let stormy = faults != FaultPlan::default();
    let guest_plan = GuestPlan { closing: 0.02, idling: 0.01, ..GuestPlan::default() };
    let config = Config {
        seed: scene.seed(),
        guests: GUESTS,
        guest_plan,
        rate_limit_per_min: WIDE,
        faults,
        ..Config::default()
    };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant).tells(&tenant, "session.terminated")?;
    if stormy {
        moody(&tenant)?;
    }
    let lines: Vec<Value> = tenant.guests()?.iter().enumerate().map(|(k, guest)| wanted(guest, k)).collect();
    let from = selection(scene, "guests.ndjson", &lines)?;
    let plan = scene.path("plan.ndjson").display().to_string();

    let planned = desk.json(&["session", "close", "--from", &from, "--plan", &plan])?.exits(0)?;
    let untouched = tenant.guests()?;
    ensure!(untouched.iter().all(|guest| guest.deletes == 0), "{}", planned.wrong("planning ended somebody"));

    // Some changed by themselves since the plan looked: that is no failure, and neither is what is skipped.
    let run = desk.json(&["session", "close", "--apply", &plan, "--yes"])?;
    ensure!(matches!(run.exit, Some(0 | 3)), "{}", run.wrong("exit 0 or 3 was expected"));
    let outcomes = outcomes(&run)?;
    reconcile(&tenant, &lines, &outcomes, &run)?;
    if stormy {
        for fault in ["status_429", "status_500", "status_503", "reset", "cut", "status_401"] {
            ensure!(tenant.fired(fault) > 0, "the fault {fault} never fired: {:?}", tenant.stats());
        }
    }
    // Nothing is left to do, and nobody is asked to end anything twice.
    tenant.set_faults(&FaultPlan::default())?;
    let before: u64 = tenant.guests()?.iter().map(|guest| guest.deletes).sum();
    let again = desk.json(&["session", "close", "--apply", &plan, "--yes"])?;
    ensure!(self::outcomes(&again)? == outcomes, "{}", again.wrong("the same plan again has other outcomes"));
    let after: u64 = tenant.guests()?.iter().map(|guest| guest.deletes).sum();
    ensure!(before == after, "{}", again.wrong("the same plan again sent DELETEs"));
    drained(&desk, &tenant)?;
    ended_are_told(&tenant, &outcomes)?;
    desk.json(&["audit", "verify"])?.exits(0)?;
    Ok(())
}

/// The outcome of every guest, and a summary that counts them.
pub(super) fn outcomes(run: &Run) -> Result<BTreeMap<String, String>, String> {
    let mut lines = run.lines()?;
    let summary = lines.pop().ok_or_else(|| run.wrong("there is no summary"))?;
    let mut outcomes = BTreeMap::new();
    for line in &lines {
        let text = |name: &str| {
            line[name]
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| run.wrong(&format!("a line without {name}: {line}")))
        };
        let id = text("guest_id")?;
        let before = outcomes.insert(id.clone(), text("outcome")?);
        ensure!(before.is_none(), "{}", run.wrong(&format!("{id} has two outcomes")));
    }
    for kind in ["ended", "duplicate", "skipped", "failed", "unknown"] {
        let counted = outcomes.values().filter(|outcome| *outcome == kind).count();
        ensure!(
            summary["summary"][kind] == counted,
            "{}",
            run.wrong(&format!("{counted} lines say {kind}, the summary does not: {summary}"))
        );
    }
    Ok(outcomes)
}

/// What was said of every guest is what the tenant counted, to the unit.
fn reconcile(
    tenant: &Tenant<'_>,
    lines: &[Value],
    outcomes: &BTreeMap<String, String>,
    run: &Run,
) -> Outcome {
    let guests = tenant.guests()?;
    ensure!(
        outcomes.len() == lines.len(),
        "{}",
        run.wrong(&format!("{} guests have an outcome", outcomes.len()))
    );
    for (guest, line) in guests.iter().zip(lines) {
        let outcome = outcomes.get(&guest.id).map_or("none", String::as_str);
        let agrees = match outcome {
            "ended" => {
                let said = (guest.reason.as_deref(), guest.retain_data, guest.external_ref.as_deref());
                let asked =
                    (line["reason"].as_str(), line["retain_data"].as_bool(), line["external_ref"].as_str());
                guest.ended == 1 && said == asked || guest.closed_meanwhile()
            }
            "duplicate" => guest.ended == 0 && guest.state == "closed",
            "skipped" => guest.ended == 0 && guest.deletes == 0 && guest.state != "active",
            _ => false,
        };
        ensure!(
            agrees,
            "{}",
            run.wrong(&format!("the outcome {outcome} is not what happened: {guest:?}, {line}"))
        );
    }
    for kind in ["ended", "duplicate", "skipped"] {
        let some = outcomes.values().any(|outcome| outcome == kind);
        ensure!(some, "{}", run.wrong(&format!("no guest is {kind}: the scenario shows nothing")));
    }
    Ok(())
}
