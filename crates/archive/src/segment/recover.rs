//! What is left in a segment after an unclean stop, and copying it to where it can be trusted.
//!
//! After a failed fsync the system may show bytes that never reached the disk, and call the next fsync a
//! success. So a segment whose last writer did not stop in good order is never written on: its good
//! members are written once more, to a file of their own.

use std::io;

use frontdesk_durable::{Dir, ReadAt, WriteAt};

use super::check;
use super::header::Fault;
use super::scan::{self, Event, Part};
use super::walk::{Identity, Place, Step, Walk};
use super::write::{Draft, Unsealed};
use crate::error::{Action, During, Error};
use crate::layout::Folder;

/// Packed bytes of a copy held in memory before they are written.
const CHUNK: u64 = 4 * 1024 * 1024;

/// Bytes of a torn tail held in memory.
const TAIL_PIECE: usize = 256 * 1024;

/// What the members of a segment come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Good {
    /// Behind the last good member.
    pub(crate) place: Place,
    pub(crate) records: u64,
    pub(crate) raw_bytes: u64,
}

/// Checks every member of an unsealed segment: headers, chain, checksums, record hashes.
///
/// Bytes after the last good member are torn when no member follows them, and left out of the result.
///
/// # Errors
/// `Damage` when a bad member lies before a good one; what the file system says.
pub(crate) fn survey(
    dir: &dyn Dir,
    path: &str,
    identity: Identity,
    length: u64,
    workers: usize,
) -> Result<Good, Error> {
    let part = Part { path: path.to_owned(), identity, from: Place::START, linked: true, end: length };
    let mut good = Good { place: Place::START, records: 0, raw_bytes: 0 };
    let mut bad: Option<(u64, &'static str, Option<Fault>)> = None;
    let damaged = |offset: u64, what: &dyn std::fmt::Display| {
        Error::damage(Action::Recover, path, format!("at byte {offset}, before good members: {what}"))
    };
    scan::scan(
        dir,
        std::slice::from_ref(&part),
        workers,
        |unpacker, _, member, packed| match check::check(&member.header, packed, unpacker) {
            Ok(checked) if checked.wrong.is_empty() => Ok(()),
            Ok(_) => Err("a record is not what its hash says"),
            Err(what) => Err(what),
        },
        |event| match event {
            Event::Member { member, result, .. } => {
                match (result, member.misplaced) {
                    (Ok(()), None) => {}
                    (Ok(()), Some(what)) => return Err(damaged(member.offset, &what)),
                    (Err(what), _) => {
                        bad = bad.or(Some((member.offset, what, None)));
                        return Ok(());
                    }
                }
                if let Some((offset, what, fault)) = &bad {
                    return Err(match fault {
                        Some(fault) => damaged(*offset, fault),
                        None => damaged(*offset, what),
                    });
                }
                let end =
                    Place { offset: member.end(), number: member.header.number + 1, previous: member.hash };
                good.place = end;
                good.records += member.header.entries.len() as u64;
                good.raw_bytes +=
                    member.header.entries.iter().map(|entry| u64::from(entry.length)).sum::<u64>();
                Ok(())
            }
            Event::Unreadable { offset, fault, .. } => {
                bad = bad.or(Some((offset, "", Some(fault))));
                Ok(())
            }
            Event::End { .. } => Ok(()),
            Event::Failed { source, .. } => Err(source).during(Action::Read, path),
        },
    )?;
    Ok(good)
}

/// Writes the members of `from`, which end at `end`, to a new segment, and makes its content durable. Packed bytes,
/// sequence numbers, versions, hashes and times stay; number and chain are the copy's own.
///
/// The file must not be there. Its name is durable after its folder is synced.
///
/// # Errors
/// What the file system says.
pub(crate) fn copy(
    dir: &dyn Dir,
    from: &str,
    identity: Identity,
    end: u64,
    to: u32,
    folder: Folder,
) -> io::Result<Unsealed> {
    let source = dir.open_read(from)?;
    let mut copy = Unsealed::new(Identity { segment: to, ..identity }, folder);
    copy.create(dir)?;
    let mut walk = Walk::new(&*source, identity, Place::START, end);
    let mut held = 0;
    while let Some(step) = walk.step()? {
        let Step::Members(batch) = step else {
            return Err(io::Error::other("the members changed while they were copied"));
        };
        for member in batch.members {
            let packed = batch.bytes[member.packed].to_vec();
            held += packed.len() as u64;
            let draft = Draft {
                entries: member.header.entries,
                packed_crc: member.header.packed_crc,
                raw_length: member.header.raw_length,
                packed,
            };
            copy.append(draft, member.header.archived_at);
        }
        if held >= CHUNK {
            copy.write(dir)?;
            held = 0;
        }
    }
    copy.write(dir)?;
    copy.sync()?;
    Ok(copy)
}

/// Copies the bytes of a file from `offset` to `end`, to be put aside: a piece at a time, since a torn tail may be as long
/// as a segment.
///
/// # Errors
/// What the file system says.
pub(crate) fn copy_tail(file: &dyn ReadAt, offset: u64, end: u64, to: &mut dyn WriteAt) -> io::Result<()> {
    let mut piece = vec![0; TAIL_PIECE];
    let mut at = offset;
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(usize::MAX).min(TAIL_PIECE);
        file.read_exact_at(at, &mut piece[..length])?;
        to.write_at(at - offset, &piece[..length])?;
        at += length as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use frontdesk_durable::testing::MemoryDir;
    use frontdesk_durable::{publish, publish_with, read_whole};

    use super::*;

    #[test]
    fn a_tail_is_put_aside_whole_whatever_its_length() {
        let dir = MemoryDir::new();
        let bytes: Vec<u8> = (0..3 * TAIL_PIECE + 7).map(|n| (n % 251) as u8).collect();
        publish(&dir, "torn", &bytes).unwrap();
        let file = dir.open_read("torn").unwrap();
        for offset in [0, 1, bytes.len() - TAIL_PIECE, bytes.len() - 1, bytes.len()] {
            let end = bytes.len() as u64;
            publish_with(&dir, "kept", &mut |kept| copy_tail(&*file, offset as u64, end, kept)).unwrap();
            assert!(read_whole(&dir, "kept", end).unwrap() == bytes[offset..], "from {offset}");
        }
    }
}
