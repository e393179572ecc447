//! Blocks of whole lines, packed on several threads.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::decide::Accepted;
use crate::layout::Folder;
use crate::segment::header::{BLOCK, EXTRA_LIMIT, Entry, Header};
use crate::segment::pack::Packer;
use crate::segment::write::Draft;

/// Records that share a member.
pub(super) struct Block {
    pub(super) folder: Folder,
    /// Indices of accepted records, in the order they arrived.
    pub(super) records: Vec<usize>,
}

/// Cuts a group into blocks, folder by folder.
pub(super) fn blocks(accepted: &[Accepted]) -> Vec<Block> {
    let mut folders: BTreeMap<Folder, Vec<usize>> = BTreeMap::new();
    for (index, record) in accepted.iter().enumerate() {
        folders.entry(record.prepared.folder).or_default().push(index);
    }
    folders.into_iter().flat_map(|(folder, records)| cut(accepted, folder, records)).collect()
}

fn cut(accepted: &[Accepted], folder: Folder, records: Vec<usize>) -> Vec<Block> {
    let total: usize = records.iter().map(|&index| accepted[index].prepared.length() + 1).sum();
    // Blocks of one size: a short one at the end would pack worse than all of them a little shorter.
    let target = total.div_ceil(total.div_ceil(BLOCK).max(1));
    let mut blocks: Vec<Block> = Vec::new();
    let (mut raw, mut extra, mut before) = (0, 0, None);
    for index in records {
        let line = accepted[index].prepared.length() + 1;
        let needs = entry(&accepted[index]).encoded_length(before);
        let fits = raw + line <= BLOCK && extra + needs <= EXTRA_LIMIT && raw < target;
        match blocks.last_mut().filter(|_| fits) {
            Some(block) => block.records.push(index),
            None => {
                blocks.push(Block { folder, records: vec![index] });
                (raw, extra) = (0, Header::EXTRA_OVERHEAD);
            }
        }
        raw += line;
        extra += needs;
        before = Some(accepted[index].sequence);
    }
    blocks
}

/// Packs every block, on as many threads as there are packers. `None` when one could not be packed: nothing of the
/// group may be written then.
pub(super) fn pack(accepted: &[Accepted], blocks: &[Block], packers: &mut [Packer]) -> Option<Vec<Draft>> {
    let next = AtomicUsize::new(0);
    let drafts: Mutex<Vec<Option<Draft>>> = Mutex::new((0..blocks.len()).map(|_| None).collect());
    let work = |packer: &mut Packer| {
        let mut raw = Vec::with_capacity(BLOCK);
        while let Some((index, block)) = take(&next, blocks) {
            let draft = draft(accepted, block, packer, &mut raw);
            if let Ok(mut drafts) = drafts.lock() {
                drafts[index] = draft;
            }
        }
    };
    let threads = blocks.len().min(packers.len());
    if let Some((own, others)) = packers[..threads].split_first_mut() {
        thread::scope(|scope| {
            for packer in others {
                scope.spawn(|| work(packer));
            }
            work(own);
        });
    }
    drafts.into_inner().ok()?.into_iter().collect()
}

fn take<'b>(next: &AtomicUsize, blocks: &'b [Block]) -> Option<(usize, &'b Block)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    blocks.get(index).map(|block| (index, block))
}

fn draft(accepted: &[Accepted], block: &Block, packer: &mut Packer, raw: &mut Vec<u8>) -> Option<Draft> {
    raw.clear();
    let mut entries = Vec::with_capacity(block.records.len());
    for &index in &block.records {
        raw.extend_from_slice(accepted[index].prepared.record.bytes());
        raw.push(b'\n');
        entries.push(entry(&accepted[index]));
    }
    let raw_length = raw.len() as u32;
    let packed = packer.pack(raw);
    raw.clear();
    raw.shrink_to(BLOCK);
    packed.map(|packed| Draft { entries, packed_crc: libdeflater::crc32(&packed), packed, raw_length })
}

fn entry(accepted: &Accepted) -> Entry {
    let prepared = &accepted.prepared;
    Entry {
        sequence: accepted.sequence,
        kind: prepared.key().kind,
        length: prepared.length() as u32,
        version: accepted.version,
        sha256: prepared.sha256,
        id: (!prepared.carries_id).then(|| prepared.key().id.clone()),
    }
}
