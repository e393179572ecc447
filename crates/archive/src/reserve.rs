//! Bytes kept aside, so that room can be made on a full disk.
//!
//! Removing needs room before it gives any back: lines of the ledger, pages of the catalog, and the copy of a segment
//! that is kept in part. The file `reserve` holds as much: the length of the largest segment and a fixed part. It is
//! given up when a removal begins and written again afterwards. It is worth nothing in itself: whoever finds it
//! missing, short or torn writes it anew, and where there is no room for it there is none.

use std::io;

use frontdesk_durable::{Dir, WriteAt};

use crate::error::{Action, During, Error};
use crate::layout;

/// Bytes written at a time.
const PIECE: usize = 1024 * 1024;

/// Sees to it that the reserve is `fixed` bytes and the largest segment long; with `fixed` 0 there is none. Where it
/// cannot be written the archive is as good as before, without it.
pub(crate) fn keep(dir: &dyn Dir, fixed: u64, largest: u64) {
    if fixed == 0 {
        return;
    }
    let wanted = fixed.saturating_add(largest);
    let there = dir.metadata(layout::RESERVE).map_or(0, |metadata| metadata.len);
    // A segment that takes members grows: not every growth is worth a write.
    if there >= wanted || there > fixed && wanted - there < fixed / 2 {
        return;
    }
    if let Err(error) = fill(dir, there, wanted) {
        tracing::debug!(%error, "no bytes are kept aside");
        let _ = dir.remove(layout::RESERVE);
    }
}

fn fill(dir: &dyn Dir, there: u64, wanted: u64) -> io::Result<()> {
    let mut file: Box<dyn WriteAt> = match dir.create(layout::RESERVE) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => dir.open_write(layout::RESERVE)?,
        other => other?,
    };
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut offset = there;
    let mut piece = Vec::new();
    while offset < wanted {
        let length = (wanted - offset).min(PIECE as u64) as usize;
        piece.clear();
        // Bytes that no file system packs away.
        while piece.len() < length {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            piece.extend_from_slice(&state.to_le_bytes());
        }
        file.write_at(offset, &piece[..length])?;
        offset += length as u64;
    }
    file.sync_all()?;
    dir.sync_dir("")
}

/// Gives the bytes back to the disk.
///
/// # Errors
/// What the file system says.
pub(crate) fn give_up(dir: &dyn Dir) -> Result<(), Error> {
    match dir.remove(layout::RESERVE) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
    .during(Action::Compact, layout::RESERVE)
}
