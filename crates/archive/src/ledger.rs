//! The ledger: one hash-chained line for every change of the archive other than a put, and what follows
//! from them for the segments.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use frontdesk_domain::{MatterName, OrganizationId, PolicyName, RecordId, RecordKind, RunId, Timestamp};
use frontdesk_durable::{
    AppendLog, Dir, Head, LogError, LogErrorKind, LogReader, MAX_APPEND_BYTES, Members, Sha256Hash, TornTail,
};
use serde::{Deserialize, Serialize};

use crate::error::{Action, Error, ErrorKind};
use crate::format::Format;
use crate::layout::{self, Folder};
use crate::segment::walk::Place;
use crate::writer::Clock;

mod forms;
mod times;

pub(crate) use forms::{FolderName, Hex};
pub(crate) use times::Times;

/// The run in whose name lines are written, shared with the writer.
pub(crate) type CurrentRun = Arc<Mutex<Option<RunId>>>;

/// What a line of the ledger says happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub(crate) enum Change {
    /// The archive was made. Binds `FORMAT.json`, which has no checksum of its own.
    Create { organization: OrganizationId, format_sha256: Hex },
    /// A segment number is in use from here on, and never again. `copy_of`: it takes over the members of
    /// another one, and counts only with the `replace` line that says so.
    Open {
        segment: u32,
        folder: FolderName,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        copy_of: Option<u32>,
    },
    /// A segment is complete for ever.
    Seal { segment: u32, sha256: Hex, length: u64, members: u32, records: u64, head: Hex },
    /// A writer stopped in good order. What it had written to unsealed segments is durable up to here.
    Close {
        segments: Vec<Stated>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        runs: Vec<StatedRun>,
    },
    /// A segment's members are in another one now, or there were none. With `rewritten` only those records are that
    /// were to be kept, at places of their own.
    Replace {
        segment: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Stated>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rewritten: Option<Rewritten>,
    },
    /// A copy that never counted was taken away.
    Remove { segment: u32 },
    /// Bytes that nobody was told were stored were put aside.
    Quarantine { path: String, offset: u64, length: u64, kept: String },
    /// Conversations must not be removed as long as the matter holds them.
    Hold {
        matter: MatterName,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        query: Option<String>,
        ids: Vec<RecordId>,
    },
    /// A matter holds these conversations no longer; without `ids`, none.
    Release {
        matter: MatterName,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ids: Option<Vec<RecordId>>,
    },
    /// Conversations are removed by retention: no reader sees them from here on. `segments`: where their bytes lie
    /// until they are rewritten.
    Expire { segments: Vec<u32>, conversations: Vec<Expired> },
    /// Somebody vouches for the clock, which had jumped.
    Clock {},
    /// A damaged segment does not count any more: its good records are in another one, if it had any. `lost` are the
    /// sequence numbers of the others, as far as they are known.
    Mend {
        segment: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Stated>,
        lost: String,
        /// The highest sequence number there was: none is given twice.
        highest: u64,
    },
    /// Files of messages are lost: records refer to them, and they are missing or were put aside.
    LoseMedia { files: Vec<Hex> },
    /// Records are lost: a repair found their bytes damaged or missing. Said before the `mend` of their segment, and true
    /// of those that are not there behind it.
    Lose { records: Vec<LostLine> },
    /// A change of a later minor version.
    #[serde(other)]
    Other,
}

impl Change {
    /// Whether the catalog has tables of what it says: of holds, of what was removed, of what was lost.
    fn is_in_tables(&self) -> bool {
        matches!(self, Self::Hold { .. } | Self::Release { .. } | Self::Expire { .. } | Self::Lose { .. })
    }
}

/// A record that a repair gave up, with everything that is still known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LostLine {
    pub(crate) sequence: u64,
    pub(crate) kind: RecordKind,
    pub(crate) id: RecordId,
    pub(crate) version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Timestamp>,
}

/// How far a segment is known to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stated {
    pub(crate) segment: u32,
    pub(crate) length: u64,
    pub(crate) members: u32,
    pub(crate) head: Hex,
}

/// How far the log of a run is known to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatedRun {
    pub(crate) run: RunId,
    pub(crate) lines: u64,
    pub(crate) head: Hex,
}

/// What became of a segment's records when it was rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rewritten {
    /// Records that were left out.
    pub(crate) dropped: u64,
    /// The highest sequence there was in it: no number is given twice.
    pub(crate) highest: u64,
}

/// A conversation that retention removed, with everything that is still known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expired {
    pub(crate) id: RecordId,
    pub(crate) policy: PolicyName,
    /// What its age was counted from.
    pub(crate) since: Timestamp,
    pub(crate) records: Vec<ExpiredRecord>,
}

/// One of its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExpiredRecord {
    pub(crate) kind: RecordKind,
    pub(crate) version: u32,
    pub(crate) sequence: u64,
    pub(crate) sha256: Hex,
}

impl Stated {
    pub(crate) fn new(segment: u32, place: Place) -> Self {
        Self { segment, length: place.offset, members: place.number, head: Hex(place.previous) }
    }

    pub(crate) fn place(&self) -> Place {
        Place { offset: self.length, number: self.members, previous: self.head.0 }
    }
}

/// A line: when, by whom, why, in which run, and what.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) at: Timestamp,
    pub(crate) actor: String,
    pub(crate) reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<RunId>,
    #[serde(flatten)]
    pub(crate) change: Change,
}

/// What the ledger says of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentState {
    pub(crate) folder: Folder,
    pub(crate) phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Takes members; `stated` is the place it was last known to be durable up to, by its own run or the run before.
    Unsealed {
        stated: Option<Place>,
    },
    /// Opened to take over another segment's members, and never finished.
    Copying,
    Sealed {
        sha256: Sha256Hash,
        place: Place,
        records: u64,
    },
    /// Its members are elsewhere; the file may go.
    Replaced {
        by: Option<u32>,
        /// Whether what is kept of it lies at other places now.
        rewritten: bool,
    },
    /// A copy that was dropped; the file may go.
    Removed,
}

/// All lines of the ledger, folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ledgered {
    pub(crate) head: Head,
    pub(crate) segments: BTreeMap<u32, SegmentState>,
    /// What line 1 binds `FORMAT.json` to.
    pub(crate) format_sha256: Option<Sha256Hash>,
    /// Runs whose logs were stated.
    pub(crate) runs: BTreeMap<RunId, StatedRun>,
    /// Bytes behind the last line.
    pub(crate) torn: Option<TornTail>,
    /// Hash of every line, by number from 1, so that an older head can be recognised.
    heads: Vec<Sha256Hash>,
    /// What the log was made with.
    pub(crate) seed: Sha256Hash,
    /// The number of the last line that changed holds, tombstones or what is lost, 0 when there is none.
    pub(crate) retained: u64,
    /// Segments that count and have bytes of removed records in them.
    pub(crate) unrewritten: BTreeSet<u32>,
    /// The highest sequence that was in a segment when it was rewritten.
    pub(crate) highest: u64,
    pub(crate) times: Times,
    /// Files of messages that a repair gave up.
    pub(crate) lost_media: BTreeSet<Sha256Hash>,
}

/// The ledger, open for writing.
pub(crate) struct Ledger {
    log: AppendLog,
    seed: Sha256Hash,
    clock: Clock,
    actor: String,
    run: CurrentRun,
}

impl Ledger {
    pub(crate) fn create(
        dir: Arc<dyn Dir>,
        format: &Format,
        clock: Clock,
        actor: &str,
        run: CurrentRun,
    ) -> Result<Self, Error> {
        let log = AppendLog::create(dir, layout::LEDGER, format.ledger_seed()).map_err(log_error)?;
        Ok(Self { log, seed: format.ledger_seed(), clock, actor: actor.to_owned(), run })
    }

    /// Opens the ledger under the lock; a torn last line goes to the quarantine.
    pub(crate) fn open(
        dir: Arc<dyn Dir>,
        format: &Format,
        clock: Clock,
        actor: &str,
        run: CurrentRun,
    ) -> Result<Self, Error> {
        let quarantine = format!("{}/ledger.torn", layout::QUARANTINE);
        let log =
            AppendLog::open(dir, layout::LEDGER, format.ledger_seed(), &quarantine).map_err(log_error)?;
        let recovered = log.recovered().cloned();
        let mut ledger = Self { log, seed: format.ledger_seed(), clock, actor: actor.to_owned(), run };
        if let Some(recovered) = recovered {
            let change = Change::Quarantine {
                path: layout::LEDGER.to_owned(),
                offset: recovered.tail.offset,
                length: recovered.tail.len,
                kept: recovered.quarantine,
            };
            ledger.append("torn by an unclean stop", vec![change])?;
        }
        Ok(ledger)
    }

    /// Adds one line; durable when this returns. Gives it back with its number.
    pub(crate) fn append_one(&mut self, reason: &str, change: Change) -> Result<(u64, Line), Error> {
        let run = self.run.lock().map_or(None, |run| run.clone());
        let at = (self.clock)();
        let line = Line { at, actor: self.actor.clone(), reason: reason.to_owned(), run, change };
        let members = Members::new(&line).map_err(|source| {
            Error::with_source(Action::Append, layout::LEDGER, ErrorKind::Storage, source)
        })?;
        let head = self.log.append(&members).map_err(log_error)?;
        Ok((head.lines, line))
    }

    /// Adds lines; durable when this returns, all of them or none.
    pub(crate) fn append(&mut self, reason: &str, changes: Vec<Change>) -> Result<(), Error> {
        let run = self.run.lock().map_or(None, |run| run.clone());
        let at = (self.clock)();
        let mut lines = Vec::with_capacity(changes.len());
        for change in changes {
            let line =
                Line { at, actor: self.actor.clone(), reason: reason.to_owned(), run: run.clone(), change };
            let members = Members::new(&line).map_err(|source| {
                Error::with_source(Action::Append, layout::LEDGER, ErrorKind::Storage, source)
            })?;
            lines.push(members);
        }
        self.log.append_group(&lines).map(drop).map_err(log_error)
    }

    pub(crate) fn head(&self) -> Head {
        self.log.head()
    }

    pub(crate) fn fold(&self) -> Result<Ledgered, Error> {
        fold(self.log.head(), self.seed, None, self.log.lines())
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("log", &self.log).finish_non_exhaustive()
    }
}

/// Reads the ledger without changing it.
///
/// # Errors
/// `Damage` with the first bad line, or what the file system says.
pub(crate) fn read(dir: &dyn Dir, format: &Format) -> Result<Ledgered, Error> {
    let log = LogReader::open(dir, layout::LEDGER, format.ledger_seed()).map_err(log_error)?;
    fold(log.head(), format.ledger_seed(), log.torn(), log.lines())
}

/// Calls `each` with the lines behind line `after`, up to `upto`, in order, with their numbers.
///
/// # Errors
/// `Damage` with the first bad line; what the file system says; what `each` returns.
pub(crate) fn read_between(
    dir: &dyn Dir,
    seed: Sha256Hash,
    after: u64,
    upto: u64,
    each: &mut dyn FnMut(u64, Line) -> Result<(), Error>,
) -> Result<(), Error> {
    let log = LogReader::open(dir, layout::LEDGER, seed).map_err(log_error)?;
    for line in log.lines() {
        let line = line.map_err(log_error)?;
        if line.number() > upto {
            break;
        }
        if line.number() > after {
            each(line.number(), parse(&line)?)?;
        }
    }
    Ok(())
}

fn parse(line: &frontdesk_durable::Line) -> Result<Line, Error> {
    line.parse().map_err(|source| {
        let kind = ErrorKind::Damage { what: format!("line {} cannot be understood", line.number()) };
        Error::with_source(Action::Read, layout::LEDGER, kind, source)
    })
}

fn fold(
    head: Head,
    seed: Sha256Hash,
    torn: Option<TornTail>,
    lines: impl Iterator<Item = Result<frontdesk_durable::Line, LogError>>,
) -> Result<Ledgered, Error> {
    let mut ledgered = Ledgered {
        head,
        segments: BTreeMap::new(),
        format_sha256: None,
        runs: BTreeMap::new(),
        torn,
        heads: Vec::new(),
        seed,
        retained: 0,
        unrewritten: BTreeSet::new(),
        highest: 0,
        times: Times::default(),
        lost_media: BTreeSet::new(),
    };
    for line in lines {
        let line = line.map_err(log_error)?;
        let parsed = parse(&line)?;
        ledgered.heads.push(*line.hash());
        ledgered.times.push(parsed.at, matches!(parsed.change, Change::Clock {}));
        if parsed.change.is_in_tables() {
            ledgered.retained = line.number();
        }
        ledgered.apply(parsed.change).map_err(|what| {
            Error::damage(Action::Read, layout::LEDGER, format!("line {}: {what}", line.number()))
        })?;
    }
    Ok(ledgered)
}

impl Ledgered {
    fn apply(&mut self, change: Change) -> Result<(), &'static str> {
        match change {
            Change::LoseMedia { files } => self.lost_media.extend(files.iter().map(|file| file.0)),
            Change::Create { format_sha256, .. } => self.format_sha256 = Some(format_sha256.0),
            Change::Open { segment, folder, copy_of } => {
                let phase = if copy_of.is_some() { Phase::Copying } else { Phase::Unsealed { stated: None } };
                let state = SegmentState { folder: folder.0, phase };
                if self.segments.insert(segment, state).is_some() {
                    return Err("it opens a segment number that was used before");
                }
            }
            Change::Seal { segment, sha256, length, members, records, head } => {
                let place = Place { offset: length, number: members, previous: head.0 };
                self.unsealed(segment)?.phase = Phase::Sealed { sha256: sha256.0, place, records };
            }
            Change::Close { segments, runs } => {
                self.runs.extend(runs.into_iter().map(|stated| (stated.run.clone(), stated)));
                for stated in segments {
                    self.unsealed(stated.segment)?.phase = Phase::Unsealed { stated: Some(stated.place()) };
                }
            }
            Change::Replace { segment, by, rewritten } => {
                let state = match rewritten {
                    None => self.unsealed(segment)?,
                    Some(_) => self.counting(segment)?,
                };
                state.phase = Phase::Replaced { by: by.map(|by| by.segment), rewritten: rewritten.is_some() };
                self.highest = self.highest.max(rewritten.map_or(0, |rewritten| rewritten.highest));
                if self.unrewritten.remove(&segment)
                    && rewritten.is_none()
                    && let Some(by) = by
                {
                    self.unrewritten.insert(by.segment);
                }
                if let Some(by) = by {
                    let copy =
                        self.segments.get_mut(&by.segment).ok_or("it names a segment that was not opened")?;
                    if copy.phase != Phase::Copying {
                        return Err("it names a segment that is not a copy");
                    }
                    copy.phase = Phase::Unsealed { stated: Some(by.place()) };
                }
            }
            Change::Mend { segment, by, highest, .. } => {
                let by_number = by.map(|by| by.segment);
                self.counting(segment)?.phase = Phase::Replaced { by: by_number, rewritten: true };
                self.highest = self.highest.max(highest);
                // What was removed and not rewritten yet was copied with the rest.
                if self.unrewritten.remove(&segment) {
                    self.unrewritten.extend(by_number);
                }
                if let Some(by) = by {
                    let copy =
                        self.segments.get_mut(&by.segment).ok_or("it names a segment that was not opened")?;
                    if copy.phase != Phase::Copying {
                        return Err("it names a segment that is not a copy");
                    }
                    copy.phase = Phase::Unsealed { stated: Some(by.place()) };
                }
            }
            Change::Remove { segment } => {
                let state =
                    self.segments.get_mut(&segment).ok_or("it names a segment that was not opened")?;
                if state.phase != Phase::Copying {
                    return Err("it removes a segment that counts");
                }
                state.phase = Phase::Removed;
            }
            Change::Expire { segments, .. } => {
                for segment in segments {
                    self.counting(segment)?;
                    self.unrewritten.insert(segment);
                }
            }
            Change::Hold { .. }
            | Change::Release { .. }
            | Change::Lose { .. }
            | Change::Clock {}
            | Change::Quarantine { .. }
            | Change::Other => {}
        }
        Ok(())
    }

    fn counting(&mut self, segment: u32) -> Result<&mut SegmentState, &'static str> {
        let state = self.segments.get_mut(&segment).ok_or("it names a segment that was not opened")?;
        match state.phase {
            Phase::Unsealed { .. } | Phase::Sealed { .. } => Ok(state),
            _ => Err("it changes a segment that is gone"),
        }
    }

    fn unsealed(&mut self, segment: u32) -> Result<&mut SegmentState, &'static str> {
        let state = self.segments.get_mut(&segment).ok_or("it names a segment that was not opened")?;
        match state.phase {
            Phase::Unsealed { .. } => Ok(state),
            _ => Err("it changes a segment that is sealed or gone"),
        }
    }

    /// Whether `head` was the end of this ledger once, or is now.
    pub(crate) fn knows(&self, head: &Head, seed: &Sha256Hash) -> bool {
        let hash = match head.lines.checked_sub(1) {
            None => Some(seed),
            Some(index) => usize::try_from(index).ok().and_then(|index| self.heads.get(index)),
        };
        hash == Some(&head.hash)
    }

    /// Whether a segment's members count.
    pub(crate) fn is_living(&self, segment: u32) -> bool {
        let state = self.segments.get(&segment);
        state.is_some_and(|state| matches!(state.phase, Phase::Unsealed { .. } | Phase::Sealed { .. }))
    }

    /// Segments whose members count, in order of their numbers.
    pub(crate) fn living(&self) -> impl Iterator<Item = (u32, &SegmentState)> {
        self.segments
            .iter()
            .filter(|(_, state)| matches!(state.phase, Phase::Unsealed { .. } | Phase::Sealed { .. }))
            .map(|(number, state)| (*number, state))
    }

    /// Where a segment's members lie at the same offsets now: in itself, in the last of its copies, or nowhere.
    pub(crate) fn successor(&self, mut segment: u32) -> Option<u32> {
        // A copy has a higher number than what it copies, so this ends.
        while let Some(state) = self.segments.get(&segment) {
            match state.phase {
                Phase::Replaced { by: Some(by), rewritten: false } if by > segment => segment = by,
                Phase::Unsealed { .. } | Phase::Sealed { .. } => return Some(segment),
                _ => return None,
            }
        }
        None
    }
}

fn log_error(error: LogError) -> Error {
    let path = error.path().to_owned();
    match error.kind() {
        LogErrorKind::Damage(damage) => Error::damage(Action::Read, path, damage.to_string()),
        &LogErrorKind::TooLarge { bytes } => {
            let kind = ErrorKind::TooLarge { bytes, limit: MAX_APPEND_BYTES };
            Error::with_source(Action::Append, path, kind, error)
        }
        LogErrorKind::Poisoned => Error::with_source(Action::Append, path, ErrorKind::Poisoned, error),
        LogErrorKind::Io(io) => {
            let kind = match io.kind() {
                std::io::ErrorKind::NotFound => ErrorKind::Damage { what: "it is missing".to_owned() },
                _ => ErrorKind::of_storage(io),
            };
            Error::with_source(Action::Append, path, kind, error)
        }
        _ => Error::with_source(Action::Append, path, ErrorKind::Storage, error),
    }
}

/// The same for a run's log.
pub(crate) fn from_log_error(error: LogError) -> Error {
    log_error(error)
}
