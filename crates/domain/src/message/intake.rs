//! One message after the other: counted, compared with the one before, kept or not.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Finding, Listing, Message, Order, Trouble, TypeFilter};
use crate::{RecordErrorKind, Timestamp};

/// What was received of one history so far. It goes on across the borders of pages, and of sessions: what must be
/// remembered for that is small and can be written down.
///
/// `fetched` is always the sum of the others, whatever comes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Intake {
    counts: Counts,
    /// When the last message was sent that can be compared with.
    previous: Option<Timestamp>,
    #[serde(default)]
    listing: Listing,
}

/// Messages, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Everything received.
    pub fetched: u64,
    /// Kept.
    pub kept: u64,
    /// Of a type that was not asked for.
    pub filtered: u64,
    /// Of an id that came before.
    pub duplicates: u64,
    /// No messages: without an id that can be used.
    pub rejected: u64,
    /// Not where the order of the listing has them. Counted beside what became of them.
    pub out_of_order: u64,
    /// With a timestamp that cannot be read. Counted beside what became of it.
    pub unreadable_timestamps: u64,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It belongs to the history.
    Kept,
    /// It is of a type that was not asked for.
    Filtered,
    /// Its id came before; the first one counts.
    Duplicate,
}

/// A verdict, and what was found on the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What became of the message.
    pub verdict: Verdict,
    /// What is remarkable about it.
    pub finding: Option<Finding>,
}

impl Intake {
    /// Nothing received yet, of a listing in this order.
    #[must_use]
    pub fn of(listing: Listing) -> Self {
        Self { listing, ..Self::default() }
    }

    /// Takes the next message. `is_new` says whether its id came for the first time in this history. Order is looked at
    /// first, and then the filter (contract §2); a duplicate is compared with nothing, and nothing with it.
    pub fn take(&mut self, message: &Message, is_new: bool, filter: &TypeFilter) -> Taken {
        let index = self.next();
        if !is_new {
            self.counts.duplicates += 1;
            return Taken { verdict: Verdict::Duplicate, finding: None };
        }
        let trouble = self.compare(message);
        let finding =
            trouble.map(|trouble| Finding { index, message_id: Some(message.id().clone()), trouble });
        let verdict = if filter.keeps(message.kind()) {
            self.counts.kept += 1;
            Verdict::Kept
        } else {
            self.counts.filtered += 1;
            Verdict::Filtered
        };
        Taken { verdict, finding }
    }

    /// Takes an element that is no message.
    pub fn reject(&mut self, error: RecordErrorKind) -> Finding {
        let index = self.next();
        self.counts.rejected += 1;
        Finding { index, message_id: None, trouble: Trouble::Rejected { reason: error.to_string() } }
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn next(&mut self) -> u64 {
        let index = self.counts.fetched;
        self.counts.fetched += 1;
        index
    }

    fn compare(&mut self, message: &Message) -> Option<Trouble> {
        let found = match message.sent_at() {
            Ok(found) => found,
            Err(fault) => {
                self.counts.unreadable_timestamps += 1;
                return Some(Trouble::UnreadableTimestamp { reason: fault.to_string() });
            }
        };
        // Also a message that went back is the one the next is compared with.
        let previous = self.previous.replace(found)?;
        let order = match (self.listing, found.cmp(&previous)) {
            (Listing::OldestFirst, Ordering::Greater)
            | (Listing::NewestFirst, Ordering::Less | Ordering::Equal) => return None,
            (Listing::OldestFirst, Ordering::Equal) => Order::Equal,
            (Listing::OldestFirst, Ordering::Less) | (Listing::NewestFirst, Ordering::Greater) => {
                Order::Backwards
            }
        };
        self.counts.out_of_order += 1;
        Some(Trouble::Order { previous, found, order })
    }
}
