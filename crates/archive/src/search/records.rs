//! Reading records that the catalog names, member by member.

use std::io;

use frontdesk_durable::{Dir, ReadAt, sha256};

use crate::catalog::Found;
use crate::layout;
use crate::segment::check;
use crate::segment::header::Header;
use crate::segment::pack::Unpacker;

/// Bytes of an inflated block that are kept for the next one.
const KEEP: usize = 1024 * 1024;

/// Why a record has no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Its segment is not there; another one may have taken its place.
    Missing,
    /// It cannot be read, or is not what was stored.
    Damaged,
}

/// Calls `each` with every record and its bytes, in the order in which they lie on the disk.
pub(crate) fn read_each(
    dir: &dyn Dir,
    archive: [u8; 16],
    rows: &[Found],
    mut each: impl FnMut(usize, Result<&[u8], Unread>),
) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let place = |at: &usize| (rows[*at].member.segment, rows[*at].member.offset, rows[*at].start);
    order.sort_unstable_by_key(place);
    let mut unpacker = Unpacker::new();
    let mut file: Option<(u32, io::Result<Box<dyn ReadAt>>)> = None;
    for member in order.chunk_by(|one, other| {
        let (one, other) = (&rows[*one].member, &rows[*other].member);
        (one.segment, one.offset) == (other.segment, other.offset)
    }) {
        let Some(first) = member.first().map(|&at| &rows[at]) else { continue };
        let segment = first.member.segment;
        if file.as_ref().is_none_or(|(open, _)| *open != segment) {
            file = Some((segment, dir.open_read(&layout::segment(first.folder, segment))));
        }
        let Some((_, opened)) = &file else { continue };
        let packed = match opened {
            Ok(file) => read_member(&**file, first),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Unread::Missing),
            Err(_) => Err(Unread::Damaged),
        };
        let block = packed.and_then(|bytes| inflate(&bytes, archive, first, &mut unpacker));
        match block {
            Err(unread) => member.iter().for_each(|&at| each(at, Err(unread))),
            Ok((header, block)) => {
                for &at in member {
                    let found = &rows[at];
                    let span = header.spans().find(|(entry, _)| entry.sequence == found.sequence);
                    let bytes = span.map(|(_, span)| &block[span]);
                    let sound = bytes.filter(|bytes| sha256(bytes) == found.sha256);
                    each(at, sound.ok_or(Unread::Damaged));
                }
            }
        }
        unpacker.shrink(KEEP);
    }
}

/// The same as a list, in the order of `rows`.
pub(crate) fn read_all(dir: &dyn Dir, archive: [u8; 16], rows: Vec<Found>) -> Vec<(Found, Option<Vec<u8>>)> {
    let mut bytes: Vec<Option<Vec<u8>>> = vec![None; rows.len()];
    read_each(dir, archive, &rows, |at, read| bytes[at] = read.ok().map(<[u8]>::to_vec));
    rows.into_iter().zip(bytes).collect()
}

fn read_member(file: &dyn ReadAt, found: &Found) -> Result<Vec<u8>, Unread> {
    let end = found.member.offset.saturating_add(found.member.length);
    if !file.len().is_ok_and(|length| end <= length) {
        return Err(Unread::Damaged);
    }
    let length = usize::try_from(found.member.length).map_err(|_| Unread::Damaged)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(found.member.offset, &mut bytes).map_err(|_| Unread::Damaged)?;
    Ok(bytes)
}

fn inflate<'u>(
    member: &[u8],
    archive: [u8; 16],
    found: &Found,
    unpacker: &'u mut Unpacker,
) -> Result<(Header, &'u [u8]), Unread> {
    let (header, header_length) = Header::decode(member).map_err(|_| Unread::Damaged)?;
    let packed = &member[header_length..];
    let ours = header.archive == archive
        && header.segment == found.member.segment
        && packed.len() == header.packed_length as usize;
    if !ours {
        return Err(Unread::Damaged);
    }
    let block = check::inflate(&header, packed, unpacker).map_err(|_| Unread::Damaged)?;
    Ok((header, block))
}
