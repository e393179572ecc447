//! The attributes of participants, which results of jobs have and the query does not.

use std::borrow::Cow;
use std::ops::Range;

use super::{Stable, without};
use crate::json::{Machine, Sink};

/// How deep the things of `{"participants": [{"attributes": …}]}` are.
const TOP: usize = 1;
const PARTICIPANT: usize = 2;
const MEMBER: usize = 3;

/// The payload without its participants' attributes, and these by themselves.
pub(super) fn apart(bytes: &[u8]) -> Stable<'_> {
    let whole = Stable { always: Cow::Borrowed(bytes), sometimes: None };
    // Most payloads have none. A key that is written with escapes is taken for any other.
    if !std::str::from_utf8(bytes).is_ok_and(|text| text.contains("\"attributes\"")) {
        return whole;
    }
    let mut reading = Reading { bytes, ..Reading::default() };
    let mut machine = Machine::new();
    if machine.push(bytes, &mut reading).and_then(|()| machine.finish()).is_err() {
        return whole;
    }
    let sometimes = Some(reading.told).filter(|told| !told.is_empty());
    Stable { always: without(bytes, reading.cuts), sometimes }
}

/// Listens for attributes.
#[derive(Default)]
struct Reading<'a> {
    bytes: &'a [u8],
    /// Whether the value in progress at the top is that of `participants`.
    below: bool,
    /// The number of the participant in progress.
    participant: usize,
    /// How many members of it stay.
    kept: usize,
    key_at: usize,
    /// Where the key of the participant's member in progress starts.
    member_at: usize,
    is_attributes: bool,
    value_at: usize,
    /// What is cut out, in order: members with the comma that goes with them.
    cuts: Vec<Range<usize>>,
    /// The attributes, each with the number of its participant.
    told: Vec<u8>,
}

impl Sink for Reading<'_> {
    fn key_start(&mut self, at: usize, depth: usize) {
        self.key_at = at;
        if depth == MEMBER {
            self.member_at = at;
        }
    }

    fn key_end(&mut self, end: usize, depth: usize) {
        let key = &self.bytes[self.key_at..end];
        match depth {
            TOP => (self.below, self.participant) = (key == b"\"participants\"", 0),
            MEMBER => self.is_attributes = self.below && key == b"\"attributes\"",
            _ => {}
        }
    }

    fn value_start(&mut self, at: usize, depth: usize, _: u8) {
        match depth {
            PARTICIPANT => {
                self.participant += 1;
                self.kept = 0;
            }
            MEMBER => self.value_at = at,
            _ => {}
        }
    }

    fn value_end(&mut self, end: usize, depth: usize) {
        if depth != MEMBER {
            return;
        }
        let value = &self.bytes[self.value_at..end];
        if !std::mem::take(&mut self.is_attributes) || !matches!(value[0], b'{' | b'n') {
            self.kept += 1;
            return;
        }
        if value[1..].iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| *byte == b'"') {
            self.told.extend_from_slice(&(self.participant as u64).to_le_bytes());
            self.told.extend_from_slice(&(value.len() as u64).to_le_bytes());
            self.told.extend_from_slice(value);
        }
        self.cuts.push(self.member(end));
    }
}

impl Reading<'_> {
    /// The member that ends before `end`, with the comma before it, or behind it where it is the first that is left.
    fn member(&self, end: usize) -> Range<usize> {
        let (before, behind) = (&self.bytes[..self.member_at], &self.bytes[end..]);
        if self.kept > 0 {
            let comma = before.iter().rposition(|byte| *byte == b',');
            return comma.unwrap_or(self.member_at)..end;
        }
        let next = behind.iter().position(|byte| !byte.is_ascii_whitespace());
        match next.filter(|next| behind[*next] == b',') {
            Some(comma) => self.member_at..end + comma + 1,
            None => self.member_at..end,
        }
    }
}
