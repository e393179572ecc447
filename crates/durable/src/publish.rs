//! Publishing: a whole file appears under its name at once and durably, or not at all.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::dir::{Dir, EntryKind, WriteAt};
use crate::path::{check_path, join, parent};

/// How the names of staged files begin. A file of such a name is an unfinished publish and nothing refers to it.
pub const STAGE_PREFIX: &str = ".stage-";

/// Puts `bytes` under `path`, replacing what was there.
///
/// The sequence is: create a staged file in the same directory, write, fsync, rename, fsync of the directory. When
/// this returns `Ok`, the new content is there after a crash of the machine. Until then a reader, and whoever looks
/// after a crash, finds the old content or the new, never a mixture; a staged file may be left behind
/// ([`sweep_stages`]).
///
/// ```
/// use frontdesk_durable::{OsDir, publish, read_whole};
/// # let temp = tempfile::tempdir()?;
/// # let place = temp.path().join("archive");
/// let dir = OsDir::open_or_create(place)?;
/// publish(&dir, "FORMAT.json", br#"{"major":1}"#)?;
/// assert_eq!(read_whole(&dir, "FORMAT.json", 1024)?, br#"{"major":1}"#);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// What the system says, naming operation and file. If the directory's fsync was what failed, the new content is
/// visible but may be gone after a crash: look again after the next start. The staged file is removed if it can be.
pub fn publish(dir: &dyn Dir, path: &str, bytes: &[u8]) -> io::Result<()> {
    publish_with(dir, path, &mut |file| file.write_at(0, bytes))
}

/// The same for content that need not be in memory at once: `write` fills the staged file, which is empty.
///
/// # Errors
///
/// What `write` returns, else as [`publish`].
pub fn publish_with(
    dir: &dyn Dir,
    path: &str,
    write: &mut dyn FnMut(&mut dyn WriteAt) -> io::Result<()>,
) -> io::Result<()> {
    check_path(path)?;
    let (stage, mut file) = stage(dir, parent(path))?;
    let published = (|| {
        write(&mut *file)?;
        file.sync_all()?;
        drop(file);
        dir.rename(&stage, path)
    })();
    if let Err(error) = published {
        // Best effort: what stays is recognised by its name, and the first error is the one that matters.
        let _ = dir.remove(&stage);
        return Err(error);
    }
    dir.sync_dir(parent(path))
}

/// A file that is filled piece by piece under a staged name, and gets its name when it is whole. One that is dropped
/// before is removed.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_durable::{OsDir, Staged, read_whole};
/// # let temp = tempfile::tempdir()?;
/// # let place = temp.path().join("files");
/// let dir = Arc::new(OsDir::open_or_create(place)?);
/// let mut staged = Staged::create(dir.clone(), "")?;
/// staged.write(b"one, ")?;
/// staged.write(b"two")?;
/// staged.publish("whole")?;
/// assert_eq!(read_whole(&*dir, "whole", 1024)?, b"one, two");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Staged {
    dir: Arc<dyn Dir>,
    path: String,
    file: Option<Box<dyn WriteAt>>,
    length: u64,
}

impl Staged {
    /// An empty file in `folder`, under a name that [`sweep_stages`] knows.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn create(dir: Arc<dyn Dir>, folder: &str) -> io::Result<Self> {
        let (path, file) = stage(&*dir, folder)?;
        Ok(Self { dir, path, file: Some(file), length: 0 })
    }

    /// Adds bytes at its end.
    ///
    /// # Errors
    ///
    /// What the system says. The file cannot be published any more.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        file.write_at(self.length, bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Bytes written so far.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Makes it durable under `path`, in whichever folder, replacing what was there.
    ///
    /// # Errors
    ///
    /// As [`publish`].
    pub fn publish(mut self, path: &str) -> io::Result<()> {
        check_path(path)?;
        let Some(mut file) = self.file.take() else { return Err(io::ErrorKind::NotFound.into()) };
        let published = file.sync_all().and_then(|()| {
            drop(file);
            self.dir.rename(&self.path, path)
        });
        if let Err(error) = published {
            let _ = self.dir.remove(&self.path);
            return Err(error);
        }
        self.dir.sync_dir(parent(path))?;
        // A name that moves between folders is durable when both are.
        match parent(&self.path) {
            same if same == parent(path) => Ok(()),
            other => self.dir.sync_dir(other),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            // Best effort: what stays is recognised by its name.
            let _ = self.dir.remove(&self.path);
        }
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged")
            .field("path", &self.path)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Makes a directory durably, unless it is there already: created, then synced into its parent.
///
/// # Errors
///
/// [`NotADirectory`](io::ErrorKind::NotADirectory) if something else has the name; else what the system says.
pub fn ensure_dir(dir: &dyn Dir, path: &str) -> io::Result<()> {
    match dir.create_dir(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if dir.metadata(path)?.kind != EntryKind::Dir {
                return Err(io::Error::new(
                    io::ErrorKind::NotADirectory,
                    format!("{} is in the way: it is not a folder", dir.local_path(path).display()),
                ));
            }
            // It may have been made by a process that died before it synced it.
        }
        Err(error) => return Err(error),
    }
    dir.sync_dir(parent(path))
}

/// Removes what unfinished publishes left in one directory (not further down), and says how many files it was.
///
/// Call it only while nobody can be publishing there, i.e. under the lock.
///
/// # Errors
///
/// What the system says; some of them may be removed.
pub fn sweep_stages(dir: &dyn Dir, path: &str) -> io::Result<usize> {
    let mut removed = 0;
    for entry in dir.list(path)? {
        if entry.kind == EntryKind::File && entry.name.starts_with(STAGE_PREFIX) {
            dir.remove(&join(path, &entry.name))?;
            removed += 1;
        }
    }
    if removed > 0 {
        dir.sync_dir(path)?;
    }
    Ok(removed)
}

/// A new file in `folder` under a name nobody else uses.
fn stage(dir: &dyn Dir, folder: &str) -> io::Result<(String, Box<dyn WriteAt>)> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = join(folder, &format!("{STAGE_PREFIX}{:x}-{number:x}", std::process::id()));
        match dir.create(&path) {
            // Left by a process that had our number before us.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            created => return Ok((path, created?)),
        }
    }
}
