//! The bytes of an index file: written once from front to back, read in blocks of which each has a checksum.

use std::fmt;
use std::io;
use std::sync::Arc;

use frontdesk_durable::{Dir, ReadAt, WriteAt};

use super::held::Held;

/// Bytes that share a checksum. Small enough that looking one word up reads little, large enough that checksums
/// are a quarter of a thousandth of a file.
pub(super) const BLOCK: usize = 16 * 1024;

/// Bytes written at a time.
const BATCH: usize = 16 * BLOCK;

/// Bytes read at a time by whoever reads from front to back.
const AHEAD: usize = 256 * 1024;

/// The same for whoever merges: it reads six places of eight files side by side.
const AHEAD_OF_MANY: usize = 2 * BLOCK;

/// Why an index file, or the index, cannot be used. None of it is an error of the archive: what an index cannot say is
/// read from the segments.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Its bytes are not what was written.
    Damaged(&'static str),
    /// It could not be read.
    Unreadable(io::Error),
}

impl Fault {
    /// Whether a file was not there: another one may have taken its place.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Unreadable(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what) => f.write_str(what),
            Self::Unreadable(error) => write!(f, "it cannot be read: {}", error.kind()),
        }
    }
}

impl std::error::Error for Fault {}

pub(super) type Result<T> = std::result::Result<T, Fault>;

/// A stretch of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Span {
    /// A stretch within this one; damage when it reaches beyond.
    pub(super) fn within(self, offset: u64, length: u64) -> Result<Self> {
        match offset.checked_add(length) {
            Some(end) if end <= self.length => Ok(Self { offset: self.offset + offset, length }),
            _ => Err(Fault::Damaged("a place lies beyond its section")),
        }
    }
}

/// A file whose blocks are compared with their checksums whenever they are read.
#[derive(Debug)]
pub(super) struct Blocks {
    file: Box<dyn ReadAt>,
    /// Bytes that the checksums cover.
    length: u64,
    sums: Vec<u32>,
    /// What stays in memory, for who answers many searches.
    held: Option<Arc<Held>>,
}

impl Blocks {
    /// With `held`, blocks that are read here and there are held in it.
    pub(super) fn new(file: Box<dyn ReadAt>, length: u64, sums: Vec<u32>, held: Option<Arc<Held>>) -> Self {
        Self { file, length, sums, held }
    }

    /// What is held.
    pub(super) fn held(&self) -> Option<&Arc<Held>> {
        self.held.as_ref()
    }

    /// A reader for places that lie anywhere and are looked at again and again: where blocks are held, they are.
    pub(super) fn window(&self) -> Window<'_> {
        Window { held: self.held.as_deref(), ..self.passing() }
    }

    /// The same for places that few look at.
    pub(super) fn passing(&self) -> Window<'_> {
        Window { blocks: self, held: None, buffer: Vec::new(), from: 0, ahead: BLOCK }
    }

    /// A reader for places that come one after the other.
    pub(super) fn stream(&self) -> Window<'_> {
        Window { ahead: AHEAD, ..self.passing() }
    }

    /// The same for whoever reads many files at once.
    pub(super) fn narrow_stream(&self) -> Window<'_> {
        Window { ahead: AHEAD_OF_MANY, ..self.passing() }
    }

    /// Reads everything and compares it.
    pub(super) fn check(&self) -> Result<()> {
        let mut window = self.stream();
        let mut at = 0;
        while at < self.length {
            let length = (self.length - at).min(AHEAD as u64);
            window.read(Span { offset: at, length })?;
            at += length;
        }
        Ok(())
    }

    /// Fills `buffer` with the blocks that hold a stretch and some more; says where the first begins.
    fn fill(&self, span: Span, ahead: usize, buffer: &mut Vec<u8>) -> Result<u64> {
        let end = span.offset + span.length;
        if end > self.length {
            return Err(Fault::Damaged("a place lies beyond the file"));
        }
        let first = span.offset / BLOCK as u64;
        let from = first * BLOCK as u64;
        let until = end.max(from + ahead as u64).next_multiple_of(BLOCK as u64).min(self.length);
        let bytes = usize::try_from(until - from).map_err(io::Error::other)?;
        buffer.resize(bytes, 0);
        self.file.read_exact_at(from, buffer)?;
        let sums = usize::try_from(first).ok().and_then(|first| self.sums.get(first..)).unwrap_or_default();
        let mut blocks = buffer.chunks(BLOCK).zip(sums);
        if !blocks.all(|(block, sum)| libdeflater::crc32(block) == *sum) {
            return Err(Fault::Damaged("the checksum of a block does not match"));
        }
        Ok(from)
    }
}

/// Reads places of a file, and keeps the blocks it read last.
pub(super) struct Window<'b> {
    blocks: &'b Blocks,
    held: Option<&'b Held>,
    buffer: Vec<u8>,
    from: u64,
    ahead: usize,
}

impl Window<'_> {
    /// The bytes of a stretch.
    #[inline]
    pub(super) fn read(&mut self, span: Span) -> Result<&[u8]> {
        let bytes = self.at_hand(span)?;
        Ok(&bytes[..span.length as usize])
    }

    /// What lies from the beginning of a stretch on: all of it, and whatever of the file is at hand behind it.
    #[inline]
    fn at_hand(&mut self, span: Span) -> Result<&[u8]> {
        if let Some(held) = self.held {
            let (number, start) = (span.offset / BLOCK as u64, (span.offset % BLOCK as u64) as usize);
            let bytes = held.get(number as usize).and_then(|block| block.get(start..));
            if let Some(bytes) = bytes
                && bytes.len() as u64 >= span.length
            {
                return Ok(bytes);
            }
        }
        let reach = self.from + self.buffer.len() as u64;
        if span.offset < self.from || span.offset + span.length > reach {
            self.refill(span)?;
        }
        let start = (span.offset - self.from) as usize;
        Ok(&self.buffer[start..])
    }

    /// Puts a stretch together out of blocks that are held; `false` where one of them is not.
    fn gather(&mut self, held: &Held, span: Span) -> bool {
        let end = span.offset + span.length;
        self.from = span.offset;
        self.buffer.clear();
        let mut at = span.offset;
        while at < end {
            let start = at % BLOCK as u64;
            let length = (BLOCK as u64 - start).min(end - at);
            let block = held.get((at / BLOCK as u64) as usize);
            let Some(part) = block.and_then(|block| block.get(start as usize..(start + length) as usize))
            else {
                self.buffer.clear();
                return false;
            };
            self.buffer.extend_from_slice(part);
            at += length;
        }
        true
    }

    #[cold]
    fn refill(&mut self, span: Span) -> Result<()> {
        if let Some(held) = self.held
            && span.length > 0
            && self.gather(held, span)
        {
            return Ok(());
        }
        match self.blocks.fill(span, self.ahead, &mut self.buffer) {
            Ok(from) => {
                self.from = from;
                if let Some(held) = self.held {
                    for (number, block) in (from as usize / BLOCK..).zip(self.buffer.chunks(BLOCK)) {
                        held.put(number, block);
                    }
                }
                Ok(())
            }
            Err(fault) => {
                self.buffer.clear();
                Err(fault)
            }
        }
    }

    /// What is kept from a place on, at least `length` bytes of it if the stretch has so many.
    pub(super) fn kept_from(&mut self, offset: u64, length: u64, section: Span) -> Result<&[u8]> {
        let rest = section.length.saturating_sub(offset);
        let span = section.within(offset, length.min(rest))?;
        let bytes = self.at_hand(span)?;
        Ok(&bytes[..bytes.len().min(rest as usize)])
    }

    /// The bytes of an array.
    pub(super) fn array<const N: usize>(&mut self, section: Span, offset: u64) -> Result<[u8; N]> {
        let bytes = self.read(section.within(offset, N as u64)?)?;
        bytes.first_chunk().copied().ok_or(Fault::Damaged("a place lies beyond its section"))
    }
}

/// Writes a file from front to back.
#[derive(Debug)]
pub(super) struct BlockWriter {
    file: Box<dyn WriteAt>,
    buffer: Vec<u8>,
    written: u64,
    sums: Vec<u32>,
}

impl BlockWriter {
    pub(super) fn create(dir: &dyn Dir, path: &str) -> io::Result<Self> {
        Ok(Self { file: dir.create(path)?, buffer: Vec::new(), written: 0, sums: Vec::new() })
    }

    /// Where the next byte goes.
    pub(super) fn position(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BATCH {
            let whole = self.buffer.len() / BLOCK * BLOCK;
            self.flush(whole)?;
        }
        Ok(())
    }

    fn flush(&mut self, bytes: usize) -> io::Result<()> {
        self.sums.extend(self.buffer[..bytes].chunks(BLOCK).map(libdeflater::crc32));
        self.file.write_at(self.written, &self.buffer[..bytes])?;
        self.written += bytes as u64;
        self.buffer.drain(..bytes);
        Ok(())
    }

    /// Ends what has checksums; gives them, and the file to end it with.
    pub(super) fn finish(mut self) -> io::Result<(Box<dyn WriteAt>, u64, Vec<u32>)> {
        self.flush(self.buffer.len())?;
        Ok((self.file, self.written, self.sums))
    }
}
