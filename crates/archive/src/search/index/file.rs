//! What an index file is: its sections, its checksums, its footer.

use std::sync::{Arc, OnceLock};

use frontdesk_durable::{Dir, Sha256Hash, sha256};
use roaring::RoaringBitmap;

use super::blocks::{BLOCK, BlockWriter, Blocks, Fault, Result, Span, Window};
use super::dictionary::Fences;
use super::held::Held;
use super::source::Which;
use crate::layout;
use crate::search::cursor::Rank;

/// The parts of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// For each document its sequence, its start, and where its tokens end.
    Docs,
    /// The documents in order of their sequence.
    Order,
    /// For each document its tokens.
    Stream,
    /// Documents with a token that is too long to be looked up.
    Opaque,
    /// One bit a token code: whether it is a word.
    Kinds,
    /// Documents by their most frequent parts of tokens.
    Grams,
    /// The tokens: in which documents the rare and the frequent ones are, how they are spelled, what is known of them.
    Lists,
    Sets,
    Words,
    Table,
    /// The same of facets.
    FacetOpaque,
    FacetLists,
    FacetSets,
    FacetWords,
    FacetTable,
}

impl Section {
    const COUNT: usize = Self::FacetTable as usize + 1;
}

/// Where the sections lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sections([Span; Section::COUNT]);

impl Sections {
    pub(super) fn get(&self, section: Section) -> Span {
        self.0[section as usize]
    }

    pub(super) fn set(&mut self, section: Section, from: u64, to: u64) {
        self.0[section as usize] = Span { offset: from, length: to - from };
    }
}

/// What the manifest says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileEntry {
    pub(super) number: u32,
    /// The sequences it answers for: every living conversation among them is in it, and no other.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) documents: u32,
    /// Words of both dictionaries: with the documents they say how much memory merging it takes.
    pub(super) words: u32,
    pub(super) length: u64,
    /// SHA-256 of its footer.
    pub(super) footer: Sha256Hash,
}

const MAGIC: &[u8; 8] = b"fdindex\x02";
const FOOTER: usize = 8 + 16 + 4 + 4 + 8 + 8 + Section::COUNT * 16 + 8 + 32;

/// An open index file.
#[derive(Debug)]
pub(crate) struct IndexFile {
    pub(crate) entry: FileEntry,
    pub(super) sections: Sections,
    blocks: Blocks,
    /// The opaque documents of texts and of facets, once somebody asked for them.
    opaque: [OnceLock<RoaringBitmap>; 2],
    /// The rank of the first document, likewise.
    pub(super) newest: OnceLock<Rank>,
    /// Some of the words of each dictionary, likewise, where blocks are held.
    pub(super) fences: [OnceLock<Fences>; 2],
}

impl IndexFile {
    /// Opens a file that the manifest names; damage when it is not that file.
    pub(super) fn open(dir: &dyn Dir, archive: &[u8; 16], entry: FileEntry) -> Result<Self> {
        Self::open_with(dir, archive, entry, |_| None)
    }

    /// The same. `held` gives what is held of a file with so many blocks, where it is.
    pub(super) fn open_with(
        dir: &dyn Dir,
        archive: &[u8; 16],
        entry: FileEntry,
        held: impl FnOnce(usize) -> Option<Arc<Held>>,
    ) -> Result<Self> {
        let file = dir.open_read(&layout::index_file(entry.number))?;
        if file.len()? != entry.length {
            return Err(Fault::Damaged("it has not the length it was written with"));
        }
        let at = entry.length.checked_sub(FOOTER as u64).ok_or(Fault::Damaged("it is too short"))?;
        let mut footer = [0; FOOTER];
        file.read_exact_at(at, &mut footer)?;
        if sha256(&footer) != entry.footer {
            return Err(Fault::Damaged("its footer is not the one it was written with"));
        }
        let (sections, covered, sums_hash) =
            decode(&footer, archive, &entry).ok_or(Fault::Damaged("its footer cannot be understood"))?;
        let sums_length = covered.div_ceil(BLOCK as u64) * 4;
        if covered + sums_length != at {
            return Err(Fault::Damaged("its checksums are not where they belong"));
        }
        let mut sums = vec![0; sums_length as usize];
        file.read_exact_at(covered, &mut sums)?;
        if sha256(&sums) != sums_hash {
            return Err(Fault::Damaged("its checksums are not those it was written with"));
        }
        let sums: Vec<u32> = sums.as_chunks().0.iter().map(|sum| u32::from_le_bytes(*sum)).collect();
        let held = held(sums.len());
        let blocks = Blocks::new(file, covered, sums, held);
        let (opaque, fences) = Default::default();
        Ok(Self { entry, sections, blocks, opaque, newest: OnceLock::new(), fences })
    }

    /// Reads all of it and compares it with its checksums.
    pub(super) fn check(&self) -> Result<()> {
        self.blocks.check()
    }

    /// What is held of it in memory.
    pub(super) fn held(&self) -> Option<&Arc<Held>> {
        self.blocks.held()
    }

    pub(super) fn window(&self) -> Window<'_> {
        self.blocks.window()
    }

    pub(super) fn passing(&self) -> Window<'_> {
        self.blocks.passing()
    }

    pub(super) fn stream(&self) -> Window<'_> {
        self.blocks.stream()
    }

    pub(super) fn narrow_stream(&self) -> Window<'_> {
        self.blocks.narrow_stream()
    }

    /// A section as a whole. For the small ones.
    pub(super) fn whole(&self, section: Section) -> Result<Vec<u8>> {
        Ok(self.window().read(self.sections.get(section))?.to_vec())
    }

    /// The documents of which some tokens, or some facets, are not in the file.
    pub(super) fn opaque(&self, which: Which) -> Result<&RoaringBitmap> {
        let place = &self.opaque[which as usize];
        let section = match which {
            Which::Text => Section::Opaque,
            Which::Facets => Section::FacetOpaque,
        };
        if let Some(known) = place.get() {
            return Ok(known);
        }
        let set = RoaringBitmap::deserialize_from(&self.whole(section)?[..])
            .map_err(|_| Fault::Damaged("a set cannot be understood"))?;
        if set.max() >= Some(self.entry.documents) && !set.is_empty() {
            return Err(Fault::Damaged("a document lies beyond the last"));
        }
        Ok(place.get_or_init(|| set))
    }
}

/// Ends a file: checksums, footer, fsync. The file counts once the manifest names it.
pub(super) fn finish(
    writer: BlockWriter,
    archive: &[u8; 16],
    sections: &Sections,
    mut entry: FileEntry,
) -> std::io::Result<FileEntry> {
    let (mut file, covered, sums) = writer.finish()?;
    let sums: Vec<u8> = sums.into_iter().flat_map(u32::to_le_bytes).collect();
    let footer = encode(archive, &entry, sections, covered, &sha256(&sums));
    file.write_at(covered, &sums)?;
    file.write_at(covered + sums.len() as u64, &footer)?;
    file.sync_all()?;
    entry.length = covered + (sums.len() + footer.len()) as u64;
    entry.footer = sha256(&footer);
    Ok(entry)
}

fn encode(
    archive: &[u8; 16],
    entry: &FileEntry,
    sections: &Sections,
    covered: u64,
    sums: &Sha256Hash,
) -> Vec<u8> {
    let mut footer = Vec::with_capacity(FOOTER);
    footer.extend_from_slice(MAGIC);
    footer.extend_from_slice(archive);
    footer.extend_from_slice(&entry.number.to_le_bytes());
    footer.extend_from_slice(&entry.documents.to_le_bytes());
    footer.extend_from_slice(&entry.first.to_le_bytes());
    footer.extend_from_slice(&entry.last.to_le_bytes());
    for span in sections.0 {
        footer.extend_from_slice(&span.offset.to_le_bytes());
        footer.extend_from_slice(&span.length.to_le_bytes());
    }
    footer.extend_from_slice(&covered.to_le_bytes());
    footer.extend_from_slice(sums);
    footer
}

fn decode(footer: &[u8], archive: &[u8; 16], entry: &FileEntry) -> Option<(Sections, u64, Sha256Hash)> {
    let (head, rest) = footer.split_first_chunk::<48>()?;
    let mut expected = MAGIC.to_vec();
    expected.extend_from_slice(archive);
    expected.extend_from_slice(&entry.number.to_le_bytes());
    expected.extend_from_slice(&entry.documents.to_le_bytes());
    expected.extend_from_slice(&entry.first.to_le_bytes());
    expected.extend_from_slice(&entry.last.to_le_bytes());
    if head[..] != expected[..] {
        return None;
    }
    let (numbers, sums) = rest.split_last_chunk::<32>()?;
    let mut numbers = numbers.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number));
    let mut sections = Sections::default();
    for span in &mut sections.0 {
        *span = Span { offset: numbers.next()?, length: numbers.next()? };
    }
    let covered = numbers.next()?;
    let inside = |span: &Span| span.offset.checked_add(span.length).is_some_and(|end| end <= covered);
    (sections.0.iter().all(inside) && covered <= entry.length).then_some((sections, covered, *sums))
}
