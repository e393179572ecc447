//! Who is looked at: what is due in the queue, then the conversations of the range whose details were not looked at.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use frontdesk_archive::{Error, ListQuery, Reader};
use frontdesk_domain::payload::facts;
use frontdesk_domain::{RecordId, RecordKey, RecordKind, TimeRange, Timestamp};

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
    due: VecDeque<RecordId>,
    /// What was due: a run looks at a conversation once.
    given: HashSet<RecordId>,
    /// The last sequence of the range that was given, or that need not be.
    pub(super) upto: u64,
    done: bool,
}

impl Candidates {
    /// Everything due at `now`, and the range from behind `after` on.
    pub(super) fn new(reader: Reader, range: TimeRange, queue: &Queue, now: Timestamp, after: u64) -> Self {
        let due = VecDeque::from(queue.due(now));
        let given = due.iter().cloned().collect();
        Self { reader, range, due, given, upto: after, done: false }
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
            let known = first(&id);
            page.push(self.candidate(
                id,
                known.and_then(|known| known.0),
                known.map(|known| known.1),
                None,
            )?);
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
            let covered = {
                let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.covers(entry.started_at, entry.sequence)
            };
            if !covered && !self.given.contains(&entry.key.id) {
                wanted.push(entry);
            }
            if wanted.len() == PAGE {
                break;
            }
        }
        self.done = wanted.len() < PAGE;
        for entry in wanted {
            let known = first(&entry.key.id).map(|known| known.1);
            page.push(self.candidate(entry.key.id, entry.started_at, known, Some(entry.sequence))?);
        }
        Ok(page)
    }

    fn candidate(
        &self,
        id: RecordId,
        started_at: Option<Timestamp>,
        first: Option<Timestamp>,
        sequence: Option<u64>,
    ) -> Result<Candidate, Error> {
        let key = RecordKey { kind: RecordKind::Details, id };
        let details = match self.reader.show(&key, None) {
            // Of damaged details nobody knows the end; the platform may say it.
            Err(error) if error.is_integrity_failure() => None,
            other => other?,
        };
        let ended_at = details.and_then(|record| facts(RecordKind::Details, &record.bytes).ended_at);
        Ok(Candidate { id: key.id, started_at, ended_at, first, sequence })
    }
}
