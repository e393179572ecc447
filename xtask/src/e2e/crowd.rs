//! Ten processes on one archive: four that store, six that read, some of them stopped for a moment or killed.
//!
//! Whoever stores notes what was acknowledged to him; whoever reads checks that nothing he saw once is gone. In the end
//! everything acknowledged is there, once, and nothing is there that nobody handed over.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::desk::Desk;
use super::process::Run;
use super::random::Random;
use super::scene::Scene;
use super::tenant::Truth;
use super::{Scenario, files, keeping};
use crate::Outcome;

const WRITERS: usize = 4;
/// Conversations of one import.
const BATCH: usize = 60;
/// A writer waits for its turn for as long as the others may take.
const IMPORT: [&str; 5] = ["--json", "archive", "import", "--wait", "300s"];

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("crowd: ten processes at once", |scene| crowd(scene, Unrest::None)),
        Scenario::new("crowd: the same, stopped and killed at random", |scene| crowd(scene, Unrest::Signals)),
    ]
}

/// What is done to processes while they work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unrest {
    None,
    /// STOP for a moment, or KILL.
    Signals,
}

/// What everybody in the crowd shares.
struct Crowd<'s> {
    desk: Desk<'s>,
    seed: u64,
    unrest: Unrest,
    /// Everything that was handed over: id and hash.
    handed: BTreeMap<String, String>,
    acknowledged: Mutex<BTreeSet<String>>,
    writing: AtomicUsize,
    failed: AtomicBool,
    kills: AtomicU64,
    stops: AtomicU64,
    looks: AtomicU64,
    exported: AtomicU64,
}

fn crowd(scene: &Scene<'_>, unrest: Unrest) -> Outcome {
    let rounds = scene.house.options.tier.pick(10, 60);
    let batches: Vec<Vec<Vec<(String, String)>>> =
        (0..WRITERS).map(|writer| (0..rounds).map(|round| batch(writer, round)).collect()).collect();
    let handed: BTreeMap<String, String> = batches
        .iter()
        .flatten()
        .flatten()
        .map(|(id, line)| (id.clone(), files::sha256(line.as_bytes())))
        .collect();
    let crowd = Crowd {
        desk: scene.desk("data").with("FRONTDESK_SEGMENT_SIZE", "64KiB"),
        seed: scene.house.options.seed,
        unrest,
        handed,
        acknowledged: Mutex::default(),
        writing: AtomicUsize::new(WRITERS),
        failed: AtomicBool::new(false),
        kills: AtomicU64::new(0),
        stops: AtomicU64::new(0),
        looks: AtomicU64::new(0),
        exported: AtomicU64::new(0),
    };
    // The first of all, so that readers have an archive from the start.
    crowd.desk.import(&write(scene, "first", &batches[0][0])?)?.exits(0)?;
    std::thread::scope(|scope| {
        let mut seats = Vec::new();
        for (writer, batches) in batches.iter().enumerate() {
            let crowd = &crowd;
            seats.push(scope.spawn(move || crowd.seat(|| crowd.store(scene, writer, batches), true)));
        }
        for reader in [Crowd::lists, Crowd::verifies, Crowd::searches, Crowd::shows, Crowd::plans] {
            let crowd = &crowd;
            seats.push(scope.spawn(move || crowd.seat(|| reader(crowd), false)));
        }
        seats.push(scope.spawn(|| crowd.seat(|| crowd.exports(scene), false)));
        let ends = seats.into_iter().map(|seat| seat.join().unwrap_or_else(|_| Err("it panicked".into())));
        ends.collect::<Vec<Outcome>>().into_iter().collect::<Outcome>()
    })?;
    ensure!(crowd.looks.load(Ordering::Relaxed) > 4, "nobody had a chance to read");
    ensure!(crowd.exported.load(Ordering::Relaxed) > 0, "nothing was exported meanwhile");
    if unrest == Unrest::Signals {
        let (kills, stops) = (crowd.kills.load(Ordering::Relaxed), crowd.stops.load(Ordering::Relaxed));
        ensure!(kills > 0 && stops > 0, "{kills} processes were killed and {stops} stopped: no unrest");
    }
    let acknowledged = crowd.acknowledged.into_inner().unwrap_or_else(PoisonError::into_inner);
    ensure!(acknowledged.len() == crowd.handed.len(), "not every batch was acknowledged in the end");
    crowd.desk.holds_exactly(&crowd.handed.into_iter().collect::<Truth>())
}

impl Crowd<'_> {
    /// One place in the crowd. When one fails, the others need not go on.
    fn seat(&self, work: impl Fn() -> Outcome, writes: bool) -> Outcome {
        let outcome = work();
        if writes {
            self.writing.fetch_sub(1, Ordering::AcqRel);
        }
        if outcome.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        outcome
    }

    fn goes_on(&self) -> bool {
        self.writing.load(Ordering::Acquire) > 0 && !self.failed.load(Ordering::Acquire)
    }

    /// Imports batch after batch; one that was killed is imported again, as a user would.
    fn store(&self, scene: &Scene<'_>, writer: usize, batches: &[Vec<(String, String)>]) -> Outcome {
        let mut random = Random::new(self.seed, &format!("crowd, writer {writer}"));
        for (round, batch) in batches.iter().enumerate() {
            let file = write(scene, &format!("{writer}-{round}"), batch)?.display().to_string();
            let arguments = [&IMPORT as &[&str], &["--ndjson", &file]].concat();
            while !self.failed.load(Ordering::Acquire) {
                let Some(run) = self.disturbed(&arguments, &mut random)? else { continue };
                run.exits(0)?;
                let mut acknowledged = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
                acknowledged.extend(batch.iter().map(|(id, _)| id.clone()));
                break;
            }
        }
        Ok(())
    }

    /// Runs the binary, and disturbs it. `None` when it was killed.
    fn disturbed(&self, arguments: &[&str], random: &mut Random) -> Result<Option<Run>, String> {
        let mut running = self.desk.start(arguments)?;
        if self.unrest == Unrest::None {
            return running.wait().map(Some);
        }
        std::thread::sleep(Duration::from_millis(random.below(60)));
        match random.below(4) {
            0 => {
                let (killed, run) = running.kill()?;
                self.kills.fetch_add(u64::from(killed), Ordering::Relaxed);
                Ok((!killed).then_some(run))
            }
            1 => {
                if running.signal("STOP")? {
                    std::thread::sleep(Duration::from_millis(random.below(200)));
                    let went_on = running.signal("CONT")?;
                    self.stops.fetch_add(u64::from(went_on), Ordering::Relaxed);
                }
                running.wait().map(Some)
            }
            _ => running.wait().map(Some),
        }
    }

    /// Reads with `look` while somebody writes. What was acknowledged before a look has to be seen by it.
    fn reads(
        &self,
        name: &str,
        arguments: impl Fn(&mut Random) -> Vec<String>,
        mut look: impl FnMut(&Run, &BTreeSet<String>) -> Outcome,
    ) -> Outcome {
        let mut random = Random::new(self.seed, &format!("crowd, {name}"));
        while self.goes_on() {
            let before = self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let arguments = arguments(&mut random);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            if let Some(run) = self.disturbed(&arguments, &mut random)? {
                let run = run.exits(0)?;
                ensure!(!run.stderr.contains("locked"), "{}", run.wrong("a lock of the catalog is seen"));
                look(&run, &before)?;
                self.looks.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn lists(&self) -> Outcome {
        let mut seen = BTreeSet::new();
        self.reads(
            "list",
            |_| words(&["--json", "archive", "list"]),
            |run, acknowledged| {
                let mut now = BTreeSet::new();
                for line in run.lines()? {
                    let id = line["id"].as_str().unwrap_or_default().to_owned();
                    let hash = self.handed.get(&id).map(String::as_str);
                    ensure!(line["sha256"].as_str() == hash, "this was never handed over: {line}");
                    ensure!(line["version"] == 1, "stored twice: {line}");
                    ensure!(now.insert(id), "listed twice: {line}");
                }
                ensure!(
                    now.is_superset(acknowledged),
                    "a reader misses what was acknowledged before it began"
                );
                ensure!(now.is_superset(&seen), "a reader misses what an earlier one saw");
                seen = now;
                Ok(())
            },
        )
    }

    fn verifies(&self) -> Outcome {
        self.reads(
            "verify",
            |_| words(&["--json", "archive", "verify"]),
            |run, acknowledged| {
                let result = run.last()?;
                ensure!(result["damaged"] == serde_json::json!([]), "{}", run.wrong("something is damaged"));
                ensure!(
                    result["records"].as_u64() >= Some(acknowledged.len() as u64),
                    "{}",
                    run.wrong("fewer were verified than acknowledged")
                );
                Ok(())
            },
        )
    }

    fn searches(&self) -> Outcome {
        let arguments = words(&["--json", "archive", "search", "--contains", "crowded", "--limit", "3"]);
        self.reads(
            "search",
            |_| arguments.clone(),
            |run, acknowledged| {
                let count = run.last()?["count"].as_u64();
                let (least, most) = (acknowledged.len() as u64, self.handed.len() as u64);
                ensure!(
                    count >= Some(least) && count <= Some(most),
                    "{}",
                    run.wrong(&format!("{least} to {most} hits were expected"))
                );
                Ok(())
            },
        )
    }

    fn shows(&self) -> Outcome {
        let ids: Vec<&String> = self.handed.keys().take(BATCH).collect();
        let arguments =
            |random: &mut Random| words(&["archive", "show", ids[random.index(ids.len())], "--raw"]);
        self.reads("show", arguments, |run, _| {
            let hash = files::sha256(&run.stdout);
            ensure!(
                self.handed.values().any(|known| *known == hash),
                "{}",
                run.wrong("these are other bytes")
            );
            Ok(())
        })
    }

    /// What retention would remove, were it asked to.
    fn plans(&self) -> Outcome {
        self.reads(
            "retain",
            |_| words(&["--json", "archive", "retain", "--days", "30"]),
            |run, acknowledged| {
                let lines = run.lines()?;
                let due: BTreeSet<&str> = lines.iter().filter_map(|line| line["id"].as_str()).collect();
                ensure!(due.len() + 1 == lines.len(), "{}", run.wrong("something is planned twice"));
                ensure!(due.iter().all(|id| self.handed.contains_key(*id)), "{}", run.wrong("a strange id"));
                ensure!(
                    acknowledged.iter().all(|id| due.contains(id.as_str())),
                    "{}",
                    run.wrong("a plan misses what was acknowledged before")
                );
                let counted = run.last()?["summary"]["conversations"].as_u64();
                ensure!(counted == Some(due.len() as u64), "{}", run.wrong("another number was counted"));
                Ok(())
            },
        )
    }

    /// Exports into a folder, and into the same one again when it was killed: what comes out is whole, whoever writes
    /// meanwhile.
    fn exports(&self, scene: &Scene<'_>) -> Outcome {
        let number = Cell::new(0_u32);
        let folder = || scene.path(&format!("export-{}", number.get()));
        self.reads(
            "export",
            |_| {
                let finished = folder().is_dir() && !folder().join("EXPORT-UNFINISHED.json").exists();
                if finished && !files::below(&folder()).is_ok_and(|files| files.is_empty()) {
                    number.set(number.get() + 1); // killed with nothing left to do
                }
                let format = if number.get().is_multiple_of(3) { "files" } else { "ndjson" };
                let out = folder().display().to_string();
                words(&["--json", "archive", "export", "--out", &out, "--format", format])
            },
            |run, acknowledged| {
                let out = folder();
                keeping::check(&self.desk, &out)?;
                let manifest = files::read(&out.join("manifest.ndjson"))?;
                let mut there = BTreeSet::new();
                for line in String::from_utf8_lossy(&manifest).lines() {
                    let line: serde_json::Value =
                        serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
                    let id = line["id"].as_str().unwrap_or_default().to_owned();
                    let hash = self.handed.get(&id).map(String::as_str);
                    ensure!(line["sha256"].as_str() == hash, "this was never handed over: {line}");
                    ensure!(there.insert(id), "exported twice: {line}");
                }
                ensure!(
                    there.is_superset(acknowledged),
                    "{}",
                    run.wrong("an export misses what was acknowledged before it began")
                );
                self.exported.fetch_add(1, Ordering::Relaxed);
                std::fs::remove_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
                number.set(number.get() + 1);
                Ok(())
            },
        )
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Conversations of one import. Those of a writer's even rounds are another writer's, too, with the same bytes.
fn batch(writer: usize, round: usize) -> Vec<(String, String)> {
    let owner = if round.is_multiple_of(2) { writer / 2 } else { writer };
    let line = |number: usize| {
        let id = format!("c-{owner}-{round}-{number:03}");
        let (month, day) = (1 + (number + owner) % 12, 1 + (number + round) % 28);
        let start = format!("2025-{month:02}-{day:02}T10:00:00Z");
        let text = format!("guest: It is crowded here, said number {number} of {owner}.");
        let line = serde_json::json!({
            "id": id, "startTime": start, "interactions": [{"transcript": text}],
        });
        (id, line.to_string())
    };
    (0..BATCH).map(line).collect()
}

fn write(scene: &Scene<'_>, name: &str, batch: &[(String, String)]) -> Result<std::path::PathBuf, String> {
    let path = scene.hidden(&format!("{name}.ndjson"));
    let text: String = batch.iter().map(|(_, line)| format!("{line}\n")).collect();
    files::write_private(&path, text.as_bytes())?;
    Ok(path)
}
