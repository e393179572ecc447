//! Making an index file from sources: documents in memory, or files that become one.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use frontdesk_domain::tokens::TokenKind;
use frontdesk_durable::Dir;

use super::blocks::{BlockWriter, Fault};
use super::code::{self, Spelling};
use super::documents;
use super::file::{self, FileEntry, Section, Sections};
use super::grams::Census;
use super::order::{DEAD, Order};
use super::postings::{Having, Kept, postings, table, words};
use super::source::{Source, Which};
use super::together::Shared;
use crate::layout;

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

    let mut census = Census::new(order.documents());
    let shared = Shared::of(Which::Text, sources, |word, documents| census.add(word, documents))?;
    let mut grams = census.finish();
    let collect = |word: &[u8], documents: Having<'_>| grams.add(word, documents);
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
    let mut ends = Vec::with_capacity(order.documents() as usize);
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
        documents: order.documents(),
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
