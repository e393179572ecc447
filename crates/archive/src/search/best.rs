//! A page of the best hits.
//!
//! The order is: those of the best that are scored from their text, by that score; then all others by the sum of their
//! terms' weights. Weights depend on everything that is in the archive, so a cursor of this order is good only while
//! nothing changes; it says so itself.

use frontdesk_domain::query::Document;
use sha2::{Digest, Sha256};

use super::answer::{AT_ONCE, LIMIT, Page, other_order};
use super::collect::{First, Gathered, Kept};
use super::cursor::{Behind, Place, Rank};
use super::find::By;
use super::ranking::{SCORED, Score, Weights};
use super::sought::{Sought, Wanted};
use super::{Expression, Search};
use crate::error::{Action, Error, ErrorKind};
use crate::reader::Reader;

/// Which page is asked for.
pub(super) struct Best {
    limit: usize,
    /// How many of the best are scored: a whole page at least, so that the page is in one order.
    scored: usize,
    generation: u64,
    behind: Behind,
}

impl Best {
    /// # Errors
    /// `OutdatedCursor` when what the cursor's order depends on has changed.
    pub(super) fn new(reader: &Reader, search: &Search, place: Option<Place>) -> Result<Self, Error> {
        let limit = search.limit.min(LIMIT);
        let (given, scored, behind) = match place {
            None => (None, limit.max(SCORED), Behind::Scored(0)),
            Some(Place::Best { generation, scored, behind }) => (Some(generation), scored, behind),
            Some(Place::Newest(_)) => return Err(other_order()),
        };
        let generation = reader.generation(&search.expression, scored)?;
        if given.is_some_and(|given| given != generation) || scored > LIMIT {
            return Err(Error::new(Action::Search, "the cursor", ErrorKind::OutdatedCursor));
        }
        Ok(Self { limit, scored, generation, behind })
    }

    fn place(&self, behind: Behind) -> Place {
        Place::Best { generation: self.generation, scored: self.scored, behind }
    }
}

impl Reader {
    pub(super) fn best(&self, search: &Search, best: &Best, sought: &Sought, by: By) -> Result<Page, Error> {
        let weights = self.weights(sought, by)?;
        let first = match best.behind {
            Behind::Scored(_) => First::new(best.scored + best.limit, None),
            Behind::Other(score, rank) => First::new(best.limit, Some((score, rank))),
        };
        let mut gathered = Gathered::new(Kept::Best(weights, first), search.facets);
        let wanted = Wanted { terms: true, values: search.facets, workers: self.workers };
        let answered = self.gather_all(sought, wanted, &mut gathered, by)?;
        let Kept::Best(weights, first) = &gathered.kept else {
            return Ok(Page { gathered, answered, ranks: Vec::new(), next: None });
        };
        let kept: Vec<(Score, Rank)> = first.iter().collect();
        let seen = match best.behind {
            Behind::Scored(seen) => seen,
            Behind::Other(..) => 0,
        };
        let mut ranks: Vec<Rank> = kept.iter().map(|(_, rank)| *rank).collect();
        if seen < best.scored && matches!(best.behind, Behind::Scored(_)) {
            let scored = best.scored.min(ranks.len());
            self.sort(&mut ranks[..scored], weights, sought)?;
        }
        let end = (seen + best.limit).min(ranks.len());
        let more = end < ranks.len() || first.more;
        let page = ranks.get(seen..end).unwrap_or_default().to_vec();
        let behind = match best.behind {
            Behind::Scored(_) if end < best.scored => Some(Behind::Scored(end)),
            // The last of those by weights, which need not be the last that is shown.
            _ => end.checked_sub(1).map(|last| Behind::Other(kept[last].0, kept[last].1)),
        };
        let next = behind.filter(|_| more && !page.is_empty()).map(|behind| best.place(behind));
        Ok(Page { gathered, answered, ranks: page, next })
    }

    /// Reads conversations and puts those first that say the terms most.
    fn sort(&self, ranks: &mut [Rank], weights: &Weights, sought: &Sought) -> Result<(), Error> {
        let mut read = Vec::with_capacity(ranks.len());
        for ranks in ranks.chunks(AT_ONCE) {
            for (rank, record) in ranks.iter().zip(self.read_hits(ranks)?) {
                let counts = record.map_or_else(Default::default, |record| {
                    let document = Document::of(record.key.kind, &record.bytes);
                    let counts = sought.places(&document).iter().map(|places| places.len() as u64).collect();
                    (document.length(), counts)
                });
                read.push((*rank, counts));
            }
        }
        let words: usize = read.iter().map(|(_, (length, _))| length).sum();
        let mean = words as f64 / read.len().max(1) as f64;
        let mut scored: Vec<(Score, Rank)> = read
            .into_iter()
            .map(|(rank, (length, counts)): (Rank, (usize, Vec<u64>))| {
                (weights.score(&counts, length, mean), rank)
            })
            .collect();
        scored.sort_unstable_by(|one, other| other.cmp(one));
        for (place, (_, rank)) in ranks.iter_mut().zip(scored) {
            *place = rank;
        }
        Ok(())
    }

    /// What the order of the best depends on, as a number: what is looked for, how many are scored, and everything that
    /// is in the archive.
    fn generation(&self, expression: &Expression, scored: usize) -> Result<u64, Error> {
        let conversations = self.mark()?.conversations;
        let highest = self.ask(|catalog| catalog.highest())?;
        let mut digest = Sha256::new();
        for number in [conversations, highest, scored as u64] {
            digest.update(number.to_le_bytes());
        }
        match expression {
            Expression::Contains(text) => digest.update([b"contains ", text.as_bytes()].concat()),
            Expression::Query(query) => digest.update(format!("query {query}")),
        }
        for number in self.standing_for(expression, false)?.numbers() {
            digest.update(number.to_le_bytes());
        }
        let hash: [u8; 32] = digest.finalize().into();
        Ok(hash.first_chunk().copied().map_or(0, u64::from_le_bytes))
    }
}
