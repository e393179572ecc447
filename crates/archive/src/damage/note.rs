//! Writing down what a check found, and taking back what it found sound.

use std::collections::BTreeMap;
use std::time::Duration;

use frontdesk_domain::Timestamp;
use frontdesk_durable::Lock;

use super::Examined;
use super::findings::{self, Finding, MOST};
use crate::error::Error;
use crate::layout;
use crate::open;
use crate::reader::Reader;
use crate::verify::{Sampled, VerifyReport};

/// How long another check may take to write down what it found.
const WAIT: Duration = Duration::from_secs(5);

/// What a check says of records.
#[derive(Default)]
struct Looked {
    /// By sequence: what is wrong, or nothing.
    records: BTreeMap<u64, Option<String>>,
    /// Whether everything was looked at, so that whatever is not named is sound.
    all: bool,
}

impl Reader {
    /// Writes down what a verification found, so that searches say so; what was found before and is sound now is taken
    /// back. Nothing is written where that changes nothing.
    ///
    /// # Errors
    /// `ReadOnly` where the folder cannot be written, `Busy`; what the file system and the catalog say.
    pub fn note_verified(&self, report: &VerifyReport, at: Timestamp) -> Result<(), Error> {
        let wrong = report.records_damaged.iter().map(|(sequence, what)| (*sequence, Some(what.clone())));
        self.note(&Looked { records: wrong.collect(), all: !report.unnamed }, at)
    }

    /// The same of a look at some records.
    ///
    /// # Errors
    /// As [`Reader::note_verified`].
    pub fn note_sampled(&self, sampled: &Sampled, at: Timestamp) -> Result<(), Error> {
        self.note(&Looked { records: sampled.looked.clone(), all: false }, at)
    }

    /// The same of a look at one conversation.
    ///
    /// # Errors
    /// As [`Reader::note_verified`].
    pub fn note_examined(&self, examined: &[Examined], at: Timestamp) -> Result<(), Error> {
        let looked =
            examined.iter().map(|one| (one.sequence, one.outcome.as_ref().err().map(ToString::to_string)));
        self.note(&Looked { records: looked.collect(), all: false }, at)
    }

    /// Sequences of what checks found, for the next to look at again.
    pub(crate) fn found_damaged(&self) -> Vec<u64> {
        self.findings().into_iter().map(|finding| finding.sequence).collect()
    }

    fn note(&self, looked: &Looked, at: Timestamp) -> Result<(), Error> {
        let nothing = looked.records.values().all(Option::is_none);
        if nothing && self.findings().is_empty() {
            return Ok(());
        }
        let holder = &self.options().holder;
        let lock =
            Lock::acquire(self.dir.clone(), layout::FINDINGS_LOCK, holder, WAIT, &mut std::thread::sleep)
                .map_err(open::lock_error)?;
        let before = self.findings();
        let after = self.ask(|catalog| {
            let mut by_sequence = catalog.by_sequence()?;
            let lost = catalog.lost(None)?;
            let mut kept: BTreeMap<u64, Finding> = BTreeMap::new();
            for finding in &before {
                let there = by_sequence(finding.sequence)?.is_some();
                let over = lost.binary_search_by_key(&finding.sequence, |lost| lost.sequence).is_ok()
                    || (!there && catalog.tombstone(&finding.id)?.is_some());
                let sound = match looked.records.get(&finding.sequence) {
                    Some(wrong) => wrong.is_none(),
                    // What the catalog does not have was not looked at.
                    None => looked.all && there,
                };
                if !over && !sound {
                    kept.insert(finding.sequence, finding.clone());
                }
            }
            for (sequence, what) in &looked.records {
                let Some(what) = what else { continue };
                if let Some(known) = kept.get_mut(sequence) {
                    known.what.clone_from(what);
                } else if let Some(row) = by_sequence(*sequence)?.filter(|_| kept.len() < MOST) {
                    let started_at = row.started_at();
                    kept.insert(
                        *sequence,
                        Finding {
                            sequence: *sequence,
                            kind: row.key.kind,
                            id: row.key.id,
                            version: row.version,
                            started_at,
                            found_at: at,
                            what: what.clone(),
                        },
                    );
                }
            }
            Ok(kept.into_values().collect::<Vec<_>>())
        })?;
        if after != before {
            findings::write(&*self.dir, self.archive_id(), after)?;
        }
        drop(lock);
        Ok(())
    }
}
