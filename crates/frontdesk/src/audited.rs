//! What a command changes in the archive is written down: its intent before the effect, its outcome after it.
//!
//! Archive and journal are two stores, so nothing makes a change and its entries one: they are ordered. An intent whose
//! process ended without an outcome is settled by the next command that changes the archive, with what the archive itself
//! tells: how many records it had been given before, and how many now. One command at a time changes the archive
//! (`journal/changes`), so an open intent of another process is one of a process that is no more.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use frontdesk_archive::{ErrorKind, ReadOptions, Reader};
use frontdesk_archiver::Tally;
use frontdesk_domain::RunId;
use frontdesk_domain::audit::{ChangeRecord, ChangeState};
use frontdesk_durable::{Lock, LockError, OsDir};
use frontdesk_journal::{Change, Clock, Intent, Journal, Settings};
use frontdesk_shell::{Exit, Failure, Shutdown, quantity};
use serde::{Deserialize, Serialize};

use crate::clock::WallClock;
use crate::context::Context;
use crate::{failures, journal};

/// The kind of the intents kept here.
const KIND: &str = "archive";
/// Who holds it changes the archive.
const LOCK: &str = "changes";

/// A change that is about to be made.
pub(crate) struct Planned<'a> {
    /// The command that makes it.
    pub(crate) command: &'a str,
    /// How long to wait for another process, as typed.
    pub(crate) wait: &'a str,
    /// What it is made to and with: a matter, a plan. No customer text.
    pub(crate) details: Vec<(&'static str, String)>,
    /// Whether it makes room, so that it has to work on a full disk.
    pub(crate) makes_room: bool,
}

impl<'a> Planned<'a> {
    /// A change that a command makes.
    pub(crate) fn new(command: &'a str, wait: &'a str) -> Self {
        Self { command, wait, details: Vec::new(), makes_room: false }
    }

    /// It makes room, and has to work on a full disk.
    pub(crate) fn making_room(mut self) -> Self {
        self.makes_room = true;
        self
    }

    /// Says something about it.
    pub(crate) fn with(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.details.push((name, text.into()));
        self
    }
}

/// How a change comes out: filled in while it is made.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What was done, counted.
    pub(crate) counts: Vec<(&'static str, u64)>,
    /// The run whose log tells more.
    pub(crate) run: Option<RunId>,
}

/// Begins a change: settles what ended processes left open, and records the intent. A stop ends the wait for another
/// process that changes the archive.
///
/// # Errors
/// When the intent could not be recorded: then nothing may be changed.
pub(crate) async fn begin(
    context: &Context<'_>,
    clock: &WallClock,
    shutdown: Option<&Shutdown>,
    planned: Planned<'_>,
) -> Result<Begun, Failure> {
    let asked = Asked::new(context, clock.source(), planned)?;
    let Some(shutdown) = shutdown else { return tokio::task::block_in_place(|| asked.begin()) };
    let beginning = tokio::task::spawn_blocking(move || asked.begin());
    tokio::select! {
        biased;
        // It goes on until the process ends; it can be cut anywhere, as by a crash.
        () = shutdown.requested() => {
            Err(Failure::new(Exit::Interrupted, "interrupted", "interrupted before anything was changed")
                .hint("run the same command again"))
        }
        begun = beginning => begun.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic())),
    }
}

/// The same where nobody waits for a signal. Blocks.
///
/// # Errors
/// As [`begin`].
pub(crate) fn begin_now(context: &Context<'_>, clock: Clock, planned: Planned<'_>) -> Result<Begun, Failure> {
    Asked::new(context, clock, planned)?.begin()
}

/// What a job counted, as an outcome tells it.
pub(crate) fn counts(tally: &Tally) -> Vec<(&'static str, u64)> {
    vec![
        ("stored", tally.stored),
        ("versions_added", tally.versions_added),
        ("unchanged", tally.unchanged),
        ("expired", tally.expired),
        ("rejected", tally.rejected),
    ]
}

/// What it takes to begin.
struct Asked {
    root: PathBuf,
    archive: PathBuf,
    settings: Settings,
    clock: Clock,
    command: String,
    details: BTreeMap<String, String>,
    makes_room: bool,
}

/// What an intent keeps for whoever has to settle it.
#[derive(Serialize, Deserialize)]
struct Body {
    command: String,
    details: BTreeMap<String, String>,
    /// Records the archive had ever been given; absent where that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    records_before: Option<u64>,
}

impl Asked {
    fn new(context: &Context<'_>, clock: Clock, planned: Planned<'_>) -> Result<Self, Failure> {
        let wait: Duration = quantity::duration(planned.wait)
            .map_err(|error| Failure::from_error(Exit::Usage, "bad_argument", &error).hint("see --wait"))?;
        Ok(Self {
            root: journal::root(context)?,
            archive: context.archive_root()?,
            settings: journal::settings(context, planned.command, wait),
            clock,
            command: planned.command.to_owned(),
            makes_room: planned.makes_room,
            details: planned.details.into_iter().map(|(name, text)| (name.to_owned(), text)).collect(),
        })
    }

    fn begin(self) -> Result<Begun, Failure> {
        let Self { root, archive, settings, clock, command, details, makes_room } = self;
        let dir = OsDir::open_or_create(&root).map_err(|error| unwritable(&root, &error))?;
        if makes_room {
            frontdesk_journal::give_up_reserve(&root).map_err(|error| failures::journal(&error))?;
        }
        let holder = format!("pid {}: frontdesk {command}, since {}", std::process::id(), clock());
        let lock = Lock::acquire(Arc::new(dir), LOCK, &holder, settings.wait, &mut std::thread::sleep)
            .map_err(locked)?;
        let journal =
            Journal::open(&root, &settings, clock.clone()).map_err(|error| failures::journal(&error))?;
        settle(&journal, &archive, &clock)?;
        let body = Body { command, details, records_before: records(&archive) };
        let id = format!("archive-{}", uuid::Uuid::new_v4());
        let now = clock();
        let intent =
            Intent::new(&id, KIND, &body.command, &body, now).map_err(|error| failures::journal(&error))?;
        let begun = Begun { archive, journal, clock, id, body, _lock: lock };
        let record = begun.record(ChangeState::Intent, Outcome::default(), None);
        let change = Change::new().open_intent(intent).audit(record);
        begun.journal.record(change).map_err(|error| failures::journal(&error))?;
        Ok(begun)
    }
}

/// A change that is being made: its intent is on the disk. Dropped without an end, it stays open, and the next command
/// settles it.
#[must_use = "a change that was begun has an end"]
pub(crate) struct Begun {
    archive: PathBuf,
    journal: Journal,
    clock: Clock,
    id: String,
    body: Body,
    // Given back last.
    _lock: Lock,
}

impl Begun {
    fn record(&self, state: ChangeState, outcome: Outcome, error: Option<String>) -> ChangeRecord {
        ChangeRecord {
            timestamp: (self.clock)(),
            change: self.id.clone(),
            command: self.body.command.clone(),
            run_id: outcome.run,
            state,
            details: self.body.details.clone(),
            counts: outcome.counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
            error,
        }
    }

    /// Records how it came out, and gives that back. Blocks.
    ///
    /// # Errors
    /// What `result` holds; else, when the outcome could not be recorded, that: then the change is there, and the next
    /// command records it.
    pub(crate) fn end<T>(self, result: Result<T, Failure>, mut outcome: Outcome) -> Result<T, Failure> {
        let (state, error) = match &result {
            Ok(_) => (ChangeState::Done, None),
            Err(failure) => {
                let known =
                    [("records_before", self.body.records_before), ("records_after", records(&self.archive))];
                outcome.counts.extend(known.into_iter().filter_map(|(name, count)| Some((name, count?))));
                (ChangeState::Failed, Some(failure.one_line()))
            }
        };
        let run = outcome.run.clone();
        let record = self.record(state, outcome, error);
        let mut change = Change::new().settle_intent(&self.id, state.as_str()).audit(record);
        if let Some(run) = run {
            change = change.run(run);
        }
        let recorded = self.journal.record(change).and_then(|_| self.journal.close());
        match (result, recorded) {
            (Ok(value), Ok(())) => Ok(value),
            // What went wrong first is what has to be told.
            (Err(failure), _) => Err(failure),
            (Ok(_), Err(error)) => Err(failures::journal(&error)
                .hint("the archive was changed, and the next command that changes it records that")),
        }
    }
}

/// Settles what processes left open that are no more.
fn settle(journal: &Journal, archive: &Path, clock: &Clock) -> Result<(), Failure> {
    let failed = |error: frontdesk_journal::Error| failures::journal(&error);
    let reader = journal.reader().map_err(failed)?;
    for intent in reader.open_intents(KIND).map_err(failed)? {
        let Ok(body) = serde_json::from_str::<Body>(intent.body.get()) else {
            return Err(Failure::new(Exit::Integrity, "damage", "an intent in the journal is not ours"));
        };
        let known = [("records_before", body.records_before), ("records_after", records(archive))];
        let record = ChangeRecord {
            timestamp: clock(),
            change: intent.id.clone(),
            command: body.command.clone(),
            run_id: None,
            state: ChangeState::Unknown,
            details: body.details,
            counts: known.into_iter().filter_map(|(name, count)| Some((name.to_owned(), count?))).collect(),
            error: Some(
                "the process ended before it said how it came out; the archive tells what it did".into(),
            ),
        };
        let change = Change::new().settle_intent(intent.id, "unknown").command(body.command).audit(record);
        journal.record(change).map_err(failed)?;
    }
    Ok(())
}

/// How many records the archive was ever given; `None` where that cannot be read.
fn records(archive: &Path) -> Option<u64> {
    match Reader::open(archive, &ReadOptions::default()) {
        Ok(reader) => reader.highest_sequence().ok(),
        Err(error) if *error.kind() == ErrorKind::NotAnArchive => Some(0),
        Err(_) => None,
    }
}

fn unwritable(root: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Storage, "storage", format!("cannot open the folder {}", root.display()))
        .caused_by(error)
        .hint("make the folder writable, or choose another --data-dir")
}

fn locked(error: LockError) -> Failure {
    match &error {
        LockError::Busy { holder, .. } => {
            let holder = holder.as_deref().unwrap_or("another process").to_owned();
            Failure::new(Exit::Busy, "store_busy", format!("the archive is being changed by {holder}"))
                .hint("wait for the other process to end, or wait longer with --wait")
        }
        _ => Failure::from_error(Exit::Storage, "storage", &error)
            .hint("make the folder writable, or choose another --data-dir"),
    }
}
