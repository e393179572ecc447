//! Which guests are meant: lines from outside, checked whole before anything is asked.
//!
//! A line is `{"guest_id", "reason", "retain_data", "external_ref"?}`. All lines are checked before the first request
//! goes out, and every problem of every line is told. A guest that is named twice with the same words counts once; with
//! other words the selection is refused, since nobody can say which of them is meant.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, BufRead};
use std::sync::Arc;

use frontdesk_api::id_hash;
use frontdesk_domain::{Ending, EndingDraft, Violation, Violations};
use frontdesk_durable::{Dir, ReadAt};

use crate::file::{LONGEST_LINE, Reading, Writing, next_line, read_line};

/// Lines with problems that are told in full; the rest is counted.
pub const MOST_BAD_LINES: usize = 20;

/// Guests that were checked, in the order of their lines, kept in a file without a name until this value is dropped.
#[derive(Debug)]
pub struct Selection {
    file: Arc<dyn ReadAt>,
    guests: u64,
    repeated: u64,
}

/// A line that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, counted from 1.
    pub number: u64,
    /// Everything that is wrong with it.
    pub problems: Violations,
}

/// Why there is no selection.
#[derive(Debug)]
#[non_exhaustive]
pub enum SelectionError {
    /// The input, or the file it is kept in, cannot be read or written.
    Io(io::Error),
    /// Lines are wrong. Nothing was asked of anybody.
    Refused {
        /// The first [`MOST_BAD_LINES`] of them.
        lines: Vec<BadLine>,
        /// All of them.
        count: u64,
    },
    /// There is no guest in it.
    Empty,
}

impl std::fmt::Display for SelectionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(_) => f.write_str("the guests cannot be read"),
            Self::Empty => f.write_str("no guest is named"),
            Self::Refused { lines, count } => {
                let word = if *count == 1 { "line is" } else { "lines are" };
                write!(f, "{count} {word} wrong, and nothing was asked")?;
                for BadLine { number, problems } in lines {
                    for problem in problems {
                        write!(f, "\nline {number}: {problem}")?;
                    }
                }
                match count - lines.len() as u64 {
                    0 => Ok(()),
                    more => write!(f, "\nand {more} more"),
                }
            }
        }
    }
}

impl std::error::Error for SelectionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for SelectionError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Selection {
    /// Reads and checks all of `input`, and keeps what it says in a file of `dir`, which has the name `name` only while it is
    /// made. What a line leaves out is taken from `defaults`. Empty lines are left out.
    ///
    /// # Errors
    /// `Refused` with all problems, `Empty`, and what the system says.
    pub fn gather(
        mut input: impl BufRead,
        defaults: &EndingDraft,
        dir: &dyn Dir,
        name: &str,
    ) -> Result<Self, SelectionError> {
        let mut writing = Writing::nameless(dir, name)?;
        let mut seen: HashMap<u64, u64> = HashMap::new();
        let (mut number, mut repeated, mut count) = (0, 0, 0);
        let mut bad = Vec::new();
        let mut line = Vec::new();
        while next_line(&mut input, &mut line, LONGEST_LINE)? {
            number += 1;
            let problems = match check(&line, defaults) {
                Ok(None) => continue,
                Ok(Some(ending)) => {
                    let bytes = serde_json::to_vec(&ending).map_err(io::Error::other)?;
                    match seen.entry(id_hash(ending.guest_id.as_str())) {
                        Entry::Vacant(free) => {
                            free.insert(hash(&bytes));
                            writing.line(&bytes)?;
                            continue;
                        }
                        Entry::Occupied(found) if *found.get() == hash(&bytes) => {
                            repeated += 1;
                            continue;
                        }
                        Entry::Occupied(_) => Violation::new(
                            "guest_id",
                            "selection.contradiction",
                            "an earlier line names the same guest with another reason, choice or reference",
                        )
                        .into(),
                    }
                }
                Err(problems) => problems,
            };
            count += 1;
            if bad.len() < MOST_BAD_LINES {
                bad.push(BadLine { number, problems });
            }
        }
        if count > 0 {
            return Err(SelectionError::Refused { lines: bad, count });
        }
        if seen.is_empty() {
            return Err(SelectionError::Empty);
        }
        Ok(Self { file: writing.read_back()?, guests: seen.len() as u64, repeated })
    }

    /// How many guests, each counted once.
    #[must_use]
    pub fn guests(&self) -> u64 {
        self.guests
    }

    /// How many lines named a guest again.
    #[must_use]
    pub fn repeated(&self) -> u64 {
        self.repeated
    }

    /// The guest, where there is only one.
    ///
    /// # Errors
    /// What the system says.
    pub fn only(&self) -> io::Result<Option<Ending>> {
        if self.guests == 1 { self.endings().next().transpose() } else { Ok(None) }
    }

    /// The guests, in the order of their lines.
    pub(crate) fn endings(&self) -> impl Iterator<Item = io::Result<Ending>> + use<> {
        let mut reading = Reading::over(Arc::clone(&self.file), LONGEST_LINE);
        std::iter::from_fn(move || reading.line().transpose())
            .map(|line| serde_json::from_slice(&line?).map_err(io::Error::other))
    }
}

/// A hash of a whole line, to compare two that name the same guest.
fn hash(bytes: &[u8]) -> u64 {
    use std::hash::{DefaultHasher, Hasher as _};
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

fn check(line: &[u8], defaults: &EndingDraft) -> Result<Option<Ending>, Violations> {
    match read_line::<EndingDraft>(line, LONGEST_LINE)? {
        Some(draft) => draft.or(defaults).check().map(Some),
        None => Ok(None),
    }
}
