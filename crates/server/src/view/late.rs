//! Conversations whose texts are looked at again: the queue that every pull works through.

use std::collections::BTreeMap;

use frontdesk_archive::{Error, Reader};
use frontdesk_archiver::{LateQueue, Waiting};
use frontdesk_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// The queue, those that are due first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct LateView {
    /// Conversations that wait.
    pub total: u64,
    /// Those of them that the next pull looks at.
    pub due: u64,
    /// How many wait for which reason: `open` (it has not ended), `late` (its texts are not there yet), `threading` (a
    /// message may still be added to it), `failed` (asking for it failed).
    pub reasons: BTreeMap<String, u64>,
    /// When the next of those becomes due that are not, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_due: Option<String>,
    /// Those of this page.
    pub conversations: Vec<LateConversation>,
    /// Where the next page begins, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A conversation that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LateConversation {
    /// Its id.
    pub id: String,
    /// When it started, RFC 3339, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it was looked at for the first time.
    pub first_at: String,
    /// Not before that; absent where the next pull looks at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<String>,
    /// Why: as in `reasons`.
    pub reason: &'static str,
}

/// The queue at `now`, a page of it: those from the number `from` on. Blocks; reads of the newest runs' logs what `queue`
/// has not read.
///
/// # Errors
/// What is wrong with the archive. A log that is damaged tells nothing.
pub fn late(
    queue: &LateQueue,
    reader: &Reader,
    now: Timestamp,
    from: u64,
    limit: usize,
) -> Result<LateView, Error> {
    Ok(page(queue.waiting(reader)?, now, from, limit))
}

fn page(mut waiting: Vec<Waiting>, now: Timestamp, from: u64, limit: usize) -> LateView {
    waiting.sort_by(|one, other| (one.due, &one.id).cmp(&(other.due, &other.id)));
    let is_due = |waiting: &&Waiting| waiting.due.is_none_or(|due| due <= now);
    let total = waiting.len() as u64;
    let mut view = LateView {
        total,
        due: waiting.iter().filter(is_due).count() as u64,
        next_due: waiting
            .iter()
            .find(|waiting| !is_due(waiting))
            .and_then(|next| next.due)
            .map(|at| at.to_string()),
        ..LateView::default()
    };
    for one in &waiting {
        *view.reasons.entry(one.why.as_str().to_owned()).or_default() += 1;
    }
    let begin = usize::try_from(from).unwrap_or(usize::MAX);
    view.conversations = waiting.into_iter().skip(begin).take(limit).map(LateConversation::new).collect();
    let end = from.saturating_add(view.conversations.len() as u64);
    view.next_cursor = (end < total).then(|| end.to_string());
    view
}

impl LateConversation {
    fn new(waiting: Waiting) -> Self {
        Self {
            id: waiting.id.as_str().to_owned(),
            started_at: waiting.started_at.map(|at| at.to_string()),
            first_at: waiting.first.to_string(),
            due_at: waiting.due.map(|at| at.to_string()),
            reason: waiting.why.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_archiver::Why;

    use super::*;

    #[test]
    fn those_that_are_due_come_first() {
        let at = |day: i64| Timestamp::from_micros(day * 86_400_000_000).unwrap();
        let waiting = |id: &str, due: Option<i64>, why| Waiting {
            id: id.parse().unwrap(),
            started_at: None,
            first: at(1),
            due: due.map(at),
            why,
        };
        let queue = || {
            vec![
                waiting("d", Some(30), Why::Threading),
                waiting("c", Some(20), Why::Threading),
                waiting("b", Some(10), Why::Threading),
                waiting("a", None, Why::Failed),
            ]
        };
        let first = page(queue(), at(15), 0, 3);
        let ids: Vec<&str> = first.conversations.iter().map(|one| one.id.as_str()).collect();
        assert_eq!((ids, first.total, first.due), (vec!["a", "b", "c"], 4, 2));
        assert_eq!(first.next_due, Some(at(20).to_string()));
        assert_eq!(first.reasons, BTreeMap::from([("failed".to_owned(), 1), ("threading".to_owned(), 3)]));
        let last = page(queue(), at(15), 3, 3);
        assert_eq!(
            (first.next_cursor.as_deref(), last.conversations.len(), last.next_cursor),
            (Some("3"), 1, None)
        );
        assert_eq!(page(queue(), at(40), 9, 3).conversations, []);
    }
}
