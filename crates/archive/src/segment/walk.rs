//! Hopping from header to header through one segment file, and over what cannot be read.

use std::io;
use std::ops::Range;

use frontdesk_durable::ReadAt;
use memchr::memmem;

use super::header::{Fault, GZIP_START, Hash, Header};

/// Bytes read at a time. A larger member is read whole.
const WINDOW: usize = 256 * 1024;

/// More than any header has: twelve bytes and the longest extra field.
const LONGEST_HEADER: usize = 66_000;

/// A member found in a segment file.
#[derive(Debug)]
pub(crate) struct Located {
    /// Where its header begins in the file.
    pub(crate) offset: u64,
    pub(crate) header: Header,
    pub(crate) header_length: usize,
    /// SHA-256 of its header.
    pub(crate) hash: Hash,
    /// Set when the member is not the one that belongs here: another archive's, another segment's,
    /// or not the successor of the one before.
    pub(crate) misplaced: Option<&'static str>,
    /// Its packed bytes, in [`Batch::bytes`].
    pub(crate) packed: Range<usize>,
}

impl Located {
    /// Bytes of the whole member.
    pub(crate) fn length(&self) -> u64 {
        (self.header_length + self.packed.len()) as u64
    }

    /// The first byte after it.
    pub(crate) fn end(&self) -> u64 {
        self.offset + self.length()
    }
}

/// Whole members that lie one after the other, as they were read.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) bytes: Vec<u8>,
    pub(crate) members: Vec<Located>,
}

/// What comes next in a segment file.
#[derive(Debug)]
pub(crate) enum Step {
    Members(Batch),
    /// No member begins at `offset`; the next one that can be read is at `until`, or that is the end.
    Unreadable {
        offset: u64,
        until: u64,
        fault: Fault,
        /// Whether a member follows.
        followed: bool,
    },
}

/// What a segment must say about itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity {
    pub(crate) archive: [u8; 16],
    pub(crate) segment: u32,
}

/// Where a walk begins: at the start of a file, or after a member that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    /// The number of the member that begins there.
    pub(crate) number: u32,
    /// The hash of the header before it.
    pub(crate) previous: Hash,
}

impl Place {
    pub(crate) const START: Self = Self { offset: 0, number: 0, previous: [0; 32] };
}

/// A walk over the members of one file up to a given end.
pub(crate) struct Walk<'f> {
    file: &'f dyn ReadAt,
    identity: Identity,
    place: Place,
    /// Whether `place.previous` is known.
    linked: bool,
    end: u64,
    /// Bytes of the file from `place.offset` on that were read with the batch before.
    left: Vec<u8>,
}

impl<'f> Walk<'f> {
    pub(crate) fn new(file: &'f dyn ReadAt, identity: Identity, from: Place, end: u64) -> Self {
        Self { file, identity, place: from, linked: true, end, left: Vec::new() }
    }

    /// The same walk from a place where the hash of the header before is not known.
    pub(crate) fn unlinked(mut self) -> Self {
        self.linked = false;
        self
    }

    /// Where the walk is: behind the last member it found.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// The next members, or why there are none at this place; `None` at the end.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn step(&mut self) -> io::Result<Option<Step>> {
        if self.place.offset >= self.end {
            return Ok(None);
        }
        let base = self.place.offset;
        let mut bytes = std::mem::take(&mut self.left);
        self.fill(base, &mut bytes, WINDOW)?;
        let mut members = Vec::new();
        let mut at = 0;
        let fault = loop {
            if at == bytes.len() && base + at as u64 == self.end {
                break None;
            }
            match locate(&bytes[at..]) {
                Ok((header, header_length)) => {
                    let packed = at + header_length..at + header_length + header.packed_length as usize;
                    if packed.end > bytes.len() {
                        if !members.is_empty() && base + packed.end as u64 <= self.end {
                            break None; // the next batch begins with it
                        }
                        self.fill(base, &mut bytes, packed.end)?;
                        if packed.end > bytes.len() {
                            break Some(Fault::Short);
                        }
                    }
                    let offset = base + at as u64;
                    let hash = super::header::hash(&bytes[at..at + header_length]);
                    let misplaced = self.misplaced(&header);
                    at = packed.end;
                    self.linked = true;
                    self.place = Place {
                        offset: base + at as u64,
                        number: header.number.wrapping_add(1),
                        previous: hash,
                    };
                    members.push(Located { offset, header, header_length, hash, misplaced, packed });
                    if at >= WINDOW {
                        break None;
                    }
                }
                Err(Fault::Short) if base + (bytes.len() as u64) < self.end => {
                    if !members.is_empty() {
                        break None;
                    }
                    let before = bytes.len();
                    self.fill(base, &mut bytes, before.max(LONGEST_HEADER))?;
                    if bytes.len() == before {
                        break Some(Fault::Short);
                    }
                }
                Err(fault) => break Some(fault),
            }
        };
        if !members.is_empty() {
            self.left = bytes.split_off(at);
            return Ok(Some(Step::Members(Batch { bytes, members })));
        }
        let Some(fault) = fault else { return Ok(None) };
        self.skip(fault).map(Some)
    }

    /// Goes to the next place where a member of this archive begins.
    fn skip(&mut self, fault: Fault) -> io::Result<Step> {
        let offset = self.place.offset;
        let finder = memmem::Finder::new(&GZIP_START);
        let mut base = offset + 1;
        let mut window = Vec::new();
        while base < self.end {
            window.clear();
            self.fill(base, &mut window, WINDOW)?;
            for at in finder.find_iter(&window) {
                let start = base + at as u64;
                let mut member = window[at..window.len().min(at + 16)].to_vec();
                self.fill(start, &mut member, 16)?;
                let Ok(header_length) = Header::length(&member) else { continue };
                self.fill(start, &mut member, header_length)?;
                let Ok((header, header_length)) = locate(&member) else { continue };
                let member_end = start + header_length as u64 + u64::from(header.packed_length);
                if header.archive == self.identity.archive && member_end <= self.end {
                    self.place = Place { offset: start, number: header.number, previous: header.previous };
                    self.left = Vec::new();
                    return Ok(Step::Unreadable { offset, until: start, fault, followed: true });
                }
            }
            if base + window.len() as u64 >= self.end || window.len() < GZIP_START.len() {
                break; // the end, or the file is shorter than it was said to be
            }
            // The start of a member may lie across two windows.
            base += (window.len() - (GZIP_START.len() - 1)) as u64;
        }
        self.place.offset = self.end;
        self.left = Vec::new();
        Ok(Step::Unreadable { offset, until: self.end, fault, followed: false })
    }

    fn misplaced(&self, header: &Header) -> Option<&'static str> {
        if header.archive != self.identity.archive {
            Some("a member belongs to another archive")
        } else if header.segment != self.identity.segment {
            Some("a member belongs to another segment")
        } else if header.number != self.place.number {
            Some("a member is missing, doubled or out of order")
        } else if self.linked && header.previous != self.place.previous {
            Some("a member does not follow the one before it")
        } else {
            None
        }
    }

    /// Reads on until `bytes`, which lie at `base`, are `wanted` long or end with the walk.
    fn fill(&self, base: u64, bytes: &mut Vec<u8>, wanted: usize) -> io::Result<()> {
        let wanted = (self.end.saturating_sub(base)).min(wanted as u64) as usize;
        let mut have = bytes.len();
        if have >= wanted {
            return Ok(());
        }
        bytes.resize(wanted, 0);
        while have < wanted {
            match self.file.read_at(base + have as u64, &mut bytes[have..])? {
                0 => break, // the file is shorter than it was said to be
                read => have += read,
            }
        }
        bytes.truncate(have);
        Ok(())
    }
}

fn locate(bytes: &[u8]) -> Result<(Header, usize), Fault> {
    let length = Header::length(bytes)?;
    if bytes.len() < length {
        return Err(Fault::Short);
    }
    Header::decode(bytes)
}
