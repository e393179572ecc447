//! The folder an export is written to: claimed, filled, summed up, and only then complete.

use std::io;
use std::sync::Arc;

use frontdesk_durable::{Dir, EntryKind, STAGE_PREFIX, Sha256Hash, WriteAt, publish, read_whole, to_hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::media;
use crate::error::{Action, During, Error, ErrorKind};
use crate::name;

/// Marks a folder as an export that is not finished. Whoever finds it may begin again.
pub(super) const MARKER: &str = "EXPORT-UNFINISHED.json";
pub(super) const SUMS: &str = "SHA256SUMS";
pub(super) const SUMS_SUM: &str = "SHA256SUMS.sha256";
pub(super) const MANIFEST: &str = "manifest.json";
pub(super) const MANIFEST_LINES: &str = "manifest.ndjson";
pub(super) const FACTS: &str = "facts.csv";
pub(super) const RECORDS: &str = "records-";
pub(super) const RECORDS_SUFFIX: &str = ".ndjson.gz";

/// Bytes held before they are written.
const HELD: usize = 256 * 1024;

/// What the marker says.
#[derive(Serialize, Deserialize)]
struct Marker {
    frontdesk_export: u32,
}

/// A folder that is ours to fill.
pub(super) struct Folder {
    pub(super) dir: Arc<dyn Dir>,
    sums: Growing,
}

impl Folder {
    /// Takes an empty folder, or one that an export of ours did not finish, whose files are taken away.
    ///
    /// # Errors
    /// `Occupied` when anything else is in it; what the file system says.
    pub(super) fn claim(dir: Arc<dyn Dir>) -> Result<Self, Error> {
        let shown = shown(&*dir, "");
        let entries = dir.list("").during(Action::Export, &shown)?;
        if !entries.is_empty() {
            let unfinished = matches!(
                read_whole(&*dir, MARKER, 4_096).ok().map(|text| serde_json::from_slice::<Marker>(&text)),
                Some(Ok(_))
            );
            let foreign = entries.iter().find(|entry| {
                entry.kind != EntryKind::File
                    || !is_ours(&entry.name)
                    || (!unfinished && !entry.name.starts_with(STAGE_PREFIX))
            });
            if let Some(foreign) = foreign {
                let what = if unfinished {
                    format!("{:?} is in it, which no export wrote", foreign.name)
                } else {
                    "it is not empty".to_owned()
                };
                return Err(Error::new(Action::Export, shown, ErrorKind::Occupied { what }));
            }
            for entry in entries.iter().filter(|entry| entry.name != MARKER) {
                dir.remove(&entry.name).during(Action::Export, &shown)?;
            }
        }
        let marker = serde_json::to_vec(&Marker { frontdesk_export: 1 }).unwrap_or_default();
        publish(&*dir, MARKER, &marker).during(Action::Export, &shown)?;
        let sums = Growing::create(dir.clone(), SUMS)?;
        Ok(Self { dir, sums })
    }

    /// Notes the checksum of a finished file.
    pub(super) fn sum(&mut self, file: &str, sha256: &Sha256Hash) -> Result<(), Error> {
        self.sums.write(sum_line(sha256, file).as_bytes())
    }

    /// Writes a small file at once, and notes its checksum.
    pub(super) fn publish(&mut self, file: &str, bytes: &[u8]) -> Result<(), Error> {
        publish(&*self.dir, file, bytes).during(Action::Export, &shown(&*self.dir, file))?;
        self.sum(file, &frontdesk_durable::sha256(bytes))
    }

    /// Everything is written: makes names durable, then the checksums appear, last of all.
    pub(super) fn complete(self) -> Result<Claimed, Error> {
        let Self { dir, sums } = self;
        dir.sync_dir("").during(Action::Export, &shown(&*dir, ""))?;
        let (_, sha256) = sums.finish()?;
        let line = sum_line(&sha256, SUMS);
        publish(&*dir, SUMS_SUM, line.as_bytes()).during(Action::Export, &shown(&*dir, SUMS_SUM))?;
        Ok(Claimed { dir })
    }
}

/// A folder that holds a whole export and is still marked as unfinished, until somebody has read it again.
pub(super) struct Claimed {
    pub(super) dir: Arc<dyn Dir>,
}

impl Claimed {
    /// Takes the mark away.
    pub(super) fn release(self) -> Result<(), Error> {
        self.dir.remove(MARKER).during(Action::Export, &shown(&*self.dir, MARKER))?;
        self.dir.sync_dir("").during(Action::Export, &shown(&*self.dir, ""))
    }
}

/// Whether an export writes files of this name.
fn is_ours(file: &str) -> bool {
    [MARKER, SUMS, SUMS_SUM, MANIFEST, MANIFEST_LINES, FACTS].contains(&file)
        || file.starts_with(STAGE_PREFIX)
        || file.ends_with(name::SUFFIX)
        || file.ends_with(media::SUFFIX)
        || (file.starts_with(RECORDS) && file.ends_with(RECORDS_SUFFIX))
}

/// A line as `sha256sum -c` reads it.
fn sum_line(sha256: &Sha256Hash, file: &str) -> String {
    format!("{}  {file}\n", to_hex(sha256))
}

/// A file of the folder, for messages.
pub(super) fn shown(dir: &dyn Dir, file: &str) -> String {
    dir.local_path(file).display().to_string()
}

/// A file that is written from its beginning to its end and gets its name when it is whole.
pub(super) struct Growing {
    dir: Arc<dyn Dir>,
    name: String,
    stage: String,
    file: Box<dyn WriteAt>,
    held: Vec<u8>,
    digest: Sha256,
    length: u64,
}

impl Growing {
    pub(super) fn create(dir: Arc<dyn Dir>, name: &str) -> Result<Self, Error> {
        let stage = format!("{STAGE_PREFIX}{name}");
        let file = match dir.create(&stage) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                dir.remove(&stage).and_then(|()| dir.create(&stage))
            }
            other => other,
        };
        let file = file.during(Action::Export, &shown(&*dir, name))?;
        Ok(Self {
            dir,
            name: name.to_owned(),
            stage,
            file,
            held: Vec::new(),
            digest: Sha256::new(),
            length: 0,
        })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.length += bytes.len() as u64;
        self.held.extend_from_slice(bytes);
        if self.held.len() >= HELD { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let at = self.length - self.held.len() as u64;
        self.digest.update(&self.held);
        self.file.write_at(at, &self.held).during(Action::Export, &shown(&*self.dir, &self.name))?;
        self.held.clear();
        Ok(())
    }

    /// Gives it up.
    pub(super) fn discard(self) -> Result<(), Error> {
        drop(self.file);
        self.dir.remove(&self.stage).during(Action::Export, &shown(&*self.dir, &self.name))
    }

    /// Makes it durable under its name; gives that and the checksum.
    pub(super) fn finish(mut self) -> Result<(String, Sha256Hash), Error> {
        self.flush()?;
        let shown = shown(&*self.dir, &self.name);
        self.file.sync_all().during(Action::Export, &shown)?;
        drop(self.file);
        self.dir.rename(&self.stage, &self.name).during(Action::Export, &shown)?;
        self.dir.sync_dir("").during(Action::Export, &shown)?;
        Ok((self.name, self.digest.finalize().into()))
    }
}
