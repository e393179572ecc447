//! The messages of a spill in the order of a history: by time, then by id (contract §2).
//!
//! Runs of at most 8 MiB are sorted in memory and written one behind the other into a file, then merged with 8 MiB of
//! buffers; a history that is no longer than a run is never written again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;

use frontdesk_domain::message::{Message, SortKey};
use frontdesk_durable::{ReadAt, WriteAt};

use crate::spill::{Frame, Frames, Kind, Spill, push};

/// Bytes of a run, what a message takes beside its own bytes counted too.
pub(crate) const RUN_BYTES: usize = 8 << 20;
const MESSAGE_BYTES: usize = 256;
/// Buffers of a merge, all together, and of one run at least.
const MERGE_BYTES: usize = 8 << 20;
const SMALLEST_BUFFER: usize = 4 << 10;
const LARGEST_BUFFER: usize = 64 << 10;

/// Hands every message that was kept to `sink`, sorted.
///
/// # Errors
/// What the system says, and what `sink` returns.
pub(crate) fn sorted(
    spill: &Spill,
    run_bytes: usize,
    sink: &mut dyn FnMut(&Message) -> io::Result<()>,
) -> io::Result<()> {
    let mut frames = spill.frames();
    let mut runs = Runs { spill, file: None, borders: vec![0] };
    let mut batch = Vec::new();
    let mut bytes = 0;
    while let Some(frame) = frames.next()? {
        if frame.kind != Kind::Kept {
            continue;
        }
        bytes += frame.bytes.len() + MESSAGE_BYTES;
        batch.push(read(frame)?);
        if bytes >= run_bytes {
            runs.write(std::mem::take(&mut batch))?;
            bytes = 0;
        }
    }
    if runs.file.is_none() {
        batch.sort_by_cached_key(Message::sort_key);
        return batch.iter().try_for_each(sink);
    }
    if !batch.is_empty() {
        runs.write(batch)?;
    }
    let merged = runs.merge(sink);
    let removed = runs.remove();
    merged.and(removed)
}

fn read(frame: Frame) -> io::Result<Message> {
    Message::read(frame.bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Sorted runs in a file beside the spill.
struct Runs<'s> {
    spill: &'s Spill,
    file: Option<Box<dyn WriteAt>>,
    /// Where runs begin, and where the last one ends.
    borders: Vec<u64>,
}

impl Runs<'_> {
    fn path(&self) -> String {
        format!("{}-runs", self.spill.path())
    }

    fn write(&mut self, mut batch: Vec<Message>) -> io::Result<()> {
        batch.sort_by_cached_key(Message::sort_key);
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let (dir, path) = (self.spill.dir(), self.path());
                // What an interrupted session left of its own.
                match dir.remove(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => self.file.insert(dir.create(&path)?),
                }
            }
        };
        let mut at = self.borders.last().copied().unwrap_or(0);
        let mut out = Vec::new();
        let last = batch.len().saturating_sub(1);
        for (index, message) in batch.iter().enumerate() {
            push(&mut out, Kind::Kept, 0, message.bytes());
            if out.len() >= LARGEST_BUFFER || index == last {
                file.write_at(at, &out)?;
                at += out.len() as u64;
                out.clear();
            }
        }
        self.borders.push(at);
        Ok(())
    }

    fn merge(&self, sink: &mut dyn FnMut(&Message) -> io::Result<()>) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let file: &dyn ReadAt = &**file;
        let count = self.borders.len() - 1;
        let size = (MERGE_BYTES / count.max(1)).clamp(SMALLEST_BUFFER, LARGEST_BUFFER);
        let mut sources: Vec<Frames<'_>> =
            self.borders.windows(2).map(|pair| Frames::new(file, pair[0], pair[1], size)).collect();
        let mut heap = BinaryHeap::with_capacity(count);
        for (run, source) in sources.iter_mut().enumerate() {
            if let Some(frame) = source.next()? {
                heap.push(Reverse(Head::new(read(frame)?, run)));
            }
        }
        while let Some(Reverse(Head { message, run, .. })) = heap.pop() {
            sink(&message)?;
            if let Some(frame) = sources[run].next()? {
                heap.push(Reverse(Head::new(read(frame)?, run)));
            }
        }
        Ok(())
    }

    fn remove(&mut self) -> io::Result<()> {
        self.file = None;
        self.spill.dir().remove(&self.path())
    }
}

/// The next message of a run. Equal keys come in the order of the runs, which is that of receiving.
struct Head {
    key: SortKey,
    run: usize,
    message: Message,
}

impl Head {
    fn new(message: Message, run: usize) -> Self {
        Self { key: message.sort_key(), run, message }
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.key, self.run).cmp(&(&other.key, other.run))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use frontdesk_durable::{Dir, OsDir};
    use proptest::prelude::*;

    use super::*;

    /// Messages of few times and ids as they came, and the size of a run that cuts them into many.
    fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let time = prop_oneof![9 => (0..40_u8).prop_map(|second| format!("2025-03-01T10:00:{second:02}Z")), 1 => Just("?".to_owned())];
        prop::collection::vec((time, "[a-c]{0,40}"), 0..60).prop_map(|made| {
            made.into_iter()
                .enumerate()
                .map(|(number, (time, text))| {
                    format!(r#"{{"id":"m-{}","timestamp":"{time}","text":"{text}"}}"#, number * 7919 % 61)
                        .into_bytes()
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn it_is_a_sort_in_memory_whatever_the_size_of_a_run(messages in messages(), run in 1..4_000_usize) {
            let temp = tempfile::tempdir().unwrap();
            let dir: Arc<dyn Dir> = Arc::new(OsDir::open(temp.path()).unwrap());
            let mut spill = Spill::open(&dir, "history", 0).unwrap().unwrap();
            let mut frames = Vec::new();
            for message in &messages {
                push(&mut frames, Kind::Filtered, 7, b"");
                push(&mut frames, Kind::Kept, 9, message);
                push(&mut frames, Kind::Finding, 0, b"{}");
            }
            spill.append(&frames).unwrap();
            let mut expected: Vec<Message> = messages.iter().map(|bytes| Message::read(bytes.clone()).unwrap()).collect();
            expected.sort_by_cached_key(Message::sort_key);
            let mut found = Vec::new();
            sorted(&spill, run, &mut |message| { found.push(message.clone()); Ok(()) }).unwrap();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(dir.list("").unwrap().len(), 1, "the runs are gone");
        }
    }

    #[test]
    fn what_is_behind_the_checkpoint_is_cut_off_and_what_is_missing_is_noticed() {
        let temp = tempfile::tempdir().unwrap();
        let dir: Arc<dyn Dir> = Arc::new(OsDir::open(temp.path()).unwrap());
        let mut frames = Vec::new();
        push(&mut frames, Kind::Kept, u64::MAX, br#"{"id":"m-1"}"#);
        let whole = frames.len() as u64;
        let mut spill = Spill::open(&dir, "history", 0).unwrap().unwrap();
        assert_eq!(spill.append(&frames).unwrap(), whole);
        spill.append(b"torn").unwrap();
        drop(spill);
        assert!(Spill::open(&dir, "history", whole + 5).unwrap().is_none());
        assert!(Spill::open(&dir, "another", 1).unwrap().is_none());
        let spill = Spill::open(&dir, "history", whole).unwrap().unwrap();
        let frame = spill.frames().next().unwrap().unwrap();
        assert_eq!((frame.kind, frame.id_hash), (Kind::Kept, u64::MAX));
        assert_eq!(dir.metadata("history").unwrap().len, whole);
        // A frame that claims more than there is, and one of no kind.
        for (at, byte) in [(9, 0xff), (0, 9)] {
            let mut file = dir.open_write("history").unwrap();
            file.write_at(at, &[byte]).unwrap();
            let spill = Spill::open(&dir, "history", whole).unwrap().unwrap();
            assert_eq!(spill.frames().next().unwrap_err().kind(), io::ErrorKind::InvalidData);
            file.write_at(0, &frames).unwrap();
        }
    }
}
