//! `kill -9` at any moment of a pull or an import, one to three times, then the same command once more: everything is
//! there, once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use frontdesk_sandbox::{Config, FaultPlan, Rule, When};

use super::Scenario;
use super::archive::{Listed, pulled};
use super::desk::{Desk, YEAR};
use super::files;
use super::options::Options;
use super::random::Random;
use super::scene::Scene;
use super::tenant::{Truth, WIDE};
use crate::Outcome;

/// Seeds of one scenario: small enough that two cores share the work.
const A_SCENARIO: u64 = 25;
/// Every so-many-eth seed kills an import.
const IMPORT_EVERY: u64 = 5;

pub(super) fn scenarios(options: &Options) -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    let mut first = 0;
    while first < options.seeds {
        let end = (first + A_SCENARIO).min(options.seeds);
        let name = format!("kill: -9 at any moment, runs {} to {end}", first + 1);
        scenarios.push(Scenario::new(name, move |scene| many(scene, first..end)));
        first = end;
    }
    scenarios.push(Scenario::new("kill: INT and TERM save and say so", asked_to_stop));
    scenarios
}

/// What was interrupted, so that a run that interrupted nothing fails.
#[derive(Default)]
struct Met {
    /// Kills that met a living process.
    killed: AtomicU64,
    /// …when some records were there, but not all.
    in_the_middle: AtomicU64,
    /// …when a segment was sealed.
    sealed: AtomicU64,
}

fn many(scene: &Scene<'_>, runs: std::ops::Range<u64>) -> Outcome {
    // About 40 pages that take a moment each, so that an undisturbed pull takes some hundred milliseconds.
    let delay =
        Rule { when: When { method: Some("POST".into()), ..When::default() }, then: None, delay_ms: 4 };
    let faults = FaultPlan { rules: vec![delay], ..FaultPlan::default() };
    let config = Config {
        // Of the task, not of the scenario: a run is the same one whichever scenario it falls into.
        seed: scene.house.options.seed,
        conversations: Some(1_200),
        rate_limit_per_min: WIDE,
        faults,
        ..Config::default()
    };
    let tenant = scene.tenant(config)?;
    let truth = tenant.truth()?;
    let lines = scene.hidden("conversations.ndjson");
    let mut text = Vec::new();
    for number in 0..tenant.count() {
        text.extend_from_slice(&tenant.conversation(number)?);
        text.push(b'\n');
    }
    files::write_private(&lines, &text)?;
    let lines = lines.display().to_string();
    // All in one month would be one segment; a quarter gives several folders and, with a small size, seals.
    let pull = [&["--json", "archive", "pull", "--page-size", "30"], &YEAR as &[&str]].concat();
    let import = ["--json", "archive", "import", "--ndjson", lines.as_str()];
    let met = Met::default();
    let undisturbed = |data: &str, arguments: &[&str]| -> Result<Duration, String> {
        let desk = scene.desk(data).connected(&tenant);
        let started = Instant::now();
        desk.run(arguments)?.exits(0)?;
        Ok(started.elapsed())
    };
    let long = [undisturbed("pull", &pull)?, undisturbed("import", &import)?];
    for run in runs.clone() {
        let imports = run % IMPORT_EVERY == IMPORT_EVERY - 1;
        let (arguments, long): (&[&str], _) = if imports { (&import, long[1]) } else { (&pull, long[0]) };
        let desk = scene.desk(&format!("run {}", run + 1)).connected(&tenant);
        // Every other run with segments so small that sealing is met too.
        let desk = if run % 2 == 0 { desk.with("FRONTDESK_SEGMENT_SIZE", "64KiB") } else { desk };
        let mut random = Random::new(scene.house.options.seed, &format!("kill {run}"));
        let again =
            format!("again: cargo xtask e2e kill --seeds {} --seed {}", run + 1, scene.house.options.seed);
        interrupted(&desk, arguments, &truth, long, &mut random, &met)
            .map_err(|message| format!("run {}: {message}\n{again}", run + 1))?;
        // Two hundred archives are a lot of disk; a failed one stays until the scenario ends.
        std::fs::remove_dir_all(&desk.data).map_err(|error| format!("{}: {error}", desk.data.display()))?;
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let runs = runs.end - runs.start;
    ensure!(
        count(&met.killed) * 2 >= runs,
        "only {} of {runs} runs were killed before their end",
        count(&met.killed)
    );
    if runs == A_SCENARIO {
        ensure!(count(&met.in_the_middle) > 0, "no kill met a half-filled archive");
        ensure!(count(&met.sealed) > 0, "no kill met a sealed segment");
    }
    Ok(())
}

fn interrupted(
    desk: &Desk<'_>,
    arguments: &[&str],
    truth: &Truth,
    long: Duration,
    random: &mut Random,
    met: &Met,
) -> Outcome {
    // Somewhere in the work, or a little after.
    let longest = u64::try_from(long.as_micros()).unwrap_or(u64::MAX);
    let kills = 1 + random.below(3);
    let mut seen: Vec<Listed> = Vec::new();
    for _ in 0..kills {
        let running = desk.start(arguments)?;
        std::thread::sleep(Duration::from_micros(random.below(longest)));
        let (killed, run) = running.kill()?;
        if !killed {
            run.exits(0)?;
        }
        // Before FORMAT.json there is no archive to list.
        if !desk.archive().join("FORMAT.json").exists() {
            met.killed.fetch_add(u64::from(killed), Ordering::Relaxed);
            continue;
        }
        // Sometimes the next to look is a reader, sometimes a writer.
        if random.below(2) == 0 {
            let now = desk.list()?;
            half_visible_or_lost(&now, &seen, truth)?;
            met.in_the_middle.fetch_add(
                u64::from(killed && !now.is_empty() && now.len() < truth.len()),
                Ordering::Relaxed,
            );
            seen = now;
        }
        met.killed.fetch_add(u64::from(killed), Ordering::Relaxed);
        met.sealed
            .fetch_add(u64::from(killed && !files::sealed(&desk.archive())?.is_empty()), Ordering::Relaxed);
    }
    let run = desk.run(arguments)?.exits(0)?;
    if arguments.contains(&"pull") {
        let result = pulled(&run.last()?)?;
        ensure!(result.state == "complete", "{}", run.wrong("the certificate is not complete"));
    }
    half_visible_or_lost(&desk.list()?, &seen, truth)?;
    desk.holds_exactly(truth)
}

/// What a reader sees is what was served, and what it saw once it sees again.
fn half_visible_or_lost(now: &[Listed], before: &[Listed], truth: &Truth) -> Outcome {
    for record in now {
        let served = truth.get(&record.id) == Some(&record.sha256) && record.version == 1;
        ensure!(served, "a reader sees what was never served: {record:?}");
    }
    let ids: BTreeSet<&str> = now.iter().map(|record| record.id.as_str()).collect();
    ensure!(ids.len() == now.len(), "a reader sees an id twice");
    let lost: Vec<_> = before.iter().filter(|record| !ids.contains(record.id.as_str())).collect();
    ensure!(lost.is_empty(), "{} records that a reader saw are gone, such as {:?}", lost.len(), lost.first());
    Ok(())
}

/// The first signal ends a pull in order: exit 130, what was stored is counted, and the same command does the rest.
fn asked_to_stop(scene: &Scene<'_>) -> Outcome {
    let config = Config {
        seed: scene.seed(),
        conversations: Some(600),
        rate_limit_per_min: WIDE,
        latency: Duration::from_millis(100),
        ..Config::default()
    };
    let tenant = scene.tenant(config)?;
    let truth = tenant.truth()?;
    let pull = [&["--json", "archive", "pull", "--page-size", "5"], &YEAR as &[&str]].concat();
    for signal in ["INT", "TERM"] {
        let desk = scene.desk(signal).connected(&tenant);
        let mut running = desk.start(&pull)?;
        wait_for(&mut running, || files::below(&desk.segments()).is_ok_and(|files| !files.is_empty()))?;
        ensure!(running.signal(signal)?, "the pull ended before the signal");
        let run = running.wait()?.exits(130)?.says(&["interrupted"])?;
        let hint = run.error().map(|error| error["hint"].to_string()).unwrap_or_default();
        ensure!(
            hint.contains("same command"),
            "{}",
            run.wrong("it does not say that the same command resumes")
        );
        let so_far = desk.list()?;
        ensure!(
            !so_far.is_empty() && so_far.len() < truth.len(),
            "{} of {} records are there: nothing was interrupted",
            so_far.len(),
            truth.len()
        );
        desk.verifies(so_far.len() as u64)?;
        let asked = tenant.queries();
        let run = desk.run(&pull)?.exits(0)?;
        let result = pulled(&run.last()?)?;
        ensure!(result.state == "complete", "{}", run.wrong("the certificate is not complete"));
        let whole = tenant.count() / 5;
        ensure!(
            tenant.queries() - asked < whole + 64,
            "{} queries after the resume: it began again",
            tenant.queries() - asked
        );
        desk.holds_exactly(&truth)?;
    }
    // A second signal does not wait for anything.
    let desk = scene.desk("twice").connected(&tenant);
    let mut running = desk.start(&pull)?;
    wait_for(&mut running, || files::below(&desk.segments()).is_ok_and(|files| !files.is_empty()))?;
    running.signal("INT")?;
    running.signal("INT")?;
    running.wait()?.exits(130)?;
    desk.run(&pull)?.exits(0)?;
    desk.holds_exactly(&truth)
}

/// Waits until `done`, as long as the process lives.
pub(super) fn wait_for(running: &mut super::process::Running<'_>, done: impl Fn() -> bool) -> Outcome {
    while !done() {
        ensure!(!running.has_ended(), "the process ended before it came so far");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
