//! Answers: which hits, and what is shown of them.

use std::ops::ControlFlow;

use frontdesk_domain::payload;
use frontdesk_domain::query::Document;

use super::best::Best;
use super::collect::{Finding, First, Gathered, Kept};
use super::cursor::{Cursor, Place, Rank};
use super::find::By;
use super::ranking::{Frequencies, Weights};
use super::sought::{Sought, Wanted};
use super::{Expression, Match, Order, Search, SearchHit, SearchPage, Searched, snippet};
use crate::error::{Action, Error, ErrorKind};
use crate::reader::Reader;
use crate::show::Record;

/// Hits of which more than this are not kept, however many are asked for.
pub(super) const LIMIT: usize = 10_000;

/// The hits of a page, in their order.
pub(super) struct Page {
    pub(super) gathered: Gathered,
    pub(super) incomplete: u64,
    pub(super) ranks: Vec<Rank>,
    /// Where the next page begins, when there is one.
    pub(super) next: Option<Place>,
}

impl Reader {
    /// Searches the latest version of every conversation.
    ///
    /// # Errors
    /// `Malformed` for an empty text or what is no cursor, `ForeignArchive` for another archive's cursor,
    /// `OutdatedCursor` for one of [`Order::Best`] after the archive or the search has changed; what is wrong with
    /// the catalog. Conversations that cannot be read, whatever the reason, are counted in [`SearchPage::incomplete`].
    pub fn search(&self, search: &Search) -> Result<SearchPage, Error> {
        self.answer(search, By::Index)
    }

    /// The same by reading every conversation: slow, and what [`Reader::search`] must agree with.
    ///
    /// # Errors
    /// As [`Reader::search`].
    pub fn scan_search(&self, search: &Search) -> Result<SearchPage, Error> {
        self.answer(search, By::Scan)
    }

    /// Calls `each` with every conversation that is found, newest first, until it says to stop. What is kept of those
    /// that wait is 24 bytes each, so that any number takes little memory.
    ///
    /// Gives how many there are of all, and how many could not be read.
    ///
    /// # Errors
    /// As [`Reader::search`].
    pub fn search_each(
        &self,
        expression: &Expression,
        each: &mut dyn FnMut(Match) -> ControlFlow<()>,
    ) -> Result<Searched, Error> {
        let sought = Sought::new(expression)?;
        let mut gathered = Gathered::new(Kept::All(Vec::new()), false);
        let incomplete = self.gather(&sought, Wanted::default(), &mut gathered, By::Index)?;
        let mut searched = Searched { count: gathered.count, incomplete };
        let Kept::All(mut ranks) = gathered.kept else { return Ok(searched) };
        ranks.sort_unstable_by(|one, other| other.cmp(one));
        for rank in ranks {
            let Some(record) = self.read_hit(rank)? else {
                searched.incomplete += 1;
                continue;
            };
            if each(Match { record, so_far: searched }).is_break() {
                break;
            }
        }
        Ok(searched)
    }

    fn answer(&self, search: &Search, by: By) -> Result<SearchPage, Error> {
        let archive = self.format.archive();
        let sought = Sought::new(&search.expression)?;
        let cursor = search.cursor.as_deref().map(|text| Cursor::parse(text, &archive)).transpose()?;
        let place = cursor.map(|cursor| cursor.place);
        let page = match search.order {
            Order::Newest => self.newest(search, &sought, place, by)?,
            Order::Best => self.best(search, &Best::new(self, search, place)?, &sought, by)?,
        };
        let mut answer =
            SearchPage { count: page.gathered.count, incomplete: page.incomplete, ..SearchPage::default() };
        for rank in page.ranks {
            match self.read_hit(rank)? {
                Some(record) => answer.hits.push(hit(record, &sought)),
                None => answer.incomplete += 1,
            }
        }
        answer.facets = page.gathered.facets.map_or_else(Vec::new, |facets| facets.finish());
        answer.next_cursor = page.next.map(|place| Cursor::new(&archive, place).to_string());
        Ok(answer)
    }

    fn newest(&self, search: &Search, sought: &Sought, place: Option<Place>, by: By) -> Result<Page, Error> {
        let after = match place {
            None => None,
            Some(Place::Newest(rank)) => Some(rank),
            Some(Place::Best { .. }) => return Err(other_order()),
        };
        let first = First::new(search.limit.min(LIMIT), after);
        let mut gathered = Gathered::new(Kept::Newest(first), search.facets);
        let wanted = Wanted { terms: false, values: search.facets };
        let incomplete = self.gather(sought, wanted, &mut gathered, by)?;
        let (ranks, more) = match &gathered.kept {
            Kept::Newest(first) => (first.iter().collect(), first.more),
            Kept::Best(..) | Kept::All(_) => (Vec::new(), false),
        };
        let next = ranks.last().filter(|_| more).map(|rank| Place::Newest(*rank));
        Ok(Page { gathered, incomplete, ranks, next })
    }

    /// Finds everything that is sought. Gives how many conversations could not be read.
    pub(super) fn gather(
        &self,
        sought: &Sought,
        wanted: Wanted,
        gathered: &mut Gathered,
        by: By,
    ) -> Result<u64, Error> {
        if by == By::Index
            && let Some(incomplete) = self.find(&mut Finding::new(sought, wanted, gathered))?
        {
            return Ok(incomplete);
        }
        self.scan(&|sequence, document| sought.hit(sequence, document, wanted), &mut gathered.scan())
    }

    /// What the ranked terms weigh.
    pub(super) fn weights(&self, sought: &Sought, by: By) -> Result<Weights, Error> {
        let query = match sought {
            Sought::Contains(..) => return Ok(Weights::alone()),
            Sought::Query(query) => query,
        };
        let mut frequencies = Frequencies::new(query);
        let nothing = query.ranked().is_empty();
        if !nothing && (by == By::Scan || self.find(&mut frequencies)?.is_none()) {
            let blank = frequencies.clone();
            self.scan(&|_, document| Some(blank.present(document)), &mut frequencies.scan())?;
        }
        Ok(Weights::of(query, &frequencies))
    }

    /// The record of a hit; `None` when it cannot be read any more.
    pub(super) fn read_hit(&self, rank: Rank) -> Result<Option<Record>, Error> {
        match self.show_sequence(rank.sequence) {
            Err(error) if error.is_integrity_failure() => Ok(None),
            other => other,
        }
    }
}

/// What is shown of a conversation.
fn hit(record: Record, sought: &Sought) -> SearchHit {
    let document = Document::new(&record.bytes);
    let text = payload::transcript(record.key.kind, &record.bytes);
    let snippet = snippet::around(&text, document.folded(), &sought.places(&document));
    SearchHit {
        id: record.key.id,
        version: record.version,
        started_at: record.started_at,
        snippet: snippet.text,
        marks: snippet.marks,
    }
}

/// The error for a cursor of the other order.
pub(super) fn other_order() -> Error {
    let what = "it goes on with a search of another order".to_owned();
    Error::new(Action::Search, "the cursor", ErrorKind::Malformed { what })
}
