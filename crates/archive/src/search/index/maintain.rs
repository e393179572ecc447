//! Keeping the index: flush, merge, repair, strike out. One thread at a time, under the writer's lock.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

use frontdesk_domain::fold::{fold, fold_into};
use frontdesk_domain::query::{HAS_ATTACHMENT, IS_CHANGED};
use frontdesk_domain::{RecordKind, payload};
use frontdesk_durable::{Dir, EntryKind, ensure_dir, sweep_stages};
use roaring::RoaringBitmap;

use super::builder::Builder;
use super::file::{FileEntry, IndexFile};
use super::manifest::{Listed, Manifest};
use super::source::Source;
use super::write::{self, Target, Unwritten};
use super::{Documents, Fault, Fed, merge};
use crate::catalog::{self, Catalog, Found};
use crate::error::{Action, During, Error, ErrorKind};
use crate::layout;
use crate::search::cursor::Rank;
use crate::search::records;

/// Rows and record bytes that are read from the segments at a time.
const PAGE: usize = 1024;
const PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Why the index could not be kept.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The archive says so.
    Archive(Error),
    /// Its own files do.
    Index(Unwritten),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Archive(error) => error.fmt(f),
            Self::Index(Unwritten::Source(fault)) => write!(f, "a file of the search index: {fault}"),
            Self::Index(Unwritten::Target(error)) => {
                write!(f, "a file of the search index could not be written: {}", error.kind())
            }
            Self::Index(Unwritten::Stopped) => f.write_str("the writer was dropped"),
        }
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Archive(error)
    }
}

impl From<Unwritten> for Failed {
    fn from(unwritten: Unwritten) -> Self {
        Self::Index(unwritten)
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self::Index(Unwritten::Source(fault))
    }
}

type Result<T> = std::result::Result<T, Failed>;

/// A merge that goes on in a thread of its own.
struct Merging {
    /// The files it replaces.
    first: u64,
    last: u64,
    /// What was struck out since it began.
    struck: Vec<u64>,
    thread: JoinHandle<std::result::Result<FileEntry, Unwritten>>,
}

/// The index of an archive, open for changes.
pub(super) struct Keeper {
    dir: Arc<dyn Dir>,
    archive: [u8; 16],
    catalog: Catalog,
    manifest: Manifest,
    builder: Builder,
    /// Everything up to this sequence is in a file or in the builder.
    seen: u64,
    /// Whether there is any transcript, as far as is known.
    transcripts: bool,
    /// Sequences to strike out in the files.
    struck: Vec<u64>,
    merging: Option<Merging>,
    stop: Arc<AtomicBool>,
    room: String,
}

impl Keeper {
    /// Opens the index, or begins a new one where there is none that fits the catalog.
    pub(super) fn open(dir: Arc<dyn Dir>, archive: [u8; 16], stop: Arc<AtomicBool>) -> Result<Self> {
        ensure_dir(&*dir, layout::SEARCH).during(Action::Index, layout::SEARCH)?;
        sweep_stages(&*dir, layout::SEARCH).during(Action::Index, layout::SEARCH)?;
        let Some(catalog) = catalog::open_for_reading(&*dir)? else {
            return Err(Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog).into());
        };
        let found = match Manifest::read(&*dir, &archive) {
            Ok(found) => found,
            Err(fault) => {
                tracing::info!(%fault, "the search index is made again");
                None
            }
        };
        let fits = |manifest: &Manifest| -> Result<bool> {
            let covered = catalog.covered(&archive, manifest.upto)?;
            let same =
                (covered.last, covered.last_sha256) == (manifest.covered.last, manifest.covered.last_sha256);
            Ok(same && manifest.upto <= catalog.highest()?)
        };
        let manifest = match found {
            Some(manifest) if fits(&manifest)? => manifest,
            _ => {
                let manifest = Manifest::new(next_number(&*dir)?);
                manifest.publish(&*dir, &archive)?;
                manifest
            }
        };
        let seen = manifest.upto;
        let (builder, struck, room) = (Builder::new(), Vec::new(), String::new());
        let keeper = Self {
            dir,
            archive,
            catalog,
            manifest,
            builder,
            seen,
            transcripts: false,
            struck,
            merging: None,
            stop,
            room,
        };
        keeper.sweep()?;
        Ok(keeper)
    }

    /// Documents that are not in a file yet.
    pub(super) fn waiting(&self) -> usize {
        self.builder.len()
    }

    /// Compares every file with its checksums, and its documents with the catalog where that has changed behind its
    /// back; makes again what is wrong. `meanwhile` is called now and then.
    pub(super) fn repair(&mut self, meanwhile: &mut dyn FnMut()) -> Result<()> {
        let changed = self.catalog.covered(&self.archive, self.manifest.upto)? != self.manifest.covered;
        for at in (0..self.manifest.files.len()).rev() {
            meanwhile();
            let entry = self.manifest.files[at].entry;
            let checked = IndexFile::open(&*self.dir, &self.archive, entry).and_then(|file| {
                file.check()?;
                if changed { self.reconciled(&file) } else { Ok(Some(self.manifest.files[at].dead.clone())) }
            });
            match checked {
                Ok(Some(dead)) => self.manifest.files[at].dead = dead,
                Ok(None) => self.rebuild(at, meanwhile)?,
                Err(fault) => {
                    tracing::warn!(%fault, "a file of the search index is made again");
                    self.rebuild(at, meanwhile)?;
                }
            }
        }
        // Records were removed, and whoever did it could not tell the index.
        if changed { self.purge() } else { Ok(()) }
    }

    /// Writes every file anew that has dead documents: nothing of what they said stays behind.
    fn purge(&mut self) -> Result<()> {
        for at in 0..self.manifest.files.len() {
            if !self.manifest.files[at].dead.is_empty() {
                let (number, stop) = (self.number(), AtomicBool::new(false));
                let listed = &self.manifest.files[at..=at];
                let entry = merge::merge(&*self.dir, &self.archive, number, listed, &stop)?;
                self.manifest.files[at] = Listed { entry, dead: RoaringBitmap::new() };
            }
        }
        self.publish()?;
        self.sweep()
    }

    /// The documents of a file that the catalog does not have; `None` when it has some that are not in the file.
    fn reconciled(&self, file: &IndexFile) -> std::result::Result<Option<RoaringBitmap>, Fault> {
        let Ok(living) = self.catalog.living_between(file.entry.first, file.entry.last) else {
            return Ok(None);
        };
        let mut living = living.into_iter().peekable();
        let (mut dead, mut complete) = (RoaringBitmap::new(), true);
        Documents::in_order(file).sequences(|sequence, document| {
            while living.next_if(|next| *next < sequence).is_some() {
                complete = false;
            }
            if living.next_if_eq(&sequence).is_none() {
                dead.insert(document);
            }
        })?;
        Ok((complete && living.next().is_none()).then_some(dead))
    }

    /// Makes a file again, from the segments.
    fn rebuild(&mut self, at: usize, meanwhile: &mut dyn FnMut()) -> Result<()> {
        let FileEntry { first, last, .. } = self.manifest.files[at].entry;
        let mut made = Vec::new();
        let (mut from, mut after) = (first, first - 1);
        let mut builder = Builder::new();
        loop {
            meanwhile();
            let page = self.page(after, last)?;
            for (found, bytes) in &page {
                add(&mut builder, &mut self.room, &Looked::at(found), bytes.as_deref());
            }
            after = page.last().map_or(last, |(found, _)| found.sequence);
            if builder.memory() > PAGE_BYTES as usize * 2 || after == last {
                let until = if page.is_empty() { last } else { after };
                let number = self.number();
                made.push(self.write(number, &builder, from, until)?);
                builder.clear();
                from = until + 1;
            }
            if from > last {
                break;
            }
        }
        let made = made.into_iter().map(|entry| Listed { entry, dead: RoaringBitmap::new() });
        self.manifest.files.splice(at..=at, made);
        self.publish()?;
        self.sweep()
    }

    /// Takes what is next in the catalog; `false` when there are no more.
    pub(super) fn catch_up(&mut self) -> Result<bool> {
        // What comes after this was looked at is looked at again.
        let highest = self.catalog.highest()?;
        let page = self.page(self.seen, u64::MAX >> 1)?;
        for (found, bytes) in &page {
            for replaced in self.catalog.replaced_by(found)? {
                self.strike(replaced);
            }
            add(&mut self.builder, &mut self.room, &Looked::at(found), bytes.as_deref());
            self.seen = found.sequence;
        }
        if page.is_empty() {
            self.seen = self.seen.max(highest);
        }
        Ok(!page.is_empty())
    }

    /// Conversations, by what is searched of them, behind a sequence with their bytes, where those can be read.
    fn page(&self, after: u64, last: u64) -> Result<Vec<(Found, Option<Vec<u8>>)>> {
        let mut rows = self.catalog.conversations_between(after + 1, last, PAGE)?;
        let mut bytes = 0;
        let fits = rows.iter().take_while(|row| {
            bytes += u64::from(row.length);
            bytes <= PAGE_BYTES
        });
        let fits = fits.count().max(1);
        rows.truncate(fits);
        Ok(records::read_all(&*self.dir, self.archive, rows))
    }

    /// To be called before what was just stored is taken: until there is a transcript, nobody asks for those of each
    /// conversation.
    pub(super) fn look_for_transcripts(&mut self) -> Result<()> {
        if !self.transcripts {
            self.transcripts = self.catalog.has_transcripts()?;
        }
        Ok(())
    }

    /// Takes a record that was just stored. The catalog may have later ones by now: what is not taken because of them is
    /// struck out by them anyway.
    pub(super) fn take(&mut self, fed: &Fed) -> Result<()> {
        let Fed { key, rank, bytes, version, replaces } = fed;
        if rank.sequence <= self.seen {
            return Ok(()); // read from the catalog before
        }
        if let Some(older) = replaces {
            self.strike(*older);
        }
        if key.kind == RecordKind::Transcript {
            for details in self.catalog.details_of(&key.id)? {
                self.strike(details);
            }
        }
        if key.kind == RecordKind::Transcript || !self.transcripts || !self.catalog.has_transcript(&key.id)? {
            let fed = Looked { rank: *rank, kind: key.kind, version: *version };
            add(&mut self.builder, &mut self.room, &fed, Some(bytes));
        }
        self.seen = rank.sequence;
        Ok(())
    }

    /// Everything up to this sequence was handed over.
    pub(super) fn seen(&mut self, sequence: u64) {
        self.seen = self.seen.max(sequence);
    }

    fn strike(&mut self, sequence: u64) {
        if !self.builder.remove(sequence) {
            self.struck.push(sequence);
        }
    }

    /// Makes a file when the documents take that much memory; says whether.
    pub(super) fn flush_above(&mut self, memory: usize) -> Result<bool> {
        if self.builder.memory() < memory {
            return Ok(false);
        }
        self.flush()?;
        Ok(true)
    }

    /// Makes a file of what waits.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.seen == self.manifest.upto && self.struck.is_empty() {
            return Ok(());
        }
        if self.builder.len() > 0 {
            let number = self.number();
            let entry = self.write(number, &self.builder, self.manifest.upto + 1, self.seen)?;
            self.builder.clear();
            self.manifest.files.push(Listed { entry, dead: RoaringBitmap::new() });
        }
        self.manifest.upto = self.seen;
        let struck = std::mem::take(&mut self.struck);
        strike_out(&*self.dir, &self.archive, &mut self.manifest, &struck)?;
        if let Some(merging) = &mut self.merging {
            merging.struck.extend(struck);
        }
        self.publish()
    }

    fn write(&self, number: u32, builder: &Builder, first: u64, last: u64) -> Result<FileEntry> {
        let mut sources: [Box<dyn Source + '_>; 1] = [Box::new(builder.seal())];
        let stop = AtomicBool::new(false);
        let target = Target { dir: &*self.dir, archive: &self.archive, number, first, last, stop: &stop };
        Ok(write::write(&target, &mut sources)?)
    }

    fn number(&mut self) -> u32 {
        self.manifest.next += 1;
        self.manifest.next - 1
    }

    fn publish(&mut self) -> Result<()> {
        self.manifest.generation += 1;
        self.manifest.covered = self.catalog.covered(&self.archive, self.manifest.upto)?;
        Ok(self.manifest.publish(&*self.dir, &self.archive)?)
    }

    /// Ends a merge that is ready, and begins one that is due.
    pub(super) fn poll_merge(&mut self) -> Result<()> {
        if self.merging.as_ref().is_some_and(|merging| merging.thread.is_finished()) {
            self.end_merge()?;
        }
        self.begin_merge()
    }

    /// Merges until nothing is due.
    pub(super) fn finish_merges(&mut self) -> Result<()> {
        loop {
            self.end_merge()?;
            self.begin_merge()?;
            if self.merging.is_none() {
                return Ok(());
            }
        }
    }

    fn begin_merge(&mut self) -> Result<()> {
        if self.merging.is_some() {
            return Ok(());
        }
        let Some(range) = merge::due(&self.manifest.files) else { return Ok(()) };
        let files = self.manifest.files[range].to_vec();
        let (Some(first), Some(last)) = (files.first(), files.last()) else { return Ok(()) };
        let (first, last) = (first.entry.first, last.entry.last);
        let (dir, archive, number, stop) = (self.dir.clone(), self.archive, self.number(), self.stop.clone());
        let run = move || merge::merge(&*dir, &archive, number, &files, &stop);
        let thread = std::thread::Builder::new().name("archive-merge".to_owned()).spawn(run);
        let thread = thread.during(Action::Index, "the archive")?;
        self.merging = Some(Merging { first, last, struck: Vec::new(), thread });
        Ok(())
    }

    fn end_merge(&mut self) -> Result<()> {
        let Some(Merging { first, last, struck, thread }) = self.merging.take() else { return Ok(()) };
        let merged = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match merged {
            Ok(entry) => {
                let dead = merge::struck(&*self.dir, &self.archive, entry, &struck)?;
                let files = &mut self.manifest.files;
                let at = files.iter().position(|listed| listed.entry.first == first).unwrap_or(0);
                let count = files[at..].iter().take_while(|listed| listed.entry.last <= last).count();
                files.splice(at..at + count, [Listed { entry, dead }]);
                self.publish()?;
                self.sweep()
            }
            // One of them cannot be read to its end. They are looked at and made again where they must be.
            Err(Unwritten::Source(fault)) => {
                tracing::warn!(%fault, "files of the search index could not be merged");
                self.repair(&mut || {})
            }
            Err(unwritten) => Err(unwritten.into()),
        }
    }

    /// Removes files that the manifest does not name.
    fn sweep(&self) -> Result<()> {
        let named: BTreeSet<u32> = self.manifest.files.iter().map(|listed| listed.entry.number).collect();
        for (number, path) in index_files(&*self.dir)? {
            if !named.contains(&number) {
                self.dir.remove(&path).during(Action::Index, &path)?;
            }
        }
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(merging) = self.merging.take() {
            self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
            let _ = merging.thread.join();
        }
    }
}

/// What is known of a conversation beside its bytes.
struct Looked {
    rank: Rank,
    kind: RecordKind,
    version: u32,
}

impl Looked {
    fn at(found: &Found) -> Self {
        let rank = Rank { started_at: found.started_at, sequence: found.sequence };
        Self { rank, kind: found.key.kind, version: found.version }
    }
}

/// Adds a conversation; one that cannot be read as one that must be.
fn add(builder: &mut Builder, room: &mut String, looked: &Looked, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else {
        builder.add(looked.rank, "\0", [("\0", "")]);
        return;
    };
    room.clear();
    let payload::Searchable { transcript, facts, metadata, attachment } =
        payload::searchable(looked.kind, bytes);
    fold_into(&transcript, room);
    let fields = [
        ("type", facts.media_type),
        ("queue", facts.queue),
        ("agent", facts.agent),
        ("direction", facts.direction),
        ("language", facts.language),
    ];
    let mut facets: Vec<(String, String)> = Vec::new();
    facets.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), fold(&value?)))));
    for (key, values) in metadata {
        facets.extend(values.into_iter().map(|value| (format!("metadata.{key}"), fold(&value))));
    }
    let states = [("has", HAS_ATTACHMENT, attachment), ("is", IS_CHANGED, looked.version > 1)];
    for (name, value, _) in states.into_iter().filter(|(_, _, is)| *is) {
        facets.push((name.to_owned(), value.to_owned()));
    }
    builder.add(looked.rank, room, facets.iter().map(|(key, value)| (&**key, &**value)));
}

/// Marks documents of the files as dead.
fn strike_out(
    dir: &dyn Dir,
    archive: &[u8; 16],
    manifest: &mut Manifest,
    sequences: &[u64],
) -> std::result::Result<(), Fault> {
    for Listed { entry, dead } in &mut manifest.files {
        let range: RangeInclusive<u64> = entry.first..=entry.last;
        let inside: Vec<u64> =
            sequences.iter().copied().filter(|sequence| range.contains(sequence)).collect();
        *dead |= merge::struck(dir, archive, *entry, &inside)?;
    }
    Ok(())
}

/// Says that records are gone: from here on no search that uses the index finds them, whoever asks. To be called when
/// the catalog has forgotten them and before their removal is acknowledged. An index that cannot be told is given up;
/// the next writer makes it again.
///
/// Every file that holds one of them is written anew without it, so that nothing of what was said stays behind.
///
/// # Errors
/// What the file system says when not even that works.
pub(crate) fn removed(
    dir: &Arc<dyn Dir>,
    archive: [u8; 16],
    sequences: &[u64],
) -> std::result::Result<(), Error> {
    if dir.metadata(layout::SEARCH_MANIFEST).is_err() {
        return Ok(());
    }
    or_given_up(dir, || {
        let mut keeper = Keeper::open(dir.clone(), archive, Arc::default())?;
        strike_out(&*keeper.dir, &archive, &mut keeper.manifest, sequences)?;
        keeper.publish()?;
        keeper.purge()
    })
}

/// Does what an interrupted removal left to do: what the catalog has forgotten goes out of the index. Costs next to
/// nothing where nothing was removed behind the index's back.
///
/// # Errors
/// As [`removed`].
pub(crate) fn settle(dir: &Arc<dyn Dir>, archive: [u8; 16]) -> std::result::Result<(), Error> {
    if dir.metadata(layout::SEARCH_MANIFEST).is_err() {
        return Ok(());
    }
    or_given_up(dir, || {
        let mut keeper = Keeper::open(dir.clone(), archive, Arc::default())?;
        let changed = keeper.catalog.covered(&archive, keeper.manifest.upto)? != keeper.manifest.covered;
        if changed { keeper.repair(&mut || {}) } else { Ok(()) }
    })
}

/// Tells the index something; one that cannot be told goes.
fn or_given_up(dir: &Arc<dyn Dir>, tell: impl FnOnce() -> Result<()>) -> std::result::Result<(), Error> {
    let Err(failed) = tell() else { return Ok(()) };
    tracing::warn!(%failed, "the search index is given up; the next writer makes it again");
    dir.remove(layout::SEARCH_MANIFEST).during(Action::Index, layout::SEARCH_MANIFEST)?;
    for (_, path) in index_files(&**dir)? {
        dir.remove(&path).during(Action::Index, &path)?;
    }
    dir.sync_dir(layout::SEARCH).during(Action::Index, layout::SEARCH)
}

/// The index files there are.
fn index_files(dir: &dyn Dir) -> std::result::Result<Vec<(u32, String)>, Error> {
    let entries = dir.list(layout::SEARCH).during(Action::Index, layout::SEARCH)?;
    let files = entries.into_iter().filter(|entry| entry.kind == EntryKind::File);
    Ok(files
        .filter_map(|entry| {
            let number = layout::index_number(&entry.name)?;
            Some((number, format!("{}/{}", layout::SEARCH, entry.name)))
        })
        .collect())
}

fn next_number(dir: &dyn Dir) -> std::result::Result<u32, Error> {
    Ok(index_files(dir)?.into_iter().map(|(number, _)| number).max().map_or(1, |highest| highest + 1))
}
