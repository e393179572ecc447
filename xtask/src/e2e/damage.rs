//! Bits that flip, files that are cut, swapped and replaced: found, named, and never shown as if they were true.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::archive::Listed;
use super::desk::Desk;
use super::process::Run;
use super::scene::Scene;
use super::tenant::small;
use super::{Scenario, files};
use crate::Outcome;

pub(super) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("damage: flipped bits in sealed and unsealed segments", flipped_bits),
        Scenario::new("damage: segments cut, zeroed, swapped, replaced, gone", whole_segments),
        Scenario::new("damage: the ledger", ledger),
        Scenario::new("damage: a catalog that is gone, garbage, old or another archive's", catalog),
        Scenario::new("damage: flipped bits in the catalog", flipped_catalog),
    ]
}

/// An archive with sealed and unsealed segments, and what it must answer.
struct Sound<'s> {
    desk: Desk<'s>,
    listed: Vec<Listed>,
    records: BTreeMap<String, Vec<u8>>,
}

fn sound<'s>(scene: &'s Scene<'_>, data: &str) -> Result<Sound<'s>, String> {
    let lines = scene.hidden("lines.ndjson");
    let tenant = scene.tenant(frontdesk_sandbox::Config { conversations: Some(1_500), ..small(scene) })?;
    let mut text = Vec::new();
    let mut records = BTreeMap::new();
    // The first months fill segments; a few later ones leave unsealed ones behind.
    let numbers = (0..tenant.count()).filter(|number| *number < 400 || number % 50 == 0);
    for number in numbers {
        let bytes = tenant.conversation(number)?;
        records.insert(super::tenant::id_of(&bytes)?, bytes.to_vec());
        text.extend_from_slice(&bytes);
        text.push(b'\n');
    }
    files::write_private(&lines, &text)?;
    let desk = scene.desk(data).with("FRONTDESK_SEGMENT_SIZE", "64KiB");
    desk.import(&lines)?.exits(0)?;
    let listed = desk.list()?;
    let sealed = files::sealed(&desk.archive())?;
    ensure!(!sealed.is_empty(), "nothing was sealed");
    ensure!(files::segments(&desk.archive())?.len() > sealed.len(), "everything was sealed");
    desk.verifies(records.len() as u64)?;
    Ok(Sound { desk, listed, records })
}

impl<'s> Sound<'s> {
    /// The same archive somewhere else, to be broken.
    fn copy(&self, data: &str) -> Result<Desk<'s>, String> {
        let desk = self.desk.scene.desk(data);
        files::copy_folder(&self.desk.data, &desk.data)?;
        Ok(desk)
    }

    /// Whether the archive answers everything as it did; the first answer that is another.
    fn answers_as_before(&self, desk: &Desk<'_>) -> Outcome {
        let listed = desk.list()?;
        let odd = listed.iter().find(|record| !self.listed.contains(record));
        ensure!(odd.is_none(), "listed now, but not before: {odd:?}");
        ensure!(listed == self.listed, "the list has {} records, or another order", listed.len());
        // Some of the shown ones stand for all: the list has the hash of each.
        for (id, bytes) in self.records.iter().step_by(7) {
            let run = desk.run(&["archive", "show", "--raw", "--", id])?.exits(0)?;
            ensure!(run.stdout == *bytes, "{}", run.wrong("show gives other bytes"));
        }
        Ok(())
    }

    /// No record is shown with other bytes than it has; one that cannot be shown ends with 6 (integrity), not with
    /// something else. Returns how many can be shown.
    fn shows_no_wrong_bytes(&self, desk: &Desk<'_>, ids: &[&str]) -> Result<u64, String> {
        let mut right = 0;
        for id in ids {
            let run = desk.run(&["archive", "show", "--raw", "--", id])?;
            match run.exit {
                Some(0) if self.records.get(*id).is_some_and(|bytes| *bytes == run.stdout) => right += 1,
                Some(0) => return Err(run.wrong("wrong bytes were shown")),
                Some(6) => ensure!(run.stdout.is_empty(), "{}", run.wrong("damaged bytes were shown")),
                _ => return Err(run.wrong("a damaged record ends with 6")),
            }
        }
        Ok(right)
    }
}

/// Whether `verify` finds damage, and the paths it names.
fn verify(desk: &Desk<'_>) -> Result<Option<(Run, Vec<String>)>, String> {
    let run = desk.json(&["archive", "verify"])?;
    if run.exit == Some(0) {
        return Ok(None);
    }
    let run = run.exits(6)?;
    // Damage that keeps the archive from being opened at all is an error; any other is data.
    let mut named: Vec<String> = Vec::new();
    if let Ok(result) = run.last() {
        let damaged = result["damaged"].as_array().cloned().unwrap_or_default();
        ensure!(!damaged.is_empty(), "{}", run.wrong("exit 6, but nothing is named"));
        ensure!(
            damaged.iter().all(|one| one["what"].is_string()),
            "{}",
            run.wrong("damage without what it is")
        );
        named.extend(damaged.iter().filter_map(|one| one["path"].as_str().map(str::to_owned)));
    } else {
        let error = run.error().ok_or_else(|| run.wrong("exit 6, but nothing is said"))?;
        named.push(error["message"].as_str().unwrap_or_default().to_owned());
    }
    Ok(Some((run, named)))
}

fn names(named: &[String], file: &str) -> bool {
    named.iter().any(|named| named.contains(file))
}

fn relative(desk: &Desk<'_>, path: &Path) -> String {
    path.strip_prefix(desk.archive()).unwrap_or(path).display().to_string()
}

fn flipped_bits(scene: &Scene<'_>) -> Outcome {
    let sound = sound(scene, "sound")?;
    let flips = scene.house.options.tier.pick(40, 2_000);
    let (mut found, mut harmless) = (0_u64, Vec::new());
    for flip in 0..flips {
        let desk = sound.copy(&format!("flip {flip}"))?;
        let sealed = files::sealed(&desk.archive())?;
        let mut segments = files::segments(&desk.archive())?;
        if flip % 2 == 0 {
            segments.retain(|path| !sealed.contains(path));
        } else {
            segments = sealed;
        }
        let path = segments[scene.random().index(segments.len())].clone();
        let mut bytes = files::read(&path)?;
        // A member's header and trailer are few bytes of many: every fourth flip goes there.
        let at = if flip % 4 < 2 {
            scene.random().index(bytes.len().min(200))
        } else {
            scene.random().index(bytes.len())
        };
        let bit = scene.random().below(8);
        bytes[at] ^= 1 << bit;
        files::write(&path, &bytes)?;
        let name = relative(&desk, &path);
        let place = format!("bit {bit} of byte {at} of {} in {name}", bytes.len());
        match verify(&desk)? {
            Some((run, named)) => {
                ensure!(names(&named, &name), "{}", run.wrong(&format!("{place}: the file is not named")));
                found += 1;
            }
            None => {
                let same = sound.answers_as_before(&desk);
                same.map_err(|answer| format!("{place}: not found, and it changes an answer: {answer}"))?;
                harmless.push(place.clone());
            }
        }
        let mut ids: Vec<&str> = Vec::new();
        for _ in 0..4 {
            ids.push(&sound.listed[scene.random().index(sound.listed.len())].id);
        }
        // Those of the segment are the ones that can be wrong.
        let of_it = sound
            .listed
            .iter()
            .filter(|record| name.ends_with(&record.segment) || record.segment.ends_with(&name));
        ids.extend(of_it.map(|record| record.id.as_str()).take(8));
        sound.shows_no_wrong_bytes(&desk, &ids).map_err(|message| format!("{place}: {message}"))?;
        std::fs::remove_dir_all(&desk.data).map_err(|error| error.to_string())?;
    }
    ensure!(
        found * 10 >= flips * 9,
        "only {found} of {flips} flips were found; these are harmless: {harmless:?}"
    );
    Ok(())
}

fn whole_segments(scene: &Scene<'_>) -> Outcome {
    let sound = sound(scene, "sound")?;
    type Break = fn(&[PathBuf], &mut super::random::Random) -> Result<PathBuf, String>;
    let breaks: [(&str, Break); 7] = [
        ("cut", |segments, random| {
            let path = &segments[random.index(segments.len())];
            let bytes = files::read(path)?;
            files::write(path, &bytes[..random.index(bytes.len())])?;
            Ok(path.clone())
        }),
        ("cut to nothing", |segments, random| {
            let path = &segments[random.index(segments.len())];
            files::write(path, b"")?;
            Ok(path.clone())
        }),
        ("a sector of zeros", |segments, random| {
            let path = &segments[random.index(segments.len())];
            let mut bytes = files::read(path)?;
            let at = random.index(bytes.len()) / 512 * 512;
            let end = bytes.len().min(at + 512);
            bytes[at..end].fill(0);
            files::write(path, &bytes)?;
            Ok(path.clone())
        }),
        ("longer", |segments, random| {
            let path = &segments[random.index(segments.len())];
            let mut bytes = files::read(path)?;
            bytes.extend_from_slice(b"and more");
            files::write(path, &bytes)?;
            Ok(path.clone())
        }),
        ("gone", |segments, random| {
            let path = &segments[random.index(segments.len())];
            std::fs::remove_file(path).map_err(|error| error.to_string())?;
            Ok(path.clone())
        }),
        ("another valid one in its place", |segments, _| {
            std::fs::copy(&segments[0], &segments[1]).map_err(|error| error.to_string())?;
            Ok(segments[1].clone())
        }),
        ("its first member twice", |segments, random| {
            let path = &segments[random.index(segments.len())];
            let bytes = files::read(path)?;
            files::write(path, &[bytes.as_slice(), bytes.as_slice()].concat())?;
            Ok(path.clone())
        }),
    ];
    for (what, damage) in breaks {
        let desk = sound.copy(what)?;
        let sealed = files::sealed(&desk.archive())?;
        ensure!(sealed.len() > 1, "two sealed segments are needed, there are {}", sealed.len());
        let path = damage(&sealed, &mut scene.random())?;
        let name = relative(&desk, &path);
        let Some((run, named)) = verify(&desk)? else {
            return Err(format!("{what}: verify finds nothing wrong with {name}"));
        };
        ensure!(names(&named, &name), "{}", run.wrong(&format!("{what}: {name} is not named")));
        let ids: Vec<&str> = sound.listed.iter().step_by(3).map(|record| record.id.as_str()).collect();
        let right =
            sound.shows_no_wrong_bytes(&desk, &ids).map_err(|message| format!("{what}: {message}"))?;
        ensure!(right > 0, "{what}: one bad segment hides all others");
        // The damage stays what it is: a pull does not paper over it.
        let still = verify(&desk)?;
        ensure!(still.is_some(), "{what}: looking at the damage made it go away");
    }
    Ok(())
}

fn ledger(scene: &Scene<'_>) -> Outcome {
    let sound = sound(scene, "sound")?;
    for round in 0..scene.house.options.tier.pick(12, 200) {
        let desk = sound.copy(&format!("round {round}"))?;
        let path = desk.archive().join("ledger.ndjson");
        let mut bytes = files::read(&path)?;
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').count();
        ensure!(lines > 1, "the ledger has one line: a bad line before a good one cannot be tried");
        // Not in the last line: a torn end is what a crash leaves, not damage.
        let last = bytes[..bytes.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        let at = scene.random().index(last);
        let bit = scene.random().below(8);
        bytes[at] ^= 1 << bit;
        files::write(&path, &bytes)?;
        let place = format!("bit {bit} of byte {at} of the ledger");
        let Some((run, named)) = verify(&desk)? else {
            return Err(format!("{place}: verify finds nothing"));
        };
        ensure!(names(&named, "ledger"), "{}", run.wrong(&format!("{place}: the ledger is not named")));
        let ids: Vec<&str> = sound.listed.iter().step_by(9).map(|record| record.id.as_str()).collect();
        sound.shows_no_wrong_bytes(&desk, &ids).map_err(|message| format!("{place}: {message}"))?;
    }
    Ok(())
}

fn catalog(scene: &Scene<'_>) -> Outcome {
    let sound = sound(scene, "sound")?;
    let catalogs = |desk: &Desk<'_>| -> Result<Vec<PathBuf>, String> {
        let mut found = files::below(&desk.archive())?;
        found.retain(|path| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("catalog."))
        });
        ensure!(!found.is_empty(), "there is no catalog");
        Ok(found)
    };
    let remove = |desk: &Desk<'_>| -> Outcome {
        catalogs(desk)?
            .iter()
            .try_for_each(|path| std::fs::remove_file(path).map_err(|error| error.to_string()))
    };
    // Another archive's, and this one's of before half of it was stored.
    let other = scene.desk("other");
    let line = scene.hidden("other.ndjson");
    files::write_private(&line, br#"{"id":"somebody-else","startTime":"2025-01-01T00:00:00Z"}"#)?;
    other.import(&line)?.exits(0)?;
    let others = catalogs(&other)?;
    type Break<'b> = &'b dyn Fn(&Desk<'_>) -> Outcome;
    let cases: [(&str, Break<'_>); 5] = [
        ("gone", &remove),
        ("garbage", &|desk| files::write(&desk.archive().join("catalog.sqlite"), &[0xa5; 10_000])),
        ("empty", &|desk| {
            remove(desk).and_then(|()| files::write(&desk.archive().join("catalog.sqlite"), b""))
        }),
        ("cut in the middle", &|desk| {
            let path = desk.archive().join("catalog.sqlite");
            let bytes = files::read(&path)?;
            files::write(&path, &bytes[..bytes.len() / 2])
        }),
        ("another archive's", &|desk| {
            remove(desk)?;
            others.iter().try_for_each(|path| {
                let name = path.file_name().unwrap_or_default();
                std::fs::copy(path, desk.archive().join(name)).map(|_| ()).map_err(|error| error.to_string())
            })
        }),
    ];
    for (what, damage) in cases {
        for first in ["a reader", "a writer"] {
            let desk = sound.copy(&format!("{what} {first}"))?.with("FRONTDESK_SEGMENT_SIZE", "64KiB");
            damage(&desk)?;
            if first == "a writer" {
                // Nothing new in it: whatever the list says after is what it makes of the segments.
                let lines = scene.hidden("lines.ndjson");
                let run = desk.import(&lines)?.exits(0)?;
                let result = run.last()?;
                ensure!(
                    result["stored"] == 0 && result["unchanged"] == sound.records.len() as u64,
                    "{}",
                    run.wrong(&format!("{what}: with its catalog the archive forgot what it has"))
                );
            }
            let same = sound.answers_as_before(&desk);
            same.map_err(|answer| format!("a catalog that is {what}, {first} first: {answer}"))?;
            desk.verifies(sound.records.len() as u64)
                .map_err(|message| format!("{what}, {first} first: {message}"))?;
        }
    }
    // Yesterday's catalog, restored: behind the truth, so it is caught up with.
    let desk = sound.copy("yesterday")?;
    let saved = scene.path("saved");
    files::create_folder(&saved)?;
    for path in catalogs(&desk)? {
        std::fs::copy(&path, saved.join(path.file_name().unwrap_or_default()))
            .map_err(|error| error.to_string())?;
    }
    desk.import(&line)?.exits(0)?;
    let after = desk.list()?;
    remove(&desk)?;
    for path in files::below(&saved)? {
        std::fs::copy(&path, desk.archive().join(path.file_name().unwrap_or_default()))
            .map_err(|error| error.to_string())?;
    }
    ensure!(desk.list()? == after, "with yesterday's catalog, today's record is not listed");
    Ok(())
}

/// SQLite does not notice every bit. What is asked of the catalog may then be missing, but no record is shown with other
/// bytes, `verify` says so, and without the catalog everything is as it was.
fn flipped_catalog(scene: &Scene<'_>) -> Outcome {
    let sound = sound(scene, "sound")?;
    let rounds = scene.house.options.tier.pick(12, 500);
    let mut found = 0;
    for round in 0..rounds {
        let desk = sound.copy(&format!("round {round}"))?;
        let path = desk.archive().join("catalog.sqlite");
        let mut bytes = files::read(&path)?;
        for _ in 0..=round {
            let at = scene.random().index(bytes.len());
            bytes[at] ^= 1 << scene.random().below(8);
        }
        files::write(&path, &bytes)?;
        let ids: Vec<&str> = sound.listed.iter().step_by(41).map(|record| record.id.as_str()).collect();
        for id in ids {
            let run = desk.run(&["archive", "show", "--raw", "--", id])?;
            let right = sound.records.get(id).is_some_and(|bytes| *bytes == run.stdout);
            ensure!(run.exit != Some(0) || right, "{}", run.wrong("wrong bytes were shown"));
        }
        match verify(&desk)? {
            Some((run, named)) => {
                ensure!(names(&named, "catalog"), "{}", run.wrong("the catalog is not named"));
                found += 1;
            }
            None => sound
                .answers_as_before(&desk)
                .map_err(|answer| format!("round {round}: not found: {answer}"))?,
        }
        for name in ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm", "catalog.sha256"] {
            let _ = std::fs::remove_file(desk.archive().join(name));
        }
        sound
            .answers_as_before(&desk)
            .map_err(|answer| format!("round {round}, without the catalog: {answer}"))?;
        desk.verifies(sound.records.len() as u64)?;
        std::fs::remove_dir_all(&desk.data).map_err(|error| error.to_string())?;
    }
    ensure!(found > 0, "no flip of {rounds} rounds was found");
    Ok(())
}
