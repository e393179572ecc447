//! `kill -9` at any moment of `session close --apply` and of `webhook drain`, one to three times each, then the same
//! command once more: every session is ended exactly once, and every one of them is told of, under one id.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use frontdesk_sandbox::{Config, FaultPlan, GuestPlan, Rule, When};
use serde_json::{Value, json};

use super::Scenario;
use super::desk::Desk;
use super::options::Options;
use super::random::Random;
use super::scene::Scene;
use super::sessions::{outcomes, selection, wanted};
use super::telling::{RECEIVER, drained, ended_are_told};
use super::tenant::{Tenant, WIDE};
use super::truth::Guest;
use crate::Outcome;

/// Seeds of one scenario: small enough that two cores share the work.
const A_SCENARIO: u64 = 25;
/// Guests that one run ends.
const A_RUN: usize = 16;
/// Beyond the first few waits of the schedule, and far from the last.
const LATER_SECONDS: u64 = 3_600;

pub(super) fn scenarios(options: &Options) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    let mut first = 0;
    while first < options.seeds {
        let end = (first + A_SCENARIO).min(options.seeds);
        let name = format!("sessions: kill -9 while ending and telling, runs {} to {end}", first + 1);
        scenarios.push(Scenario::new(name, move |scene| many(scene, first..end)));
        first = end;
    }
    scenarios
}

/// What was interrupted, so that a scenario that interrupted nothing fails.
#[derive(Debug, Default)]
struct Met {
    /// Kills of an `--apply`, and those of them when some sessions of the run were ended, but not all.
    applies: u64,
    while_ending: u64,
    /// Kills of a `drain`, and those of them when it had delivered something.
    drains: u64,
    while_telling: u64,
}

/// How often a command of one run is started and killed: one to three times, and until one was killed before its end.
struct Kills {
    wanted: u64,
    started: u64,
    killed: u64,
}

impl Kills {
    fn drawn(random: &mut Random) -> Self {
        Self { wanted: 1 + random.below(3), started: 0, killed: 0 }
    }

    fn go_on(&self) -> Result<bool, String> {
        ensure!(self.started < 100, "{} starts, and none was killed before its end", self.started);
        Ok(self.started < self.wanted || self.killed == 0)
    }

    fn count(&mut self, killed: bool) -> bool {
        self.started += 1;
        self.killed += u64::from(killed);
        killed
    }
}

fn many(scene: &Scene<'_>, runs: Range<u64>) -> Outcome {
    let least = runs.end - runs.start;
    let slow = |path: &str| Rule {
        when: When { path: Some(path.to_owned()), ..When::default() },
        then: None,
        delay_ms: 4,
    };
    let faults =
        FaultPlan { rules: vec![slow("/api/v2/webmessaging/guests/{guestId}")], ..FaultPlan::default() };
    let config = Config {
        // Of the task and the runs, so that a run is the same one in every scenario.
        seed: scene.house.options.seed ^ (runs.start << 32),
        guests: (runs.end - runs.start) * A_RUN as u64,
        guest_plan: GuestPlan { active: 0.95, closing: 0.02, ..GuestPlan::default() },
        rate_limit_per_min: WIDE,
        faults,
        ..Config::default()
    };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant).tells(&tenant, "session.terminated")?;
    let guests = tenant.guests()?;
    let (mut met, mut all) = (Met::default(), BTreeMap::new());
    let mut long = Duration::from_millis(300);
    for (slice, run) in guests.chunks(A_RUN).zip(runs) {
        let mut random = Random::new(scene.house.options.seed, &format!("kill sessions {run}"));
        let again =
            format!("again: cargo xtask e2e 'kill -9 while ending' --seed {}", scene.house.options.seed);
        let ended = one(&desk, &tenant, slice, run, &mut random, &mut met, &mut long)
            .map_err(|message| format!("run {}: {message}\n{again}", run + 1))?;
        all.extend(ended);
    }
    ensure!(met.applies >= least && met.drains >= least, "fewer kills than runs: {met:?}");
    ensure!(met.while_ending > 0, "no --apply was killed in the middle: {met:?}");
    ensure!(met.while_telling > 0, "no drain was killed in the middle: {met:?}");
    drained(&desk, &tenant)?;
    ended_are_told(&tenant, &all)?;
    desk.json(&["audit", "verify"])?.exits(0)?;
    Ok(())
}

/// Ends and tells of the guests of one run. `long` is how long an undisturbed `--apply` took.
fn one(
    desk: &Desk<'_>,
    tenant: &Tenant<'_>,
    slice: &[Guest],
    run: u64,
    random: &mut Random,
    met: &mut Met,
    long: &mut Duration,
) -> Result<BTreeMap<String, String>, String> {
    let lines: Vec<Value> = slice.iter().enumerate().map(|(k, guest)| wanted(guest, k)).collect();
    let from = selection(desk.scene, &format!("guests {run}.ndjson"), &lines)?;
    let plan = desk.scene.path(&format!("plan {run}.ndjson")).display().to_string();
    desk.json(&["session", "close", "--from", &from, "--plan", &plan])?.exits(0)?;
    // Some events are taken while the sessions are ended, some have to be told later.
    let moody = json!([{"when": {"probability": 0.5}, "then": {"status": {"status": 503}}}, {"delay_ms": 2}]);
    tenant.plan_receiver(RECEIVER, &json!({"faults": {"rules": moody}}))?;

    let apply = ["--json", "session", "close", "--apply", &plan, "--yes"];
    let ended_of_run = || -> Result<usize, String> {
        let now = tenant.guests()?;
        Ok(now.iter().filter(|guest| guest.ended > 0 && slice.iter().any(|one| one.id == guest.id)).count())
    };
    let mut kills = Kills::drawn(random);
    while kills.go_on()? {
        let killed = kills.count(kill(desk, &apply, random, *long)?);
        let ended = ended_of_run()?;
        met.while_ending += u64::from(killed && ended > 0 && ended < slice.len() * 3 / 4);
    }
    met.applies += kills.killed;
    let started = Instant::now();
    let last = desk.run(&apply)?;
    if random.below(4) == 0 {
        *long = started.elapsed().max(Duration::from_millis(100));
    }
    ensure!(matches!(last.exit, Some(0 | 3)), "{}", last.wrong("exit 0 or 3 was expected"));
    let outcomes = outcomes(&last)?;
    let now = tenant.guests()?;
    for guest in now.iter().filter(|guest| slice.iter().any(|one| one.id == guest.id)) {
        let outcome = outcomes.get(&guest.id).map_or("none", String::as_str);
        let agrees = match outcome {
            // Closed by itself while an intent of ours was open: ended, says the contract (§6).
            "ended" => guest.ended == 1 || closed_meanwhile(slice, guest),
            "duplicate" => guest.ended == 0 && guest.state == "closed",
            "skipped" => guest.ended == 0 && guest.state != "active",
            _ => false,
        };
        ensure!(agrees, "{}", last.wrong(&format!("the outcome {outcome} is not what happened: {guest:?}")));
    }

    tenant.advance_clock(LATER_SECONDS)?;
    tenant.plan_receiver(RECEIVER, &json!({"faults": {"rules": [{"delay_ms": 4}]}}))?;
    let mut kills = Kills::drawn(random);
    while kills.go_on()? {
        let before = tenant.received(RECEIVER)?.len();
        let killed = kills.count(kill(desk, &["webhook", "drain"], random, Duration::from_millis(100))?);
        met.while_telling += u64::from(killed && tenant.received(RECEIVER)?.len() > before);
    }
    met.drains += kills.killed;
    desk.run(&["webhook", "drain"])?.exits(0)?;
    Ok(outcomes)
}

/// Whether this guest was active at first, and has closed by itself since.
fn closed_meanwhile(slice: &[Guest], guest: &Guest) -> bool {
    let was_active = slice.iter().any(|one| one.id == guest.id && one.state == "active");
    guest.ended == 0 && guest.state == "closed" && was_active
}

/// Starts a command and kills it at some moment; says whether it was still alive.
fn kill(desk: &Desk<'_>, arguments: &[&str], random: &mut Random, long: Duration) -> Result<bool, String> {
    let running = desk.start(arguments)?;
    let longest = u64::try_from(long.as_micros()).unwrap_or(u64::MAX);
    std::thread::sleep(Duration::from_micros(random.below(longest)));
    let (killed, run) = running.kill()?;
    ensure!(killed || matches!(run.exit, Some(0 | 3)), "{}", run.wrong("exit 0 or 3 was expected"));
    Ok(killed)
}
