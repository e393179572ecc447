//! The header of one member: the gzip header with its extra field, byte for byte.
//!
//! `docs/archive-format.md` describes the same bytes for a stranger; a change here is a change there.

use std::fmt;

use frontdesk_domain::{RecordId, RecordKind};
use sha2::{Digest, Sha256};

use super::varint;

/// Every member begins with these bytes: gzip, deflate, an extra field and nothing else, no time,
/// no operating system. Anything else is not ours, so each bit of them is checked.
pub(crate) const GZIP_START: [u8; 10] = [0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff];

/// The version of the member's layout.
pub(crate) const LAYOUT: u8 = 1;

/// A member ends before its extra field would pass this. gzip's own limit is 65,535.
pub(crate) const EXTRA_LIMIT: usize = 65_000;

/// Raw bytes of a block, newlines included. A longer record is a block alone.
pub(crate) const BLOCK: usize = 64 * 1024;

/// The longest record taken. The contract caps a response body at 64 MiB, and a record is part of one.
pub const RECORD_LIMIT: usize = 64 * 1024 * 1024;

const SUBFIELD: [u8; 2] = *b"FD";
/// Gzip start, XLEN, subfield id and subfield length.
const PREFIX: usize = 16;
/// Everything before the first record entry.
const FIXED: usize = 103;
const CRC: usize = 4;
/// The shortest header there is: one entry of flags, one length byte and a hash.
const SHORTEST: usize = FIXED + 1 + 1 + 32 + CRC;

const KIND_BITS: u8 = 0b0000_0111;
const HAS_GAP: u8 = 0b0000_1000;
const HAS_VERSION: u8 = 0b0001_0000;
const HAS_ID: u8 = 0b0010_0000;

/// A SHA-256 value.
pub(crate) type Hash = frontdesk_durable::Sha256Hash;

/// What a member says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The archive this member belongs to.
    pub(crate) archive: [u8; 16],
    /// The segment it was written to.
    pub(crate) segment: u32,
    /// Its place in the segment, from 0.
    pub(crate) number: u32,
    /// SHA-256 of the header of the member before it; zeros for the first.
    pub(crate) previous: Hash,
    /// Bytes after the header: the deflate stream and the eight bytes of the gzip trailer.
    pub(crate) packed_length: u32,
    /// Bytes the deflate stream inflates to.
    pub(crate) raw_length: u32,
    /// When it was written, in microseconds since 1970.
    pub(crate) archived_at: i64,
    /// CRC-32 of the packed bytes, so that padding bits of the deflate stream count too.
    pub(crate) packed_crc: u32,
    /// One entry for each line.
    pub(crate) entries: Vec<Entry>,
}

/// What a member says about one of its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) sequence: u64,
    pub(crate) kind: RecordKind,
    /// Bytes of the record, without the newline that ends its line.
    pub(crate) length: u32,
    pub(crate) version: u32,
    pub(crate) sha256: Hash,
    /// The record's id, where its payload does not carry it.
    pub(crate) id: Option<RecordId>,
}

/// Why bytes are not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes end before the header does.
    Short,
    /// The fixed gzip bytes are not ours.
    Gzip,
    /// The extra field is not one subfield of ours.
    Subfield,
    /// The checksum of the header does not match.
    Crc,
    /// A layout this version does not know.
    Layout,
    /// The fields contradict each other.
    Fields(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Short => "the member's header is cut short",
            Fault::Gzip => "the fixed gzip bytes of a member are wrong",
            Fault::Subfield => "the extra field of a member is not ours",
            Fault::Crc => "the checksum of a member's header does not match",
            Fault::Layout => "a member has a layout this version does not know",
            Fault::Fields(what) => what,
        })
    }
}

impl Entry {
    /// Bytes this entry takes when the entry before it has sequence `before`.
    pub(crate) fn encoded_length(&self, before: Option<u64>) -> usize {
        let mut length = 1 + varint::length(u64::from(self.length)) + 32;
        if let Some(gap) = self.gap(before) {
            length += varint::length(gap);
        }
        if self.version != 1 {
            length += varint::length(u64::from(self.version));
        }
        if let Some(id) = &self.id {
            length += varint::length(id.as_str().len() as u64) + id.as_str().len();
        }
        length
    }

    fn gap(&self, before: Option<u64>) -> Option<u64> {
        // The first entry's sequence is in the fixed part.
        before.map(|before| self.sequence - (before + 1)).filter(|&gap| gap != 0)
    }
}

impl Header {
    /// Bytes of a header's extra field that are there whatever the records are.
    pub(crate) const EXTRA_OVERHEAD: usize = FIXED + CRC - 12;

    /// Appends the header's bytes to `out` and returns their hash, which the next member names.
    ///
    /// The caller keeps the extra field within [`EXTRA_LIMIT`] and sequences rising.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) -> Hash {
        let start = out.len();
        out.extend_from_slice(&GZIP_START);
        out.extend_from_slice(&[0, 0]); // XLEN, known at the end
        out.extend_from_slice(&SUBFIELD);
        out.extend_from_slice(&[0, 0]); // its length, known at the end
        out.push(LAYOUT);
        out.extend_from_slice(&self.archive);
        out.extend_from_slice(&self.segment.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.previous);
        out.extend_from_slice(&self.packed_length.to_le_bytes());
        out.extend_from_slice(&self.raw_length.to_le_bytes());
        out.extend_from_slice(&self.archived_at.to_le_bytes());
        out.extend_from_slice(&self.packed_crc.to_le_bytes());
        out.extend_from_slice(&self.entries.first().map_or(0, |entry| entry.sequence).to_le_bytes());
        let count = u16::try_from(self.entries.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&count.to_le_bytes());
        let mut before = None;
        for entry in &self.entries {
            encode_entry(entry, before, out);
            before = Some(entry.sequence);
        }
        let extra = out.len() + CRC - start - 12;
        debug_assert!(extra <= EXTRA_LIMIT, "the assembler ends a member before its header is too long");
        let extra = u16::try_from(extra).unwrap_or(u16::MAX);
        out[start + 10..start + 12].copy_from_slice(&extra.to_le_bytes());
        out[start + 14..start + 16].copy_from_slice(&(extra - 4).to_le_bytes());
        let crc = libdeflater::crc32(&out[start..]);
        out.extend_from_slice(&crc.to_le_bytes());
        hash(&out[start..])
    }

    /// The length of the header that begins at `bytes`, once its first sixteen bytes are there.
    ///
    /// # Errors
    /// [`Fault::Short`] when they are not, [`Fault::Gzip`] and [`Fault::Subfield`] when they are not ours.
    pub(crate) fn length(bytes: &[u8]) -> Result<usize, Fault> {
        let start = bytes.len().min(GZIP_START.len());
        if bytes[..start] != GZIP_START[..start] {
            return Err(Fault::Gzip);
        }
        if bytes.len() < PREFIX {
            return Err(Fault::Short);
        }
        let extra = usize::from(u16::from_le_bytes([bytes[10], bytes[11]]));
        let subfield = usize::from(u16::from_le_bytes([bytes[14], bytes[15]]));
        let length = 12 + extra;
        if bytes[12..14] != SUBFIELD || extra != subfield + 4 || extra > EXTRA_LIMIT || length < SHORTEST {
            return Err(Fault::Subfield);
        }
        Ok(length)
    }

    /// Reads the header at the beginning of `bytes`; returns it with its length.
    ///
    /// Only the one canonical form is accepted: encoding the result gives the same bytes again.
    ///
    /// # Errors
    /// Says why the bytes are not a header.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Header, usize), Fault> {
        let length = Self::length(bytes)?;
        let Some(bytes) = bytes.get(..length) else { return Err(Fault::Short) };
        let (body, crc) = bytes.split_at(length - CRC);
        if libdeflater::crc32(body).to_le_bytes() != *crc {
            return Err(Fault::Crc);
        }
        let mut rest = Fields { bytes: &body[PREFIX..] };
        if rest.array::<1>()? != [LAYOUT] {
            return Err(Fault::Layout);
        }
        let mut header = Header {
            archive: rest.array()?,
            segment: u32::from_le_bytes(rest.array()?),
            number: u32::from_le_bytes(rest.array()?),
            previous: rest.array()?,
            packed_length: u32::from_le_bytes(rest.array()?),
            raw_length: u32::from_le_bytes(rest.array()?),
            archived_at: i64::from_le_bytes(rest.array()?),
            packed_crc: u32::from_le_bytes(rest.array()?),
            entries: Vec::new(),
        };
        let first = u64::from_le_bytes(rest.array()?);
        let count = u16::from_le_bytes(rest.array()?);
        if count == 0 {
            return Err(Fault::Fields("a member holds no record"));
        }
        header.entries.reserve(usize::from(count));
        let mut before = None;
        for _ in 0..count {
            let entry = rest.entry(first, before)?;
            before = Some(entry.sequence);
            header.entries.push(entry);
        }
        if !rest.bytes.is_empty() {
            return Err(Fault::Fields("a member's header holds more than it says"));
        }
        header.check_lengths()?;
        Ok((header, length))
    }

    /// Where each record lies in the inflated block: start and length, the newline left out.
    pub(crate) fn spans(&self) -> impl Iterator<Item = (&Entry, std::ops::Range<usize>)> {
        let mut start = 0_usize;
        self.entries.iter().map(move |entry| {
            let span = start..start + entry.length as usize;
            start = span.end + 1;
            (entry, span)
        })
    }

    fn check_lengths(&self) -> Result<(), Fault> {
        let lines: u64 = self.entries.iter().map(|entry| u64::from(entry.length) + 1).sum();
        if lines != u64::from(self.raw_length) {
            return Err(Fault::Fields("the lengths of a member's records do not add up"));
        }
        // So no header makes a reader inflate more than the longest record there can be.
        if self.entries.len() > 1 && lines > BLOCK as u64 {
            return Err(Fault::Fields("a member's block is longer than a block may be"));
        }
        // Deflate stores at worst five bytes a block more than it was given; a trailer has eight.
        // A packed length far beyond that would only make a reader ask for memory.
        if u64::from(self.packed_length) > lines + lines / 1_000 + 64 || self.packed_length < 10 {
            return Err(Fault::Fields("the packed length of a member cannot be right"));
        }
        Ok(())
    }
}

/// SHA-256 of a header's bytes.
pub(crate) fn hash(header: &[u8]) -> Hash {
    Sha256::digest(header).into()
}

fn encode_entry(entry: &Entry, before: Option<u64>, out: &mut Vec<u8>) {
    let gap = entry.gap(before);
    let mut flags = entry.kind.code();
    if gap.is_some() {
        flags |= HAS_GAP;
    }
    if entry.version != 1 {
        flags |= HAS_VERSION;
    }
    if entry.id.is_some() {
        flags |= HAS_ID;
    }
    out.push(flags);
    if let Some(gap) = gap {
        varint::encode(gap, out);
    }
    varint::encode(u64::from(entry.length), out);
    if entry.version != 1 {
        varint::encode(u64::from(entry.version), out);
    }
    out.extend_from_slice(&entry.sha256);
    if let Some(id) = &entry.id {
        varint::encode(id.as_str().len() as u64, out);
        out.extend_from_slice(id.as_str().as_bytes());
    }
}

/// What is left of a header's bytes.
struct Fields<'a> {
    bytes: &'a [u8],
}

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let (head, rest) = self.bytes.split_first_chunk::<N>().ok_or(Fault::Short)?;
        self.bytes = rest;
        Ok(*head)
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let (value, rest) = varint::decode(self.bytes)
            .ok_or(Fault::Fields("a number in a member's header is not canonical"))?;
        self.bytes = rest;
        Ok(value)
    }

    fn entry(&mut self, first: u64, before: Option<u64>) -> Result<Entry, Fault> {
        let [flags] = self.array()?;
        if flags & !(KIND_BITS | HAS_GAP | HAS_VERSION | HAS_ID) != 0 {
            return Err(Fault::Fields("a record has flags this version does not know"));
        }
        let kind = RecordKind::from_code(flags & KIND_BITS)
            .ok_or(Fault::Fields("a record is of a kind this version does not know"))?;
        let gap = if flags & HAS_GAP != 0 { Some(self.varint()?) } else { None };
        let sequence = match (before, gap) {
            (None, None) => first,
            (None, Some(_)) | (Some(_), Some(0)) => {
                return Err(Fault::Fields("a record states a gap that is not there"));
            }
            (Some(before), gap) => before
                .checked_add(1)
                .and_then(|next| next.checked_add(gap.unwrap_or(0)))
                .ok_or(Fault::Fields("a sequence number is too large"))?,
        };
        // SQLite's integers are signed; no archive gets there.
        if sequence == 0 || sequence > i64::MAX as u64 {
            return Err(Fault::Fields("a sequence number is out of range"));
        }
        let length = u32::try_from(self.varint()?)
            .ok()
            .filter(|&length| length >= 1 && length as usize <= RECORD_LIMIT)
            .ok_or(Fault::Fields("the length of a record is out of range"))?;
        let version = if flags & HAS_VERSION == 0 {
            1
        } else {
            u32::try_from(self.varint()?)
                .ok()
                .filter(|&version| version >= 2)
                .ok_or(Fault::Fields("the version of a record is out of range"))?
        };
        let sha256 = self.array()?;
        let id = if flags & HAS_ID == 0 { None } else { Some(self.id()?) };
        Ok(Entry { sequence, kind, length, version, sha256, id })
    }

    fn id(&mut self) -> Result<RecordId, Fault> {
        let wrong = Fault::Fields("the id of a record cannot be read");
        let length = usize::try_from(self.varint()?).map_err(|_| wrong)?;
        let (id, rest) = self.bytes.split_at_checked(length).ok_or(wrong)?;
        self.bytes = rest;
        let id = std::str::from_utf8(id).map_err(|_| wrong)?;
        RecordId::new(id).map_err(|_| wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = (u64, Entry)> {
        let id = proptest::option::of("\\PC{1,40}".prop_map(|id| RecordId::new(id).unwrap()));
        let gap = prop_oneof![3 => Just(0_u64), 1 => 1..1_000_000_u64];
        let version = prop_oneof![3 => Just(1_u32), 1 => 2..u32::MAX];
        (gap, 0..4_usize, 1..3_000_u32, version, any::<[u8; 32]>(), id).prop_map(
            |(gap, kind, length, version, sha256, id)| {
                (gap, Entry { sequence: 0, kind: RecordKind::ALL[kind], length, version, sha256, id })
            },
        )
    }

    fn header() -> impl Strategy<Value = Header> {
        let entries = proptest::collection::vec(entry(), 1..20);
        (
            any::<[u8; 16]>(),
            any::<u32>(),
            any::<u32>(),
            any::<[u8; 32]>(),
            any::<i64>(),
            any::<u32>(),
            1..1_000_u64,
            entries,
        )
            .prop_map(
                |(archive, segment, number, previous, archived_at, packed_crc, first, entries)| {
                    let mut sequence = first - 1;
                    let entries: Vec<Entry> = entries
                        .into_iter()
                        .enumerate()
                        .map(|(index, (gap, entry))| {
                            sequence += 1 + if index == 0 { 0 } else { gap };
                            Entry { sequence, ..entry }
                        })
                        .collect();
                    let raw_length = entries.iter().map(|entry| entry.length + 1).sum();
                    let packed_length = 10 + raw_length / 2;
                    Header {
                        archive,
                        segment,
                        number,
                        previous,
                        packed_length,
                        raw_length,
                        archived_at,
                        packed_crc,
                        entries,
                    }
                },
            )
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_encoded_is_decoded(header in header(), tail: Vec<u8>) {
            let mut bytes = vec![7; 3];
            let hashed = header.encode(&mut bytes);
            let bytes = bytes.split_off(3);
            prop_assert_eq!(hashed, hash(&bytes));
            let mut before = None;
            let entries: usize = header.entries.iter().map(|entry| {
                let length = entry.encoded_length(before);
                before = Some(entry.sequence);
                length
            }).sum();
            prop_assert_eq!(bytes.len(), 12 + Header::EXTRA_OVERHEAD + entries);
            let length = bytes.len();
            let with_tail = [bytes, tail].concat();
            prop_assert_eq!(Header::decode(&with_tail), Ok((header, length)));
        }

        #[test]
        fn no_flipped_bit_and_no_cut_passes(header in header(), place: prop::sample::Index) {
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            prop_assert!(Header::decode(&bytes[..place.index(bytes.len())]).is_err());
            let bit = place.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Header::decode(&bytes).is_err());
        }

        #[test]
        fn bytes_that_pass_are_the_one_spelling(header in header(), place: prop::sample::Index, byte: u8) {
            // A change with a right checksum: refused, or exactly what would be written.
            let mut bytes = Vec::new();
            header.encode(&mut bytes);
            let end = bytes.len() - CRC;
            let at = 16 + place.index(end - 16);
            bytes[at] = byte;
            let crc = libdeflater::crc32(&bytes[..end]).to_le_bytes();
            bytes[end..].copy_from_slice(&crc);
            if let Ok((changed, _)) = Header::decode(&bytes) {
                let mut again = Vec::new();
                changed.encode(&mut again);
                prop_assert_eq!(again, bytes);
            }
        }

        #[test]
        fn a_block_of_several_records_is_no_longer_than_a_block(header in header()) {
            let mut header = header;
            prop_assume!(header.entries.len() > 1);
            let rest: u32 = header.entries[1..].iter().map(|entry| entry.length + 1).sum();
            for (raw_length, fits) in [(BLOCK as u32, true), (BLOCK as u32 + 1, false)] {
                header.entries[0].length = raw_length - rest - 1;
                (header.raw_length, header.packed_length) = (raw_length, raw_length);
                let mut bytes = Vec::new();
                header.encode(&mut bytes);
                prop_assert_eq!(Header::decode(&bytes).is_ok(), fits);
            }
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_a_panic(bytes: Vec<u8>) {
            let _ = Header::decode(&bytes);
        }
    }
}
