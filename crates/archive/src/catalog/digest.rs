//! A checksum of the catalog's file, taken when it is closed in good order.
//!
//! Comparing every row with the segments costs more than verifying the segments. A file that is bit for
//! bit what a writer left, after committing exactly what it acknowledged, need not be compared. The
//! checksum is in `sha256sum -c` form beside the catalog, is removed before the first change, and is
//! absent after an unclean stop: then the rows are compared.

use std::io;
use std::io::Read;

use frontdesk_durable::{Dir, parent, publish, read_whole};
use rusqlite::params;
use sha2::{Digest, Sha256};

use super::open::wal_length;
use super::{Catalog, CatalogResult};
use crate::error::{Action, During, Error};
use crate::layout;

/// Whether the catalog's file is what its checksum says, with nothing waiting in a WAL.
/// `None` when there is no checksum to compare with.
///
/// # Errors
/// What the file system says.
pub(crate) fn is_as_closed(dir: &dyn Dir) -> Result<Option<bool>, Error> {
    let stated = match read_whole(dir, layout::CATALOG_SUM, 4_096) {
        Ok(stated) => stated,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Ok(Some(false)),
        Err(error) => return Err(error).during(Action::Read, layout::CATALOG_SUM),
    };
    if wal_length(dir) > 0 {
        return Ok(Some(false));
    }
    match file_sum(dir) {
        Ok(line) => Ok(Some(line.as_bytes() == stated)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(false)),
        Err(error) => Err(error).during(Action::Read, layout::CATALOG),
    }
}

/// Takes the checksum away: the catalog is about to change.
///
/// # Errors
/// What the file system says.
pub(crate) fn unseal(dir: &dyn Dir) -> Result<(), Error> {
    match dir.remove(layout::CATALOG_SUM) {
        Ok(()) => dir.sync_dir(parent(layout::CATALOG_SUM)).during(Action::Catalog, layout::CATALOG_SUM),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).during(Action::Catalog, layout::CATALOG_SUM),
    }
}

/// Brings everything into the one file and publishes its checksum. Hold the lock, and change nothing afterwards.
/// Where a reader is in the way of the checkpoint there will be no checksum, which is no failure.
///
/// # Errors
/// What SQLite or the file system says.
pub(crate) fn seal(dir: &dyn Dir, catalog: Catalog) -> Result<(), Error> {
    let blocked: i64 = catalog
        .connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", params![], |row| row.get(0))
        .in_catalog()?;
    catalog.connection.close().map_err(|(_, error)| error).in_catalog()?;
    if blocked != 0 {
        return Ok(());
    }
    let line = file_sum(dir).during(Action::Read, layout::CATALOG)?;
    publish(dir, layout::CATALOG_SUM, line.as_bytes()).during(Action::Catalog, layout::CATALOG_SUM)
}

fn file_sum(dir: &dyn Dir) -> io::Result<String> {
    let mut file = std::fs::File::open(dir.local_path(layout::CATALOG))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => digest.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(layout::sum_line(&digest.finalize().into(), layout::CATALOG))
}
