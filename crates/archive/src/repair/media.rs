//! Mending what is wrong with the files of messages.
//!
//! Nothing brings their bytes back but the platform: a damaged file is put aside, and the ledger says that it and those
//! that are missing are lost, so that the archive verifies again. Files that no record refers to are put aside, too.

use std::collections::BTreeSet;
use std::sync::Arc;

use frontdesk_durable::{Dir, EntryKind, ensure_dir};

use super::RepairReport;
use crate::error::{Action, During, Error};
use crate::layout;
use crate::ledger::{self, Change, Hex};
use crate::maintenance::Maintenance;
use crate::media::{self, Bytes};
use crate::reader::Reader;
use crate::settings::{ReadOptions, Settings};
use crate::writer::Clock;

const REASON: &str = "repair";

/// Files in one line of the ledger.
const LINE: usize = 256;

/// A file of a message that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MendedMedia {
    /// Where it was, relative to the archive's folder.
    pub path: String,
    /// What is wrong with it.
    pub what: &'static str,
    /// Whether records refer to it, so that something is lost.
    pub lost: bool,
    /// Where its bytes are now, relative to the archive's folder.
    pub quarantine: Option<String>,
}

/// Looks at every file, and mends with `apply`.
///
/// # Errors
/// What the file system says; `Catalog`.
pub(super) fn repair(
    dir: &Arc<dyn Dir>,
    settings: &Settings,
    clock: Clock,
    apply: bool,
    report: &mut RepairReport,
) -> Result<(), Error> {
    if dir.metadata(layout::MEDIA).is_err() && !has_records(dir, settings)? {
        return Ok(());
    }
    let reader = reader(dir, settings)?;
    report.media = survey(dir, &reader)?;
    drop(reader);
    if !apply || report.media.is_empty() {
        return Ok(());
    }
    ensure_dir(&**dir, layout::QUARANTINE).during(Action::Repair, layout::QUARANTINE)?;
    let mut maintenance = Maintenance::open_in(dir.clone(), settings, clock)?;
    maintenance.store.begin_changes()?;
    let ledger = &mut maintenance.store.ledger;
    for mended in &mut report.media {
        let Ok(metadata) = dir.metadata(&mended.path) else { continue };
        let name = mended.path.rsplit('/').next().unwrap_or_default();
        let end = if mended.lost { "damaged" } else { "stranger" };
        let kept = format!("{}/media-{name}.{end}", layout::QUARANTINE);
        dir.rename(&mended.path, &kept).during(Action::Repair, &mended.path)?;
        for folder in [layout::QUARANTINE, layout::MEDIA] {
            dir.sync_dir(folder).during(Action::Repair, folder)?;
        }
        let (path, length) = (mended.path.clone(), metadata.len);
        ledger.append(REASON, vec![Change::Quarantine { path, offset: 0, length, kept: kept.clone() }])?;
        mended.quarantine = Some(kept);
    }
    let lost: Vec<Hex> = report
        .media
        .iter()
        .filter(|mended| mended.lost)
        .filter_map(|mended| Some(Hex(media::hash_of(mended.path.rsplit('/').next()?)?.0)))
        .collect();
    for files in lost.chunks(LINE) {
        ledger.append(REASON, vec![Change::LoseMedia { files: files.to_vec() }])?;
    }
    report.changed = true;
    maintenance.close()
}

fn reader(dir: &Arc<dyn Dir>, settings: &Settings) -> Result<Reader, Error> {
    let options =
        ReadOptions { workers: settings.workers, holder: settings.holder.clone(), ..ReadOptions::default() };
    Reader::open_in(dir.clone(), &options)
}

fn has_records(dir: &Arc<dyn Dir>, settings: &Settings) -> Result<bool, Error> {
    Ok(reader(dir, settings)?.media_stats()?.files > 0)
}

fn survey(dir: &Arc<dyn Dir>, reader: &Reader) -> Result<Vec<MendedMedia>, Error> {
    let lost: BTreeSet<_> = ledger::read(&**dir, &reader.format)?.lost_media;
    let marks = media::marks(&**dir, Action::Repair)?;
    let wanted = reader.ask(|catalog| catalog.files())?;
    let mut found = Vec::new();
    let mut add = |path: String, what, lost| {
        found.push(MendedMedia { path, what, lost, quarantine: None });
    };
    for hash in &wanted {
        match media::check(&**dir, hash, Action::Repair)? {
            Bytes::Wrong => add(layout::media(hash), "its bytes are not what its name says", true),
            Bytes::Missing if !lost.contains(&hash.0) => add(layout::media(hash), "it is missing", true),
            _ => {}
        }
    }
    let entries = match dir.list(layout::MEDIA) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        other => other.during(Action::Repair, layout::MEDIA)?,
    };
    for entry in entries.iter().filter(|entry| entry.kind == EntryKind::File) {
        let hash = media::hash_of(&entry.name);
        // What has a mark, and what only removed records refer to, is settled by whoever maintains the archive next.
        let explained = match hash {
            Some(hash) => marks.contains(&hash) || reader.ask(|catalog| catalog.refers_to(&hash.0))?,
            None => false,
        };
        if !explained && !media::is_stage(&entry.name) {
            add(format!("{}/{}", layout::MEDIA, entry.name), "no record refers to it", false);
        }
    }
    Ok(found)
}
