//! What every directory must do: run against each kind there is.

use std::io::ErrorKind;

use frontdesk_durable::testing::{FaultyDir, MemoryDir, RecordingDir};
use frontdesk_durable::{
    AppendLog, Dir, Entry, EntryKind, OsDir, ensure_dir, publish, read_whole, sweep_stages,
};

use crate::{entry, ids, seed, shared};

fn each(check: fn(&dyn Dir)) {
    let temp = tempfile::tempdir().unwrap();
    check(&OsDir::open_or_create(temp.path().join("tree")).unwrap());
    check(&MemoryDir::new());
    check(&RecordingDir::new(MemoryDir::new()));
    check(&FaultyDir::new(OsDir::open_or_create(temp.path().join("faulty")).unwrap()));
}

#[test]
fn files_are_written_and_read_by_position() {
    each(|dir| {
        let mut file = dir.create("a").unwrap();
        assert!(file.is_empty().unwrap());
        file.write_at(4, b"5678").unwrap();
        file.write_at(0, b"12").unwrap();
        file.sync_data().unwrap();
        assert_eq!(read_whole(dir, "a", 8).unwrap(), b"12\0\x005678", "a gap reads as zeros");
        file.set_len(3).unwrap();
        file.set_len(5).unwrap();
        file.sync_all().unwrap();
        assert_eq!(read_whole(dir, "a", 8).unwrap(), b"12\0\0\0");
        let mut again = dir.open_write("a").unwrap();
        assert_eq!(again.len().unwrap(), 5, "opening leaves the content alone");
        again.write_at(5, b"6").unwrap();
        let reader = dir.open_read("a").unwrap();
        let mut buffer = [9; 4];
        assert_eq!(reader.read_at(4, &mut buffer).unwrap(), 2);
        assert_eq!(buffer, [0, b'6', 9, 9]);
        assert_eq!(reader.read_at(6, &mut buffer).unwrap(), 0);
        assert_eq!(reader.read_at(600, &mut buffer).unwrap(), 0);
        assert_eq!(reader.read_exact_at(4, &mut buffer).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        assert_eq!(read_whole(dir, "a", 5).unwrap_err().kind(), ErrorKind::FileTooLarge);
    });
}

#[test]
fn names_appear_move_and_go() {
    each(|dir| {
        dir.create_dir("d").unwrap();
        dir.create_dir("d/e").unwrap();
        dir.create("d/x").unwrap().write_at(0, b"x").unwrap();
        dir.create("y").unwrap().write_at(0, b"yy").unwrap();
        let file = |name: &str| Entry { name: name.to_owned(), kind: EntryKind::File };
        let folder = |name: &str| Entry { name: name.to_owned(), kind: EntryKind::Dir };
        assert_eq!(dir.list("").unwrap(), [folder("d"), file("y")]);
        assert_eq!(dir.list("d").unwrap(), [folder("e"), file("x")]);
        let open = dir.open_read("d/x").unwrap();
        dir.rename("y", "d/x").unwrap();
        assert_eq!(read_whole(dir, "d/x", 9).unwrap(), b"yy", "replaced");
        let mut old = [0; 1];
        open.read_exact_at(0, &mut old).unwrap();
        assert_eq!(&old, b"x", "an open file outlives its name");
        assert_eq!(dir.metadata("d/x").unwrap().len, 2);
        assert_eq!(dir.metadata("").unwrap().kind, EntryKind::Dir);
        assert_eq!(dir.metadata("d/e").unwrap().kind, EntryKind::Dir);
        dir.remove("d/x").unwrap();
        for folder in ["", "d", "d/e"] {
            dir.sync_dir(folder).unwrap();
        }
        assert_eq!(dir.list("").unwrap(), [folder("d")]);
    });
}

#[test]
fn refusals_have_the_same_kind_everywhere() {
    each(|dir| {
        dir.create("f").unwrap();
        dir.create_dir("d").unwrap();
        let kind = |result: std::io::Result<()>| result.unwrap_err().kind();
        assert_eq!(kind(dir.create("f").map(drop)), ErrorKind::AlreadyExists);
        assert_eq!(kind(dir.create("d").map(drop)), ErrorKind::AlreadyExists);
        assert_eq!(kind(dir.create_dir("f")), ErrorKind::AlreadyExists);
        assert_eq!(kind(dir.create_dir("d")), ErrorKind::AlreadyExists);
        assert_eq!(kind(dir.create("no/f").map(drop)), ErrorKind::NotFound);
        assert_eq!(kind(dir.create("f/f").map(drop)), ErrorKind::NotADirectory);
        assert_eq!(kind(dir.open_read("no").map(drop)), ErrorKind::NotFound);
        assert_eq!(kind(dir.open_write("no").map(drop)), ErrorKind::NotFound);
        assert_eq!(kind(dir.open_read("d").map(drop)), ErrorKind::IsADirectory);
        assert_eq!(kind(dir.open_write("d").map(drop)), ErrorKind::IsADirectory);
        assert_eq!(kind(dir.rename("no", "g")), ErrorKind::NotFound);
        assert_eq!(kind(dir.rename("f", "no/g")), ErrorKind::NotFound);
        assert_eq!(kind(dir.remove("no")), ErrorKind::NotFound);
        assert_eq!(kind(dir.sync_dir("no")), ErrorKind::NotFound);
        assert_eq!(kind(dir.sync_dir("f")), ErrorKind::NotADirectory);
        assert_eq!(kind(dir.list("no").map(drop)), ErrorKind::NotFound);
        assert_eq!(kind(dir.list("f").map(drop)), ErrorKind::NotADirectory);
        assert_eq!(kind(dir.metadata("no").map(drop)), ErrorKind::NotFound);
        assert_eq!(kind(ensure_dir(dir, "f")), ErrorKind::NotADirectory);
    });
}

#[test]
fn no_verb_takes_a_path_that_could_leave_the_root() {
    each(|dir| {
        dir.create("f").unwrap();
        for path in ["..", "../f", "/f", "d/../../f", "f\0", "a\\b", "C:f", ".", "./f", "a//b", "f/"] {
            let results = [
                dir.create_dir(path),
                dir.create(path).map(drop),
                dir.open_write(path).map(drop),
                dir.open_read(path).map(drop),
                dir.rename(path, "g"),
                dir.rename("f", path),
                dir.remove(path),
                dir.sync_dir(path),
                dir.list(path).map(drop),
                dir.metadata(path).map(drop),
                dir.try_lock(path).map(drop),
                publish(dir, path, b""),
            ];
            for (verb, result) in results.into_iter().enumerate() {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput, "verb {verb}, path {path:?}");
            }
            assert_eq!(dir.local_path(path), dir.local_path(""));
        }
        assert_eq!(dir.create("").map(drop).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(dir.list("").unwrap().len(), 1);
    });
}

#[test]
fn publishing_replaces_and_leaves_nothing_behind() {
    each(|dir| {
        ensure_dir(dir, "d").unwrap();
        ensure_dir(dir, "d").unwrap();
        publish(dir, "d/f", b"one").unwrap();
        publish(dir, "d/f", b"").unwrap();
        publish(dir, "d/f", b"three").unwrap();
        assert_eq!(read_whole(dir, "d/f", 9).unwrap(), b"three");
        assert_eq!(dir.list("d").unwrap().len(), 1);
        dir.create("d/.stage-left").unwrap();
        dir.create_dir("d/.stage-folder").unwrap();
        assert_eq!(sweep_stages(dir, "d").unwrap(), 1);
        assert_eq!(sweep_stages(dir, "d").unwrap(), 0);
        assert_eq!(dir.list("d").unwrap().len(), 2);
    });
}

#[test]
fn a_lock_is_one_holders_until_dropped() {
    each(|dir| {
        let held = dir.try_lock("lock").unwrap().unwrap();
        assert!(dir.try_lock("lock").unwrap().is_none());
        assert!(dir.try_lock("other").unwrap().is_some());
        drop(held);
        assert!(dir.try_lock("lock").unwrap().is_some());
        assert_eq!(dir.metadata("lock").unwrap().kind, EntryKind::File, "the file stays");
    });
}

#[test]
fn a_log_is_appended_read_and_opened_again() {
    let temp = tempfile::tempdir().unwrap();
    for dir in [shared(OsDir::open(temp.path()).unwrap()), shared(MemoryDir::new())] {
        let mut log = AppendLog::create(dir.clone(), "log", seed()).unwrap();
        assert_eq!(log.head().hash, seed());
        log.append(&entry(1, 10)).unwrap();
        log.append_group(&[entry(2, 900), entry(3, 0), entry(4, 70_000)]).unwrap();
        log.append_group(&[]).unwrap();
        assert_eq!(log.lines().count(), 4);
        let head = log.head();
        drop(log);
        let mut log = AppendLog::open(dir.clone(), "log", seed(), "torn").unwrap();
        assert_eq!(log.head(), head);
        assert_eq!(log.recovered(), None);
        log.append_group(&[entry(5, 1)]).unwrap();
        assert_eq!(ids(&*dir, "log").unwrap(), [1, 2, 3, 4, 5]);
        let last = log.lines().last().unwrap().unwrap();
        assert_eq!((last.number(), *last.hash()), (5, log.head().hash));
        let again = AppendLog::create(dir.clone(), "log", seed()).unwrap_err();
        assert_eq!(again.io().unwrap().kind(), ErrorKind::AlreadyExists);
        let missing = AppendLog::open(dir, "no", seed(), "torn").unwrap_err();
        assert_eq!(missing.io().unwrap().kind(), ErrorKind::NotFound);
    }
}
