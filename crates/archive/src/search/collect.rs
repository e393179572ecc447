//! What a search keeps of what it finds.

use std::collections::BTreeSet;

use frontdesk_domain::query::Document;
use roaring::RoaringBitmap;

use super::cursor::Rank;
use super::evaluate;
use super::facets::Counter;
use super::find::Ask;
use super::index::{Fault, IndexFile, Offer};
use super::ranking::{Score, Weights};
use super::sought::{Sought, Wanted, What};
use super::standing::Standing;

/// A conversation that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) rank: Rank,
    /// Which of the ranked terms it has: a bit each. Zero unless the order asks for them.
    pub(super) terms: u64,
    /// Its values in the fields that are counted, by [`Counter::FIELDS`]. Empty unless they are asked for.
    pub(super) values: Vec<(usize, String)>,
}

/// Takes what a scan makes of conversations, in any order.
pub(super) trait Keep<T> {
    /// Everything so far is forgotten: the scan begins, or begins again.
    fn begin(&mut self);

    /// One more.
    fn take(&mut self, one: T);
}

/// What is kept of an answer while it is found.
#[derive(Debug, Clone)]
pub(super) struct Gathered {
    /// Conversations that were found; fewer where only the first are looked for.
    pub(super) count: u64,
    /// Whether all of them must be found.
    counts: bool,
    pub(super) kept: Kept,
    pub(super) facets: Option<Counter>,
    /// Damaged documents that the index answered for.
    pub(super) answered: BTreeSet<u64>,
}

/// Which places are kept.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    /// The newest behind a place.
    Newest(First<Rank>),
    /// Those with the best terms behind a place.
    Best(Weights, First<(Score, Rank)>),
    /// All of them, 24 bytes each.
    All(Vec<Rank>),
}

impl Gathered {
    pub(super) fn new(kept: Kept, facets: bool) -> Self {
        let facets = facets.then(Counter::default);
        Self { count: 0, counts: true, kept, facets, answered: BTreeSet::new() }
    }

    /// Nobody asks how many there are: those that would not be kept need not be found.
    pub(super) fn without_count(mut self) -> Self {
        self.counts = false;
        self
    }

    /// A conversation that was found, but for its fields.
    pub(super) fn found(&mut self, rank: Rank, terms: u64) {
        self.count += 1;
        match &mut self.kept {
            Kept::Newest(first) => {
                first.offer(rank);
            }
            Kept::Best(weights, first) => {
                first.offer((weights.sum(terms), rank));
            }
            Kept::All(ranks) => ranks.push(rank),
        }
    }

    /// A conversation that was found, with its fields.
    pub(super) fn take(&mut self, hit: Hit) {
        self.found(hit.rank, hit.terms);
        if let Some(facets) = &mut self.facets {
            facets.add_one(hit.rank.started_at, hit.values);
        }
    }

    /// Documents of a file of the index that were found, all with the same ranked terms.
    ///
    /// # Errors
    /// What is wrong with the file. Then some of them are counted already.
    fn found_in(
        &mut self,
        file: &IndexFile,
        found: &RoaringBitmap,
        terms: u64,
        standing: &Standing,
    ) -> Result<(), Fault> {
        self.count += found.len();
        if let Some(facets) = &mut self.facets {
            facets.add_in(file, found, standing)?;
        }
        // Documents lie newest first: when one is not kept, none of the rest is.
        match &mut self.kept {
            Kept::Newest(first) => {
                let start = first.after.map_or(Ok(0), |after| file.behind(after))?;
                for rank in file.ranks(found.range(start..)) {
                    if !first.offer(rank?) {
                        break;
                    }
                }
            }
            Kept::Best(weights, first) => {
                let score = weights.sum(terms);
                let start = match first.after {
                    Some((before, _)) if score > before => return Ok(()), // on a page before
                    Some((before, rank)) if score == before => file.behind(rank)?,
                    _ => 0,
                };
                for rank in file.ranks(found.range(start..)) {
                    if !first.offer((score, rank?)) {
                        break;
                    }
                }
            }
            Kept::All(ranks) => {
                for rank in file.ranks(found) {
                    ranks.push(rank?);
                }
            }
        }
        Ok(())
    }

    /// What was found from here on is found on top of what is known.
    pub(super) fn scan(&mut self) -> Additional<'_> {
        let kept = match &self.kept {
            Kept::All(ranks) => Known::All(ranks.len()),
            few => Known::Few(few.clone()),
        };
        Additional { count: self.count, kept, facets: self.facets.clone(), gathered: self }
    }
}

/// Takes the hits of a scan, beside what was found without one.
pub(super) struct Additional<'a> {
    count: u64,
    kept: Known,
    facets: Option<Counter>,
    gathered: &'a mut Gathered,
}

/// What was kept when a scan began.
enum Known {
    Few(Kept),
    /// That many of all.
    All(usize),
}

impl Keep<Hit> for Additional<'_> {
    fn begin(&mut self) {
        self.gathered.count = self.count;
        self.gathered.facets.clone_from(&self.facets);
        match (&self.kept, &mut self.gathered.kept) {
            (Known::All(length), Kept::All(ranks)) => ranks.truncate(*length),
            (Known::All(_), _) => {}
            (Known::Few(few), kept) => kept.clone_from(few),
        }
    }

    fn take(&mut self, hit: Hit) {
        self.gathered.take(hit);
    }
}

/// Finds by the index what is sought.
pub(super) struct Finding<'a> {
    sought: &'a Sought,
    wanted: Wanted,
    blank: Gathered,
    gathered: &'a mut Gathered,
}

impl<'a> Finding<'a> {
    /// Gathers into `gathered`, which has nothing yet.
    pub(super) fn new(sought: &'a Sought, wanted: Wanted, gathered: &'a mut Gathered) -> Self {
        Self { sought, wanted, blank: gathered.clone(), gathered }
    }
}

impl Ask for Finding<'_> {
    fn begin(&mut self) {
        self.gathered.clone_from(&self.blank);
    }

    fn newest_first(&self) -> bool {
        let asks_one_by_one = !self.gathered.counts || matches!(self.sought.what, What::Query(_));
        asks_one_by_one && matches!(self.gathered.kept, Kept::Newest(_))
    }

    fn file(&mut self, file: &IndexFile, dead: &RoaringBitmap) -> Result<RoaringBitmap, Fault> {
        let Gathered { counts, count, kept, facets, answered } = &mut *self.gathered;
        let damaged = self.sought.standing.damaged_in(file)? - dead;
        if let (None, Kept::Newest(first)) = (facets, kept)
            && let Some(all) = self.sought.how_many(file, dead, *counts)?
            && let Some(unclear) = self.sought.newest(file, dead, self.wanted, first)?
        {
            for rank in file.ranks(&damaged - &unclear) {
                answered.insert(rank?.sequence);
            }
            *count += all;
            return Ok(unclear);
        }
        let answer = self.sought.in_file(file, self.wanted)?;
        for rank in file.ranks(damaged - &answer.unclear) {
            self.gathered.answered.insert(rank?.sequence);
        }
        for (terms, group) in answer.groups {
            self.gathered.found_in(file, &(group - dead), terms, &self.sought.standing)?;
        }
        Ok(answer.unclear - dead)
    }

    fn conversation(&mut self, sequence: u64, document: Document<'_>) {
        if let Some(hit) = self.sought.hit(sequence, document, self.wanted) {
            self.gathered.take(hit);
        }
    }
}

impl Sought {
    /// How many documents of a file are found but for those that must be read, or 0 where nobody asks; `None` where nothing
    /// less than finding them says so.
    fn how_many(&self, file: &IndexFile, dead: &RoaringBitmap, asked: bool) -> Result<Option<u64>, Fault> {
        match &self.what {
            _ if !asked => Ok(Some(0)),
            What::Contains(..) => Ok(None),
            What::Query(query) => {
                let unclear = evaluate::unclear(query.expr(), file, false)?;
                evaluate::how_many(query.expr(), file, &(unclear | dead))
            }
        }
    }

    /// Offers the documents of a file that are found, the newest first, as long as they are wanted. Gives those that must
    /// be read; `None` where the file must be asked as a whole.
    fn newest(
        &self,
        file: &IndexFile,
        dead: &RoaringBitmap,
        wanted: Wanted,
        first: &mut First<Rank>,
    ) -> Result<Option<RoaringBitmap>, Fault> {
        let unclear = match &self.what {
            What::Contains(..) => file.must_be_read(false)?.clone(),
            What::Query(query) => evaluate::unclear(query.expr(), file, wanted.values)?,
        };
        let without = dead | &unclear;
        let unclear = unclear - dead;
        // The newest of a file says whether any of it is new enough.
        if !file.newest()?.is_some_and(|newest| first.may_want(newest)) {
            return Ok(Some(unclear));
        }
        let start = first.after.map_or(Ok(0), |after| file.behind(after))?;
        match &self.what {
            What::Contains(needle, _) => {
                file.containing(needle.as_folded(), wanted.workers)?.newest(start, &without, first)?;
            }
            What::Query(query) => {
                let Some(mut meeting) = evaluate::meeting(query.expr(), file, start)? else {
                    return Ok(None);
                };
                let mut rank_of = file.rank_reader();
                while let Some(document) = meeting.next()? {
                    if without.contains(document) {
                        continue;
                    }
                    let rank = rank_of(document)?;
                    if !first.wants(rank) {
                        break;
                    }
                    first.take(rank);
                }
            }
        }
        Ok(Some(unclear))
    }
}

/// The greatest of what is offered that is less than what was seen before.
#[derive(Debug, Clone)]
pub(super) struct First<T> {
    limit: usize,
    after: Option<T>,
    kept: BTreeSet<T>,
    /// Whether there are others behind the ones that are kept.
    pub(super) more: bool,
}

impl<T: Ord + Copy> First<T> {
    pub(super) fn new(limit: usize, after: Option<T>) -> Self {
        Self { limit, after, kept: BTreeSet::new(), more: false }
    }

    /// Says whether it is kept, for now.
    fn offer(&mut self, one: T) -> bool {
        if self.after.is_some_and(|after| one >= after) {
            return false; // on a page before
        }
        if self.kept.len() == self.limit {
            self.more = true;
            if self.kept.first().is_none_or(|least| one < *least) {
                return false;
            }
        }
        self.kept.insert(one);
        if self.kept.len() > self.limit {
            self.kept.pop_first();
        }
        true
    }

    /// Whether it would be kept, or something behind it.
    fn may_want(&self, one: T) -> bool {
        self.kept.len() < self.limit || self.kept.first().is_some_and(|least| one > *least)
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// What was kept, the greatest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.kept.iter().rev().copied()
    }
}

impl Offer for First<Rank> {
    fn wants(&self, rank: Rank) -> bool {
        let behind = self.after.is_none_or(|after| rank < after);
        behind && self.may_want(rank)
    }

    fn take(&mut self, rank: Rank) {
        self.offer(rank);
    }
}
