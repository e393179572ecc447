//! The second half of a put: writes a group, makes it durable, and only then says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, PoisonError};
use std::thread;

use frontdesk_domain::{RecordKind, RunId};
use frontdesk_durable::{Dir, Head, ensure_dir, publish};

use super::assemble::Block;
use super::decide::Accepted;
use super::prepare::{self, Group, State};
use crate::catalog::{self, Catalog, MemberRow, RecordRow};
use crate::error::{Action, During, Error};
use crate::layout::{self, Folder};
use crate::ledger::{Change, FolderName, Hex, Ledger, Stated, StatedRun};
use crate::runs::RunHeads;
use crate::search::cursor::Rank;
use crate::search::index::{Fed, Feed};
use crate::segment::header::Hash;
use crate::segment::walk::Identity;
use crate::segment::write::{Draft, Unsealed};
use crate::writer::Clock;

/// File handles kept between groups; an archive may take records for many more months than that.
const OPEN_FILES: usize = 64;

/// Everything that changes when records are put. One thread has it.
pub(crate) struct Store {
    pub(crate) dir: Arc<dyn Dir>,
    pub(crate) archive: [u8; 16],
    pub(crate) clock: Clock,
    pub(crate) ledger: Ledger,
    pub(crate) catalog: Catalog,
    /// The segment that takes members, by folder.
    pub(crate) unsealed: BTreeMap<Folder, Unsealed>,
    /// Segments this run has written to and not sealed, to be stated when it stops.
    pub(crate) touched: BTreeSet<u32>,
    pub(crate) next_segment: u32,
    pub(crate) conversations: u64,
    pub(crate) segment_size: u64,
    /// Files that are made durable at the same time.
    pub(crate) workers: usize,
    /// Whether this run has changed the catalog.
    pub(crate) changed: bool,
    pub(crate) state: Arc<State>,
    /// Takes what was acknowledged, where there is a search index.
    pub(crate) feed: Option<Feed>,
}

/// A member and the place it was given.
struct Placed {
    segment: u32,
    offset: u64,
    length: u64,
    number: u32,
}

impl Store {
    /// Writes groups until there are no more.
    pub(crate) fn serve(&mut self, groups: &Receiver<Group>) {
        for group in groups {
            let Group { requests, outcomes, accepted, blocks, drafts } = group;
            let result = match self.state.poisoned() {
                Some(poisoned) => Err(poisoned),
                None => self.put(&accepted, &blocks, drafts),
            };
            match result {
                Ok(()) => {
                    self.state.finished.fetch_add(1, Ordering::AcqRel);
                    for (request, outcomes) in requests.into_iter().zip(outcomes) {
                        // A caller that is gone does not want its answer.
                        let _ = request.reply.send(Ok(outcomes));
                    }
                    self.feed_index(accepted);
                }
                Err(error) => {
                    self.state.poison(&error);
                    prepare::refuse(requests, &error);
                }
            }
        }
    }

    /// Hands what is acknowledged to the search index.
    fn feed_index(&self, accepted: Vec<Accepted>) {
        let (Some(feed), Some(last)) = (&self.feed, accepted.last()) else { return };
        let last = last.sequence;
        let searched = accepted.into_iter().filter(|record| catalog::is_searched(record.prepared.key().kind));
        let fed = searched.map(|Accepted { prepared, sequence, version, replaces, .. }| {
            let rank = Rank { started_at: prepared.started_at, sequence };
            let (key, bytes) = prepared.record.into_parts();
            Fed { key, rank, bytes, version, replaces }
        });
        feed.group(fed.collect(), last);
    }

    fn put(&mut self, accepted: &[Accepted], blocks: &[Block], drafts: Vec<Draft>) -> Result<(), Error> {
        if accepted.is_empty() {
            return Ok(());
        }
        let archived_at = (self.clock)().as_micros();
        let (placed, full) = self.lay_out(blocks, drafts, archived_at);
        let sealed = self.write(full)?;
        self.commit(accepted, blocks, &placed, &sealed, archived_at)
    }

    /// Gives every member its place. Segments that are full on the way are returned, to be sealed.
    fn lay_out(
        &mut self,
        blocks: &[Block],
        drafts: Vec<Draft>,
        archived_at: i64,
    ) -> (Vec<Placed>, Vec<Unsealed>) {
        let mut placed = Vec::with_capacity(blocks.len());
        let mut full = Vec::new();
        for (block, draft) in blocks.iter().zip(drafts) {
            let segment = match self.unsealed.entry(block.folder) {
                std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                std::collections::btree_map::Entry::Vacant(entry) => {
                    let identity = Identity { archive: self.archive, segment: self.next_segment };
                    self.next_segment += 1;
                    entry.insert(Unsealed::new(identity, block.folder))
                }
            };
            let (offset, number) = segment.append(draft, archived_at);
            let length = segment.length() - offset;
            placed.push(Placed { segment: segment.identity.segment, offset, length, number });
            if segment.length() >= self.segment_size {
                full.extend(self.unsealed.remove(&block.folder));
            }
        }
        (placed, full)
    }

    /// Writes what was laid out, makes it durable, and seals what is full.
    fn write(&mut self, mut full: Vec<Unsealed>) -> Result<Vec<Unsealed>, Error> {
        let dir = &*self.dir;
        let many = self.unsealed.len() + full.len() > OPEN_FILES;
        let mut pending: Vec<&mut Unsealed> = full
            .iter_mut()
            .chain(self.unsealed.values_mut())
            .filter(|segment| segment.has_pending())
            .collect();
        // A group may be of more months than a process may have files open.
        for pending in pending.chunks_mut(OPEN_FILES) {
            open_new(dir, &mut self.ledger, pending)?;
            for segment in &mut *pending {
                segment.write(dir).during(Action::Write, &segment.path())?;
                self.touched.insert(segment.identity.segment);
            }
            sync(pending, self.workers)?;
            if many {
                pending.iter_mut().for_each(|segment| segment.release());
            }
        }
        if many {
            self.unsealed.values_mut().for_each(Unsealed::release);
        }
        self.seal(&full)?;
        Ok(full)
    }

    /// Closes full segments for ever, which are durable: the checksum file first, a projection, then the ledger.
    pub(crate) fn seal(&mut self, full: &[Unsealed]) -> Result<(), Error> {
        let mut lines = Vec::with_capacity(full.len());
        for segment in full {
            lines.push(sealing(&*self.dir, segment)?);
            self.touched.remove(&segment.identity.segment);
        }
        if lines.is_empty() { Ok(()) } else { self.ledger.append("full", lines) }
    }

    /// Seals segments of an earlier run that need no more members.
    pub(crate) fn seal_all(&mut self, full: &[Unsealed]) -> Result<(), Error> {
        if full.is_empty() {
            return Ok(());
        }
        self.seal(full)?;
        self.begin_changes()?;
        let (head, conversations) = (self.ledger.head(), self.conversations);
        self.catalog.change(|change| {
            for segment in full {
                change.mark_segment(segment.identity.segment, &segment.mark(true))?;
            }
            change.mark(head, conversations)
        })
    }

    fn commit(
        &mut self,
        accepted: &[Accepted],
        blocks: &[Block],
        placed: &[Placed],
        sealed: &[Unsealed],
        archived_at: i64,
    ) -> Result<(), Error> {
        self.begin_changes()?;
        let mut conversations = self.conversations;
        let head = self.ledger.head();
        let unsealed = &self.unsealed;
        let mut doubled = false;
        self.catalog.change(|change| {
            for (block, place) in blocks.iter().zip(placed) {
                let Some(&first) = block.records.first() else { continue };
                let member = accepted[first].sequence;
                let added = change.add_member(&MemberRow {
                    id: member,
                    segment: place.segment,
                    number: place.number,
                    offset: place.offset,
                    length: place.length,
                    archived_at,
                })?;
                let mut start = 0;
                doubled |= !added;
                for &index in &block.records {
                    let record = &accepted[index];
                    let row = row(record, member, start);
                    doubled |= !change.add_record(row)?;
                    change.refer(record.sequence, &record.prepared.media)?;
                    start += row.length + 1;
                    match record.replaces {
                        Some(sequence) => change.supersede(sequence)?,
                        None => conversations += u64::from(row.kind == RecordKind::Details),
                    }
                }
            }
            for segment in sealed {
                change.mark_segment(segment.identity.segment, &segment.mark(true))?;
            }
            for segment in unsealed.values() {
                if placed.iter().any(|place| place.segment == segment.identity.segment) {
                    change.mark_segment(segment.identity.segment, &segment.mark(false))?;
                }
            }
            if doubled {
                let what = "it has records under sequence numbers that were not given yet";
                return Err(Error::damage(Action::Catalog, layout::CATALOG, what));
            }
            change.mark(head, conversations)
        })?;
        self.conversations = conversations;
        Ok(())
    }

    /// Called before the first change of the catalog in a run.
    pub(crate) fn begin_changes(&mut self) -> Result<(), Error> {
        if !self.changed {
            catalog::unseal(&*self.dir)?;
            self.changed = true;
        }
        Ok(())
    }

    /// Stops in good order: what this run wrote to unsealed segments is durable, and the ledger says so.
    ///
    /// A run that changed nothing writes nothing.
    pub(crate) fn close(mut self, runs: &RunHeads) -> Result<(), Error> {
        let feed = self.feed.take();
        if self.state.poisoned().is_some() {
            // Nothing is stated that is not known; the next opening settles it.
            return Ok(());
        }
        if let Some(feed) = feed {
            feed.finish();
        }
        let unsealed =
            self.unsealed.values().filter(|segment| self.touched.contains(&segment.identity.segment));
        let segments: Vec<Stated> =
            unsealed.map(|segment| Stated::new(segment.identity.segment, segment.place)).collect();
        let runs: Vec<StatedRun> = {
            let runs = runs.lock().unwrap_or_else(PoisonError::into_inner);
            let stated = |(run, head): (&RunId, &Head)| StatedRun {
                run: run.clone(),
                lines: head.lines,
                head: Hex(head.hash),
            };
            runs.iter().map(stated).collect()
        };
        if !segments.is_empty() || !runs.is_empty() {
            self.ledger.append("stopped", vec![Change::Close { segments, runs }])?;
            self.begin_changes()?;
        }
        if self.changed {
            let (head, conversations) = (self.ledger.head(), self.conversations);
            self.catalog.change(|change| change.mark(head, conversations))?;
            catalog::seal(&*self.dir, self.catalog)?;
        }
        Ok(())
    }
}

fn row(accepted: &Accepted, member: u64, start: u32) -> RecordRow<'_> {
    let prepared = &accepted.prepared;
    let key = prepared.key();
    RecordRow {
        sequence: accepted.sequence,
        key: prepared.key_hash,
        kind: key.kind,
        id: &key.id,
        version: accepted.version,
        sha256: prepared.sha256,
        stable: prepared.stable,
        member,
        start,
        length: prepared.length() as u32,
        started_at: prepared.started_at,
    }
}

/// Makes the files of new segments: the ledger's lines first, so that no number is ever used twice.
pub(crate) fn open_new(
    dir: &dyn Dir,
    ledger: &mut Ledger,
    pending: &mut [&mut Unsealed],
) -> Result<(), Error> {
    let new = || pending.iter().filter(|segment| !segment.is_created());
    let lines: Vec<Change> = new()
        .map(|segment| Change::Open {
            segment: segment.identity.segment,
            folder: FolderName(segment.folder),
            copy_of: None,
        })
        .collect();
    if lines.is_empty() {
        return Ok(());
    }
    ledger.append("put", lines)?;
    let folders: BTreeSet<Folder> = new().map(|segment| segment.folder).collect();
    for segment in pending.iter_mut().filter(|segment| !segment.is_created()) {
        let folder = segment.folder.path();
        ensure_dir(dir, &folder).during(Action::Create, &folder)?;
        segment.create(dir).during(Action::Create, &segment.path())?;
    }
    for folder in folders {
        dir.sync_dir(&folder.path()).during(Action::Create, &folder.path())?;
    }
    Ok(())
}

/// Makes segments durable; several at once, since a disk can be told of many in the time of one.
fn sync(segments: &mut [&mut Unsealed], threads: usize) -> Result<(), Error> {
    let sync_all = |segments: &mut [&mut Unsealed]| {
        segments.iter_mut().try_for_each(|segment| segment.sync().during(Action::Write, &segment.path()))
    };
    if segments.len() < 2 || threads < 2 {
        return sync_all(segments);
    }
    let share = segments.len().div_ceil(threads);
    thread::scope(|scope| {
        let handles: Vec<_> =
            segments.chunks_mut(share).map(|share| scope.spawn(move || sync_all(share))).collect();
        let mut result = Ok(());
        for handle in handles {
            match handle.join() {
                Ok(synced) => result = result.and(synced),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        result
    })
}

/// What the ledger says of a segment that is full: its checksum, whose file is published here.
pub(crate) fn sealing(dir: &dyn Dir, full: &Unsealed) -> Result<Change, Error> {
    let sha256 = full.sha256(dir).during(Action::Seal, &full.path())?;
    let number = full.identity.segment;
    publish_sum(dir, full.folder, number, &sha256)?;
    Ok(Change::Seal {
        segment: number,
        sha256: Hex(sha256),
        length: full.length(),
        members: full.place.number,
        records: full.records,
        head: Hex(full.place.previous),
    })
}

/// Publishes a sealed segment's checksum file.
pub(crate) fn publish_sum(dir: &dyn Dir, folder: Folder, number: u32, sha256: &Hash) -> Result<(), Error> {
    let path = layout::segment_sum(folder, number);
    let line = layout::sum_line(sha256, &layout::segment(folder, number));
    publish(dir, &path, line.as_bytes()).during(Action::Seal, &path)
}
