//! Runs: what was asked for, how far each is, and what it could prove at its end.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use frontdesk_archive::{Error, ErrorKind, Reader, RunPlace};
use frontdesk_domain::RunId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A page of runs, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct RunsView {
    /// Those of this page.
    pub runs: Vec<RunView>,
    /// Where the next page begins, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// A run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct RunView {
    /// Its id.
    pub id: String,
    /// `complete`, `provisional`, `incomplete` as its certificate says; `open` while there is none; `damaged` where its log
    /// cannot be read.
    pub state: String,
    /// When it began, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When its certificate was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// The first start time it asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The first start time behind its range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The contract that was spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
    /// The filter as it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The windows its range was split into.
    pub windows: u64,
    /// Those that were taken to their end.
    pub windows_done: u64,
    /// Pages that are stored.
    pub pages: u64,
    /// Conversations that were new.
    pub stored: u64,
    /// Those that had changed.
    pub versions_added: u64,
    /// Those that were there already.
    pub unchanged: u64,
    /// Those that wait to be looked at again.
    pub late: u64,
    /// Conversations of all ranges in the queue of those that are looked at again, when it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
    /// Times it was gone on with.
    pub resumed: u64,
    /// When it wrote something down last: what shows whether it still moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_at: Option<String>,
    /// The certificate, whole; where one run is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub certificate: Option<Value>,
}

/// What of a log's lines is shown. They are written by `frontdesk-archiver` (docs/archive-format.md).
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Line {
    Run {
        at: String,
        request: Request,
    },
    Resumed {
        at: String,
    },
    Page {
        at: String,
        #[serde(default)]
        next: Option<serde::de::IgnoredAny>,
        #[serde(default)]
        stored: u64,
        #[serde(default)]
        versions_added: u64,
        #[serde(default)]
        unchanged: u64,
        #[serde(default)]
        late: u64,
    },
    Certificate {
        certificate: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Request {
    from: String,
    to: String,
    #[serde(default)]
    contract: Option<String>,
    #[serde(default)]
    filter: Option<String>,
    #[serde(default)]
    windows: u64,
}

/// Runs that are remembered; more than any page shows.
const REMEMBERED: usize = 1_024;

/// What was read of the runs' logs, so that each line of them is read once: a run costs what was appended since.
#[derive(Debug, Default)]
pub struct RunMemory(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// The archive they are of.
    archive: String,
    runs: BTreeMap<RunId, (RunPlace, RunView)>,
    /// Those that are damaged, as long as they have so many bytes.
    damaged: BTreeMap<RunId, (u64, RunView)>,
}

impl RunMemory {
    /// A run without its certificate.
    fn read(&self, reader: &Reader, id: &RunId) -> Result<RunView, Error> {
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let archive = reader.archive_id();
        if remembered.archive != archive {
            *remembered = Remembered { archive, ..Remembered::default() };
        }
        let bytes = reader.run_bytes(id)?;
        if let Some((_, run)) = remembered.damaged.get(id).filter(|(before, _)| *before == bytes) {
            return Ok(run.clone());
        }
        remembered.damaged.remove(id);
        // Taken out while it is read: what fails is read from the beginning the next time.
        let (from, mut run) = match remembered.runs.remove(id) {
            Some((place, run)) => (Some(place), run),
            None => (None, RunView::new(id)),
        };
        match reader.run_on(id, from, &mut |line| run.take_value(line)) {
            Ok(place) => {
                run.certificate = None;
                remembered.runs.insert(id.clone(), (place, run.clone()));
                while remembered.runs.len() > REMEMBERED {
                    remembered.runs.pop_first();
                }
                Ok(run)
            }
            // It may be another log by that name: the next question reads it from the beginning.
            Err(error) => {
                let run = damaged(run, error)?;
                if from.is_none() && remembered.damaged.len() < REMEMBERED {
                    remembered.damaged.insert(id.clone(), (bytes, run.clone()));
                }
                Ok(run)
            }
        }
    }
}

/// The runs before the one a cursor names, the newest first, at most `limit`. Blocks; reads of their logs what is new.
///
/// # Errors
/// What is wrong with the archive. A log that is damaged is a run that is.
pub fn page(
    memory: &RunMemory,
    reader: &Reader,
    before: Option<&str>,
    limit: usize,
) -> Result<RunsView, Error> {
    let mut ids = reader.runs()?;
    // An id begins with when its run began.
    ids.sort_unstable_by(|one, other| when(other).cmp(when(one)).then_with(|| other.cmp(one)));
    let begin = before
        .map_or(0, |before| ids.iter().position(|id| id.as_str() == before).map_or(ids.len(), |at| at + 1));
    let rest = ids.get(begin..).unwrap_or_default();
    let mut runs = Vec::new();
    for id in rest.iter().take(limit) {
        runs.push(memory.read(reader, id)?);
    }
    let next_cursor = runs.last().filter(|_| rest.len() > limit).map(|run| run.id.clone());
    Ok(RunsView { runs, next_cursor })
}

/// How far one run is, without its certificate; `None` where there is no such run. Blocks; reads what is new.
///
/// # Errors
/// As [`page`].
pub fn progress(memory: &RunMemory, reader: &Reader, id: &RunId) -> Result<Option<RunView>, Error> {
    if !reader.runs()?.contains(id) {
        return Ok(None);
    }
    memory.read(reader, id).map(Some)
}

/// One run with its certificate, its log read whole; `None` where there is no such run. Blocks.
///
/// # Errors
/// As [`page`].
pub fn run(reader: &Reader, id: &RunId) -> Result<Option<RunView>, Error> {
    if !reader.runs()?.contains(id) {
        return Ok(None);
    }
    read(reader, id).map(Some)
}

/// The part of an id behind its kind: `pull-20250301T…`.
fn when(id: &RunId) -> &str {
    id.as_str().split_once('-').map_or(id.as_str(), |(_, rest)| rest)
}

fn read(reader: &Reader, id: &RunId) -> Result<RunView, Error> {
    let mut run = RunView::new(id);
    match reader.run_on(id, None, &mut |line| run.take_value(line)) {
        Ok(_) => Ok(run),
        Err(error) => damaged(run, error),
    }
}

/// A run whose log cannot be read, as far as that is why.
fn damaged(mut run: RunView, error: Error) -> Result<RunView, Error> {
    match error.kind() {
        ErrorKind::Damage { .. } => {
            "damaged".clone_into(&mut run.state);
            Ok(run)
        }
        _ => Err(error),
    }
}

impl RunView {
    fn new(id: &RunId) -> Self {
        Self { id: id.to_string(), state: "open".to_owned(), ..Self::default() }
    }

    /// Takes a line as the log has it; what is no line of a pull says nothing here.
    fn take_value(&mut self, line: Value) {
        if let Ok(line) = serde_json::from_value(line) {
            self.take(line);
        }
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Run { at, request } => {
                self.last_at = Some(at.clone());
                self.started_at = Some(at);
                self.from = Some(request.from);
                self.to = Some(request.to);
                self.contract = request.contract;
                self.filter = request.filter;
                self.windows = request.windows;
            }
            Line::Resumed { at } => {
                self.last_at = Some(at);
                self.resumed += 1;
                // What it said at an earlier end is over.
                "open".clone_into(&mut self.state);
                (self.certificate, self.finished_at, self.waiting) = (None, None, None);
            }
            Line::Page { at, next, stored, versions_added, unchanged, late } => {
                self.last_at = Some(at);
                self.pages += 1;
                self.windows_done += u64::from(next.is_none());
                self.stored += stored;
                self.versions_added += versions_added;
                self.unchanged += unchanged;
                self.late += late;
            }
            Line::Certificate { certificate } => {
                let text = |name: &str| certificate.get(name).and_then(Value::as_str).map(str::to_owned);
                let count = |name: &str| certificate.get(name).and_then(Value::as_u64);
                self.state = text("state").unwrap_or_default();
                self.finished_at = text("finished_at");
                self.last_at.clone_from(&self.finished_at);
                self.late = count("late").unwrap_or(self.late);
                self.stored = count("stored").unwrap_or(self.stored);
                self.waiting = certificate.pointer("/transcripts/waiting").and_then(Value::as_u64);
                self.certificate = Some(certificate);
            }
            Line::Other => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[Value]) -> RunView {
        let mut run = RunView { state: "open".to_owned(), ..RunView::default() };
        for line in lines {
            run.take(serde_json::from_value(line.clone()).unwrap());
        }
        run
    }

    #[test]
    fn a_run_is_open_until_it_has_a_certificate_and_again_when_it_is_gone_on_with() {
        let begun = serde_json::json!({"type": "run", "run_id": "pull-1", "at": "2025-03-01T00:00:00Z",
            "request": {"from": "2025-01-01T00:00:00Z", "to": "2025-02-01T00:00:00Z", "windows": 2}});
        let page = |next: Option<&str>| {
            let mut page = serde_json::json!({"type": "page", "window": 0, "at": "2025-03-01T00:00:01Z", "stored": 3, "late": 1});
            if let Some(next) = next {
                page["next"] = next.into();
            }
            page
        };
        let certificate = serde_json::json!({"type": "certificate", "certificate":
            {"state": "incomplete", "finished_at": "2025-03-01T00:00:02Z", "late": 0, "stored": 6}});
        let open = read(&[begun.clone(), page(Some("t")), page(None)]);
        assert_eq!(
            (&*open.state, open.pages, open.windows_done, open.stored, open.late),
            ("open", 2, 1, 6, 2)
        );
        let ended = read(&[begun.clone(), page(None), certificate.clone()]);
        assert_eq!((&*ended.state, ended.late, ended.certificate.is_some()), ("incomplete", 0, true));
        let resumed = serde_json::json!({"type": "resumed", "at": "2025-03-01T00:00:03Z"});
        let again = read(&[begun, page(None), certificate, resumed]);
        assert_eq!((&*again.state, again.resumed, again.finished_at), ("open", 1, None));
    }
}
