//! Opening for writing: lock, format, ledger, segments, catalog; and settling what an unclean stop left.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use frontdesk_durable::{
    Dir, EntryKind, Head, Lock, LockError, STAGE_PREFIX, ensure_dir, sha256, sweep_stages,
};

use crate::catalog::{self, Catalog, State};
use crate::compact::{self, Compaction};
use crate::error::{Action, During, Error, ErrorKind};
use crate::format::Format;
use crate::layout::{self, Name};
use crate::ledger::{Change, CurrentRun, Hex, Ledger, Ledgered, Phase};
use crate::media;
use crate::put::{Preparing, Store};
use crate::reserve;
use crate::segment::pack::Packer;
use crate::segment::walk::Identity;
use crate::segment::write::Unsealed;
use crate::settings::Settings;
use crate::settle;
use crate::writer::Clock;

/// An archive that is locked, sound and ready for records.
pub(crate) struct Opened {
    pub(crate) format: Format,
    pub(crate) lock: Lock,
    pub(crate) preparing: Preparing,
    pub(crate) store: Store,
}

pub(crate) fn open(
    dir: Arc<dyn Dir>,
    settings: &Settings,
    clock: Clock,
    run: &CurrentRun,
) -> Result<Opened, Error> {
    // Before the lock: a folder that is not ours gets no lock file either.
    let mut found = Format::read(&*dir)?;
    if found.is_none()
        && let Err(foreign) = refuse_foreign_folder(&*dir)
    {
        // Another process may have made the archive since.
        found = Some(Format::read(&*dir)?.ok_or(foreign)?);
    }
    if let Some(format) = &found {
        accept(format, settings)?;
    }
    let lock =
        Lock::acquire(dir.clone(), layout::LOCK, &settings.holder, settings.wait, &mut std::thread::sleep)
            .map_err(lock_error)?;
    let (format, mut ledger) = match Format::read(&*dir)? {
        Some(format) => {
            accept(&format, settings)?;
            let ledger = Ledger::open(dir.clone(), &format, clock.clone(), &settings.holder, run.clone())?;
            (format, ledger)
        }
        None => create(&dir, settings, &clock, run)?,
    };
    for folder in [layout::SEGMENTS, layout::RUNS, layout::QUARANTINE] {
        // What keeps copies of archives may not keep empty folders.
        if dir.metadata(folder).is_err() {
            ensure_dir(&*dir, folder).during(Action::Open, folder)?;
        }
    }
    for folder in ["", layout::RUNS, layout::QUARANTINE] {
        sweep_stages(&*dir, folder).during(Action::Recover, folder)?;
    }
    // Whoever made the archive may have died before these names were durable.
    for folder in ["", layout::SEGMENTS] {
        dir.sync_dir(folder).during(Action::Open, folder)?;
    }
    let ledgered = ledger.fold()?;
    check_format(&*dir, &ledgered)?;
    let on_disk = segment_files(&*dir, &ledgered)?;

    let archive = format.archive();
    let mut catalog = open_catalog(&*dir, &archive)?;
    let mark = match catalog.state(&archive)? {
        State::Marked(mark) => Some(mark),
        State::Empty | State::Foreign => None,
    };
    if let Some(mark) = &mark
        && !ledgered.knows(&mark.ledger, &format.ledger_seed())
    {
        let what = format!("lines are gone: the catalog knows {} of them, or others", mark.ledger.lines);
        return Err(Error::damage(Action::Open, layout::LEDGER, what));
    }
    let gathered = catalog::gather(&*dir, archive, &ledgered, mark.as_ref())?;
    if let Some((path, what)) = gathered.missing.first() {
        return Err(Error::damage(Action::Open, path.clone(), *what));
    }
    if let Some(lost) = gathered.lost.first() {
        return Err(settle::lost_records(&catalog, lost));
    }

    let mut numbers: BTreeSet<u32> = ledgered.segments.keys().copied().collect();
    numbers.extend(on_disk.iter().map(|(number, _)| *number));
    let mut settling = settle::Settling {
        dir: &*dir,
        archive,
        ledger: &mut ledger,
        catalog: &catalog,
        mark: mark.as_ref(),
        next_segment: numbers.last().map_or(1, |last| last + 1),
        workers: settings.workers,
        vouched: BTreeSet::new(),
    };
    settling.settle(&ledgered)?;
    let (mut next_segment, vouched) = (settling.next_segment, settling.vouched);

    let ledgered = ledger.fold()?;
    let mut changed =
        bring_up_to_date(&*dir, archive, &mut catalog, &ledgered, mark.is_some(), settings.workers)?;
    settle::remove_replaced(&*dir, &ledgered, &on_disk)?;
    settle::restore_sums(&*dir, &ledgered, &on_disk)?;

    if !ledgered.unrewritten.is_empty() {
        // A removal was interrupted. Nobody sees the records; their bytes go now.
        catalog::unseal(&*dir)?;
        changed = true;
        let compaction = Compaction {
            dir: &*dir,
            archive,
            ledger: &mut ledger,
            catalog: &mut catalog,
            next_segment: &mut next_segment,
            level: settings.level,
            workers: settings.workers,
        };
        compact::rewrite_hidden(compaction, &ledgered)?;
    }

    media::settle(&*dir, &catalog)?;
    let mut store = store(dir.clone(), settings, archive, clock, ledger, catalog, next_segment, changed)?;
    store.touched.extend(vouched);
    reserve::keep(&*store.dir, settings.reserve, store.catalog.largest_segment()?);
    let preparing = preparing(&store, settings)?;
    Ok(Opened { format, lock, preparing, store })
}

/// A folder without `FORMAT.json` may hold what an interrupted creation left, and nothing else.
fn refuse_foreign_folder(dir: &dyn Dir) -> Result<(), Error> {
    let foreign =
        || Error::new(Action::Open, dir.local_path("").display().to_string(), ErrorKind::NotAnArchive);
    for entry in dir.list("").during(Action::Open, "the folder")? {
        let name = entry.name.as_str();
        let ours = match entry.kind {
            EntryKind::Dir => {
                [layout::SEGMENTS, layout::RUNS, layout::QUARANTINE].contains(&name)
                    && dir.list(name).during(Action::Open, name)?.is_empty()
            }
            EntryKind::File => {
                name == layout::LEDGER
                    || name == layout::LOCK
                    || name == format!("{}.holder", layout::LOCK)
                    || name.starts_with(STAGE_PREFIX)
            }
            EntryKind::Other => false,
        };
        if !ours {
            return Err(foreign());
        }
    }
    Ok(())
}

pub(crate) fn accept(format: &Format, settings: &Settings) -> Result<(), Error> {
    if format.organization != settings.organization {
        let kind = ErrorKind::ForeignOrganization {
            expected: settings.organization.to_string(),
            found: format.organization.to_string(),
        };
        return Err(Error::new(Action::Open, "the archive", kind));
    }
    if !format.is_writable() {
        let kind = ErrorKind::NewerFormat { major: format.major, minor: format.minor };
        return Err(Error::new(Action::Write, "the archive", kind));
    }
    Ok(())
}

pub(crate) fn lock_error(error: LockError) -> Error {
    let kind = match &error {
        LockError::Busy { holder, .. } => ErrorKind::Busy { holder: holder.clone().unwrap_or_default() },
        LockError::NotWritable { .. } => ErrorKind::ReadOnly,
        _ => ErrorKind::Storage,
    };
    Error::with_source(Action::Lock, "the archive", kind, error)
}

/// Makes a new archive. `FORMAT.json` comes last: until it is there, there is no archive.
fn create(
    dir: &Arc<dyn Dir>,
    settings: &Settings,
    clock: &Clock,
    run: &CurrentRun,
) -> Result<(Format, Ledger), Error> {
    refuse_foreign_folder(&**dir)?;
    let format = Format::new(settings.organization.clone(), clock());
    for folder in [layout::SEGMENTS, layout::RUNS, layout::QUARANTINE] {
        ensure_dir(&**dir, folder).during(Action::Create, folder)?;
    }
    // Of an interrupted creation, under an archive id that never came to be.
    match dir.remove(layout::LEDGER) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).during(Action::Create, layout::LEDGER);
        }
        _ => {}
    }
    let mut ledger = Ledger::create(dir.clone(), &format, clock.clone(), &settings.holder, run.clone())?;
    let text = format.text()?;
    let created = Change::Create {
        organization: format.organization.clone(),
        format_sha256: Hex(sha256(text.as_bytes())),
    };
    ledger.append("new archive", vec![created])?;
    format.publish(&**dir, &text)?;
    Ok((format, ledger))
}

/// `FORMAT.json` has no checksum of its own; the ledger's first line has one.
pub(crate) fn check_format(dir: &dyn Dir, ledgered: &Ledgered) -> Result<(), Error> {
    let bytes =
        frontdesk_durable::read_whole(dir, layout::FORMAT, 64 * 1024).during(Action::Read, layout::FORMAT)?;
    if ledgered.format_sha256 != Some(sha256(&bytes)) {
        return Err(Error::damage(
            Action::Open,
            layout::FORMAT,
            "it is not the file the ledger was begun with",
        ));
    }
    Ok(())
}

/// Every segment and checksum file there is, as (number, path, is a checksum).
pub(crate) type OnDisk = Vec<(u32, (String, bool))>;

fn segment_files(dir: &dyn Dir, ledgered: &Ledgered) -> Result<OnDisk, Error> {
    let mut found = Vec::new();
    for folder in dir.list(layout::SEGMENTS).during(Action::Open, layout::SEGMENTS)? {
        let path = format!("{}/{}", layout::SEGMENTS, folder.name);
        if folder.kind != EntryKind::Dir {
            continue; // reported by verify
        }
        sweep_stages(dir, &path).during(Action::Recover, &path)?;
        for file in dir.list(&path).during(Action::Open, &path)? {
            let (number, sum) = match Name::parse(&file.name) {
                Some(Name::Segment(number)) => (number, false),
                Some(Name::Sum(number)) => (number, true),
                None => continue,
            };
            let path = format!("{path}/{}", file.name);
            let known =
                ledgered.segments.get(&number).is_some_and(|state| state.folder.to_string() == folder.name);
            if !known && !sum {
                // The ledger's line comes first, so lines are gone, or somebody put the file there.
                return Err(Error::damage(Action::Open, path, "the ledger does not know this segment"));
            }
            found.push((number, (path, sum)));
        }
    }
    Ok(found)
}

/// The catalog as it lies, or an empty one where it cannot be used.
fn open_catalog(dir: &dyn Dir, archive: &[u8; 16]) -> Result<Catalog, Error> {
    // A checksum that does not match means that somebody else changed the file since it was closed.
    if catalog::is_as_closed(dir)? != Some(false)
        && let Some(found) = catalog::open_for_writing(dir)?
    {
        // An error is no answer: what is in it may be the last trace of records that are gone.
        match found.state(archive)? {
            State::Marked(_) | State::Empty => return Ok(found),
            State::Foreign => {}
        }
    }
    tracing::info!("the catalog is missing, foreign or damaged: it is rebuilt");
    catalog::unseal(dir)?;
    catalog::remove(dir)?;
    match catalog::open_for_writing(dir)? {
        Some(catalog) => Ok(catalog),
        None => Err(Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog)),
    }
}

/// Whether anything had to be changed.
fn bring_up_to_date(
    dir: &dyn Dir,
    archive: [u8; 16],
    catalog: &mut Catalog,
    ledgered: &Ledgered,
    marked: bool,
    workers: usize,
) -> Result<bool, Error> {
    if !marked {
        catalog::unseal(dir)?;
        // It knows nothing of the ledger yet: holds and tombstones are read from the first line on.
        catalog.initialize(&archive, Head { lines: 0, hash: ledgered.seed })?;
    }
    let State::Marked(mark) = catalog.state(&archive)? else {
        return Err(Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog));
    };
    let gathered = catalog::gather(dir, archive, ledgered, Some(&mark))?;
    if gathered.is_current() && mark.ledger == ledgered.head {
        return Ok(!marked);
    }
    catalog::unseal(dir)?;
    catalog::replay(dir, catalog, ledgered.head, &gathered, workers, true)?;
    Ok(true)
}

#[expect(clippy::too_many_arguments, reason = "the one place where a store is put together")]
fn store(
    dir: Arc<dyn Dir>,
    settings: &Settings,
    archive: [u8; 16],
    clock: Clock,
    ledger: Ledger,
    catalog: Catalog,
    next_segment: u32,
    changed: bool,
) -> Result<Store, Error> {
    let State::Marked(mark) = catalog.state(&archive)? else {
        return Err(Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog));
    };
    let mut unsealed = BTreeMap::new();
    let mut full = Vec::new();
    for (number, state) in ledger.fold()?.living() {
        let (Phase::Unsealed { .. }, Some(found)) = (&state.phase, mark.segments.get(&number)) else {
            continue;
        };
        let identity = Identity { archive, segment: number };
        let segment = Unsealed::resume(identity, state.folder, found.place, found.records, found.raw_bytes);
        if segment.length() >= settings.segment_size {
            full.push(segment);
        } else if let Some(earlier) = unsealed.insert(state.folder, segment) {
            full.push(earlier); // one takes members, by folder
        }
    }
    let mut store = Store {
        dir,
        archive,
        clock,
        ledger,
        catalog,
        unsealed,
        touched: BTreeSet::new(),
        next_segment,
        conversations: mark.conversations,
        segment_size: settings.segment_size,
        workers: settings.workers.max(1),
        changed,
        state: Arc::default(),
        feed: None,
    };
    store.seal_all(&full)?;
    Ok(store)
}

/// The half of a put that goes before the store, with a connection to the catalog of its own.
fn preparing(store: &Store, settings: &Settings) -> Result<Preparing, Error> {
    let Some(catalog) = catalog::open_for_reading(&*store.dir)? else {
        return Err(Error::new(Action::Catalog, layout::CATALOG, ErrorKind::Catalog));
    };
    Ok(Preparing {
        packers: (0..settings.workers.max(1)).map(|_| Packer::new(settings.level)).collect(),
        next_sequence: store.catalog.highest()?.max(store.ledger.fold()?.highest) + 1,
        tombstones: catalog.has_tombstones()?,
        state: store.state.clone(),
        catalog,
    })
}
