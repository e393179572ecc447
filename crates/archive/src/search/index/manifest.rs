//! `search/MANIFEST`: which files the index is, what is dead in them, and how far they go.

use frontdesk_durable::{Dir, Sha256Hash, publish, read_whole, sha256};
use roaring::RoaringBitmap;

use super::blocks::{Fault, Result};
use super::file::FileEntry;
use crate::catalog::Covered;
use crate::error::{Action, During, Error};
use crate::layout;

const MAGIC: &[u8; 8] = b"fdsearch";
const VERSION: u32 = 5;

/// More than a manifest has: a bitmap of a file with a million documents takes 128 KiB.
const LIMIT: u64 = 256 * 1024 * 1024;

/// A file, and its documents that are no longer the latest version or no longer kept.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listed {
    pub(crate) entry: FileEntry,
    pub(crate) dead: RoaringBitmap,
}

/// The whole of the index, at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    /// Raised with every change; a place in a ranked answer is one of this generation.
    pub(crate) generation: u64,
    /// The number of the next file. No number is used twice while this file is there.
    pub(super) next: u32,
    /// Every living conversation up to this sequence is in one of the files.
    pub(crate) upto: u64,
    /// What the catalog had up to there.
    pub(crate) covered: Covered,
    /// In order of their sequences, without overlap.
    pub(crate) files: Vec<Listed>,
}

impl Manifest {
    /// Of an index that has nothing yet.
    pub(super) fn new(next: u32) -> Self {
        Self { generation: 0, next, upto: 0, covered: Covered::default(), files: Vec::new() }
    }

    /// The manifest of an archive; `None` when there is none.
    pub(crate) fn read(dir: &dyn Dir, archive: &[u8; 16]) -> Result<Option<Self>> {
        Self::bytes(dir)?.map(|bytes| Self::read_from(&bytes, archive)).transpose()
    }

    /// The bytes of the manifest, whatever they say; `None` when there is none.
    pub(super) fn bytes(dir: &dyn Dir) -> Result<Option<Vec<u8>>> {
        match read_whole(dir, layout::SEARCH_MANIFEST, LIMIT) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The manifest in these bytes.
    pub(super) fn read_from(bytes: &[u8], archive: &[u8; 16]) -> Result<Self> {
        let damaged = Fault::Damaged("the manifest is damaged, or of another archive or version");
        Self::decode(bytes, archive).ok_or(damaged)
    }

    /// Puts this manifest in the place of the one before, durably.
    pub(super) fn publish(&self, dir: &dyn Dir, archive: &[u8; 16]) -> std::result::Result<(), Error> {
        publish(dir, layout::SEARCH_MANIFEST, &self.encode(archive)?)
            .during(Action::Index, layout::SEARCH_MANIFEST)
    }

    fn encode(&self, archive: &[u8; 16]) -> std::result::Result<Vec<u8>, Error> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(archive);
        out.extend_from_slice(&self.generation.to_le_bytes());
        out.extend_from_slice(&self.next.to_le_bytes());
        out.extend_from_slice(&self.upto.to_le_bytes());
        for number in [self.covered.records, self.covered.conversations, self.covered.last] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.covered.last_sha256);
        out.extend_from_slice(&(self.files.len() as u32).to_le_bytes());
        for Listed { entry, dead } in &self.files {
            out.extend_from_slice(&entry.number.to_le_bytes());
            out.extend_from_slice(&entry.documents.to_le_bytes());
            out.extend_from_slice(&entry.words.to_le_bytes());
            for number in [entry.first, entry.last, entry.length] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            out.extend_from_slice(&entry.footer);
            out.extend_from_slice(&(dead.serialized_size() as u32).to_le_bytes());
            dead.serialize_into(&mut out).during(Action::Index, layout::SEARCH_MANIFEST)?;
        }
        let hash = sha256(&out);
        out.extend_from_slice(&hash);
        Ok(out)
    }

    fn decode(bytes: &[u8], archive: &[u8; 16]) -> Option<Self> {
        let (body, hash) = bytes.split_last_chunk::<32>()?;
        if sha256(body) != *hash {
            return None;
        }
        let mut rest = Rest(body);
        if rest.array()? != *MAGIC || rest.u32()? != VERSION || rest.array::<16>()? != *archive {
            return None;
        }
        let (generation, next, upto) = (rest.u64()?, rest.u32()?, rest.u64()?);
        let (records, conversations, last) = (rest.u64()?, rest.u64()?, rest.u64()?);
        let covered = Covered { records, conversations, last, last_sha256: rest.array()? };
        let count = rest.u32()?;
        let mut files = Vec::new();
        for _ in 0..count {
            let (number, documents, words) = (rest.u32()?, rest.u32()?, rest.u32()?);
            let (first, last, length) = (rest.u64()?, rest.u64()?, rest.u64()?);
            let footer: Sha256Hash = rest.array()?;
            let size = rest.u32()?;
            let dead = RoaringBitmap::deserialize_from(rest.take(size as usize)?).ok()?;
            let entry = FileEntry { number, first, last, documents, words, length, footer };
            files.push(Listed { entry, dead });
        }
        rest.0.is_empty().then_some(Self { generation, next, upto, covered, files })
    }
}

/// What is not read yet.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn take(&mut self, count: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }
}
