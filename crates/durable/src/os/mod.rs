//! A directory of the operating system.
#![expect(
    clippy::disallowed_methods,
    reason = "this module is the door: the only place that opens a file for writing"
)]

mod handle;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::dir::{Dir, Entry, EntryKind, Held, Metadata, ReadAt, WriteAt};
use crate::failure::during;
use crate::path::{check_dir_path, check_path};
use handle::Handle;

/// A directory tree on the machine's file system.
///
/// Directories it makes are 0700, files 0600 (on Unix). **Symbolic links:** the root may be reached through one;
/// below the root none is followed: each component of a path is looked at first, and a link is refused with
/// [`PermissionDenied`](io::ErrorKind::PermissionDenied). That keeps a link left inside an archive from leading a
/// write out of it. It is a guard against accidents and planted archives, not against somebody who swaps components
/// while we work: who can do that can write the archive anyway.
#[derive(Debug, Clone)]
pub struct OsDir {
    root: PathBuf,
}

impl OsDir {
    /// A directory that is there. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound), [`NotADirectory`](io::ErrorKind::NotADirectory); else what the system
    /// says.
    pub fn open(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        let metadata = fs::metadata(&root).map_err(during("open", &root))?;
        if !metadata.is_dir() {
            return Err(during("open", &root)(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { root })
    }

    /// As [`open`](OsDir::open), making the directory and every missing one above it, durably: each is synced into
    /// its parent before this returns, and so is a directory that was there.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn open_or_create(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        create_with_parents(&root)?;
        Self::open(root)
    }

    /// The path given at opening.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The place of a checked path, after making sure that no component of it is a symbolic link.
    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        let mut place = self.root.clone();
        for component in path.split('/').filter(|component| !component.is_empty()) {
            place.push(component);
            // What is not there cannot lead anywhere; the operation itself says what is missing.
            if fs::symlink_metadata(&place).is_ok_and(|metadata| metadata.is_symlink()) {
                let why = "it is a symbolic link, and none is followed below the root";
                return Err(during("open", &place)(io::Error::new(io::ErrorKind::PermissionDenied, why)));
            }
        }
        Ok(place)
    }

    fn place(&self, path: &str) -> io::Result<PathBuf> {
        check_path(path)?;
        self.resolve(path)
    }

    fn dir_place(&self, path: &str) -> io::Result<PathBuf> {
        check_dir_path(path)?;
        self.resolve(path)
    }
}

impl Dir for OsDir {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        let place = self.place(path)?;
        make_dir(&place).map_err(during("create folder", &place))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteAt>> {
        let place = self.place(path)?;
        let file = private(OpenOptions::new().read(true).write(true).create_new(true)).open(&place);
        Ok(Box::new(Handle::new(file.map_err(during("create", &place))?, place)))
    }

    fn open_write(&self, path: &str) -> io::Result<Box<dyn WriteAt>> {
        let place = self.place(path)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&place)
            .map_err(during("open for writing", &place))?;
        Ok(Box::new(Handle::new(file, place)))
    }

    fn open_read(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        let place = self.place(path)?;
        let file = File::open(&place).map_err(during("open", &place))?;
        // Opening a directory for reading succeeds on Unix and fails at the first read: say it here.
        if file.metadata().map_err(during("look at", &place))?.is_dir() {
            return Err(during("open", &place)(io::ErrorKind::IsADirectory.into()));
        }
        Ok(Box::new(Handle::new(file, place)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let from = self.place(from)?;
        // The last component of `to` is replaced, not followed, so a link there is harmless; one before it is not.
        let to = self.place(to)?;
        fs::rename(&from, &to).map_err(during("rename to", &to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let place = self.place(path)?;
        fs::remove_file(&place).map_err(during("remove", &place))
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        let place = self.dir_place(path)?;
        sync_folder(&place).map_err(during("fsync of folder", &place))
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        let place = self.dir_place(path)?;
        let entries = || -> io::Result<Vec<Entry>> {
            let mut entries = Vec::new();
            for entry in fs::read_dir(&place)? {
                let entry = entry?;
                let (name, kind) = match entry.file_name().into_string() {
                    Ok(name) => (name, kind_of(entry.file_type()?)),
                    Err(name) => (name.to_string_lossy().into_owned(), EntryKind::Other),
                };
                entries.push(Entry { name, kind });
            }
            entries.sort();
            Ok(entries)
        };
        entries().map_err(during("list", &place))
    }

    fn metadata(&self, path: &str) -> io::Result<Metadata> {
        check_dir_path(path)?;
        // Only the components before the last: the last is described, not followed. The root may be a link.
        let (place, found) = if path.is_empty() {
            (self.root.clone(), fs::metadata(&self.root))
        } else {
            let place =
                self.resolve(crate::path::parent(path))?.join(path.rsplit('/').next().unwrap_or(path));
            let found = fs::symlink_metadata(&place);
            (place, found)
        };
        let found = found.map_err(during("look at", &place))?;
        let kind = kind_of(found.file_type());
        Ok(Metadata { kind, len: if kind == EntryKind::File { found.len() } else { 0 } })
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Held>>> {
        let place = self.place(path)?;
        let file = private(OpenOptions::new().read(true).write(true).create(true)).open(&place);
        let file = file.map_err(during("open for locking", &place))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Box::new(file))),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(TryLockError::Error(error)) => return Err(during("lock", &place)(error)),
            }
        }
    }

    fn local_path(&self, path: &str) -> PathBuf {
        if check_path(path).is_ok() { self.root.join(path) } else { self.root.clone() }
    }
}

/// The system drops an advisory lock with the last handle on the file.
impl Held for File {}

fn kind_of(kind: fs::FileType) -> EntryKind {
    match () {
        () if kind.is_file() => EntryKind::File,
        () if kind.is_dir() => EntryKind::Dir,
        () => EntryKind::Other,
    }
}

/// Files are for the owner only, where the system knows the notion.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Makes one directory for the owner only.
fn make_dir(place: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(place)
}

/// Makes a directory and what is missing above it, syncing each into its parent.
fn create_with_parents(place: &Path) -> io::Result<()> {
    let parent = match place.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return Ok(()),
    };
    if fs::metadata(place).is_ok() {
        // A process before us may have made it and died before it synced it. Where its parent is not ours to open,
        // somebody else made it.
        return match sync_folder(parent) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            synced => synced.map_err(during("fsync of folder", parent)),
        };
    }
    create_with_parents(parent)?;
    match make_dir(place) {
        Ok(()) => {}
        // Somebody else was faster, or it is there and may not be looked at: opening tells.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(during("create folder", place)(error)),
    }
    sync_folder(parent).map_err(during("fsync of folder", parent))
}

/// fsync of a directory. A directory is opened anew each time, so there is no handle to poison.
#[cfg(unix)]
fn sync_folder(place: &Path) -> io::Result<()> {
    let folder = File::open(place)?;
    if !folder.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    folder.sync_all()
}

/// Other systems have no such call: NTFS logs its own directory changes in order.
#[cfg(not(unix))]
fn sync_folder(place: &Path) -> io::Result<()> {
    if fs::metadata(place)?.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}
