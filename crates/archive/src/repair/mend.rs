//! Putting aside what is damaged, and writing a segment anew with what is good.

use std::io;

use frontdesk_durable::{Dir, publish};

use super::survey::Damaged;
use crate::error::{Action, During, Error};
use crate::layout::{self, Folder};
use crate::ledger::{Change, FolderName, Ledger, LostLine, Stated};
use crate::put::sealing;
use crate::segment::check;
use crate::segment::pack::{Packer, Unpacker};
use crate::segment::walk::{Batch, Identity, Located, Place, Step, Walk};
use crate::segment::write::{Draft, Unsealed};

/// Packed bytes of a copy held in memory before they are written.
const CHUNK: usize = 1024 * 1024;

/// Bytes of a damaged stretch that go into one file of the quarantine.
const PIECE: u64 = 64 << 20;

const REASON: &str = "repair";

/// Bytes of lost records in one line of the ledger, and what one has beside its id.
const LINE: usize = 256 * 1024;
const MEMBERS: usize = 128;

/// What mending needs of an archive that nobody else writes.
pub(super) struct Mending<'a> {
    pub(super) dir: &'a dyn Dir,
    pub(super) archive: [u8; 16],
    pub(super) ledger: &'a mut Ledger,
    pub(super) next_segment: u32,
    /// The highest sequence number that anything ever had, as far as is known.
    pub(super) highest: u64,
    pub(super) level: u8,
}

impl Mending<'_> {
    /// Puts a file aside that the ledger does not know.
    pub(super) fn put_aside(&mut self, path: &str, number: u32) -> Result<(), Error> {
        let length = self.dir.metadata(path).during(Action::Repair, path)?.len;
        self.quarantine(path, number, 0, length, "stranger")?;
        self.remove(path)?;
        let folder = frontdesk_durable::parent(path);
        self.dir.sync_dir(folder).during(Action::Repair, folder)
    }

    /// Mends one segment; gives the files its damaged bytes are in.
    pub(super) fn mend(&mut self, damaged: &Damaged) -> Result<Vec<String>, Error> {
        let path = damaged.path();
        let mut kept_in = Vec::new();
        for &(from, until) in &damaged.stretches {
            kept_in.extend(self.quarantine(&path, damaged.number, from, until, "damaged")?);
        }
        let copy = match damaged.length {
            Some(length) if damaged.kept > 0 => Some(self.copy(damaged, &path, length)?),
            _ => None,
        };
        // Before the last trace of them goes.
        self.name_lost(damaged)?;
        let highest = damaged.lost.iter().map(|lost| lost.sequence).fold(self.highest, u64::max);
        let mut lines = vec![Change::Mend {
            segment: damaged.number,
            by: copy.as_ref().map(|to| Stated::new(to.identity.segment, to.place)),
            lost: ranges(damaged.lost.iter().map(|lost| lost.sequence)),
            highest,
        }];
        if let (true, Some(to)) = (damaged.sealed, &copy) {
            lines.push(sealing(self.dir, to)?);
        }
        self.ledger.append(REASON, lines)?;
        self.remove(&layout::segment_sum(damaged.folder, damaged.number))?;
        self.remove(&path)?;
        let folder = damaged.folder.path();
        match self.dir.sync_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other.during(Action::Repair, &folder)?,
        }
        Ok(kept_in)
    }

    /// Says in the ledger which records are lost, as far as anything names them.
    fn name_lost(&mut self, damaged: &Damaged) -> Result<(), Error> {
        let mut lines: Vec<Vec<LostLine>> = Vec::new();
        let mut bytes = LINE;
        for lost in &damaged.lost {
            let (Some(key), Some(version)) = (&lost.key, lost.version) else { continue };
            let line = LostLine {
                sequence: lost.sequence,
                kind: key.kind,
                id: key.id.clone(),
                version,
                started_at: lost.started_at,
            };
            bytes += key.id.as_str().len() + MEMBERS;
            match lines.last_mut().filter(|_| bytes <= LINE) {
                Some(records) => records.push(line),
                None => {
                    bytes = key.id.as_str().len() + MEMBERS;
                    lines.push(vec![line]);
                }
            }
        }
        for records in lines {
            self.ledger.append(REASON, vec![Change::Lose { records }])?;
        }
        Ok(())
    }

    /// Copies a stretch of a file into the quarantine, durably, and says so in the ledger.
    fn quarantine(
        &mut self,
        path: &str,
        number: u32,
        from: u64,
        until: u64,
        kind: &str,
    ) -> Result<Vec<String>, Error> {
        let file = self.dir.open_read(path).during(Action::Repair, path)?;
        let until = until.min(file.len().during(Action::Repair, path)?);
        let mut kept_in = Vec::new();
        let mut offset = from;
        while offset < until {
            let end = until.min(offset + PIECE);
            let mut bytes = vec![0; usize::try_from(end - offset).unwrap_or(usize::MAX)];
            file.read_exact_at(offset, &mut bytes).during(Action::Repair, path)?;
            let kept = format!("{}/{number:06}-{offset}.{kind}", layout::QUARANTINE);
            publish(self.dir, &kept, &bytes).during(Action::Repair, &kept)?;
            let change = Change::Quarantine {
                path: path.to_owned(),
                offset,
                length: end - offset,
                kept: kept.clone(),
            };
            self.ledger.append(REASON, vec![change])?;
            kept_in.push(kept);
            offset = end;
        }
        Ok(kept_in)
    }

    /// Writes the good records of a segment under the next number. Members that are good keep their packed bytes.
    fn copy(&mut self, damaged: &Damaged, path: &str, length: u64) -> Result<Unsealed, Error> {
        let mut to = self.begin(damaged.number, damaged.folder)?;
        let source = self.dir.open_read(path).during(Action::Repair, path)?;
        let identity = Identity { archive: self.archive, segment: damaged.number };
        let mut walk = Walk::new(&*source, identity, Place::START, length);
        let mut room = (Packer::new(self.level), Unpacker::new());
        let mut held = 0;
        while let Some(step) = walk.step().during(Action::Repair, path)? {
            let Step::Members(batch) = step else { continue };
            for member in batch.members.iter().filter(|member| !damaged.dropped.contains(&member.offset)) {
                let draft = draft(member, &batch, damaged, &mut room).map_err(|what| {
                    Error::damage(Action::Repair, path, format!("at byte {}: {what}", member.offset))
                })?;
                held += draft.packed.len();
                to.append(draft, member.header.archived_at);
                if held >= CHUNK {
                    to.write(self.dir).during(Action::Write, &to.path())?;
                    held = 0;
                }
            }
        }
        to.write(self.dir)
            .and_then(|()| to.sync())
            .and_then(|()| self.dir.sync_dir(&damaged.folder.path()))
            .during(Action::Write, &to.path())?;
        if to.records != damaged.kept {
            return Err(Error::damage(Action::Repair, path, "it changed while it was mended"));
        }
        Ok(to)
    }

    fn begin(&mut self, segment: u32, folder: Folder) -> Result<Unsealed, Error> {
        let number = self.next_segment;
        self.next_segment += 1;
        let open = Change::Open { segment: number, folder: FolderName(folder), copy_of: Some(segment) };
        self.ledger.append(REASON, vec![open])?;
        let mut to = Unsealed::new(Identity { archive: self.archive, segment: number }, folder);
        to.create(self.dir).during(Action::Create, &to.path())?;
        Ok(to)
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        match self.dir.remove(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).during(Action::Repair, path),
            _ => Ok(()),
        }
    }
}

/// A member as it lies, or packed anew without its wrong records.
fn draft(
    member: &Located,
    batch: &Batch,
    damaged: &Damaged,
    (packer, unpacker): &mut (Packer, Unpacker),
) -> Result<Draft, &'static str> {
    let header = &member.header;
    let packed = &batch.bytes[member.packed.clone()];
    let is_wrong = |sequence: u64| damaged.wrong.contains(&sequence);
    let checked = check::check(header, packed, unpacker)?;
    if checked.wrong.is_empty() {
        return Ok(Draft {
            entries: header.entries.clone(),
            packed: packed.to_vec(),
            packed_crc: header.packed_crc,
            raw_length: header.raw_length,
        });
    }
    let (mut entries, mut raw) = (Vec::new(), Vec::new());
    for (index, entry, _, bytes) in checked.records() {
        match (checked.wrong.contains(&index), is_wrong(entry.sequence)) {
            (false, false) => {
                entries.push(entry.clone());
                raw.extend_from_slice(bytes);
                raw.push(b'\n');
            }
            (true, true) => {}
            _ => return Err("it changed while it was mended"),
        }
    }
    let packed = packer.pack(&raw).ok_or("it cannot be packed")?;
    let packed_crc = libdeflater::crc32(&packed);
    Ok(Draft { entries, packed, packed_crc, raw_length: raw.len() as u32 })
}

/// Sequence numbers as text: `3,7-9`.
fn ranges(sequences: impl Iterator<Item = u64>) -> String {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for sequence in sequences {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == sequence => *last = sequence,
            _ => ranges.push((sequence, sequence)),
        }
    }
    let show =
        |(first, last): (u64, u64)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    ranges.into_iter().map(show).collect::<Vec<_>>().join(",")
}
