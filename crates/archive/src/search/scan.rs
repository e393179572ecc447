//! The plain scan: every latest conversation, inflated, folded and searched.

use std::collections::{BTreeMap, HashMap};
use std::io;

use frontdesk_domain::fold::{self, Needle};
use frontdesk_domain::payload;
use frontdesk_domain::{RecordKey, RecordKind, Timestamp};
use memchr::memmem;

use super::cursor::{Cursor, Rank};
use super::snippet;
use super::{ContainsQuery, SearchHit, SearchPage};
use crate::catalog::Mark;
use crate::error::{Action, Error, ErrorKind};
use crate::layout;
use crate::reader::Reader;
use crate::segment::check::{self, Checked};
use crate::segment::header::{Entry, Header};
use crate::segment::scan::{self, Event, Part};
use crate::segment::walk::{Identity, Place};

/// Hits of which more than this are not kept, however many are asked for.
const LIMIT: usize = 10_000;

/// How often the segments may change while they are searched.
const LOOKS: u32 = 5;

/// A conversation that contains the term.
struct Match {
    rank: Rank,
    version: u32,
}

/// What a worker makes of a member.
#[derive(Default)]
struct Found {
    matches: Vec<Match>,
    unreadable: u64,
}

impl Reader {
    /// Searches the latest version of every conversation for a text, by reading all of them.
    ///
    /// # Errors
    /// `Malformed` for an empty term or what is no cursor, `ForeignArchive` for another archive's cursor; what is
    /// wrong with the catalog. Conversations that cannot be read, whatever the reason, are counted in
    /// [`SearchPage::incomplete`].
    pub fn search_contains(&self, query: &ContainsQuery) -> Result<SearchPage, Error> {
        let archive = self.format.archive();
        let needle = Needle::new(&query.term).ok_or_else(|| {
            let what = "there is nothing to look for".to_owned();
            Error::new(Action::Search, "the archive", ErrorKind::Malformed { what })
        })?;
        let cursor = query.cursor.as_deref().map(|text| Cursor::parse(text, &archive)).transpose()?;
        let finder = memmem::Finder::new(needle.as_folded().as_bytes());
        let new_page = || Page::new(query.limit.min(LIMIT), cursor.map(|cursor| cursor.after));
        let mut page = new_page();
        for _ in 0..LOOKS {
            page = new_page();
            let mark = self.look(&finder, &mut page)?;
            if !page.vanished {
                break;
            }
            // A writer puts copies in the place of segments when it settles an unclean stop. Then everything is
            // looked for again: some of it is elsewhere now, and would be missed without a word.
            self.refresh()?;
            if self.mark()?.segments.keys().eq(mark.segments.keys()) {
                break;
            }
        }
        self.finish(page, &needle, &archive)
    }

    /// Reads everything once; gives what the catalog covered then.
    fn look(&self, finder: &memmem::Finder<'_>, page: &mut Page) -> Result<Mark, Error> {
        let (mark, superseded) = self.snapshot()?;
        let parts = parts(&mark, self.format.archive());
        scan::scan(
            &*self.dir,
            &parts,
            self.workers,
            |unpacker, _, member, packed| match check::check(&member.header, packed, unpacker) {
                Ok(checked) => matches(&checked, &superseded, finder),
                Err(_) => {
                    Found { unreadable: conversations(&member.header, &superseded), ..Found::default() }
                }
            },
            |event| self.collect(event, &parts, page),
        )?;
        Ok(mark)
    }

    fn collect(&self, event: Event<Found>, parts: &[Part], page: &mut Page) -> Result<(), Error> {
        match event {
            Event::Member { member, result, part } => {
                let identity = parts[part].identity;
                if member.header.archive != identity.archive || member.header.segment != identity.segment {
                    // Of another segment: whatever belongs here cannot be read.
                    page.incomplete += self.lost(identity.segment, member.offset, member.end())?;
                    return Ok(());
                }
                page.reached = (part, member.end());
                page.incomplete += result.unreadable;
                page.count += result.matches.len() as u64;
                result.matches.into_iter().for_each(|found| page.keep(found));
            }
            Event::Unreadable { part, offset, until, .. } => {
                page.incomplete += self.lost(parts[part].identity.segment, offset, until)?;
            }
            Event::End { part, place } => {
                let part = &parts[part];
                if place.offset < part.end {
                    page.incomplete += self.lost(part.identity.segment, place.offset, part.end)?;
                }
            }
            Event::Failed { part, source } => {
                let from = if page.reached.0 == part { page.reached.1 } else { 0 };
                let part = &parts[part];
                page.vanished |= source.kind() == io::ErrorKind::NotFound;
                tracing::warn!(path = %part.path, error = %source, "left out: it cannot be read");
                page.incomplete += self.lost(part.identity.segment, from, part.end)?;
            }
        }
        Ok(())
    }

    /// Latest conversations that lie, as the catalog knows, in a stretch of a segment.
    fn lost(&self, segment: u32, offset: u64, until: u64) -> Result<u64, Error> {
        self.ask(|catalog| catalog.latest_between(segment, offset, until))
    }

    /// How far to read, and what is not the latest of what is read: both of one moment, lest a writer that is
    /// at work make a conversation appear twice or not at all.
    fn snapshot(&self) -> Result<(Mark, Sequences), Error> {
        let archive = self.format.archive();
        self.ask(|catalog| {
            let mut superseded = Sequences::default();
            let mark = catalog.snapshot(&archive, |sequence| superseded.insert(sequence))?;
            Ok((mark, superseded))
        })
    }

    /// Reads the few hits that are returned once more, for what is shown of them.
    fn finish(&self, mut page: Page, needle: &Needle, archive: &[u8; 16]) -> Result<SearchPage, Error> {
        let mut answer = SearchPage { count: page.count, ..SearchPage::default() };
        let mut last = None;
        for (rank, version) in std::mem::take(&mut page.kept).into_iter().rev() {
            last = Some(rank);
            let found = self.ask(|catalog| catalog.by_sequence()?(rank.sequence))?;
            let Some(found) = found else {
                page.incomplete += 1;
                continue;
            };
            let key = RecordKey { kind: RecordKind::Details, id: found.key.id };
            match self.show(&key, Some(version)) {
                Ok(Some(record)) => {
                    let text = payload::transcript(key.kind, &record.bytes);
                    let at = needle.find(&text).unwrap_or(0..0);
                    answer.hits.push(SearchHit {
                        id: key.id,
                        version,
                        started_at: record.started_at,
                        snippet: snippet::around(&text, at).to_owned(),
                    });
                }
                Ok(None) => page.incomplete += 1,
                Err(error) if error.is_integrity_failure() => page.incomplete += 1,
                Err(error) => return Err(error),
            }
        }
        answer.incomplete = page.incomplete;
        answer.next_cursor = last.filter(|_| page.more).map(|rank| Cursor::new(archive, rank).to_string());
        Ok(answer)
    }
}

fn parts(mark: &Mark, archive: [u8; 16]) -> Vec<Part> {
    let part = |(number, segment): (&u32, &crate::catalog::SegmentMark)| Part {
        path: layout::segment(segment.folder, *number),
        identity: Identity { archive, segment: *number },
        from: Place::START,
        linked: true,
        end: segment.place.offset,
    };
    mark.segments.iter().map(part).collect()
}

fn is_latest(entry: &Entry, superseded: &Sequences) -> bool {
    entry.kind == RecordKind::Details && !superseded.contains(entry.sequence)
}

fn conversations(header: &Header, superseded: &Sequences) -> u64 {
    header.entries.iter().filter(|entry| is_latest(entry, superseded)).count() as u64
}

fn matches(checked: &Checked<'_>, superseded: &Sequences, finder: &memmem::Finder<'_>) -> Found {
    let mut found = Found::default();
    let mut folded = String::new();
    for (index, entry, _, bytes) in checked.records() {
        if !is_latest(entry, superseded) {
            continue;
        }
        if checked.wrong.contains(&index) {
            found.unreadable += 1;
            continue;
        }
        folded.clear();
        fold::fold_into(&payload::transcript(entry.kind, bytes), &mut folded);
        if finder.find(folded.as_bytes()).is_some() {
            let started_at = payload::facts(entry.kind, bytes).started_at.map(Timestamp::as_micros);
            let rank = Rank { started_at, sequence: entry.sequence };
            found.matches.push(Match { rank, version: entry.version });
        }
    }
    found
}

/// The hits of one page, while more are found.
struct Page {
    limit: usize,
    after: Option<Rank>,
    count: u64,
    incomplete: u64,
    kept: BTreeMap<Rank, u32>,
    /// Whether there are hits behind this page.
    more: bool,
    /// The part of which a member was read last, and where that ends.
    reached: (usize, u64),
    /// Whether a segment was not there any more.
    vanished: bool,
}

impl Page {
    fn new(limit: usize, after: Option<Rank>) -> Self {
        Self {
            limit,
            after,
            count: 0,
            incomplete: 0,
            kept: BTreeMap::new(),
            more: false,
            reached: (0, 0),
            vanished: false,
        }
    }

    fn keep(&mut self, found: Match) {
        if self.after.is_some_and(|after| found.rank >= after) {
            return; // on a page before
        }
        self.kept.insert(found.rank, found.version);
        if self.kept.len() > self.limit {
            self.kept.pop_first();
            self.more = true;
        }
    }
}

/// A set of sequence numbers: a bit for each of a page, since they are mostly dense. An archive made by somebody who
/// means ill may have them anywhere.
#[derive(Default)]
struct Sequences {
    pages: HashMap<u64, Box<[u64; WORDS]>>,
}

/// Words of a page.
const WORDS: usize = 64;

impl Sequences {
    fn insert(&mut self, sequence: u64) {
        let (page, word, bit) = Self::place(sequence);
        self.pages.entry(page).or_insert_with(|| Box::new([0; WORDS]))[word] |= bit;
    }

    fn contains(&self, sequence: u64) -> bool {
        let (page, word, bit) = Self::place(sequence);
        self.pages.get(&page).is_some_and(|page| page[word] & bit != 0)
    }

    fn place(sequence: u64) -> (u64, usize, u64) {
        let word = sequence / 64;
        (word / WORDS as u64, (word % WORDS as u64) as usize, 1 << (sequence % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_may_lie_anywhere() {
        let mut set = Sequences::default();
        let numbers = [1, 63, 64, 4_095, 4_096, 1 << 40, i64::MAX as u64];
        numbers.into_iter().for_each(|sequence| set.insert(sequence));
        for sequence in numbers {
            assert!(set.contains(sequence));
        }
        for sequence in [0, 2, 65, 4_094, 4_097, (1 << 40) + 4_096, i64::MAX as u64 - 1] {
            assert!(!set.contains(sequence), "{sequence}");
        }
    }
}
