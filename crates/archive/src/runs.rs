//! `runs/<id>.ndjson`: checkpoints and certificates of a run, hash-chained like the ledger.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use frontdesk_domain::RunId;
use frontdesk_durable::{AppendLog, Dir, EntryKind, Head, LogPlace, LogReader, Members};
use serde_json::Value;

use crate::error::{Action, During, Error, ErrorKind};
use crate::format::Format;
use crate::layout;
use crate::ledger;

const SUFFIX: &str = ".ndjson";

/// The log of one run. A line is durable when its append returns.
#[derive(Debug)]
pub struct RunLog {
    log: AppendLog,
    run: RunId,
    heads: RunHeads,
}

/// How far the logs of this process's runs go: stated in the ledger when the writer stops, so that lines which are
/// missing at the end of a log can be noticed.
pub(crate) type RunHeads = Arc<Mutex<BTreeMap<RunId, Head>>>;

impl RunLog {
    pub(crate) fn open(
        dir: Arc<dyn Dir>,
        format: &Format,
        run: &RunId,
        heads: RunHeads,
    ) -> Result<Self, Error> {
        let path = path(run);
        let seed = format.run_seed(run.as_str());
        let log = match dir.metadata(&path) {
            Ok(_) => AppendLog::open(dir, &path, seed, &format!("{}/run-{run}.torn", layout::QUARANTINE)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => AppendLog::create(dir, &path, seed),
            Err(error) => return Err(error).during(Action::Open, &path),
        };
        Ok(Self { log: log.map_err(ledger::from_log_error)?, run: run.clone(), heads })
    }

    /// Adds one line: a JSON object without members called `n`, `prev`, `group` or `self`, which the log
    /// writes itself. Durable on return.
    ///
    /// # Errors
    /// `Malformed` when the value is no such object, `TooLarge` when its text is longer than 16 MiB (nothing is written
    /// then, and the log goes on); `Storage` when it could not be written, after which the log
    /// takes no more.
    pub fn append(&mut self, line: &Value) -> Result<(), Error> {
        let members = Members::new(line).map_err(|source| {
            let kind = ErrorKind::Malformed { what: "the line is not an object a log can hold".to_owned() };
            Error::with_source(Action::Append, self.log.path(), kind, source)
        })?;
        let head = self.log.append(&members).map_err(ledger::from_log_error)?;
        self.heads.lock().unwrap_or_else(PoisonError::into_inner).insert(self.run.clone(), head);
        Ok(())
    }

    /// Every line so far, as it was appended, read one after the other.
    ///
    /// An item is an error when a line was changed (`Damage`), or what the file system says.
    pub fn lines(&self) -> impl Iterator<Item = Result<Value, Error>> + '_ {
        lines(self.log.path(), self.log.lines())
    }
}

/// The first line of a run's log, read without opening it for writing; `None` when it has none.
pub(crate) fn first(dir: &dyn Dir, format: &Format, run: &RunId) -> Result<Option<Value>, Error> {
    let path = path(run);
    let log = LogReader::open(dir, &path, format.run_seed(run.as_str())).map_err(ledger::from_log_error)?;
    lines(&path, log.lines()).next().transpose()
}

/// The lines of a run's log, without opening it for writing; `None` when there is no such run.
pub(crate) fn read(dir: &dyn Dir, format: &Format, run: &RunId) -> Result<Option<Vec<Value>>, Error> {
    let path = path(run);
    match dir.metadata(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.during(Action::Read, &path)?,
    };
    let log = LogReader::open(dir, &path, format.run_seed(run.as_str())).map_err(ledger::from_log_error)?;
    lines(&path, log.lines()).collect::<Result<_, _>>().map(Some)
}

/// Calls `each` with the lines of a run's log until it says `false`.
pub(crate) fn each(
    dir: &dyn Dir,
    format: &Format,
    run: &RunId,
    each: &mut dyn FnMut(Value) -> bool,
) -> Result<(), Error> {
    let path = path(run);
    let log = LogReader::open(dir, &path, format.run_seed(run.as_str())).map_err(ledger::from_log_error)?;
    for line in lines(&path, log.lines()) {
        if !each(line?) {
            break;
        }
    }
    Ok(())
}

/// How far the log of a run was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunPlace(LogPlace);

/// Calls `each` with the lines of a run's log behind a place, and gives the place behind them.
pub(crate) fn on(
    dir: &dyn Dir,
    format: &Format,
    run: &RunId,
    from: Option<RunPlace>,
    each: &mut dyn FnMut(Value),
) -> Result<RunPlace, Error> {
    let path = path(run);
    let from = from.map_or_else(|| LogPlace::start(format.run_seed(run.as_str())), |place| place.0);
    let log = LogReader::open_from(dir, &path, from).map_err(ledger::from_log_error)?;
    for line in lines(&path, log.lines()) {
        each(line?);
    }
    Ok(RunPlace(log.place()))
}

/// The runs that have a log.
pub(crate) fn list(dir: &dyn Dir) -> Result<Vec<RunId>, Error> {
    let entries = match dir.list(layout::RUNS) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        other => other.during(Action::Read, layout::RUNS)?,
    };
    let files = entries.into_iter().filter(|entry| entry.kind == EntryKind::File);
    Ok(files.filter_map(|entry| RunId::new(entry.name.strip_suffix(SUFFIX)?).ok()).collect())
}

/// Where the log of a run is.
pub(crate) fn path(run: &RunId) -> String {
    format!("{}/{run}{SUFFIX}", layout::RUNS)
}

fn lines<'l>(
    path: &'l str,
    lines: impl Iterator<Item = Result<frontdesk_durable::Line, frontdesk_durable::LogError>> + 'l,
) -> impl Iterator<Item = Result<Value, Error>> + 'l {
    lines.map(move |line| {
        let members = line.map_err(ledger::from_log_error)?.members();
        members.map(Value::Object).map_err(|source| {
            let kind = ErrorKind::Damage { what: "a line cannot be understood".to_owned() };
            Error::with_source(Action::Read, path, kind, source)
        })
    })
}
