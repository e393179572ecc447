//! One pass over a text: where something begins, and which recogniser looks at it.

use std::iter::FusedIterator;
use std::ops::Range;

use super::card::{self, Sure};
use super::digits::{Joint, Row, character_at, digit};
use super::{PiiKind, PiiMatch, Region, context, email, iban, ip, phone, ssn};

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
    /// Up to where colons were looked at.
    colons_seen: usize,
    wanted: [bool; PiiKind::ALL.len()],
    region: Option<Region>,
    row: Row,
    looked: usize,
}

impl<'t> Matches<'t> {
    pub(super) fn new(text: &'t str, region: Option<Region>, wanted: impl Fn(PiiKind) -> bool) -> Self {
        let wanted = PiiKind::ALL.map(wanted);
        Self { text, at: 0, floor: 0, colons_seen: 0, wanted, region, row: Row::default(), looked: 0 }
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
                b':' => break Some(Anchor::Colon),
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

    fn ip_v6(&mut self, at: usize) -> Option<PiiMatch> {
        if !self.wants(PiiKind::Ip) {
            return None;
        }
        let around = ip::v6_around(self.text, at, self.floor);
        self.looked += around.looked;
        // What was looked at and is no address holds no colon worth another look, but perhaps other numbers.
        self.colons_seen = around.seen;
        around.found.map(|range| self.found(PiiKind::Ip, range))
    }

    /// What the first groups of the row are, if they are anything; they are given up either way.
    fn step(&mut self) -> Option<PiiMatch> {
        if let Some(range) = self.iban() {
            return Some(self.found_across(PiiKind::Iban, range));
        }
        let Some((kind, count, start)) = self.leading() else {
            self.row.skip();
            return None;
        };
        let range = start..self.row.ahead(self.text)[count - 1].range.end;
        // `4111111111111111@example.org` is somebody's address.
        if self.text.as_bytes().get(range.end) == Some(&b'@')
            && let Some(address) = self.email(range.end)
        {
            return Some(self.found_across(PiiKind::Email, address.range));
        }
        self.row.take(count);
        Some(self.found(kind, range))
    }

    /// A match that does not end where a group does.
    fn found_across(&mut self, kind: PiiKind, range: Range<usize>) -> PiiMatch {
        self.row.clear();
        self.at = range.end;
        self.found(kind, range)
    }

    fn iban(&mut self) -> Option<Range<usize>> {
        let first = self.row.ahead(self.text).first()?;
        let (at, begins) = (first.range.start, first.joint == Joint::Start);
        if !begins || !self.wants(PiiKind::Iban) {
            return None;
        }
        let (found, looked) = iban::around(self.text, at, self.floor);
        self.looked += looked;
        found
    }

    /// What the first groups are, how many, and where it begins.
    fn leading(&mut self) -> Option<(PiiKind, usize, usize)> {
        let (wanted, floor, text, region) = (self.wanted, self.floor, self.text, self.region);
        let wants = |kind: PiiKind| wanted[kind as usize];
        self.row.ahead(text);
        let (before, whole) = (self.row.before(), self.row.is_whole());
        let groups = self.row.ahead(text);
        let start = groups.first()?.range.start;
        let said = &text[floor..start];
        let mut looked = 0;
        let mut phone = |leading: phone::Leading| {
            looked += leading.looked;
            leading.found.map(|(count, start)| (PiiKind::Phone, count, start))
        };
        let mut found = None;
        if wants(PiiKind::Phone) {
            found = phone(phone::with_plus(text, groups, floor));
        }
        if found.is_none() && wants(PiiKind::Ip) {
            found = ip::leading_v4(groups)
                .filter(|_| !context::says_version(said))
                .map(|count| (PiiKind::Ip, count, start));
        }
        if found.is_none() && wants(PiiKind::Ssn) {
            found = ssn::leading(groups, before)
                .filter(|(_, with_word)| !with_word || context::says_ssn(said))
                .map(|(count, _)| (PiiKind::Ssn, count, start));
        }
        if found.is_none() && wants(PiiKind::Card) {
            found = card::leading(groups, before, whole)
                .filter(|(_, sure)| *sure == Sure::Yes || context::says_card(said))
                .map(|(count, _)| (PiiKind::Card, count, start));
        }
        if let Some(region) = region.filter(|_| found.is_none() && wants(PiiKind::Phone)) {
            found = phone(phone::of_region(text, groups, floor, before, region));
        }
        self.looked += looked;
        found
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
            let found = match self.anchor()? {
                Anchor::Digit => {
                    self.row.begin(self.text, self.at);
                    continue;
                }
                Anchor::At => self.email(self.at),
                Anchor::Colon if self.at < self.colons_seen => None,
                Anchor::Colon => self.ip_v6(self.at),
            };
            match found {
                Some(found) => return Some(found),
                None => self.at += 1,
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
    Colon,
    Digit,
}
