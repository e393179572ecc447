//! Writing a segment once more without some of its records.
//!
//! Ledger first (the new number is taken), then the copy, which is made durable, then the ledger again: from that line
//! on the copy counts and the old segment does not. The catalog follows the ledger as it does after a crash, and the
//! old file goes last. A stop at any point leaves either the old segment or the new one, and the next opening takes
//! the other away.

use frontdesk_durable::{Dir, ReadAt};

use crate::catalog::{self, Catalog, State};
use crate::error::{Action, During, Error, ErrorKind};
use crate::layout::{self, Folder};
use crate::ledger::{Change, FolderName, Ledger, Ledgered, Phase, Rewritten, Stated};
use crate::media;
use crate::put::sealing;
use crate::segment::check;
use crate::segment::header::Entry;
use crate::segment::pack::{Packer, Unpacker};
use crate::segment::walk::{Batch, Identity, Located, Place, Step, Walk};
use crate::segment::write::{Draft, Unsealed};

/// Packed bytes of a copy held in memory before they are written.
const CHUNK: usize = 1024 * 1024;

/// What is left out of a segment.
pub(crate) struct LeftOut<'a> {
    /// Asked for the sequence of every record that can be named.
    pub(crate) record: &'a dyn Fn(u64) -> bool,
    /// Whether stretches in which no member can be read are left out, too. Otherwise they, and members that do not
    /// inflate, keep the segment from being rewritten: what cannot be read may be something that must be kept.
    pub(crate) unreadable: bool,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rewrite {
    /// The segment its records are in now; `None` when nothing was to be kept.
    pub(crate) by: Option<u32>,
    /// Records that were left out.
    pub(crate) dropped: u64,
    /// Bytes the segment had, and what is there in its place.
    pub(crate) before: u64,
    pub(crate) after: u64,
}

/// What rewriting needs of an archive that is open for changes.
pub(crate) struct Compaction<'a> {
    pub(crate) dir: &'a dyn Dir,
    pub(crate) archive: [u8; 16],
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) catalog: &'a mut Catalog,
    pub(crate) next_segment: &'a mut u32,
    pub(crate) level: u8,
    pub(crate) workers: usize,
}

impl Compaction<'_> {
    /// Rewrites a segment that counts. Records keep sequence, version, hash and the time they were stored; members of
    /// which nothing is left out keep their packed bytes. The checksum of the catalog must be gone already.
    ///
    /// # Errors
    /// `Damage` when something to be kept cannot be read, before anything counts; what the file system says.
    pub(crate) fn rewrite(
        &mut self,
        segment: u32,
        left_out: &LeftOut<'_>,
        reason: &str,
    ) -> Result<Rewrite, Error> {
        let ledgered = self.ledger.fold()?;
        let Some(state) = ledgered.segments.get(&segment).filter(|_| ledgered.is_living(segment)) else {
            return Err(Error::damage(Action::Compact, layout::LEDGER, "it does not count this segment"));
        };
        let (folder, sealed) = (state.folder, matches!(state.phase, Phase::Sealed { .. }));
        let path = layout::segment(folder, segment);
        let end = match &state.phase {
            Phase::Sealed { place, .. } => place.offset,
            _ => self.covered(segment)?,
        };
        media::forget_hidden(self.dir, self.catalog, segment)?;
        let copied = self.copy(segment, folder, &path, end, left_out, reason)?;
        let rewritten = Some(Rewritten { dropped: copied.dropped, highest: copied.highest });
        let by = copied.to.as_ref().map(|to| Stated::new(to.identity.segment, to.place));
        let mut lines = vec![Change::Replace { segment, by, rewritten }];
        if let (true, Some(to)) = (sealed, &copied.to) {
            lines.push(sealing(self.dir, to)?);
        }
        self.ledger.append(reason, lines)?;
        follow(self.dir, self.archive, self.ledger, self.catalog, self.workers)?;
        self.unlink(folder, segment)?;
        Ok(Rewrite {
            by: copied.to.as_ref().map(|to| to.identity.segment),
            dropped: copied.dropped,
            before: end,
            after: copied.to.as_ref().map_or(0, Unsealed::length),
        })
    }

    /// Where a segment that takes members ends, as the catalog knows it.
    fn covered(&self, segment: u32) -> Result<u64, Error> {
        match self.catalog.state(&self.archive)? {
            State::Marked(mark) => Ok(mark.segments.get(&segment).map_or(0, |mark| mark.place.offset)),
            _ => Err(Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog)),
        }
    }

    fn copy(
        &mut self,
        segment: u32,
        folder: Folder,
        path: &str,
        end: u64,
        left_out: &LeftOut<'_>,
        reason: &str,
    ) -> Result<Copied, Error> {
        let source: Box<dyn ReadAt> = self.dir.open_read(path).during(Action::Compact, path)?;
        let identity = Identity { archive: self.archive, segment };
        let mut walk = Walk::new(&*source, identity, Place::START, end);
        let mut room = Room { packer: Packer::new(self.level), unpacker: Unpacker::new(), raw: Vec::new() };
        let mut copied = Copied { to: None, dropped: 0, highest: 0 };
        let mut held = 0;
        while let Some(step) = walk.step().during(Action::Compact, path)? {
            let batch = match step {
                Step::Members(batch) => batch,
                Step::Unreadable { .. } if left_out.unreadable => continue,
                Step::Unreadable { offset, fault, .. } => {
                    return Err(damaged(path, offset, &fault.to_string()));
                }
            };
            for member in &batch.members {
                if let Some(what) = member.misplaced
                    && !left_out.unreadable
                {
                    return Err(damaged(path, member.offset, what));
                }
                let entries = &member.header.entries;
                copied.highest = entries.iter().map(|entry| entry.sequence).fold(copied.highest, u64::max);
                let draft = room
                    .draft(member, &batch, left_out.record)
                    .map_err(|what| damaged(path, member.offset, what))?;
                let kept = draft.as_ref().map_or(0, |draft| draft.entries.len());
                copied.dropped += (entries.len() - kept) as u64;
                let Some(draft) = draft else { continue };
                held += draft.packed.len();
                let to = match &mut copied.to {
                    Some(to) => to,
                    none => none.insert(self.begin(segment, folder, reason)?),
                };
                to.append(draft, member.header.archived_at);
                if held >= CHUNK {
                    to.write(self.dir).during(Action::Write, &to.path())?;
                    held = 0;
                }
            }
        }
        if walk.place().offset != end {
            return Err(damaged(path, walk.place().offset, "the segment ends before the records"));
        }
        if let Some(to) = &mut copied.to {
            to.write(self.dir)
                .and_then(|()| to.sync())
                .and_then(|()| self.dir.sync_dir(&folder.path()))
                .during(Action::Write, &to.path())?;
        }
        Ok(copied)
    }

    /// Takes the next number, and makes the file.
    fn begin(&mut self, segment: u32, folder: Folder, reason: &str) -> Result<Unsealed, Error> {
        let number = *self.next_segment;
        *self.next_segment += 1;
        let open = Change::Open { segment: number, folder: FolderName(folder), copy_of: Some(segment) };
        self.ledger.append(reason, vec![open])?;
        let mut to = Unsealed::new(Identity { archive: self.archive, segment: number }, folder);
        to.create(self.dir).during(Action::Create, &to.path())?;
        Ok(to)
    }

    fn unlink(&self, folder: Folder, segment: u32) -> Result<(), Error> {
        for path in [layout::segment_sum(folder, segment), layout::segment(folder, segment)] {
            match self.dir.remove(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).during(Action::Compact, &path);
                }
                _ => {}
            }
        }
        let folder = folder.path();
        self.dir.sync_dir(&folder).during(Action::Compact, &folder)
    }
}

/// Rewrites the segments that have bytes of removed records in them: the ledger names them. What is damaged stays as
/// it is, invisible, until it is repaired.
///
/// # Errors
/// What the file system says.
pub(crate) fn rewrite_hidden(
    mut compaction: Compaction<'_>,
    ledgered: &Ledgered,
) -> Result<Vec<(u32, Rewrite)>, Error> {
    let mut segments: Vec<(u64, u32)> = Vec::new();
    let State::Marked(mark) = compaction.catalog.state(&compaction.archive)? else {
        return Err(Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog));
    };
    for &number in &ledgered.unrewritten {
        segments.push((mark.segments.get(&number).map_or(0, |mark| mark.raw_bytes), number));
    }
    // Those of which the least is kept come first: they need no room, and make some.
    segments.sort_unstable();
    let mut done = Vec::new();
    for (_, number) in segments {
        let hidden = compaction.catalog.hidden(number)?;
        let record = |sequence: u64| hidden.binary_search(&sequence).is_ok();
        let left_out = LeftOut { record: &record, unreadable: false };
        match compaction.rewrite(number, &left_out, "removed records") {
            Ok(rewrite) => done.push((number, rewrite)),
            Err(error) if error.is_integrity_failure() => {
                tracing::warn!(%error, "a segment with removed records cannot be rewritten before it is repaired");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Brings the catalog to where the ledger is.
///
/// # Errors
/// What SQLite says; `Damage` when a new segment is not what was written.
pub(crate) fn follow(
    dir: &dyn Dir,
    archive: [u8; 16],
    ledger: &Ledger,
    catalog: &mut Catalog,
    workers: usize,
) -> Result<(), Error> {
    let State::Marked(mark) = catalog.state(&archive)? else {
        return Err(Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog));
    };
    let ledgered = ledger.fold()?;
    let gathered = catalog::gather(dir, archive, &ledgered, Some(&mark))?;
    catalog::replay(dir, catalog, ledgered.head, &gathered, workers, true).map(drop)
}

struct Copied {
    to: Option<Unsealed>,
    dropped: u64,
    highest: u64,
}

/// What packing a member anew takes.
struct Room {
    packer: Packer,
    unpacker: Unpacker,
    raw: Vec<u8>,
}

impl Room {
    /// A member without what is left out: as it lies when that is nothing, packed anew when it is something, `None`
    /// when it is all of it.
    fn draft(
        &mut self,
        member: &Located,
        batch: &Batch,
        left_out: &dyn Fn(u64) -> bool,
    ) -> Result<Option<Draft>, &'static str> {
        let header = &member.header;
        let packed = &batch.bytes[member.packed.clone()];
        let kept: Vec<Entry> =
            header.entries.iter().filter(|entry| !left_out(entry.sequence)).cloned().collect();
        if kept.is_empty() {
            return Ok(None);
        }
        let checked = check::check(header, packed, &mut self.unpacker)?;
        if checked
            .records()
            .any(|(index, entry, ..)| checked.wrong.contains(&index) && !left_out(entry.sequence))
        {
            return Err("a record is not what its hash says");
        }
        if kept.len() == header.entries.len() {
            return Ok(Some(Draft {
                entries: kept,
                packed: packed.to_vec(),
                packed_crc: header.packed_crc,
                raw_length: header.raw_length,
            }));
        }
        self.raw.clear();
        for (_, entry, _, bytes) in checked.records() {
            if !left_out(entry.sequence) {
                self.raw.extend_from_slice(bytes);
                self.raw.push(b'\n');
            }
        }
        let packed = self.packer.pack(&self.raw).ok_or("it cannot be packed")?;
        let packed_crc = libdeflater::crc32(&packed);
        Ok(Some(Draft { entries: kept, packed, packed_crc, raw_length: self.raw.len() as u32 }))
    }
}

fn damaged(path: &str, offset: u64, what: &str) -> Error {
    Error::damage(Action::Compact, path, format!("at byte {offset}: {what}"))
}
