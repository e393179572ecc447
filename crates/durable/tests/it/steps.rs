//! Every operation, with a failure and with a crash at every one of its steps.
//!
//! After each: what was acknowledged is there, what is there is old or new and never a mixture, and life goes on
//! (the next process opens, repairs, writes, and what it was told survives the next crash).

use std::sync::Arc;
use std::time::Duration;

use frontdesk_durable::testing::{EIO, ENOSPC, EROFS, FaultyDir, MemoryDir};
use frontdesk_durable::{
    AppendLog, Dir, Lock, LogErrorKind, Members, ensure_dir, publish, read_whole, sweep_stages,
};

use crate::{entry, id_of, ids, seed, shared};

/// Covers every pair of "which names" and "which content" twice.
const CRASHES: u64 = 32;
/// For the crash after the crash, when nothing should be unsynced: nothing, all, some in order, any.
const SECOND_CRASHES: [u64; 4] = [0, 5, 10, 15];

type Faulty = FaultyDir<MemoryDir>;
type Plant = fn(Faulty, u64) -> Faulty;
type Verdict = Result<(), String>;

const FAULTS: [(&str, Plant); 7] = [
    ("crash", |dir, step| dir.crash_at(step)),
    ("crash in a write", |dir, step| dir.crash_at(step).short_writes()),
    ("EIO once", |dir, step| dir.fail_at(step, EIO)),
    ("EIO once in a write", |dir, step| dir.fail_at(step, EIO).short_writes()),
    ("full once", |dir, step| dir.fail_at(step, ENOSPC).short_writes()),
    ("full from now on", |dir, step| dir.fail_from(step, ENOSPC).short_writes()),
    ("read-only from now on", |dir, step| dir.fail_from(step, EROFS)),
];

fn expect(holds: bool, what: impl Fn() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(what()) }
}

/// Everything the machine may look like afterwards: running on, the process dead, or itself dead in many ways.
fn aftermaths(memory: &MemoryDir) -> impl Iterator<Item = (String, MemoryDir)> {
    let killed = std::iter::once(("killed".to_owned(), memory.crash_process()));
    killed.chain((0..CRASHES).map(|seed| (format!("crash {seed}"), memory.crash(seed))))
}

/// Runs `operation` from `before` with every fault at every step until it has no such step, and `check`s every
/// aftermath against what the operation said was done. Returns how many steps there are.
fn at_every_step<A>(
    before: &MemoryDir,
    operation: impl Fn(Arc<dyn Dir>) -> A,
    check: impl Fn(&MemoryDir, &A) -> Verdict,
) -> u64 {
    let mut steps = 0;
    for (name, plant) in FAULTS {
        for step in 1.. {
            let memory = before.crash_process();
            let forgetful = memory.clone();
            let dir =
                FaultyDir::new(memory.clone()).on_failed_sync(move |path| forgetful.forget_unsynced(path));
            let dir = plant(dir, step);
            let acknowledged = operation(shared(dir.clone()));
            for (aftermath, left) in aftermaths(&memory) {
                if let Err(what) = check(&left, &acknowledged) {
                    panic!("{name} at step {step}, {aftermath}: {what}\n{:#?}", left.files().keys());
                }
            }
            if !dir.struck() {
                steps = step - 1;
                break;
            }
        }
    }
    steps
}

/// Runs `operation` over a directory whose sync lies and says how many of the crashes the check notices.
fn noticed<A>(
    before: &MemoryDir,
    lie: fn(Faulty) -> Faulty,
    operation: impl Fn(Arc<dyn Dir>) -> A,
    check: impl Fn(&MemoryDir, &A) -> Verdict,
) -> usize {
    let memory = before.crash_process();
    let acknowledged = operation(shared(lie(FaultyDir::new(memory.clone()))));
    (0..CRASHES).filter(|seed| check(&memory.crash(*seed), &acknowledged).is_err()).count()
}

// Publishing.

const OLD: &[u8] = &[b'o'; 1500];
const NEW: &[u8] = &[b'n'; 2000];

fn published(dir: Arc<dyn Dir>) -> bool {
    publish(&*dir, "d/file", NEW).is_ok()
}

fn check_published(old: Option<&[u8]>, left: &MemoryDir, done: bool) -> Verdict {
    let found = read_whole(left, "d/file", 9999).ok();
    let found = found.as_deref();
    expect(found == Some(NEW) || (found == old && !done), || {
        format!("found {:?} bytes", found.map(<[u8]>::len))
    })?;
    sweep_stages(left, "d").map_err(|error| error.to_string())?;
    let files = left.files();
    expect(files.keys().all(|path| path == "d/file"), || "unexplained files".to_owned())?;
    publish(left, "d/file", b"third").map_err(|error| error.to_string())?;
    for seed in SECOND_CRASHES {
        let found = read_whole(&left.crash(seed), "d/file", 9999).unwrap_or_default();
        expect(found == b"third", || format!("the next publish is lost in crash {seed}"))?;
    }
    Ok(())
}

fn with_old() -> MemoryDir {
    let memory = MemoryDir::new();
    memory.plant("d/file", OLD);
    memory
}

fn without_old() -> MemoryDir {
    let memory = MemoryDir::new();
    ensure_dir(&memory, "d").unwrap();
    memory
}

#[test]
fn publishing_a_new_file() {
    let steps = at_every_step(&without_old(), published, |left, done| check_published(None, left, *done));
    assert_eq!(steps, 5);
}

#[test]
fn publishing_over_an_old_file() {
    let steps = at_every_step(&with_old(), published, |left, done| check_published(Some(OLD), left, *done));
    assert_eq!(steps, 5);
}

#[test]
fn control_publishing_without_fsync_is_noticed() {
    let check = |left: &MemoryDir, done: &bool| check_published(Some(OLD), left, *done);
    assert!(noticed(&with_old(), Faulty::lying_sync, published, check) > 0);
    assert!(noticed(&with_old(), Faulty::lying_sync_dir, published, check) > 0);
    assert_eq!(noticed(&with_old(), |dir| dir, published, check), 0);
}

// The log. Its lines are larger than a sector, smaller, and several at once.

const GROUPS: [&[(u64, usize)]; 4] =
    [&[(1, 30)], &[(2, 700), (3, 10), (4, 1300), (5, 40)], &[(6, 2000)], &[(7, 5), (8, 5)]];

fn lines_of(group: &[(u64, usize)]) -> Vec<Members> {
    group.iter().map(|(id, size)| entry(*id, *size)).collect()
}

/// Appends what is missing of the groups; the ids that were acknowledged.
fn append_rest(log: &mut AppendLog) -> Vec<u64> {
    let mut acknowledged: Vec<u64> = (1..=log.head().lines).collect();
    for group in GROUPS {
        if group[0].0 > log.head().lines {
            match log.append_group(&lines_of(group)) {
                Ok(head) => acknowledged = (1..=head.lines).collect(),
                Err(_) => {
                    assert!(matches!(log.append(&entry(99, 1)).unwrap_err().kind(), LogErrorKind::Poisoned));
                    break;
                }
            }
        }
    }
    acknowledged
}

fn create_and_append(dir: Arc<dyn Dir>) -> Option<Vec<u64>> {
    let mut log = AppendLog::create(dir, "d/log", seed()).ok()?;
    Some(append_rest(&mut log))
}

fn open_and_append(dir: Arc<dyn Dir>) -> Option<Vec<u64>> {
    let mut log = AppendLog::open(dir, "d/log", seed(), "d/torn").ok()?;
    Some(append_rest(&mut log))
}

/// `acknowledged` is `None` when not even the log was.
fn check_log(left: &MemoryDir, acknowledged: Option<&[u64]>) -> Verdict {
    let read_only = ids(left, "d/log");
    let mut log = match AppendLog::open(shared(left.clone()), "d/log", seed(), "d/torn") {
        Ok(log) => log,
        Err(error) => {
            let missing = error.io().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound);
            return expect(missing && acknowledged.is_none(), || format!("{:?}", error.kind()));
        }
    };
    let found = log.lines().map(|line| Ok(id_of(&line?.members().unwrap()))).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error: frontdesk_durable::LogError| format!("{:?}", error.kind()))?;
    expect(read_only.ok().as_ref() == Some(&found), || "the reader sees something else".to_owned())?;
    expect(found.iter().copied().eq(1..=found.len() as u64), || format!("found {found:?}"))?;
    expect(found.len() >= acknowledged.map_or(0, <[u64]>::len), || format!("{found:?} of {acknowledged:?}"))?;
    let ends = GROUPS.map(|group| group.last().unwrap().0);
    expect(found.is_empty() || ends.contains(&(found.len() as u64)), || format!("half a group: {found:?}"))?;
    let (torn, quarantine) =
        (log.recovered().map(|r| r.tail.len), left.metadata("d/torn").map(|found| found.len).ok());
    expect(torn.is_none() || torn == quarantine || left.metadata("d/torn.2").is_ok(), || {
        format!("{torn:?} bytes torn, {quarantine:?} kept")
    })?;
    // What opening found is durable, and so is what is appended now.
    for seed in SECOND_CRASHES {
        let again = ids(&left.crash(seed), "d/log");
        expect(again.ok().as_ref() == Some(&found), || format!("opened, but lost in crash {seed}"))?;
    }
    log.append(&entry(1000, 600)).map_err(|error| error.to_string())?;
    for seed in SECOND_CRASHES {
        let again = ids(&left.crash(seed), "d/log").unwrap_or_default();
        expect(again.len() == found.len() + 1, || format!("the next line is lost in crash {seed}"))?;
    }
    Ok(())
}

fn no_log() -> MemoryDir {
    without_old()
}

fn one_line() -> MemoryDir {
    let memory = without_old();
    let mut log = AppendLog::create(shared(memory.clone()), "d/log", seed()).unwrap();
    log.append(&lines_of(GROUPS[0])[0]).unwrap();
    memory
}

/// Logs that a crash tore in the group of four, in different ways.
fn torn_logs() -> Vec<MemoryDir> {
    let memory = one_line();
    let operation = FaultyDir::new(memory.clone());
    let mut log = AppendLog::open(shared(operation.clone()), "d/log", seed(), "d/torn").unwrap();
    let operation = operation.steps();
    drop(log);
    let dir = FaultyDir::new(memory.clone()).crash_at(operation + 2);
    log = AppendLog::open(shared(dir), "d/log", seed(), "d/torn").unwrap();
    log.append_group(&lines_of(GROUPS[1])).unwrap_err();
    let torn = |left: &MemoryDir| {
        frontdesk_durable::LogReader::open(left, "d/log", seed()).unwrap().torn().is_some()
    };
    let logs: Vec<_> = (0..256).map(|seed| memory.crash(seed)).filter(torn).collect();
    assert!(logs.len() > 50, "{}", logs.len());
    logs
}

#[test]
fn creating_a_log_and_appending() {
    let steps = at_every_step(&no_log(), create_and_append, |left, done| check_log(left, done.as_deref()));
    assert_eq!(steps, 3 + 2 * GROUPS.len() as u64);
}

#[test]
fn opening_a_log_and_appending() {
    let check =
        |left: &MemoryDir, done: &Option<Vec<u64>>| check_log(left, Some(done.as_deref().unwrap_or(&[1])));
    let steps = at_every_step(&one_line(), open_and_append, check);
    assert!(steps > 10, "{steps}");
}

#[test]
fn recovering_a_torn_log_and_appending() {
    let check =
        |left: &MemoryDir, done: &Option<Vec<u64>>| check_log(left, Some(done.as_deref().unwrap_or(&[1])));
    let logs = torn_logs();
    for torn in logs.iter().step_by(logs.len() / 4) {
        let steps = at_every_step(torn, open_and_append, check);
        assert!(steps > 15, "{steps}");
    }
}

#[test]
fn every_torn_log_opens_with_its_acknowledged_line() {
    for torn in torn_logs() {
        check_log(&torn, Some(&[1])).unwrap();
    }
}

#[test]
fn control_a_log_without_fsync_is_noticed() {
    let check = |left: &MemoryDir, done: &Option<Vec<u64>>| check_log(left, done.as_deref());
    assert!(noticed(&no_log(), Faulty::lying_sync, create_and_append, check) > 0);
    assert!(noticed(&no_log(), Faulty::lying_sync_dir, create_and_append, check) > 0);
    assert_eq!(noticed(&no_log(), |dir| dir, create_and_append, check), 0);
    let check =
        |left: &MemoryDir, done: &Option<Vec<u64>>| check_log(left, Some(done.as_deref().unwrap_or(&[1])));
    assert!(noticed(&one_line(), Faulty::lying_sync, open_and_append, check) > 0);
    assert_eq!(noticed(&one_line(), |dir| dir, open_and_append, check), 0);
}

// The lock.

fn lock_and_release(dir: Arc<dyn Dir>) -> bool {
    Lock::acquire(dir, "lock", "new", Duration::ZERO, &mut |_| ()).is_ok()
}

#[test]
fn taking_a_lock_and_giving_it_back() {
    let memory = MemoryDir::new();
    memory.plant("lock.holder", b"old");
    let check = |left: &MemoryDir, _: &bool| {
        let text = read_whole(left, "lock.holder", 99).unwrap_or_default();
        expect(matches!(&*text, b"" | b"old" | b"new"), || format!("{text:?}"))?;
        let lock = Lock::acquire(shared(left.clone()), "lock", "third", Duration::ZERO, &mut |_| ());
        let lock = lock.map_err(|error| error.to_string())?;
        expect(read_whole(left, "lock.holder", 99).unwrap() == b"third", || "text not written".to_owned())?;
        drop(lock);
        Ok(())
    };
    let steps = at_every_step(&memory, lock_and_release, check);
    assert_eq!(steps, 7);
}
