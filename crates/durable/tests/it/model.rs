//! Random sequences of operations, faults and crashes against a model of a few lines.

use std::collections::BTreeSet;

use frontdesk_durable::testing::{EIO, ENOSPC, FaultyDir, MemoryDir};
use frontdesk_durable::{AppendLog, publish, read_whole, sweep_stages};
use proptest::prelude::*;

use crate::{entry, id_of, seed, shared};

/// What happens next.
#[derive(Debug, Clone)]
enum Act {
    /// Lines of these sizes in one append.
    Append(Vec<usize>),
    /// A file of so many bytes.
    Publish(usize),
    /// The process ends in order and a new one opens the log.
    Reopen,
    /// The process is killed.
    Kill,
    /// The machine stops, with this seed.
    Crash(u64),
    /// From now on in this process the step so many from here goes wrong.
    Fault { step: u64, kind: FaultKind },
}

#[derive(Debug, Clone, Copy)]
enum FaultKind {
    Io,
    Full,
    Stop,
}

fn act() -> impl Strategy<Value = Act> {
    let kind = prop_oneof![Just(FaultKind::Io), Just(FaultKind::Full), Just(FaultKind::Stop)];
    prop_oneof![
        4 => prop::collection::vec(0_usize..1500, 1..4).prop_map(Act::Append),
        2 => (0_usize..2000).prop_map(Act::Publish),
        1 => Just(Act::Reopen),
        1 => Just(Act::Kill),
        2 => any::<u64>().prop_map(Act::Crash),
        2 => (1_u64..12, kind).prop_map(|(step, kind)| Act::Fault { step, kind }),
    ]
}

/// What must be there.
#[derive(Debug, Default)]
struct Model {
    /// Lines that were acknowledged, or seen by an opening.
    lines: Vec<u64>,
    /// Lines of an append that failed: all of them may be there or none.
    maybe: Vec<u64>,
    /// What the file may hold; one thing, but for publishes that failed.
    contents: BTreeSet<Option<usize>>,
    next: u64,
}

impl Model {
    /// An opening found so many lines, and what it found is durable.
    fn settled(&mut self, lines: u64) {
        if lines > self.lines.len() as u64 {
            self.lines.append(&mut self.maybe);
        }
        self.maybe.clear();
        assert_eq!(lines, self.lines.len() as u64, "all of the failed append or none");
    }

    /// The machine stopped: what it kept is all there is.
    fn saw_file(&mut self, memory: &MemoryDir, settled: bool) {
        let found = read_whole(memory, "file", 9999).ok();
        assert!(found.iter().flatten().all(|byte| *byte == b'f'));
        let found = found.map(|bytes| bytes.len());
        assert!(self.contents.contains(&found), "{found:?} is not in {:?}", self.contents);
        if settled {
            self.contents = [found].into();
        }
    }
}

/// A process: its view of the disk and its log.
struct Process {
    dir: FaultyDir<MemoryDir>,
    log: Option<AppendLog>,
}

impl Process {
    fn start(memory: &MemoryDir, model: &mut Model) -> Self {
        let forgetful = memory.clone();
        let dir = FaultyDir::new(memory.clone()).on_failed_sync(move |path| forgetful.forget_unsynced(path));
        sweep_stages(&dir, "").unwrap();
        let log = AppendLog::open(shared(dir.clone()), "log", seed(), "torn").unwrap();
        let lines: Vec<u64> = log.lines().map(|line| id_of(&line.unwrap().members().unwrap())).collect();
        model.settled(lines.len() as u64);
        assert_eq!(lines, model.lines);
        Self { dir, log: Some(log) }
    }

    /// The same process, in which the disk goes wrong soon: the log is opened anew under the fault.
    fn with_fault(self, step: u64, kind: FaultKind, model: &mut Model) -> Self {
        drop(self.log);
        let dir = match kind {
            FaultKind::Io => self.dir.fail_at(step, EIO),
            FaultKind::Full => self.dir.fail_from(step, ENOSPC),
            FaultKind::Stop => self.dir.crash_at(step),
        };
        let dir = if step.is_multiple_of(2) { dir.short_writes() } else { dir };
        let log = AppendLog::open(shared(dir.clone()), "log", seed(), "torn").ok();
        // Reading may be what goes wrong, so the head tells what was found.
        if let Some(log) = &log {
            model.settled(log.head().lines);
        }
        Self { dir, log }
    }

    fn act(&mut self, act: &Act, model: &mut Model) {
        match act {
            Act::Append(sizes) => {
                let Some(log) = &mut self.log else { return };
                let ids: Vec<u64> = (model.next..).take(sizes.len()).collect();
                model.next += sizes.len() as u64;
                let group: Vec<_> = ids.iter().zip(sizes).map(|(id, size)| entry(*id, *size)).collect();
                match log.append_group(&group) {
                    Ok(_) => model.lines.extend(ids),
                    Err(error) if matches!(error.kind(), frontdesk_durable::LogErrorKind::Poisoned) => {}
                    Err(_) => model.maybe = ids,
                }
            }
            Act::Publish(size) => match publish(&self.dir, "file", &vec![b'f'; *size]) {
                Ok(()) => model.contents = [Some(*size)].into(),
                Err(_) => drop(model.contents.insert(Some(*size))),
            },
            _ => {}
        }
    }
}

fn run(acts: &[Act]) {
    let mut memory = MemoryDir::new();
    drop(AppendLog::create(shared(memory.clone()), "log", seed()).unwrap());
    let mut model = Model { contents: [None].into(), ..Model::default() };
    let mut process = Process::start(&memory, &mut model);
    for act in acts.iter().chain([&Act::Crash(3)]) {
        match act {
            Act::Reopen => {
                drop(process);
                process = Process::start(&memory, &mut model);
            }
            Act::Kill | Act::Crash(_) => {
                let left = match act {
                    Act::Crash(seed) => memory.crash(*seed),
                    _ => memory.crash_process(),
                };
                model.saw_file(&left, matches!(act, Act::Crash(_)));
                drop(process);
                memory = left;
                process = Process::start(&memory, &mut model);
            }
            Act::Fault { step, kind } => process = process.with_fault(*step, *kind, &mut model),
            act => process.act(act, &mut model),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_there_after_any_sequence(acts in prop::collection::vec(act(), 1..25)) {
        run(&acts);
    }
}

/// A line that an opening writes once more, and only to its middle: what of a sector came by which of the two writes the
/// disk cannot tell.
#[test]
fn a_line_that_was_written_twice_and_a_half_is_there_or_torn() {
    for seed in 0..4_096 {
        run(&[
            Act::Fault { step: 7, kind: FaultKind::Stop },
            Act::Append(vec![340]),
            Act::Fault { step: 6, kind: FaultKind::Io },
            Act::Crash(seed),
        ]);
    }
    // The seed that found it.
    run(&[
        Act::Publish(0),
        Act::Fault { step: 7, kind: FaultKind::Stop },
        Act::Append(vec![340]),
        Act::Fault { step: 6, kind: FaultKind::Io },
        Act::Crash(7_110_287_696_298_967_407),
    ]);
}
