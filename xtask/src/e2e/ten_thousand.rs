//! Ten thousand sessions opened and ten thousand messages sent and followed, each in one run that is killed in the middle
//! and resumed: every one exactly once, and the totals are the tenant's.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use frontdesk_sandbox::{Config, Effect, FaultPlan, Rates, RetryAfter, Rule, When};
use serde_json::json;

use super::Scenario;
use super::desk::Desk;
use super::once::{Job, Talk};
use super::process::Run;
use super::scene::Scene;
use super::tenant::{Tenant, WIDE, small};
use crate::Outcome;

const COUNT: usize = 10_000;
/// Conversations that the messages go to.
const TALKS: usize = 100;
/// Until a run must have come to where it is killed. This ends a hang, it does not measure.
const HANGS_AFTER: Duration = Duration::from_secs(300);

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "once: ten thousand sessions and as many messages, lost replies and kill -9",
            |scene| both(scene, &storm()),
        ),
        Scenario::new("once: ten thousand sessions and as many messages, kill -9", |scene| {
            both(scene, &FaultPlan::default())
        }),
    ]
}

/// A little of everything that loses an answer, and some that is refused.
fn storm() -> FaultPlan {
    let lost = |job: Job| Rule {
        when: When { path: Some(job.path()), probability: Some(0.001), ..When::default() },
        then: Some(Effect::CommittedThen { status: 502 }),
        delay_ms: 0,
    };
    let rate = Rates {
        status_429: 0.003,
        status_503: 0.001,
        reset: 0.002,
        cut: 0.002,
        retry_after: vec![RetryAfter::Text("0".into())],
        ..Rates::default()
    };
    FaultPlan { rules: vec![lost(Job::Open), lost(Job::Send)], rate, ..FaultPlan::default() }
}

fn both(scene: &Scene<'_>, faults: &FaultPlan) -> Outcome {
    let tenant = scene.tenant(Config { rate_limit_per_min: WIDE, guests: 0, ..small(scene) })?;
    let desk = scene.desk("data").connected(&tenant);
    let run = once(&desk, &tenant, Job::Open, faults, &[])?;
    job_totals(&tenant, &run)?;
    let opened = tenant.opened()?;
    let talks: Vec<Talk> = opened
        .iter()
        .step_by(COUNT / TALKS)
        .map(|one| Talk {
            conversation: one.id.clone(),
            agent: one.agent_id.clone(),
            customer: one.guest_id.clone(),
        })
        .collect();
    ensure!(talks.len() == TALKS, "{} conversations to send to", talks.len());
    tenant.plan_receipts(
        &json!({"delivered_ms": [50, 400], "read": 0.3, "read_ms": [50, 400], "failed": 0.02}),
    )?;
    let run = once(&desk, &tenant, Job::Send, faults, &talks)?;
    followed(&tenant, &run)?;
    if *faults != FaultPlan::default() {
        for fault in ["committed_then_502", "reset", "cut", "status_503", "status_429"] {
            ensure!(tenant.fired(fault) > 0, "the fault {fault} never fired: {:?}", tenant.stats());
        }
    }
    desk.json(&["audit", "verify"])?.exits(0)?;
    Ok(())
}

/// Does a job, killed once in the middle, until nothing is left to be done.
fn once(
    desk: &Desk<'_>,
    tenant: &Tenant<'_>,
    job: Job,
    faults: &FaultPlan,
    talks: &[Talk],
) -> Result<Run, String> {
    tenant.set_faults(faults)?;
    let from = job.lines(desk, COUNT, talks)?;
    let enough = 1_000 + desk.scene.random().below(COUNT as u64 - 3_000);
    let mut running = desk.start(&job.command(&from))?;
    let started = Instant::now();
    while job.count(tenant) < enough {
        ensure!(!running.has_ended(), "the run ended after {} of {COUNT}", job.count(tenant));
        ensure!(started.elapsed() < HANGS_AFTER, "{} of {COUNT} are done", job.count(tenant));
        std::thread::sleep(Duration::from_millis(1));
    }
    let (alive, run) = running.kill()?;
    ensure!(alive, "{}", run.wrong("it ended before it was killed"));
    ensure!(job.count(tenant) < COUNT as u64, "it was killed when all was done");
    let run = desk.run(&job.command(&from))?;
    ensure!(matches!(run.exit, Some(0 | 3)), "{}", run.wrong("exit 0 or 3 was expected"));
    tenant.set_faults(&FaultPlan::default())?;
    // What the storm left unknown.
    let run = if run.exit == Some(0) { run } else { desk.run(&job.command(&from))? };
    job.all_done(tenant, &run, COUNT)?;
    Ok(run)
}

/// What the tenant counted of the sessions.
fn job_totals(tenant: &Tenant<'_>, run: &Run) -> Outcome {
    let opened = tenant.opened()?;
    let guests: BTreeMap<&str, &str> = opened.iter().map(|one| (&*one.guest_id, &*one.id)).collect();
    for line in run.lines()?.iter().filter(|line| line["guest_id"].is_string()) {
        let truth = line["guest_id"].as_str().and_then(|guest| guests.get(guest).copied());
        ensure!(line["session_id"].as_str() == truth, "{}", run.wrong(&format!("another session: {line}")));
    }
    Ok(())
}

/// How far each message came is how far the tenant says it came.
fn followed(tenant: &Tenant<'_>, run: &Run) -> Outcome {
    let taken = tenant.taken()?;
    let last: BTreeMap<&str, &str> = taken.iter().map(|one| (&*one.id, &*one.last_status)).collect();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for line in run.lines()?.iter().filter(|line| line["message_id"].is_string()) {
        let truth = line["message_id"].as_str().and_then(|id| last.get(id).copied()).unwrap_or("nothing");
        let said = line["delivery"].as_str().unwrap_or("nothing");
        // Following ends with the first receipt that is good; that it was read may come later.
        let agrees = said == truth || said == "delivered" && truth == "read";
        ensure!(agrees, "{}", run.wrong(&format!("{said} is not {truth}: {line}")));
        *counts.entry(said.to_owned()).or_default() += 1;
    }
    ensure!(counts.values().sum::<u64>() == COUNT as u64, "not all were followed: {counts:?}");
    ensure!(counts.len() > 1, "all came equally far: {counts:?}");
    Ok(())
}
