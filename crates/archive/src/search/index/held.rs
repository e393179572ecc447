//! Blocks of index files that stay in memory, for who answers many searches: read and compared with their checksums once.
//!
//! A block of an index file never changes, so what is held is right for as long as the manifest names the file. There is
//! no eviction: what finds no room is read again each time, as it is by who holds nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Memory for the blocks of all files together. Of a million short conversations all that is held at all (dictionaries,
/// postings, the table of documents; not their tokens) is less than that; of ten million the dictionaries are.
pub(super) const ROOM: usize = 160 << 20;

/// How many bytes may still be held.
#[derive(Debug)]
pub(super) struct Room(AtomicUsize);

impl Room {
    pub(super) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self(AtomicUsize::new(bytes)))
    }

    fn take(&self, bytes: usize) -> bool {
        let rest = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, rest).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is held of one file.
#[derive(Debug)]
pub(super) struct Held {
    /// A place for each block.
    blocks: Box<[OnceLock<Box<[u8]>>]>,
    room: Arc<Room>,
}

impl Held {
    pub(super) fn new(blocks: usize, room: Arc<Room>) -> Self {
        Self { blocks: (0..blocks).map(|_| OnceLock::new()).collect(), room }
    }

    /// A block that is held.
    #[inline]
    pub(super) fn get(&self, number: usize) -> Option<&[u8]> {
        self.blocks.get(number)?.get().map(|block| &**block)
    }

    /// Holds a block, if there is room for it.
    pub(super) fn put(&self, number: usize, block: &[u8]) {
        let Some(place) = self.blocks.get(number) else { return };
        // Another thread may have been faster.
        if place.get().is_none() && self.room.take(block.len()) && place.set(block.into()).is_err() {
            self.room.give_back(block.len());
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let held = self.blocks.iter().filter_map(OnceLock::get).map(|block| block.len()).sum();
        self.room.give_back(held);
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_durable::Dir;
    use frontdesk_durable::testing::MemoryDir;
    use proptest::prelude::*;

    use super::super::blocks::{BLOCK, BlockWriter, Blocks, Span};
    use super::*;

    /// A file of so many bytes with its checksums, in a folder of its own.
    fn file(length: usize) -> (MemoryDir, Vec<u8>, Vec<u32>) {
        let dir = MemoryDir::new();
        let bytes: Vec<u8> = (0..length).map(|at| (at * 31 / 7) as u8).collect();
        let mut writer = BlockWriter::create(&dir, "file").unwrap();
        writer.write(&bytes).unwrap();
        let (_, _, sums) = writer.finish().unwrap();
        (dir, bytes, sums)
    }

    fn open(dir: &MemoryDir, length: usize, sums: &[u32], held: Option<Arc<Held>>) -> Blocks {
        Blocks::new(dir.open_read("file").unwrap(), length as u64, sums.to_vec(), held)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_held_reads_as_what_is_not(
            length in 1..5 * BLOCK,
            room in 0..6 * BLOCK,
            places in proptest::collection::vec((any::<prop::sample::Index>(), 0..2 * BLOCK), 1..40),
        ) {
            let (dir, bytes, sums) = file(length);
            let room = Room::new(room);
            let whole = room.left();
            let blocks = open(&dir, length, &sums, Some(Arc::new(Held::new(sums.len(), Arc::clone(&room)))));
            let mut window = blocks.window();
            let all = Span { offset: 0, length: length as u64 };
            for (start, wanted) in places {
                let start = start.index(length);
                let end = (start + wanted).min(length);
                let span = Span { offset: start as u64, length: (end - start) as u64 };
                prop_assert!(window.read(span).unwrap() == &bytes[start..end]);
                let kept = window.kept_from(start as u64, wanted as u64, all).unwrap();
                prop_assert!(kept.len() >= end - start && *kept == bytes[start..start + kept.len()]);
            }
            prop_assert!(room.left() <= whole);
            drop(window);
            drop(blocks);
            prop_assert_eq!(room.left(), whole);
        }
    }

    #[test]
    fn what_is_held_is_not_read_again_and_what_finds_no_room_is() {
        let length = 3 * BLOCK;
        let (dir, bytes, sums) = file(length);
        let held = Arc::new(Held::new(sums.len(), Room::new(2 * BLOCK)));
        let blocks = open(&dir, length, &sums, Some(held));
        let span = |block: usize| Span { offset: (block * BLOCK) as u64 + 5, length: 7 };
        for block in 0..3 {
            blocks.window().read(span(block)).unwrap();
        }
        dir.open_write("file").unwrap().write_at(0, &vec![0; length]).unwrap();
        for block in 0..2 {
            let expected = &bytes[block * BLOCK + 5..block * BLOCK + 12];
            assert_eq!(blocks.window().read(span(block)).unwrap(), expected);
        }
        assert!(blocks.window().read(span(2)).is_err());
        // Who passes by looks at the disk, as does who checks.
        assert!(blocks.passing().read(span(0)).is_err() && blocks.check().is_err());
    }
}
