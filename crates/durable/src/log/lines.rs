//! Reading a log without changing it.

use std::io;

use crate::dir::{Dir, ReadAt};
use crate::hash::{Sha256Hash, sha256};
use crate::log::chain::Chain;
use crate::log::error::{Damage, LogError, LogErrorKind};
use crate::log::line::{Line, MAX_APPEND_BYTES, read_line};
use crate::log::survey::{Head, LogPlace, Survey, TornTail, survey};

/// How much is read at once.
const CHUNK: usize = 64 << 10;

/// A log open for reading only: nothing is ever changed, a torn tail is reported and left where it is.
///
/// Opening checks every line; what is appended afterwards is not seen.
#[derive(Debug)]
pub struct LogReader {
    path: String,
    file: Box<dyn ReadAt>,
    from: LogPlace,
    survey: Survey,
}

impl LogReader {
    /// Opens a log that is there and checks it from the first line to the last. `seed` is the one it was made with.
    ///
    /// # Errors
    ///
    /// [`LogErrorKind::Damage`] with the first bad line; [`LogErrorKind::Io`], `NotFound` among it.
    pub fn open(dir: &dyn Dir, path: &str, seed: Sha256Hash) -> Result<Self, LogError> {
        Self::open_from(dir, path, LogPlace::start(seed))
    }

    /// The same from a place on: what lies before it is neither read nor checked.
    ///
    /// # Errors
    ///
    /// As [`LogReader::open`]; damage where the log is shorter than that, or does not go on from there.
    pub fn open_from(dir: &dyn Dir, path: &str, from: LogPlace) -> Result<Self, LogError> {
        let file = dir.open_read(path).map_err(|error| LogError::new("open", path, error))?;
        let survey = survey(&*file, from).map_err(|kind| LogError::new("open", path, kind))?;
        Ok(Self { path: path.to_owned(), file, from, survey })
    }

    /// Behind the last whole line.
    #[must_use]
    pub fn place(&self) -> LogPlace {
        LogPlace { offset: self.survey.end, head: self.survey.head }
    }

    /// The last whole line.
    #[must_use]
    pub fn head(&self) -> Head {
        self.survey.head
    }

    /// What lies behind the last whole line: an append in progress, or one that a crash interrupted.
    #[must_use]
    pub fn torn(&self) -> Option<TornTail> {
        self.survey.torn
    }

    /// The lines from the first, or the one behind the place, to the head, each checked again as it is read.
    #[must_use]
    pub fn lines(&self) -> Lines<'_> {
        Lines::from(&self.path, &*self.file, self.from, self.survey.end)
    }
}

/// The lines of a log in order. It ends after the first error.
#[derive(Debug)]
pub struct Lines<'a> {
    path: &'a str,
    pieces: Pieces<'a>,
    chain: Chain,
    done: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(path: &'a str, file: &'a dyn ReadAt, seed: Sha256Hash, end: u64) -> Self {
        Self::from(path, file, LogPlace::start(seed), end)
    }

    fn from(path: &'a str, file: &'a dyn ReadAt, from: LogPlace, end: u64) -> Self {
        Self { path, pieces: Pieces::new(file, from.offset, end), chain: Chain::at(from.head), done: false }
    }

    fn read(&mut self) -> Result<Option<Line>, LogErrorKind> {
        let line = self.chain.lines + 1;
        let bytes = match self.pieces.next()? {
            Piece::Line(bytes) => bytes,
            Piece::End => return Ok(None),
            Piece::Unended => return Err(Damage { line, what: "it has no end" }.into()),
        };
        let hash = sha256(&bytes);
        let checked = read_line(&bytes).and_then(|(prev, place)| self.chain.accept(prev, place, hash));
        checked.map_err(|what| Damage { line, what })?;
        Ok(Some(Line::new(line, hash, bytes)))
    }
}

impl Iterator for Lines<'_> {
    type Item = Result<Line, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let item = self.read().map_err(|kind| LogError::new("read", self.path, kind)).transpose();
        self.done = !matches!(item, Some(Ok(_)));
        item
    }
}

/// A stretch of the file.
pub(super) enum Piece {
    /// What stands before a newline, without it.
    Line(Vec<u8>),
    /// Bytes without a newline up to the end, or more of them than any line can have.
    Unended,
    /// Nothing.
    End,
}

/// Cuts a file at its newlines, holding one line at a time.
#[derive(Debug)]
pub(super) struct Pieces<'a> {
    file: &'a dyn ReadAt,
    /// Where reading stops.
    end: u64,
    /// Up to where the file was read.
    read: u64,
    /// What was read and not given out, from `start` on.
    buffer: Vec<u8>,
    start: usize,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(file: &'a dyn ReadAt, begin: u64, end: u64) -> Self {
        Self { file, end, read: begin, buffer: Vec::new(), start: 0 }
    }

    /// The offset of the next piece.
    pub(super) fn offset(&self) -> u64 {
        self.read - (self.buffer.len() - self.start) as u64
    }

    pub(super) fn next(&mut self) -> io::Result<Piece> {
        let mut searched = self.start;
        loop {
            if let Some(found) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let end = searched + found;
                let line = self.buffer[self.start..end].to_vec();
                self.start = end + 1;
                return Ok(Piece::Line(line));
            }
            let held = self.buffer.len() - self.start;
            if held as u64 > MAX_APPEND_BYTES {
                return Ok(Piece::Unended);
            }
            if !self.fill()? {
                return Ok(if held == 0 { Piece::End } else { Piece::Unended });
            }
            searched = self.start + held;
        }
    }

    /// Reads another chunk behind what is held; `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let held = self.buffer.len();
        let want = usize::try_from(self.end - self.read).unwrap_or(CHUNK).min(CHUNK);
        self.buffer.resize(held + want, 0);
        let read = self.file.read_at(self.read, &mut self.buffer[held..]);
        self.buffer.truncate(held + *read.as_ref().unwrap_or(&0));
        self.read += read.as_ref().map_or(0, |read| *read as u64);
        Ok(read? > 0)
    }
}
