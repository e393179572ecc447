//! The files that exported records refer to: `<sha256>.media`, exactly their bytes.

use std::collections::BTreeMap;

use frontdesk_domain::RecordKey;
use frontdesk_domain::media::MediaHash;

use super::folder::{Folder, Growing};
use super::{ExportReport, NAMED};
use crate::error::{Error, ErrorKind};
use crate::layout;
use crate::reader::Reader;
use crate::stream::Unreadable;

/// What their names end with.
pub(super) const SUFFIX: &str = ".media";

/// Files, each with the first record that refers to it: its key, version and sequence.
pub(super) type Referred = BTreeMap<MediaHash, (RecordKey, u32, u64)>;

/// Writes them all. One that is missing or damaged is left out and counted, like a record that cannot be read.
pub(super) fn write(
    reader: &Reader,
    folder: &mut Folder,
    files: &Referred,
    stop: &dyn Fn() -> bool,
    report: &mut ExportReport,
) -> Result<(), Error> {
    for (hash, (key, version, sequence)) in files {
        if stop() {
            report.interrupted = true;
            return Ok(());
        }
        let mut file = Growing::create(folder.dir.clone(), &format!("{hash}{SUFFIX}"))?;
        let read = reader.media(hash, &mut |piece| file.write(piece));
        match read {
            Ok(Some(_)) => {
                report.files += 1;
                report.media += 1;
                report.file_bytes += file.length();
                let (name, sha256) = file.finish()?;
                folder.sum(&name, &sha256)?;
            }
            // Removed since the record was read.
            Ok(None) => file.discard()?,
            Err(error) => match error.kind() {
                ErrorKind::Damage { what } => {
                    file.discard()?;
                    report.unreadable += 1;
                    if report.named.len() < NAMED {
                        report.named.push(Unreadable {
                            key: key.clone(),
                            version: *version,
                            sequence: *sequence,
                            segment: layout::media(hash),
                            what: what.clone(),
                        });
                    }
                }
                _ => return Err(error),
            },
        }
    }
    Ok(())
}
