//! Making an index file from sources: documents in memory, or files that become one.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use frontdesk_domain::tokens::TokenKind;
use frontdesk_durable::Dir;
use roaring::RoaringBitmap;

use super::blocks::{BlockWriter, Fault};
use super::code;
use super::dictionary::{BITMAP_FROM, Row};
use super::documents;
use super::file::{self, FileEntry, Section, Sections};
use super::grams::Census;
use super::source::{Source, Terms, Which};
use crate::layout;
use crate::segment::varint;

/// Why there is no file.
#[derive(Debug)]
pub(super) enum Unwritten {
    /// A source cannot be used.
    Source(Fault),
    /// The file could not be written.
    Target(io::Error),
    /// Nobody waits for it any more.
    Stopped,
}

impl From<Fault> for Unwritten {
    fn from(fault: Fault) -> Self {
        Self::Source(fault)
    }
}

impl From<io::Error> for Unwritten {
    fn from(error: io::Error) -> Self {
        Self::Target(error)
    }
}

/// The document in the new file that is dead in it.
const DEAD: u32 = u32::MAX;

/// What a new file is called and answers for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) dir: &'a dyn Dir,
    pub(super) archive: &'a [u8; 16],
    pub(super) number: u32,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) stop: &'a AtomicBool,
}

/// Writes a file with the living documents of `sources`, which come in the order of their sequences.
pub(super) fn write(
    target: &Target<'_>,
    sources: &mut [Box<dyn Source + '_>],
) -> Result<FileEntry, Unwritten> {
    let path = layout::index_file(target.number);
    let mut out = BlockWriter::create(target.dir, &path)?;
    let mut sections = Sections::default();
    let order = Order::of(sources)?;

    let mut text = postings(&mut out, &mut sections, Which::Text, sources, &order, target.stop)?;
    let codes = text.assign_codes();
    let mut census = Census::default();
    let mut kinds = vec![0_u8; codes.len().div_ceil(8)];
    words(&mut out, &mut sections, Which::Text, sources, &mut text, |number, word, documents| {
        census.add(word, documents);
        let code = codes[number as usize];
        if word.chars().next().is_some_and(|first| TokenKind::of(first) == TokenKind::Word) {
            kinds[code as usize / 8] |= 1 << (code % 8);
        }
    })?;
    table(&mut out, &mut sections, Section::Table, &text, &codes)?;
    let text_words = text.rows.len() as u32;
    text.rows = Vec::new(); // from here on the numbers will do
    section(&mut out, &mut sections, Section::Kinds, &kinds)?;

    // Which grams each token has, by its code.
    let mut collector = census.finish();
    let mut grams_of = vec![(0_u32, 0_u16); codes.len()];
    let mut grams = Vec::new();
    each_kept(Which::Text, sources, &text, |number, word| {
        let start = grams.len() as u32;
        collector.of(word, &mut grams);
        grams_of[codes[number as usize] as usize] = (start, (grams.len() as u32 - start) as u16);
        Ok(())
    })?;
    let mut new_codes = text.numbers;
    for number in new_codes.iter_mut().flatten() {
        *number = codes.get(*number as usize).copied().unwrap_or(0);
    }
    drop(codes);

    let from = out.position();
    let mut ends = Vec::with_capacity(order.picks.len());
    let (mut old, mut spelled) = (Vec::new(), Vec::new());
    let mut seen = vec![u32::MAX; grams_of.len()];
    order.each(|new, source, document| {
        if new.is_multiple_of(1024) && target.stop.load(Ordering::Relaxed) {
            return Err(Unwritten::Stopped);
        }
        old.clear();
        spelled.clear();
        sources[source].tokens(document, &mut old)?;
        let (mut after_word, mut spaced) = (false, false);
        for &code in &old {
            let code = new_codes[source][code as usize];
            code::encode(code, &mut spelled);
            let word = kinds[code as usize / 8] & (1 << (code % 8)) != 0;
            spaced |= after_word && word;
            after_word = word;
            if seen[code as usize] != new {
                seen[code as usize] = new;
                let (start, count) = grams_of[code as usize];
                collector.add(new, &grams[start as usize..start as usize + count as usize]);
            }
        }
        if spaced {
            collector.add(new, &[collector.space()]);
        }
        out.write(&spelled)?;
        let end = u32::try_from(out.position() - from).map_err(|_| {
            io::Error::new(io::ErrorKind::FileTooLarge, "a search index file would be too large")
        })?;
        ends.push(end);
        Ok(())
    })?;
    sections.set(Section::Stream, from, out.position());
    drop((grams_of, grams, seen, new_codes, kinds));
    let from = out.position();
    collector.finish(&mut out)?;
    sections.set(Section::Grams, from, out.position());

    let from = out.position();
    order.each(|new, source, document| {
        let rank = sources[source].rank(document)?;
        Ok(out.write(&documents::row(rank, ends[new as usize]))?)
    })?;
    sections.set(Section::Docs, from, out.position());
    let from = out.position();
    for (source, new) in sources.iter_mut().zip(&order.new) {
        for place in 0..source.documents() {
            let document = source.at_place(place)?;
            if new[document as usize] != DEAD {
                out.write(&new[document as usize].to_le_bytes())?;
            }
        }
    }
    sections.set(Section::Order, from, out.position());

    let facets = {
        let mut facets = postings(&mut out, &mut sections, Which::Facets, sources, &order, target.stop)?;
        words(&mut out, &mut sections, Which::Facets, sources, &mut facets, |_, _, _| {})?;
        facets
    };
    let unused = vec![0; facets.rows.len()];
    table(&mut out, &mut sections, Section::FacetTable, &facets, &unused)?;
    for (which, name) in [(Which::Text, Section::Opaque), (Which::Facets, Section::FacetOpaque)] {
        let mut bytes = Vec::new();
        order.opaque(sources, which).serialize_into(&mut bytes)?;
        section(&mut out, &mut sections, name, &bytes)?;
    }

    let entry = FileEntry {
        number: target.number,
        first: target.first,
        last: target.last,
        documents: order.picks.len() as u32,
        words: text_words.saturating_add(facets.rows.len() as u32),
        length: 0,
        footer: [0; 32],
    };
    let entry = file::finish(out, target.archive, &sections, entry)?;
    target.dir.sync_dir(layout::SEARCH)?;
    Ok(entry)
}

fn section(out: &mut BlockWriter, sections: &mut Sections, name: Section, bytes: &[u8]) -> io::Result<()> {
    let from = out.position();
    out.write(bytes)?;
    sections.set(name, from, out.position());
    Ok(())
}

/// In which order the documents of the sources stand in the new file.
struct Order {
    /// For each new document the source it comes from; within a source they keep their order.
    picks: Vec<u8>,
    /// For each source, for each of its documents, its number in the new file.
    new: Vec<Vec<u32>>,
}

impl Order {
    fn of(sources: &mut [Box<dyn Source + '_>]) -> Result<Self, Fault> {
        let mut new: Vec<Vec<u32>> =
            sources.iter().map(|source| vec![DEAD; source.documents() as usize]).collect();
        let mut picks = Vec::new();
        let mut next = vec![0_u32; sources.len()];
        let mut heads = Vec::with_capacity(sources.len());
        for (source, next) in sources.iter_mut().zip(&mut next) {
            heads.push(head(&mut **source, next)?);
        }
        loop {
            let best = heads.iter().enumerate().filter_map(|(at, head)| head.map(|rank| (rank, at))).max();
            let Some((_, at)) = best else { break };
            new[at][next[at] as usize] = picks.len() as u32;
            picks.push(at as u8);
            next[at] += 1;
            heads[at] = head(&mut *sources[at], &mut next[at])?;
        }
        Ok(Self { picks, new })
    }

    /// Calls `each` with every new document, its source, and its number there.
    fn each(&self, mut each: impl FnMut(u32, usize, u32) -> Result<(), Unwritten>) -> Result<(), Unwritten> {
        let mut next = vec![0_usize; self.new.len()];
        for (new, &source) in self.picks.iter().enumerate() {
            let source = source as usize;
            while self.new[source][next[source]] == DEAD {
                next[source] += 1;
            }
            each(new as u32, source, next[source] as u32)?;
            next[source] += 1;
        }
        Ok(())
    }

    fn opaque(&self, sources: &[Box<dyn Source + '_>], which: Which) -> RoaringBitmap {
        let sets = sources.iter().zip(&self.new).flat_map(|(source, new)| {
            source.opaque(which).iter().filter_map(|old| new.get(old as usize)).filter(|new| **new != DEAD)
        });
        sets.copied().collect()
    }
}

/// The rank of the next living document.
fn head(source: &mut dyn Source, next: &mut u32) -> Result<Option<crate::search::cursor::Rank>, Fault> {
    while *next < source.documents() && !source.is_living(*next) {
        *next += 1;
    }
    if *next < source.documents() { source.rank(*next).map(Some) } else { Ok(None) }
}

/// What becomes of the terms of the sources.
struct Kept {
    /// For each term that is still in a document: in how many, and where its postings are.
    rows: Vec<Row>,
    /// For each term of all sources together, in order, whether it is kept.
    kept: Vec<bool>,
    /// For each source, by its codes, the number of the term.
    numbers: Vec<Vec<u32>>,
}

impl Kept {
    /// Gives frequent terms short codes.
    fn assign_codes(&mut self) -> Vec<u32> {
        let mut by_frequency: Vec<u32> = (0..self.rows.len() as u32).collect();
        by_frequency.sort_unstable_by_key(|&number| {
            (std::cmp::Reverse(self.rows[number as usize].documents), number)
        });
        let mut codes = vec![0; by_frequency.len()];
        for (code, number) in by_frequency.into_iter().enumerate() {
            codes[number as usize] = code as u32;
        }
        codes
    }
}

/// Goes through the terms of all sources at once.
struct Together<'s> {
    terms: Vec<Box<dyn Terms + 's>>,
    /// The sources that have the term in progress.
    having: Vec<usize>,
}

impl<'s> Together<'s> {
    fn new(which: Which, sources: &'s [Box<dyn Source + '_>]) -> Result<Self, Fault> {
        let terms = sources.iter().map(|source| source.terms(which)).collect::<Result<_, _>>()?;
        Ok(Self { terms, having: Vec::new() })
    }

    /// The next term.
    fn next(&mut self) -> Result<Option<&[u8]>, Fault> {
        for &source in &self.having {
            self.terms[source].advance()?;
        }
        self.having.clear();
        let least = self.terms.iter().filter_map(|terms| terms.word()).min();
        let Some(least) = least else { return Ok(None) };
        let having = self.terms.iter().enumerate().filter(|(_, terms)| terms.word() == Some(least));
        self.having.extend(having.map(|(source, _)| source));
        Ok(self.having.first().and_then(|&source| self.terms[source].word()))
    }
}

/// Writes the postings of a dictionary.
fn postings(
    out: &mut BlockWriter,
    sections: &mut Sections,
    which: Which,
    sources: &[Box<dyn Source + '_>],
    order: &Order,
    stop: &AtomicBool,
) -> Result<Kept, Unwritten> {
    let from = out.position();
    let numbers = |source: &dyn Source| match which {
        Which::Text => vec![0; source.codes() as usize],
        Which::Facets => Vec::new(),
    };
    let mut kept = Kept {
        rows: Vec::new(),
        kept: Vec::new(),
        numbers: sources.iter().map(|source| numbers(&**source)).collect(),
    };
    let mut together = Together::new(which, sources)?;
    let (mut old, mut documents, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    while together.next()?.is_some() {
        if kept.kept.len().is_multiple_of(1024) && stop.load(Ordering::Relaxed) {
            return Err(Unwritten::Stopped);
        }
        documents.clear();
        for &source in &together.having {
            old.clear();
            together.terms[source].documents(&mut old)?;
            let new = old.iter().filter_map(|&old| order.new[source].get(old as usize));
            documents.extend(new.copied().filter(|new| *new != DEAD));
            if let Some(number) = kept.numbers[source].get_mut(together.terms[source].code() as usize) {
                *number = kept.rows.len() as u32;
            }
        }
        kept.kept.push(!documents.is_empty());
        let place = out.position() - from;
        let count = documents.len() as u32;
        match documents[..] {
            [] => continue,
            [one] => {
                kept.rows.push(Row { place: u64::from(one), length: 0, documents: 1, code: 0, word: 0 });
                continue;
            }
            _ => {}
        }
        if together.having.len() > 1 {
            documents.sort(); // a few runs, each in order
        }
        bytes.clear();
        if count < BITMAP_FROM {
            let mut next = 0;
            for &document in &documents {
                varint::encode(u64::from(document - next), &mut bytes);
                next = document + 1;
            }
        } else {
            let set = RoaringBitmap::from_sorted_iter(documents.iter().copied());
            let set = set.map_err(|_| Fault::Damaged("postings are out of order"))?;
            set.serialize_into(&mut bytes)?;
        }
        out.write(&bytes)?;
        kept.rows.push(Row { place, length: bytes.len() as u32, documents: count, code: 0, word: 0 });
    }
    let name = match which {
        Which::Text => Section::Postings,
        Which::Facets => Section::FacetPostings,
    };
    sections.set(name, from, out.position());
    Ok(kept)
}

/// Calls `each` with the number and the text of every term that is kept.
fn each_kept(
    which: Which,
    sources: &[Box<dyn Source + '_>],
    kept: &Kept,
    mut each: impl FnMut(u32, &str) -> Result<(), Unwritten>,
) -> Result<(), Unwritten> {
    let mut together = Together::new(which, sources)?;
    let mut number = 0;
    for &is_kept in &kept.kept {
        let Some(word) = together.next()? else { break };
        if is_kept {
            let word = std::str::from_utf8(word).map_err(|_| Fault::Damaged("a word is no text"))?;
            each(number, word)?;
            number += 1;
        }
    }
    Ok(())
}

/// Writes the words of a dictionary.
fn words(
    out: &mut BlockWriter,
    sections: &mut Sections,
    which: Which,
    sources: &[Box<dyn Source + '_>],
    kept: &mut Kept,
    mut each: impl FnMut(u32, &str, u32),
) -> Result<(), Unwritten> {
    let from = out.position();
    let mut rows = std::mem::take(&mut kept.rows);
    each_kept(which, sources, kept, |number, word| {
        let row = &mut rows[number as usize];
        row.word = (out.position() - from) as u32;
        out.write(word.as_bytes())?;
        out.write(b"\0")?;
        each(number, word, row.documents);
        Ok(())
    })?;
    kept.rows = rows;
    let name = match which {
        Which::Text => Section::Words,
        Which::Facets => Section::FacetWords,
    };
    sections.set(name, from, out.position());
    Ok(())
}

fn table(
    out: &mut BlockWriter,
    sections: &mut Sections,
    name: Section,
    kept: &Kept,
    codes: &[u32],
) -> io::Result<()> {
    let from = out.position();
    for (row, &code) in kept.rows.iter().zip(codes) {
        out.write(&Row { code, ..*row }.bytes())?;
    }
    sections.set(name, from, out.position());
    Ok(())
}
