//! One conversation without an end: message `k` of its history is a function of (seed, k), so that a
//! million of them cost what a page of them costs. It is still going on, and the details query
//! does not list it: nobody wants a million messages in one record.

use std::ops::Range;

use super::Draft;
use super::draft::Message;
use super::made::{Outline, Speaker, message_kind};
use crate::moment::{Moment, write_time};
use crate::random::{Dice, mix, write_id};

/// Sets the long conversation apart from all others.
const LONG: u64 = 0x004C_6F6E_6721;
/// One message every two seconds, give or take less than one.
const BEAT: i64 = 2_000_000_000;
const JITTER_MILLIS: u64 = 900;

#[derive(Clone, Copy)]
enum Purpose {
    Id = 1,
    MessageId,
    Kind,
    Pace,
    Words,
}

/// The long conversation.
pub(crate) struct LongHistory {
    seed: u64,
    /// How many messages it has.
    pub(crate) messages: u64,
    start: i64,
    outline: Outline,
}

impl LongHistory {
    pub(super) fn new(seed: u64, messages: u64, start: Moment) -> Self {
        let seed = mix(seed, LONG);
        Self { seed, messages, start: start.as_nanos(), outline: Outline::endless(seed, start.as_nanos()) }
    }

    pub(crate) fn id(&self) -> String {
        let mut dice = Dice::new(self.seed, 0, Purpose::Id as u64);
        let mut id = Vec::with_capacity(36);
        write_id(&mut id, dice.roll(), dice.roll());
        String::from_utf8_lossy(&id).into_owned()
    }

    /// When message `number` was sent, in nanoseconds since the epoch: strictly later than the one
    /// before.
    pub(crate) fn time(&self, number: u64) -> i64 {
        let jitter = Dice::new(self.seed, number, Purpose::Pace as u64).below(JITTER_MILLIS);
        let beats = i64::try_from(number).unwrap_or(i64::MAX).saturating_mul(BEAT);
        self.start.saturating_add(beats).saturating_add(i64::try_from(jitter).unwrap_or(0) * 1_000_000)
    }

    /// Fills `draft` with these messages.
    pub(crate) fn draw(&self, numbers: Range<u64>, draft: &mut Draft) {
        draft.clear();
        for number in numbers {
            let guest = number.is_multiple_of(2);
            let mut kinds = Dice::new(self.seed, number, Purpose::Kind as u64);
            let kind = message_kind(&mut kinds, number, guest);
            let ids = Dice::new(self.seed, number, Purpose::MessageId as u64).roll();
            let words = Dice::new(self.seed, number, Purpose::Words as u64);
            let message = Message {
                id: draft.span(|out| write_id(out, ids, mix(ids, number))),
                guest,
                kind: draft.span(|out| out.extend_from_slice(kind.as_bytes())),
                text: draft.span(|out| Speaker::new(&self.outline, words).say(number, guest, out)),
                timestamp: draft.span(|out| write_time(out, self.time(number))),
            };
            draft.messages.push(message);
        }
    }
}
