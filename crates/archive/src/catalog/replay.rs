//! Bringing the catalog up to the truth: the tail behind its mark, or everything.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use frontdesk_domain::media::{MediaFile, media_files};
use frontdesk_domain::payload;
use frontdesk_domain::{RecordId, RecordKey, RecordKind, Timestamp};
use frontdesk_durable::{Dir, Head, Sha256Hash};

use super::read::Lookup;
use super::write::{Change, MemberRow, RecordRow};
use super::{Catalog, Mark, SegmentMark, key_hash};
use crate::error::{Action, During, Error};
use crate::layout::{self, Folder};
use crate::ledger::{self, Ledgered, Phase};
use crate::put::Stable;
use crate::segment::check::{self, Checked};
use crate::segment::header::Entry;
use crate::segment::pack::Unpacker;
use crate::segment::scan::{self, Event, Part};
use crate::segment::walk::{Identity, Located, Place};

/// What the catalog does not cover yet.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    parts: Vec<Part>,
    segments: Vec<Covered>,
    replaced: Vec<(u32, Option<u32>)>,
    conversations: u64,
    /// Lines of the ledger about holds and tombstones that the catalog does not know: behind the first number, up to
    /// the second.
    retained: Option<(u64, u64)>,
    /// What the ledger's log was made with.
    seed: Sha256Hash,
    /// What the catalog covers and the truth no longer has: acknowledged records are gone.
    pub(crate) lost: Vec<Lost>,
    /// Segment files the ledger counts and that cannot be found or are too short.
    pub(crate) missing: Vec<(String, &'static str)>,
    /// Whether some of it may be readable without being on the disk: it lies behind what the ledger states of a
    /// segment, and nobody who synced it told the catalog.
    pub(crate) unsettled: bool,
}

/// A segment of which the catalog covers more than there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) segment: u32,
    pub(crate) path: String,
    /// Where what is there ends.
    pub(crate) from: u64,
}

#[derive(Debug)]
struct Covered {
    number: u32,
    folder: Folder,
    sealed: bool,
    records: u64,
    raw_bytes: u64,
}

/// What was found on the way.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// What is damaged, by path.
    pub(crate) damaged: Vec<(String, String)>,
    /// Bytes behind the last member of a segment that takes members: `(path, offset)`.
    pub(crate) torn: Vec<(String, u64)>,
}

impl Gathered {
    /// Whether the catalog covers everything there is.
    pub(crate) fn is_current(&self) -> bool {
        self.parts.is_empty() && self.replaced.is_empty() && self.retained.is_none()
    }

    /// Whether the ledger says more of holds and tombstones than the catalog knows, or segments were rewritten since.
    pub(crate) fn is_behind_the_ledger(&self) -> bool {
        self.retained.is_some() || self.replaced.iter().any(|(_, new)| new.is_none())
    }
}

/// Compares the truth with the catalog's mark (`None`: an empty catalog). Looks at names and lengths only.
///
/// # Errors
/// What the file system says.
pub(crate) fn gather(
    dir: &dyn Dir,
    archive: [u8; 16],
    ledger: &Ledgered,
    mark: Option<&Mark>,
) -> Result<Gathered, Error> {
    let mut gathered =
        Gathered { conversations: mark.map_or(0, |mark| mark.conversations), ..Gathered::default() };
    let known = mark.map_or(0, |mark| mark.ledger.lines);
    gathered.retained = (ledger.retained > known).then_some((known, ledger.head.lines));
    gathered.seed = ledger.seed;
    let mut copies = BTreeSet::new();
    let mut marks: BTreeMap<u32, SegmentMark> = mark.map(|mark| mark.segments.clone()).unwrap_or_default();
    for (number, found) in mark.iter().flat_map(|mark| &mark.segments) {
        if ledger.is_living(*number) {
            continue;
        }
        marks.remove(number);
        if !ledger.segments.contains_key(number) {
            let path = layout::segment(found.folder, *number);
            gathered.lost.push(Lost { segment: *number, path, from: 0 });
            continue;
        }
        let successor = ledger.successor(*number);
        gathered.replaced.push((*number, successor));
        let Some(by) = successor.filter(|by| !marks.contains_key(by)) else { continue };
        // A copy has the same members at the same offsets; only the chain of hashes is its own.
        let place = match ledger.segments.get(&by).map(|state| &state.phase) {
            Some(Phase::Unsealed { stated: Some(place) } | Phase::Sealed { place, .. })
                if place.offset == found.place.offset =>
            {
                *place
            }
            _ => found.place,
        };
        marks.insert(by, SegmentMark { sealed: false, place, ..found.clone() });
        copies.insert(by);
    }
    for (number, state) in ledger.living() {
        let path = layout::segment(state.folder, number);
        let found = marks.get(&number);
        let from = found.map_or(Place::START, |mark| mark.place);
        let length = match dir.metadata(&path) {
            Ok(metadata) => Some(metadata.len),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).during(Action::Read, &path),
        };
        let (end, sealed) = match (&state.phase, length) {
            (Phase::Sealed { place, .. }, Some(length)) => {
                if length < place.offset {
                    gathered.missing.push((path.clone(), "it is shorter than it was when it was sealed"));
                }
                (length.min(place.offset), true)
            }
            (Phase::Unsealed { stated: Some(stated) }, Some(length)) => {
                if length < stated.offset {
                    gathered.missing.push((path.clone(), "it is shorter than it is known to have been"));
                }
                (length, false)
            }
            (_, Some(length)) => (length, false),
            (Phase::Unsealed { stated: None }, None) => (0, false),
            (phase, None) => {
                gathered.missing.push((path.clone(), "it is missing"));
                (0, matches!(phase, Phase::Sealed { .. }))
            }
        };
        if from.offset > end {
            gathered.lost.push(Lost { segment: number, path, from: end });
            continue;
        }
        let copied = copies.contains(&number);
        if from.offset == end && !copied && found.map_or(end == 0, |mark| mark.sealed == sealed) {
            continue;
        }
        let stated = match &state.phase {
            Phase::Sealed { place, .. } | Phase::Unsealed { stated: Some(place) } => place.offset,
            _ => 0,
        };
        gathered.unsettled |= end > stated;
        gathered.segments.push(Covered {
            number,
            folder: state.folder,
            sealed,
            records: found.map_or(0, |mark| mark.records),
            raw_bytes: found.map_or(0, |mark| mark.raw_bytes),
        });
        gathered.parts.push(Part {
            path,
            identity: Identity { archive, segment: number },
            from,
            linked: !copied,
            end,
        });
    }
    Ok(gathered)
}

/// Puts everything gathered into the catalog, in one transaction: nobody sees half of it.
///
/// `ledger` is the state of the ledger that the catalog shall vouch for from then on. What cannot be read is left out
/// and reported. With `strict`, anything damaged undoes it all.
///
/// # Errors
/// What SQLite says; damage only with `strict`.
pub(crate) fn replay(
    dir: &dyn Dir,
    catalog: &mut Catalog,
    ledger: Head,
    gathered: &Gathered,
    workers: usize,
    strict: bool,
) -> Result<Replayed, Error> {
    catalog.change(|change| {
        let mut lookup = Lookup::prepare(change.connection())?;
        for (old, new) in &gathered.replaced {
            change.replace_segment(*old, *new)?;
        }
        let mut progress = Progress {
            replayed: Replayed::default(),
            conversations: gathered.conversations,
            records: 0,
            raw_bytes: 0,
            torn: false,
            reached: None,
            strict,
        };
        scan::scan(
            dir,
            &gathered.parts,
            workers,
            |unpacker, _, member, packed| read(unpacker, member, packed),
            |event| progress.take(event, gathered, change, &mut lookup),
        )?;
        if strict && let Some((path, what)) = progress.replayed.damaged.first() {
            return Err(Error::damage(Action::Recover, path.clone(), what.clone()));
        }
        if let Some((after, upto)) = gathered.retained {
            let conversations = &mut progress.conversations;
            ledger::read_between(dir, gathered.seed, after, upto, &mut |number, line| {
                let gone = change.retain(number, &line)?;
                *conversations = conversations.saturating_sub(gone);
                Ok(())
            })?;
        }
        if gathered.replaced.iter().any(|(_, new)| new.is_none()) {
            progress.conversations = change.recount()?;
        }
        change.mark(ledger, progress.conversations)?;
        Ok(progress.replayed)
    })
}

/// A record as a worker read it from a member: what a row must say of it.
#[derive(Debug)]
pub(crate) struct ReadRecord {
    pub(crate) sequence: u64,
    pub(crate) key_hash: i64,
    pub(crate) key: RecordKey,
    pub(crate) version: u32,
    pub(crate) sha256: Sha256Hash,
    pub(crate) stable: Stable,
    pub(crate) start: u32,
    pub(crate) length: u32,
    pub(crate) started_at: Option<i64>,
    /// Files it refers to.
    pub(crate) media: Vec<MediaFile>,
}

/// What a worker makes of a member.
enum Contents {
    Rows { rows: Vec<ReadRecord>, wrong: usize },
    Unreadable(&'static str),
}

fn read(unpacker: &mut Unpacker, member: &Located, packed: &[u8]) -> Contents {
    match check::check(&member.header, packed, unpacker) {
        Ok(checked) => {
            let (rows, unnamed) = read_rows(&checked);
            Contents::Rows { rows, wrong: checked.wrong.len() + unnamed }
        }
        Err(what) => Contents::Unreadable(what),
    }
}

/// What the catalog must say of a member's good records, and how many of them state no id.
pub(crate) fn read_rows(checked: &Checked<'_>) -> (Vec<ReadRecord>, usize) {
    let mut rows = Vec::new();
    let mut unnamed = 0;
    for (index, entry, span, bytes) in checked.records() {
        if checked.wrong.contains(&index) {
            continue;
        }
        let Some((record_id, started_at)) = derive(entry, bytes) else {
            unnamed += 1;
            continue;
        };
        let key = RecordKey { kind: entry.kind, id: record_id };
        rows.push(ReadRecord {
            sequence: entry.sequence,
            key_hash: key_hash(&key),
            key,
            version: entry.version,
            sha256: entry.sha256,
            stable: Stable::of(entry.kind, bytes, entry.sha256),
            start: span.start as u32,
            length: entry.length,
            started_at,
            media: if entry.kind == RecordKind::Media { media_files(bytes) } else { Vec::new() },
        });
    }
    (rows, unnamed)
}

/// The id of a stored record, and when its conversation started; `None` when nothing states the id.
fn derive(entry: &Entry, bytes: &[u8]) -> Option<(RecordId, Option<i64>)> {
    if entry.kind == RecordKind::Details && entry.id.is_none() {
        let (record, facts) = payload::read_details(bytes).ok()?;
        let (key, _) = record.into_parts();
        return Some((key.id, facts.started_at.map(Timestamp::as_micros)));
    }
    let id = entry.id.clone()?;
    Some((id, payload::facts(entry.kind, bytes).started_at.map(Timestamp::as_micros)))
}

struct Progress {
    replayed: Replayed,
    conversations: u64,
    /// Of the part in progress.
    records: u64,
    raw_bytes: u64,
    torn: bool,
    /// Behind the last member of the part in progress.
    reached: Option<Place>,
    /// Whether what cannot be read ends it all.
    strict: bool,
}

impl Progress {
    fn take(
        &mut self,
        event: Event<Contents>,
        gathered: &Gathered,
        change: &mut Change<'_>,
        lookup: &mut Lookup<'_>,
    ) -> Result<(), Error> {
        let (Event::Member { part, .. }
        | Event::Unreadable { part, .. }
        | Event::End { part, .. }
        | Event::Failed { part, .. }) = &event;
        let (part, covered) = (&gathered.parts[*part], &gathered.segments[*part]);
        match event {
            Event::Member { member, result, .. } => {
                self.reached = Some(Place {
                    offset: member.end(),
                    number: member.header.number.wrapping_add(1),
                    previous: member.hash,
                });
                if let Some(what) = member.misplaced {
                    self.damage(part, member.offset, what);
                    if member.header.archive != part.identity.archive
                        || member.header.segment != covered.number
                    {
                        return Ok(());
                    }
                }
                match result {
                    Contents::Unreadable(what) => self.damage(part, member.offset, what),
                    Contents::Rows { rows, wrong } => {
                        if wrong > 0 {
                            self.damage(part, member.offset, "a record is not what its hash says");
                        }
                        self.add(part, &member, covered, &rows, change, lookup)?;
                    }
                }
            }
            Event::Unreadable { offset, fault, followed, .. } => {
                if followed || covered.sealed {
                    self.damage(part, offset, &fault.to_string());
                } else {
                    self.torn = true;
                    self.replayed.torn.push((part.path.clone(), offset));
                }
            }
            Event::Failed { source, .. } => {
                let missing = source.kind() == io::ErrorKind::NotFound;
                if self.strict && !missing {
                    return Err(source).during(Action::Read, &part.path);
                }
                let what = if missing {
                    "it is missing".to_owned()
                } else {
                    format!("it cannot be read: {}", source.kind())
                };
                self.replayed.damaged.push((part.path.clone(), what));
                // What was read before it failed counts.
                let place = self.reached.unwrap_or(part.from);
                self.end(covered, place, change)?;
            }
            Event::End { mut place, .. } => {
                if self.torn
                    && let Some((_, offset)) = self.replayed.torn.last()
                {
                    place.offset = *offset;
                }
                self.end(covered, place, change)?;
            }
        }
        Ok(())
    }

    /// Notes how far the part in progress goes, and is ready for the next.
    fn end(&mut self, covered: &Covered, place: Place, change: &mut Change<'_>) -> Result<(), Error> {
        let mark = SegmentMark {
            folder: covered.folder,
            sealed: covered.sealed,
            place,
            records: covered.records + self.records,
            raw_bytes: covered.raw_bytes + self.raw_bytes,
        };
        (self.records, self.raw_bytes, self.torn, self.reached) = (0, 0, false, None);
        change.mark_segment(covered.number, &mark)
    }

    fn damage(&mut self, part: &Part, offset: u64, what: &str) {
        self.replayed.damaged.push((part.path.clone(), format!("at byte {offset}: {what}")));
    }

    fn add(
        &mut self,
        part: &Part,
        member: &Located,
        covered: &Covered,
        rows: &[ReadRecord],
        change: &mut Change<'_>,
        lookup: &mut Lookup<'_>,
    ) -> Result<(), Error> {
        let Some(first) = member.header.entries.first() else { return Ok(()) };
        let added = change.add_member(&MemberRow {
            id: first.sequence,
            segment: covered.number,
            number: member.header.number,
            offset: member.offset,
            length: member.length(),
            archived_at: member.header.archived_at,
        })?;
        if !added {
            self.damage(part, member.offset, "its records are in another member, too");
            return Ok(());
        }
        for row in rows {
            let latest = lookup.latest(row.key_hash, &row.key)?;
            let added = change.add_record(RecordRow {
                sequence: row.sequence,
                key: row.key_hash,
                kind: row.key.kind,
                id: &row.key.id,
                version: row.version,
                sha256: row.sha256,
                stable: row.stable,
                member: first.sequence,
                start: row.start,
                length: row.length,
                started_at: row.started_at,
            })?;
            if !added {
                self.damage(part, member.offset, "a sequence number is there twice");
                continue;
            }
            change.refer(row.sequence, &row.media)?;
            match latest {
                // Segments come by number, so versions of a key may come in any order.
                Some(latest) if latest.sequence > row.sequence => change.supersede(row.sequence)?,
                Some(latest) => change.supersede(latest.sequence)?,
                None if row.key.kind == RecordKind::Details => self.conversations += 1,
                None => {}
            }
            self.records += 1;
            self.raw_bytes += u64::from(row.length);
        }
        Ok(())
    }
}
