//! Checking everything: every byte of every segment, the ledger, the runs, the catalog.
//!
//! Nothing is changed, and the first finding does not end it.

mod catalog;
mod files;
mod media;
mod sample;
mod segments;

use std::collections::{BTreeMap, BTreeSet};

use frontdesk_domain::RecordId;
use frontdesk_durable::{Dir, Head};

use crate::catalog::{self as tables, Catalog, Mark, SegmentMark};
use crate::error::{Action, Error, ErrorKind};
use crate::layout;
use crate::ledger;
use crate::open::check_format;
use crate::reader::{self, Reader};

pub use self::sample::Sampled;

/// How thorough to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyOptions {
    /// Compare every row of the catalog with the segments even where the catalog's file is bit for bit what the last
    /// writer left (its checksum says so). Without a checksum, as after an unclean stop or beside a writer, the rows
    /// are compared in any case.
    pub compare_catalog: bool,
}

/// How far a verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Packed bytes checked.
    pub done_bytes: u64,
    /// Packed bytes there are to check.
    pub total_bytes: u64,
    /// Records checked.
    pub records: u64,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Records whose bytes are what their hash says.
    pub records: u64,
    /// Bytes of those records.
    pub raw_bytes: u64,
    /// What is not as it was stored: the first 10,000 places. Empty when all is well.
    pub damaged: Vec<Damaged>,
    /// How many more there are.
    pub more_damaged: u64,
    /// What an unclean stop left and the next writer settles: nothing of it was ever acknowledged.
    pub unfinished: Vec<Damaged>,
    /// The records among what is damaged, by sequence, with what is wrong.
    pub(crate) records_damaged: BTreeMap<u64, String>,
    /// Whether there are damaged records that are not among them.
    pub(crate) unnamed: bool,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// The file, relative to the archive's folder.
    pub path: String,
    /// The record it concerns, where that is known.
    pub id: Option<RecordId>,
    /// What is wrong, without customer text.
    pub what: String,
}

/// Findings as they are collected.
#[derive(Debug, Default)]
struct Findings {
    report: VerifyReport,
}

/// Findings kept: a disk that went bad may have one for each of millions of records, which nobody reads one by one.
const MOST_FINDINGS: usize = 10_000;

impl Findings {
    fn damaged(&mut self, path: impl Into<String>, what: impl Into<String>) {
        self.add(|| Damaged { path: path.into(), id: None, what: what.into() });
    }

    /// Which records are not as they were stored.
    fn records(&mut self, sequences: impl IntoIterator<Item = u64>, what: &str) {
        let known = &mut self.report.records_damaged;
        for sequence in sequences {
            if known.len() < MOST_FINDINGS {
                known.insert(sequence, what.to_owned());
            } else {
                self.report.unnamed = true;
            }
        }
    }

    fn record(&mut self, path: &str, id: Option<RecordId>, what: &str) {
        self.add(|| Damaged { path: path.to_owned(), id, what: what.to_owned() });
    }

    fn add(&mut self, damaged: impl FnOnce() -> Damaged) {
        if self.report.damaged.len() < MOST_FINDINGS {
            self.report.damaged.push(damaged());
        } else {
            self.report.more_damaged += 1;
        }
    }

    fn unfinished(&mut self, path: impl Into<String>, what: impl Into<String>) {
        self.report.unfinished.push(Damaged { path: path.into(), id: None, what: what.into() });
    }

    /// Takes an error that says something is damaged as a finding; others are returned.
    fn take<T>(&mut self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) => match error.kind() {
                ErrorKind::Damage { what } => {
                    self.damaged(error.path(), what.clone());
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }
}

impl Findings {
    /// Takes an answer of the catalog; when it cannot give one, that is the finding.
    fn catalog<T>(&mut self, answer: Result<T, Error>) -> Result<Option<T>, Error> {
        match answer {
            Ok(value) => Ok(Some(value)),
            Err(error) if *error.kind() == ErrorKind::Catalog => {
                const UNREADABLE: &str = "it cannot be read";
                let told = |damaged: &Damaged| damaged.path == layout::CATALOG && damaged.what == UNREADABLE;
                if !self.report.damaged.iter().any(told) {
                    self.damaged(layout::CATALOG, UNREADABLE);
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// What stays the same during one verification.
struct Scope<'a> {
    dir: &'a dyn Dir,
    archive: [u8; 16],
    workers: usize,
    /// Whether a writer is at work: what lies behind the catalog's mark is its business then.
    active: bool,
    /// The folder's own catalog, fixed at one moment.
    catalog: Option<(Catalog, Mark)>,
    /// Segments the catalog knows and copies have taken the place of, by number, with the number of the copy.
    replaced: BTreeMap<u32, u32>,
    /// Removed records whose bytes are in a segment still.
    hidden: BTreeSet<u64>,
}

impl Scope<'_> {
    /// How far the catalog covers a segment, and whether it does so under the number of the one it is a copy of.
    fn covered(&self, number: u32) -> Option<(&SegmentMark, bool)> {
        let (_, mark) = self.catalog.as_ref()?;
        if let Some(found) = mark.segments.get(&number) {
            return Some((found, false));
        }
        let (old, _) = self.replaced.iter().find(|(_, new)| **new == number)?;
        mark.segments.get(old).map(|found| (found, true))
    }

    /// The number under which the members of a segment lie now.
    fn now(&self, number: u32) -> u32 {
        self.replaced.get(&number).copied().unwrap_or(number)
    }
}

/// How often everything is checked again because a writer came, or went, or moved segments meanwhile.
const LOOKS: u32 = 3;

impl Reader {
    /// Checks every byte of the archive. Beside a writer it checks what is acknowledged when it begins.
    ///
    /// Of each segment: the fixed gzip bytes, each member's header with its checksum and its place in the chain,
    /// packed checksum, inflated length and checksum, each record's SHA-256, where the segment ends. Of the rest:
    /// `FORMAT.json`, the chains of ledger and run logs, the checksum files, the catalog, and that there is no file
    /// nobody can explain. `progress` is called about once per 256 KiB. Where something is found and a writer came or
    /// went meanwhile, everything is checked once more: it begins anew then.
    ///
    /// # Errors
    /// What the file system says, other than about single segments. Damage is in the report.
    pub fn verify(
        &self,
        options: &VerifyOptions,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<VerifyReport, Error> {
        let mut looks = 1;
        loop {
            let before = self.moment()?;
            let report = self.check(options, before.0, progress)?;
            if report.damaged.is_empty() || looks == LOOKS || self.moment()? == before {
                return Ok(report);
            }
            looks += 1;
        }
    }

    /// Whether a writer is at work, and where the ledger ends: as long as both stay, no segment changes its place.
    fn moment(&self) -> Result<(bool, Option<Head>), Error> {
        let active = files::is_writer_active(&*self.dir)?;
        Ok((active, ledger::read(&*self.dir, &self.format).ok().map(|ledgered| ledgered.head)))
    }

    fn check(
        &self,
        options: &VerifyOptions,
        active: bool,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<VerifyReport, Error> {
        let dir = &*self.dir;
        let mut findings = Findings::default();
        let usable = reader::usable_now(dir, &self.format)?;
        if usable.is_none() && dir.local_path(layout::CATALOG).is_file() && !active {
            findings
                .damaged(layout::CATALOG, "it cannot be used; a writer or reader that may write rebuilds it");
        }
        let catalog = match usable {
            Some((catalog, _)) => findings.catalog(catalog.fixed(&self.format.archive()))?.flatten(),
            None => None,
        };
        let ledgered = findings.take(ledger::read(dir, &self.format))?;
        let behind = match (&ledgered, &catalog) {
            (Some(ledgered), Some((_, mark))) => {
                tables::gather(dir, self.format.archive(), ledgered, Some(mark))?.is_behind_the_ledger()
            }
            _ => false,
        };
        // A removal was interrupted: the rows are those of before, and the next writer takes them away.
        let catalog = catalog.filter(|_| !behind);
        if behind && !active {
            findings.unfinished(
                layout::CATALOG,
                "it is behind the ledger, and the next writer brings it up to date",
            );
        }
        let mut replaced = BTreeMap::new();
        if let (Some(ledgered), Some((_, mark))) = (&ledgered, &catalog) {
            let known = mark.segments.keys().filter(|number| !ledgered.is_living(**number));
            replaced.extend(known.filter_map(|number| Some((*number, ledgered.successor(*number)?))));
        }
        let (archive, workers) = (self.format.archive(), self.workers);
        let mut hidden = BTreeSet::new();
        for number in ledgered.iter().flat_map(|ledgered| &ledgered.unrewritten) {
            if let Some((catalog, mark)) = &catalog {
                // The ledger names a segment by its number now, the catalog by the one it was copied from.
                let old = replaced.iter().find(|(_, new)| *new == number).map(|(old, _)| *old);
                let known = old.filter(|_| !mark.segments.contains_key(number)).unwrap_or(*number);
                hidden.extend(findings.catalog(catalog.hidden(known))?.unwrap_or_default());
            }
        }
        let scope = Scope { dir, archive, workers, active, catalog, replaced, hidden };

        if let Some(ledgered) = &ledgered {
            if ledgered.torn.is_some() && !active {
                findings.unfinished(layout::LEDGER, "its last line was not finished");
            }
            findings.take(check_format(dir, ledgered))?;
            if let Some((_, mark)) = &scope.catalog
                && !ledgered.knows(&mark.ledger, &self.format.ledger_seed())
            {
                findings.damaged(layout::LEDGER, "lines are gone that the catalog knows, or were replaced");
            }
        }
        files::check(&scope, &self.format, ledgered.as_ref(), &mut findings)?;
        let compare = catalog::must_compare(&scope, options, &mut findings)?;
        let seen = segments::check(&scope, ledgered.as_ref(), compare, &mut findings, progress)?;
        media::check(self, &scope, ledgered.as_ref(), &mut findings)?;
        if let (true, Some((catalog, mark))) = (compare, &scope.catalog) {
            let checked = catalog::check(&scope, catalog, mark.conversations, &seen, &mut findings);
            findings.catalog(checked)?;
        }
        if active && !findings.report.damaged.is_empty() {
            tracing::debug!(action = %Action::Verify, "a writer was at work");
        }
        Ok(findings.report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_beyond_the_first_are_counted() {
        let mut findings = Findings::default();
        for number in 0..MOST_FINDINGS + 3 {
            findings.record("segments/a", None, &number.to_string());
        }
        assert_eq!(findings.report.damaged.len(), MOST_FINDINGS);
        assert_eq!(findings.report.damaged[MOST_FINDINGS - 1].what, (MOST_FINDINGS - 1).to_string());
        assert_eq!(findings.report.more_damaged, 3);
    }
}
