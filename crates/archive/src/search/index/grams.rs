//! Short queries: which documents have a frequent character, or a frequent pair of characters within one run.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use super::blocks::{BlockWriter, Fault, Result, Span};
use super::file::{IndexFile, Section};

/// Postings that a query for a part of a word may have to unite; a part that takes more has a set of its own.
const MOST_POSTINGS: u64 = 512 * 1024;

/// Sets of their own in a file; the most expensive ones.
const MOST_GRAMS: usize = 512;

/// Documents whose sets are kept as bits before they are packed.
const STRIDE: u32 = 8_192;

/// Bytes of an entry of the list the section begins with: the text, padded with NUL, place and length of the set.
const ENTRY: usize = 8 + 8 + 4;

/// The single space between two words is no token, so that its set is always there.
pub(super) const SPACE: &str = " ";

/// The parts of one and two characters of a token, each once, as numbers.
fn parts(word: &str, out: &mut Vec<u64>) {
    out.clear();
    let mut before = None;
    for character in word.chars() {
        let one = u64::from(u32::from(character));
        out.push(one << 32);
        out.extend(before.map(|before: u64| before << 32 | one));
        before = Some(one);
    }
    out.sort_unstable();
    out.dedup();
}

fn text(part: u64) -> String {
    let [first, second] = [part >> 32, part & u64::from(u32::MAX)].map(|one| char::from_u32(one as u32));
    first.into_iter().chain(second.filter(|second| *second != '\0')).collect()
}

/// Finds out which parts are worth a set.
#[derive(Default)]
pub(super) struct Census {
    postings: HashMap<u64, u64>,
    parts: Vec<u64>,
}

impl Census {
    /// Counts a word that is in so many documents.
    pub(super) fn add(&mut self, word: &str, documents: u32) {
        parts(word, &mut self.parts);
        for part in &self.parts {
            *self.postings.entry(*part).or_default() += u64::from(documents);
        }
    }

    pub(super) fn finish(self) -> Collector {
        let mut chosen: Vec<(u64, u64)> =
            self.postings.into_iter().filter(|(_, postings)| *postings > MOST_POSTINGS).collect();
        chosen.sort_unstable_by_key(|(part, postings)| (std::cmp::Reverse(*postings), *part));
        chosen.truncate(MOST_GRAMS);
        let space = u64::from(u32::from(' ')) << 32;
        let mut grams: Vec<u64> =
            chosen.into_iter().map(|(part, _)| part).filter(|part| *part != space).collect();
        grams.push(space);
        grams.sort_unstable();
        let numbers = grams.iter().enumerate().map(|(number, part)| (*part, number as u16)).collect();
        let sets = vec![RoaringBitmap::new(); grams.len()];
        let bits = vec![0; grams.len() * (STRIDE as usize / 8)];
        let space = grams.binary_search(&space).unwrap_or_default() as u16;
        Collector { numbers, grams, sets, bits, base: 0, space, parts: Vec::new() }
    }
}

/// Collects the sets, document by document.
pub(super) struct Collector {
    numbers: HashMap<u64, u16>,
    grams: Vec<u64>,
    sets: Vec<RoaringBitmap>,
    /// Of the stretch of documents in progress: [`STRIDE`] bits for each gram.
    bits: Vec<u8>,
    base: u32,
    space: u16,
    parts: Vec<u64>,
}

impl Collector {
    /// Appends the numbers of the grams in a word.
    pub(super) fn of(&mut self, word: &str, out: &mut Vec<u16>) {
        parts(word, &mut self.parts);
        out.extend(self.parts.iter().filter_map(|part| self.numbers.get(part)));
    }

    /// The number of the gram that is a single space.
    pub(super) fn space(&self) -> u16 {
        self.space
    }

    /// Notes that a document has grams. Documents come in order.
    #[inline]
    pub(super) fn add(&mut self, document: u32, grams: &[u16]) {
        if document - self.base >= STRIDE {
            self.pack(document);
        }
        let bit = document - self.base;
        for &gram in grams {
            self.bits[gram as usize * (STRIDE as usize / 8) + bit as usize / 8] |= 1 << (bit % 8);
        }
    }

    #[cold]
    fn pack(&mut self, next: u32) {
        for (set, bits) in self.sets.iter_mut().zip(self.bits.chunks_mut(STRIDE as usize / 8)) {
            *set |= RoaringBitmap::from_lsb0_bytes(self.base, bits);
            bits.fill(0);
        }
        self.base = next / STRIDE * STRIDE;
    }

    /// Writes the section, set by set.
    pub(super) fn finish(mut self, out: &mut BlockWriter) -> std::io::Result<()> {
        self.pack(0);
        out.write(&(self.grams.len() as u32).to_le_bytes())?;
        let mut start = 0;
        for (part, set) in self.grams.iter().zip(&self.sets) {
            let length = set.serialized_size() as u32;
            let mut name = [0; 8];
            let text = text(*part);
            name[..text.len()].copy_from_slice(text.as_bytes());
            out.write(&name)?;
            out.write(&u64::to_le_bytes(start))?;
            out.write(&length.to_le_bytes())?;
            start += u64::from(length);
        }
        let mut bytes = Vec::new();
        for set in self.sets {
            bytes.clear();
            set.serialize_into(&mut bytes)?;
            out.write(&bytes)?;
        }
        Ok(())
    }
}

/// The set of a text of one or two characters, where the file has one.
pub(super) fn find(file: &IndexFile, text: &str) -> Result<Option<RoaringBitmap>> {
    let section = file.sections.get(Section::Grams);
    let mut window = file.window();
    let count = u32::from_le_bytes(window.array(section, 0)?);
    let sets = Span { offset: 4 + u64::from(count) * ENTRY as u64, length: 0 };
    let mut name = [0; 8];
    if text.len() > name.len() {
        return Ok(None);
    }
    name[..text.len()].copy_from_slice(text.as_bytes());
    for number in 0..count {
        let entry: [u8; ENTRY] = window.array(section, 4 + u64::from(number) * ENTRY as u64)?;
        if entry[..8] == name {
            let [place, length] = [&entry[8..16], &entry[16..]].map(|bytes| {
                let mut eight = [0; 8];
                eight[..bytes.len()].copy_from_slice(bytes);
                u64::from_le_bytes(eight)
            });
            let span = section.within(sets.offset.saturating_add(place), length)?;
            let set = RoaringBitmap::deserialize_from(window.read(span)?)
                .map_err(|_| Fault::Damaged("a set cannot be understood"))?;
            return Ok(Some(set));
        }
    }
    Ok(None)
}
