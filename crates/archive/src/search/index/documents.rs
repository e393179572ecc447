//! The documents of an index file: their ranks, their tokens.

use roaring::RoaringBitmap;

use super::blocks::{Fault, Result, Span, Window};
use super::dictionary::{Dictionary, FileTerms};
use super::file::{IndexFile, Section};
use super::grams;
use super::source::{Source, Terms, Which};
use crate::search::cursor::Rank;

/// Bytes of a row of the documents: sequence, start, where its tokens end.
pub(super) const ROW: u64 = 20;

/// The start of a conversation that has none.
const UNDATED: i64 = i64::MIN;

/// A row of the documents.
pub(super) fn row(rank: Rank, end: u32) -> [u8; ROW as usize] {
    let mut bytes = [0; ROW as usize];
    bytes[..8].copy_from_slice(&rank.sequence.to_le_bytes());
    bytes[8..16].copy_from_slice(&rank.started_at.unwrap_or(UNDATED).to_le_bytes());
    bytes[16..].copy_from_slice(&end.to_le_bytes());
    bytes
}

/// Reads documents of a file.
pub(super) struct Documents<'f> {
    docs: Span,
    order: Span,
    stream: Span,
    doc_window: Window<'f>,
    order_window: Window<'f>,
    stream_window: Window<'f>,
    count: u32,
}

impl<'f> Documents<'f> {
    pub(super) fn new(file: &'f IndexFile) -> Self {
        // Of tokens there is more than of everything else together, and few searches look at them.
        Self { stream_window: file.passing(), ..Self::with(file, IndexFile::window) }
    }

    /// The same for whoever goes through most of one file.
    pub(super) fn in_a_row(file: &'f IndexFile) -> Self {
        Self { stream_window: file.stream(), ..Self::with(file, IndexFile::narrow_stream) }
    }

    /// The same for whoever goes from the first to the last of many files.
    pub(super) fn in_order(file: &'f IndexFile) -> Self {
        Self::with(file, IndexFile::narrow_stream)
    }

    fn with(file: &'f IndexFile, window: impl Fn(&'f IndexFile) -> Window<'f>) -> Self {
        Self {
            docs: file.sections.get(Section::Docs),
            order: file.sections.get(Section::Order),
            stream: file.sections.get(Section::Stream),
            doc_window: window(file),
            order_window: window(file),
            stream_window: window(file),
            count: file.entry.documents,
        }
    }

    pub(super) fn rank(&mut self, document: u32) -> Result<Rank> {
        let [sequence, started_at] = self.numbers(document)?;
        let started_at = i64::from_le_bytes(started_at);
        let started_at = (started_at != UNDATED).then_some(started_at);
        Ok(Rank { started_at, sequence: u64::from_le_bytes(sequence) })
    }

    fn numbers(&mut self, document: u32) -> Result<[[u8; 8]; 2]> {
        let row: [u8; 16] = self.doc_window.array(self.docs, u64::from(document) * ROW)?;
        match row.as_chunks().0 {
            [sequence, started_at] => Ok([*sequence, *started_at]),
            _ => Err(Fault::Damaged("a row is cut short")),
        }
    }

    fn end(&mut self, document: u32) -> Result<u64> {
        let end = self.doc_window.array(self.docs, u64::from(document) * ROW + 16)?;
        Ok(u64::from(u32::from_le_bytes(end)))
    }

    /// The codes of a document's tokens, spelled as [`code`](super::code) does.
    pub(super) fn tokens(&mut self, document: u32) -> Result<&[u8]> {
        let start = match document.checked_sub(1) {
            Some(before) => self.end(before)?,
            None => 0,
        };
        let end = self.end(document)?;
        let length = end.checked_sub(start).ok_or(Fault::Damaged("a document ends before it begins"))?;
        self.stream_window.read(self.stream.within(start, length)?)
    }

    /// The document at a place in the order of sequences.
    fn at_place(&mut self, place: u32) -> Result<u32> {
        let document = u32::from_le_bytes(self.order_window.array(self.order, u64::from(place) * 4)?);
        if document < self.count {
            Ok(document)
        } else {
            Err(Fault::Damaged("a document lies beyond the last"))
        }
    }

    /// The document of a sequence.
    pub(super) fn find(&mut self, sequence: u64) -> Result<Option<u32>> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let document = self.at_place(middle)?;
            match self.rank(document)?.sequence.cmp(&sequence) {
                std::cmp::Ordering::Equal => return Ok(Some(document)),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    /// The documents in order of their sequences, with these.
    pub(super) fn sequences(&mut self, mut each: impl FnMut(u64, u32)) -> Result<()> {
        for place in 0..self.count {
            let document = self.at_place(place)?;
            each(self.rank(document)?.sequence, document);
        }
        Ok(())
    }
}

/// A file that is merged into another.
pub(super) struct FileSource<'f> {
    file: &'f IndexFile,
    documents: Documents<'f>,
    dead: RoaringBitmap,
    spaced: RoaringBitmap,
    opaque: RoaringBitmap,
    facet_opaque: RoaringBitmap,
    codes: u32,
}

impl<'f> FileSource<'f> {
    pub(super) fn new(file: &'f IndexFile, dead: &RoaringBitmap) -> Result<Self> {
        Ok(Self {
            file,
            documents: Documents::in_order(file),
            dead: dead.clone(),
            spaced: grams::find(file, grams::SPACE)?.unwrap_or_default(),
            opaque: file.opaque(Which::Text)?.clone(),
            facet_opaque: file.opaque(Which::Facets)?.clone(),
            codes: Dictionary::new(file, Which::Text).len(),
        })
    }
}

impl Source for FileSource<'_> {
    fn documents(&self) -> u32 {
        self.file.entry.documents
    }

    fn rank(&mut self, document: u32) -> Result<Rank> {
        self.documents.rank(document)
    }

    fn is_living(&self, document: u32) -> bool {
        !self.dead.contains(document)
    }

    fn at_place(&mut self, place: u32) -> Result<u32> {
        self.documents.at_place(place)
    }

    fn tokens(&mut self, document: u32) -> Result<&[u8]> {
        self.documents.tokens(document)
    }

    fn spaced(&self) -> &RoaringBitmap {
        &self.spaced
    }

    fn codes(&self) -> u32 {
        self.codes
    }

    fn opaque(&self, which: Which) -> &RoaringBitmap {
        match which {
            Which::Text => &self.opaque,
            Which::Facets => &self.facet_opaque,
        }
    }

    fn terms(&self, which: Which) -> Result<Box<dyn Terms + '_>> {
        Ok(Box::new(FileTerms::new(self.file, which)?))
    }
}
