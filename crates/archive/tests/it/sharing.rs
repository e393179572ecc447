//! One writer, many readers, folders that cannot be written.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use crate::support::{
    Place, ReadOnly, clock, conversation, copy_folder, files, key, noise, prepared, read_options, settings,
    verify,
};
use crate::world::{Catalog, Model, World};
use frontdesk_archive::{ErrorKind, Expression, ListQuery, ReadOptions, Reader, Search, Settings, Writer};

#[test]
fn a_second_writer_is_told_who_holds_the_archive() {
    let place = Place::new();
    let first = place.writer();
    let error = Writer::open(place.root(), &settings(), clock()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Busy { holder: "a test".to_owned() });
    assert!(error.is_temporary());
    first.close().unwrap();
    Writer::open(place.root(), &settings(), clock()).unwrap().close().unwrap();
}

#[test]
fn readers_see_what_is_acknowledged_and_never_less() {
    let place = Place::new();
    let writer = place.writer();
    writer.put(vec![prepared(&conversation("c-0", 1, "hello"))]).unwrap();
    let (acknowledged, done) = (AtomicU32::new(1), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let before = acknowledged.load(Ordering::SeqCst);
                    let reader = place.reader();
                    let listed = reader.list(&ListQuery::default()).map(Result::unwrap).count() as u32;
                    assert!(listed >= before, "{listed} of {before}");
                    assert!(reader.show(&key(&format!("c-{}", before - 1)), None).unwrap().is_some());
                    let query = Search::new(Expression::Contains("hello".to_owned()), 1);
                    let page = reader.search(&query).unwrap();
                    assert!(page.count.unwrap() >= u64::from(before) && page.incomplete == 0, "{page:?}");
                    let report = verify(&reader);
                    assert_eq!((report.damaged, report.unfinished), (vec![], vec![]));
                }
            });
        }
        // Several callers put at once; each waits for its own.
        thread::scope(|callers| {
            for caller in 0..3_u32 {
                let (writer, acknowledged) = (&writer, &acknowledged);
                callers.spawn(move || {
                    for n in 0..20 {
                        let mine = 1 + caller + 3 * n;
                        let line = conversation(
                            &format!("c-{mine}"),
                            1 + (mine % 3) as u8,
                            &noise(mine.into(), 400),
                        );
                        let line = String::from_utf8(line)
                            .unwrap()
                            .replace("\"transcript\":\"", "\"transcript\":\"hello ");
                        writer.put(vec![prepared(line.as_bytes())]).unwrap();
                        // Only a run without holes counts, and caller 0 never waits for the others.
                        let _ =
                            acknowledged.compare_exchange(mine, mine + 1, Ordering::SeqCst, Ordering::SeqCst);
                    }
                });
            }
        });
        done.store(true, Ordering::SeqCst);
    });
    writer.close().unwrap();
    assert_eq!(place.reader().stats().unwrap().records, 61);
    assert_eq!(place.verify().damaged, []);
}

#[test]
fn a_folder_that_cannot_be_written_is_read_all_the_same() {
    // After an orderly stop, after a kill, and with no catalog at all.
    let world = World::new();
    let mut model = Model::default();
    let writer = world.writer().unwrap();
    for n in 0..4 {
        model.put(&writer, &[conversation(&format!("c-{n}"), 1 + n % 2, "hello")]).unwrap();
    }
    let killed = world.after_kill(Catalog::Kept);
    let killed_without = world.after_kill(Catalog::Gone);
    writer.close().unwrap();
    for world in [world, killed, killed_without] {
        let before = world.memory.files();
        let dir = std::sync::Arc::new(ReadOnly(world.memory.clone()));
        let reader = Reader::open_in(dir.clone(), &read_options()).unwrap();
        model.clone().compare(&reader).unwrap();
        assert_eq!(verify(&reader).damaged, []);
        let query = Search::new(Expression::Contains("hello".to_owned()), 10);
        assert_eq!(reader.search(&query).unwrap().count, Some(4));
        let error = Writer::open_in(dir, &settings(), clock()).unwrap_err();
        assert!(error.is_storage_failure(), "{error}");
        assert_eq!(*error.kind(), ErrorKind::ReadOnly);
        assert_eq!(world.memory.files(), before);
    }
}

#[test]
fn a_catalog_that_cannot_catch_up_is_behind_and_not_damaged() {
    let place = Place::new();
    let writer = place.writer();
    writer.put(vec![prepared(&conversation("c-1", 1, "hello"))]).unwrap();
    writer.close().unwrap();
    let old = tempfile::tempdir().unwrap();
    copy_folder(place.root(), &old.path().join("archive"));
    // More in the same segment, and a segment of its own.
    let writer = place.writer();
    writer
        .put(vec![prepared(&conversation("c-2", 1, "hello")), prepared(&conversation("c-3", 2, "hello"))])
        .unwrap();
    writer.close().unwrap();
    // As after a writer that was stopped between the segment and the catalog, on a disk that is full since.
    put_back(&old.path().join("archive/catalog.sqlite"), &place.root().join("catalog.sqlite"));
    remove(&place.root().join("catalog.sha256"));
    let dir = std::sync::Arc::new(ReadOnly(frontdesk_durable::OsDir::open(place.root()).unwrap()));
    let reader = Reader::open_in(dir, &read_options()).unwrap();
    let report = verify(&reader);
    assert_eq!((report.records, report.damaged), (3, vec![]));
    assert_eq!(reader.list(&ListQuery::default()).count(), 3);
}

#[expect(clippy::disallowed_methods, reason = "a test puts a file back as it was")]
fn put_back(from: &std::path::Path, to: &std::path::Path) {
    std::fs::copy(from, to).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a test takes a file away")]
fn remove(path: &std::path::Path) {
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_folder_without_write_permission_is_read_where_it_lies() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let writer = place.writer();
    writer.put(vec![prepared(&conversation("c-1", 1, "hello"))]).unwrap();
    writer.close().unwrap();
    let before = files(place.root());
    set_mode(place.root(), 0o500);
    let reader = place.reader();
    assert!(reader.show(&key("c-1"), None).unwrap().is_some());
    assert_eq!(verify(&reader).damaged, []);
    drop(reader);
    set_mode(place.root(), 0o700);
    assert_eq!(files(place.root()), before);
    let mode = |name: &str| std::fs::metadata(place.root().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("catalog.sqlite"), mode("FORMAT.json"), mode("segments")),
        (0o700, 0o600, 0o600, 0o700)
    );
}

#[expect(clippy::disallowed_methods, reason = "a test takes the permission to write away")]
fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_is_no_archive_is_refused_and_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    let error = Reader::open(&temp.path().join("missing"), &ReadOptions::default()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotAnArchive);
    let error = Reader::open(temp.path(), &ReadOptions::default()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotAnArchive);
    write(&temp.path().join("letter.txt"));
    let error = Writer::open(temp.path(), &Settings::default(), clock()).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::NotAnArchive);
    assert_eq!(files(temp.path()).len(), 1);
}

#[expect(clippy::disallowed_methods, reason = "a test plays the part of somebody else's folder")]
fn write(path: &std::path::Path) {
    std::fs::write(path, b"dear reader").unwrap();
}
