//! Repair: no good record is lost, nothing damaged is thrown away, and what is lost is named.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use frontdesk_archive::{Error, ListQuery, Reader, RepairReport, Settings, VerifyReport, Writer, repair_in};
use frontdesk_durable::testing::FaultyDir;
use frontdesk_durable::{Dir, Sha256Hash};

use crate::support::{clock, conversation, noise, prepared, settings, verify};
use crate::world::{Catalog, World, open};

/// What is there: by sequence, what a record is.
fn records(reader: &Reader) -> BTreeMap<u64, (String, u32, Sha256Hash)> {
    reader
        .list(&ListQuery::default())
        .map(Result::unwrap)
        .map(|entry| (entry.sequence, (entry.key.to_string(), entry.version, entry.sha256)))
        .collect()
}

/// Sealed segments, one that takes members, two months, versions.
fn filled() -> World {
    let world = World::new();
    for run in 0..2_u64 {
        let writer = world.writer().unwrap();
        for n in 0..9_u64 {
            let lines: Vec<_> = (0..3)
                .map(|m| {
                    conversation(
                        &format!("c-{}", (n * 3 + m) % 11),
                        1 + (m % 2) as u8,
                        &noise(run * 100 + n, 120),
                    )
                })
                .collect();
            writer.put(lines.iter().map(|line| prepared(line)).collect()).unwrap();
        }
        writer.close().unwrap();
    }
    world
}

fn mended(dir: Arc<dyn Dir>, apply: bool) -> Result<RepairReport, Error> {
    repair_in(dir, &Settings { segment_size: 1_500, ..settings() }, clock(), apply)
}

fn flip(world: &World, path: &str, at: usize) {
    let bytes = world.memory.files()[path].clone();
    let mut file = world.memory.open_write(path).unwrap();
    file.write_at(at as u64, &[bytes[at] ^ (1 << (at % 8))]).unwrap();
    file.sync_data().unwrap();
}

fn segments(world: &World) -> Vec<String> {
    let files = world.memory.files();
    files.into_keys().filter(|path| path.ends_with(".ndjson.gz")).collect()
}

/// What must hold after every repair; `before` is what there was.
fn check(
    world: &World,
    before: &BTreeMap<u64, (String, u32, Sha256Hash)>,
    report: &RepairReport,
    what: &str,
) {
    let reader = world.reader();
    let after = records(&reader);
    let lost: BTreeSet<u64> = report.lost.iter().map(|lost| lost.sequence).collect();
    for (sequence, record) in before {
        match after.get(sequence) {
            Some(found) => {
                assert_eq!(found, record, "{what}");
                assert!(!lost.contains(sequence), "{what}: {sequence} is said to be lost, and is there");
            }
            None => assert!(lost.contains(sequence), "{what}: {sequence} is gone without a word"),
        }
    }
    assert!(after.keys().all(|sequence| before.contains_key(sequence)), "{what}");
    let VerifyReport { damaged, .. } = verify(&reader);
    assert_eq!(damaged, [], "{what}");
    let anew = records(&world.after_kill(Catalog::Gone).reader());
    assert_eq!(anew, after, "{what}: a catalog built anew says the same");
    // It can be written again, and no number is given twice.
    let writer = world.writer().unwrap_or_else(|error| panic!("{what}: {error}"));
    writer.put(vec![prepared(&conversation("after the repair", 3, "hello"))]).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_sound_archive_is_left_as_it_is() {
    let world = filled();
    let before = world.memory.files();
    let report = mended(world.dir(), true).unwrap();
    assert_eq!(report, RepairReport::default());
    assert_eq!(world.memory.files(), before);
}

#[test]
fn a_flipped_bit_anywhere_in_a_segment_costs_no_record_it_does_not_touch() {
    let pristine = filled();
    let before = records(&pristine.reader());
    let (mut repaired, mut lost) = (0, 0);
    for path in segments(&pristine) {
        let length = pristine.memory.files()[&path].len();
        // Every byte of a header, and a sample of the rest.
        for at in (0..length).step_by(if length > 400 { 37 } else { 7 }) {
            let what = format!("{path} at {at}");
            let world = pristine.after_kill(Catalog::Kept);
            flip(&world, &path, at);
            let whole = world.memory.files()[&path].clone();
            let preview = mended(world.dir(), false).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(world.memory.files()[&path], whole, "{what}: a preview changes nothing");
            let report = mended(world.dir(), true).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(report.changed, "{what}: nothing was found");
            assert_eq!(preview.lost, report.lost, "{what}: the preview said something else");
            assert!(report.lost.iter().all(|lost| lost.key.is_some()), "{what}: the catalog knew them");
            let files = world.memory.files();
            let kept: Vec<_> = report.segments.iter().flat_map(|segment| &segment.quarantine).collect();
            assert!(
                !kept.is_empty() && kept.iter().all(|kept| files.contains_key(*kept)),
                "{what}: {report:?}"
            );
            check(&world, &before, &report, &what);
            repaired += 1;
            lost += report.lost.len();
        }
    }
    assert!(repaired > 100, "{repaired}");
    assert!(lost < repaired * 5, "a member's records at most: {lost} in {repaired}");
}

#[test]
fn a_segment_that_is_short_or_gone_costs_what_was_in_it_and_no_more() {
    let pristine = filled();
    let before = records(&pristine.reader());
    for path in segments(&pristine) {
        for kept in [None, Some(0), Some(1), Some(2)] {
            let what = format!("{path}, {kept:?} thirds kept");
            let world = pristine.after_kill(Catalog::Kept);
            match kept {
                None => world.memory.remove(&path).unwrap(),
                Some(thirds) => {
                    let length = world.memory.files()[&path].len() as u64;
                    world.memory.open_write(&path).unwrap().set_len(length * thirds / 3).unwrap();
                }
            }
            assert!(world.writer().is_err(), "{what}");
            let report = mended(world.dir(), true).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert!(!report.lost.is_empty(), "{what}");
            check(&world, &before, &report, &what);
        }
    }
}

#[test]
fn what_the_ledger_does_not_know_is_put_aside() {
    let world = filled();
    let before = records(&world.reader());
    let bytes = world.memory.files()[&segments(&world)[0]].clone();
    world.memory.create("segments/2025-01/000099.ndjson.gz").unwrap().write_at(0, &bytes).unwrap();
    let report = mended(world.dir(), true).unwrap();
    assert_eq!(report.strangers, ["segments/2025-01/000099.ndjson.gz"]);
    assert_eq!(world.memory.files()["quarantine/000099-0.stranger"], bytes);
    check(&world, &before, &report, "a stranger");
}

#[test]
fn a_checksum_file_that_was_changed_is_written_again() {
    let world = filled();
    let before = records(&world.reader());
    let files = world.memory.files();
    let sum = files.keys().find(|path| path.ends_with(".sha256") && path.starts_with("segments/")).unwrap();
    flip(&world, sum, 3);
    assert!(!verify(&world.reader()).damaged.is_empty());
    let report = mended(world.dir(), true).unwrap();
    assert_eq!((report.projections.as_slice(), report.lost.len()), (std::slice::from_ref(sum), 0));
    assert_eq!(world.memory.files()[sum], files[sum]);
    check(&world, &before, &report, "a checksum file");
}

#[test]
fn a_damaged_file_of_the_search_index_is_made_again() {
    let pristine = filled();
    // The next writer with an index catches up.
    let indexed = Settings { search_index: true, segment_size: 1_500, ..settings() };
    Writer::open_in(pristine.dir(), &indexed, clock()).unwrap().close().unwrap();
    let before = records(&pristine.reader());
    let paths: Vec<String> =
        pristine.memory.files().into_keys().filter(|path| path.starts_with("search/")).collect();
    assert!(paths.len() > 1, "{paths:?}");
    for path in &paths {
        for at in (0..pristine.memory.files()[path].len()).step_by(61) {
            for on in [true, false] {
                let what = format!("{path} at {at}, index {on}");
                let world = pristine.after_kill(Catalog::Kept);
                flip(&world, path, at);
                let flipped = world.memory.files();
                let settings = Settings { search_index: on, ..indexed.clone() };
                let preview = repair_in(world.dir(), &settings, clock(), false).unwrap();
                assert_eq!(preview.projections, std::slice::from_ref(path), "{what}");
                assert_eq!(world.memory.files(), flipped, "{what}: a preview changed something");
                let report = repair_in(world.dir(), &settings, clock(), true).unwrap();
                assert_eq!((&report.projections, report.lost.len()), (&preview.projections, 0), "{what}");
                let again = repair_in(world.dir(), &settings, clock(), false).unwrap();
                assert_eq!(again, RepairReport::default(), "{what}: it is not healed");
                check(&world, &before, &report, &what);
            }
        }
    }
}

#[test]
fn a_damaged_ledger_or_format_is_left_alone() {
    for path in ["ledger.ndjson", "FORMAT.json"] {
        let world = filled();
        flip(&world, path, 40);
        let before = world.memory.files();
        let refused = mended(world.dir(), true).unwrap_err();
        assert!(refused.is_integrity_failure(), "{path}: {refused}");
        assert_eq!(world.memory.files(), before, "{path}");
    }
    // The ledger lost its last lines, and with them perhaps a hold: the catalog knows.
    let world = filled();
    let length = world.memory.files()["ledger.ndjson"].len() as u64;
    world.memory.open_write("ledger.ndjson").unwrap().set_len(length / 2).unwrap();
    let refused = mended(world.dir(), true).unwrap_err();
    assert!(refused.is_integrity_failure(), "{refused}");
}

#[test]
fn the_machine_may_stop_at_any_step_of_a_repair() {
    let pristine = filled();
    let before = records(&pristine.reader());
    let path = segments(&pristine)[0].clone();
    let middle = pristine.memory.files()[&path].len() / 2;
    let broken = || {
        let world = pristine.after_kill(Catalog::Kept);
        flip(&world, &path, middle);
        world
    };
    let expected: Vec<u64> =
        mended(broken().dir(), false).unwrap().lost.iter().map(|lost| lost.sequence).collect();
    for step in 1.. {
        let world = broken();
        let damaged = world.memory.files()[&path].clone();
        let dir = FaultyDir::new(world.memory.clone()).crash_at(step);
        let repaired = mended(Arc::new(dir.clone()), true);
        if !dir.struck() {
            repaired.unwrap();
            assert!(step > 30, "{step}");
            break;
        }
        let after = world.after_power_loss(step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8, Catalog::Kept);
        let files = after.memory.files();
        let aside = files.iter().any(|(path, bytes)| {
            path.starts_with("quarantine/")
                && path.ends_with(".damaged")
                && damaged.windows(bytes.len()).any(|w| w == bytes)
        });
        assert!(files.get(&path) == Some(&damaged) || aside, "step {step}: the damaged bytes are nowhere");
        mended(after.dir(), true).unwrap_or_else(|error| panic!("step {step}: {error}"));
        // A repair that got as far as the ledger named them there.
        let gone = records(&after.reader());
        let lost: Vec<u64> = before.keys().filter(|sequence| !gone.contains_key(sequence)).copied().collect();
        assert_eq!(lost, expected, "step {step}");
        assert_eq!(verify(&after.reader()).damaged, [], "step {step}");
        let writer: Writer = open(after.dir()).unwrap_or_else(|error| panic!("step {step}: {error}"));
        writer.close().unwrap();
    }
}
