//! The exact steps each operation asks of the directory, so that the documents and the code cannot drift apart.

use std::time::Duration;

use frontdesk_durable::testing::{ENOSPC, FaultyDir, MemoryDir, RecordingDir};
use frontdesk_durable::{AppendLog, Lock, LogErrorKind, ensure_dir, publish, sweep_stages};

use crate::{entry, seed, shared};

/// What an operation asks, one step a line.
fn steps(operation: impl FnOnce(&RecordingDir<MemoryDir>)) -> String {
    let memory = MemoryDir::new();
    memory.plant("runs/old", b"");
    let dir = RecordingDir::new(memory);
    operation(&dir);
    dir.changes().join("\n")
}

#[test]
fn publish_is_stage_write_fsync_rename_fsync_folder() {
    insta::assert_snapshot!(steps(|dir| publish(dir, "runs/a", b"four").unwrap()), @r"
    create runs/.stage-*
    write runs/.stage-* 0+4
    sync_all runs/.stage-*
    rename runs/.stage-* -> runs/a
    sync_dir runs
    ");
}

#[test]
fn a_folder_is_synced_into_its_parent_even_when_it_was_there() {
    insta::assert_snapshot!(steps(|dir| {
        ensure_dir(dir, "segments").unwrap();
        ensure_dir(dir, "segments").unwrap();
        ensure_dir(dir, "segments/2025-03").unwrap();
    }), @r"
    create_dir segments
    sync_dir .
    create_dir segments [AlreadyExists]
    sync_dir .
    create_dir segments/2025-03
    sync_dir segments
    ");
}

#[test]
fn sweeping_syncs_once_and_only_after_a_removal() {
    insta::assert_snapshot!(steps(|dir| {
        sweep_stages(dir, "runs").unwrap();
        dir.create_file("runs/.stage-1");
        dir.create_file("runs/.stage-2");
        sweep_stages(dir, "runs").unwrap();
    }), @r"
    remove runs/.stage-*
    remove runs/.stage-*
    sync_dir runs
    ");
}

#[test]
fn a_log_is_made_with_its_name_and_appended_with_one_write_and_one_sync() {
    insta::assert_snapshot!(steps(|dir| {
        let mut log = AppendLog::create(shared(dir.clone()), "runs/log", seed()).unwrap();
        log.append(&entry(1, 0)).unwrap();
        log.append_group(&[entry(2, 0), entry(3, 0)]).unwrap();
    }), @r"
    create runs/log
    sync_all runs/log
    sync_dir runs
    write runs/log 0+173
    sync_data runs/log
    write runs/log 173+374
    sync_data runs/log
    ");
}

#[test]
fn opening_a_log_writes_its_last_append_once_more_and_syncs() {
    insta::assert_snapshot!(steps(|dir| {
        let mut log = AppendLog::create(shared(dir.clone()), "runs/log", seed()).unwrap();
        log.append(&entry(1, 0)).unwrap();
        log.append_group(&[entry(2, 0), entry(3, 0)]).unwrap();
        dir.clear();
        AppendLog::open(shared(dir.clone()), "runs/log", seed(), "runs/log.torn").unwrap();
    }), @r"
    write runs/log 173+374
    sync_all runs/log
    sync_dir runs
    ");
}

#[test]
fn a_torn_tail_is_kept_before_it_is_cut() {
    insta::assert_snapshot!(steps(|dir| {
        let mut log = AppendLog::create(shared(dir.clone()), "runs/log", seed()).unwrap();
        log.append(&entry(1, 0)).unwrap();
        log.append(&entry(2, 0)).unwrap();
        dir.cut("runs/log", 10);
        dir.clear();
        AppendLog::open(shared(dir.clone()), "runs/log", seed(), "runs/log.torn").unwrap();
    }), @r"
    create runs/.stage-*
    write runs/.stage-* 0+163
    sync_all runs/.stage-*
    rename runs/.stage-* -> runs/log.torn
    sync_dir runs
    set_len runs/log 173
    write runs/log 0+173
    sync_all runs/log
    sync_dir runs
    ");
}

#[test]
fn a_lock_is_taken_before_its_text_is_written_and_the_text_goes_first() {
    insta::assert_snapshot!(steps(|dir| {
        Lock::acquire(shared(dir.clone()), "lock", "pid 1", Duration::ZERO, &mut |_| ()).unwrap();
    }), @r"
    try_lock lock
    create .stage-*
    write .stage-* 0+5
    sync_all .stage-*
    rename .stage-* -> lock.holder
    sync_dir .
    remove lock.holder
    ");
}

#[test]
fn nothing_is_asked_of_the_system_after_a_failed_write_but_to_take_it_back() {
    let memory = MemoryDir::new();
    let mut log = AppendLog::create(shared(memory.clone()), "log", seed()).unwrap();
    log.append(&entry(1, 0)).unwrap();
    drop(log);
    let dir = RecordingDir::new(memory.clone());
    let mut log = AppendLog::open(shared(dir.clone()), "log", seed(), "torn").unwrap();
    dir.clear();
    log.append(&entry(2, 0)).unwrap();
    let good = dir.changes().len();
    assert_eq!(good, 2);

    // Now the same over a disk that is full at the write.
    let full = FaultyDir::new(memory.clone());
    drop(AppendLog::open(shared(full.clone()), "log", seed(), "torn").unwrap());
    let full = FaultyDir::new(memory.clone()).fail_at(full.steps() + 1, ENOSPC).short_writes();
    let dir = RecordingDir::new(full);
    let mut log = AppendLog::open(shared(dir.clone()), "log", seed(), "torn").unwrap();
    dir.clear();
    let error = log.append(&entry(3, 0)).unwrap_err();
    assert_eq!(error.io().unwrap().kind(), std::io::ErrorKind::StorageFull);
    insta::assert_snapshot!(dir.notes().join("\n"), @r"
    write log 346+173 [StorageFull]
    open_write log
    set_len log 346
    ");
    for _ in 0..3 {
        assert!(matches!(log.append(&entry(4, 0)).unwrap_err().kind(), LogErrorKind::Poisoned));
    }
    assert_eq!(dir.notes().len(), 3, "a poisoned log asks nothing");
    assert_eq!(log.lines().count(), 2, "and can still be read");
    drop(log);
    let log = AppendLog::open(shared(memory), "log", seed(), "torn").unwrap();
    assert_eq!((log.head().lines, log.recovered()), (2, None), "what the failed write left was taken back");
}

/// What happens to a tree behind the back of the code under test.
trait Meddle {
    fn create_file(&self, path: &str);
    fn cut(&self, path: &str, bytes: u64);
}

impl Meddle for RecordingDir<MemoryDir> {
    fn create_file(&self, path: &str) {
        frontdesk_durable::Dir::create(self, path).unwrap();
        self.clear();
    }

    fn cut(&self, path: &str, bytes: u64) {
        let mut file = frontdesk_durable::Dir::open_write(self, path).unwrap();
        let len = file.len().unwrap();
        file.set_len(len - bytes).unwrap();
    }
}
