//! Readers beside what nobody settled yet: they see it, and they make nothing of it for others.

use std::sync::{Arc, Mutex};

use frontdesk_archive::{Expression, ListQuery, PutOutcome, Reader, Search, VerifyOptions, VerifyReport};
use frontdesk_durable::Dir;
use frontdesk_durable::testing::{EIO, FaultyDir};

use crate::support::{ReadOnly, conversation, key, noise, prepared, read_options, verify};
use crate::world::{Catalog, World, open};

/// An archive of two puts, the second of which could not be synced: readable, and not on the disk.
fn unsynced_put() -> World {
    let line = conversation("c-2", 1, "hello again");
    for step in 1.. {
        let world = World::new();
        let memory = world.memory.clone();
        let failed = Arc::new(Mutex::new(String::new()));
        let note = failed.clone();
        let dir = FaultyDir::new(world.memory.clone()).fail_at(step, EIO).on_failed_sync(move |path| {
            memory.forget_unsynced(path);
            path.clone_into(&mut note.lock().unwrap());
        });
        let acknowledged = open(Arc::new(dir.clone())).is_ok_and(|writer| {
            let first = writer.put(vec![prepared(&conversation("c-1", 1, "hello"))]);
            first.is_ok() && writer.put(vec![prepared(&line)]).is_ok()
        });
        if !acknowledged && failed.lock().unwrap().ends_with(".ndjson.gz") {
            let after = world.after_kill(Catalog::Kept);
            if after.memory.files().values().any(|bytes| bytes.len() > 400 && bytes.starts_with(b"\x1f\x8b"))
            {
                return after;
            }
        }
        assert!(dir.struck(), "no sync of the second put failed");
    }
    unreachable!()
}

fn ids(reader: &Reader) -> Vec<String> {
    reader.list(&ListQuery::default()).map(|entry| entry.unwrap().key.id.to_string()).collect()
}

#[test]
fn what_a_reader_saw_is_not_durable_for_that() {
    let world = unsynced_put();
    let reader = world.reader();
    assert_eq!(ids(&reader), ["c-1", "c-2"], "it is there to be read");
    drop(reader);
    // The machine stops: what was never synced is gone, and was never acknowledged. Nothing is damaged.
    let lost = world.after_power_loss(0, Catalog::Kept);
    drop(lost.writer().unwrap());
    assert_eq!(ids(&lost.reader()), ["c-1"]);
    assert_eq!(verify(&lost.reader()).damaged, []);
    // It does not stop, and the next writer is asked to store the same again: now it must be durable.
    let writer = world.writer().unwrap();
    let outcome = writer.put(vec![prepared(&conversation("c-2", 1, "hello again"))]).unwrap();
    assert_eq!(outcome, [PutOutcome::Unchanged { version: 1 }]);
    let later = world.after_power_loss(0, Catalog::Gone);
    drop(writer);
    drop(later.writer().unwrap());
    assert_eq!(ids(&later.reader()), ["c-1", "c-2"]);
}

#[test]
fn every_reader_sees_what_is_not_settled_and_leaves_it() {
    let world = World::new();
    let writer = world.writer().unwrap();
    writer.put(vec![prepared(&conversation("c-1", 1, "hello"))]).unwrap();
    let old = catalog(&world.after_kill(Catalog::Kept));
    for n in 2..9_u64 {
        let text = format!("hello {}", noise(n, 600));
        let line = conversation(&format!("c-{}", n % 5), 1 + (n % 2) as u8, &text);
        writer.put(vec![prepared(&line)]).unwrap();
    }
    let after = world.after_kill(Catalog::Kept);
    drop(writer);
    let expected: Vec<_> = after.reader().list(&ListQuery::default()).map(Result::unwrap).collect();
    assert_eq!(expected.len(), 8);
    // As when the disk was full at the catalog's commit: the records are there, and it does not know them.
    put_catalog(&after, &old);
    let readers: [Reader; 3] = [
        after.reader(),
        Reader::open_in(Arc::new(ReadOnly(after.memory.clone())), &read_options()).unwrap(),
        after.reader(),
    ];
    for reader in &readers {
        let listed: Vec<_> = reader.list(&ListQuery::default()).map(Result::unwrap).collect();
        assert_eq!(listed, expected);
        assert!(reader.show(&key("c-4"), None).unwrap().is_some());
        let query = Search::new(Expression::Contains("hello".to_owned()), 9);
        let page = reader.search(&query).unwrap();
        assert_eq!((page.count.unwrap(), page.incomplete), (5, 0));
        let report: VerifyReport = verify(reader);
        assert_eq!((report.damaged, report.records), (vec![], 8));
        let told: Vec<&str> = report.unfinished.iter().map(|place| place.path.as_str()).collect();
        assert_eq!(told, ["catalog.sqlite"], "it is behind, and that is said");
    }
    drop(readers);
    let writer = after.writer().unwrap();
    writer.close().unwrap();
    let report = verify(&after.reader());
    assert_eq!((report.damaged, report.unfinished, report.records), (vec![], vec![], 8));
}

fn catalog(world: &World) -> (Vec<u8>, Option<Vec<u8>>) {
    let read = |name: &str| std::fs::read(world.local().join(name)).ok();
    (read("catalog.sqlite").unwrap(), read("catalog.sqlite-wal"))
}

#[expect(clippy::disallowed_methods, reason = "a test puts SQLite's own files back")]
fn put_catalog(world: &World, (file, wal): &(Vec<u8>, Option<Vec<u8>>)) {
    for name in ["catalog.sqlite-wal", "catalog.sqlite-shm"] {
        let _ = std::fs::remove_file(world.local().join(name));
    }
    std::fs::write(world.local().join("catalog.sqlite"), file).unwrap();
    if let Some(wal) = wal {
        std::fs::write(world.local().join("catalog.sqlite-wal"), wal).unwrap();
    }
}

#[test]
fn a_writer_that_died_before_the_catalog_knew_of_its_copies_damaged_nothing() {
    let world = World::new();
    let writer = world.writer().unwrap();
    for (id, month) in [("a", 1), ("b", 2), ("c", 2)] {
        writer.put(vec![prepared(&conversation(id, month, "hello"))]).unwrap();
    }
    let crashed = world.after_kill(Catalog::Kept);
    drop(writer);
    let old = catalog(&crashed);
    // Something behind the catalog's marks, so that both segments are copied.
    for (path, bytes) in crashed.memory.files() {
        if path.ends_with(".gz") {
            crashed.memory.plant(&path, &[&bytes[..], b"torn"].concat());
        }
    }
    crashed.writer().unwrap().close().unwrap();
    put_catalog(&crashed, &old);
    crashed.memory.remove("catalog.sha256").unwrap();
    let reader = Reader::open_in(Arc::new(ReadOnly(crashed.memory.clone())), &read_options()).unwrap();
    assert_eq!(ids(&reader), ["a", "b", "c"]);
    let report = verify(&reader);
    assert_eq!((report.damaged, report.records), (vec![], 3));
}

#[test]
fn a_writer_that_comes_while_everything_is_checked_damages_nothing() {
    let world = World::new();
    let writer = world.writer().unwrap();
    for n in 0..12_u64 {
        let line = conversation(&format!("c-{n}"), 1 + (n % 2) as u8, &noise(n, 60_000));
        writer.put(vec![prepared(&line)]).unwrap();
    }
    writer.put(vec![prepared(&conversation("last", 3, "hello"))]).unwrap();
    let after = world.after_kill(Catalog::Gone);
    drop(writer);
    let options = frontdesk_archive::ReadOptions { workers: 1, ..read_options() };
    let reader = Reader::open_in(after.dir(), &options).unwrap();
    let mut came = false;
    let report = reader
        .verify(&VerifyOptions::default(), &mut |_| {
            if !std::mem::replace(&mut came, true) {
                open(after.dir()).unwrap().close().unwrap();
            }
        })
        .unwrap();
    assert!(came);
    assert_eq!((report.damaged, report.records), (vec![], 13));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test lays SQLite's own files out")]
fn a_catalog_that_cannot_be_read_now_is_left_as_it_lies() {
    let world = World::new();
    let writer = world.writer().unwrap();
    writer.put(vec![prepared(&conversation("c-1", 1, "hello"))]).unwrap();
    writer.close().unwrap();
    let local = world.local();
    let catalog = || std::fs::read(local.join("catalog.sqlite")).unwrap();
    let before = catalog();
    // A name that leads to itself fails like a descriptor too many, also for root; and a WAL waits.
    let blocked = local.join("catalog.sqlite-shm");
    std::os::unix::fs::symlink("catalog.sqlite-shm", &blocked).unwrap();
    std::fs::write(local.join("catalog.sqlite-wal"), [0; 64]).unwrap();

    assert_eq!(ids(&world.reader()), ["c-1"], "answers come from the segments");
    assert!(catalog() == before && blocked.is_symlink(), "a reader put another in its place");
    // Without its checksum nothing says that somebody else changed it.
    world.memory.remove("catalog.sha256").unwrap();
    let refused = world.writer().unwrap_err();
    assert!(!refused.is_integrity_failure(), "{refused}");
    assert!(catalog() == before && blocked.is_symlink(), "a writer put another in its place");

    std::fs::remove_file(&blocked).unwrap();
    std::fs::remove_file(local.join("catalog.sqlite-wal")).unwrap();
    world.writer().unwrap().close().unwrap();
    assert_eq!(verify(&world.reader()).damaged, []);
}
