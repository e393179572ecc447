//! What is known of conversations over all runs: which are looked at again, and which are settled.
//!
//! Of a settled conversation nothing is written down. A run that has looked at every conversation of a range says so
//! ([`Cover`]): up to a sequence number of the archive, each one in it is settled or in the queue. One whose details changed
//! since has a higher sequence. Every run ends with the whole queue in its log, so that a later one reads few logs.

use std::collections::BTreeMap;

use frontdesk_archive::{Error, ErrorKind, Reader};
use frontdesk_domain::{RecordId, RunId, TimeRange, Timestamp, TranscriptReport};
use serde::{Deserialize, Serialize};

use super::verdict::Why;
use crate::checkpoint::{Line, Request};

/// How many earlier runs of the same source are read. Only a run that was killed leaves anything to runs before it.
pub(super) const RUNS_LOOKED_AT: usize = 8;

/// How many runs are looked at for the sources there are, the newest first.
pub(super) const RUNS_OF_ANY_SOURCE: usize = 64;

/// Conversations a line of the log names at most: a line may have 16 MiB.
const LINE: usize = 1_000;

/// A conversation that is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Its id.
    pub id: RecordId,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it was looked at for the first time.
    pub first: Timestamp,
    /// Not before that; absent where any run may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// Why it is looked at again.
    pub why: Why,
}

/// The pulls there are, the newest first: their ids begin with their times.
pub(super) fn newest(reader: &Reader) -> Result<Vec<RunId>, Error> {
    let mut runs = reader.runs()?;
    runs.retain(|run| run.as_str().starts_with("pull-"));
    runs.sort_by(|one, other| other.cmp(one));
    Ok(runs)
}

/// Conversations that started in a range: their details up to this sequence were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cover {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
    pub(crate) upto: u64,
    /// Only those that this lets through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<String>,
}

/// Looks whose transcripts are durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Looked {
    pub(crate) at: Timestamp,
    /// The sequence of the last details of the range that were looked at; absent where only the queue was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) upto: Option<u64>,
    /// What the looks came to.
    pub(crate) counts: TranscriptReport,
    /// Those that are looked at again.
    pub(crate) waiting: Vec<Waiting>,
    /// Those of the queue that are settled.
    pub(crate) settled: Vec<RecordId>,
}

/// A part of the whole queue; the parts stand one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) at: Timestamp,
    pub(crate) first: bool,
    pub(crate) last: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) covers: Vec<Cover>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) waiting: Vec<Waiting>,
}

/// The queue, and what is covered.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) waiting: BTreeMap<RecordId, Waiting>,
    covers: Vec<Cover>,
}

impl Queue {
    /// Reads it from the logs of the newest runs that asked the same source. A log that is damaged tells nothing: what it
    /// knew is looked at again.
    pub(crate) fn read(reader: &Reader, request: &Request) -> Result<Self, Error> {
        let mut told = Told::default();
        let mut read = 0;
        for run in &newest(reader)? {
            if read == RUNS_LOOKED_AT {
                break;
            }
            read += usize::from(told.read(reader, run, request)?);
        }
        Ok(told.folded())
    }

    /// Takes looks into account.
    pub(crate) fn looked(&mut self, looked: &Looked) {
        for id in &looked.settled {
            self.waiting.remove(id);
        }
        for waiting in &looked.waiting {
            self.waiting.insert(waiting.id.clone(), waiting.clone());
        }
    }

    /// Every conversation of a range was looked at. Sequences grow, so this counts for more than what was said of it before.
    pub(crate) fn cover(&mut self, cover: Cover) {
        let rest = |old: Cover| {
            if cover.filter.is_some() && cover.filter != old.filter {
                return vec![old];
            }
            let before = Cover { to: old.to.min(cover.from), ..old.clone() };
            vec![before, Cover { from: old.from.max(cover.to), ..old }]
        };
        self.covers = self.covers.drain(..).flat_map(rest).filter(|old| old.from < old.to).collect();
        self.covers.push(cover);
    }

    /// The filters of which one must have let details through, the latest of a conversation, if they were looked at; `None`
    /// when they were in any case.
    pub(crate) fn covers(&self, started_at: Option<Timestamp>, sequence: u64) -> Option<Vec<String>> {
        let Some(at) = started_at else { return Some(Vec::new()) };
        let over = |cover: &&Cover| cover.from <= at && at < cover.to && sequence <= cover.upto;
        self.covers.iter().filter(over).map(|cover| cover.filter.clone()).collect()
    }

    /// Those that may be looked at now.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<RecordId> {
        let due = self.waiting.values().filter(|waiting| waiting.due.is_none_or(|due| due <= now));
        due.map(|waiting| waiting.id.clone()).collect()
    }

    /// How many of a range wait for a reason that is asked for.
    pub(crate) fn waiting_in(&self, range: &TimeRange, asked: impl Fn(Why) -> bool) -> u64 {
        let inside = |waiting: &&Waiting| {
            waiting.started_at.is_some_and(|at| range.from() <= at && at < range.to()) && asked(waiting.why)
        };
        self.waiting.values().filter(inside).count() as u64
    }

    /// The whole of it, as the last lines of a run.
    pub(crate) fn lines(&self, at: Timestamp) -> Vec<Line> {
        let waiting: Vec<Waiting> = self.waiting.values().cloned().collect();
        let mut parts: Vec<Snapshot> = waiting
            .chunks(LINE)
            .map(|part| Snapshot {
                at,
                first: false,
                last: false,
                covers: Vec::new(),
                waiting: part.to_vec(),
            })
            .collect();
        if parts.is_empty() {
            parts.push(Snapshot { at, first: false, last: false, covers: Vec::new(), waiting: Vec::new() });
        }
        let last = parts.len() - 1;
        (parts[0].first, parts[last].last) = (true, true);
        parts[0].covers.clone_from(&self.covers);
        parts.into_iter().map(Line::Queue).collect()
    }
}

/// What the logs tell of looks, in whatever order they are read.
#[derive(Debug, Default, Clone)]
pub(super) struct Told {
    lines: Vec<(Timestamp, Line)>,
    /// When the newest whole queue was written down: what was told before it is in it.
    whole_at: Option<Timestamp>,
}

impl Told {
    /// Reads a run's log; `false` when it asked another source.
    fn read(&mut self, reader: &Reader, run: &RunId, request: &Request) -> Result<bool, Error> {
        let (mut ours, mut lines) = (false, Vec::new());
        let read = reader.run_each(run, &mut |line| {
            match serde_json::from_value::<Line>(line) {
                Ok(Line::Run { request: written, .. }) => ours = written.asks_as(request),
                Ok(line @ (Line::Looked(_) | Line::Covered { .. } | Line::Queue(_))) if ours => {
                    lines.push(line)
                }
                _ => {}
            }
            ours
        });
        match read {
            Err(error) if matches!(error.kind(), ErrorKind::Damage { .. }) => return Ok(false),
            other => other?,
        }
        lines.into_iter().for_each(|line| self.take(line));
        self.settle();
        Ok(ours)
    }

    /// Takes a line; what says nothing of looks is left out.
    pub(super) fn take(&mut self, line: Line) {
        let (at, last) = match &line {
            Line::Looked(looked) => (looked.at, false),
            Line::Covered { at, .. } => (*at, false),
            Line::Queue(part) => (part.at, part.last),
            _ => return,
        };
        if last {
            self.whole_at = self.whole_at.max(Some(at));
        }
        self.lines.push((at, line));
    }

    /// What another log tells, too.
    pub(super) fn add(&mut self, other: &Self) {
        self.whole_at = self.whole_at.max(other.whole_at);
        self.lines.extend_from_slice(&other.lines);
        self.settle();
    }

    /// Forgets what is in the newest whole queue.
    pub(super) fn settle(&mut self) {
        self.lines.retain(|(at, _)| self.whole_at.is_none_or(|whole| whole <= *at));
    }

    pub(super) fn folded(mut self) -> Queue {
        // Lines of one run keep their order.
        self.lines.sort_by_key(|(at, _)| *at);
        let (mut queue, mut whole) = (Queue::default(), Queue::default());
        for (_, line) in self.lines {
            match line {
                Line::Looked(looked) => queue.looked(&looked),
                Line::Covered { cover, .. } => queue.cover(cover),
                Line::Queue(part) => {
                    if part.first {
                        whole = Queue { covers: part.covers, ..Queue::default() };
                    }
                    let waiting = part.waiting.into_iter().map(|waiting| (waiting.id.clone(), waiting));
                    whole.waiting.extend(waiting);
                    if part.last {
                        queue = std::mem::take(&mut whole);
                    }
                }
                _ => {}
            }
        }
        queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        Timestamp::from_date_or_time(text).unwrap()
    }

    fn cover(from: &str, to: &str, upto: u64) -> Cover {
        Cover { from: time(from), to: time(to), upto, filter: None }
    }

    #[test]
    fn what_was_looked_at_later_counts() {
        let mut queue = Queue::default();
        queue.cover(cover("2025-03-01", "2025-03-10", 10));
        queue.cover(cover("2025-03-03", "2025-03-05", 20));
        let covers = |day: &str, sequence| queue.covers(Some(time(day)), sequence).is_none();
        assert!(covers("2025-03-02", 10) && !covers("2025-03-02", 11));
        assert!(covers("2025-03-03", 20) && covers("2025-03-04", 20) && !covers("2025-03-05", 20));
        assert!(covers("2025-03-09", 10) && !covers("2025-03-10", 1) && !covers("2025-02-28", 1));
        assert!(queue.covers(None, 1) == Some(Vec::new()));
        // Of those that a filter let through nothing follows for others, and what is known of all holds for them.
        queue.cover(Cover { filter: Some("a".to_owned()), ..cover("2025-03-01", "2025-03-10", 40) });
        queue.cover(Cover { filter: Some("b".to_owned()), ..cover("2025-03-08", "2025-03-10", 45) });
        let filters = |day: &str, sequence| queue.covers(Some(time(day)), sequence);
        assert_eq!(filters("2025-03-09", 10), None);
        assert_eq!(filters("2025-03-09", 11), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(filters("2025-03-09", 41), Some(vec!["b".to_owned()]));
        queue.cover(cover("2025-02-01", "2025-04-01", 50));
        assert_eq!(queue.covers.len(), 1);
    }

    #[test]
    fn a_queue_of_any_length_is_what_its_lines_say() {
        for length in [0, 1, LINE, LINE + 1, 3 * LINE] {
            let mut queue = Queue::default();
            queue.cover(cover("2025-03-01", "2025-03-10", 10));
            for n in 0..length {
                let id: RecordId = format!("c-{n}").parse().unwrap();
                let at = time("2025-03-01");
                let waiting =
                    Waiting { id: id.clone(), started_at: None, first: at, due: Some(at), why: Why::Late };
                queue.waiting.insert(id, waiting);
            }
            let at = time("2025-03-11");
            let lines: Vec<(Timestamp, Line)> = queue.lines(at).into_iter().map(|line| (at, line)).collect();
            let before = Looked {
                at: time("2025-03-02"),
                upto: Some(1),
                counts: TranscriptReport::default(),
                waiting: Vec::new(),
                settled: vec!["c-0".parse().unwrap()],
            };
            let told =
                Told { lines: [vec![(before.at, Line::Looked(before))], lines].concat(), whole_at: None };
            assert_eq!(told.folded(), queue, "{length}");
        }
    }
}
