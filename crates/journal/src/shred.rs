//! Destroying personal values.

use std::path::Path;

use frontdesk_domain::audit::{AuditRecord, ShredRecord};
use frontdesk_durable::to_hex;
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

use crate::chain::Hash;
use crate::error::{Action, During, Error, ErrorKind};
use crate::journal::Clock;
use crate::layout;
use crate::open;
use crate::prepared::{Origin, PreparedEntry};
use crate::prune;
use crate::settings::Settings;

/// What was destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shredded {
    /// Entries that named the subject.
    pub entries: u64,
    /// Values destroyed: of each of these entries all of them.
    pub values: u64,
    /// Number of the entry that says so; `None` when nothing named the subject, and nothing was done.
    pub entry: Option<u64>,
    /// Events that were taken away because they name the subject, or are batches of such entries.
    pub events: u64,
    /// Events of that kind that wait for their delivery, and stay until then: shred again when they are made.
    pub events_waiting: u64,
    /// Settled intents that were taken away because they name the subject.
    pub intents: u64,
    /// Open intents that name it, and stay until they are settled.
    pub intents_open: u64,
    /// Whether the bytes are gone from SQLite's log too. If not, a reader was using it: they go when the log is next
    /// emptied, at the latest when the last process closes the journal.
    pub log_emptied: bool,
}

/// Destroys every personal value of every entry that names `subject`, a guest id for one. The chain still verifies: it
/// covers commitments, which without value and salt say nothing.
///
/// The same goes for events that name it and were delivered, or given up, to everybody. What waits for its delivery stays.
/// So do open intents; settled ones that name it are taken away. Items of ledgers that name it are their owners' to end.
///
/// # Errors
/// As [`Journal::open`](crate::Journal::open); `Malformed` for an empty subject.
pub fn shred(
    root: &Path,
    settings: &Settings,
    clock: Clock,
    subject: &str,
    reason: &str,
) -> Result<Shredded, Error> {
    let malformed = |what: &str| {
        Error::new(Action::Shred, layout::DATABASE, ErrorKind::Malformed { what: what.to_owned() })
    };
    if subject.is_empty() {
        return Err(malformed("nobody is named"));
    }
    let value = serde_json::to_vec(subject).map_err(|_| malformed("the subject is no text"))?;
    let mut store = open::open(root, settings, clock)?;
    let (entries, values, entry, forgotten) = store.alone(Action::Shred, |alone| {
        let number = alone.position.count + 1;
        // The entry's own number marks the rows it is about.
        let values = alone
            .transaction
            .execute(
                "UPDATE personal SET value = NULL, salt = NULL, shredded = ?2
                 WHERE value IS NOT NULL AND number IN (SELECT number FROM personal WHERE value = ?1)",
                params![value, number],
            )
            .during(Action::Shred, layout::DATABASE)? as u64;
        let forgotten =
            prune::about(alone.transaction, subject, number).during(Action::Shred, layout::DATABASE)?;
        if values == 0 && forgotten.events == 0 && forgotten.intents == 0 {
            return Ok((0, 0, None, forgotten));
        }
        let found = digest(alone.transaction, number).during(Action::Shred, layout::DATABASE)?;
        let record = AuditRecord::from(ShredRecord {
            timestamp: alone.now,
            reason: reason.to_owned(),
            values,
            digest: to_hex(&found.digest),
        });
        let origin = Origin { actor: &settings.actor, command: &settings.command, run: None, about: None };
        let entry = alone.entry(&PreparedEntry::new(&record, &origin)?)?;
        Ok((found.entries, values, Some(entry), forgotten))
    })?;
    let log_emptied = store.empty_log()?;
    store.finish()?;
    let prune::Forgotten { events, events_waiting, intents, intents_open } = forgotten;
    Ok(Shredded { entries, values, entry, events, events_waiting, intents, intents_open, log_emptied })
}

/// The destroyed values one entry tells of.
pub(crate) struct Destroyed {
    pub(crate) entries: u64,
    pub(crate) values: u64,
    /// SHA-256 over one line `<entry number> <field>\n` for each, in ascending order.
    pub(crate) digest: Hash,
}

/// Goes through the destroyed values that entry `shred` tells of.
pub(crate) fn digest(connection: &Connection, shred: u64) -> rusqlite::Result<Destroyed> {
    let sql = "SELECT number, field FROM personal WHERE shredded = ?1 ORDER BY number, field";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([shred])?;
    let mut digest = Sha256::new();
    let (mut entries, mut values, mut last) = (0, 0, None);
    while let Some(row) = rows.next()? {
        let (number, field): (u64, String) = (row.get(0)?, row.get(1)?);
        digest.update(format!("{number} {field}\n"));
        values += 1;
        if last != Some(number) {
            entries += 1;
            last = Some(number);
        }
    }
    Ok(Destroyed { entries, values, digest: digest.finalize().into() })
}
