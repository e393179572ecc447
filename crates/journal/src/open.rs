//! Opening a journal for writing: made where there is none, checked where there is one.

use std::io;
use std::path::Path;
use std::sync::Arc;

use frontdesk_domain::Timestamp;
use frontdesk_domain::audit::{AuditRecord, KeyRecord, KeyStep};
use frontdesk_durable::{Dir, Lock, LockError, OsDir, read_whole};
use rusqlite::{Connection, MAIN_DB, OpenFlags};
use uuid::Uuid;

use crate::chain::Hash;
use crate::error::{Action, During, Error, ErrorKind};
use crate::head::Head;
use crate::journal::Clock;
use crate::keys::KeyFile;
use crate::layout;
use crate::outbox;
use crate::prepared::{Origin, PreparedEntry};
use crate::schema;
use crate::settings::Settings;
use crate::store::{self, Position, Store};

/// What is wrong where only the head is left.
pub(crate) const DATABASE_GONE: &str = "head.json is there, and the database it was written beside is gone: put back a \
    copy of the whole folder, or move the rest of it away to begin anew";

/// # Errors
/// As [`Journal::open`](crate::Journal::open).
pub(crate) fn open(root: &Path, settings: &Settings, clock: Clock) -> Result<Store, Error> {
    let dir = OsDir::open_or_create(root).during(Action::Create, &root.display().to_string())?;
    let dir = Arc::new(dir);
    let key_file = KeyFile::of(settings, root);
    if !is_made(root).during(Action::Open, layout::DATABASE)? {
        let _lock = lock(dir.clone(), settings)?;
        make(&dir, settings, &key_file, clock())?;
    }
    let mut connection = connect(&dir, settings)?;
    let journal = check_format(&connection)?;
    // Other processes write meanwhile: the head beside comes first, since the database may only be ahead of it, and what
    // is compared with it is read as it is at one moment.
    let beside = head_beside(&*dir)?;
    let mut ring = key_file.read()?;
    let snapshot = connection.unchecked_transaction().during(Action::Open, layout::DATABASE)?;
    let start = Position::start(&journal, "");
    let position = start.found_in(&snapshot, &journal, &mut ring, &key_file)?;
    check_head_beside(beside, &snapshot, &journal, &position)?;
    snapshot.finish().during(Action::Open, layout::DATABASE)?;
    // After the check: what does not hold is left as it is.
    complete(&mut connection, settings)?;
    Ok(Store {
        dir,
        connection,
        journal,
        clock,
        key_file,
        ring,
        wait: settings.wait,
        position,
        head_written: None,
        failed: None,
    })
}

/// Whether the database's header says that it was made to its end. Where it says no, SQLite is asked under the lock:
/// what is still in the write-ahead log is not in the header.
fn is_made(root: &Path) -> io::Result<bool> {
    use std::io::Read;
    let mut header = [0; 100];
    match std::fs::File::open(root.join(layout::DATABASE)).and_then(|mut file| file.read_exact(&mut header)) {
        Ok(()) => Ok(header[18] == 2 && header[60..64] != [0; 4]),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn lock(dir: Arc<OsDir>, settings: &Settings) -> Result<Lock, Error> {
    Lock::acquire(dir, layout::LOCK, &settings.actor, settings.wait, &mut std::thread::sleep).map_err(
        |error| {
            let kind = match &error {
                LockError::Busy { .. } => ErrorKind::Busy { waited: settings.wait },
                LockError::NotWritable { .. } => ErrorKind::ReadOnly,
                _ => ErrorKind::Storage,
            };
            Error::with_source(Action::Create, layout::LOCK, kind, error)
        },
    )
}

fn connect(dir: &OsDir, settings: &Settings) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.local_path(layout::DATABASE), flags)
        .during(Action::Open, layout::DATABASE)?;
    // A file that cannot be written is opened for reading instead, and what fails then, for want of a log, says so badly.
    if connection.is_readonly(MAIN_DB).during(Action::Open, layout::DATABASE)? {
        return Err(Error::new(Action::Open, layout::DATABASE, ErrorKind::ReadOnly));
    }
    schema::prepare_for_writing(&connection, settings.wait).during(Action::Open, layout::DATABASE)?;
    Ok(connection)
}

/// Adds what an earlier version did not make, and takes away what is there no more.
fn complete(connection: &mut Connection, settings: &Settings) -> Result<(), Error> {
    if schema::is_complete(connection).during(Action::Open, layout::DATABASE)? {
        return Ok(());
    }
    let transaction = store::begin(connection, settings.wait, Action::Open)?;
    for change in schema::INDEXES.into_iter().chain([schema::NO_MORE]) {
        transaction.execute_batch(change).during(Action::Open, layout::DATABASE)?;
    }
    transaction.commit().during(Action::Open, layout::DATABASE)
}

/// Makes tables, key, first entry and first head; nothing where they are there already. Hold the lock.
fn make(dir: &OsDir, settings: &Settings, key_file: &KeyFile, now: Timestamp) -> Result<(), Error> {
    // Looked at before anything is made: what is left of a journal stays as it is.
    let gone = || Error::damage(Action::Open, DATABASE_GONE);
    let is_empty = dir.metadata(layout::DATABASE).map_or(true, |metadata| metadata.len == 0);
    if is_empty && dir.metadata(layout::HEAD).is_ok() {
        return Err(gone());
    }
    // SQLite would make it readable for others; `create` does not.
    match dir.create(layout::DATABASE) {
        Ok(file) => {
            drop(file);
            dir.sync_dir("").during(Action::Create, layout::DATABASE)?;
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error).during(Action::Create, layout::DATABASE),
    }
    let mut connection = connect(dir, settings)?;
    let transaction = store::begin(&mut connection, settings.wait, Action::Create)?;
    let version: i64 = transaction
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .during(Action::Create, layout::DATABASE)?;
    if version != 0 {
        return Ok(());
    }
    if dir.metadata(layout::HEAD).is_ok() {
        return Err(gone());
    }
    let ring = key_file.read_or_make()?;
    let missing = || Error::new(Action::Keys, "", ErrorKind::KeyMissing { key_id: String::new() });
    let key = ring.newest().ok_or_else(missing)?;
    let journal = Uuid::new_v4().to_string();
    let sql = format!(
        "{}{}{}PRAGMA application_id = {}; PRAGMA user_version = {};",
        schema::TABLES,
        schema::INDEXES.concat(),
        outbox::TABLES,
        schema::APPLICATION_ID,
        schema::VERSION
    );
    transaction.execute_batch(&sql).during(Action::Create, layout::DATABASE)?;
    transaction
        .execute("INSERT INTO meta (name, value) VALUES ('journal', ?1)", [&journal])
        .during(Action::Create, layout::DATABASE)?;
    let record = AuditRecord::from(KeyRecord {
        timestamp: now,
        event: KeyStep::Created,
        journal: Some(journal.clone()),
        key_id: key.id().to_owned(),
        previous: None,
    });
    let origin = Origin { actor: &settings.actor, command: &settings.command, run: None, about: None };
    let entry = PreparedEntry::new(&record, &origin)?;
    let before = Position::start(&journal, "");
    let mut position = Position::start(&journal, key.id());
    store::insert_entry(&transaction, &mut position, &entry, now)?;
    position.seal(&transaction, &journal, &ring, &before, now)?;
    transaction.commit().during(Action::Create, layout::DATABASE)?;
    store::checkpoint(&connection)
}

/// The journal's id.
///
/// # Errors
/// `NewerFormat`; `NotAJournal` when it is another kind of database.
pub(crate) fn check_format(connection: &Connection) -> Result<String, Error> {
    let pragma = |name: &str| {
        connection
            .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0))
            .during(Action::Open, layout::DATABASE)
    };
    let fail = |kind| Err(Error::new(Action::Open, layout::DATABASE, kind));
    if pragma("application_id")? != schema::APPLICATION_ID {
        return fail(ErrorKind::NotAJournal);
    }
    match pragma("user_version")? {
        schema::VERSION => {}
        version => return fail(ErrorKind::NewerFormat { version }),
    }
    connection
        .query_row("SELECT value FROM meta WHERE name = 'journal'", [], |row| row.get(0))
        .during(Action::Open, layout::DATABASE)
}

/// The head beside the database; `None` when there is none.
///
/// # Errors
/// `Damage` when it cannot be read as one.
pub(crate) fn head_beside(dir: &dyn Dir) -> Result<Option<Head>, Error> {
    match read_whole(dir, layout::HEAD, 4_096) {
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| {
            let kind = ErrorKind::Damage { what: "it is no head".to_owned() };
            Error::with_source(Action::Open, layout::HEAD, kind, error)
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).during(Action::Open, layout::HEAD),
    }
}

/// The database must not be behind the head that was written after it.
fn check_head_beside(
    beside: Option<Head>,
    connection: &Connection,
    journal: &str,
    position: &Position,
) -> Result<(), Error> {
    let Some(head) = beside else { return Ok(()) };
    let damage = |what: &str| Err(Error::damage(Action::Open, what));
    if head.journal != journal {
        return damage("head.json is of another journal");
    }
    if head.count > position.count {
        return damage("acknowledged entries are gone: head.json is of more entries than there are");
    }
    let hash: Hash = connection
        .query_row("SELECT hash FROM entries WHERE number = ?1", [head.count], |row| row.get(0))
        .during(Action::Open, layout::DATABASE)?;
    if hash == head.hash { Ok(()) } else { damage("head.json is of other entries than there are") }
}
