//! Entry by entry: numbers, chain, commitments.

use std::ops::ControlFlow;

use frontdesk_domain::audit::{KeyRecord, KeyStep, ShredRecord};
use frontdesk_durable::to_hex;
use rusqlite::{Connection, Row};

use super::Findings;
use super::heads::Heads;
use crate::chain::{self, Hash, SALT};
use crate::entry::{Body, Entry, Personal, read_entry};
use crate::error::{Action, Error, ErrorKind};
use crate::layout;
use crate::prepared::Fields;
use crate::shred;

/// Entries between two reports of progress.
const STEP: u64 = 4_096;

/// What the chain amounts to.
pub(super) struct Walked {
    /// Entries read.
    pub(super) count: u64,
    /// Number of the last one.
    pub(super) last: u64,
    pub(super) personal: u64,
    pub(super) shredded: u64,
}

pub(super) fn walk(
    connection: &Connection,
    journal: &str,
    heads: &mut Heads<'_>,
    findings: &mut Findings,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<Walked, Error> {
    let mut walk = Walk {
        connection,
        heads,
        findings,
        journal,
        previous: chain::genesis(journal),
        key_id: None,
        walked: Walked { count: 0, last: 0, personal: 0, shredded: 0 },
    };
    if let Err(error) = walk.all(progress) {
        match error {
            Stopped::Ours(error) => return Err(error),
            Stopped::Sqlite(error) => {
                let next = walk.walked.last + 1;
                walk.findings.failed(next, error)?;
            }
        }
    }
    walk.finish()?;
    Ok(walk.walked)
}

enum Stopped {
    Ours(Error),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Stopped {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

struct Walk<'a, 'h> {
    connection: &'a Connection,
    heads: &'a mut Heads<'h>,
    findings: &'a mut Findings,
    journal: &'a str,
    previous: Hash,
    /// The key that signs here.
    key_id: Option<String>,
    walked: Walked,
}

impl Walk<'_, '_> {
    fn all(&mut self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<(), Stopped> {
        let mut statement =
            self.connection.prepare("SELECT number, at, kind, body, hash FROM entries ORDER BY number")?;
        let mut personal = Personal::prepare(self.connection)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let number = self.number(row);
            match read_entry(row, &mut personal) {
                Ok(entry) => self.entry(&entry)?,
                Err(error) => {
                    // Nothing follows from a row that cannot be read; the next one will not follow it either.
                    self.findings.failed(number, error).map_err(Stopped::Ours)?;
                }
            }
            self.walked.count += 1;
            self.walked.last = self.walked.last.max(number);
            if self.walked.count.is_multiple_of(STEP) && progress(self.walked.count).is_break() {
                let error = Error::new(Action::Verify, layout::DATABASE, ErrorKind::Interrupted);
                return Err(Stopped::Ours(error));
            }
        }
        // Told for the last time, so that it adds up.
        let _ = progress(self.walked.count);
        Ok(())
    }

    /// The row's number; says which numbers are missing before it.
    fn number(&mut self, row: &Row<'_>) -> u64 {
        let expected = self.walked.last + 1;
        let Ok(number) = row.get::<_, u64>(0) else {
            self.findings.add(expected, "its number is none");
            return expected;
        };
        if number == 0 {
            self.findings.add(expected, "there is an entry with the number 0");
        } else if number == expected + 1 {
            self.findings.add(expected, "it is missing");
        } else if number > expected {
            self.findings.add(expected, format!("entries {expected} to {} are missing", number - 1));
        }
        number
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), Stopped> {
        let number = entry.number;
        let hash = chain::link(&self.previous, entry.body.as_bytes());
        if hash != entry.hash {
            self.findings.add(number, "it does not follow from the entry before it and its own text");
        }
        match serde_json::from_str::<Body<'_>>(&entry.body) {
            Err(_) => self.findings.add(number, "its text is no entry"),
            Ok(body) => {
                let same = body.number == number
                    && body.kind == entry.kind.as_str()
                    && body.at.as_micros() == entry.at.as_micros();
                if !same {
                    self.findings.add(number, "its row says something else than its text");
                }
                self.personal(entry, &body);
                self.own_kinds(number, &body)?;
            }
        }
        // From here on what is stored counts: one bad entry is one finding, not a finding for every entry after it.
        self.previous = entry.hash;
        self.heads.at(number, &entry.hash, self.key_id.as_deref(), self.findings).map_err(Stopped::Ours)
    }

    /// Compares the values with the commitments in the text.
    fn personal(&mut self, entry: &Entry, body: &Body<'_>) {
        if body.personal.is_empty() && entry.personal.is_empty() {
            return;
        }
        let number = entry.number;
        let Ok(Fields(fields)) = serde_json::from_str::<Fields>(body.record.get()) else {
            self.findings.add(number, "its record is no object");
            return;
        };
        for name in &body.personal {
            let committed = fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.get());
            let row = entry.personal.iter().find(|row| row.field == *name);
            match (committed, row) {
                (None, _) => self.findings.add(number, "a commitment is missing in its text"),
                (_, None) => self.findings.add(number, "a personal value is gone, and no entry says so"),
                (Some(committed), Some(row)) => match (&row.value, &row.salt, row.shredded) {
                    (Some(value), Some(salt), None) if salt.len() == SALT => {
                        let commitment = to_hex(&chain::commitment(salt, name, value));
                        if committed.trim_matches('"') == commitment {
                            self.walked.personal += 1;
                        } else {
                            self.findings.add(number, "a personal value is not the one that was recorded");
                        }
                    }
                    // What was destroyed is compared with the entry that tells of it when that comes.
                    (None, None, Some(shred)) if shred > number => {}
                    _ => self.findings.add(number, "a personal value is damaged"),
                },
            }
        }
        if entry.personal.iter().any(|row| !body.personal.contains(&row.field)) {
            self.findings.add(number, "there is a personal value that its text does not know");
        }
    }

    /// Entries about the journal itself.
    fn own_kinds(&mut self, number: u64, body: &Body<'_>) -> Result<(), Stopped> {
        match body.kind.as_ref() {
            "key" => self.key(number, body),
            "shred" => match serde_json::from_str::<ShredRecord>(body.record.get()) {
                Ok(record) => self.shred(number, &record).map_err(Stopped::Ours)?,
                Err(_) => self.findings.add(number, "its record is not one of its kind"),
            },
            _ if number == 1 => self.findings.add(number, "the first entry does not name a key"),
            _ => {}
        }
        Ok(())
    }

    /// Compares what is destroyed with what an entry says was. All of it is in rows before it, so that nothing need be
    /// kept in memory until the end.
    fn shred(&mut self, number: u64, record: &ShredRecord) -> Result<(), Error> {
        match shred::digest(self.connection, number) {
            Ok(found) if found.values == record.values && to_hex(&found.digest) == record.digest => {
                self.walked.shredded += found.values;
            }
            Ok(_) => self.findings.add(number, "other values are destroyed than it says"),
            Err(error) => self.findings.failed(number, error)?,
        }
        Ok(())
    }

    fn key(&mut self, number: u64, body: &Body<'_>) {
        let Ok(record) = serde_json::from_str::<KeyRecord>(body.record.get()) else {
            self.findings.add(number, "its record is not one of its kind");
            return;
        };
        let fits = match record.event {
            KeyStep::Created => number == 1 && record.journal.as_deref() == Some(self.journal),
            KeyStep::Rotated => number > 1 && record.previous == self.key_id,
        };
        if !fits {
            self.findings.add(number, "the key it names does not follow from the one before");
        }
        self.key_id = Some(record.key_id);
    }

    /// What no entry shows by itself: values that are destroyed and no entry tells of, or that belong to none.
    fn finish(&mut self) -> Result<(), Error> {
        if let Err(error) = self.unexplained() {
            self.findings.failed(None, error)?;
        }
        let orphans = self.connection.query_row(
            "SELECT count(*) FROM personal WHERE number NOT IN (SELECT number FROM entries)",
            [],
            |row| row.get::<_, u64>(0),
        );
        match orphans {
            Ok(0) => {}
            Ok(count) => self.findings.add(None, format!("{count} personal values belong to no entry")),
            Err(error) => self.findings.failed(None, error)?,
        }
        Ok(())
    }

    fn unexplained(&mut self) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(
            "SELECT DISTINCT p.shredded FROM personal p WHERE p.shredded IS NOT NULL AND p.shredded > p.number
                 AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.number = p.shredded AND e.kind = 'shred')
             ORDER BY p.shredded",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let number: u64 = row.get(0)?;
            self.findings.add(number, "values are destroyed on its account, and it does not say so");
        }
        Ok(())
    }
}
