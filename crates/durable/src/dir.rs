//! The door: what this crate asks of a directory and of a file.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// What an entry of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// Anything else (a symbolic link, a device, a name that is not UTF-8): nothing this crate makes or opens.
    Other,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The last component of the path. A name that is not UTF-8 is shown with replacement characters.
    pub name: String,
    /// What the name stands for.
    pub kind: EntryKind,
}

/// What is known of a path without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// What the path stands for.
    pub kind: EntryKind,
    /// Length in bytes; of a file only, else 0.
    pub len: u64,
}

/// A directory tree, and the only way in this workspace to change a file.
///
/// **Paths** are relative to the root, separated by `/`, and pass [`check_path`](crate::check_path); what does not
/// pass is [`io::ErrorKind::InvalidInput`] and nothing happens. `sync_dir`, `list`, `metadata` and `local_path` also
/// take `""`, the root itself.
///
/// **Durability.** A change of *names* (`create_dir`, `create`, `rename`, `remove`) is visible at once to every
/// process, and survives a crash of the machine only after [`sync_dir`](Dir::sync_dir) of the folder that holds the
/// name returned `Ok`; until then each such change may be there or not, in any combination. A change of *content*
/// survives only after `sync_data` or `sync_all` of the file ([`WriteAt`]). Neither includes the other: the
/// content of a synced file is lost with its name. A crash of the process alone loses nothing that returned `Ok`.
///
/// **Errors** keep the [`io::ErrorKind`] of the cause and name operation and file ([`Failure`](crate::Failure)).
pub trait Dir: Send + Sync + fmt::Debug {
    /// Creates one directory, for the owner only (0700). Durable after `sync_dir` of its parent.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) if the name is taken, [`NotFound`](io::ErrorKind::NotFound)
    /// if the parent is missing; else what the system says.
    fn create_dir(&self, path: &str) -> io::Result<()>;

    /// Creates an empty file that was not there, for the owner only (0600), and opens it for reading and writing.
    /// The name is durable after `sync_dir` of its parent, the content as [`WriteAt`] says.
    ///
    /// # Errors
    ///
    /// [`AlreadyExists`](io::ErrorKind::AlreadyExists) if the name is taken; else as [`create_dir`](Dir::create_dir).
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteAt>>;

    /// Opens a file that is there for reading and writing. Its content is untouched.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if it is not there; else what the system says.
    fn open_write(&self, path: &str) -> io::Result<Box<dyn WriteAt>>;

    /// Opens a file that is there for reading.
    ///
    /// # Errors
    ///
    /// As [`open_write`](Dir::open_write).
    fn open_read(&self, path: &str) -> io::Result<Box<dyn ReadAt>>;

    /// Gives a file another name in the same tree. A file that had the new name is replaced, in one step: every
    /// process sees the one or the other under it, and so does whoever looks after a crash. Durable after
    /// `sync_dir` of the new parent, and of the old one if it is another. Files only, not directories.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if `from` is not there; else what the system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes the name of a file. Whoever has it open keeps reading. Durable after `sync_dir` of the parent.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if it is not there; else what the system says.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes the names in one directory (not those further down) durable, as they are now.
    ///
    /// # Errors
    ///
    /// What the system says. After a failure it is unknown which names are durable: trying again and succeeding
    /// proves nothing, so treat the change as not done and look again after the next start.
    fn sync_dir(&self, path: &str) -> io::Result<()>;

    /// The names in one directory, sorted.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) or [`NotADirectory`](io::ErrorKind::NotADirectory); else what the
    /// system says.
    fn list(&self, path: &str) -> io::Result<Vec<Entry>>;

    /// What a path stands for, and how long it is. A symbolic link is not followed.
    ///
    /// # Errors
    ///
    /// [`NotFound`](io::ErrorKind::NotFound) if nothing is there; else what the system says.
    fn metadata(&self, path: &str) -> io::Result<Metadata>;

    /// Takes the exclusive lock on a file, making the file if it is not there; it is never removed. `None` when
    /// somebody else, in this process or another, has it. Use [`Lock`](crate::Lock), which waits and names the
    /// holder. The lock ends when the value is dropped, and with the process, however it ends.
    ///
    /// # Errors
    ///
    /// What the system says, [`ReadOnlyFilesystem`](io::ErrorKind::ReadOnlyFilesystem) and
    /// [`PermissionDenied`](io::ErrorKind::PermissionDenied) among it.
    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Held>>>;

    /// Where a path is on this machine: for messages, and for SQLite, which opens its own files. A directory in
    /// memory answers with a place in a temporary folder beside it, where its other files are *not*.
    ///
    /// The path is **not** checked here when it fails [`check_path`](crate::check_path): the answer is then the root.
    fn local_path(&self, path: &str) -> PathBuf;
}

/// A lock that is held until this value is dropped ([`Dir::try_lock`]).
pub trait Held: Send + Sync + fmt::Debug {}

/// A file open for positional reading. Several threads may read at once.
pub trait ReadAt: Send + Sync + fmt::Debug {
    /// Reads up to `buffer.len()` bytes from `offset` and says how many; fewer than asked is not the end, 0 is (or
    /// an empty buffer). An interrupted call is repeated here.
    ///
    /// # Errors
    ///
    /// What the system says, naming the file.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Length of the file now, in bytes.
    ///
    /// # Errors
    ///
    /// What the system says, naming the file.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file is empty now.
    ///
    /// # Errors
    ///
    /// As [`len`](ReadAt::len).
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills the whole buffer from `offset`.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) when the file ends first; else as [`read_at`](ReadAt::read_at).
    fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            match self.read_at(offset + done as u64, &mut buffer[done..])? {
                0 => {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "the file ends before the bytes asked for",
                    ));
                }
                read => done += read,
            }
        }
        Ok(())
    }
}

/// A file open for positional reading and writing.
///
/// **A failed change poisons the handle.** After `write_at`, `sync_data`, `sync_all` or `set_len` gave an error, every
/// later one of them on this handle fails ([`is_poisoned`](crate::is_poisoned)) *without asking the system*: it may
/// drop the pages it could not write and then call the next fsync a success, so a second fsync on the same handle
/// proves nothing. Reading goes on.
pub trait WriteAt: ReadAt {
    /// Writes all the bytes at `offset`; a gap before them reads as zeros. Visible to every reader at once, durable
    /// after `sync_data`. Until then a crash of the machine may keep any sectors of it and lose the others.
    ///
    /// # Errors
    ///
    /// What the system says, naming the file; some of the bytes may be written. The handle is poisoned.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes content and length durable (fdatasync): when it returned `Ok`, every earlier `write_at` and `set_len`
    /// of this handle survives a crash of the machine, as far as the disk keeps its word.
    ///
    /// # Errors
    ///
    /// What the system says, naming the file; nothing since the last success is known to be durable. The handle is
    /// poisoned.
    fn sync_data(&mut self) -> io::Result<()>;

    /// As [`sync_data`](WriteAt::sync_data), with the rest of the metadata (fsync).
    ///
    /// # Errors
    ///
    /// As [`sync_data`](WriteAt::sync_data).
    fn sync_all(&mut self) -> io::Result<()>;

    /// Cuts the file, or makes it longer with zeros. Durable after `sync_all` or `sync_data`.
    ///
    /// # Errors
    ///
    /// What the system says, naming the file. The handle is poisoned.
    fn set_len(&mut self, len: u64) -> io::Result<()>;
}

impl<T: ReadAt + ?Sized> ReadAt for Box<T> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        (**self).read_at(offset, buffer)
    }

    fn len(&self) -> io::Result<u64> {
        (**self).len()
    }
}

impl<T: WriteAt + ?Sized> WriteAt for Box<T> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        (**self).write_at(offset, bytes)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        (**self).sync_data()
    }

    fn sync_all(&mut self) -> io::Result<()> {
        (**self).sync_all()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        (**self).set_len(len)
    }
}

/// A whole small file, or an error when it is longer than `limit` bytes.
///
/// # Errors
///
/// [`FileTooLarge`](io::ErrorKind::FileTooLarge) above the limit; else as [`Dir::open_read`] and [`ReadAt::read_at`].
pub fn read_whole(dir: &dyn Dir, path: &str, limit: u64) -> io::Result<Vec<u8>> {
    let file = dir.open_read(path)?;
    let len = file.len()?;
    if len > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("{} has {len} bytes where at most {limit} were expected", dir.local_path(path).display()),
        ));
    }
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_exact_at(0, &mut bytes)?;
    Ok(bytes)
}
