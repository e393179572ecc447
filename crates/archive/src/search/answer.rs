//! Answers: which hits, and what is shown of them.

use std::ops::ControlFlow;

use frontdesk_domain::query::Document;
use frontdesk_domain::{Facts, Timestamp, payload};

use super::best::Best;
use super::collect::{Finding, First, Gathered, Kept};
use super::cursor::{Cursor, Place, Rank};
use super::find::{Answered, By, Indexed};
use super::ranking::{Frequencies, Weights};
use super::sought::{Sought, Wanted, What};
use super::{Expression, Match, Order, Search, SearchHit, SearchPage, Searched, snippet};
use crate::catalog::Brief;
use crate::damage::{Integrity, Unread};
use crate::error::{Action, Error, ErrorKind};
use crate::reader::Reader;
use crate::show::Record;

/// Hits of which more than this are not kept, however many are asked for.
pub(super) const LIMIT: usize = 10_000;

/// Hits that are read at a time.
pub(super) const AT_ONCE: usize = 32;

/// The hits of a page, in their order.
pub(super) struct Page {
    pub(super) gathered: Gathered,
    pub(super) answered: Answered,
    pub(super) ranks: Vec<Rank>,
    /// Where the next page begins, when there is one.
    pub(super) next: Option<Place>,
}

impl Reader {
    /// Searches the latest version of every conversation. Of one that is lost, or known to be damaged and in no index,
    /// nothing is known but when it began, and that it is damaged: by these it is found.
    ///
    /// # Errors
    /// `Malformed` for an empty text or what is no cursor, `ForeignArchive` for another archive's cursor,
    /// `OutdatedCursor` for one of [`Order::Best`] after the archive or the search has changed; what is wrong with
    /// the catalog. Conversations that cannot be read, whatever the reason, are counted in [`SearchPage::incomplete`].
    pub fn search(&self, search: &Search) -> Result<SearchPage, Error> {
        Ok(self.answer(search, By::Index)?.0)
    }

    /// [`Reader::search`], and how far the index went that answered, as [`Reader::indexed`] says it.
    ///
    /// # Errors
    /// As [`Reader::search`].
    pub fn search_and_reach(&self, search: &Search) -> Result<(SearchPage, Indexed), Error> {
        let (page, indexed) = self.answer(search, By::Index)?;
        Ok((page, indexed.map_or_else(|| self.indexed(), Ok)?))
    }

    /// The same by reading every conversation: slow, and what [`Reader::search`] must agree with.
    ///
    /// # Errors
    /// As [`Reader::search`].
    pub fn scan_search(&self, search: &Search) -> Result<SearchPage, Error> {
        Ok(self.answer(search, By::Scan)?.0)
    }

    /// Calls `each` with every conversation that is found, newest first, until it says to stop. What is kept of those
    /// that wait is 24 bytes each, so that any number takes little memory.
    ///
    /// Gives how many there are of all, and how many could not be read. What is lost is not among them: there is no record.
    ///
    /// # Errors
    /// As [`Reader::search`].
    pub fn search_each(
        &self,
        expression: &Expression,
        each: &mut dyn FnMut(Match) -> ControlFlow<()>,
    ) -> Result<Searched, Error> {
        let sought = Sought::new(expression, self.standing_for(expression, false)?)?;
        let mut gathered = Gathered::new(Kept::All(Vec::new()), false);
        let wanted = Wanted { workers: self.workers, ..Wanted::default() };
        let answered = self.gather(&sought, wanted, &mut gathered, By::Index)?;
        let mut searched = Searched { count: gathered.count, incomplete: answered.incomplete };
        let Kept::All(mut ranks) = gathered.kept else { return Ok(searched) };
        ranks.sort_unstable_by(|one, other| other.cmp(one));
        // The first alone: somebody waits for it. Then more and more at once.
        let (mut rest, mut at_once) = (&ranks[..], 1);
        while !rest.is_empty() {
            let (next, behind) = rest.split_at(at_once.min(rest.len()));
            (rest, at_once) = (behind, AT_ONCE.min(2 * at_once));
            for record in self.read_hits(next)? {
                let Some(record) = record else {
                    searched.incomplete += 1;
                    continue;
                };
                if each(Match { record, so_far: searched }).is_break() {
                    return Ok(searched);
                }
            }
        }
        Ok(searched)
    }

    fn answer(&self, search: &Search, by: By) -> Result<(SearchPage, Option<Indexed>), Error> {
        let archive = self.format.archive();
        let standing = self.standing_for(&search.expression, search.facets)?;
        let sought = Sought::new(&search.expression, standing)?;
        let cursor = search.cursor.as_deref().map(|text| Cursor::parse(text, &archive)).transpose()?;
        let place = cursor.map(|cursor| cursor.place);
        let page = match search.order {
            Order::Newest => self.newest(search, &sought, place, by)?,
            Order::Best => self.best(search, &Best::new(self, search, place)?, &sought, by)?,
        };
        let Answered { incomplete, indexed } = page.answered;
        let count = search.count.then_some(page.gathered.count);
        let mut answer = SearchPage { count, incomplete, ..SearchPage::default() };
        for ranks in page.ranks.chunks(AT_ONCE) {
            let mut hits: Vec<Option<SearchHit>> = match search.texts {
                true => {
                    let records = self.read_hits(ranks)?.into_iter();
                    records.map(|record| record.map(|record| hit(record, &sought))).collect()
                }
                false => {
                    let rows = self.ask(|catalog| catalog.briefs_known(&sequences(ranks)))?.into_iter();
                    rows.map(|row| row.map(bare)).collect()
                }
            };
            answer.incomplete += self.stand_in(ranks, &mut hits, &sought)?;
            answer.hits.extend(hits.into_iter().flatten());
        }
        answer.facets = page.gathered.facets.map_or_else(Vec::new, |facets| facets.finish());
        answer.next_cursor = page.next.map(|place| Cursor::new(&archive, place).to_string());
        Ok((answer, indexed))
    }

    /// Puts what is known in the place of hits that could not be read, and says of all how they stand. Gives how many could
    /// not be read.
    fn stand_in(
        &self,
        ranks: &[Rank],
        hits: &mut [Option<SearchHit>],
        sought: &Sought,
    ) -> Result<u64, Error> {
        let damage = &sought.standing.damage;
        let mut unread = 0;
        for (rank, hit) in ranks.iter().zip(hits) {
            let integrity = damage.integrity(rank.sequence);
            if hit.is_none() {
                if let Some(gone) = damage.gone(rank.sequence) {
                    *hit = Some(lost(gone));
                    continue;
                }
                unread += 1;
                if integrity == Integrity::Damaged {
                    let brief = self.ask(|catalog| catalog.briefs(&[rank.sequence]))?.pop().flatten();
                    *hit = brief.map(bare);
                }
            }
            if let Some(hit) = hit {
                hit.integrity = integrity;
            }
        }
        Ok(unread)
    }

    /// Takes what cannot be read and nothing answered for, by what is known of it.
    fn gather_unread(&self, sought: &Sought, wanted: Wanted, gathered: &mut Gathered) -> Result<(), Error> {
        if matches!(sought.what, What::Contains(..)) {
            return Ok(()); // what cannot be read contains nothing
        }
        let damage = &sought.standing.damage;
        let open: Vec<&Unread> =
            damage.unread.iter().filter(|unread| !gathered.answered.contains(&unread.sequence)).collect();
        let mut offered: Vec<&Unread> = damage.gone.iter().collect();
        for some in open.chunks(AT_ONCE) {
            let sequences: Vec<u64> = some.iter().map(|unread| unread.sequence).collect();
            // What can be read after all was judged by what it says.
            let records = self.show_sequences(&sequences)?;
            offered
                .extend(some.iter().zip(records).filter(|(_, record)| record.is_none()).map(|(one, _)| *one));
        }
        for unread in offered {
            let document = Document::unread(unread.started_at).version(unread.version);
            if let Some(hit) = sought.hit(unread.sequence, document, wanted) {
                gathered.take(hit);
            }
        }
        Ok(())
    }

    fn newest(&self, search: &Search, sought: &Sought, place: Option<Place>, by: By) -> Result<Page, Error> {
        let after = match place {
            None => None,
            Some(Place::Newest(rank)) => Some(rank),
            Some(Place::Best { .. }) => return Err(other_order()),
        };
        let limit = search.limit.min(LIMIT);
        // One more than is shown says whether there are others.
        let first = First::new(limit + 1, after);
        let mut gathered = Gathered::new(Kept::Newest(first), search.facets);
        if !search.count {
            gathered = gathered.without_count();
        }
        let wanted = Wanted { values: search.facets, workers: self.workers, ..Wanted::default() };
        let answered = self.gather_all(sought, wanted, &mut gathered, by)?;
        let (ranks, more): (Vec<Rank>, bool) = match &gathered.kept {
            Kept::Newest(first) => (first.iter().take(limit).collect(), first.len() > limit),
            Kept::Best(..) | Kept::All(_) => (Vec::new(), false),
        };
        let next = ranks.last().filter(|_| more).map(|rank| Place::Newest(*rank));
        Ok(Page { gathered, answered, ranks, next })
    }

    /// The same as [`Reader::gather`], and what cannot be read.
    pub(super) fn gather_all(
        &self,
        sought: &Sought,
        wanted: Wanted,
        gathered: &mut Gathered,
        by: By,
    ) -> Result<Answered, Error> {
        let answered = self.gather(sought, wanted, gathered, by)?;
        self.gather_unread(sought, wanted, gathered)?;
        Ok(answered)
    }

    /// Finds everything that is sought.
    pub(super) fn gather(
        &self,
        sought: &Sought,
        wanted: Wanted,
        gathered: &mut Gathered,
        by: By,
    ) -> Result<Answered, Error> {
        if by == By::Index
            && let Some(answered) = self.find(&mut Finding::new(sought, wanted, gathered))?
        {
            return Ok(answered);
        }
        let read = |sequence, document: Document<'_>| sought.hit(sequence, document, wanted);
        Ok(Answered { incomplete: self.scan(&read, &mut gathered.scan())?, indexed: None })
    }

    /// What the ranked terms weigh.
    pub(super) fn weights(&self, sought: &Sought, by: By) -> Result<Weights, Error> {
        let query = match &sought.what {
            What::Contains(..) => return Ok(Weights::alone()),
            What::Query(query) => query,
        };
        let mut frequencies = Frequencies::new(query);
        let nothing = query.ranked().is_empty();
        if !nothing && (by == By::Scan || self.find(&mut frequencies)?.is_none()) {
            let blank = frequencies.clone();
            self.scan(&|_, document| Some(blank.present(&document)), &mut frequencies.scan())?;
        }
        Ok(Weights::of(query, &frequencies))
    }

    /// The records of hits; `None` for those that cannot be read any more.
    pub(super) fn read_hits(&self, ranks: &[Rank]) -> Result<Vec<Option<Record>>, Error> {
        self.show_sequences(&sequences(ranks))
    }
}

fn sequences(ranks: &[Rank]) -> Vec<u64> {
    ranks.iter().map(|rank| rank.sequence).collect()
}

/// A conversation as the catalog knows it.
fn bare(row: Brief) -> SearchHit {
    SearchHit {
        started_at: row.started_at.and_then(|micros| Timestamp::from_micros(micros).ok()),
        id: row.key.id,
        kind: row.key.kind,
        version: row.version,
        integrity: Integrity::Sound,
        facts: Facts::default(),
        snippet: String::new(),
        marks: Vec::new(),
    }
}

/// What stands for a conversation of which nothing is left.
fn lost(gone: &Unread) -> SearchHit {
    SearchHit {
        id: gone.key.id.clone(),
        kind: gone.key.kind,
        version: gone.version,
        started_at: gone.started_at,
        integrity: Integrity::Lost,
        facts: Facts::default(),
        snippet: String::new(),
        marks: Vec::new(),
    }
}

/// What is shown of a conversation.
fn hit(record: Record, sought: &Sought) -> SearchHit {
    let document = Document::of(record.key.kind, &record.bytes);
    let text = payload::transcript(record.key.kind, &record.bytes);
    let snippet = snippet::around(&text, document.folded(), &sought.places(&document));
    SearchHit {
        facts: payload::facts(record.key.kind, &record.bytes),
        id: record.key.id,
        kind: record.key.kind,
        version: record.version,
        started_at: record.started_at,
        integrity: Integrity::Sound,
        snippet: snippet.text,
        marks: snippet.marks,
    }
}

/// The error for a cursor of the other order.
pub(super) fn other_order() -> Error {
    let what = "it goes on with a search of another order".to_owned();
    Error::new(Action::Search, "the cursor", ErrorKind::Malformed { what })
}
