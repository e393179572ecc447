//! Reading a plan: checked whole before its first guest is given out.

use std::fmt;
use std::io;
use std::sync::Arc;

use frontdesk_durable::Dir;
use serde::de::DeserializeOwned;

use super::{Outset, PlanCounts, Planned, Seal, VERSION, ledger, seal};
use crate::file::Reading;

/// A plan that is as it was made.
#[derive(Debug, Clone)]
pub struct PlanFile {
    dir: Arc<dyn Dir>,
    name: String,
    outset: Outset,
    counts: PlanCounts,
    sha256: String,
}

/// Why a file is no plan that can be carried out.
#[derive(Debug)]
#[non_exhaustive]
pub enum PlanError {
    /// It cannot be read.
    Io(io::Error),
    /// It is no plan, or one of another version.
    NotAPlan,
    /// It was changed or cut since it was made; in words, what was found.
    Changed(&'static str),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(_) => f.write_str("the plan cannot be read"),
            Self::NotAPlan => f.write_str("the file is no plan of this version"),
            Self::Changed(what) => write!(f, "the plan is not as it was made: {what}"),
        }
    }
}

impl std::error::Error for PlanError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for PlanError {
    fn from(error: io::Error) -> Self {
        // How a line is cut is found while it is read.
        if error.kind() == io::ErrorKind::InvalidData {
            Self::Changed("a line is cut or too long")
        } else {
            Self::Io(error)
        }
    }
}

impl PlanFile {
    /// Reads the plan `name` in `dir` from end to end and checks its hash, its counts and each of its lines.
    ///
    /// # Errors
    /// [`PlanError`]; nothing was done then.
    pub fn open(dir: Arc<dyn Dir>, name: &str) -> Result<Self, PlanError> {
        let mut walk = Walk::open(&*dir, name)?;
        let outset = walk.outset.clone();
        while walk.next_guest()?.is_some() {}
        let (counts, sha256) = walk.sealed.ok_or(PlanError::Changed("its last line is missing"))?;
        Ok(Self { dir, name: name.to_owned(), outset, counts, sha256 })
    }

    /// What it was made for.
    #[must_use]
    pub fn outset(&self) -> &Outset {
        &self.outset
    }

    /// What it comes to.
    #[must_use]
    pub fn counts(&self) -> &PlanCounts {
        &self.counts
    }

    /// The hash it is bound by, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The ledger its guests are kept in.
    pub(crate) fn ledger(&self) -> String {
        ledger(&self.sha256)
    }

    /// The guests, in order, each with its number from 0. The file is checked again on the way: one that changed since
    /// [`PlanFile::open`] ends in an error before its last guest is past.
    ///
    /// # Errors
    /// As [`PlanFile::open`].
    pub fn guests(&self) -> Result<Guests, PlanError> {
        let walk = Walk::open(&*self.dir, &self.name)?;
        if walk.outset != self.outset {
            return Err(PlanError::Changed("its first line is another"));
        }
        Ok(Guests { walk: Some(walk), number: 0, sha256: self.sha256.clone() })
    }
}

/// The guests of a plan, each with its number from 0.
pub struct Guests {
    walk: Option<Walk>,
    number: u64,
    sha256: String,
}

impl Iterator for Guests {
    type Item = Result<(u64, Planned), PlanError>;

    fn next(&mut self) -> Option<Self::Item> {
        let walk = self.walk.as_mut()?;
        match walk.next_guest() {
            Ok(Some(planned)) => {
                self.number += 1;
                Some(Ok((self.number - 1, planned)))
            }
            Ok(None) => {
                let same = walk.sealed.as_ref().is_some_and(|(_, sha256)| *sha256 == self.sha256);
                self.walk = None;
                (!same).then_some(Err(PlanError::Changed("it is another plan than at the start")))
            }
            Err(error) => {
                self.walk = None;
                Some(Err(error))
            }
        }
    }
}

impl fmt::Debug for Guests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guests").field("number", &self.number).finish_non_exhaustive()
    }
}

/// One way through the file.
struct Walk {
    reading: Reading,
    outset: Outset,
    counts: PlanCounts,
    sealed: Option<(PlanCounts, String)>,
}

impl Walk {
    fn open(dir: &dyn Dir, name: &str) -> Result<Self, PlanError> {
        let mut reading = Reading::open(dir, name)?;
        let line = reading.line().map_err(|_| PlanError::NotAPlan)?.ok_or(PlanError::NotAPlan)?;
        let outset: Outset = parse(&line).ok_or(PlanError::NotAPlan)?;
        if outset.plan != "session.close" || outset.version != VERSION {
            return Err(PlanError::NotAPlan);
        }
        reading.digest_line(&line);
        Ok(Self { reading, outset, counts: PlanCounts::default(), sealed: None })
    }

    fn next_guest(&mut self) -> Result<Option<Planned>, PlanError> {
        let Some(line) = self.reading.line()? else { return Ok(None) };
        if self.sealed.is_some() {
            return Err(PlanError::Changed("there is more after its last line"));
        }
        if let Some(planned) = parse::<Planned>(&line) {
            self.reading.digest_line(&line);
            self.counts.add(&planned.planned);
            return Ok(Some(planned));
        }
        let found: Seal = parse(&line).ok_or(PlanError::Changed("a line is not what a plan holds"))?;
        self.counts.repeated = found.counts.repeated;
        if found.counts != self.counts {
            return Err(PlanError::Changed("its counts are not those of its guests"));
        }
        if found.sha256 != seal(&self.reading.digest(), &found.counts) {
            return Err(PlanError::Changed("its hash is not that of its lines"));
        }
        self.sealed = Some((found.counts, found.sha256));
        // Whatever follows is found by the next call.
        self.next_guest()
    }
}

fn parse<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    serde_json::from_slice(line).ok()
}
