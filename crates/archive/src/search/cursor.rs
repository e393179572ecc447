//! Where a page of hits ended, as opaque text that only its own archive accepts.

use std::fmt;

use super::ranking::Score;
use crate::error::{Action, Error, ErrorKind};

/// A hit's place in the order of hits: newest first, undated last, later stored first among equals.
/// The greater place comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    pub(crate) started_at: Option<i64>,
    pub(crate) sequence: u64,
}

/// The place behind a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    archive: u64,
    pub(super) place: Place,
}

/// Where a page ended, by the order of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Newest first: behind this hit, whatever comes and goes before it.
    Newest(Rank),
    /// Best first.
    Best {
        /// What the order depends on: the search and all that is in the archive.
        generation: u64,
        /// How many of the best were scored from their text.
        scored: usize,
        behind: Behind,
    },
}

/// A place in the order of the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behind {
    /// That many of those that are scored.
    Scored(usize),
    /// This one of the others.
    Other(Score, Rank),
}

impl Cursor {
    pub(super) fn new(archive: &[u8; 16], place: Place) -> Self {
        Self { archive: tag(archive), place }
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
        let parts: Vec<&str> = text.split('.').collect();
        let rank = |started_at: &str, sequence: &str| {
            let started_at = match started_at {
                "" => None,
                micros => Some(micros.parse().ok()?),
            };
            Some(Rank { started_at, sequence: sequence.parse().ok()? })
        };
        let hex = |text: &str| u64::from_str_radix(text, 16).ok();
        let (archive, place) = match parts[..] {
            ["1", archive, started_at, sequence] => (archive, Place::Newest(rank(started_at, sequence)?)),
            ["2", archive, generation, scored, ref behind @ ..] => {
                let behind = match behind {
                    [count] => Behind::Scored(count.parse().ok()?),
                    [score, started_at, sequence] => {
                        Behind::Other(Score(hex(score)?), rank(started_at, sequence)?)
                    }
                    _ => return None,
                };
                let (generation, scored) = (hex(generation)?, scored.parse().ok()?);
                (archive, Place::Best { generation, scored, behind })
            }
            _ => return None,
        };
        let cursor = Self { archive: hex(archive)?, place };
        // One place has one spelling.
        (cursor.to_string() == text).then_some(cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Newest(rank) => write!(f, "1.{:016x}.{rank}", self.archive),
            Place::Best { generation, scored, behind } => {
                write!(f, "2.{:016x}.{generation:016x}.{scored}.", self.archive)?;
                match behind {
                    Behind::Scored(count) => write!(f, "{count}"),
                    Behind::Other(score, rank) => write!(f, "{:x}.{rank}", score.0),
                }
            }
        }
    }
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(micros) = self.started_at {
            write!(f, "{micros}")?;
        }
        write!(f, ".{}", self.sequence)
    }
}

fn tag(archive: &[u8; 16]) -> u64 {
    archive.first_chunk().copied().map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_archive_accepts_a_cursor() {
        let (ours, theirs) = ([7; 16], [8; 16]);
        let ranks =
            [None, Some(-5), Some(1_735_689_600_000_000)].map(|started_at| Rank { started_at, sequence: 12 });
        let best = |behind| Place::Best { generation: 9, scored: 64, behind };
        let mut places = vec![best(Behind::Scored(20))];
        for rank in ranks {
            places.extend([Place::Newest(rank), best(Behind::Other(Score::new(1.5), rank))]);
        }
        for place in places {
            let cursor = Cursor::new(&ours, place);
            let text = cursor.to_string();
            assert_eq!(Cursor::parse(&text, &ours).unwrap(), cursor);
            assert_eq!(*Cursor::parse(&text, &theirs).unwrap_err().kind(), ErrorKind::ForeignArchive);
        }
        for text in [
            "",
            "1",
            "3.0707070707070707..1",
            "1.0707070707070707..1.",
            "1.707070707070707..1",
            "1.0707070707070707.+5.1",
            "2.0707070707070707.0000000000000009.64",
            "2.0707070707070707.0000000000000009.64.1.2",
            "2.0707070707070707.9.64.1",
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
