//! Checking a journal: is everything there, and is it what was written?

mod heads;
mod rows;
mod walk;

use std::ops::ControlFlow;

use crate::error::{Action, During, Error, ErrorKind};
use crate::head::Head;
use crate::keys::KeyRing;
use crate::layout;
use crate::reader::Reader;

/// Findings that are kept; the others are counted.
const KEPT: usize = 1_000;

/// What a journal is compared with.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// The keys its heads were signed with. Without them signatures are not checked, and whoever could write the file
    /// could write all of it anew: then only a trusted head tells.
    pub keys: Option<KeyRing>,
    /// A head that was kept elsewhere. The journal must be it, or have grown out of it.
    pub trusted: Option<Head>,
    /// The head that lies beside the database, where there is one ([`Reader::head_beside`]).
    pub beside: Option<Head>,
    /// Whether a file lies there that is no head: a finding.
    pub bad_beside: bool,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The journal's id.
    pub journal: String,
    /// Entries read.
    pub entries: u64,
    /// Heads compared, the trusted ones included.
    pub heads: u64,
    /// Personal values that agree with their commitments.
    pub personal: u64,
    /// Personal values that were destroyed, and an entry says so.
    pub shredded: u64,
    /// Rows outside the chain (intents, items) whose checksum is right.
    pub rows: u64,
    /// What can be said about signatures.
    pub signatures: Signatures,
    /// What is wrong, the first bad entry first. At most 1,000 of them.
    pub findings: Vec<Finding>,
    /// Findings that are not listed.
    pub more_findings: u64,
    /// The newest head.
    pub head: Option<Head>,
}

impl Verified {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Number of the first entry that is wrong or missing; `None` when none is, or when what is wrong is no entry.
    #[must_use]
    pub fn first_bad(&self) -> Option<u64> {
        self.findings.iter().filter_map(|finding| finding.entry).min()
    }
}

/// What can be said about the signatures of heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signatures {
    /// Every head was signed with a key that was given.
    Checked,
    /// No keys were given.
    NotChecked,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The entry; `None` when it is something else that is wrong.
    pub entry: Option<u64>,
    /// What is wrong, without personal values.
    pub what: String,
}

impl Reader {
    /// Checks everything: numbers, chain, commitments, heads and their signatures, destroyed values, checksums of the
    /// other rows, and SQLite's own structure. Reads the journal once, in order, with flat memory, as it is at one moment:
    /// writers go on meanwhile. `progress` is told how many entries were read, and may break.
    ///
    /// # Errors
    /// `Interrupted` when `progress` broke; `Storage` when the file cannot be read. What is wrong with the journal is no
    /// error: it is in the answer.
    pub fn verify(
        &self,
        options: &VerifyOptions,
        progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Verified, Error> {
        let snapshot = self.connection.unchecked_transaction().during(Action::Verify, layout::DATABASE)?;
        let mut findings = Findings::default();
        let mut heads = heads::Heads::new(&snapshot, &self.journal, options)?;
        if options.bad_beside {
            let what = "head.json is no head; when nothing else is wrong, move it away: the next command writes it anew";
            findings.add(None, what);
        }
        let walked = walk::walk(&snapshot, &self.journal, &mut heads, &mut findings, progress)?;
        heads.finish(&walked, &mut findings)?;
        let rows = rows::check(&snapshot, &mut findings)?;
        rows::check_structure(&snapshot, &mut findings)?;
        findings.list.sort_by_key(|finding| finding.entry.unwrap_or(u64::MAX));
        Ok(Verified {
            journal: self.journal.clone(),
            entries: walked.count,
            heads: heads.compared,
            personal: walked.personal,
            shredded: walked.shredded,
            rows,
            signatures: match options.keys {
                Some(_) => Signatures::Checked,
                None => Signatures::NotChecked,
            },
            findings: findings.list,
            more_findings: findings.more,
            head: heads.newest,
        })
    }

    /// The head that lies beside the database; `None` when there is none.
    ///
    /// # Errors
    /// `Damage` when what is there is no head.
    pub fn head_beside(&self) -> Result<Option<Head>, Error> {
        let shown = self.root.display().to_string();
        let dir = frontdesk_durable::OsDir::open(&self.root).during(Action::Open, &shown)?;
        crate::open::head_beside(&dir)
    }
}

/// What is wrong so far.
#[derive(Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
    more: u64,
}

impl Findings {
    pub(crate) fn add(&mut self, entry: impl Into<Option<u64>>, what: impl Into<String>) {
        if self.list.len() < KEPT {
            self.list.push(Finding { entry: entry.into(), what: what.into() });
        } else {
            self.more += 1;
        }
    }

    /// The entries that are wrong so far.
    fn entries(&self) -> impl Iterator<Item = u64> + '_ {
        self.list.iter().filter_map(|finding| finding.entry)
    }

    /// A failure of SQLite: damage is a finding, anything else ends the check.
    pub(crate) fn failed(
        &mut self,
        entry: impl Into<Option<u64>>,
        error: rusqlite::Error,
    ) -> Result<(), Error> {
        match Err::<(), _>(error).during(Action::Verify, layout::DATABASE) {
            Err(error) if matches!(error.kind(), ErrorKind::Damage { .. }) => {
                self.add(entry, "SQLite cannot read it");
                Ok(())
            }
            other => other,
        }
    }
}
