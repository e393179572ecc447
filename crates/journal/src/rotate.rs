//! Another key takes over.

use std::path::Path;

use frontdesk_domain::audit::{AuditRecord, KeyRecord, KeyStep};

use crate::error::{Action, Error, ErrorKind};
use crate::head::Head;
use crate::journal::Clock;
use crate::open;
use crate::prepared::{Origin, PreparedEntry};
use crate::settings::Settings;

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Id of the key that signed until now. It stays in the key file, so that its heads can be checked.
    pub previous: String,
    /// Id of the key that signs from now on.
    pub key_id: String,
    /// Number of the entry that says so.
    pub entry: u64,
    /// The first head the new key signed.
    pub head: Head,
}

/// Makes a new key sign from now on. Processes that have the journal open take the new key up by themselves.
///
/// The key is the last one of the key file when that does not sign yet (somebody has added it), else a new one that is
/// added to the file. The rotation is an entry; the last head of the old key is kept.
///
/// # Errors
/// As [`Journal::open`](crate::Journal::open); `Storage` and `ReadOnly` when the key file cannot be written.
pub fn rotate(root: &Path, settings: &Settings, clock: Clock) -> Result<Rotation, Error> {
    let mut store = open::open(root, settings, clock)?;
    let rotation = store.alone(Action::Keys, |alone| {
        let previous = alone.position.key_id.clone();
        *alone.ring = alone.key_file.successor_of(&previous)?;
        let missing = || Error::new(Action::Keys, "", ErrorKind::KeyMissing { key_id: String::new() });
        let key_id = alone.ring.newest().ok_or_else(missing)?.id().to_owned();
        let record = AuditRecord::from(KeyRecord {
            timestamp: alone.now,
            event: KeyStep::Rotated,
            journal: None,
            key_id: key_id.clone(),
            previous: Some(previous.clone()),
        });
        let origin = Origin { actor: &settings.actor, command: &settings.command, run: None, about: None };
        let entry = alone.entry(&PreparedEntry::new(&record, &origin)?)?;
        alone.position.key_id.clone_from(&key_id);
        Ok((previous, key_id, entry))
    })?;
    store.finish()?;
    let (previous, key_id, entry) = rotation;
    let head = store.newest_head()?;
    Ok(Rotation { previous, key_id, entry, head })
}
