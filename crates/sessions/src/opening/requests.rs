//! Lines from outside, kept in a file of their own, so that they have a name by which a run is resumed.

use std::io::{self, BufRead};
use std::sync::Arc;

use frontdesk_domain::{SessionDraft, Violations};
use frontdesk_durable::{Dir, ReadAt};

use crate::file::{Reading, Writing, next_line, read_line};

/// The longest line, in bytes: 97 attributes of 10 KB each.
pub const MOST_LINE_BYTES: usize = 1 << 20;

/// The lines of one input, each a request, kept in a file without a name until this value is dropped.
#[derive(Debug)]
pub struct Requests {
    file: Arc<dyn ReadAt>,
    count: u64,
    digest: String,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Line {
    /// Counted from 1, empty lines included: what an editor shows.
    pub(super) number: u64,
    /// What it says, or why it says nothing.
    pub(super) draft: Result<SessionDraft, Violations>,
}

impl Requests {
    /// Reads all of `input` and keeps it in a file of `dir`, which has the name `name` only while it is made. Empty lines are left out; what is wrong with the
    /// others is told when their turn comes.
    ///
    /// # Errors
    /// What the system says.
    pub fn gather(mut input: impl BufRead, dir: &dyn Dir, name: &str) -> io::Result<Self> {
        let mut writing = Writing::nameless(dir, name)?;
        let mut line = Vec::new();
        let mut count = 0;
        while next_line(&mut input, &mut line, MOST_LINE_BYTES)? {
            writing.line(&line)?;
            count += u64::from(!line.trim_ascii().is_empty());
        }
        let digest = writing.digest();
        Ok(Self { file: writing.read_back()?, count, digest })
    }

    /// How many requests.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// SHA-256 over the lines, in hexadecimal: the same bytes are the same requests.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The requests, in their order.
    pub(super) fn lines(&self) -> impl Iterator<Item = io::Result<Line>> + use<> {
        let mut reading = Reading::over(Arc::clone(&self.file), MOST_LINE_BYTES + 1);
        let mut number = 0;
        std::iter::from_fn(move || {
            loop {
                let bytes = match reading.line() {
                    Ok(bytes) => bytes?,
                    Err(error) => return Some(Err(error)),
                };
                number += 1;
                if let Some(draft) = read_line(&bytes, MOST_LINE_BYTES).transpose() {
                    return Some(Ok(Line { number, draft }));
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_durable::testing::MemoryDir;

    use super::*;

    #[test]
    fn lines_keep_their_numbers_and_what_is_wrong_with_them() {
        let dir = MemoryDir::new();
        let long = format!("{{\"guest_id\":\"{}\"}}", "x".repeat(MOST_LINE_BYTES));
        let text = format!("\n{{\"guest_id\":\"a\"}}\n  \nno\n{long}\n[]\r\n{{}}");
        let requests = Requests::gather(text.as_bytes(), &dir, "spool").unwrap();
        let lines: Vec<Line> = requests.lines().map(Result::unwrap).collect();
        let numbers: Vec<u64> = lines.iter().map(|line| line.number).collect();
        assert_eq!((numbers, requests.count()), (vec![2, 4, 5, 6, 7], 5));
        let rule = |at: usize| lines[at].draft.as_ref().map_err(|found| found.as_slice()[0].rule);
        assert!(rule(0).is_ok_and(SessionDraft::names_guest) && rule(4).is_ok());
        assert_eq!(
            [rule(1), rule(2), rule(3)].map(Result::unwrap_err),
            ["line.json", "line.length", "line.json"]
        );
        let again = Requests::gather(text.as_bytes(), &dir, "other").unwrap();
        assert_eq!(again.digest(), requests.digest());
        assert_ne!(Requests::gather(&b"{}"[..], &dir, "third").unwrap().digest(), requests.digest());
        // Nothing of them has a name, whatever becomes of the process.
        assert_eq!(dir.list("").unwrap(), []);
    }
}
