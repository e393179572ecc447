//! Whether a member's contents are what its header says.

use std::ops::Range;

use sha2::{Digest, Sha256};

use super::header::{Entry, Header};
use super::pack::Unpacker;

/// A member whose contents were inflated and compared with its header.
pub(crate) struct Checked<'a> {
    header: &'a Header,
    block: &'a [u8],
    /// Indices of the records whose bytes do not hash to what the header states.
    pub(crate) wrong: Vec<usize>,
}

impl<'a> Checked<'a> {
    /// Every record with its place in the block and its bytes, the wrong ones too.
    pub(crate) fn records(
        &self,
    ) -> impl Iterator<Item = (usize, &'a Entry, Range<usize>, &'a [u8])> + use<'_, 'a> {
        self.header.spans().enumerate().map(|(index, (entry, span))| {
            let bytes = &self.block[span.clone()];
            (index, entry, span, bytes)
        })
    }
}

/// Inflates a member and hashes each of its records.
///
/// # Errors
/// Says why nothing in the member can be believed.
pub(crate) fn check<'a>(
    header: &'a Header,
    packed: &[u8],
    unpacker: &'a mut Unpacker,
) -> Result<Checked<'a>, &'static str> {
    let block = inflate(header, packed, unpacker)?;
    let mut wrong = Vec::new();
    for (index, (entry, span)) in header.spans().enumerate() {
        let (bytes, newline) = (&block[span.clone()], block[span.end]);
        if newline != b'\n' || *Sha256::digest(bytes) != entry.sha256 {
            wrong.push(index);
        }
    }
    Ok(Checked { header, block, wrong })
}

/// Inflates a member after checking its packed bytes; the records are not hashed.
///
/// # Errors
/// As [`check`].
pub(crate) fn inflate<'a>(
    header: &Header,
    packed: &[u8],
    unpacker: &'a mut Unpacker,
) -> Result<&'a [u8], &'static str> {
    if libdeflater::crc32(packed) != header.packed_crc {
        return Err("the checksum of a member's packed bytes does not match");
    }
    unpacker.unpack(packed, header.raw_length as usize)
}

/// The same of what lies before a place in the block, for who hashes what it takes: the checksum of the contents is not
/// compared, since they are not inflated to their end.
///
/// # Errors
/// As [`check`].
pub(crate) fn inflate_first<'a>(
    header: &Header,
    packed: &[u8],
    wanted: usize,
    unpacker: &'a mut Unpacker,
) -> Result<&'a [u8], &'static str> {
    if libdeflater::crc32(packed) != header.packed_crc {
        return Err("the checksum of a member's packed bytes does not match");
    }
    unpacker.unpack_first(packed, wanted, header.raw_length as usize).ok_or("a member does not inflate")
}
