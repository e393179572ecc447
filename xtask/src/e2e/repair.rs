//! Repair: every good record is kept, lost ones are named and asked for again, and nothing is deleted first.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use frontdesk_sandbox::{Config, Effect, FaultPlan, When};
use serde_json::Value;

use super::desk::Desk;
use super::scene::Scene;
use super::tenant::{Tenant, small};
use super::{Scenario, files};
use crate::Outcome;

const CONVERSATIONS: u64 = 400;

/// Ids and hashes of what an archive holds.
type Told = BTreeSet<(String, String)>;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("repair: flipped bits; what is lost is named, put aside and asked for again", flipped),
        Scenario::new("repair: a segment is short or gone, and nothing is written before a repair", cut),
        Scenario::new("repair: without the platform the good records go on, and the lost stay named", alone),
        Scenario::new("repair: a damaged search index never answers wrong, and is healed", index),
        Scenario::new("repair: a catalog that is damaged, changed or gone is made again", catalog),
        Scenario::new("repair: a ledger or a format that is damaged is left alone", truth),
    ]
}

/// A pulled archive of several segments, the platform it came from, and what `list` says of it.
fn pulled<'s>(scene: &'s Scene<'_>) -> Result<(Tenant<'s>, Desk<'s>, Told), String> {
    let tenant = scene.tenant(Config { conversations: Some(CONVERSATIONS), ..small(scene) })?;
    let desk = scene.desk("archive").connected(&tenant).with("FRONTDESK_SEGMENT_SIZE", "64KiB");
    desk.pull(&[])?.exits(0)?;
    let told = told(&desk)?;
    ensure!(told.len() as u64 == CONVERSATIONS, "{} records were pulled", told.len());
    Ok((tenant, desk, told))
}

fn told(desk: &Desk<'_>) -> Result<Told, String> {
    Ok(desk.list()?.into_iter().map(|record| (record.id, record.sha256)).collect())
}

fn flip(path: &Path, at: usize) -> Outcome {
    let mut bytes = files::read(path)?;
    bytes[at] ^= 0x10;
    files::write(path, &bytes)
}

/// `repair --dry-run`, which changes no byte of the whole archive.
fn preview(desk: &Desk<'_>, exit: i32) -> Result<Value, String> {
    let before = files::prints(&desk.archive())?;
    let result = desk.json(&["archive", "repair", "--dry-run"])?.exits(exit)?.last()?;
    let changed = files::differences(&before, &files::prints(&desk.archive())?);
    ensure!(changed.is_empty(), "a preview changed {changed:?}");
    ensure!(result["changed"] == false, "a preview says it changed something: {result}");
    Ok(result)
}

fn lost(result: &Value) -> Result<Vec<String>, String> {
    let lost = result["lost"].as_array().ok_or_else(|| format!("nothing says what is lost: {result}"))?;
    lost.iter()
        .map(|record| {
            let id = record["id"].as_str().ok_or_else(|| format!("a lost record without an id: {record}"))?;
            Ok(id.to_owned())
        })
        .collect()
}

fn damaged_files(desk: &Desk<'_>) -> Result<Vec<PathBuf>, String> {
    let mut aside = files::below(&desk.archive().join("quarantine"))?;
    aside.retain(|path| path.extension().is_some_and(|kind| kind == "damaged"));
    Ok(aside)
}

fn flipped(scene: &Scene<'_>) -> Outcome {
    let (_tenant, desk, before) = pulled(scene)?;
    preview(&desk, 0)?;
    desk.json(&["archive", "repair"])?.exits(0)?;
    let segments = files::segments(&desk.archive())?;
    let mut damaged = Vec::new();
    for segment in segments.iter().step_by(2).take(6) {
        let at = scene.random().index(files::read(segment)?.len());
        flip(segment, at)?;
        damaged.push((files::read(segment)?, at));
    }
    desk.json(&["archive", "verify"])?.exits(6)?;
    let said = preview(&desk, 6)?;
    ensure!(
        said["segments"].as_array().map(Vec::len) == Some(damaged.len()),
        "{} segments are damaged: {said}",
        damaged.len()
    );
    let run = desk.json(&["archive", "repair", "--refetch"])?.exits(0)?;
    let result = run.last()?;
    let gone = lost(&result)?;
    ensure!(gone == lost(&said)?, "the preview named others than were lost");
    ensure!(!gone.is_empty() && gone.len() < before.len() / 2, "{} of {} are lost", gone.len(), before.len());
    ensure!(result["refetched"]["back"] == gone.len(), "{}", run.wrong("not everything came back"));
    desk.verifies(CONVERSATIONS)?;
    ensure!(told(&desk)? == before, "the archive does not hold what it held");
    // The flipped byte of each segment is in a file of the quarantine, in its damaged surroundings.
    let aside = damaged_files(&desk)?.iter().map(|path| files::read(path)).collect::<Result<Vec<_>, _>>()?;
    for (bytes, at) in &damaged {
        let there = aside.iter().any(|piece| {
            let from = at.saturating_sub(piece.len() - 1);
            (from..=*at).any(|start| bytes.get(start..start + piece.len()) == Some(piece))
        });
        ensure!(there, "the damaged byte at {at} is not in the quarantine");
    }
    preview(&desk, 0).map(drop)
}

fn cut(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk, before) = pulled(scene)?;
    let segments = files::segments(&desk.archive())?;
    let (short, gone) = (&segments[0], &segments[1]);
    let bytes = files::read(short)?;
    files::write(short, &bytes[..bytes.len() / 2])?;
    std::fs::remove_file(gone).map_err(|error| error.to_string())?;
    // Nothing is stored behind a gap; what is left can be read.
    let untouched = files::prints(&desk.segments())?;
    desk.pull(&[])?.exits(6)?;
    let file = scene.hidden("one.ndjson");
    files::write_private(&file, b"{\"id\":\"new\"}\n")?;
    desk.import(&file)?.exits(6)?;
    ensure!(files::prints(&desk.segments())? == untouched, "a writer touched what is damaged");
    let said = preview(&desk, 6)?;
    let result = desk.json(&["archive", "repair"])?.exits(3)?.lines()?;
    let result = result.iter().find(|line| line["lost"].is_array()).ok_or("nothing says what is lost")?;
    let named: BTreeSet<String> = lost(result)?.into_iter().collect();
    ensure!(lost(&said)?.into_iter().collect::<BTreeSet<_>>() == named, "the preview named others");
    let left = told(&desk)?;
    let missing: BTreeSet<String> = before.difference(&left).map(|(id, _)| id.clone()).collect();
    ensure!(!missing.is_empty() && missing == named, "other records are gone than are named");
    desk.verifies(left.len() as u64)?;
    desk.import(&file)?.exits(0)?;
    // And a pull brings back what a plain repair named.
    desk.clone().connected(&tenant).pull(&[])?.exits(0)?;
    ensure!(told(&desk)?.is_superset(&before), "a pull did not bring back what was lost");
    desk.verifies(CONVERSATIONS + 1)
}

fn alone(scene: &Scene<'_>) -> Outcome {
    let (tenant, desk, before) = pulled(scene)?;
    let unconnected = desk.clone().without("FRONTDESK_CLIENT_SECRET");
    let segment = files::segments(&desk.archive())?.swap_remove(0);
    let length = files::read(&segment)?.len();
    flip(&segment, length / 3)?;
    // Without credentials nothing is begun.
    let prints = files::prints(&desk.segments())?;
    unconnected.json(&["archive", "repair", "--refetch"])?.exits(2)?;
    ensure!(files::prints(&desk.segments())? == prints, "a repair began that could not ask the platform");
    // The platform does not give them: the repair holds, and says what did not come back.
    let refused = Effect::Status { status: 400, retry_after: Vec::new(), body: None };
    tenant.set_faults(&super::faults::always(When::default(), refused))?;
    let run = desk.json(&["archive", "repair", "--refetch"])?;
    ensure!(run.exit != Some(0), "{}", run.wrong("a platform that fails gave records"));
    let result = run.lines()?;
    ensure!(result.iter().any(|line| line["changed"] == true), "{}", run.wrong("the repair is not told"));
    let left = told(&desk)?;
    ensure!(left.is_subset(&before) && left.len() < before.len(), "{} records are left", left.len());
    desk.verifies(left.len() as u64)?;
    tenant.set_faults(&FaultPlan::default())?;
    desk.pull(&[])?.exits(0)?;
    ensure!(told(&desk)? == before, "a pull did not bring them back");
    Ok(())
}

fn index(scene: &Scene<'_>) -> Outcome {
    const ASKED: [&[&str]; 4] = [&["--contains", "e"], &["--contains", "thank"], &["the OR a"], &["re*"]];
    let (_tenant, desk, _) = pulled(scene)?;
    let answers = || -> Result<Vec<Value>, String> {
        ASKED
            .iter()
            .map(|question| {
                let arguments = [&["archive", "search", "--limit", "10000"], *question].concat();
                let mut answer = desk.json(&arguments)?.exits(0)?.last()?;
                for volatile in ["elapsed_us", "elapsed_ms", "next_cursor"] {
                    answer.as_object_mut().map(|answer| answer.remove(volatile));
                }
                Ok(answer)
            })
            .collect()
    };
    let right = answers()?;
    ensure!(right.iter().all(|answer| answer["count"].as_u64() > Some(0)), "nothing is found: {right:?}");
    let empty = scene.hidden("nothing.ndjson");
    files::write_private(&empty, b"")?;
    let folder = desk.archive().join("search");
    let paths = files::below(&folder)?;
    ensure!(paths.len() > 1, "there is no index: {paths:?}");
    let name = |path: &Path| path.strip_prefix(desk.archive()).unwrap_or(path).display().to_string();
    for path in &paths {
        for healed_by in ["repair", "import"] {
            // Not every file is there after each healing under the name it had.
            let Ok(good) = files::read(path) else { continue };
            for _ in 0..2 {
                let mut bad = good.clone();
                let at = scene.random().index(bad.len());
                bad[at] ^= 1 << scene.random().below(8);
                files::write(path, &bad)?;
                ensure!(answers()? == right, "byte {at} of {} was flipped, and answers differ", name(path));
                files::write(path, &good)?;
            }
            files::write(path, &good[..good.len() / 2])?;
            ensure!(answers()? == right, "{} is cut, and answers differ", name(path));
            let said = preview(&desk, 6)?;
            ensure!(
                said["projections"] == serde_json::json!([name(path)]),
                "{} is damaged: {said}",
                name(path)
            );
            match healed_by {
                "repair" => desk.json(&["archive", "repair"])?.exits(0)?,
                _ => desk.import(&empty)?.exits(0)?,
            };
            preview(&desk, 0)?;
            ensure!(answers()? == right, "answers differ after the index was healed by {healed_by}");
        }
    }
    for path in files::below(&folder)? {
        std::fs::remove_file(path).map_err(|error| error.to_string())?;
    }
    ensure!(answers()? == right, "answers differ without an index");
    desk.verifies(CONVERSATIONS)
}

fn catalog(scene: &Scene<'_>) -> Outcome {
    let (_tenant, desk, before) = pulled(scene)?;
    let path = desk.archive().join("catalog.sqlite");
    let good = files::read(&path)?;
    let heal = |what: &str| -> Outcome {
        ensure!(told(&desk)? == before, "a reader misses records: {what}");
        desk.json(&["archive", "repair"])?.exits(0)?;
        desk.import(&scene.hidden("nothing.ndjson"))?.exits(0)?;
        desk.verifies(CONVERSATIONS).map_err(|error| format!("{what}: {error}"))?;
        ensure!(told(&desk)? == before, "records are missing: {what}");
        Ok(())
    };
    files::write_private(&scene.hidden("nothing.ndjson"), b"")?;
    std::fs::remove_file(&path).map_err(|error| error.to_string())?;
    heal("no catalog")?;
    files::write(&path, b"")?;
    heal("an empty catalog")?;
    files::write(&path, &good[..good.len() / 2])?;
    heal("half a catalog")?;
    files::write(&path, &[0x5A; 65_536])?;
    heal("something else")?;
    flip(&path, 20)?;
    heal("a flipped header")?;
    // A row that was changed in good order, as by hand.
    desk.shell(
        "python3 - <<'EOF'\nimport os, sqlite3\ndb = sqlite3.connect(os.environ['ARCHIVE'] + '/catalog.sqlite')\n\
         db.execute('update records set version = version + 1')\ndb.commit()\ndb.close()\nEOF",
    )?;
    preview(&desk, 6)?;
    desk.json(&["archive", "repair"])?.exits(0)?;
    desk.verifies(CONVERSATIONS)?;
    ensure!(told(&desk)? == before, "a changed catalog was believed");
    Ok(())
}

fn truth(scene: &Scene<'_>) -> Outcome {
    let (_tenant, desk, before) = pulled(scene)?;
    for name in ["ledger.ndjson", "FORMAT.json"] {
        let path = desk.archive().join(name);
        let good = files::read(&path)?;
        for at in [good.len() / 3, good.len() / 2] {
            flip(&path, at)?;
            let broken = files::prints(&desk.archive())?;
            for arguments in [&["archive", "repair"] as &[&str], &["archive", "repair", "--dry-run"]] {
                desk.json(arguments)?.exits(6)?;
            }
            let changed = files::differences(&broken, &files::prints(&desk.archive())?);
            ensure!(changed.is_empty(), "{name} is damaged, and {changed:?} was changed");
            files::write(&path, &good)?;
        }
    }
    ensure!(told(&desk)? == before, "a copy that was put back does not do");
    desk.verifies(CONVERSATIONS)
}
