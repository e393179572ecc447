//! Bytes kept aside, so that what makes room on a full disk can be recorded.
//!
//! The file `reserve` is worth nothing in itself: it is given up by whoever is about to make room, and written again when a
//! journal is closed. Where there is no room for it there is none.

use std::io;
use std::path::Path;

use frontdesk_durable::{Dir, OsDir};

use crate::error::{Action, During, Error};
use crate::layout;

/// Bytes kept aside: SQLite's shared memory, and the log of some commits.
const LENGTH: usize = 512 * 1024;

/// Gives the bytes back to the disk. Call it before opening the journal, and only for what makes room.
///
/// # Errors
/// What the file system says.
pub fn give_up_reserve(root: &Path) -> Result<(), Error> {
    let removed = OsDir::open(root).and_then(|dir| dir.remove(layout::RESERVE));
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
    .during(Action::Open, layout::RESERVE)
}

/// Sees to it that there is a reserve. Where it cannot be written the journal is as good as before, without it.
pub(crate) fn keep(dir: &OsDir) {
    if dir.metadata(layout::RESERVE).is_ok_and(|metadata| metadata.len == LENGTH as u64) {
        return;
    }
    if let Err(error) = fill(dir) {
        tracing::debug!(%error, "no bytes are kept aside");
        let _ = dir.remove(layout::RESERVE);
    }
}

fn fill(dir: &OsDir) -> io::Result<()> {
    let mut file = match dir.create(layout::RESERVE) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => dir.open_write(layout::RESERVE)?,
        other => other?,
    };
    // Bytes that no file system packs away.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(LENGTH);
    while bytes.len() < LENGTH {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    file.set_len(0)?;
    file.write_at(0, &bytes)?;
    file.sync_all()?;
    dir.sync_dir("")
}
