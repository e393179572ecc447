//! Opening the catalog's file, for writing under the lock or for reading beside a writer.

use std::io;
use std::path::Path;

use frontdesk_durable::Dir;
use rusqlite::{Connection, OpenFlags};

use super::{Catalog, CatalogResult, mark, schema};
use crate::error::{Action, During, Error};
use crate::layout;

/// Opens the catalog for writing, making the file if it is not there. Hold the writer's lock.
/// `None` when the file is no database, or too damaged to be opened.
///
/// # Errors
/// What SQLite or the file system says.
pub(crate) fn open_for_writing(dir: &dyn Dir) -> Result<Option<Catalog>, Error> {
    // SQLite would make it readable for others; `create` does not.
    match dir.create(layout::CATALOG) {
        Ok(file) => drop(file),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).during(Action::Create, layout::CATALOG),
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(dir.local_path(layout::CATALOG), flags)
        .and_then(|connection| schema::prepare_for_writing(&connection).map(|()| connection));
    match opened {
        Ok(connection) => Ok(Some(Catalog::new(connection))),
        Err(error) if mark::is_damage(&error) => Ok(None),
        Err(error) => Err(error).in_catalog(),
    }
}

/// Opens the catalog for reading; `None` when it is not there, or is no database.
///
/// The connection may write where the folder lets it, so that the last one to close takes the WAL's files away; it is
/// told not to change anything. In a folder that cannot be written SQLite cannot make the shared memory of its
/// WAL: where no WAL is left behind the file alone is whole, and is read as one that does not change.
///
/// # Errors
/// When it cannot be read now: no more files may be open, the disk fails, or a WAL is left in a folder that cannot be
/// written. This says nothing about what is in it, so it is no reason to make another.
pub(crate) fn open_for_reading(dir: &dyn Dir) -> Result<Option<Catalog>, Error> {
    let path = dir.local_path(layout::CATALOG);
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).during(Action::Open, layout::CATALOG),
    }
    let beside = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let failed = match Connection::open_with_flags(&path, beside).and_then(read_only) {
        Ok(catalog) => return Ok(Some(catalog)),
        Err(error) if mark::is_damage(&error) => return Ok(None),
        Err(error) => error,
    };
    if wal_length(dir) > 0 {
        return Err(failed).in_catalog();
    }
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    match Connection::open_with_flags(immutable_uri(&path), flags).and_then(read_only) {
        Ok(catalog) => Ok(Some(catalog)),
        Err(error) if mark::is_damage(&error) => Ok(None),
        Err(error) => Err(error).in_catalog(),
    }
}

fn read_only(connection: Connection) -> rusqlite::Result<Catalog> {
    schema::prepare(&connection)?;
    connection.execute_batch("PRAGMA query_only = ON;")?;
    // The first read is what finds out whether the WAL can be used.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(Catalog::new(connection))
}

/// Bytes that wait in the catalog's WAL.
pub(super) fn wal_length(dir: &dyn Dir) -> u64 {
    std::fs::metadata(dir.local_path(layout::CATALOG_WAL)).map_or(0, |metadata| metadata.len())
}

impl Catalog {
    /// A catalog that nobody else sees and that is gone with this value. SQLite keeps it in memory as
    /// long as it is small and in an unnamed temporary file otherwise.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn temporary() -> Result<Self, Error> {
        let connection = Connection::open("").in_catalog()?;
        schema::prepare(&connection).in_catalog()?;
        connection.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;").in_catalog()?;
        Ok(Self::new(connection))
    }

    /// A temporary catalog that begins as a copy of the folder's own; `None` when that cannot be copied.
    ///
    /// # Errors
    /// What SQLite says when there is no room for it.
    pub(crate) fn copied(dir: &dyn Dir) -> Result<Option<Self>, Error> {
        let path = dir.local_path(layout::CATALOG);
        if !path.is_file() {
            return Ok(None);
        }
        let catalog = Self::temporary()?;
        let connection = &catalog.connection;
        let copied = connection
            .execute_batch(schema::TABLES)
            .and_then(|()| connection.execute("ATTACH DATABASE ?1 AS folder", [path.to_string_lossy()]))
            .and_then(|_| connection.execute_batch(COPY));
        Ok(copied.is_ok().then_some(catalog))
    }
}

/// What [`Catalog::copied`] takes over. In this form, and only in this, SQLite takes rows over as they lie.
const COPY: &str = "
BEGIN;
INSERT INTO main.meta SELECT * FROM folder.meta;
INSERT INTO main.segments SELECT * FROM folder.segments;
INSERT INTO main.members SELECT * FROM folder.members;
INSERT INTO main.records SELECT * FROM folder.records;
INSERT INTO main.keys SELECT * FROM folder.keys;
INSERT INTO main.recent_keys SELECT * FROM folder.recent_keys;
INSERT INTO main.superseded SELECT * FROM folder.superseded;
INSERT INTO main.hold_lines SELECT * FROM folder.hold_lines;
INSERT INTO main.holds SELECT * FROM folder.holds;
INSERT INTO main.tombstones SELECT * FROM folder.tombstones;
INSERT INTO main.hidden SELECT * FROM folder.hidden;
INSERT INTO main.media SELECT * FROM folder.media;
COMMIT;
DETACH DATABASE folder;
";

/// Removes the catalog's files, so that the next opening begins with an empty one.
///
/// # Errors
/// What the file system says.
#[expect(
    clippy::disallowed_methods,
    reason = "SQLite's own files lie where `local_path` says, not behind the door"
)]
pub(crate) fn remove(dir: &dyn Dir) -> Result<(), Error> {
    for path in [layout::CATALOG_WAL, layout::CATALOG_SHM, layout::CATALOG] {
        for removed in [std::fs::remove_file(dir.local_path(path)), dir.remove(path)] {
            match removed {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).during(Action::Recover, path);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The path as SQLite's URI of a file that does not change. Everything but letters, digits and a few signs is
/// percent-encoded.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.' | b'~') {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str("?mode=ro&immutable=1");
    uri
}
