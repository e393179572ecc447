//! What a machine that stopped may have kept.

use std::collections::BTreeMap;

use super::memory::{Change, Content, MemoryDir, Node, State, put};
use crate::path::parent;

/// A disk writes a sector whole or not at all.
const SECTOR: usize = 512;

impl MemoryDir {
    /// What is left when the machine stops now: everything synced, and of the rest what a POSIX file system may
    /// legally have kept, chosen by `seed`. No locks. This tree is not changed.
    ///
    /// **Names** that were not synced (created, renamed, removed; a rename wholly or not at all), by `seed % 4`:
    /// 0 none; 1 all; 2 the first so many, in order; 3 any of them, in any combination. A name whose folder is gone is
    /// gone with it.
    ///
    /// **Content** that was not synced, by `seed / 4 % 4`: 0 nothing; 1 all; 2 the first so many changes of each
    /// file, the last of them cut short at any byte; 3 any sectors of 512 bytes of any write, as they were after
    /// it, any change of length; a sector that was not kept is as it was, or zeros where the file is longer now.
    ///
    /// So 16 seeds in a row cover all pairs, and the higher bits choose within. What it does not model: disks that lose
    /// what they acknowledged, and sectors that are half written or filled with what another file held.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let before = self.lock();
        let mut dice = Dice(seed);
        let mut names = before.durable_names.clone();
        let names_kept = Kept::new(seed % 4);
        let in_order = dice.below(before.unsynced_names.len() + 1);
        for (index, unsynced) in before.unsynced_names.iter().enumerate() {
            let kept = match names_kept {
                Kept::Nothing => false,
                Kept::All => true,
                Kept::InOrder => index < in_order,
                Kept::Any => dice.coin(),
            };
            if kept {
                unsynced.change.apply(&mut names);
            }
        }
        drop_orphans(&mut names);
        let content_kept = Kept::new(seed / 4 % 4);
        let files = before.files.iter().map(|content| settle(content, content_kept, &mut dice)).collect();
        self.with_state(State { files, names: names.clone(), durable_names: names, ..State::default() })
    }
}

/// How much of what was not synced is kept.
#[derive(Debug, Clone, Copy)]
enum Kept {
    Nothing,
    All,
    InOrder,
    Any,
}

impl Kept {
    fn new(number: u64) -> Self {
        [Self::Nothing, Self::All, Self::InOrder, Self::Any][number as usize % 4]
    }
}

/// A name is reached through its folders only.
fn drop_orphans(names: &mut BTreeMap<String, Node>) {
    // In order, so that a folder is judged before what is in it.
    for path in names.keys().cloned().collect::<Vec<_>>() {
        let folder = parent(&path);
        if !folder.is_empty() && names.get(folder) != Some(&Node::Dir) {
            names.remove(&path);
        }
    }
}

fn settle(content: &Content, kept: Kept, dice: &mut Dice) -> Content {
    let mut bytes = content.durable.clone();
    let changes = &content.unsynced;
    match kept {
        Kept::Nothing => {}
        Kept::All => changes.iter().for_each(|change| change.apply(&mut bytes)),
        Kept::InOrder => {
            let whole = dice.below(changes.len() + 1);
            changes[..whole].iter().for_each(|change| change.apply(&mut bytes));
            if let Some(Change::Write { offset, bytes: written }) = changes.get(whole) {
                put(&mut bytes, *offset, &written[..dice.below(written.len() + 1)]);
            }
        }
        Kept::Any => {
            let mut seen = content.durable.clone();
            for change in changes {
                change.apply(&mut seen);
                scatter(&mut bytes, &seen, change, dice);
            }
        }
    }
    Content { visible: bytes.clone(), durable: bytes, unsynced: Vec::new() }
}

/// Applies any sectors of a write, or a change of length or not. `seen` is the content as it was after the change: what goes to
/// the disk is the whole sector from the system's memory, with what earlier writes left in it.
fn scatter(content: &mut Vec<u8>, seen: &[u8], change: &Change, dice: &mut Dice) {
    let Change::Write { offset, bytes } = change else {
        if dice.coin() {
            change.apply(content);
        }
        return;
    };
    let mut start = 0;
    while start < bytes.len() {
        let end = bytes.len().min(start + SECTOR - (offset + start) % SECTOR);
        if dice.coin() {
            let sector = (offset + start) / SECTOR * SECTOR;
            put(content, sector, &seen[sector..seen.len().min(sector + SECTOR)]);
        }
        start = end;
    }
    // The length is metadata and may be ahead of the sectors.
    if dice.coin() && content.len() < offset + bytes.len() {
        content.resize(offset + bytes.len(), 0);
    }
}

/// Random numbers from a seed (SplitMix64): the same seed, the same crash, on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }

    /// A number below `bound`, which is at least 1.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
