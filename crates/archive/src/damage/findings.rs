//! What checks found damaged and did not find sound since: `quarantine/findings.json`, replaced as a whole.

use std::io;

use frontdesk_domain::{RecordId, RecordKind, Timestamp};
use frontdesk_durable::{Dir, ensure_dir, publish, read_whole};
use serde::{Deserialize, Serialize};

use crate::error::{Action, During, Error, ErrorKind};
use crate::layout;
use crate::reader::Reader;

/// Findings that are kept; a disk that went bad may have one for each of millions of records.
pub(super) const MOST: usize = 10_000;

/// The file is no longer than this.
const LONGEST: u64 = 64 << 20;

/// A record that a check found to be damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) sequence: u64,
    pub(crate) kind: RecordKind,
    pub(crate) id: RecordId,
    pub(crate) version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) found_at: Timestamp,
    /// What is wrong, without customer text.
    pub(crate) what: String,
}

#[derive(Serialize, Deserialize)]
struct Findings {
    archive_id: String,
    findings: Vec<Finding>,
}

impl Reader {
    /// What checks found. A file that says nothing is as good as none: the next check makes another.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let bytes = match read_whole(&*self.dir, layout::FINDINGS, LONGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                tracing::warn!(%error, "what checks found cannot be read");
                return Vec::new();
            }
        };
        match serde_json::from_slice::<Findings>(&bytes) {
            Ok(read) if read.archive_id == self.archive_id() => read.findings,
            // Of another archive, whose folder was copied over this one, or not as we wrote it.
            _ => {
                tracing::warn!("what checks found is not of this archive, or cannot be understood");
                Vec::new()
            }
        }
    }
}

/// Puts these in the place of those before.
///
/// # Errors
/// What the file system says.
pub(super) fn write(dir: &dyn Dir, archive_id: String, findings: Vec<Finding>) -> Result<(), Error> {
    let bytes = serde_json::to_vec(&Findings { archive_id, findings })
        .map_err(|source| Error::with_source(Action::Verify, layout::FINDINGS, ErrorKind::Storage, source))?;
    ensure_dir(dir, layout::QUARANTINE).during(Action::Verify, layout::QUARANTINE)?;
    publish(dir, layout::FINDINGS, &bytes).during(Action::Verify, layout::FINDINGS)
}
