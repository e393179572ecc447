//! The journal: nothing changes without an entry and no entry tells of what did not happen, whatever moment the process
//! dies at (R52); what was changed afterwards is found out (R50, R51); and anybody can check it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Scenario;
use super::desk::Desk;
use super::files;
use super::random::Random;
use super::scene::Scene;
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "audit: no change without entry, no entry without change, killed at any moment",
            unaudited,
        ),
        Scenario::new("audit: a flipped bit is found out or changes no answer", flipped),
        Scenario::new("audit: an older copy disagrees with a head kept elsewhere", older_copy),
        Scenario::new("audit: the chain is checked by stock Python", stock_python),
        Scenario::new("audit: a journal that cannot be written changes nothing", unwritable),
        Scenario::new("audit: what is wrong beside the entries is named with a way out", beside_the_entries),
    ]
}

/// A file of so many conversations, numbered from `first`.
fn lines(scene: &Scene<'_>, name: &str, first: u64, count: u64) -> Result<PathBuf, String> {
    let path = scene.hidden(name);
    let mut text = String::new();
    for number in first..first + count {
        let filler = "Hello there. ".repeat(40);
        text.push_str(&format!(
            "{{\"id\":\"c-{number}\",\"startTime\":\"2020-03-01T10:00:00Z\",\"interactions\":[{{\"transcript\":\"{number} {filler}\"}}]}}\n"
        ));
    }
    files::write_private(&path, text.as_bytes())?;
    Ok(path)
}

fn changes(desk: &Desk<'_>) -> Result<Vec<Value>, String> {
    desk.run(&["audit", "export", "--kind", "change"])?.exits(0)?.lines()
}

fn unaudited(scene: &Scene<'_>) -> Outcome {
    let runs = scene.house.options.tier.pick(12, 400);
    let per_run = 400;
    let desk = scene.desk("data");
    let mut random = Random::new(scene.seed(), "unaudited");
    let warm = lines(scene, "warm.ndjson", 0, per_run)?;
    let started = Instant::now();
    desk.import(&warm)?.exits(0)?;
    let mut long = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let mut killed = 0;
    for run in 1..=runs {
        let name = format!("run-{run}.ndjson");
        let path = lines(scene, &name, run * per_run, per_run)?.display().to_string();
        let running = desk.start(&["archive", "import", "--ndjson", &path])?;
        let waited = random.below(long);
        std::thread::sleep(Duration::from_micros(waited));
        let (was_killed, _) = running.kill()?;
        killed += u64::from(was_killed);
        if !was_killed {
            // It takes less than that: the first one took longer, on a machine that was busy.
            long = waited.max(5_000);
        }
        if random.below(3) == 0 {
            let hold = ["archive", "hold", "add", "--id", "c-1", "--matter", "m", "--reason", "r"];
            let running = desk.start(&hold)?;
            std::thread::sleep(Duration::from_micros(random.below(long / 4 + 1)));
            running.kill()?;
        }
    }
    ensure!(killed * 3 >= runs, "only {killed} of {runs} runs were killed");
    // The next command settles what is open.
    desk.import(&warm)?.exits(0)?;
    desk.run(&["audit", "verify"])?.exits(0)?;
    reconcile(&desk)
}

/// Every change has one intent and one outcome, and what the outcomes count is what the archive holds.
fn reconcile(desk: &Desk<'_>) -> Outcome {
    let mut states: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut told, mut unknown) = (0, 0);
    for record in changes(desk)? {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let count = |name: &str| record["counts"][name].as_u64().unwrap_or_default();
        states.entry(text("change")).or_default().push(text("state"));
        match text("state").as_str() {
            "done" => told += count("stored") + count("versions_added"),
            "unknown" | "failed" => {
                unknown += 1;
                told += count("records_after") - count("records_before");
            }
            _ => {}
        }
    }
    for (change, states) in &states {
        let two = states.len() == 2 && states[0] == "intent" && states[1] != "intent";
        ensure!(two, "the change {change} has the entries {states:?}");
    }
    let held = desk.list()?.len() as u64;
    ensure!(told == held, "entries tell of {told} records, and the archive holds {held} ({unknown} unknown)");
    Ok(())
}

/// A desk with a journal of some entries, closed.
fn filled<'s>(scene: &'s Scene<'_>, name: &str, entries: u64) -> Result<Desk<'s>, String> {
    let desk = scene.desk(name);
    let file = lines(scene, "few.ndjson", 0, 3)?;
    for _ in 0..entries.div_ceil(2) {
        desk.import(&file)?.exits(0)?;
    }
    Ok(desk)
}

fn answers(desk: &Desk<'_>) -> Result<Option<String>, String> {
    let run = desk.run(&["audit", "export", "--chain"])?;
    Ok((run.exit == Some(0)).then(|| String::from_utf8_lossy(&run.stdout).into_owned()))
}

fn flipped(scene: &Scene<'_>) -> Outcome {
    let desk = filled(scene, "data", scene.house.options.tier.pick(8, 40))?;
    let whole = answers(&desk)?.ok_or("the journal cannot be exported")?;
    let path = desk.data.join("journal/journal.sqlite");
    let database = files::read(&path)?;
    let mut random = Random::new(scene.seed(), "flipped");
    // Most of a small database is free space, so what an entry says is aimed at too: there nothing may pass.
    let told = text_of_the_last_entry(&whole, &database)?;
    for bit in
        (0..scene.house.options.tier.pick(8, 64)).map(|_| told.start * 8 + random.index(told.len() * 8))
    {
        let exit = verified_with(&desk, &path, &database, bit)?;
        ensure!(
            exit == Some(6),
            "bit {bit} of an entry: audit verify ended with {exit:?}; seed {}",
            scene.seed()
        );
    }
    for _ in 0..scene.house.options.tier.pick(40, 100_000) {
        let bit = random.index(database.len() * 8);
        match verified_with(&desk, &path, &database, bit)? {
            Some(0) => {
                let same = answers(&desk)?.is_some_and(|answer| answer == whole);
                ensure!(same, "bit {bit} changed an answer and was not found out; seed {}", scene.seed());
            }
            // Integrity; or a header that is no journal's any more.
            Some(2 | 6) => {}
            other => return Err(format!("bit {bit}: audit verify ended with {other:?}")),
        }
    }
    Ok(())
}

/// Where the time that the last entry tells of stands in the database.
fn text_of_the_last_entry(exported: &str, database: &[u8]) -> Result<Range<usize>, String> {
    let entries = exported.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let told = entries
        .filter_map(|line| line["entry"]["record"]["timestamp"].as_str().map(str::to_owned))
        .next_back();
    let told = told.ok_or("no entry tells of a time")?;
    let windows = database.windows(told.len()).enumerate();
    let places: Vec<usize> =
        windows.filter(|(_, bytes)| *bytes == told.as_bytes()).map(|(place, _)| place).collect();
    match places[..] {
        [place] => Ok(place..place + told.len()),
        ref places => Err(format!("{told} stands in the journal {} times", places.len())),
    }
}

/// How `audit verify` ends when one bit of the database is another.
fn verified_with(desk: &Desk<'_>, path: &Path, database: &[u8], bit: usize) -> Result<Option<i32>, String> {
    let mut changed = database.to_vec();
    changed[bit / 8] ^= 1 << (bit % 8);
    for name in ["journal.sqlite-wal", "journal.sqlite-shm"] {
        let _ = std::fs::remove_file(path.with_file_name(name));
    }
    files::write(path, &changed)?;
    Ok(desk.run(&["audit", "verify"])?.exit)
}

fn copy(from: &Path, to: &Path) -> Outcome {
    files::copy_folder(from, to)
}

fn older_copy(scene: &Scene<'_>) -> Outcome {
    let desk = filled(scene, "data", 4)?;
    let older = scene.path("older");
    copy(&desk.data.join("journal"), &older)?;
    desk.import(&lines(scene, "more.ndjson", 3, 3)?)?.exits(0)?;
    let head = desk.run(&["audit", "export", "--head"])?.exits(0)?;
    let kept = scene.path("head.json");
    files::write(&kept, &head.stdout)?;
    let (kept, older) = (kept.display().to_string(), older.display().to_string());
    desk.run(&["audit", "verify", "--head", &kept])?.exits(0)?;
    // In itself the older copy is sound: only what was kept elsewhere tells.
    desk.run(&["audit", "verify", "--journal", &older])?.exits(0)?;
    let found = desk.json(&["audit", "verify", "--journal", &older, "--head", &kept])?.exits(6)?;
    ensure!(found.last()?["first_bad"].is_u64(), "{}", found.wrong("no first bad entry is named"));
    // Put back in place of the database alone, it is noticed by the next command that records.
    let journal = desk.data.join("journal");
    let database = files::read(&Path::new(&older).join("journal.sqlite"))?;
    files::write(&journal.join("journal.sqlite"), &database)?;
    let few = scene.hidden("few.ndjson");
    desk.import(&few)?.exits(6)?;
    desk.run(&["audit", "verify"])?.exits(6)?;
    Ok(())
}

fn stock_python(scene: &Scene<'_>) -> Outcome {
    let desk = filled(scene, "data", 6)?;
    desk.run(&["audit", "rotate"])?.exits(0)?;
    let verifier = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verify_journal.py");
    desk.clone().with("VERIFIER", &verifier.display().to_string()).shell(
        r#"
set -e
cd "$ARCHIVE/.."
"$FRONTDESK" audit export --head > head.json
"$FRONTDESK" audit export --chain > chain.ndjson
"$FRONTDESK" audit export --chain --no-personal > public.ndjson
for source in chain.ndjson public.ndjson journal/journal.sqlite; do
    python3 "$VERIFIER" --head head.json --keys journal/keys "$source"
done
# Each way to change it is found out.
bad() { if python3 "$VERIFIER" --keys journal/keys "$1" > said; then cat said; exit 1; fi; test -s said; }
sed '4d' chain.ndjson > bad.ndjson && bad bad.ndjson
sed '4p' chain.ndjson > bad.ndjson && bad bad.ndjson
sed '3s/intent/done/' chain.ndjson > bad.ndjson && bad bad.ndjson
sed '3s/ndjson/layout/' chain.ndjson > bad.ndjson && bad bad.ndjson
sed '$s/"count":\([0-9]*\)/"count":1\1/' chain.ndjson > bad.ndjson && bad bad.ndjson
sed '$s/"at":"20/"at":"21/' chain.ndjson > bad.ndjson && bad bad.ndjson
"#,
    )?;
    Ok(())
}

fn unwritable(scene: &Scene<'_>) -> Outcome {
    let desk = filled(scene, "data", 2)?;
    let before = files::prints(&desk.archive())?;
    let more = lines(scene, "more.ndjson", 10, 3)?;
    // A key that others can read.
    let keys = desk.data.join("journal/keys");
    desk.shell("chmod 644 \"$ARCHIVE/../journal/keys\"")?;
    desk.import(&more)?.exits(2)?;
    desk.shell("chmod 600 \"$ARCHIVE/../journal/keys\"")?;
    // A key that is gone.
    let text = files::read(&keys)?;
    std::fs::remove_file(&keys).map_err(|error| error.to_string())?;
    desk.import(&more)?.exits(2)?;
    desk.run(&["audit", "verify"])?.exits(3)?;
    let changed = files::prints(&desk.archive())?;
    ensure!(before == changed, "the archive was changed, and no entry could be recorded");
    files::write_private(&keys, &text)?;
    desk.import(&more)?.exits(0)?;
    desk.run(&["audit", "verify"])?.exits(0)?;
    Ok(())
}

fn beside_the_entries(scene: &Scene<'_>) -> Outcome {
    let desk = filled(scene, "data", 2)?;
    let more = lines(scene, "more.ndjson", 10, 3)?;
    let journal = desk.data.join("journal");
    let (head, database) = (journal.join("head.json"), journal.join("journal.sqlite"));
    let remove = |path: &Path| std::fs::remove_file(path).map_err(|error| error.to_string());
    // More than there can be are all there are.
    let count = |lines: &str| -> Result<usize, String> {
        Ok(desk.json(&["audit", "tail", "-n", lines])?.exits(0)?.lines()?.len())
    };
    ensure!(count("18446744073709551615")? == count("1000")?, "a large number shows something else");
    // A head that is none stops what records, and the check says how to go on.
    files::write_private(&head, b"{}")?;
    desk.import(&more)?.exits(6)?;
    let run = desk.json(&["audit", "verify"])?.exits(6)?;
    let findings = run.last()?["findings"].to_string();
    ensure!(findings.contains("move it away"), "{}", run.wrong("it does not say what to do"));
    remove(&head)?;
    desk.import(&more)?.exits(0)?;
    desk.run(&["audit", "verify"])?.exits(0)?;
    // A database that SQLite cannot read: serve says so, and verify does not send to itself.
    files::write_private(&database, b"this is not a database, and long enough to be taken for one")?;
    for name in ["journal.sqlite-wal", "journal.sqlite-shm"] {
        let _ = std::fs::remove_file(journal.join(name));
    }
    let run = desk.run(&["audit", "verify"])?.exits(6)?;
    ensure!(!run.stderr.contains("run `frontdesk audit verify`"), "{}", run.wrong("it sends to itself"));
    desk.shell(
        "\"$FRONTDESK\" serve --addr 127.0.0.1:0 2>\"$ARCHIVE/../said\" & pid=$!
         for _ in $(seq 600); do grep -q 'nothing is delivered' \"$ARCHIVE/../said\" && break; sleep 0.1; done
         kill $pid; wait $pid; grep 'nothing is delivered' \"$ARCHIVE/../said\"",
    )?;
    // A database that is gone is not made anew.
    remove(&database)?;
    for command in [&["audit", "verify"][..], &["audit", "tail"]] {
        desk.run(command)?.exits(6)?.says(&["put back a copy"])?;
    }
    desk.import(&more)?.exits(6)?.says(&["put back a copy"])?;
    ensure!(
        !database.exists() || files::read(&database)?.is_empty(),
        "a journal was made beside another's head"
    );
    Ok(())
}
