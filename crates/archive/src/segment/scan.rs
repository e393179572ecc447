//! Working through many segments on several threads, with results in order and flat memory.

use std::collections::BTreeMap;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;

use frontdesk_durable::{Dir, ReadAt};

use super::header::Fault;
use super::pack::Unpacker;
use super::walk::{Batch, Identity, Located, Place, Step, Walk};

/// Bytes of an inflated block that a worker keeps for the next one.
const KEEP: usize = 1024 * 1024;

/// A segment file, or a part of one, to work through.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) path: String,
    pub(crate) identity: Identity,
    pub(crate) from: Place,
    /// Whether `from.previous` is known.
    pub(crate) linked: bool,
    /// Where to stop; the length of the file is the caller's to compare.
    pub(crate) end: u64,
}

/// What was found in one part, in the order it lies there.
#[derive(Debug)]
pub(crate) enum Event<T> {
    /// A member and what the work made of it. Its packed bytes are gone.
    Member { part: usize, member: Located, result: T },
    /// Bytes that are no member.
    Unreadable { part: usize, offset: u64, until: u64, fault: Fault, followed: bool },
    /// The part ends; `place` is behind its last member.
    End { part: usize, place: Place },
    /// The file could not be opened or read; nothing more comes from this part.
    Failed { part: usize, source: io::Error },
}

/// Packed bytes that are worked through faster than threads are started.
const SMALL: u64 = 512 * 1024;

/// The number no batch has.
const PANICKED: u64 = u64::MAX;

/// Wakes the collecting thread when a worker panics, which would otherwise wait for its result for ever.
struct Alarm<T>(mpsc::Sender<(u64, Vec<Event<T>>)>);

impl<T> Drop for Alarm<T> {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.0.send((PANICKED, Vec::new()));
        }
    }
}

enum Job {
    Batch { part: usize, batch: Batch },
    Event(Box<Event<()>>),
}

/// Walks `parts`, calls `work` for each member on one of `workers` threads, and `sink` for everything
/// found, on this thread and in order. `sink` ends it all by returning an error.
///
/// At most a few batches per worker are in memory at any time.
///
/// # Errors
/// What `sink` returned.
pub(crate) fn scan<T, E, W, S>(
    dir: &dyn Dir,
    parts: &[Part],
    workers: usize,
    work: W,
    mut sink: S,
) -> Result<(), E>
where
    T: Send,
    W: Fn(&mut Unpacker, usize, &Located, &[u8]) -> T + Sync,
    S: FnMut(Event<T>) -> Result<(), E>,
{
    let workers = workers.max(1);
    let bytes: u64 = parts.iter().map(|part| part.end.saturating_sub(part.from.offset)).sum();
    if workers == 1 || bytes <= SMALL {
        return alone(dir, parts, work, sink);
    }
    let in_flight = workers * 3;
    let (permit_back, permits) = mpsc::sync_channel::<()>(in_flight);
    for _ in 0..in_flight {
        let _ = permit_back.try_send(());
    }
    let (job_in, jobs) = mpsc::sync_channel::<(u64, Job)>(in_flight);
    let (result_in, results) = mpsc::channel::<(u64, Vec<Event<T>>)>();
    let jobs = Mutex::new(jobs);
    let work = &work;
    let jobs = &jobs;
    // `move`: leaving early must drop the channels' ends while the other threads still wait on them.
    thread::scope(move |scope| {
        scope.spawn(move || produce(dir, parts, &permits, &job_in));
        for _ in 0..workers {
            let result_in = result_in.clone();
            scope.spawn(move || {
                let mut unpacker = Unpacker::new();
                let result_in = Alarm(result_in);
                loop {
                    let next = match jobs.lock() {
                        Ok(jobs) => jobs.recv(),
                        Err(_) => return, // another worker panicked; the scope passes it on
                    };
                    let Ok((index, job)) = next else { return };
                    let events = run(job, &mut unpacker, work);
                    unpacker.shrink(KEEP);
                    if result_in.0.send((index, events)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(result_in);
        let mut early = BTreeMap::new();
        let mut next = 0;
        for (index, events) in results {
            if index == PANICKED {
                break; // leaving the scope passes the panic on
            }
            early.insert(index, events);
            while let Some(events) = early.remove(&next) {
                next += 1;
                for event in events {
                    sink(event)?;
                }
                let _ = permit_back.try_send(());
            }
        }
        Ok(())
    })
}

/// The same on the calling thread.
fn alone<T, E, W, S>(dir: &dyn Dir, parts: &[Part], work: W, mut sink: S) -> Result<(), E>
where
    W: Fn(&mut Unpacker, usize, &Located, &[u8]) -> T,
    S: FnMut(Event<T>) -> Result<(), E>,
{
    let mut unpacker = Unpacker::new();
    for (part, what) in parts.iter().enumerate() {
        let mut result = Ok(());
        let mut take = |job| {
            result = run(job, &mut unpacker, &work).into_iter().try_for_each(&mut sink);
            unpacker.shrink(KEEP);
            result.is_ok()
        };
        let last = match open(dir, what).and_then(|file| walk(&*file, what, part, &mut take)) {
            Ok(None) => return result,
            Ok(Some(place)) => Event::End { part, place },
            Err(source) => Event::Failed { part, source },
        };
        sink(last)?;
    }
    Ok(())
}

fn run<T>(
    job: Job,
    unpacker: &mut Unpacker,
    work: &impl Fn(&mut Unpacker, usize, &Located, &[u8]) -> T,
) -> Vec<Event<T>> {
    match job {
        Job::Batch { part, batch } => {
            let Batch { bytes, members } = batch;
            let member = |member: Located| {
                let result = work(unpacker, part, &member, &bytes[member.packed.clone()]);
                Event::Member { part, member, result }
            };
            members.into_iter().map(member).collect()
        }
        Job::Event(event) => match *event {
            Event::Unreadable { part, offset, until, fault, followed } => {
                vec![Event::Unreadable { part, offset, until, fault, followed }]
            }
            Event::End { part, place } => vec![Event::End { part, place }],
            Event::Failed { part, source } => vec![Event::Failed { part, source }],
            Event::Member { .. } => Vec::new(), // the producer makes none
        },
    }
}

fn produce(dir: &dyn Dir, parts: &[Part], permits: &Receiver<()>, jobs: &SyncSender<(u64, Job)>) {
    let mut index = 0;
    let mut send = |job| {
        let sent = permits.recv().is_ok() && jobs.send((index, job)).is_ok();
        index += 1;
        sent
    };
    for (part, what) in parts.iter().enumerate() {
        let last = match open(dir, what).and_then(|file| walk(&*file, what, part, &mut send)) {
            Ok(None) => return, // nobody wants the rest
            Ok(Some(place)) => Event::End { part, place },
            Err(source) => Event::Failed { part, source },
        };
        if !send(Job::Event(Box::new(last))) {
            return;
        }
    }
}

fn open(dir: &dyn Dir, part: &Part) -> io::Result<Box<dyn ReadAt>> {
    dir.open_read(&part.path)
}

fn walk(
    file: &dyn ReadAt,
    part: &Part,
    index: usize,
    send: &mut impl FnMut(Job) -> bool,
) -> io::Result<Option<Place>> {
    let mut walk = Walk::new(file, part.identity, part.from, part.end);
    if !part.linked {
        walk = walk.unlinked();
    }
    while let Some(step) = walk.step()? {
        let job = match step {
            Step::Members(batch) => Job::Batch { part: index, batch },
            Step::Unreadable { offset, until, fault, followed } => {
                Job::Event(Box::new(Event::Unreadable { part: index, offset, until, fault, followed }))
            }
        };
        if !send(job) {
            return Ok(None);
        }
    }
    Ok(Some(walk.place()))
}
