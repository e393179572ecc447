//! What no chain covers: intents, items, and the structure of the file.

use rusqlite::Connection;

use super::Findings;
use crate::error::Error;
use crate::reader::{read_intent, read_item};

/// Compares the rows of intents and items with their checksums; gives how many are right.
pub(super) fn check(connection: &Connection, findings: &mut Findings) -> Result<u64, Error> {
    let mut sound = 0;
    let mut tables = || -> rusqlite::Result<()> {
        let mut statement = connection
            .prepare("SELECT id, kind, key, body, opened, outcome, settled, sum FROM intents ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            match read_intent(row) {
                Ok(_) => sound += 1,
                Err(_) => findings.add(None, "an intent is not what was written"),
            }
        }
        let mut statement = connection
            .prepare("SELECT ledger, key, state, detail, at, sum FROM items ORDER BY ledger, key")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            match read_item(row) {
                Ok(_) => sound += 1,
                Err(_) => findings.add(None, "an item of a ledger is not what was written"),
            }
        }
        Ok(())
    };
    if let Err(error) = tables() {
        findings.failed(None, error)?;
    }
    Ok(sound)
}

/// Asks SQLite about its pages and indexes.
pub(super) fn check_structure(connection: &Connection, findings: &mut Findings) -> Result<(), Error> {
    let asked = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    match asked {
        Ok(answer) if answer == "ok" => Ok(()),
        Ok(answer) => {
            findings.add(None, format!("SQLite finds its own structure damaged: {}", one_line(&answer)));
            Ok(())
        }
        Err(error) => findings.failed(None, error),
    }
}

fn one_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect()
}
