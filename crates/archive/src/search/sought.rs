//! An expression, made ready to be compared with many conversations.

use std::ops::Range;

use frontdesk_domain::Query;
use frontdesk_domain::fold::Needle;
use frontdesk_domain::query::Document;
use memchr::memmem;

use super::Expression;
use super::collect::Hit;
use super::cursor::Rank;
use super::facets::Counter;
use super::standing::Standing;
use crate::error::{Action, Error, ErrorKind};

/// What is looked for.
pub(super) struct Sought {
    pub(super) what: What,
    /// How conversations stand, where somebody asks for it.
    pub(super) standing: Standing,
}

/// The expression.
pub(super) enum What {
    Contains(Needle, Box<memmem::Finder<'static>>),
    Query(Query),
}

/// What is wanted of a hit beside its place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted {
    /// Which ranked terms it has.
    pub(super) terms: bool,
    /// Its values in the fields that are counted.
    pub(super) values: bool,
    /// Threads that may look for it in one file of the index; 0 is one.
    pub(super) workers: usize,
}

impl Sought {
    /// # Errors
    /// `Malformed` for an empty text.
    pub(super) fn new(expression: &Expression, standing: Standing) -> Result<Self, Error> {
        let what = match expression {
            Expression::Contains(text) => {
                let needle = Needle::new(text).ok_or_else(|| {
                    let what = "there is nothing to look for".to_owned();
                    Error::new(Action::Search, "the archive", ErrorKind::Malformed { what })
                })?;
                let finder = memmem::Finder::new(needle.as_folded().as_bytes()).into_owned();
                What::Contains(needle, Box::new(finder))
            }
            Expression::Query(query) => What::Query(query.clone()),
        };
        Ok(Self { what, standing })
    }

    /// Whether it finds a conversation: what every faster way must agree with.
    pub(super) fn matches(&self, document: &Document<'_>) -> bool {
        match &self.what {
            What::Contains(_, finder) => finder.find(document.folded().as_bytes()).is_some(),
            What::Query(query) => query.matches(document),
        }
    }

    /// A conversation as a hit, when it is one.
    pub(super) fn hit(&self, sequence: u64, document: Document<'_>, wanted: Wanted) -> Option<Hit> {
        let document = &self.standing.of(sequence, document);
        if !self.matches(document) {
            return None;
        }
        let rank = Rank { started_at: document.started_at(), sequence };
        let terms = if wanted.terms { self.terms(document) } else { 0 };
        let values = if wanted.values { Counter::values(document) } else { Vec::new() };
        Some(Hit { rank, terms, values })
    }

    /// Which ranked terms are in a conversation.
    fn terms(&self, document: &Document<'_>) -> u64 {
        match &self.what {
            What::Contains(..) => 1,
            What::Query(query) => {
                let ranked = query.ranked().into_iter().enumerate();
                let there = ranked.filter(|(_, words)| document.places(words).next().is_some());
                there.fold(0, |terms, (index, _)| terms | 1 << index)
            }
        }
    }

    /// Where each ranked term is in a folded transcript, in bytes, from left to right for each.
    pub(super) fn places(&self, document: &Document<'_>) -> Vec<Vec<Range<usize>>> {
        match &self.what {
            What::Contains(needle, _) => vec![needle.find_in_folded(document.folded()).collect()],
            What::Query(query) => {
                query.ranked().into_iter().map(|words| document.places(words).collect()).collect()
            }
        }
    }
}
