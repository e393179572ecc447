//! Where a page of hits ended, as opaque text that only its own archive accepts.

use std::fmt;

use crate::error::{Action, Error, ErrorKind};

/// A hit's place in the order of hits: newest first, undated last, later stored first among equals.
/// The greater place comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) started_at: Option<i64>,
    pub(super) sequence: u64,
}

/// The place of the last hit of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    archive: [u8; 8],
    pub(super) after: Rank,
}

impl Cursor {
    pub(super) fn new(archive: &[u8; 16], after: Rank) -> Self {
        Self { archive: tag(archive), after }
    }

    /// Reads a cursor that this archive gave.
    pub(super) fn parse(text: &str, archive: &[u8; 16]) -> Result<Self, Error> {
        let malformed = || {
            let what = "it is not a cursor of a search".to_owned();
            Error::new(Action::Search, "the cursor", ErrorKind::Malformed { what })
        };
        let cursor = Self::read(text).ok_or_else(malformed)?;
        if cursor.archive != tag(archive) {
            return Err(Error::new(Action::Search, "the cursor", ErrorKind::ForeignArchive));
        }
        Ok(cursor)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let mut part = || parts.next();
        if part()? != "1" {
            return None;
        }
        let archive = u64::from_str_radix(part()?, 16).ok()?.to_be_bytes();
        let started_at = match part()? {
            "" => None,
            micros => Some(micros.parse().ok()?),
        };
        let sequence = part()?.parse().ok()?;
        let cursor = Self { archive, after: Rank { started_at, sequence } };
        // One place has one spelling.
        (part().is_none() && cursor.to_string() == text).then_some(cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{:016x}.", u64::from_be_bytes(self.archive))?;
        if let Some(micros) = self.after.started_at {
            write!(f, "{micros}")?;
        }
        write!(f, ".{}", self.after.sequence)
    }
}

fn tag(archive: &[u8; 16]) -> [u8; 8] {
    archive.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_archive_accepts_a_cursor() {
        let (ours, theirs) = ([7; 16], [8; 16]);
        for started_at in [None, Some(-5), Some(1_735_689_600_000_000)] {
            let cursor = Cursor::new(&ours, Rank { started_at, sequence: 12 });
            let text = cursor.to_string();
            assert_eq!(Cursor::parse(&text, &ours).unwrap(), cursor);
            assert_eq!(*Cursor::parse(&text, &theirs).unwrap_err().kind(), ErrorKind::ForeignArchive);
        }
        for text in [
            "",
            "1",
            "2.0707070707070707..1",
            "1.0707070707070707..1.",
            "1.707070707070707..1",
            "1.0707070707070707.+5.1",
        ] {
            let error = Cursor::parse(text, &ours).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Malformed { .. }), "{text}");
        }
    }

    #[test]
    fn newer_hits_come_first_and_undated_ones_last() {
        let rank = |started_at, sequence| Rank { started_at, sequence };
        assert!(rank(Some(2), 1) > rank(Some(1), 9));
        assert!(rank(Some(1), 9) > rank(Some(1), 1));
        assert!(rank(Some(i64::MIN), 1) > rank(None, 9));
    }
}
