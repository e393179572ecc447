//! Heads against the entries they were signed for.

use rusqlite::{Connection, Statement};

use super::walk::Walked;
use super::{Findings, VerifyOptions};
use crate::chain::Hash;
use crate::error::{Action, During, Error};
use crate::head::Head;
use crate::layout;
use crate::store::read_head;

/// A head, and where it comes from.
struct Other<'o> {
    head: &'o Head,
    name: &'static str,
    met: bool,
}

/// The head that comes next, as far as it is known.
enum Next {
    Unknown,
    Head(Head),
    None,
}

/// Heads that are compared while the entries go by.
pub(super) struct Heads<'c> {
    statement: Statement<'c>,
    journal: String,
    options: &'c VerifyOptions,
    others: Vec<Other<'c>>,
    next: Next,
    /// The last number for which a head was right.
    proven: u64,
    /// The highest number of which there is a head.
    highest: u64,
    pub(super) compared: u64,
    pub(super) newest: Option<Head>,
}

impl<'c> Heads<'c> {
    pub(super) fn new(
        connection: &'c Connection,
        journal: &str,
        options: &'c VerifyOptions,
    ) -> Result<Self, Error> {
        let statement = connection
            .prepare("SELECT count, hash, key_id, at, mac FROM heads WHERE count > ?1 ORDER BY count LIMIT 1")
            .during(Action::Verify, layout::DATABASE)?;
        let named = [("the trusted head", &options.trusted), ("head.json", &options.beside)];
        let others = named
            .into_iter()
            .filter_map(|(name, head)| Some(Other { head: head.as_ref()?, name, met: false }))
            .collect();
        Ok(Self {
            statement,
            journal: journal.to_owned(),
            options,
            others,
            next: Next::Unknown,
            proven: 0,
            highest: 0,
            compared: 0,
            newest: None,
        })
    }

    /// An entry went by: whichever head is of it must agree.
    pub(super) fn at(
        &mut self,
        number: u64,
        hash: &Hash,
        key_id: Option<&str>,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        for index in 0..self.others.len() {
            let other = &mut self.others[index];
            if other.head.count == number && other.head.journal == self.journal {
                other.met = true;
                let (head, name) = (other.head, other.name);
                self.compare(head, name, hash, findings);
            }
        }
        loop {
            let head = match self.next(findings)? {
                Some(head) if head.count <= number => head.clone(),
                _ => return Ok(()),
            };
            self.next = Next::Unknown;
            self.highest = head.count;
            if head.count < number {
                // Its entry is missing, which was said.
                continue;
            }
            if key_id.is_some_and(|key_id| key_id != head.key_id) {
                findings.add(number, "its head was signed with a key that was not in use");
            }
            self.compare(&head, "a signed head", hash, findings);
            self.newest = Some(head);
        }
    }

    fn compare(&mut self, head: &Head, name: &str, hash: &Hash, findings: &mut Findings) {
        self.compared += 1;
        let signed = self.check_signature(head, name, findings);
        if head.hash == *hash {
            if signed {
                self.proven = self.proven.max(head.count);
            }
            return;
        }
        // Where the chain itself breaks, that is what the head disagrees with.
        let broken = findings.entries().filter(|entry| (self.proven + 1..=head.count).contains(entry)).min();
        let first = broken.unwrap_or(self.proven + 1);
        let what = if first >= head.count || broken.is_some() {
            format!("it is not the one that {name} was signed for")
        } else {
            format!("it, or one of those up to {}, is not the one that {name} was signed for", head.count)
        };
        findings.add(first.min(head.count), what);
    }

    /// Whether the signature is right, or cannot be checked.
    fn check_signature(&self, head: &Head, name: &str, findings: &mut Findings) -> bool {
        let Some(keys) = &self.options.keys else { return true };
        let wrong = match head.is_signed_by(keys) {
            Some(true) => return true,
            Some(false) => format!("{name} of {} entries has a wrong signature", head.count),
            None => format!("{name} of {} entries was signed with a key that is not in the file", head.count),
        };
        findings.add(None, wrong);
        false
    }

    /// All entries went by: says which heads there were no entries for, and which entries no head.
    pub(super) fn finish(&mut self, walked: &Walked, findings: &mut Findings) -> Result<(), Error> {
        let mut beyond = None;
        while let Some(head) = self.next(findings)?.cloned() {
            self.next = Next::Unknown;
            self.highest = head.count;
            if self.check_signature(&head, "a head", findings) && head.count > walked.last {
                beyond = Some(head.count);
            }
        }
        if let Some(count) = beyond {
            let what = format!("it is missing: a head was signed for {count} entries");
            findings.add(walked.last + 1, what);
        }
        if self.highest < walked.last {
            findings.add(self.highest + 1, "no head was signed for it, nor for any entry after it");
        }
        if walked.last == 0 && self.highest == 0 {
            findings.add(1, "it is missing: a journal begins with the entry of its key");
        }
        for other in std::mem::take(&mut self.others).iter().filter(|other| !other.met) {
            let (head, name) = (other.head, other.name);
            self.check_signature(head, name, findings);
            if head.journal != self.journal {
                findings.add(None, format!("{name} is of another journal"));
            } else if head.count > walked.last {
                let what = format!("it is missing: {name} is of {} entries", head.count);
                findings.add(walked.last + 1, what);
            } else {
                findings.add(head.count.max(1), format!("{name} is of it, and it is missing"));
            }
        }
        Ok(())
    }

    /// The head that comes next.
    fn next(&mut self, findings: &mut Findings) -> Result<Option<&Head>, Error> {
        while let Next::Unknown = self.next {
            let journal = self.journal.as_str();
            let found = self.statement.query_row([self.highest], |row| {
                let count: u64 = row.get(0)?;
                Ok((count, read_head(row, journal)))
            });
            self.next = match found {
                Ok((_, Ok(head))) => Next::Head(head),
                Ok((count, Err(error))) => {
                    findings.failed(count, error)?;
                    self.highest = count;
                    continue;
                }
                Err(rusqlite::Error::QueryReturnedNoRows) => Next::None,
                Err(error) => {
                    findings.failed(None, error)?;
                    Next::None
                }
            };
        }
        Ok(match &self.next {
            Next::Head(head) => Some(head),
            Next::None | Next::Unknown => None,
        })
    }
}
