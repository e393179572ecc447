//! An fsync that fails is no success (R4): the n-th of each thread and call, for every n there is.

use super::archive::Listed;
use super::desk::Desk;
use super::scene::Scene;
use super::strace;
use super::tenant::{Tenant, small};
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("fsync: each one fails once, in a new archive", |scene| each_fails(scene, false)),
        Scenario::new("fsync: each one fails once, in an archive with records", |scene| {
            each_fails(scene, true)
        }),
        Scenario::new("fsync: each write fails once with a full disk", each_write_fails),
    ]
}

/// Beyond this it is not the number of calls that ends the loop.
const MOST: u64 = 400;
/// A few windows: with all of 64 every n would take as long as a pull of a year.
const RANGE: [&str; 6] = ["--from", "2025-01-01", "--to", "2025-01-05", "--page-size", "5"];

fn tenant<'h>(scene: &Scene<'h>) -> Result<Tenant<'h>, String> {
    scene.tenant(frontdesk_sandbox::Config { conversations: Some(2_000), ..small(scene) })
}

fn each_fails(scene: &Scene<'_>, filled: bool) -> Outcome {
    strace::is_usable()?;
    let tenant = tenant(scene)?;
    let pull = [&["--json", "archive", "pull"], &RANGE as &[&str]].concat();
    let before =
        [&["--json", "archive", "pull", "--from", "2025-01-05", "--to", "2025-01-07"] as &[&str]].concat();
    let start = scene.desk("start").connected(&tenant).with("FRONTDESK_SEGMENT_SIZE", "64KiB");
    if filled {
        start.run(&before)?.exits(0)?;
    }
    let mut injected_at_all = 0;
    for n in 1.. {
        ensure!(n <= MOST, "there are more than {MOST} calls of one thread: is something looping?");
        let desk = scene.desk(&format!("n {n}")).connected(&tenant).with("FRONTDESK_SEGMENT_SIZE", "64KiB");
        if filled {
            files::copy_folder(&start.data, &desk.data)?;
        }
        let stored_before = if filled { desk.list()? } else { Vec::new() };
        let (traced, trace) =
            desk.clone().injecting("fsync,fdatasync", &format!("fsync,fdatasync:error=EIO:when={n}"));
        let run = traced.run(&pull)?;
        let injected = trace.injected()?;
        injected_at_all += injected;
        if injected == 0 {
            run.exits(0)?;
            // Raised until nothing is marked any more; nothing ever marked would have proved nothing.
            ensure!(injected_at_all > 0, "no fsync was ever made to fail");
            ensure!(n > 2, "a single fsync a thread: that cannot be all");
            return Ok(());
        }
        let failed = format!("n = {n}, {injected} failed");
        if run.exit == Some(0) && only_of_projections(&trace, &desk)? {
            resumes(&desk, &pull, &stored_before, &tenant)
                .map_err(|message| format!("{failed}: {message}"))?;
            continue;
        }
        let run = run.exits(9).map_err(|message| format!("{failed}: {message}"))?;
        ensure!(run.error().is_some(), "{}", run.wrong(&format!("{failed}: there is no error object")));
        no_second_try(&trace, &desk).map_err(|message| format!("{failed}: {message}"))?;
        resumes(&desk, &pull, &stored_before, &tenant).map_err(|message| format!("{failed}: {message}"))?;
        std::fs::remove_dir_all(&desk.data).map_err(|error| format!("{}: {error}", desk.data.display()))?;
    }
    Ok(())
}

/// Whether nothing failed but what no record depends on. SQLite fsyncs the folder after it made its journal, and does
/// not look at the result. The search index is given up when one of its files cannot be written. The reserve is room
/// for removals, and there is none when it cannot be made.
fn only_of_projections(trace: &strace::Trace, desk: &Desk<'_>) -> Result<bool, String> {
    let calls = trace.calls()?;
    let is_one = |at: usize| {
        let before = calls[..at].iter().rev().find(|call| call.thread == calls[at].thread);
        // The folder, after a file was made in it.
        let made = |name: &str| {
            before.is_some_and(|before| before.path.starts_with(&format!("{}/{name}", calls[at].path)))
        };
        let path = strace::below(&calls[at], &desk.archive()).unwrap_or_default();
        made("catalog.sqlite")
            || made("journal.sqlite")
            || calls[at].path.ends_with("/journal/reserve")
            || made("reserve")
            || ["reserve", "search"].contains(&path)
            || path.starts_with("search/")
    };
    Ok(calls.iter().enumerate().filter(|(_, call)| call.injected).all(|(at, _)| is_one(at)))
}

/// What the kernel did not write once it does not promise any more: no later fsync may make it look written.
fn no_second_try(trace: &strace::Trace, desk: &Desk<'_>) -> Outcome {
    let calls = trace.calls()?;
    let Some(first) = calls.iter().position(|call| call.injected) else { return Ok(()) };
    let failed = &calls[first];
    let Some(path) = strace::below(failed, &desk.archive()) else { return Ok(()) };
    let again = calls[first + 1..].iter().find(|call| !call.injected && call.path == failed.path);
    match again {
        // A directory is fsynced for each name that is made in it; another file's name does not lie about the first.
        Some(call) if path.ends_with(".gz") || path.ends_with(".ndjson") => {
            Err(format!("{} of {path} after one of it failed", call.name))
        }
        _ => Ok(()),
    }
}

/// After a failure: nothing that was there is gone, what a reader sees stays, and the same command does the rest.
fn resumes(desk: &Desk<'_>, pull: &[&str], before: &[Listed], tenant: &Tenant<'_>) -> Outcome {
    // A new archive may not have come so far as to be one.
    let seen = if desk.archive().join("FORMAT.json").exists() { desk.list()? } else { Vec::new() };
    ensure!(before.iter().all(|record| seen.contains(record)), "a record of before is gone");
    desk.run(pull)?.exits(0)?;
    let after = desk.list()?;
    let stays = |record: &&Listed| after.iter().any(|now| now.id == record.id && now.sha256 == record.sha256);
    ensure!(seen.iter().all(|record| stays(&record)), "a record that a reader saw is gone");
    let range = tenant.within("2025-01-01", if before.is_empty() { "2025-01-05" } else { "2025-01-07" })?;
    desk.holds_exactly(&range)
}

/// ENOSPC in place of the n-th write and all that follow.
fn each_write_fails(scene: &Scene<'_>) -> Outcome {
    strace::is_usable()?;
    let tenant = tenant(scene)?;
    let pull = [&["--json", "archive", "pull"], &RANGE as &[&str]].concat();
    let mut injected_at_all = 0;
    let mut n = 1;
    loop {
        ensure!(n <= MOST * 10, "there is no end to the writes");
        let desk = scene.desk(&format!("n {n}")).connected(&tenant).with("FRONTDESK_SEGMENT_SIZE", "64KiB");
        let calls = "pwrite64,pwritev,pwritev2,ftruncate,fallocate";
        let (traced, trace) = desk.clone().injecting(calls, &format!("{calls}:error=ENOSPC:when={n}+"));
        let run = traced.run(&pull)?;
        let injected = trace.injected()?;
        injected_at_all += injected;
        if injected == 0 {
            run.exits(0)?;
            ensure!(injected_at_all > 0, "no write was ever made to fail");
            return Ok(());
        }
        let failed = format!("n = {n}, {injected} failed");
        run.exits(9).map_err(|message| format!("{failed}: {message}"))?;
        resumes(&desk, &pull, &[], &tenant).map_err(|message| format!("{failed}: {message}"))?;
        std::fs::remove_dir_all(&desk.data).map_err(|error| format!("{}: {error}", desk.data.display()))?;
        // The first ones each, then ever wider: writes of one kind are alike.
        n += 1 + n / 8;
    }
}
