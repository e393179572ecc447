//! What was fetched of one conversation, on disk in the order it came.
//!
//! A file of frames: kind (1 byte), hash of the id (8 bytes), length (4 bytes), then that many bytes; numbers are
//! little-endian. Of a message that is kept the bytes are the message; of one that is filtered out there are none, only
//! its id must be known again; of a finding, and of what became of a media link, they are its JSON. How much of the file counts is in the checkpoint: what is
//! behind that was written by a page that was not recorded any more, and is cut off.

use std::io;
use std::sync::Arc;

use frontdesk_durable::{Dir, ReadAt, WriteAt, parent};

const HEAD: usize = 13;
const BUFFER: usize = 64 << 10;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Kept,
    Filtered,
    Finding,
    Media,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Kept, Self::Filtered, Self::Finding, Self::Media];

    fn code(self) -> u8 {
        match self {
            Self::Kept => 1,
            Self::Filtered => 2,
            Self::Finding => 3,
            Self::Media => 4,
        }
    }
}

/// Appends a frame to what is to be written.
pub(crate) fn push(out: &mut Vec<u8>, kind: Kind, id_hash: u64, bytes: &[u8]) {
    out.push(kind.code());
    out.extend_from_slice(&id_hash.to_le_bytes());
    // An element of a page has at most 64 MiB.
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// One conversation's file.
#[derive(Debug)]
pub(crate) struct Spill {
    dir: Arc<dyn Dir>,
    path: String,
    file: Box<dyn WriteAt>,
    end: u64,
}

impl Spill {
    /// Opens the file and cuts it to its first `keep` bytes; makes it where there is none. `None` when it is shorter:
    /// then what the checkpoint says is gone, and the history begins anew.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn open(dir: &Arc<dyn Dir>, path: &str, keep: u64) -> io::Result<Option<Self>> {
        let mut file = match dir.open_write(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && keep == 0 => {
                let file = dir.create(path)?;
                dir.sync_dir(parent(path))?;
                file
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let len = file.len()?;
        if len < keep {
            return Ok(None);
        }
        if len > keep {
            file.set_len(keep)?;
        }
        Ok(Some(Self { dir: Arc::clone(dir), path: path.to_owned(), file, end: keep }))
    }

    /// Appends frames, durably, and says where the file ends then.
    ///
    /// # Errors
    /// What the system says; the file takes no more then.
    pub(crate) fn append(&mut self, frames: &[u8]) -> io::Result<u64> {
        if !frames.is_empty() {
            self.file.write_at(self.end, frames)?;
            self.file.sync_data()?;
            self.end += frames.len() as u64;
        }
        Ok(self.end)
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.end = 0;
        Ok(())
    }

    /// Forgets what is behind a place.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn cut(&mut self, end: u64) -> io::Result<()> {
        self.file.set_len(end)?;
        self.end = end;
        Ok(())
    }

    /// The frames from the first.
    pub(crate) fn frames(&self) -> Frames<'_> {
        Frames::new(&*self.file, 0, self.end, BUFFER)
    }

    pub(crate) fn file(&self) -> &dyn ReadAt {
        &*self.file
    }

    /// Where it ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn dir(&self) -> &Arc<dyn Dir> {
        &self.dir
    }

    /// The file's path; files of its own kin may be called like it, with something behind.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

/// A frame that was read.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) id_hash: u64,
    pub(crate) bytes: Vec<u8>,
}

/// Reads the frames in a range of a file, one after the other.
#[derive(Debug)]
pub(crate) struct Frames<'f> {
    file: &'f dyn ReadAt,
    /// Where the buffer ends in the file.
    at: u64,
    end: u64,
    buffer: Vec<u8>,
    taken: usize,
    size: usize,
}

impl<'f> Frames<'f> {
    /// Frames between two places, with a buffer of `size` bytes.
    pub(crate) fn new(file: &'f dyn ReadAt, from: u64, end: u64, size: usize) -> Self {
        Self { file, at: from, end, buffer: Vec::new(), taken: 0, size }
    }

    /// Where the next one begins.
    pub(crate) fn position(&self) -> u64 {
        self.at - (self.buffer.len() - self.taken) as u64
    }

    /// The next one.
    ///
    /// # Errors
    /// What the system says; `InvalidData` when what is there is no frame.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        if self.taken == self.buffer.len() && self.at == self.end {
            return Ok(None);
        }
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "the working file of a history is damaged");
        let mut head = [0; HEAD];
        self.fill(&mut head)?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.code() == head[0]).ok_or_else(bad)?;
        let id_hash = head[1..9].iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let length = head[9..].iter().rev().fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        let left = (self.end - self.at) + (self.buffer.len() - self.taken) as u64;
        if length > left {
            return Err(bad());
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.fill(&mut bytes)?;
        Ok(Some(Frame { kind, id_hash, bytes }))
    }

    fn fill(&mut self, mut out: &mut [u8]) -> io::Result<()> {
        while !out.is_empty() {
            if self.taken == self.buffer.len() {
                let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
                self.buffer.resize(left.min(self.size), 0);
                self.taken = 0;
                // Nothing left is an end inside of a frame.
                self.file.read_exact_at(self.at, &mut self.buffer)?;
                self.at += self.buffer.len() as u64;
                if self.buffer.is_empty() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            let part = out.len().min(self.buffer.len() - self.taken);
            let (now, later) = out.split_at_mut(part);
            now.copy_from_slice(&self.buffer[self.taken..self.taken + part]);
            self.taken += part;
            out = later;
        }
        Ok(())
    }
}
