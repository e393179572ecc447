//! Answers: which hits, and what is shown of them.

use std::ops::ControlFlow;

use frontdesk_domain::payload;

use super::collect::{All, Newest};
use super::cursor::{Cursor, Rank};
use super::sought::Sought;
use super::{Expression, Match, Search, SearchHit, SearchPage, Searched, snippet};
use crate::error::Error;
use crate::reader::Reader;
use crate::show::Record;

/// Hits of which more than this are not kept, however many are asked for.
const LIMIT: usize = 10_000;

impl Reader {
    /// Searches the latest version of every conversation.
    ///
    /// # Errors
    /// `Malformed` for an empty text or what is no cursor, `ForeignArchive` for another archive's cursor; what is
    /// wrong with the catalog. Conversations that cannot be read, whatever the reason, are counted in
    /// [`SearchPage::incomplete`].
    pub fn search(&self, search: &Search) -> Result<SearchPage, Error> {
        self.scan_search(search)
    }

    /// The same by reading every conversation: slow, and what [`Reader::search`] must agree with.
    ///
    /// # Errors
    /// As [`Reader::search`].
    pub fn scan_search(&self, search: &Search) -> Result<SearchPage, Error> {
        let archive = self.format.archive();
        let sought = Sought::new(&search.expression)?;
        let cursor = search.cursor.as_deref().map(|text| Cursor::parse(text, &archive)).transpose()?;
        let mut page = Newest::new(search.limit.min(LIMIT), cursor.map(|cursor| cursor.after));
        let incomplete = self.scan(&sought, &mut page)?;
        self.finish(&page, incomplete, &sought)
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
        let mut all = All::default();
        let incomplete = self.scan(&sought, &mut all)?;
        let ranks = all.into_ranks();
        let mut searched = Searched { count: ranks.len() as u64, incomplete };
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

    /// Reads the few hits that are returned once more, for what is shown of them.
    fn finish(&self, page: &Newest, incomplete: u64, sought: &Sought) -> Result<SearchPage, Error> {
        let mut answer = SearchPage { count: page.count, incomplete, ..SearchPage::default() };
        let mut last = None;
        for rank in page.ranks() {
            last = Some(rank);
            let Some(record) = self.read_hit(rank)? else {
                answer.incomplete += 1;
                continue;
            };
            let text = payload::transcript(record.key.kind, &record.bytes);
            let at = sought.places(&text).into_iter().next().unwrap_or(0..0);
            answer.hits.push(SearchHit {
                id: record.key.id,
                version: record.version,
                started_at: record.started_at,
                snippet: snippet::around(&text, at).to_owned(),
            });
        }
        let archive = self.format.archive();
        answer.next_cursor = last.filter(|_| page.more).map(|rank| Cursor::new(&archive, rank).to_string());
        Ok(answer)
    }

    /// The record of a hit; `None` when it cannot be read any more.
    fn read_hit(&self, rank: Rank) -> Result<Option<Record>, Error> {
        match self.show_sequence(rank.sequence) {
            Err(error) if error.is_integrity_failure() => Ok(None),
            other => other,
        }
    }
}
