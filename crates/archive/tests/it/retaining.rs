//! Holds, removals and what is left of them, also when the machine stops in between.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_archive::{
    ClockTrust, Error, ErrorKind, ListQuery, Maintenance, PutOutcome, Reader, Removal, Removed, Settings,
};
use frontdesk_domain::{MatterName, RecordKind, Timestamp};
use frontdesk_durable::Dir;
use frontdesk_durable::testing::FaultyDir;

use crate::support::{clock, conversation, key, noise, prepared, settings, verify};
use crate::world::{Catalog, World};

fn matter(name: &str) -> MatterName {
    MatterName::new(name).unwrap()
}

fn small() -> Settings {
    Settings { segment_size: 3_000, ..settings() }
}

pub(crate) fn maintain(dir: Arc<dyn Dir>) -> Result<Maintenance, Error> {
    Maintenance::open_in(dir, &small(), clock())
}

/// What is put into every archive here: two months, several segments, versions.
fn fill(world: &World) -> BTreeMap<String, Vec<u8>> {
    let writer = world.writer().unwrap();
    let mut latest = BTreeMap::new();
    for round in 0..2_u64 {
        for n in 0..8_u64 {
            let id = format!("c-{n}");
            if round == 1 && n % 3 != 0 {
                continue;
            }
            let line = conversation(&id, 1 + (n % 2) as u8, &noise(round * 100 + n, 400));
            writer.put(vec![prepared(&line)]).unwrap();
            latest.insert(id, line);
        }
    }
    writer.close().unwrap();
    latest
}

pub(crate) fn removal(reader: &Reader, id: &str) -> Removal {
    let record = reader.show(&key(id), None).unwrap().unwrap();
    Removal {
        id: id.parse().unwrap(),
        version: record.version,
        sha256: record.sha256,
        policy: "thirty-days".parse().unwrap(),
        since: record.started_at.unwrap(),
    }
}

/// The latest version of everything that is there.
fn there(reader: &Reader) -> BTreeMap<String, Vec<u8>> {
    let query = ListQuery { kind: Some(RecordKind::Details), latest_only: true, ..ListQuery::default() };
    let entries = reader.list(&query).map(|entry| entry.unwrap().key);
    entries.map(|key| (key.id.as_str().to_owned(), reader.show(&key, None).unwrap().unwrap().bytes)).collect()
}

/// The whole state that a reader can see, as a rebuilt catalog must give it again.
fn answers(reader: &Reader) -> String {
    let entries: Vec<_> = reader.list(&ListQuery::default()).map(Result::unwrap).collect();
    let mut holds = Vec::new();
    reader
        .holds::<Error>(None, |hold| {
            holds.push(hold);
            Ok(())
        })
        .unwrap();
    let stones: Vec<_> =
        (0..8).map(|n| reader.tombstone(&format!("c-{n}").parse().unwrap()).unwrap()).collect();
    format!("{entries:#?} {holds:#?} {stones:#?} {:?}", reader.stats().unwrap())
}

fn check(world: &World) {
    let reader = world.reader();
    let report = verify(&reader);
    assert_eq!(report.damaged, [], "{report:?}");
    assert_eq!(report.unfinished, [], "{report:?}");
    let anew = world.after_kill(Catalog::Gone).reader();
    assert_eq!(answers(&reader), answers(&anew), "a catalog built anew gives the same answers");
}

/// The raw bytes of every segment, as any gzip reads them.
fn unpacked(world: &World) -> String {
    let mut text = String::new();
    for (path, bytes) in world.memory.files() {
        if path.ends_with(".ndjson.gz") {
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        }
    }
    text
}

#[test]
fn what_is_removed_is_gone_and_does_not_come_back_and_the_rest_is_untouched() {
    let world = World::new();
    let lines = fill(&world);
    let reader = world.reader();
    let before: BTreeMap<_, _> =
        reader.list(&ListQuery::default()).map(|entry| entry.unwrap()).map(|e| (e.sequence, e)).collect();
    let removals: Vec<_> = ["c-0", "c-2", "c-3"].iter().map(|id| removal(&reader, id)).collect();

    let mut maintenance = maintain(world.dir()).unwrap();
    let (outcomes, compacted) = maintenance.expire(&removals, "retention", ClockTrust::default()).unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Removed::Expired { .. })), "{outcomes:?}");
    assert!(matches!(outcomes[0], Removed::Expired { records: 2, .. }), "all versions: {outcomes:?}");
    assert!(compacted.rewritten > 0 && compacted.freed > 1_000 && compacted.damaged == 0, "{compacted:?}");
    assert_eq!(reader.show(&key("c-0"), None).unwrap(), None, "a reader that was open all the time");
    maintenance.close().unwrap();

    check(&world);
    let reader = world.reader();
    assert_eq!(there(&reader).len(), 5);
    for entry in reader.list(&ListQuery::default()).map(Result::unwrap) {
        let old = &before[&entry.sequence];
        assert_eq!(
            (&old.key, old.version, old.sha256, old.archived_at, old.length),
            (&entry.key, entry.version, entry.sha256, entry.archived_at, entry.length)
        );
    }
    let text = unpacked(&world);
    for id in ["c-0", "c-2", "c-3"] {
        assert!(!text.contains(&format!("\"id\":\"{id}\"")), "{id} is in a segment still");
        assert_eq!(reader.tombstone(&id.parse().unwrap()).unwrap().unwrap().policy.as_str(), "thirty-days");
    }

    // The calendar still says that they were there.
    let days = reader.summary(clock()()).unwrap().days;
    assert_eq!(days.iter().map(|day| day.stored).sum::<u64>(), 5);
    assert_eq!(days.iter().map(|day| day.expired).sum::<u64>(), 3);
    for removal in &removals {
        let there = days.iter().any(|day| {
            let from = removal.since.as_micros() - day.day.as_micros();
            day.expired > 0 && (0..86_400_000_000).contains(&from)
        });
        assert!(there, "no day has {}: {days:?}", removal.since);
    }

    // It does not come back, whatever it says by now; what is new is numbered behind everything there ever was.
    let writer = world.writer().unwrap();
    let later = conversation("c-2", 5, "something else");
    let put = vec![prepared(&lines["c-0"]), prepared(&later), prepared(&lines["c-1"])];
    let outcomes = writer.put(put).unwrap();
    assert_eq!(outcomes, [PutOutcome::Expired, PutOutcome::Expired, PutOutcome::Unchanged { version: 1 }]);
    writer.put(vec![prepared(&conversation("new", 1, "hello"))]).unwrap();
    writer.close().unwrap();
    let last = world.reader().list(&ListQuery::default()).map(Result::unwrap).last().unwrap();
    assert!(last.sequence > *before.keys().last().unwrap(), "{}", last.sequence);
    check(&world);
}

#[test]
fn numbers_of_records_are_not_given_again_when_the_last_ones_are_removed() {
    let world = World::new();
    fill(&world);
    let reader = world.reader();
    let highest = reader.list(&ListQuery::default()).map(|entry| entry.unwrap().sequence).max().unwrap();
    let removals: Vec<_> = (0..8).map(|n| removal(&reader, &format!("c-{n}"))).collect();
    let mut maintenance = maintain(world.dir()).unwrap();
    let (_, compacted) = maintenance.expire(&removals, "retention", ClockTrust::default()).unwrap();
    assert!(compacted.dropped > 0 && compacted.rewritten == 0, "{compacted:?}");
    maintenance.close().unwrap();
    assert_eq!(world.memory.files().keys().filter(|path| path.contains("ndjson.gz")).count(), 0);
    let after = world.after_kill(Catalog::Gone);
    let writer = after.writer().unwrap();
    writer.put(vec![prepared(&conversation("new", 1, "hello"))]).unwrap();
    writer.close().unwrap();
    let entries: Vec<_> = after.reader().list(&ListQuery::default()).map(Result::unwrap).collect();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].sequence, highest + 1);
    check(&after);
}

#[test]
fn a_hold_wins_over_a_removal_that_was_decided_before_it() {
    let world = World::new();
    fill(&world);
    let reader = world.reader();
    let removals: Vec<_> = ["c-1", "c-2"].iter().map(|id| removal(&reader, id)).collect();
    let mut maintenance = maintain(world.dir()).unwrap();
    let smith = matter("Smith");
    let outcome = maintenance.hold(&smith, &["c-1".parse().unwrap()], None, "served").unwrap();
    assert_eq!((outcome.added, outcome.already), (1, 0));
    let outcome =
        maintenance.hold(&smith, &["c-1".parse().unwrap(), "c-4".parse().unwrap()], None, "more").unwrap();
    assert_eq!((outcome.added, outcome.already), (1, 1));
    let unknown = maintenance.hold(&smith, &["c-5".parse().unwrap(), "nobody".parse().unwrap()], None, "x");
    assert!(matches!(unknown.unwrap_err().kind(), ErrorKind::Unknown { .. }));
    assert_eq!(reader.matters(&"c-5".parse().unwrap()).unwrap(), [], "nothing of it is held");
    let several = ["c-4", "c-5", "c-1"].map(|id| id.parse().unwrap());
    assert_eq!(reader.matters_of(&several).unwrap(), [vec![smith.clone()], vec![], vec![smith.clone()]]);
    let (outcomes, _) = maintenance.expire(&removals, "retention", ClockTrust::default()).unwrap();
    assert_eq!(outcomes[0], Removed::Held(vec![smith.clone()]));
    assert!(matches!(outcomes[1], Removed::Expired { .. }));
    let gone = maintenance.hold(&smith, &["c-2".parse().unwrap()], None, "too late").unwrap_err();
    assert!(gone.to_string().contains("removed by retention"), "{gone}");

    // By two matters or by one: it counts once in the calendar.
    let held = || reader.summary(clock()()).unwrap().days.iter().map(|day| day.held).sum::<u64>();
    maintenance.hold(&matter("Jones"), &["c-4".parse().unwrap()], None, "also").unwrap();
    assert_eq!(held(), 2);
    maintenance.release(&matter("Jones"), None, "settled").unwrap();
    assert_eq!(held(), 2);

    assert_eq!(maintenance.release(&smith, Some(&["c-4".parse().unwrap()]), "settled").unwrap(), 1);
    assert_eq!(held(), 1);
    assert!(maintenance.release(&smith, Some(&["c-4".parse().unwrap()]), "settled").is_err());
    let (outcomes, _) = maintenance.expire(&removals, "retention", ClockTrust::default()).unwrap();
    assert_eq!(outcomes, [Removed::Held(vec![smith.clone()]), Removed::Missing]);
    assert_eq!(maintenance.release(&smith, None, "settled").unwrap(), 1);
    assert!(maintenance.release(&smith, None, "settled").is_err());
    let (outcomes, _) = maintenance.expire(&removals, "retention", ClockTrust::default()).unwrap();
    assert!(matches!(outcomes[0], Removed::Expired { .. }), "{outcomes:?}");
    maintenance.close().unwrap();
    check(&world);
}

#[test]
fn what_has_changed_since_is_not_removed() {
    let world = World::new();
    fill(&world);
    let planned = removal(&world.reader(), "c-1");
    let writer = world.writer().unwrap();
    writer.put(vec![prepared(&conversation("c-1", 2, "it went on"))]).unwrap();
    writer.close().unwrap();
    let mut maintenance = maintain(world.dir()).unwrap();
    let (outcomes, _) = maintenance.expire(&[planned], "retention", ClockTrust::default()).unwrap();
    assert_eq!(outcomes, [Removed::Changed]);
    maintenance.close().unwrap();
    check(&world);
}

#[test]
fn a_clock_that_jumped_pauses_removal_until_somebody_vouches_for_it() {
    let world = World::new();
    fill(&world);
    let removals = [removal(&world.reader(), "c-1")];
    let now = clock()();
    let ahead = now.checked_add(Duration::from_hours(24 * 3_650)).unwrap();
    let at = |time: Timestamp| Maintenance::open_in(world.dir(), &small(), Arc::new(move || time)).unwrap();
    for _ in 0..2 {
        // What is written meanwhile under the wrong time vouches for nothing.
        let mut maintenance = at(ahead);
        let error = maintenance.expire(&removals, "retention", ClockTrust::default()).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::ClockAhead { .. }), "{error}");
        maintenance.hold(&matter("Smith"), &["c-2".parse().unwrap()], None, "served").unwrap();
        maintenance.close().unwrap();
    }
    let mut maintenance = at(ahead);
    let confirmed = ClockTrust { confirmed: true, ..ClockTrust::default() };
    let (outcomes, _) = maintenance.expire(&removals, "retention", confirmed).unwrap();
    assert!(matches!(outcomes[0], Removed::Expired { .. }));
    maintenance.close().unwrap();
    let mut maintenance = at(ahead.checked_add(Duration::from_hours(24)).unwrap());
    maintenance.check_clock(ClockTrust::default()).unwrap();
    maintenance.close().unwrap();
    check(&world);
}

/// Everything that changes an archive here: hold, expire, release, expire again.
fn changes(
    open: &dyn Fn() -> Result<Maintenance, Error>,
    reader: &Reader,
    done: &mut u32,
) -> Result<(), Error> {
    let ids = |ids: &[&str]| ids.iter().map(|id| id.parse().unwrap()).collect::<Vec<_>>();
    let removals: Vec<_> = ["c-0", "c-1", "c-3"].iter().map(|id| removal(reader, id)).collect();
    let mut maintenance = open()?;
    maintenance.hold(&matter("Smith"), &ids(&["c-0", "c-5"]), None, "served")?;
    *done = 1;
    maintenance.expire(&removals, "retention", ClockTrust::default())?;
    *done = 2;
    maintenance.close()?;
    let mut maintenance = open()?;
    maintenance.release(&matter("Smith"), Some(&ids(&["c-0"])), "settled")?;
    *done = 3;
    maintenance.expire(&removals, "retention", ClockTrust::default())?;
    *done = 4;
    maintenance.close()
}

/// What is there, and what is held, after so many of the changes.
fn expected(done: u32) -> (Vec<&'static str>, Vec<&'static str>) {
    let gone = match done {
        0 | 1 => vec![],
        2 | 3 => vec!["c-1", "c-3"],
        _ => vec!["c-0", "c-1", "c-3"],
    };
    let held = match done {
        0 => vec![],
        1 | 2 => vec!["c-0", "c-5"],
        _ => vec!["c-5"],
    };
    (gone, held)
}

/// Each conversation is removed or not, each hold is there or not: as before the change that was stopped, or as after.
fn assert_possible(found: &(Vec<String>, Vec<String>), done: u32, step: u64) {
    let (before, after) = (expected(done), expected(4.min(done + 1)));
    let gone = |id: &str| found.0.iter().any(|gone| gone == id);
    assert!(before.0.iter().all(|id| gone(id)), "step {step}, {done} done: something came back: {found:?}");
    assert!(found.0.iter().all(|id| after.0.contains(&id.as_str())), "step {step}, {done} done: {found:?}");
    assert!(found.1 == before.1 || found.1 == after.1, "step {step}, {done} done: {found:?}");
}

fn state(reader: &Reader) -> (Vec<String>, Vec<String>) {
    let there = there(reader);
    let all = (0..8).map(|n| format!("c-{n}"));
    let gone = all.filter(|id| !there.contains_key(id)).collect();
    let mut held = Vec::new();
    reader
        .holds::<Error>(None, |hold| {
            held.push(hold.id.as_str().to_owned());
            Ok(())
        })
        .unwrap();
    (gone, held)
}

#[test]
fn the_machine_may_stop_at_any_step_of_a_change() {
    let filled = || {
        let world = World::new();
        let lines = fill(&world);
        (world, lines)
    };
    let mut steps = 0;
    for step in 1.. {
        let (world, lines) = filled();
        let before = Reader::open_in(world.dir(), &crate::support::read_options()).unwrap();
        let dir = FaultyDir::new(world.memory.clone()).crash_at(step);
        let mut done = 0;
        let result = changes(&|| maintain(Arc::new(dir.clone())), &before, &mut done);
        if !dir.struck() {
            result.unwrap();
            check(&world);
            assert_eq!(state(&world.reader()), {
                let (gone, held) = expected(4);
                (
                    gone.iter().map(|s| (*s).to_owned()).collect(),
                    held.iter().map(|s| (*s).to_owned()).collect(),
                )
            });
            break;
        }
        steps = step;
        let seed = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8;
        let catalog = if seed % 2 == 0 { Catalog::Kept } else { Catalog::Gone };
        drop(before);
        let after =
            if step % 3 == 0 { world.after_kill(catalog) } else { world.after_power_loss(seed / 2, catalog) };
        // A reader that comes first sees a state of before or after, and finds nothing damaged.
        let early = state(&after.reader());
        let report = verify(&after.reader());
        assert_eq!(report.damaged, [], "step {step}: {report:?}");
        maintain(after.dir()).unwrap_or_else(|error| panic!("step {step}: {error}")).close().unwrap();
        let settled = state(&after.reader());
        assert_possible(&settled, done, step);
        assert_eq!(early, settled, "step {step}: a reader sees what the ledger says");
        check(&after);
        // What is gone is gone from the segments, too, and nothing else is.
        let text = unpacked(&after);
        let there = there(&after.reader());
        for (id, line) in &lines {
            let gone = settled.0.contains(id);
            assert_eq!(text.contains(&format!("\"id\":\"{id}\"")), !gone, "step {step}: {id}");
            assert_eq!(there.get(id), (!gone).then_some(line), "step {step}: {id}");
        }
        // What was left is done by the next run.
        let before = after.reader();
        let mut maintenance = maintain(after.dir()).unwrap();
        let removals: Vec<_> =
            there.keys().filter(|id| *id != "c-5").map(|id| removal(&before, id)).collect();
        let held: Vec<String> = settled.1.clone();
        let (outcomes, _) = maintenance.expire(&removals, "retention", ClockTrust::default()).unwrap();
        for (removal, outcome) in removals.iter().zip(outcomes) {
            let is_held = held.iter().any(|id| id == removal.id.as_str());
            assert_eq!(matches!(outcome, Removed::Held(_)), is_held, "step {step}: {outcome:?}");
        }
        maintenance.close().unwrap();
        check(&after);
    }
    assert!(steps > 60, "{steps}");
}

#[test]
fn a_failing_call_leaves_the_archive_as_before_or_after() {
    for step in 1.. {
        let world = World::new();
        fill(&world);
        let before = world.reader();
        let dir = FaultyDir::new(world.memory.clone()).fail_at(step, frontdesk_durable::testing::EIO);
        let mut done = 0;
        let result = changes(&|| maintain(Arc::new(dir.clone())), &before, &mut done);
        if !dir.struck() {
            result.unwrap();
            break;
        }
        drop(result);
        maintain(world.dir()).unwrap_or_else(|error| panic!("step {step}: {error}")).close().unwrap();
        let settled = state(&world.reader());
        assert_possible(&settled, done, step);
        check(&world);
    }
}
