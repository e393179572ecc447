//! Finding conversations by what was said (contract §5, search).
//!
//! What is searched of a conversation is its latest transcript record where there is one, else its latest details record
//! (ADR 0019), so that a conversation is found once.
//!
//! The plain scan reads every segment. It needs nothing but the segments and the catalog's note of which versions
//! are the latest, and stays as the oracle that any faster way must agree with.

mod answer;
mod best;
mod collect;
pub(crate) mod cursor;
mod dates;
mod evaluate;
mod facets;
mod find;
pub(crate) mod index;
mod ranking;
mod records;
mod scan;
mod sequences;
mod snippet;
mod sought;
mod standing;

use std::ops::Range;

use frontdesk_domain::{Facts, Query, RecordId, RecordKind, Timestamp};

use crate::damage::Integrity;
use crate::show::Record;

pub use facets::Facet;
pub use find::Indexed;
pub(crate) use index::Opened;

/// What to look for, and which part of the answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Search {
    /// What to look for.
    pub expression: Expression,
    /// Which hits come first.
    pub order: Order,
    /// At most this many hits are returned, 10,000 if it is more.
    pub limit: usize,
    /// Where the page before ended: its [`SearchPage::next_cursor`].
    pub cursor: Option<String>,
    /// Whether the values of the fields are counted, too.
    pub facets: bool,
    /// Whether all hits are counted. Without it the newest are found sooner.
    pub count: bool,
    /// Whether hits are read: their facts and snippets. Without it a hit is what the catalog knows, and is there sooner.
    pub texts: bool,
}

impl Search {
    /// The first `limit` hits of an expression, newest first.
    #[must_use]
    pub fn new(expression: Expression, limit: usize) -> Self {
        Self {
            expression,
            order: Order::Newest,
            limit,
            cursor: None,
            facets: false,
            count: true,
            texts: true,
        }
    }
}

/// What a conversation must say to be found.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expression {
    /// A transcript that contains this text, compared character by character without regard to case. Not empty.
    Contains(String),
    /// What a query says: words, phrases, fields, dates.
    Query(Query),
}

/// Which hits come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Order {
    /// The newest, by start time; those without one come last.
    #[default]
    Newest,
    /// Those that have most of what was looked for, the rarer the better; the newest of equals.
    Best,
}

/// A conversation that was found, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// What was searched of it, with its exact bytes: the latest version of its transcript, else of its details.
    pub record: Record,
    /// What is known about the whole answer by now.
    pub so_far: Searched,
}

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Searched {
    /// Conversations that were found.
    pub count: u64,
    /// Conversations that could not be read, and may belong to the answer or not.
    pub incomplete: u64,
}

/// One page of hits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchPage {
    /// Conversations that were found, on this page or not; `None` when nobody asked.
    pub count: Option<u64>,
    /// The first of them, in the order that was asked for.
    pub hits: Vec<SearchHit>,
    /// Where to go on, when there are more.
    pub next_cursor: Option<String>,
    /// Conversations that could not be read, and may belong to the answer or not; where a hit is one of them, it is there
    /// without what it says.
    pub incomplete: u64,
    /// How many of all that were found have which values, where that was asked for.
    pub facets: Vec<Facet>,
}

/// A conversation that was found.
#[derive(Clone, PartialEq, Eq)]
pub struct SearchHit {
    /// The conversation's id.
    pub id: RecordId,
    /// What was searched of it: its transcript where it has one, else its details.
    pub kind: RecordKind,
    /// The latest version of that.
    pub version: u32,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Whether something stored of it is known to be wrong, or all of it lost.
    pub integrity: Integrity,
    /// What it says of itself.
    pub facts: Facts,
    /// About 160 characters of the transcript around what was looked for.
    pub snippet: String,
    /// Where that is in the snippet, in characters: from left to right, without overlap.
    pub marks: Vec<Range<usize>>,
}

impl std::fmt::Debug for SearchHit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchHit")
            .field("id", &self.id)
            .field("version", &self.version)
            .field("started_at", &self.started_at)
            .finish_non_exhaustive()
    }
}

// What is looked for may be customers' words.
impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Search")
            .field("expression", &self.expression)
            .field("order", &self.order)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Contains(text) => write!(f, "Contains({} bytes)", text.len()),
            Self::Query(query) => write!(f, "Query({} bytes)", query.to_string().len()),
        }
    }
}
