//! One writer, many readers, in several processes.

use std::time::Duration;

use frontdesk_sandbox::Config;

use super::archive::pulled;
use super::desk::YEAR;
use super::kill::wait_for;
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("busy: a second writer waits, then ends with 8 and names the first", second_writer),
        Scenario::new("busy: readers read while a writer writes", readers),
    ]
}

fn second_writer(scene: &Scene<'_>) -> Outcome {
    let config = Config { latency: Duration::from_millis(150), conversations: Some(100), ..small(scene) };
    let tenant = scene.tenant(config)?;
    let desk = scene.desk("data").connected(&tenant);
    let line = scene.hidden("one.ndjson");
    files::write_private(&line, br#"{"id":"one","startTime":"2025-01-01T00:00:00Z"}"#)?;
    let line = line.display().to_string();
    // Slow enough to be met by everybody, whatever is in flight.
    let slowly =
        [&["--json", "archive", "pull", "--page-size", "1", "--rate", "20"], &YEAR as &[&str]].concat();
    let mut first = desk.start(&slowly)?;
    wait_for(&mut first, || files::below(&desk.segments()).is_ok_and(|files| !files.is_empty()))?;
    let import = |wait: &str| desk.json(&["archive", "import", "--ndjson", &line, "--wait", wait]);
    let holder = format!("pid {}", first.id());
    for wait in ["0s", "1s"] {
        let run = import(wait)?.exits(8)?.says(&[&holder, "archive pull"])?;
        ensure!(
            run.error().is_some_and(|error| error["hint"].is_string()),
            "{}",
            run.wrong("no hint says what to do")
        );
    }
    desk.json(&[&["archive", "pull", "--wait", "0s"], &YEAR as &[&str]].concat())?
        .exits(8)?
        .says(&[&holder])?;
    ensure!(!first.has_ended(), "the first writer ended: the second one was not kept out by it");
    // One that has the patience gets its turn.
    let waiting = desk.start(&["--json", "archive", "import", "--ndjson", &line, "--wait", "300s"])?;
    let run = first.wait()?.exits(0)?;
    ensure!(
        pulled(&run.last()?)?.stored == tenant.count(),
        "{}",
        run.wrong("the first writer did not store all")
    );
    waiting.wait()?.exits(0)?;
    // The holder is gone, and so is its mark, also when it was killed.
    let mut killed = desk.start(&slowly)?;
    let asked = tenant.queries();
    wait_for(&mut killed, || tenant.queries() > asked)?;
    ensure!(killed.kill()?.0, "the writer ended before it was killed");
    import("0s")?.exits(0)?;
    let mut truth = tenant.truth()?;
    truth.insert("one".into(), files::sha256(br#"{"id":"one","startTime":"2025-01-01T00:00:00Z"}"#));
    desk.holds_exactly(&truth)
}

fn readers(scene: &Scene<'_>) -> Outcome {
    let config = Config { latency: Duration::from_millis(20), conversations: Some(2_000), ..small(scene) };
    let tenant = scene.tenant(config)?;
    let truth = tenant.truth()?;
    let desk = scene.desk("data").connected(&tenant).with("FRONTDESK_SEGMENT_SIZE", "64KiB");
    let mut writer =
        desk.start(&[&["--json", "archive", "pull", "--page-size", "10"], &YEAR as &[&str]].concat())?;
    wait_for(&mut writer, || files::below(&desk.segments()).is_ok_and(|files| !files.is_empty()))?;
    let (mut rounds, mut partly) = (0, 0);
    let mut seen = 0;
    while !writer.has_ended() {
        let listed = desk.list()?;
        ensure!(listed.len() >= seen, "a reader sees {} records after it saw {seen}", listed.len());
        seen = listed.len();
        for record in &listed {
            ensure!(
                truth.get(&record.id) == Some(&record.sha256),
                "a reader sees what was never served: {record:?}"
            );
        }
        if let Some(record) = listed.last() {
            ensure!(
                files::sha256(&desk.raw(&record.id)?) == record.sha256,
                "show gives other bytes than list says"
            );
        }
        let run = desk.json(&["archive", "verify"])?.exits(0)?;
        ensure!(
            run.last()?["records"].as_u64() >= Some(seen as u64),
            "{}",
            run.wrong("it verified fewer than listed")
        );
        desk.json(&["archive", "search", "--contains", "e", "--limit", "3"])?.exits(0)?;
        rounds += 1;
        partly += usize::from(seen > 0 && seen < truth.len());
    }
    writer.wait()?.exits(0)?;
    ensure!(rounds > 1 && partly > 0, "the writer was done before anybody could read");
    desk.holds_exactly(&truth)
}
