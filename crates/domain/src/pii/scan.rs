//! One pass over a text: where something begins, and which recogniser looks at it.

use std::iter::FusedIterator;
use std::ops::Range;

use super::card::{self, Sure};
use super::digits::{Row, character_at, digit};
use super::{PiiKind, PiiMatch, Region, context, email};

/// What gives a person away in a text, in its order and without overlaps.
///
/// `region` is the one whose phone numbers need no `+`. A phone number of another region, or without a region, does.
///
/// ```
/// use frontdesk_domain::pii::{PiiKind, find};
///
/// let found = find("Mail ana@example.org!", None).next().unwrap();
/// assert_eq!((found.kind, found.range), (PiiKind::Email, 5..20));
/// assert_eq!(find("order 4111 1111 1111 1112", None).count(), 0, "its last digit is wrong");
/// ```
#[must_use]
pub fn find(text: &str, region: Option<Region>) -> Matches<'_> {
    Matches::new(text, region, |_| true)
}

/// The iterator of [`find`]. It holds the text it reads and never shows it.
pub struct Matches<'t> {
    text: &'t str,
    /// From where on nothing was looked at.
    at: usize,
    /// Where the last match ended; nothing before it belongs to another one.
    floor: usize,
    wanted: [bool; PiiKind::ALL.len()],
    region: Option<Region>,
    row: Row,
    looked: usize,
}

impl<'t> Matches<'t> {
    pub(super) fn new(text: &'t str, region: Option<Region>, wanted: impl Fn(PiiKind) -> bool) -> Self {
        let wanted = PiiKind::ALL.map(wanted);
        Self { text, at: 0, floor: 0, wanted, region, row: Row::default(), looked: 0 }
    }

    /// How many bytes the recognisers looked at so far, those twice that were looked at twice. It is what the time
    /// follows, and what tests of the linear bound count.
    #[must_use]
    pub fn looked(&self) -> usize {
        self.looked + self.row.looked
    }

    fn wants(&self, kind: PiiKind) -> bool {
        self.wanted[kind as usize]
    }

    fn found(&mut self, kind: PiiKind, range: Range<usize>) -> PiiMatch {
        self.floor = range.end;
        self.at = self.at.max(range.end);
        PiiMatch { kind, range }
    }

    /// The next place where a recogniser has something to look at.
    fn anchor(&mut self) -> Option<Anchor> {
        let bytes = self.text.as_bytes();
        let from = self.at;
        let anchor = loop {
            let Some(&byte) = bytes.get(self.at) else { break None };
            match byte {
                b'@' => break Some(Anchor::At),
                b'0'..=b'9' => break Some(Anchor::Digit),
                0x80.. => {
                    let character = character_at(self.text, self.at);
                    if digit(character).is_some() {
                        break Some(Anchor::Digit);
                    }
                    self.at += character.len_utf8();
                }
                _ => self.at += 1,
            }
        };
        self.looked += self.at - from;
        anchor
    }

    fn email(&mut self, at: usize) -> Option<PiiMatch> {
        if !self.wants(PiiKind::Email) {
            return None;
        }
        let (found, looked) = email::around(self.text, at, self.floor);
        self.looked += looked;
        found.map(|range| self.found(PiiKind::Email, range))
    }

    /// What the first groups of the row are, if they are anything; they are given up either way.
    fn step(&mut self) -> Option<PiiMatch> {
        let (kind, count) = match self.card() {
            Some(count) => (PiiKind::Card, count),
            None => {
                self.row.skip();
                return None;
            }
        };
        let groups = self.row.ahead(self.text);
        let range = groups[0].range.start..groups[count - 1].range.end;
        // `4111111111111111@example.org` is somebody's address.
        if self.text.as_bytes().get(range.end) == Some(&b'@')
            && let Some(address) = self.email(range.end)
        {
            self.row.clear();
            self.at = address.range.end;
            return Some(address);
        }
        self.row.take(count);
        Some(self.found(kind, range))
    }

    fn card(&mut self) -> Option<usize> {
        if !self.wants(PiiKind::Card) {
            return None;
        }
        let start = self.row.ahead(self.text).first()?.range.start;
        let (before, whole) = (self.row.before(), self.row.is_whole());
        let (count, sure) = card::leading(self.row.ahead(self.text), before, whole)?;
        (sure == Sure::Yes || context::says_card(&self.text[self.floor..start])).then_some(count)
    }
}

impl Iterator for Matches<'_> {
    type Item = PiiMatch;

    fn next(&mut self) -> Option<PiiMatch> {
        loop {
            while let Some(last) = self.row.ahead(self.text).last() {
                self.at = self.at.max(last.range.end);
                if let Some(found) = self.step() {
                    return Some(found);
                }
            }
            let at = match self.anchor()? {
                Anchor::Digit => {
                    self.row.begin(self.text, self.at);
                    continue;
                }
                Anchor::At => self.at,
            };
            self.at += 1;
            if let Some(found) = self.email(at) {
                return Some(found);
            }
        }
    }
}

impl FusedIterator for Matches<'_> {}

impl std::fmt::Debug for Matches<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Matches").field("at", &self.at).field("region", &self.region).finish_non_exhaustive()
    }
}

/// What a byte may begin, or stand in the middle of.
enum Anchor {
    At,
    Digit,
}
