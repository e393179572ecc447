//! The writing thread: takes a group, puts it into one transaction, and acknowledges when that is on the disk.

mod apply;
mod intents;
mod position;

use std::sync::Arc;
use std::time::Duration;

use frontdesk_domain::Timestamp;
use frontdesk_durable::OsDir;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

pub(crate) use apply::insert_entry;
pub(crate) use position::{Position, newest_head, read_head};

use crate::change::Recorded;
use crate::error::{Action, During, Error, ErrorKind};
use crate::head::Head;
use crate::journal::Clock;
use crate::keys::{KeyFile, KeyRing};
use crate::layout;
use crate::prepared::PreparedEntry;
use crate::queue::{Reply, Request, Requests, Waiting};

/// How often the newest head is written beside the database while changes keep coming.
const HEAD_EVERY: Duration = Duration::from_secs(1);

/// Everything that changes when changes are recorded. One thread has it.
pub(crate) struct Store {
    pub(crate) dir: Arc<OsDir>,
    pub(crate) connection: Connection,
    pub(crate) journal: String,
    pub(crate) clock: Clock,
    pub(crate) key_file: KeyFile,
    pub(crate) ring: KeyRing,
    pub(crate) wait: Duration,
    /// Where the chain ended when this process looked last.
    pub(crate) position: Position,
    /// When a head was written beside the database.
    pub(crate) head_written: Option<Timestamp>,
    /// The first failure after which it is unknown what reached the disk.
    pub(crate) failed: Option<Error>,
}

impl Store {
    /// Serves until the last caller is gone.
    pub(crate) fn serve(&mut self, requests: &Requests) {
        while let Some(group) = requests.next_group() {
            if let Some(first) = &self.failed {
                let poisoned = Error::poisoned_by(first);
                group.into_iter().for_each(|waiting| (waiting.reply)(Err(poisoned.clone())));
                continue;
            }
            self.commit(group);
            self.write_head_now_and_then();
        }
    }

    /// Records a group: all of it is durable when its callers are told so.
    fn commit(&mut self, group: Vec<Waiting>) {
        let (requests, replies): (Vec<Request>, Vec<Reply>) =
            group.into_iter().map(|Waiting { request, reply }| (request, reply)).unzip();
        match self.try_commit(requests) {
            Ok(answers) => replies.into_iter().zip(answers).for_each(|(reply, answer)| reply(answer)),
            Err(error) => {
                // Waiting for another process touches nothing; after anything else it is unknown what reached the disk.
                if !error.is_temporary() {
                    self.failed = Some(error.clone());
                }
                replies.into_iter().for_each(|reply| reply(Err(error.clone())));
            }
        }
    }

    /// Gives for each what became of it, in their order.
    fn try_commit(&mut self, group: Vec<Request>) -> Result<Vec<Result<Recorded, Error>>, Error> {
        let now = (self.clock)();
        let transaction = begin(&mut self.connection, self.wait, Action::Record)?;
        let mut position =
            self.position.found_in(&transaction, &self.journal, &mut self.ring, &self.key_file)?;
        let before = position.clone();
        let mut answers = Vec::with_capacity(group.len());
        {
            let mut writing = apply::Writing::new(&transaction, &mut position, now);
            for request in group {
                answers.push(writing.apply(request)?);
            }
        }
        if position.count > before.count {
            position.seal(&transaction, &self.journal, &self.ring, &before, now)?;
        }
        transaction.commit().during(Action::Record, layout::DATABASE)?;
        self.position = position;
        if answers.iter().any(|answer| answer.as_ref().is_ok_and(|recorded| recorded.pruned > 0)) {
            self.empty_log()?;
        }
        Ok(answers)
    }

    /// Adds entries in a transaction of its own, signed at its end. `change` may do more in the same transaction.
    pub(crate) fn alone<T>(
        &mut self,
        action: Action,
        change: impl FnOnce(&mut Alone<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let now = (self.clock)();
        let transaction = begin(&mut self.connection, self.wait, action)?;
        let before = self.position.found_in(&transaction, &self.journal, &mut self.ring, &self.key_file)?;
        let mut position = before.clone();
        let done = change(&mut Alone {
            transaction: &transaction,
            position: &mut position,
            ring: &mut self.ring,
            key_file: &self.key_file,
            now,
        })?;
        if position.count > before.count {
            position.seal(&transaction, &self.journal, &self.ring, &before, now)?;
        }
        transaction.commit().during(action, layout::DATABASE)?;
        self.position = position;
        Ok(done)
    }

    /// Takes the log into the database and cuts it to nothing, so that it keeps no bytes of what was taken away. Gives
    /// whether that came to pass: not while somebody reads it, who is not waited for.
    pub(crate) fn empty_log(&self) -> Result<bool, Error> {
        let wait = |time| self.connection.busy_timeout(time).during(Action::Record, layout::WAL);
        wait(Duration::ZERO)?;
        let busy =
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        wait(self.wait)?;
        match busy {
            Ok(busy) => Ok(busy == 0),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(false),
            Err(error) => Err(error).during(Action::Record, layout::WAL),
        }
    }

    /// Writes the newest head beside the database when a while has passed since the last time.
    fn write_head_now_and_then(&mut self) {
        let now = (self.clock)();
        let due = self.head_written.is_none_or(|written| now.since(written) >= HEAD_EVERY || now < written);
        if self.failed.is_some() || !due {
            return;
        }
        match self.write_head() {
            Ok(()) => {}
            Err(error) if error.is_temporary() => {
                tracing::debug!(%error, "the journal's head was not written beside it; the next time does");
            }
            // What was acknowledged is safe; a disk that fails is not relied on any further.
            Err(error) => self.failed = Some(error),
        }
    }

    /// Writes the newest head beside the database. It is in the database already: this second place is what tells when
    /// the database is replaced by an older one.
    pub(crate) fn write_head(&mut self) -> Result<(), Error> {
        // Under the lock, so that of two processes the one with the newer head comes last.
        let transaction = begin(&mut self.connection, self.wait, Action::Record)?;
        if let Some(head) = newest_head(&transaction, &self.journal)? {
            publish_head(&self.dir, &head)?;
        }
        drop(transaction);
        self.head_written = Some((self.clock)());
        Ok(())
    }
}

impl Store {
    /// The last thing a journal does: its head beside it, its log in the database as far as nobody reads it, and some
    /// bytes kept aside.
    ///
    /// # Errors
    /// `Storage` when the disk failed.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        self.write_head()?;
        checkpoint(&self.connection)?;
        crate::reserve::keep(&self.dir);
        Ok(())
    }

    /// The newest head.
    ///
    /// # Errors
    /// `Damage` when there is none; what SQLite says.
    pub(crate) fn newest_head(&self) -> Result<Head, Error> {
        newest_head(&self.connection, &self.journal)?
            .ok_or_else(|| Error::damage(Action::Read, "there is no head"))
    }
}

/// Takes the log into the database as far as nobody reads it. Closing does that too, and tells nobody when it fails.
pub(crate) fn checkpoint(connection: &Connection) -> Result<(), Error> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).during(Action::Record, layout::WAL)
}

/// A transaction of one change that is no group's.
pub(crate) struct Alone<'t> {
    pub(crate) transaction: &'t Transaction<'t>,
    pub(crate) position: &'t mut Position,
    pub(crate) ring: &'t mut KeyRing,
    pub(crate) key_file: &'t KeyFile,
    pub(crate) now: Timestamp,
}

impl Alone<'_> {
    /// Adds an entry; gives its number.
    pub(crate) fn entry(&mut self, entry: &PreparedEntry) -> Result<u64, Error> {
        insert_entry(self.transaction, self.position, entry, self.now)
    }
}

/// Writes a head beside the database.
pub(crate) fn publish_head(dir: &OsDir, head: &Head) -> Result<(), Error> {
    let mut text =
        serde_json::to_vec(head).map_err(std::io::Error::other).during(Action::Record, layout::HEAD)?;
    text.push(b'\n');
    frontdesk_durable::publish(dir, layout::HEAD, &text).during(Action::Record, layout::HEAD)
}

/// Begins a transaction that writes, waiting for whoever is writing now.
pub(crate) fn begin(
    connection: &mut Connection,
    wait: Duration,
    action: Action,
) -> Result<Transaction<'_>, Error> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| {
        if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) {
            let kind = ErrorKind::Busy { waited: wait };
            return Error::with_source(action, layout::DATABASE, kind, error);
        }
        match Err::<(), _>(error).during(action, layout::DATABASE) {
            Err(error) => error,
            Ok(()) => unreachable!("it was an error"),
        }
    })
}
