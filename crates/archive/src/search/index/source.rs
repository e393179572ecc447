//! What an index file is made from: documents in memory, or files that are merged.

use roaring::RoaringBitmap;

use super::blocks::Result;
use crate::search::cursor::Rank;

/// One of the two dictionaries of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Tokens of what was said.
    Text,
    /// `KEY U+0001 VALUE`, the value folded.
    Facets,
}

/// Documents in order of their rank, newest first, numbered from 0.
pub(super) trait Source {
    /// How many there are, the dead ones too.
    fn documents(&self) -> u32;

    /// Sequence and start of a document.
    fn rank(&mut self, document: u32) -> Result<Rank>;

    /// Whether a document is still a latest version that is kept.
    fn is_living(&self, document: u32) -> bool;

    /// The document at a place in the order of sequences.
    fn at_place(&mut self, place: u32) -> Result<u32>;

    /// A document's tokens, spelled in the source's codes.
    fn tokens(&mut self, document: u32) -> Result<&[u8]>;

    /// How many codes there are.
    fn codes(&self) -> u32;

    /// Documents of which the dictionary does not have everything.
    fn opaque(&self, which: Which) -> &RoaringBitmap;

    /// Documents that have a space between two words, and others that have one elsewhere.
    fn spaced(&self) -> &RoaringBitmap;

    /// The terms of a dictionary, from the first on.
    fn terms(&self, which: Which) -> Result<Box<dyn Terms + '_>>;
}

/// A place among the terms of a dictionary, which are sorted by their bytes.
pub(super) trait Terms {
    /// The term; `None` behind the last.
    fn word(&self) -> Option<&[u8]>;

    /// Its code.
    fn code(&self) -> u32;

    /// In how many documents it is, the dead ones too.
    fn count(&self) -> u32;

    /// Calls `each` with the documents it is in, in order: in one piece or several, which may be put into `room`.
    fn documents(&mut self, room: &mut Vec<u32>, each: &mut dyn FnMut(&[u32]) -> Result<()>) -> Result<()>;

    /// Goes to the next.
    fn advance(&mut self) -> Result<()>;
}
