//! An entry as it is read back.

use std::fmt;

use frontdesk_domain::Timestamp;
use rusqlite::{Connection, Row, Statement};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chain::Hash;
use crate::error::{Action, Error};
use crate::prepared::Fields;

/// One audit entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub number: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Its kind, as it is stored.
    pub kind: String,
    pub(crate) body: String,
    pub(crate) hash: Hash,
    pub(crate) personal: Vec<PersonalRow>,
}

/// A personal value of an entry, as it is stored. A destroyed one has neither value nor salt.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PersonalRow {
    pub(crate) field: String,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) salt: Option<Vec<u8>>,
    pub(crate) shredded: Option<u64>,
}

impl Entry {
    /// The text the chain covers: a JSON object in which commitments stand for personal values.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The entry's hash: of the hash before it and its body.
    #[must_use]
    pub fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The documents' object, personal values in their places; null where one was destroyed.
    ///
    /// # Errors
    /// `Damage` when the body is not what was written.
    pub fn record(&self) -> Result<String, Error> {
        let body: Body<'_> = self.parsed()?;
        let mut text = String::with_capacity(body.record.get().len());
        self.restore(body.record, &mut text)?;
        Ok(text)
    }

    /// The whole entry as a JSON object, personal values in their places.
    ///
    /// # Errors
    /// `Damage` when the body is not what was written.
    pub fn whole(&self) -> Result<String, Error> {
        let Fields(fields) = serde_json::from_str(&self.body).map_err(|_| self.damage())?;
        let mut text = String::from("{");
        for (name, value) in &fields {
            if name == "personal" {
                continue;
            }
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&format!("\"{name}\":"));
            if name == "record" {
                self.restore(value, &mut text)?;
            } else {
                text.push_str(value.get());
            }
        }
        text.push('}');
        Ok(text)
    }

    fn restore(&self, record: &RawValue, text: &mut String) -> Result<(), Error> {
        if self.personal.is_empty() {
            text.push_str(record.get());
            return Ok(());
        }
        let Fields(fields) = serde_json::from_str(record.get()).map_err(|_| self.damage())?;
        text.push('{');
        for (index, (name, value)) in fields.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&format!("{}:", serde_json::to_string(name).map_err(|_| self.damage())?));
            match self.personal.iter().find(|row| row.field == *name) {
                None => text.push_str(value.get()),
                Some(row) => match &row.value {
                    None => text.push_str("null"),
                    Some(value) => text.push_str(std::str::from_utf8(value).map_err(|_| self.damage())?),
                },
            }
        }
        text.push('}');
        Ok(())
    }

    pub(crate) fn parsed(&self) -> Result<Body<'_>, Error> {
        serde_json::from_str(&self.body).map_err(|_| self.damage())
    }

    fn damage(&self) -> Error {
        Error::damage(Action::Read, format!("entry {} is not what was written", self.number))
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("number", &self.number)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// What a body says.
#[derive(Deserialize)]
pub(crate) struct Body<'a> {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
    #[serde(borrow)]
    pub(crate) kind: std::borrow::Cow<'a, str>,
    #[serde(default)]
    pub(crate) personal: Vec<String>,
    #[serde(borrow)]
    pub(crate) record: &'a RawValue,
}

/// Looks up the personal values of entries.
pub(crate) struct Personal<'c>(Statement<'c>);

impl<'c> Personal<'c> {
    pub(crate) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT field, value, salt, shredded FROM personal WHERE number = ?1 ORDER BY field";
        connection.prepare(sql).map(Self)
    }

    fn of(&mut self, number: u64) -> rusqlite::Result<Vec<PersonalRow>> {
        self.0
            .query_map([number], |row| {
                Ok(PersonalRow {
                    field: row.get(0)?,
                    value: row.get(1)?,
                    salt: row.get(2)?,
                    shredded: row.get(3)?,
                })
            })?
            .collect()
    }
}

/// A row of `entries`: number, time, kind, body, hash.
pub(crate) fn read_entry(row: &Row<'_>, personal: &mut Personal<'_>) -> rusqlite::Result<Entry> {
    let number = row.get(0)?;
    let body: Vec<u8> = row.get(3)?;
    let body = String::from_utf8(body).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(3, rusqlite::types::Type::Blob, error.into())
    })?;
    Ok(Entry {
        number,
        at: Timestamp::from_micros(row.get(1)?).unwrap_or(Timestamp::MIN),
        kind: row.get(2)?,
        body,
        hash: row.get(4)?,
        personal: personal.of(number)?,
    })
}
