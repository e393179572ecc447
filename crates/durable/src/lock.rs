//! One writer at a time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::dir::{Dir, Held, read_whole};
use crate::failure::is_full;
use crate::publish::publish;

/// How long a waiting [`Lock::acquire`] sleeps between two tries.
pub const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The longest holder text that is read back, in bytes.
const MAX_HOLDER_BYTES: u64 = 4096;

/// An exclusive lock among processes, held until dropped.
///
/// It is an advisory lock of the operating system on a file that stays (`name`), so a crash, a kill or a power loss
/// frees it: a lock whose mere existence counts would stay behind. Who holds it is written to a file of its own
/// (`name.holder`), since a locked file cannot be read everywhere; that text is for people only and proves nothing.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use frontdesk_durable::{Lock, LockError, OsDir};
/// # let temp = tempfile::tempdir()?;
/// let dir = Arc::new(OsDir::open(temp.path())?);
/// let lock = Lock::acquire(dir.clone(), "lock", "pid 4711, archive pull", Duration::ZERO, &mut std::thread::sleep)?;
/// match Lock::acquire(dir, "lock", "pid 4712, archive pull", Duration::ZERO, &mut std::thread::sleep) {
///     Err(LockError::Busy { holder, .. }) => assert_eq!(holder.as_deref(), Some("pid 4711, archive pull")),
///     other => panic!("{other:?}"),
/// }
/// drop(lock);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Lock {
    dir: Arc<dyn Dir>,
    holder_path: String,
    // Dropped after `Drop::drop` removed the text, so the text never outlives an orderly release.
    _held: Box<dyn Held>,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody else held it for the whole wait. Trying again later helps.
    #[error("{name} is held by {}", holder.as_deref().unwrap_or("another process"))]
    Busy {
        /// The lock file.
        name: String,
        /// What the holder wrote about itself; control characters are replaced. `None` if it wrote nothing (yet).
        holder: Option<String>,
    },
    /// The directory cannot be written: a read-only file system, or no permission. Reading may still work.
    #[error("{name} cannot be locked: the folder is not writable")]
    NotWritable {
        /// The lock file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else the system said.
    #[error("{name} cannot be locked")]
    Io {
        /// The lock file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
}

impl LockError {
    fn new(name: &str, source: io::Error) -> Self {
        let name = name.to_owned();
        match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::NotWritable { name, source }
            }
            _ => Self::Io { name, source },
        }
    }
}

impl Lock {
    /// Takes the lock, waiting up to `wait` for it: it tries, and while somebody else has it sleeps
    /// [`POLL_INTERVAL`] and tries again. `Duration::ZERO` tries once. Waiting is done by `sleep`
    /// (`&mut std::thread::sleep` in a program), and what it was asked for is what counts as waited.
    ///
    /// `holder` says who we are (process id, command, since when), in one line of at most 4,096 bytes; no secrets,
    /// it is shown to others. On a full disk the lock is taken without the text, so that room can be made.
    ///
    /// # Errors
    ///
    /// [`LockError::Busy`] after the wait; [`LockError::NotWritable`] and [`LockError::Io`] at once.
    pub fn acquire(
        dir: Arc<dyn Dir>,
        name: &str,
        holder: &str,
        wait: Duration,
        sleep: &mut dyn FnMut(Duration),
    ) -> Result<Self, LockError> {
        let holder_path = format!("{name}.holder");
        let mut left = wait;
        let held = loop {
            match dir.try_lock(name) {
                Ok(Some(held)) => break held,
                Ok(None) if left.is_zero() => {
                    return Err(LockError::Busy {
                        name: name.to_owned(),
                        holder: read_holder(&*dir, &holder_path),
                    });
                }
                Ok(None) => {
                    let pause = left.min(POLL_INTERVAL);
                    sleep(pause);
                    left -= pause;
                }
                Err(source) => return Err(LockError::new(name, source)),
            }
        };
        // From here on dropping `lock` gives the lock back, whatever fails.
        let lock = Self { dir, holder_path, _held: held };
        match publish(&*lock.dir, &lock.holder_path, holder.as_bytes()) {
            Err(error) if !is_full(&error) => return Err(LockError::new(name, error)),
            // A text of the one before us must not pass for ours.
            Err(_) => drop(lock.dir.remove(&lock.holder_path)),
            Ok(()) => {}
        }
        Ok(lock)
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Best effort: a text that stays is overwritten by the next holder, and read only while there is one.
        let _ = self.dir.remove(&self.holder_path);
    }
}

/// What the holder wrote, fit for a terminal; `None` if nothing can be read.
fn read_holder(dir: &dyn Dir, path: &str) -> Option<String> {
    let bytes = read_whole(dir, path, MAX_HOLDER_BYTES).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let text: String =
        text.trim().chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    (!text.is_empty()).then_some(text)
}
