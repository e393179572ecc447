//! Making an index file from sources: documents in memory, or files that become one.

use std::cmp::Ordering as CmpOrdering;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use frontdesk_domain::tokens::TokenKind;
use frontdesk_durable::Dir;
use roaring::RoaringBitmap;

use super::bits::Bits;
use super::blocks::{BlockWriter, Fault};
use super::code::{self, Spelling};
use super::dictionary::{Row, SET_FROM};
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

/// Sources of one file: which of them have a term is a bit each.
pub(super) const MOST_SOURCES: usize = 8;

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

    let mut census = Census::new(order.picks.len() as u32);
    let shared = Shared::of(Which::Text, sources, |word, documents| census.add(word, documents))?;
    let mut grams = census.finish();
    let collect = |word: &[u8], documents: &[u32]| grams.add(word, documents);
    let mut text =
        postings(&mut out, &mut sections, Which::Text, &shared, sources, &order, collect, target.stop)?;
    for (source, new) in sources.iter().zip(&order.new) {
        let spaced = source.spaced().iter().filter_map(|old| new.get(old as usize));
        spaced.filter(|new| **new != DEAD).try_for_each(|new| grams.add_space(*new))?;
    }
    let from = out.position();
    grams.finish(&mut out)?;
    sections.set(Section::Grams, from, out.position());

    let codes = text.assign_codes();
    let mut kinds = vec![0_u8; codes.len().div_ceil(8)];
    words(&mut out, &mut sections, Which::Text, &shared, sources, &mut text, |number, word| {
        if is_word(word) {
            let code = codes[number];
            kinds[code as usize / 8] |= 1 << (code % 8);
        }
    })?;
    let text_words = table(&mut out, &mut sections, Section::Table, &text, &codes)?;
    section(&mut out, &mut sections, Section::Kinds, &kinds)?;
    drop((shared, kinds));
    let Kept { rows, numbers } = text;
    drop(rows); // from here on the codes will do
    let spelling =
        |number: &u32| codes.get(*number as usize).map_or_else(Spelling::default, |code| Spelling::of(*code));
    let spellings: Vec<Vec<Spelling>> =
        numbers.into_iter().map(|numbers| numbers.iter().map(spelling).collect()).collect();
    drop(codes);

    let from = out.position();
    let mut ends = Vec::with_capacity(order.picks.len());
    let mut spelled = Vec::new();
    order.each(|new, source, document| {
        if new.is_multiple_of(1024) && target.stop.load(Ordering::Relaxed) {
            return Err(Unwritten::Stopped);
        }
        spelled.clear();
        code::translate(sources[source].tokens(document)?, &spellings[source], &mut spelled)?;
        out.write(&spelled)?;
        let end = u32::try_from(out.position() - from).map_err(|_| {
            io::Error::new(io::ErrorKind::FileTooLarge, "a search index file would be too large")
        })?;
        ends.push(end);
        Ok(())
    })?;
    sections.set(Section::Stream, from, out.position());
    drop(spellings);

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

    let shared = Shared::of(Which::Facets, sources, |_, _| {})?;
    let mut facets = postings(
        &mut out,
        &mut sections,
        Which::Facets,
        &shared,
        sources,
        &order,
        |_, _| Ok(()),
        target.stop,
    )?;
    words(&mut out, &mut sections, Which::Facets, &shared, sources, &mut facets, |_, _| {})?;
    let unused = vec![0; facets.rows.len()];
    let facet_words = table(&mut out, &mut sections, Section::FacetTable, &facets, &unused)?;
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
        words: text_words.saturating_add(facet_words),
        length: 0,
        footer: [0; 32],
    };
    let entry = file::finish(out, target.archive, &sections, entry)?;
    target.dir.sync_dir(layout::SEARCH)?;
    Ok(entry)
}

/// Whether a token is a run of word characters.
fn is_word(token: &[u8]) -> bool {
    match token.first() {
        Some(first) if first.is_ascii() => first.is_ascii_alphanumeric(),
        _ => {
            let first = std::str::from_utf8(token).ok().and_then(|token| token.chars().next());
            first.is_some_and(|first| TokenKind::of(first) == TokenKind::Word)
        }
    }
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
        let mut picks = Vec::with_capacity(new.iter().map(Vec::len).sum());
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

/// Which sources have which terms: found out once, and gone through again and again.
struct Shared {
    /// For each term of all sources together, in order, a bit for each source that has it.
    having: Vec<u8>,
}

impl Shared {
    /// Calls `each` with every term and in how many documents it is, the dead ones too.
    fn of(
        which: Which,
        sources: &[Box<dyn Source + '_>],
        mut each: impl FnMut(&[u8], u32),
    ) -> Result<Self, Fault> {
        let mut terms = sources.iter().map(|source| source.terms(which)).collect::<Result<Vec<_>, _>>()?;
        let mut shared = Self { having: Vec::new() };
        let (mut least, mut having) = (Vec::new(), Vec::new());
        loop {
            having.clear();
            for (source, terms) in terms.iter().enumerate() {
                let Some(word) = terms.word() else { continue };
                match if having.is_empty() { CmpOrdering::Less } else { word.cmp(&least[..]) } {
                    CmpOrdering::Greater => continue,
                    CmpOrdering::Equal => {}
                    CmpOrdering::Less => {
                        having.clear();
                        least.clear();
                        least.extend_from_slice(word);
                    }
                }
                having.push(source);
            }
            if having.is_empty() {
                return Ok(shared);
            }
            let mut documents = 0_u32;
            for &source in &having {
                documents = documents.saturating_add(terms[source].count());
                terms[source].advance()?;
            }
            each(&least, documents);
            shared.having.push(having.iter().fold(0, |bits, source| bits | 1 << source));
        }
    }

    /// Goes through the terms.
    fn terms<'s>(
        &self,
        which: Which,
        sources: &'s [Box<dyn Source + '_>],
    ) -> Result<Together<'_, 's>, Fault> {
        let terms = sources.iter().map(|source| source.terms(which)).collect::<Result<_, _>>()?;
        Ok(Together { having: self.having.iter(), terms, now: 0 })
    }
}

/// Goes through the terms of all sources at once.
struct Together<'h, 's> {
    having: std::slice::Iter<'h, u8>,
    terms: Vec<Box<dyn Terms + 's>>,
    /// The sources that have the term in progress.
    now: u8,
}

impl<'s> Together<'_, 's> {
    /// Goes to the next term; `false` behind the last.
    fn next(&mut self) -> Result<bool, Fault> {
        for source in each_source(self.now) {
            self.terms[source].advance()?;
        }
        let next = self.having.next();
        self.now = next.copied().unwrap_or(0);
        Ok(next.is_some())
    }

    fn word(&self) -> Result<&[u8], Fault> {
        let first = self.terms.get(self.now.trailing_zeros() as usize);
        first.and_then(|terms| terms.word()).ok_or(Fault::Damaged("a word is not there any more"))
    }

    /// In how many documents it is, the dead ones too.
    fn count(&self) -> u32 {
        each_source(self.now).map(|source| self.terms[source].count()).fold(0, u32::saturating_add)
    }

    fn sources(&mut self) -> impl Iterator<Item = (usize, &mut (dyn Terms + 's))> {
        let now = self.now;
        let terms = self.terms.iter_mut().enumerate();
        terms.filter(move |(source, _)| now >> source & 1 == 1).map(|(source, terms)| (source, &mut **terms))
    }
}

fn each_source(mut having: u8) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (having != 0).then(|| having.trailing_zeros() as usize);
        having &= having.wrapping_sub(1);
        next
    })
}

/// What becomes of the terms of the sources.
struct Kept {
    /// For each term of all sources together: in how many documents it still is, and where its postings are. Those
    /// that are in none are left out of the file.
    rows: Vec<Row>,
    /// For each source, by its codes, the place of the term among the rows.
    numbers: Vec<Vec<u32>>,
}

impl Kept {
    /// Gives frequent terms short codes; those that are left out have the last.
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

/// Writes the postings of a dictionary: the sets, then the lists. Calls `each` with every word and its documents, in any
/// order.
#[expect(clippy::too_many_arguments, reason = "what is written, from where, to where: all different things")]
fn postings(
    out: &mut BlockWriter,
    sections: &mut Sections,
    which: Which,
    shared: &Shared,
    sources: &[Box<dyn Source + '_>],
    order: &Order,
    mut each: impl FnMut(&[u8], &[u32]) -> Result<(), Fault>,
    stop: &AtomicBool,
) -> Result<Kept, Unwritten> {
    let numbers = |source: &dyn Source| match which {
        Which::Text => vec![0; source.codes() as usize],
        Which::Facets => Vec::new(),
    };
    let mut kept = Kept {
        rows: vec![Row::default(); shared.having.len()],
        numbers: sources.iter().map(|source| numbers(&**source)).collect(),
    };
    // As large as they can become: what grows step by step leaves holes in memory.
    let mut documents = Vec::with_capacity(order.picks.len());
    let (mut old, mut bytes) = (Vec::with_capacity(order.picks.len()), Vec::new());
    let mut set = Bits::new(order.picks.len() as u32);
    let [sets, lists] = match which {
        Which::Text => [Section::Sets, Section::Lists],
        Which::Facets => [Section::FacetSets, Section::FacetLists],
    };
    for (name, as_set) in [(sets, true), (lists, false)] {
        let from = out.position();
        let mut together = shared.terms(which, sources)?;
        for (number, row) in kept.rows.iter_mut().enumerate() {
            if number.is_multiple_of(1024) && stop.load(Ordering::Relaxed) {
                return Err(Unwritten::Stopped);
            }
            together.next()?;
            if (together.count() >= SET_FROM) != as_set {
                continue;
            }
            documents.clear();
            let mut runs = 0;
            for (source, terms) in together.sources() {
                old.clear();
                terms.documents(&mut old)?;
                let new = old.iter().filter_map(|&old| order.new[source].get(old as usize));
                documents.extend(new.copied().filter(|new| *new != DEAD));
                if let Some(place) = kept.numbers[source].get_mut(terms.code() as usize) {
                    *place = number as u32;
                }
                runs += 1;
            }
            if documents.is_empty() {
                continue;
            }
            each(together.word()?, &documents)?;
            bytes.clear();
            row.place = out.position() - from;
            row.documents = documents.len() as u32;
            row.set = as_set;
            match documents[..] {
                _ if as_set => {
                    set.clear();
                    documents.iter().try_for_each(|document| set.insert(*document))?;
                    set.serialize(&mut bytes);
                }
                [one] => row.place = u64::from(one),
                _ => {
                    if runs > 1 {
                        documents.sort_unstable();
                    }
                    let mut next = 0;
                    for &document in &documents {
                        varint::encode(u64::from(document - next), &mut bytes);
                        next = document + 1;
                    }
                }
            }
            out.write(&bytes)?;
            row.length = bytes.len() as u32;
        }
        sections.set(name, from, out.position());
    }
    Ok(kept)
}

/// Writes the words of a dictionary. Calls `each` with the place and the text of every one.
fn words(
    out: &mut BlockWriter,
    sections: &mut Sections,
    which: Which,
    shared: &Shared,
    sources: &[Box<dyn Source + '_>],
    kept: &mut Kept,
    mut each: impl FnMut(usize, &[u8]),
) -> Result<(), Unwritten> {
    let from = out.position();
    let mut together = shared.terms(which, sources)?;
    for (number, row) in kept.rows.iter_mut().enumerate() {
        together.next()?;
        if row.documents == 0 {
            continue;
        }
        let word = together.word()?;
        row.word = (out.position() - from) as u32;
        out.write(word)?;
        out.write(b"\0")?;
        each(number, word);
    }
    let name = match which {
        Which::Text => Section::Words,
        Which::Facets => Section::FacetWords,
    };
    sections.set(name, from, out.position());
    Ok(())
}

/// Writes the table; gives how many words are in it.
fn table(
    out: &mut BlockWriter,
    sections: &mut Sections,
    name: Section,
    kept: &Kept,
    codes: &[u32],
) -> io::Result<u32> {
    let from = out.position();
    let mut count = 0;
    for (row, &code) in kept.rows.iter().zip(codes).filter(|(row, _)| row.documents > 0) {
        out.write(&Row { code, ..*row }.bytes())?;
        count += 1;
    }
    sections.set(name, from, out.position());
    Ok(count)
}
