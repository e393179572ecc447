//! The lock: waiting, who holds it, and that it ends with its process.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use frontdesk_durable::testing::{EIO, ENOSPC, EROFS, FaultyDir, MemoryDir};
use frontdesk_durable::{Dir, Lock, LockError, OsDir, POLL_INTERVAL, read_whole};

use crate::shared;

fn try_once(dir: impl Dir + 'static, holder: &str) -> Result<Lock, LockError> {
    Lock::acquire(shared(dir), "lock", holder, Duration::ZERO, &mut |_| panic!("nothing to wait for"))
}

fn holder_of(error: LockError) -> Option<String> {
    match error {
        LockError::Busy { name, holder } => {
            assert_eq!(name, "lock");
            holder
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_second_one_is_told_who_holds_it() {
    let dir = MemoryDir::new();
    let lock = try_once(dir.clone(), "pid 1, archive pull").unwrap();
    let error = try_once(dir.clone(), "pid 2").unwrap_err();
    assert_eq!(error.to_string(), "lock is held by pid 1, archive pull");
    assert_eq!(holder_of(error).as_deref(), Some("pid 1, archive pull"));
    drop(lock);
    assert!(dir.metadata("lock.holder").is_err(), "the text goes with the lock");
    assert!(dir.metadata("lock").is_ok(), "the file stays");
    try_once(dir, "pid 2").unwrap();
}

#[test]
fn waiting_sleeps_in_small_steps_and_not_longer_than_asked() {
    let dir = MemoryDir::new();
    let lock = try_once(dir.clone(), "pid 1").unwrap();
    let mut slept = Vec::new();
    let wait = POLL_INTERVAL * 3 + Duration::from_millis(1);
    let error =
        Lock::acquire(shared(dir.clone()), "lock", "2", wait, &mut |pause| slept.push(pause)).unwrap_err();
    assert_eq!(holder_of(error).as_deref(), Some("pid 1"));
    assert_eq!(slept, [POLL_INTERVAL, POLL_INTERVAL, POLL_INTERVAL, Duration::from_millis(1)]);

    let mut lock = Some(lock);
    let mut sleep = |_| drop(lock.take());
    Lock::acquire(shared(dir), "lock", "pid 2", POLL_INTERVAL, &mut sleep).unwrap();
}

#[test]
fn a_holder_without_a_text_is_another_process() {
    let dir = MemoryDir::new();
    let _held = dir.try_lock("lock").unwrap().unwrap();
    let error = try_once(dir.clone(), "pid 2").unwrap_err();
    assert_eq!(error.to_string(), "lock is held by another process");
    dir.plant("lock.holder", b"  bad\x1b[31m \xff text\n");
    let holder = holder_of(try_once(dir.clone(), "pid 2").unwrap_err()).unwrap();
    assert_eq!(holder, "bad\u{fffd}[31m \u{fffd} text", "fit for a terminal");
    dir.plant("lock.holder", &[b'x'; 5000]);
    assert_eq!(holder_of(try_once(dir, "pid 2").unwrap_err()), None);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_from_other_trouble() {
    for step in [1, 2] {
        let dir = FaultyDir::new(MemoryDir::new()).fail_from(step, EROFS);
        assert!(matches!(try_once(dir, "").unwrap_err(), LockError::NotWritable { .. }), "step {step}");
        let memory = MemoryDir::new();
        let dir = FaultyDir::new(memory.clone()).fail_from(step, EIO);
        assert!(matches!(try_once(dir, "").unwrap_err(), LockError::Io { .. }), "step {step}");
        assert!(memory.try_lock("lock").unwrap().is_some(), "given back");
    }
}

#[test]
fn a_full_disk_does_not_keep_anybody_from_making_room() {
    let memory = MemoryDir::new();
    memory.plant("lock.holder", b"the one before");
    // Step 1 takes the lock, step 2 stages the text, step 3 writes it; later steps have room again (to remove).
    let dir = FaultyDir::new(memory.clone()).fail_at(3, ENOSPC).short_writes();
    let _lock = try_once(dir, "pid 1").unwrap();
    assert!(memory.metadata("lock.holder").is_err(), "an old text does not pass for ours");
    assert_eq!(memory.files().keys().collect::<Vec<_>>(), ["lock"], "and nothing half done stays");
    assert_eq!(holder_of(try_once(memory, "pid 2").unwrap_err()), None);
}

#[test]
fn a_crash_frees_it() {
    let dir = MemoryDir::new();
    let _lock = try_once(dir.clone(), "pid 1").unwrap();
    for crashed in [dir.crash_process(), dir.crash(1)] {
        let _lock = try_once(crashed.clone(), "pid 2").unwrap();
        assert_eq!(read_whole(&crashed, "lock.holder", 99).unwrap(), b"pid 2");
    }
}

const FOLDER: &str = "FRONTDESK_DURABLE_TEST_LOCK";

/// Not a test by itself: `a_killed_process_frees_it` starts it in a process of its own.
#[test]
fn hold_it_until_killed() {
    #[expect(clippy::disallowed_methods, reason = "how the parent talks to its child")]
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let _lock = try_once(OsDir::open(folder).unwrap(), "the child").unwrap();
    println!("\nheld");
    // Until the parent kills us, or is gone.
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

#[test]
fn a_killed_process_frees_it() {
    let temp = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lock::hold_it_until_killed", "--nocapture"])
        .env(FOLDER, temp.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line == "held"));
    let dir = OsDir::open(temp.path()).unwrap();
    assert_eq!(holder_of(try_once(dir.clone(), "the parent").unwrap_err()).as_deref(), Some("the child"));
    child.kill().unwrap();
    child.wait().unwrap();
    let _lock = try_once(dir.clone(), "the parent").unwrap();
    assert_eq!(read_whole(&dir, "lock.holder", 99).unwrap(), b"the parent");
}
