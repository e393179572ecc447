//! Going through a whole log: where its last good line ends, and whether what follows is a torn append or damage.

use crate::dir::ReadAt;
use crate::hash::{Sha256Hash, sha256};
use crate::log::chain::Chain;
use crate::log::error::{Damage, LogErrorKind};
use crate::log::line::{MAX_APPEND_BYTES, read_line, read_place};
use crate::log::lines::{Piece, Pieces};

/// A disk writes a sector whole or not at all; a sector that was not written reads as zeros.
const SECTOR: u64 = 512;

/// The last line of a log: how many there are, and the hash the next one will carry.
///
/// Whoever keeps a head elsewhere can tell later that the log it belongs to was not shortened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of lines.
    pub lines: u64,
    /// SHA-256 of the last line without its newline; of an empty log, its seed.
    pub hash: Sha256Hash,
}

/// Bytes behind the last whole line, left by an append that a crash interrupted. Nothing of it was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornTail {
    /// Where it begins in the file.
    pub offset: u64,
    /// How many bytes it has; at least 1.
    pub len: u64,
}

/// A place in a log behind a whole append: where reading on begins.
///
/// What lies before it is not looked at again, so whoever keeps one trusts what it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPlace {
    pub(super) offset: u64,
    pub(super) head: Head,
}

impl LogPlace {
    /// Before the first line of a log that was made with this seed.
    #[must_use]
    pub fn start(seed: Sha256Hash) -> Self {
        Self { offset: 0, head: Head { lines: 0, hash: seed } }
    }
}

/// What a log holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Survey {
    pub(super) head: Head,
    /// Where the last whole line ends.
    pub(super) end: u64,
    /// Where the last append (a line or a group) begins; `end` when there is none.
    pub(super) last_append: u64,
    pub(super) torn: Option<TornTail>,
}

/// Checks every line of a log from a place on.
pub(super) fn survey(file: &dyn ReadAt, from: LogPlace) -> Result<Survey, LogErrorKind> {
    let len = file.len()?;
    if len < from.offset {
        return Err(Damage { line: from.head.lines, what: "it is gone, and those before it may be" }.into());
    }
    let mut pieces = Pieces::new(file, from.offset, len);
    let mut chain = Chain::at(from.head);
    let mut good = Survey { head: from.head, end: from.offset, last_append: from.offset, torn: None };
    loop {
        let at = pieces.offset();
        let what = match pieces.next()? {
            Piece::End => None,
            Piece::Unended => Some("it has no end"),
            Piece::Line(bytes) => match read_line(&bytes) {
                Err(what) => Some(what),
                Ok((prev, place)) => {
                    let line = chain.lines + 1;
                    chain.accept(prev, place, sha256(&bytes)).map_err(|what| Damage { line, what })?;
                    if chain.open.is_none() {
                        let head = Head { lines: chain.lines, hash: chain.hash };
                        good = Survey { head, end: pieces.offset(), last_append: good.end, torn: None };
                    }
                    continue;
                }
            },
        };
        // The file may have grown or shrunk since its length was read; only what was read counts.
        let torn = TornTail { offset: good.end, len: len - good.end };
        if torn.len == 0 {
            return Ok(good);
        }
        if let Some(what) = what {
            let line = chain.lines + 1;
            let damage = |what| Damage { line, what };
            if torn.len > MAX_APPEND_BYTES {
                return Err(damage(what).into());
            }
            let mut tail = vec![0; usize::try_from(len - at).map_err(|_| damage(what))?];
            file.read_exact_at(at, &mut tail)?;
            if !is_torn(&tail, at, line) {
                return Err(damage(what).into());
            }
        }
        return Ok(Survey { torn: Some(torn), ..good });
    }
}

/// Whether the bytes from the first bad line (number `line`, at `offset`) to the end can be what a crash leaves of
/// the last append, and not a change to lines that were acknowledged.
///
/// One append is one write, and the one before it was durable when it began. So after a crash the tail is what was
/// to be written, perhaps cut short, perhaps with sectors missing, which read as zeros (no line of ours has a NUL).
/// Anything else was not made by a crash. When in doubt it is damage, which changes nothing.
fn is_torn(tail: &[u8], offset: u64, line: u64) -> bool {
    let mut ended = tail.split_inclusive(|byte| *byte == b'\n').filter_map(|piece| piece.strip_suffix(b"\n"));
    // A line that ends as ours do says which append wrote it. If it was not that of the bad line, it came later, so
    // the bad line was acknowledged before.
    if ended.any(|piece| read_place(piece).is_some_and(|place| !place.is_of_append_with(line))) {
        return false;
    }
    if has_missing_sector(tail, offset) {
        return true;
    }
    // Nothing is missing inside, so it was cut short: no newline, and not a whole line with something else instead
    // of its newline.
    match tail.split_last() {
        Some((_, line)) => !tail.contains(&b'\n') && read_line(line).is_err(),
        None => false,
    }
}

/// Whether a sector, as far as it lies in the tail, is all zeros.
fn has_missing_sector(tail: &[u8], offset: u64) -> bool {
    let within = usize::try_from(SECTOR - offset % SECTOR).unwrap_or(usize::MAX).min(tail.len());
    let (head, rest) = tail.split_at(within);
    std::iter::once(head).chain(rest.chunks(SECTOR as usize)).any(|part| part.iter().all(|byte| *byte == 0))
}
