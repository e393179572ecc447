//! One change into the open transaction.

use frontdesk_domain::Timestamp;
use rusqlite::{CachedStatement, Transaction, params};

use super::{Position, intents};
use crate::chain;
use crate::change::{NewItem, Recorded, item_sum};
use crate::error::{Action, During, Error};
use crate::layout;
use crate::once;
use crate::outbox::{self, OutboxChange};
use crate::prepared::PreparedEntry;
use crate::prune;
use crate::queue::Request;

const ENTRY: &str = "INSERT INTO entries (number, at, kind, body, hash) VALUES (?1, ?2, ?3, ?4, ?5)";
const PERSONAL: &str = "INSERT INTO personal (number, field, value, salt) VALUES (?1, ?2, ?3, ?4)";
const ITEM: &str = "INSERT INTO items (ledger, key, state, detail, at, sum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (ledger, key)
    DO UPDATE SET state = excluded.state, detail = excluded.detail, at = excluded.at, sum = excluded.sum";

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
        let Request { entries, opened, settled, items, once, outbox, prune, .. } = request;
        // Only these can contradict what is there.
        let refused = once::refuses(self.transaction, &once, self.now)
            .and_then(|refused| Ok(refused.or(outbox::refuses(self.transaction, &outbox)?)))
            .during(Action::Record, layout::DATABASE)?;
        if let Some(refused) = refused {
            return Ok(Err(refused));
        }
        if opened.is_empty() && settled.is_empty() {
            return self.write(&entries, &items, outbox, prune).map(Ok);
        }
        self.batch("SAVEPOINT change")?;
        let refused = intents::change(self.transaction, &opened, &settled, self.now);
        if let Some(refused) = refused.during(Action::Record, layout::DATABASE)? {
            self.batch("ROLLBACK TO change; RELEASE change")?;
            return Ok(Err(refused));
        }
        let recorded = self.write(&entries, &items, outbox, prune)?;
        self.batch("RELEASE change")?;
        Ok(Ok(recorded))
    }

    fn batch(&self, sql: &str) -> Result<(), Error> {
        self.transaction.execute_batch(sql).during(Action::Record, layout::DATABASE)
    }

    fn write(
        &mut self,
        entries: &[PreparedEntry],
        items: &[NewItem],
        outbox: Vec<OutboxChange>,
        prune: Option<Timestamp>,
    ) -> Result<Recorded, Error> {
        let mut recorded = Recorded::default();
        for entry in entries {
            let number = self.entry(entry)?;
            recorded.first_entry.get_or_insert(number);
            recorded.last_entry = Some(number);
        }
        for item in items {
            let (detail, at) = (item.detail.get().as_bytes(), self.now.as_micros());
            let sum = item_sum(&item.ledger, &item.key, &item.state, detail, at);
            self.item
                .get()
                .and_then(|insert| {
                    insert.execute(params![item.ledger, item.key, item.state, detail, at, sum])
                })
                .during(Action::Record, layout::DATABASE)?;
        }
        for change in outbox {
            recorded.deliveries +=
                outbox::apply(self.transaction, change, self.now).during(Action::Record, layout::DATABASE)?;
        }
        if let Some(before) = prune {
            recorded.pruned =
                prune::settled(self.transaction, before).during(Action::Record, layout::DATABASE)?;
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

/// A statement that is taken from those that are kept prepared when it is needed first.
struct Lazy<'t> {
    transaction: &'t Transaction<'t>,
    sql: &'static str,
    statement: Option<CachedStatement<'t>>,
}

impl<'t> Lazy<'t> {
    fn get(&mut self) -> rusqlite::Result<&mut CachedStatement<'t>> {
        match &mut self.statement {
            Some(_) => {}
            empty => *empty = Some(self.transaction.prepare_cached(self.sql)?),
        }
        self.statement.as_mut().ok_or(rusqlite::Error::InvalidQuery)
    }
}
