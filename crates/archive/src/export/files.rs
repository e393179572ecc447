//! The documents' layout: a gzip file for each record.

use std::io;
use std::sync::Arc;

use frontdesk_durable::{Dir, Sha256Hash, read_whole, sha256, to_hex};

use super::folder::{Folder, Growing, MANIFEST_LINES, shown};
use super::{ExportReport, Job, Step, manifest};
use crate::error::{Action, During, Error, ErrorKind};
use crate::name;
use crate::segment::pack;

/// Files that are made durable at the same time: a disk takes many fsyncs as fast as one.
const THREADS: usize = 16;

/// A file that a worker wrote, or the packed bytes where its name was taken.
enum Written {
    File { name: String, sha256: Sha256Hash, length: u64 },
    Taken { name: String, packed: Vec<u8> },
}

pub(super) fn write(job: Job<'_>, folder: &mut Folder, report: &mut ExportReport) -> Result<(), Error> {
    let dir = folder.dir.clone();
    let mut lines = Growing::create(dir.clone(), MANIFEST_LINES)?;
    job.run(
        THREADS,
        report,
        |row, bytes| {
            let packed = pack::gzip(bytes).ok_or_else(|| too_large(&*dir))?;
            let name = name::export_name(&row.key, &row.sha256);
            Ok(match create(&*dir, &name, &packed)? {
                true => Written::File { name, sha256: sha256(&packed), length: packed.len() as u64 },
                false => Written::Taken { name, packed },
            })
        },
        |row, step, report| {
            let written = match step {
                Step::Took(written) => written?,
                Step::Unreadable(unreadable) => return lines.write(&manifest::unreadable(row, &unreadable)),
            };
            let name = match written {
                Written::File { name, sha256, length } => {
                    report.files += 1;
                    report.file_bytes += length;
                    folder.sum(&name, &sha256)?;
                    name
                }
                Written::Taken { name, packed } => settle(folder, row, name, &packed, report)?,
            };
            lines.write(&manifest::line(row, &name, None))
        },
    )?;
    let (name, sha256) = lines.finish()?;
    folder.sum(&name, &sha256)
}

/// A name that is taken holds the same bytes (a version that came back to what an earlier one was), or another record
/// whose hash begins alike: that gets a longer name.
fn settle(
    folder: &mut Folder,
    row: &crate::catalog::Found,
    name: String,
    packed: &[u8],
    report: &mut ExportReport,
) -> Result<String, Error> {
    let dir: Arc<dyn Dir> = folder.dir.clone();
    if holds(&*dir, &name, packed)? {
        return Ok(name);
    }
    let stem = name::stem(&row.key);
    let longer = format!("{stem}_{}{}", to_hex(&row.sha256), name::SUFFIX);
    if create(&*dir, &longer, packed)? {
        report.files += 1;
        report.file_bytes += packed.len() as u64;
        folder.sum(&longer, &sha256(packed))?;
    } else if !holds(&*dir, &longer, packed)? {
        let what = "two records want the same name".to_owned();
        return Err(Error::new(Action::Export, shown(&*dir, &longer), ErrorKind::Occupied { what }));
    }
    Ok(longer)
}

fn holds(dir: &dyn Dir, name: &str, packed: &[u8]) -> Result<bool, Error> {
    match read_whole(dir, name, packed.len() as u64) {
        Ok(found) => Ok(found == packed),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Ok(false),
        Err(error) => Err(error).during(Action::Export, &shown(dir, name)),
    }
}

/// Writes a file durably; `false` when its name is taken. The name itself is durable at the end of the export.
fn create(dir: &dyn Dir, name: &str, packed: &[u8]) -> Result<bool, Error> {
    let mut file = match dir.create(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        other => other.during(Action::Export, &shown(dir, name))?,
    };
    file.write_at(0, packed).and_then(|()| file.sync_data()).during(Action::Export, &shown(dir, name))?;
    Ok(true)
}

fn too_large(dir: &dyn Dir) -> Error {
    Error::new(Action::Export, shown(dir, ""), ErrorKind::Storage)
}
