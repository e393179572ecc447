//! Mending a damaged archive, so that it can be written again and verifies clean (contract §5).
//!
//! What is damaged is first put aside, for ever, in `quarantine/`; then the good records of its segment are copied to a new
//! number, and the ledger says so; only then the damaged file goes. What is lost is named: by the header of the member
//! where that can be read, and by the catalog, whose last use this is: it is built anew afterwards.
//!
//! What repair does not touch is `FORMAT.json`, the ledger, and the logs of runs. The ledger says what is held and what
//! was removed by law; one that was made anew from the segments would forget both.

mod media;
mod mend;
mod survey;

use std::path::Path;
use std::sync::Arc;

use frontdesk_domain::{RecordKey, Timestamp};
use frontdesk_durable::{Dir, EntryKind, Lock, OsDir, ensure_dir, read_whole};

use crate::catalog;
use crate::error::{Action, During, Error, ErrorKind};
use crate::format::Format;
use crate::layout::{self, Name};
use crate::ledger::{self, CurrentRun, Ledger, Ledgered, Phase};
use crate::open;
use crate::reader;
use crate::search::index;
use crate::settings::Settings;
use crate::writer::{Clock, Writer};

pub use media::MendedMedia;

/// What a repair found, and did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RepairReport {
    /// Segments that were damaged, in order of their paths.
    pub segments: Vec<Mended>,
    /// Records that are lost, in order of sequence: the archive does not have their bytes any more, other than in
    /// `quarantine/`.
    pub lost: Vec<LostRecord>,
    /// Files that the ledger knows nothing of; put aside.
    pub strangers: Vec<String>,
    /// Catalog, checksum files and files of the search index that do not agree with the truth; made anew.
    pub projections: Vec<String>,
    /// Files of messages that are not as they must be.
    pub media: Vec<MendedMedia>,
    /// Whether anything was changed: not for a preview, and not when nothing was damaged.
    pub changed: bool,
}

/// A damaged segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// Where it was, relative to the archive's folder.
    pub path: String,
    /// What was wrong with it, without customer text.
    pub what: Vec<String>,
    /// Records of it that are good and were kept.
    pub kept: u64,
    /// Where its damaged bytes are now, relative to the archive's folder.
    pub quarantine: Vec<String>,
}

/// A record that is lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostRecord {
    /// Its place in the order in which the archive's records were stored.
    pub sequence: u64,
    /// What it was found by, where the catalog knew it.
    pub key: Option<RecordKey>,
    /// Its version, where that is known.
    pub version: Option<u32>,
    /// When its conversation started, where the catalog knew it: where to ask for it again.
    pub started_at: Option<Timestamp>,
    /// The segment it was in, relative to the archive's folder.
    pub segment: String,
}

/// Repairs the archive in `root`; with `apply` false it only says what it would do. Waits for a writer as long as the
/// settings say, and is alone meanwhile. A repair that was interrupted is finished by the next one.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_archive::{Prepared, Settings, Writer, repair};
/// use frontdesk_domain::Timestamp;
///
/// # let temp = tempfile::tempdir()?;
/// # let root = temp.path().join("archive");
/// let clock: frontdesk_archive::Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
/// let writer = Writer::open(&root, &Settings::default(), clock.clone())?;
/// writer.put(vec![Prepared::from_details(br#"{"id":"c-1"}"#.to_vec())?])?;
/// writer.close()?;
/// let report = repair(&root, &Settings::default(), clock, true)?;
/// assert!(report.lost.is_empty() && !report.changed);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `Damage` when `FORMAT.json` or the ledger is damaged, or the catalog knows lines that the ledger lost: nothing is
/// changed then. `Busy`, `NotAnArchive`, `ForeignOrganization`, `NewerFormat`; what the file system says.
pub fn repair(root: &Path, settings: &Settings, clock: Clock, apply: bool) -> Result<RepairReport, Error> {
    let shown = root.display().to_string();
    let dir = match OsDir::open(root) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::with_source(Action::Open, shown, ErrorKind::NotAnArchive, error));
        }
        other => other.during(Action::Open, &shown)?,
    };
    repair_in(Arc::new(dir), settings, clock, apply)
}

/// The same in a directory that is already open.
///
/// # Errors
/// As [`repair`].
pub fn repair_in(
    dir: Arc<dyn Dir>,
    settings: &Settings,
    clock: Clock,
    apply: bool,
) -> Result<RepairReport, Error> {
    let mut report = of_segments(dir.clone(), settings, clock.clone(), apply)?;
    // What records refer to is known once they are as they must be.
    media::repair(&dir, settings, clock, apply, &mut report)?;
    Ok(report)
}

/// Everything but the files of messages.
fn of_segments(
    dir: Arc<dyn Dir>,
    settings: &Settings,
    clock: Clock,
    apply: bool,
) -> Result<RepairReport, Error> {
    let Some(format) = Format::read(&*dir)? else {
        let root = dir.local_path("").display().to_string();
        return Err(Error::new(Action::Open, root, ErrorKind::NotAnArchive));
    };
    open::accept(&format, settings)?;
    let lock =
        Lock::acquire(dir.clone(), layout::LOCK, &settings.holder, settings.wait, &mut std::thread::sleep)
            .map_err(open::lock_error)?;
    let ledgered = ledger::read(&*dir, &format)?;
    open::check_format(&*dir, &ledgered)?;
    let found = reader::usable(&*dir, &format)?;
    if let Some((_, mark)) = &found
        && !ledgered.knows(&mark.ledger, &format.ledger_seed())
    {
        let what = format!(
            "lines are gone: the catalog knows {} of them, or others. What is held and what was removed is in them: \
             put back a copy of the ledger; repair makes none",
            mark.ledger.lines
        );
        return Err(Error::damage(Action::Repair, layout::LEDGER, what));
    }
    let strangers = strangers(&*dir, &ledgered)?;
    let known = found.as_ref().map(|(catalog, mark)| (catalog, mark));
    let surveyed = survey::survey(&*dir, format.archive(), &ledgered, known, settings.workers)?;
    let mut report = RepairReport { strangers, ..RepairReport::default() };
    for segment in &surveyed {
        report.lost.extend(segment.lost.iter().cloned());
        report.segments.push(Mended {
            path: segment.path(),
            what: segment.what.clone(),
            kept: segment.kept,
            quarantine: Vec::new(),
        });
    }
    report.lost.sort_by_key(|lost| lost.sequence);
    report.lost.dedup();
    report.projections = projections(&*dir, &ledgered)?;
    let of_no_use = found.is_none() && dir.local_path(layout::CATALOG).is_file();
    if of_no_use && !report.projections.iter().any(|path| path == layout::CATALOG) {
        // One that a stop left half made. Readers leave it alone where the ledger says more than they may vouch for.
        report.projections.push(layout::CATALOG.to_owned());
    }
    report.projections.extend(index::damaged(&*dir, &format.archive()));
    let nothing = report.segments.is_empty() && report.strangers.is_empty() && report.projections.is_empty();
    if !apply || nothing {
        return Ok(report);
    }
    let highest = match &found {
        Some((catalog, _)) => catalog.highest()?,
        None => 0,
    };
    drop(found);
    for folder in [layout::SEGMENTS, layout::RUNS, layout::QUARANTINE] {
        ensure_dir(&*dir, folder).during(Action::Repair, folder)?;
    }
    let run = CurrentRun::default();
    let mut ledger = Ledger::open(dir.clone(), &format, clock.clone(), &settings.holder, run)?;
    let next_segment = next_segment(&ledgered, &report.strangers);
    let mut mending = mend::Mending {
        dir: &*dir,
        archive: format.archive(),
        ledger: &mut ledger,
        next_segment,
        highest,
        level: settings.level,
    };
    // Whoever reads meanwhile builds a catalog of its own.
    catalog::unseal(&*dir)?;
    for (path, number) in report.strangers.clone().iter().map(|path| (path, number_of(path))) {
        mending.put_aside(path, number)?;
    }
    for (segment, mended) in surveyed.iter().zip(&mut report.segments) {
        mended.quarantine = mending.mend(segment)?;
    }
    let of_index = |path: &String| frontdesk_durable::parent(path) == layout::SEARCH;
    for path in report.projections.iter().filter(|path| *path != layout::CATALOG && !of_index(path)) {
        dir.remove(path).during(Action::Repair, path)?;
    }
    // The writer below makes a damaged file of the index again; the rest of it stays, unless records are gone.
    let index_alone =
        surveyed.is_empty() && report.strangers.is_empty() && report.projections.iter().all(of_index);
    if !index_alone {
        catalog::remove(&*dir)?;
    }
    if !index_alone || !settings.search_index {
        forget_search_index(&*dir)?;
    }
    drop(ledger);
    drop(lock);
    report.changed = true;
    // Settles the rest, builds the catalog, and proves that the archive can be written.
    Writer::open_in(dir, settings, clock)?.close()?;
    Ok(report)
}

/// Segment files that the ledger does not know: it lost lines, or somebody put them there.
fn strangers(dir: &dyn Dir, ledgered: &Ledgered) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let folders = match dir.list(layout::SEGMENTS) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        other => other.during(Action::Repair, layout::SEGMENTS)?,
    };
    for folder in folders.into_iter().filter(|folder| folder.kind == EntryKind::Dir) {
        let path = format!("{}/{}", layout::SEGMENTS, folder.name);
        for file in dir.list(&path).during(Action::Repair, &path)? {
            let Some(Name::Segment(number)) = Name::parse(&file.name) else { continue };
            let known =
                ledgered.segments.get(&number).is_some_and(|state| state.folder.to_string() == folder.name);
            if !known && file.kind == EntryKind::File {
                found.push(format!("{path}/{}", file.name));
            }
        }
    }
    Ok(found)
}

/// Checksum files that say something else than the ledger, and the catalog when somebody changed it since it was closed.
fn projections(dir: &dyn Dir, ledgered: &Ledgered) -> Result<Vec<String>, Error> {
    const LONGEST: u64 = 4_096;
    let mut wrong = Vec::new();
    for (number, state) in ledgered.living() {
        let Phase::Sealed { sha256, .. } = &state.phase else { continue };
        let path = layout::segment_sum(state.folder, number);
        let expected = layout::sum_line(sha256, &layout::segment(state.folder, number));
        match read_whole(dir, &path, LONGEST) {
            Ok(found) if found == expected.as_bytes() => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {} // the next opening writes it
            Err(error) if error.kind() != std::io::ErrorKind::FileTooLarge => {
                return Err(error).during(Action::Repair, &path);
            }
            _ => wrong.push(path),
        }
    }
    if catalog::is_as_closed(dir)? == Some(false) {
        wrong.push(layout::CATALOG.to_owned());
    }
    Ok(wrong)
}

/// The search index may name records that are lost. It is a projection: the next writer makes it again.
fn forget_search_index(dir: &dyn Dir) -> Result<(), Error> {
    let files = match dir.list(layout::SEARCH) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.during(Action::Repair, layout::SEARCH)?,
    };
    // The manifest first: files it names and that are not there would be taken for damage.
    let names = files.iter().filter(|file| file.kind == EntryKind::File).map(|file| file.name.as_str());
    let mut paths: Vec<String> = names.map(|name| format!("{}/{name}", layout::SEARCH)).collect();
    paths.sort_by_key(|path| path != layout::SEARCH_MANIFEST);
    for path in &paths {
        dir.remove(path).during(Action::Repair, path)?;
    }
    dir.sync_dir(layout::SEARCH).during(Action::Repair, layout::SEARCH)
}

fn number_of(path: &str) -> u32 {
    match path.rsplit('/').next().and_then(Name::parse) {
        Some(Name::Segment(number)) => number,
        _ => 0,
    }
}

fn next_segment(ledgered: &Ledgered, strangers: &[String]) -> u32 {
    let known = ledgered.segments.keys().copied();
    known.chain(strangers.iter().map(|path| number_of(path))).max().map_or(1, |last| last + 1)
}
