//! `FORMAT.json`: what the folder is, and whose.

use std::io;
use std::path::Path;

use frontdesk_domain::{OrganizationId, Timestamp};
use frontdesk_durable::{Dir, OsDir, Sha256Hash, publish, read_whole};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Action, During, Error, ErrorKind};
use crate::layout;

/// The format this version writes. A newer major is refused; a newer minor is read, never written.
///
/// - 1.0: the first.
pub(crate) const MAJOR: u32 = 1;
pub(crate) const MINOR: u32 = 0;

/// Whose archive lies in a folder, without opening it; `None` when there is no archive.
///
/// For a command that changes what is there and brings nothing in, so that nobody need say it again.
///
/// ```
/// # use std::sync::Arc;
/// # use frontdesk_archive::{Settings, Writer};
/// # let temp = tempfile::tempdir()?;
/// # let root = temp.path().join("archive");
/// assert_eq!(frontdesk_archive::organization_of(&root)?, None);
/// # let settings = Settings { organization: "acme".parse()?, ..Settings::default() };
/// Writer::open(&root, &settings, Arc::new(|| frontdesk_domain::Timestamp::UNIX_EPOCH))?.close()?;
/// assert_eq!(frontdesk_archive::organization_of(&root)?, Some("acme".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// `NewerFormat`, `Damage` when `FORMAT.json` cannot be understood, and what the file system says.
pub fn organization_of(root: &Path) -> Result<Option<OrganizationId>, Error> {
    let dir = match OsDir::open(root) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        opened => opened.during(Action::Open, &root.display().to_string())?,
    };
    Ok(Format::read(&dir)?.map(|format| format.organization))
}

/// More than the file can have.
const LIMIT: u64 = 64 * 1024;

/// The contents of `FORMAT.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Format {
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) archive_id: Uuid,
    pub(crate) organization: OrganizationId,
    pub(crate) written_by: String,
    pub(crate) created_at: Timestamp,
}

/// Only what must be known to refuse a file whose other members may have changed.
#[derive(Deserialize)]
struct Version {
    major: u32,
    minor: u32,
}

impl Format {
    pub(crate) fn new(organization: OrganizationId, created_at: Timestamp) -> Self {
        Self {
            major: MAJOR,
            minor: MINOR,
            archive_id: Uuid::new_v4(),
            organization,
            written_by: concat!("frontdesk ", env!("CARGO_PKG_VERSION")).to_owned(),
            created_at,
        }
    }

    /// Reads the file; `None` when it is not there.
    ///
    /// # Errors
    /// `NewerFormat`, `Damage` when it cannot be understood, and what the file system says.
    pub(crate) fn read(dir: &dyn Dir) -> Result<Option<Self>, Error> {
        let bytes = match read_whole(dir, layout::FORMAT, LIMIT) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).during(Action::Read, layout::FORMAT),
        };
        let wrong = |source| {
            let kind = ErrorKind::Damage { what: "the file cannot be understood".to_owned() };
            Error::with_source(Action::Read, layout::FORMAT, kind, source)
        };
        let version: Version = serde_json::from_slice(&bytes).map_err(wrong)?;
        if version.major > MAJOR {
            let kind = ErrorKind::NewerFormat { major: version.major, minor: version.minor };
            return Err(Error::new(Action::Open, layout::FORMAT, kind));
        }
        let format: Self = serde_json::from_slice(&bytes).map_err(wrong)?;
        if format.major == 0 {
            return Err(Error::damage(Action::Read, layout::FORMAT, "there is no format 0"));
        }
        Ok(Some(format))
    }

    /// The file's text.
    ///
    /// # Errors
    /// None that is known of: every member can be written as JSON.
    pub(crate) fn text(&self) -> Result<String, Error> {
        let mut text = serde_json::to_string_pretty(self).map_err(|source| {
            Error::with_source(Action::Create, layout::FORMAT, ErrorKind::Storage, source)
        })?;
        text.push('\n');
        Ok(text)
    }

    /// Writes the file of a new archive. The archive exists from here on.
    ///
    /// # Errors
    /// What the file system says.
    pub(crate) fn publish(&self, dir: &dyn Dir, text: &str) -> Result<(), Error> {
        publish(dir, layout::FORMAT, text.as_bytes()).during(Action::Create, layout::FORMAT)
    }

    /// Whether this version may write the archive.
    pub(crate) fn is_writable(&self) -> bool {
        (1..=MAJOR).contains(&self.major) && !(self.major == MAJOR && self.minor > MINOR)
    }

    /// What every member says it belongs to.
    pub(crate) fn archive(&self) -> [u8; 16] {
        *self.archive_id.as_bytes()
    }

    /// What the ledger's first line follows from: a ledger cannot stand in for another archive's.
    pub(crate) fn ledger_seed(&self) -> Sha256Hash {
        self.seed("ledger")
    }

    /// The same for a run's log.
    pub(crate) fn run_seed(&self, run: &str) -> Sha256Hash {
        self.seed(&format!("run {run}"))
    }

    fn seed(&self, of: &str) -> Sha256Hash {
        frontdesk_durable::sha256(format!("frontdesk archive {} {of}", self.archive_id).as_bytes())
    }
}
