//! One record's exact bytes, or an error: never other bytes.

use std::io;

use frontdesk_domain::payload;
use frontdesk_domain::{RecordKey, Timestamp};
use frontdesk_durable::{Dir, ReadAt, Sha256Hash, sha256};

use crate::catalog::{Catalog, Found, MemberRow};
use crate::error::{Action, During, Error};
use crate::layout;
use crate::reader::Reader;
use crate::segment::check;
use crate::segment::header::Header;
use crate::segment::pack::Unpacker;

/// A stored record.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// What it is found by.
    pub key: RecordKey,
    /// Its version, from 1.
    pub version: u32,
    /// Its place in the order in which the archive's records were stored.
    pub sequence: u64,
    /// SHA-256 of its bytes.
    pub sha256: Sha256Hash,
    /// Its exact bytes, without a newline. They hash to `sha256`: this was checked.
    pub bytes: Vec<u8>,
    /// When its conversation started.
    pub started_at: Option<Timestamp>,
    /// When it was stored.
    pub archived_at: Timestamp,
    /// The segment it lies in, relative to the archive's folder.
    pub segment: String,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("key", &self.key)
            .field("version", &self.version)
            .field("length", &self.bytes.len())
            .field("segment", &self.segment)
            .finish_non_exhaustive()
    }
}

/// What stands between a catalog's row and the record's bytes.
#[derive(Clone)]
pub(crate) enum Trouble {
    /// The stored bytes are wrong.
    Damaged(String),
    /// The stored bytes are sound and not what the catalog says.
    Misled,
    /// The segment is not there.
    Missing,
}

/// How often a segment may be replaced while one record is looked for.
const LOOKS: u32 = 3;

impl Reader {
    /// The record of a key: of the version asked for, else the latest. `None` when there is none.
    ///
    /// Before bytes are returned, the member's checksums, the record's SHA-256 and its id are compared.
    ///
    /// # Errors
    /// `Damage` when the record is not what was stored, naming the segment and the place; what the file system
    /// says.
    pub fn show(&self, key: &RecordKey, version: Option<u32>) -> Result<Option<Record>, Error> {
        self.fetch(|catalog| catalog.find(key, version))
    }

    /// The record with this sequence, as [`Reader::show`] gives it.
    pub(crate) fn show_sequence(&self, sequence: u64) -> Result<Option<Record>, Error> {
        self.fetch(|catalog| catalog.by_sequence()?(sequence))
    }

    /// The same of several: records of one member are read at once. Conversations that cannot be read are `None`.
    pub(crate) fn show_sequences(&self, sequences: &[u64]) -> Result<Vec<Option<Record>>, Error> {
        let found = self.rows_of(sequences)?;
        let mut rows: Vec<(usize, Found)> =
            found.into_iter().enumerate().filter_map(|(at, found)| Some((at, found?))).collect();
        let place = |found: &Found| (found.member.segment, found.member.offset);
        rows.sort_unstable_by_key(|(_, found)| place(found));
        let mut records: Vec<Option<Record>> = sequences.iter().map(|_| None).collect();
        let mut unpacker = Unpacker::new();
        let mut segment: Option<(String, io::Result<Box<dyn ReadAt>>)> = None;
        for rows in rows.chunk_by(|(_, one), (_, other)| place(one) == place(other)) {
            let Some((_, first)) = rows.first() else { continue };
            let path = layout::segment(first.folder, first.member.segment);
            if segment.as_ref().is_none_or(|(open, _)| *open != path) {
                segment = Some((path.clone(), self.dir.open_read(&path)));
            }
            let Some((_, Ok(file))) = &segment else { continue };
            let Ok(Ok(member)) = read_member_of(&**file, &first.member) else { continue };
            // No further than the last of them; each is compared with its hash.
            let wanted = rows.iter().map(|(_, found)| found.start as usize + found.length as usize).max();
            let archive = self.format.archive();
            let Ok(member) = open_until(&member, archive, &first.member, wanted, &mut unpacker) else {
                continue;
            };
            for (at, found) in rows {
                records[*at] = member
                    .record(found)
                    .ok()
                    .map(|bytes| record(found.clone(), path.clone(), bytes.to_vec()));
            }
        }
        // What is not as expected is looked at once more by itself, and with more care.
        for (record, sequence) in records.iter_mut().zip(sequences).filter(|(record, _)| record.is_none()) {
            *record = match self.show_sequence(*sequence) {
                Err(error) if error.is_integrity_failure() => None,
                other => other?,
            };
        }
        Ok(records)
    }

    /// What the catalog knows of records, at one moment.
    pub(crate) fn rows_of(&self, sequences: &[u64]) -> Result<Vec<Option<Found>>, Error> {
        self.ask(|catalog| {
            let _moment = catalog.reading()?;
            let mut by_sequence = catalog.by_sequence()?;
            sequences.iter().map(|sequence| by_sequence(*sequence)).collect()
        })
    }

    fn fetch(
        &self,
        look: impl Fn(&Catalog) -> Result<Option<Found>, Error>,
    ) -> Result<Option<Record>, Error> {
        let mut looks = 0;
        loop {
            let Some(found) = self.ask(&look)? else { return Ok(None) };
            let path = layout::segment(found.folder, found.member.segment);
            match read(&*self.dir, &path, self.format.archive(), &found) {
                Ok(Ok(bytes)) => return Ok(Some(record(found, path, bytes))),
                Ok(Err(Trouble::Misled)) if self.distrust_catalog()? => {
                    tracing::warn!(
                        "the catalog contradicts the segments: answers come from one built for this command"
                    );
                }
                Ok(Err(Trouble::Misled | Trouble::Missing)) => {
                    return Err(Error::damage(
                        Action::Show,
                        path,
                        "the catalog does not agree with the member",
                    ));
                }
                Ok(Err(Trouble::Damaged(what))) => {
                    let what = format!("at byte {}: {what}", found.member.offset);
                    return Err(Error::damage(Action::Show, path, what));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // A writer may have put a copy in its place since the catalog was asked.
                    looks += 1;
                    self.refresh()?;
                    let again = self.ask(&look)?;
                    let same = again.is_some_and(|again| again.member.segment == found.member.segment);
                    if same || looks > LOOKS {
                        return Err(Error::damage(Action::Show, path, "the segment is missing"));
                    }
                }
                Err(error) => return Err(error).during(Action::Show, &path),
            }
        }
    }
}

fn record(found: Found, segment: String, bytes: Vec<u8>) -> Record {
    let started_at = found.started_at();
    Record {
        key: found.key,
        version: found.version,
        sequence: found.sequence,
        sha256: found.sha256,
        bytes,
        started_at,
        archived_at: Timestamp::from_micros(found.member.archived_at).unwrap_or(Timestamp::UNIX_EPOCH),
        segment,
    }
}

fn read(dir: &dyn Dir, path: &str, archive: [u8; 16], found: &Found) -> io::Result<Result<Vec<u8>, Trouble>> {
    let mut unpacker = Unpacker::new();
    Ok(match read_member(dir, path, &found.member)? {
        Ok(member) => open(&member, archive, &found.member, &mut unpacker)
            .and_then(|member| member.record(found).map(<[u8]>::to_vec)),
        Err(trouble) => Err(trouble),
    })
}

/// The bytes of a member, as the catalog says where it lies.
pub(crate) fn read_member(
    dir: &dyn Dir,
    path: &str,
    member: &MemberRow,
) -> io::Result<Result<Vec<u8>, Trouble>> {
    read_member_of(&*dir.open_read(path)?, member)
}

/// The same of a segment that is open.
fn read_member_of(file: &dyn ReadAt, member: &MemberRow) -> io::Result<Result<Vec<u8>, Trouble>> {
    let end = member.offset.saturating_add(member.length);
    if end > file.len()? {
        return Ok(Err(Trouble::Damaged("the segment ends before the record".to_owned())));
    }
    let mut bytes = vec![0; usize::try_from(member.length).map_err(io::Error::other)?];
    file.read_exact_at(member.offset, &mut bytes)?;
    Ok(Ok(bytes))
}

/// A member that was checked and inflated.
pub(crate) struct OpenMember<'b> {
    header: Header,
    block: &'b [u8],
}

/// Checks a member's bytes against what the catalog says of it, and inflates it.
pub(crate) fn open<'b>(
    member: &[u8],
    archive: [u8; 16],
    row: &MemberRow,
    unpacker: &'b mut Unpacker,
) -> Result<OpenMember<'b>, Trouble> {
    open_until(member, archive, row, None, unpacker)
}

/// The same, inflated up to a place in its contents where one is given.
fn open_until<'b>(
    member: &[u8],
    archive: [u8; 16],
    row: &MemberRow,
    until: Option<usize>,
    unpacker: &'b mut Unpacker,
) -> Result<OpenMember<'b>, Trouble> {
    let (header, header_length) =
        Header::decode(member).map_err(|fault| Trouble::Damaged(fault.to_string()))?;
    let packed = &member[header_length..];
    if header.archive != archive || header.segment != row.segment {
        return Err(Trouble::Damaged("the member belongs elsewhere".to_owned()));
    }
    if header.number != row.number || packed.len() != header.packed_length as usize {
        return Err(Trouble::Misled);
    }
    let block = match until {
        Some(until) => check::inflate_first(&header, packed, until, unpacker),
        None => check::inflate(&header, packed, unpacker),
    };
    let block = block.map_err(|what| Trouble::Damaged(what.to_owned()))?;
    Ok(OpenMember { header, block })
}

impl<'b> OpenMember<'b> {
    /// The bytes of a record, compared with its hash, its id and all that the catalog says of it.
    pub(crate) fn record(&self, found: &Found) -> Result<&'b [u8], Trouble> {
        let spanned = self.header.spans().find(|(entry, _)| entry.sequence == found.sequence);
        let (entry, span) = spanned.ok_or(Trouble::Misled)?;
        let agrees = entry.kind == found.key.kind
            && entry.version == found.version
            && entry.sha256 == found.sha256
            && span.start == found.start as usize
            && entry.length == found.length;
        if !agrees {
            return Err(Trouble::Misled);
        }
        let bytes = self.block.get(span).ok_or(Trouble::Misled)?;
        if sha256(bytes) != entry.sha256 {
            return Err(Trouble::Damaged("the record is not what its hash says".to_owned()));
        }
        let id = entry.id.clone().or_else(|| payload::carries_id(entry.kind, bytes));
        if id.as_ref() != Some(&found.key.id) {
            return Err(Trouble::Misled);
        }
        Ok(bytes)
    }
}
