//! An expression, made ready to be compared with many conversations.

use std::ops::Range;

use frontdesk_domain::fold::{self, Needle};
use frontdesk_domain::payload;
use frontdesk_domain::{RecordKind, Timestamp};
use memchr::memmem;

use super::Expression;
use super::collect::Hit;
use super::cursor::Rank;
use crate::error::{Action, Error, ErrorKind};

/// What is looked for.
pub(super) struct Sought {
    needle: Needle,
    finder: memmem::Finder<'static>,
}

impl Sought {
    /// # Errors
    /// `Malformed` for an empty text.
    pub(super) fn new(expression: &Expression) -> Result<Self, Error> {
        match expression {
            Expression::Contains(text) => {
                let needle = Needle::new(text).ok_or_else(|| {
                    let what = "there is nothing to look for".to_owned();
                    Error::new(Action::Search, "the archive", ErrorKind::Malformed { what })
                })?;
                let finder = memmem::Finder::new(needle.as_folded().as_bytes()).into_owned();
                Ok(Self { needle, finder })
            }
        }
    }

    /// The record of kind `details` with this sequence and these bytes as a hit, when it is one. `room` is for text.
    pub(super) fn hit(&self, sequence: u64, bytes: &[u8], room: &mut String) -> Option<Hit> {
        room.clear();
        fold::fold_into(&payload::transcript(RecordKind::Details, bytes), room);
        self.finder.find(room.as_bytes())?;
        let started_at = payload::facts(RecordKind::Details, bytes).started_at.map(Timestamp::as_micros);
        Some(Hit { rank: Rank { started_at, sequence } })
    }

    /// Where in a transcript it is, in bytes, from left to right and without overlap.
    pub(super) fn places(&self, text: &str) -> Vec<Range<usize>> {
        self.needle.find(text).into_iter().collect()
    }
}
