//! Which files records refer to.
//!
//! A row for each record of kind `media` and each file in it. Rows of a removed record stay until its bytes are taken out
//! of its segment (`hidden`): until then it is not done what must become of its files.

use frontdesk_domain::media::{MediaFile, MediaHash};
use frontdesk_durable::Sha256Hash;
use rusqlite::params;

use super::write::Change;
use super::{Catalog, CatalogResult};
use crate::error::Error;

const SHOWN: &str = "NOT EXISTS (SELECT 1 FROM hidden h WHERE h.sequence = m.sequence)";

impl Change<'_> {
    /// Notes the files that a record refers to.
    pub(crate) fn refer(&mut self, sequence: u64, files: &[MediaFile]) -> Result<(), Error> {
        if files.is_empty() {
            return Ok(());
        }
        let sql = "INSERT OR IGNORE INTO media (sha256, sequence, length) VALUES (?1, ?2, ?3)";
        let mut statement = self.connection().prepare(sql).in_catalog()?;
        for file in files {
            let length = file.bytes.cast_signed();
            statement.execute(params![&file.sha256.0[..], sequence.cast_signed(), length]).in_catalog()?;
        }
        Ok(())
    }
}

impl Catalog {
    /// Whether any record refers to a file, removed ones whose bytes are there still included.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn refers_to(&self, sha256: &Sha256Hash) -> Result<bool, Error> {
        let sql = "SELECT EXISTS (SELECT 1 FROM media WHERE sha256 = ?1)";
        self.connection.query_row(sql, params![&sha256[..]], |row| row.get(0)).in_catalog()
    }

    /// Whether a record that readers see refers to a file.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn shows(&self, sha256: &Sha256Hash) -> Result<bool, Error> {
        let sql = format!("SELECT EXISTS (SELECT 1 FROM media m WHERE m.sha256 = ?1 AND {SHOWN})");
        self.connection.query_row(&sql, params![&sha256[..]], |row| row.get(0)).in_catalog()
    }

    /// The files that removed records of a segment refer to, and no record that readers see.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn of_hidden_alone(&self, segment: u32) -> Result<Vec<Sha256Hash>, Error> {
        let sql = format!(
            "SELECT DISTINCT g.sha256 FROM hidden r JOIN media g ON g.sequence = r.sequence
             WHERE r.segment = ?1
                 AND NOT EXISTS (SELECT 1 FROM media m WHERE m.sha256 = g.sha256 AND {SHOWN})"
        );
        let mut statement = self.connection.prepare(&sql).in_catalog()?;
        let rows = statement.query_map(params![segment], |row| row.get(0)).in_catalog()?;
        rows.collect::<rusqlite::Result<_>>().in_catalog()
    }

    /// Every file that records refer to which readers see, in the order of hashes.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn files(&self) -> Result<Vec<MediaHash>, Error> {
        let sql = format!("SELECT DISTINCT m.sha256 FROM media m WHERE {SHOWN} ORDER BY m.sha256");
        let mut statement = self.connection.prepare(&sql).in_catalog()?;
        let rows = statement.query_map([], |row| row.get(0).map(MediaHash)).in_catalog()?;
        rows.collect::<rusqlite::Result<_>>().in_catalog()
    }

    /// The files one record refers to, by hash.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn files_of(&self, sequence: u64) -> Result<Vec<Sha256Hash>, Error> {
        let sql = "SELECT sha256 FROM media WHERE sequence = ?1 ORDER BY sha256";
        let mut statement = self.connection.prepare(sql).in_catalog()?;
        let rows = statement.query_map(params![sequence.cast_signed()], |row| row.get(0)).in_catalog()?;
        rows.collect::<rusqlite::Result<_>>().in_catalog()
    }

    /// How many files there are that readers see, and their bytes.
    ///
    /// # Errors
    /// What SQLite says.
    pub(crate) fn media_sums(&self) -> Result<(u64, u64), Error> {
        let sql = format!(
            "SELECT count(*), coalesce(sum(length), 0) FROM
                 (SELECT m.sha256, max(m.length) AS length FROM media m WHERE {SHOWN} GROUP BY m.sha256)"
        );
        let sums =
            self.connection.query_row(&sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        sums.in_catalog().map(|(files, bytes)| (files.cast_unsigned(), bytes.cast_unsigned()))
    }
}
