//! The search index: files that answer what was said where, without reading it (`docs/archive-format.md`).
//!
//! An index is a projection. Whatever is wrong with it, in part or as a whole, costs time and no answer: what it does
//! not cover is read from the segments. The writer feeds it behind its acknowledgements ([`Feed`]), flushes documents
//! into files, and merges small files into larger ones. Readers take the manifest as it is and check every block they
//! read.

mod bits;
mod blocks;
mod builder;
mod code;
mod contains;
mod dictionary;
mod documents;
mod feed;
mod file;
mod grams;
mod held;
mod maintain;
mod manifest;
mod meeting;
mod merge;
mod opened;
mod order;
mod phrase;
mod postings;
mod source;
#[cfg(test)]
mod tests;
mod together;
mod vocabulary;
mod words;
mod write;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use frontdesk_domain::Timestamp;
use frontdesk_domain::query::Expr;
use frontdesk_durable::Dir;
use roaring::RoaringBitmap;

pub(crate) use blocks::Fault;
use blocks::Result;
use builder::FACET_BORDER;
pub(crate) use contains::Offer;
use dictionary::Dictionary;
use documents::Documents;
pub(crate) use feed::{Fed, Feed};
pub(crate) use file::IndexFile;
pub(crate) use maintain::{removed, settle};
pub(crate) use manifest::Manifest;
pub(crate) use meeting::{Meeting, Term};
pub(crate) use opened::Opened;
use source::Which;

use super::cursor::Rank;
use crate::layout;

/// Rows that could be read one after another in the time it takes to find the document of a sequence.
const LOOKUP: u64 = 256;

/// The index of an archive as one manifest names it.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) manifest: Manifest,
    /// The files that can be used.
    pub(crate) files: Vec<Part>,
    /// The sequences of the files that cannot.
    pub(crate) broken: Vec<RangeInclusive<u64>>,
}

/// A file and what is dead in it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) file: Arc<IndexFile>,
    pub(crate) dead: RoaringBitmap,
}

/// How often a file may be merged away between reading the manifest and opening it.
const LOOKS: u32 = 5;

impl Index {
    /// Opens what the manifest names and is not `opened` yet; `None` when there is no index. Files of which the first
    /// sequence is in `avoid` are taken as broken.
    ///
    /// # Errors
    /// Why there is a manifest that cannot be used.
    pub(crate) fn open(
        dir: &dyn Dir,
        archive: &[u8; 16],
        avoid: &BTreeSet<u64>,
        opened: &Opened,
    ) -> Result<Option<Arc<Self>>> {
        let mut looks = 0;
        'again: loop {
            looks += 1;
            let Some(bytes) = Manifest::bytes(dir)? else { return Ok(None) };
            if avoid.is_empty()
                && let Some(index) = opened.index(&bytes)
            {
                return Ok(Some(index));
            }
            let manifest = Manifest::read_from(&bytes, archive)?;
            let (mut files, mut broken): (Vec<Part>, _) = (Vec::new(), Vec::new());
            for listed in &manifest.files {
                let entry = listed.entry;
                if avoid.contains(&entry.first) {
                    broken.push(entry.first..=entry.last);
                    continue;
                }
                match opened.file(dir, archive, entry) {
                    Ok(file) => files.push(Part { file, dead: listed.dead.clone() }),
                    Err(fault) if fault.is_missing() && looks < LOOKS => continue 'again,
                    Err(fault) => {
                        tracing::warn!(%fault, "a file of the search index is left out");
                        broken.push(entry.first..=entry.last);
                    }
                }
            }
            let index = Arc::new(Self { manifest, files, broken });
            opened.keep(bytes, &index);
            return Ok(Some(index));
        }
    }
}

/// Reads all of the index and gives the paths of what is damaged in it. A search reads the segments in its place.
pub(crate) fn damaged(dir: &dyn Dir, archive: &[u8; 16]) -> Vec<String> {
    let manifest = match Manifest::read(dir, archive) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => return Vec::new(),
        Err(_) => return vec![layout::SEARCH_MANIFEST.to_owned()],
    };
    let entries = manifest.files.iter().map(|listed| listed.entry);
    let wrong =
        entries.filter(|entry| IndexFile::open(dir, archive, *entry).and_then(|file| file.check()).is_err());
    wrong.map(|entry| layout::index_file(entry.number)).collect()
}

impl IndexFile {
    /// The documents a token is in. Opaque documents are in none of these sets.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn exact(&self, token: &str) -> Result<RoaringBitmap> {
        self.one(Which::Text, token)
    }

    /// The documents with a token that begins with `prefix`.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn prefixed(&self, prefix: &str) -> Result<RoaringBitmap> {
        let mut dictionary = Dictionary::new(self, Which::Text);
        let numbers = dictionary.prefixed(prefix.as_bytes())?;
        dictionary.union(numbers)
    }

    /// The documents that have a facet: a field by the name the query language gives it, and a folded value.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn facet(&self, field: &str, value: &str) -> Result<RoaringBitmap> {
        self.one(Which::Facets, &Self::facet_term(field, value))
    }

    /// A facet as a word of its dictionary.
    pub(crate) fn facet_term(field: &str, value: &str) -> String {
        format!("{field}{FACET_BORDER}{value}")
    }

    /// Calls `each` with every folded value of a field and the documents that have it.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn values(&self, field: &str, mut each: impl FnMut(&str, &RoaringBitmap)) -> Result<()> {
        let mut dictionary = Dictionary::new(self, Which::Facets);
        let term = format!("{field}{FACET_BORDER}");
        for number in dictionary.prefixed(term.as_bytes())? {
            let row = dictionary.row(number)?;
            let set = dictionary.documents(&row)?;
            let value = dictionary.word(&row)?.get(term.len()..).unwrap_or_default();
            each(std::str::from_utf8(value).map_err(|_| Fault::Damaged("a word is no text"))?, &set);
        }
        Ok(())
    }

    /// The documents that must be read to be judged: some of their tokens, or of their facets, are not in the file.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn must_be_read(&self, facets: bool) -> Result<&RoaringBitmap> {
        self.opaque(if facets { Which::Facets } else { Which::Text })
    }

    /// Sequence and start of a document.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn ranks<'f>(
        &'f self,
        documents: impl IntoIterator<Item = u32> + 'f,
    ) -> impl Iterator<Item = Result<Rank>> + 'f {
        let mut rows = Documents::new(self);
        documents.into_iter().map(move |document| rows.rank(document))
    }

    /// Sequence and start of documents, as they are asked for.
    pub(crate) fn rank_reader(&self) -> impl FnMut(u32) -> Result<Rank> + '_ {
        let mut rows = Documents::new(self);
        move |document| rows.rank(document)
    }

    /// The rank of the first document, which is the newest; `None` in a file that has none.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn newest(&self) -> Result<Option<Rank>> {
        if self.entry.documents == 0 {
            return Ok(None);
        }
        match self.newest.get() {
            Some(rank) => Ok(Some(*rank)),
            None => {
                let rank = Documents::new(self).rank(0)?;
                Ok(Some(*self.newest.get_or_init(|| rank)))
            }
        }
    }

    /// The first document behind a place in the order of hits.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn behind(&self, place: Rank) -> Result<u32> {
        let mut rows = Documents::new(self);
        let (mut low, mut high) = (0, self.entry.documents);
        while low < high {
            let middle = low + (high - low) / 2;
            if rows.rank(middle)? >= place { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// The first document that did not start at `time` or later.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn started_before(&self, time: Timestamp) -> Result<u32> {
        self.behind(Rank { started_at: Some(Expr::border(time)), sequence: 0 })
    }

    /// The documents of these sequences.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn of_sequences(&self, sequences: impl IntoIterator<Item = u64>) -> Result<RoaringBitmap> {
        let mut rows = Documents::new(self);
        let range = self.entry.first..=self.entry.last;
        let mut found = RoaringBitmap::new();
        for sequence in sequences {
            if range.contains(&sequence) {
                found.extend(rows.find(sequence)?);
            }
        }
        Ok(found)
    }

    /// The same for many in order: what would be looked up more often than there are rows to read is not.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn of_sorted(&self, sequences: &[u64]) -> Result<RoaringBitmap> {
        if sequences.len() as u64 * LOOKUP < u64::from(self.entry.documents) {
            return self.of_sequences(sequences.iter().copied());
        }
        let mut found = RoaringBitmap::new();
        for (document, rank) in (0..).zip(self.ranks(0..self.entry.documents)) {
            if sequences.binary_search(&rank?.sequence).is_ok() {
                found.insert(document);
            }
        }
        Ok(found)
    }

    fn one(&self, which: Which, word: &str) -> Result<RoaringBitmap> {
        let mut dictionary = Dictionary::new(self, which);
        let Some(row) = dictionary.find(word.as_bytes())? else { return Ok(RoaringBitmap::new()) };
        dictionary.documents(&row)
    }
}
