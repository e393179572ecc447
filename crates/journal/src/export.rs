//! The chain as lines of text, so that others can check it.

use std::ops::ControlFlow;

use frontdesk_durable::to_hex;
use serde::Serialize;

use crate::entry::{Personal, PersonalRow, read_entry};
use crate::error::{Action, During, Error};
use crate::layout;
use crate::reader::Reader;
use crate::store;

/// What the first line of a chain says it is.
const FORMAT: &str = "frontdesk-journal-chain-v1";

/// Whether personal values go along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalValues {
    /// Each with its salt, so that it can be checked against its commitment.
    Included,
    /// Left out: the chain can be checked all the same.
    LeftOut,
}

#[derive(Serialize)]
struct First<'a> {
    format: &'a str,
    journal: &'a str,
}

#[derive(Serialize)]
struct Last<'a> {
    head: &'a crate::Head,
}

impl Reader {
    /// Gives the whole chain as lines, as it is at one moment, until `each` breaks (`docs/journal.md`): one that says what
    /// this is, one for each entry, and the newest head. What the hash of an entry covers is the text of its `entry`,
    /// byte for byte.
    ///
    /// # Errors
    /// `Damage` when an entry cannot be read; what SQLite says.
    pub fn chain(
        &self,
        personal: PersonalValues,
        each: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let snapshot = self.connection.unchecked_transaction().during(Action::Export, layout::DATABASE)?;
        let head = store::newest_head(&snapshot, &self.journal)?
            .ok_or_else(|| Error::damage(Action::Export, "there is no head"))?;
        if each(&json(&First { format: FORMAT, journal: &self.journal })?).is_break() {
            return Ok(());
        }
        let mut failed = None;
        let mut walk = || -> rusqlite::Result<ControlFlow<()>> {
            let mut statement = snapshot.prepare(
                "SELECT number, at, kind, body, hash FROM entries WHERE number <= ?1 ORDER BY number",
            )?;
            let mut values = Personal::prepare(&snapshot)?;
            let mut rows = statement.query([head.count])?;
            while let Some(row) = rows.next()? {
                let entry = read_entry(row, &mut values)?;
                let with = match personal {
                    PersonalValues::Included => &entry.personal[..],
                    PersonalValues::LeftOut => &[],
                };
                match line(entry.body(), with) {
                    Ok(line) => {
                        if each(&line).is_break() {
                            return Ok(ControlFlow::Break(()));
                        }
                    }
                    Err(error) => {
                        failed = Some(error);
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            Ok(ControlFlow::Continue(()))
        };
        let walked = walk().during(Action::Export, layout::DATABASE)?;
        if let Some(error) = failed {
            return Err(error);
        }
        if walked.is_continue() {
            let _ = each(&json(&Last { head: &head })?);
        }
        Ok(())
    }
}

/// An entry's line: its text untouched, and beside it the values it commits to.
fn line(body: &str, personal: &[PersonalRow]) -> Result<String, Error> {
    let mut line = format!("{{\"entry\":{body}");
    let mut first = true;
    for row in personal {
        let (Some(value), Some(salt)) = (&row.value, &row.salt) else { continue };
        let (Ok(value), Ok(salt)) = (std::str::from_utf8(value), <&[u8; 32]>::try_from(&salt[..])) else {
            return Err(Error::damage(Action::Export, "a personal value is not what was written"));
        };
        line.push_str(if first { ",\"personal\":{" } else { "," });
        first = false;
        line.push_str(&format!("{}:{{\"value\":{value},\"salt\":\"{}\"}}", json(&row.field)?, to_hex(salt)));
    }
    line.push_str(if first { "}" } else { "}}" });
    Ok(line)
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(std::io::Error::other).during(Action::Export, layout::DATABASE)
}
