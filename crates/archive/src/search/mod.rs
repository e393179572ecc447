//! Finding conversations by what was said (contract §5, search).
//!
//! The plain scan reads every segment. It needs nothing but the segments and the catalog's note of which versions
//! are the latest, and stays as the oracle that any faster way must agree with.

mod cursor;
mod scan;
mod snippet;

use frontdesk_domain::{RecordId, Timestamp};

/// What to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainsQuery {
    /// The text a transcript must contain, compared character by character without regard to case. Not empty.
    pub term: String,
    /// At most this many hits are returned; all are counted.
    pub limit: usize,
    /// Where the page before ended: its [`SearchPage::next_cursor`].
    pub cursor: Option<String>,
}

/// One page of hits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchPage {
    /// Conversations whose transcript contains the term, on this page or not.
    pub count: u64,
    /// The newest, by start time; those without one come last.
    pub hits: Vec<SearchHit>,
    /// Where to go on, when there are more.
    pub next_cursor: Option<String>,
    /// Conversations that could not be read, and may contain the term or not.
    pub incomplete: u64,
}

/// A conversation that contains the term.
#[derive(Clone, PartialEq, Eq)]
pub struct SearchHit {
    /// The conversation's id.
    pub id: RecordId,
    /// Its latest version, which is what was searched.
    pub version: u32,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// About 160 characters of the transcript around the first place where the term is.
    pub snippet: String,
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
