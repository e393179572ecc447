//! Files with so many documents that the frequent parts of their words have sets of their own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use frontdesk_durable::Dir;
use frontdesk_durable::testing::MemoryDir;
use roaring::RoaringBitmap;

use super::builder::Builder;
use super::dictionary::Dictionary;
use super::file::IndexFile;
use super::held::{Held, ROOM, Room};
use super::manifest::Listed;
use super::source::{Source, Which};
use super::write::{self, Target};
use super::{grams, merge};
use crate::layout;
use crate::search::cursor::Rank;

const ARCHIVE: [u8; 16] = [7; 16];

/// A text of a few words of a few letters, the same for the same number.
fn text(number: u64) -> String {
    let mut dice = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut roll = |sides: u64| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        dice % sides
    };
    let words = (0..1 + roll(5)).map(|_| {
        let letters = (0..1 + roll(9)).map(|_| char::from(b"abcdefgh"[(roll(8) * roll(8) / 8) as usize]));
        letters.collect::<String>()
    });
    words.collect::<Vec<_>>().join([" ", ", ", "\n"][number as usize % 3])
}

fn file(dir: &MemoryDir, number: u32, first: u64, count: u64) -> Listed {
    let mut builder = Builder::new();
    for sequence in first..first + count {
        let started_at = Some((sequence.wrapping_mul(7_919) % 100_003) as i64);
        builder.add(Rank { started_at, sequence }, &text(sequence), []);
    }
    let (stop, last) = (AtomicBool::new(false), first + count - 1);
    let target = Target { dir, archive: &ARCHIVE, number, first, last, stop: &stop };
    let mut sources: [Box<dyn Source + '_>; 1] = [Box::new(builder.seal())];
    Listed { entry: write::write(&target, &mut sources).unwrap(), dead: RoaringBitmap::new() }
}

/// Every text of one to three letters is found where it is and nowhere else.
fn finds_all(dir: &MemoryDir, listed: &Listed, gone: &BTreeSet<u64>) -> usize {
    let file = IndexFile::open(dir, &ARCHIVE, listed.entry).unwrap();
    let sequences: Vec<u64> =
        (listed.entry.first..=listed.entry.last).filter(|n| !gone.contains(n)).collect();
    let texts: Vec<(u64, String)> = sequences.iter().map(|&sequence| (sequence, text(sequence))).collect();
    let letters = ["", "a", "b", "c", "d", "g", " ", "\n"];
    let mut own = 0;
    for number in 0..letters.len().pow(3) {
        let [one, two, three] = [1, 8, 64].map(|place| letters[number / place % letters.len()]);
        let needle = [one, two, three].concat();
        if needle.is_empty() {
            continue;
        }
        let expected: BTreeSet<u64> =
            texts.iter().filter(|(_, text)| text.contains(&needle)).map(|(sequence, _)| *sequence).collect();
        let found = file.containing(&needle, 2).unwrap().all(&RoaringBitmap::new(), 2).unwrap();
        let found: BTreeSet<u64> = file.ranks(&found).map(|rank| rank.unwrap().sequence).collect();
        assert!(found == expected, "{needle:?}: {} and not {}", found.len(), expected.len());
        own += usize::from(needle.len() == 2 && grams::find(&file, &needle).unwrap().is_some());
    }
    own
}

#[test]
fn short_texts_are_found_by_their_sets_and_by_their_words() {
    let dir = MemoryDir::new();
    dir.create_dir(layout::SEARCH).unwrap();
    let none = BTreeSet::new();
    let mut files = vec![file(&dir, 1, 1, 6_000), file(&dir, 2, 6_001, 5_000), file(&dir, 3, 11_001, 300)];
    let own: Vec<usize> = files.iter().map(|listed| finds_all(&dir, listed, &none)).collect();
    assert!(own[0] > 3 && own[2] == 0, "{own:?}");
    // Merged, and with some of them gone.
    let gone: BTreeSet<u64> = (1..11_300).filter(|sequence| sequence % 11 == 0).collect();
    for listed in &mut files {
        listed.dead =
            merge::struck(&dir, &ARCHIVE, listed.entry, &gone.iter().copied().collect::<Vec<_>>()).unwrap();
    }
    let entry = merge::merge(&dir, &ARCHIVE, 4, &files, &AtomicBool::new(false)).unwrap();
    assert_eq!(u64::from(entry.documents), 11_300 - gone.len() as u64);
    assert!(finds_all(&dir, &Listed { entry, dead: RoaringBitmap::new() }, &gone) > 3);
}

#[test]
fn a_dictionary_with_fences_finds_the_same_places() {
    let dir = MemoryDir::new();
    dir.create_dir(layout::SEARCH).unwrap();
    let listed = file(&dir, 1, 1, 3_000);
    let plain = IndexFile::open(&dir, &ARCHIVE, listed.entry).unwrap();
    let held = |blocks| Some(Arc::new(Held::new(blocks, Room::new(ROOM))));
    let held = IndexFile::open_with(&dir, &ARCHIVE, listed.entry, held).unwrap();
    let mut plain = Dictionary::new(&plain, Which::Text);
    let mut held = Dictionary::new(&held, Which::Text);
    assert!(plain.len() > 1_000);
    let mut words: Vec<Vec<u8>> = vec![Vec::new(), vec![0], vec![0xff; 9]];
    for number in 0..plain.len() {
        let row = plain.row(number).unwrap();
        let word = plain.word(&row).unwrap().to_vec();
        assert_eq!(held.find(&word).unwrap(), Some(row));
        // What stands before and behind it, of the same first eight bytes and of others.
        words.push([&word[..], b"a"].concat());
        words.push([&word[..], b"\0"].concat());
        words.push(word[..word.len() - 1].to_vec());
        words.push(word);
    }
    for word in words {
        assert_eq!(held.lower(&word).unwrap(), plain.lower(&word).unwrap(), "{word:?}");
    }
}
