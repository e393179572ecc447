//! Who is looked at: what is due in the queue, then the conversations of the range whose details were not looked at.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use frontdesk_archive::{Error, ListQuery, Reader};
use frontdesk_domain::filter::platform::matches;
use frontdesk_domain::payload::facts;
use frontdesk_domain::{Filter, RecordId, RecordKey, RecordKind, TimeRange, Timestamp};

use super::queue::Queue;

/// Conversations that are read at a time.
const PAGE: usize = 128;

/// A conversation to look at.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) id: RecordId,
    pub(super) started_at: Option<Timestamp>,
    /// When it ended, as its details say.
    pub(super) ended_at: Option<Timestamp>,
    /// When it was looked at for the first time, if it was.
    pub(super) first: Option<Timestamp>,
    /// The sequence of its details, where it is one of the range.
    pub(super) sequence: Option<u64>,
}

/// The conversations to look at, page by page.
pub(super) struct Candidates {
    reader: Reader,
    range: TimeRange,
    filter: Option<Filter>,
    due: VecDeque<RecordId>,
    /// What was due: a run looks at a conversation once.
    given: HashSet<RecordId>,
    /// The last sequence of the range that was given, or that need not be.
    pub(super) upto: u64,
    done: bool,
}

impl Candidates {
    /// Everything due at `now`, and the range from behind `after` on, as far as the filter lets it through.
    pub(super) fn new(
        reader: Reader,
        range: TimeRange,
        filter: Option<Filter>,
        queue: &Queue,
        now: Timestamp,
        after: u64,
    ) -> Self {
        let due = VecDeque::from(queue.due(now));
        let given = due.iter().cloned().collect();
        Self { reader, range, filter, due, given, upto: after, done: false }
    }

    /// Whether there are no more.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    /// The next ones. Reads the disk.
    ///
    /// # Errors
    /// What the archive says.
    pub(super) fn page(&mut self, queue: &Mutex<Queue>) -> Result<Vec<Candidate>, Error> {
        let first = |id: &RecordId| {
            let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.waiting.get(id).map(|waiting| (waiting.started_at, waiting.first))
        };
        let mut page = Vec::new();
        while page.len() < PAGE {
            let Some(id) = self.due.pop_front() else { break };
            let (started_at, first) = first(&id).map_or((None, None), |(at, first)| (at, Some(first)));
            let (candidate, _) = self.candidate(id, started_at, first, None)?;
            page.push(candidate);
        }
        if !page.is_empty() {
            return Ok(page);
        }
        let query = ListQuery {
            kind: Some(RecordKind::Details),
            started: Some(self.range),
            latest_only: true,
            after: self.upto,
        };
        let mut wanted = Vec::new();
        for entry in self.reader.list(&query) {
            let entry = entry?;
            self.upto = entry.sequence;
            let covers = {
                let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.covers(entry.started_at, entry.sequence)
            };
            if let Some(filters) = covers
                && !self.given.contains(&entry.key.id)
            {
                wanted.push((entry, filters));
            }
            if wanted.len() == PAGE {
                break;
            }
        }
        self.done = wanted.len() < PAGE;
        for (entry, filters) in wanted {
            let known = first(&entry.key.id).map(|known| known.1);
            let (candidate, details) =
                self.candidate(entry.key.id, entry.started_at, known, Some(entry.sequence))?;
            if self.lets_through(&filters, details.as_deref()) {
                page.push(candidate);
            }
        }
        Ok(page)
    }

    /// Whether details are asked for, and of none that `looked` let through: those were looked at.
    fn lets_through(&self, looked: &[String], details: Option<&[u8]>) -> bool {
        if self.filter.is_none() && looked.is_empty() {
            return true;
        }
        // What is stored is JSON, but for what cannot be read: that is looked at again.
        let conversation = details.and_then(|details| serde_json::from_slice(details).ok());
        let Some(conversation) = conversation else { return true };
        let through = |filter: &Filter| matches(filter.expr(), &conversation);
        self.filter.as_ref().is_none_or(through)
            && !looked.iter().filter_map(|text| text.parse().ok()).any(|filter| through(&filter))
    }

    /// A conversation, and its details where they can be read.
    fn candidate(
        &self,
        id: RecordId,
        started_at: Option<Timestamp>,
        first: Option<Timestamp>,
        sequence: Option<u64>,
    ) -> Result<(Candidate, Option<Vec<u8>>), Error> {
        let key = RecordKey { kind: RecordKind::Details, id };
        let details = match self.reader.show(&key, None) {
            // Of damaged details nobody knows the end; the platform may say it.
            Err(error) if error.is_integrity_failure() => None,
            other => other?,
        };
        let details = details.map(|record| record.bytes);
        let ended_at = details.as_ref().and_then(|bytes| facts(RecordKind::Details, bytes).ended_at);
        Ok((Candidate { id: key.id, started_at, ended_at, first, sequence }, details))
    }
}
