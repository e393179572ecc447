//! The platform does what it was asked, and its answer is lost (R20): after every byte of it, by a reset, a cut, a 502 or
//! silence, or with the process that waits for it, killed. However it was, each session is opened once and each message
//! sent once, and the run after the network has healed knows it.

use std::time::{Duration, Instant};

use frontdesk_sandbox::{Break, Config, Effect, FaultPlan, Point, Rule, When};

use super::Scenario;
use super::desk::Desk;
use super::once::{Job, Talk};
use super::options::Options;
use super::scene::Scene;
use super::tenant::{Tenant, WIDE, small};
use crate::Outcome;

/// The longest answers there are, in bytes: beyond them nothing is lost.
const ANSWERS: [(Job, u64); 2] = [(Job::Open, 480), (Job::Send, 70)];
/// Until a killed process must have been killed. This ends a hang, it does not measure.
const HANGS_AFTER: Duration = Duration::from_secs(120);

pub(super) fn scenarios(options: &Options) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    for (job, longest) in ANSWERS {
        let what = match job {
            Job::Open => "opening sessions",
            Job::Send => "sending messages",
        };
        scenarios.push(Scenario::new(
            format!("lost replies: {what}, answers broken after every byte"),
            move |scene| every_byte(scene, job, longest),
        ));
        let kills = options.tier.pick(6, 300);
        scenarios.push(Scenario::new(
            format!("lost replies: {what}, killed between commit and record"),
            move |scene| killed(scene, job, kills),
        ));
    }
    scenarios
}

/// A tenant, a desk, and somebody to talk to over each of two channels.
fn open_scene<'s, 'h>(scene: &'s Scene<'h>) -> Result<(Tenant<'h>, Desk<'s>, Vec<Talk>), String> {
    let tenant = scene.tenant(Config { guests: 50, rate_limit_per_min: WIDE, ..small(scene) })?;
    // Silence is as long as one wants to wait.
    let desk = scene.desk("data").connected(&tenant);
    let desk = desk.with("FRONTDESK_TIMEOUT_HEAD", "2s").with("FRONTDESK_TIMEOUT_IDLE", "2s");
    let ready = tenant.ready();
    let talks = ["webchat", "sms", "email"].iter().filter_map(|channel| ready.channels.get(*channel));
    let talks = talks.map(|talk| Talk {
        conversation: talk.conversation_id.clone(),
        agent: talk.agent_id.clone(),
        customer: talk.customer_id.clone(),
    });
    let talks: Vec<Talk> = talks.collect();
    ensure!(!talks.is_empty(), "the tenant has nobody to talk to");
    Ok((tenant, desk, talks))
}

/// What happens to the answer to line `k`, around byte `byte`.
fn loss(k: usize, byte: u64) -> Effect {
    match k % 16 {
        3 => Effect::CommittedThen { status: 502 },
        6 => Effect::Reset(Point::BeforeHead),
        9 => Effect::Cut(Point::BeforeHead),
        12 => Effect::Unheard(Break::Reset),
        15 => Effect::Stall(Point::Byte(byte)),
        even if even.is_multiple_of(2) => Effect::Cut(Point::Byte(byte)),
        _ => Effect::Reset(Point::Byte(byte)),
    }
}

fn every_byte(scene: &Scene<'_>, job: Job, longest: u64) -> Outcome {
    let (tenant, desk, talks) = open_scene(scene)?;
    let bytes: Vec<u64> = (0..longest).collect();
    // One answer is lost, or all of a run: which lines are settled at once and which by the next run.
    let rules = bytes.iter().enumerate().map(|(k, byte)| {
        let times = scene.random().below(4) > 0;
        let (path, body) = (Some(job.path()), Some(job.mark(k)));
        let when = When { path, body_contains: body, times: times.then_some(1), ..When::default() };
        Rule { when, then: Some(loss(k, *byte)), delay_ms: 0 }
    });
    tenant.set_faults(&FaultPlan { rules: rules.collect(), ..FaultPlan::default() })?;
    let from = job.lines(&desk, bytes.len(), &talks)?;
    let mut run = desk.run(&job.command(&from))?;
    ensure!(matches!(run.exit, Some(0 | 3 | 5)), "{}", run.wrong("exit 0, 3 or 5 was expected"));
    job.outcomes(&run)?;
    let posts = job.at_most_once(&tenant)?;
    let effects = ["cut", "reset", "committed_then_502", "unheard", "stall"];
    for effect in effects {
        ensure!(tenant.fired(effect) > 0, "the fault {effect} never fired: {:?}", tenant.stats());
    }
    ensure!(posts > job.count(&tenant), "nothing that was lost was sent again");
    // The network heals: one run more, and all is known.
    tenant.set_faults(&FaultPlan::default())?;
    run = desk.run(&job.command(&from))?.exits(0)?;
    job.all_done(&tenant, &run, bytes.len())?;
    // There is nothing left to do.
    let before = job.at_most_once(&tenant)?;
    run = desk.run(&job.command(&from))?.exits(0)?;
    job.all_done(&tenant, &run, bytes.len())?;
    ensure!(job.at_most_once(&tenant)? == before, "{}", run.wrong("what is done was sent again"));
    desk.json(&["audit", "verify"])?.exits(0)?;
    Ok(())
}

/// The answer to one request stays away, and the process is killed while it waits: what it asked for is done, and nobody
/// has written that down.
fn killed(scene: &Scene<'_>, job: Job, kills: usize) -> Outcome {
    const LINES: usize = 24;
    /// Until the kill comes, a run goes on with what nothing holds up: lines that it may use for that, for each kill.
    const AHEAD: usize = 400;
    /// As many as either job does at once.
    const UNDER_WAY: u64 = 64;
    let count = (LINES + AHEAD) * kills;
    let (tenant, desk, talks) = open_scene(scene)?;
    let desk = desk.with("FRONTDESK_TIMEOUT_HEAD", "60s").with("FRONTDESK_TIMEOUT_IDLE", "60s");
    let from = job.lines(&desk, count, &talks)?;
    for kill in 0..kills {
        // Of those that no run has come to so far: what was under way when one was killed may have been done or not.
        let begun = job.count(&tenant) + UNDER_WAY;
        let victim = begun.max((LINES * kill) as u64) + scene.random().below(LINES as u64 / 2);
        let mark = job.mark(usize::try_from(victim).unwrap_or(0));
        let stalled = match scene.random().below(3) {
            0 => Effect::Stall(Point::BeforeHead),
            1 => Effect::Stall(Point::Byte(0)),
            _ => Effect::Stall(Point::Byte(30)),
        };
        let before = tenant.fired("stall");
        let when = When { path: Some(job.path()), body_contains: Some(mark.clone()), ..When::default() };
        let rules = vec![Rule { when, then: Some(stalled), delay_ms: 0 }];
        tenant.set_faults(&FaultPlan { rules, ..FaultPlan::default() })?;
        let mut running = desk.start(&job.command(&from))?;
        let started = Instant::now();
        while tenant.fired("stall") == before {
            ensure!(!running.has_ended(), "the run ended before it came to {mark:?}");
            ensure!(started.elapsed() < HANGS_AFTER, "nothing came to {mark:?}");
            std::thread::sleep(Duration::from_millis(1));
        }
        let (alive, run) = running.kill()?;
        ensure!(alive, "{}", run.wrong("it ended before it was killed"));
        job.at_most_once(&tenant)?;
    }
    tenant.set_faults(&FaultPlan::default())?;
    let run = desk.run(&job.command(&from))?.exits(0)?;
    job.all_done(&tenant, &run, count)?;
    ensure!(tenant.fired("stall") >= kills as u64, "fewer answers stayed away than processes were killed");
    desk.json(&["audit", "verify"])?.exits(0)?;
    Ok(())
}
