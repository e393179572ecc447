//! One change into the open transaction.

use frontdesk_domain::Timestamp;
use rusqlite::{OptionalExtension, Statement, Transaction, params};

use super::Position;
use crate::chain;
use crate::change::{Intent, NewItem, Recorded};
use crate::error::{Action, During, Error};
use crate::layout;
use crate::prepared::PreparedEntry;
use crate::queue::Request;

const ENTRY: &str = "INSERT INTO entries (number, at, kind, body, hash) VALUES (?1, ?2, ?3, ?4, ?5)";
const PERSONAL: &str = "INSERT INTO personal (number, field, value, salt) VALUES (?1, ?2, ?3, ?4)";
const ITEM: &str = "INSERT INTO items (ledger, key, state, detail, at) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (ledger, key) DO UPDATE SET state = excluded.state, detail = excluded.detail, at = excluded.at";

/// A transaction that changes go into, and where the chain ends in it.
pub(super) struct Writing<'t> {
    transaction: &'t Transaction<'t>,
    position: &'t mut Position,
    now: Timestamp,
    entry: Lazy<'t>,
    personal: Lazy<'t>,
    item: Lazy<'t>,
}

impl<'t> Writing<'t> {
    pub(super) fn new(transaction: &'t Transaction<'t>, position: &'t mut Position, now: Timestamp) -> Self {
        let lazy = |sql| Lazy { transaction, sql, statement: None };
        Self { transaction, position, now, entry: lazy(ENTRY), personal: lazy(PERSONAL), item: lazy(ITEM) }
    }

    /// Writes a change. The outer error is the storage's and ends the group; the inner one is this change's alone, of
    /// which nothing stays.
    pub(super) fn apply(&mut self, request: Request) -> Result<Result<Recorded, Error>, Error> {
        let Request { entries, opened, settled, items, .. } = request;
        if opened.is_empty() && settled.is_empty() {
            return self.write(&entries, &items).map(Ok);
        }
        // Only intents can contradict what is there.
        self.batch("SAVEPOINT change")?;
        if let Some(refused) = self.intents(&opened, &settled)? {
            self.batch("ROLLBACK TO change; RELEASE change")?;
            return Ok(Err(refused));
        }
        let recorded = self.write(&entries, &items)?;
        self.batch("RELEASE change")?;
        Ok(Ok(recorded))
    }

    fn batch(&self, sql: &str) -> Result<(), Error> {
        self.transaction.execute_batch(sql).during(Action::Record, layout::DATABASE)
    }

    fn write(&mut self, entries: &[PreparedEntry], items: &[NewItem]) -> Result<Recorded, Error> {
        let mut recorded = Recorded::default();
        for entry in entries {
            let number = self.entry(entry)?;
            recorded.first_entry.get_or_insert(number);
            recorded.last_entry = Some(number);
        }
        for item in items {
            let detail = item.detail.get().as_bytes();
            self.item
                .get()
                .and_then(|insert| {
                    insert.execute(params![item.ledger, item.key, item.state, detail, self.now.as_micros()])
                })
                .during(Action::Record, layout::DATABASE)?;
        }
        Ok(recorded)
    }

    fn entry(&mut self, entry: &PreparedEntry) -> Result<u64, Error> {
        let number = self.position.count + 1;
        let body = entry.body(number, self.now);
        let hash = chain::link(&self.position.hash, body.as_bytes());
        self.entry
            .get()
            .and_then(|insert| {
                let at = self.now.as_micros();
                insert.execute(params![number, at, entry.kind.as_str(), body.as_bytes(), hash])
            })
            .during(Action::Record, layout::DATABASE)?;
        for personal in &entry.personal {
            self.personal
                .get()
                .and_then(|insert| {
                    insert.execute(params![number, personal.field, personal.value, personal.salt])
                })
                .during(Action::Record, layout::DATABASE)?;
        }
        self.position.count = number;
        self.position.hash = hash;
        Ok(number)
    }

    /// What speaks against the change, if anything does.
    fn intents(&self, opened: &[Intent], settled: &[(String, String)]) -> Result<Option<Error>, Error> {
        for intent in opened {
            if let Some(refused) = self.open(intent).during(Action::Record, layout::DATABASE)? {
                return Ok(Some(refused));
            }
        }
        for (id, outcome) in settled {
            if let Some(refused) = self.settle(id, outcome).during(Action::Record, layout::DATABASE)? {
                return Ok(Some(refused));
            }
        }
        Ok(None)
    }

    fn open(&self, intent: &Intent) -> rusqlite::Result<Option<Error>> {
        let body = intent.body.get().as_bytes();
        let inserted = self.transaction.execute(
            "INSERT OR IGNORE INTO intents (id, kind, key, body, opened) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![intent.id, intent.kind, intent.key, body, intent.at.as_micros()],
        )?;
        if inserted == 1 {
            return Ok(None);
        }
        let (equal, open) = self.transaction.query_row(
            "SELECT kind = ?2 AND key = ?3 AND body = ?4, settled IS NULL FROM intents WHERE id = ?1",
            params![intent.id, intent.kind, intent.key, body],
            |row| Ok((row.get::<_, bool>(0)?, row.get::<_, bool>(1)?)),
        )?;
        Ok(match (equal, open) {
            (true, true) => None,
            (true, false) => Some(Error::conflict("the intent is settled already")),
            (false, _) => Some(Error::conflict("another intent has the same id")),
        })
    }

    fn settle(&self, id: &str, outcome: &str) -> rusqlite::Result<Option<Error>> {
        let settled = self.transaction.execute(
            "UPDATE intents SET outcome = ?2, settled = ?3 WHERE id = ?1 AND settled IS NULL",
            params![id, outcome, self.now.as_micros()],
        )?;
        if settled == 1 {
            return Ok(None);
        }
        let before: Option<String> = self
            .transaction
            .query_row("SELECT outcome FROM intents WHERE id = ?1", [id], |row| row.get(0))
            .optional()?;
        Ok(match before {
            Some(before) if before == outcome => None,
            Some(_) => Some(Error::conflict("the intent is settled already, with another outcome")),
            None => Some(Error::conflict("there is no such intent")),
        })
    }
}

/// Adds one entry outside a group.
pub(crate) fn insert_entry(
    transaction: &Transaction<'_>,
    position: &mut Position,
    entry: &PreparedEntry,
    now: Timestamp,
) -> Result<u64, Error> {
    Writing::new(transaction, position, now).entry(entry)
}

/// A statement that is prepared when it is needed first.
struct Lazy<'t> {
    transaction: &'t Transaction<'t>,
    sql: &'static str,
    statement: Option<Statement<'t>>,
}

impl<'t> Lazy<'t> {
    fn get(&mut self) -> rusqlite::Result<&mut Statement<'t>> {
        match &mut self.statement {
            Some(_) => {}
            empty => *empty = Some(self.transaction.prepare(self.sql)?),
        }
        self.statement.as_mut().ok_or(rusqlite::Error::InvalidQuery)
    }
}
