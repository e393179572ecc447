//! Appending to a log, and opening one after a crash.

use std::io;
use std::sync::Arc;

use crate::dir::{Dir, WriteAt, read_whole};
use crate::hash::Sha256Hash;
use crate::log::error::{LogError, LogErrorKind};
use crate::log::line::{MAX_APPEND_BYTES, Place, write_line};
use crate::log::lines::Lines;
use crate::log::members::Members;
use crate::log::survey::{Head, LogPlace, Survey, TornTail, survey};
use crate::path::parent;
use crate::publish::publish;

/// A log open for appending. There must be one at a time: hold the [`Lock`](crate::Lock).
///
/// An append is one write at the known end and one fdatasync; when it returns `Ok`, its lines survive a crash. After a
/// failed append the log takes no more until it is opened again, since it is unknown what reached the disk.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_durable::{AppendLog, Members, OsDir, ZERO_SEED};
/// # let temp = tempfile::tempdir()?;
/// let dir = Arc::new(OsDir::open(temp.path())?);
/// let mut log = AppendLog::create(dir.clone(), "ledger.ndjson", ZERO_SEED)?;
/// log.append(&Members::new(&serde_json::json!({"change": "open", "segment": 1}))?)?;
/// drop(log);
///
/// let log = AppendLog::open(dir, "ledger.ndjson", ZERO_SEED, "ledger.torn")?;
/// assert_eq!(log.head().lines, 1);
/// assert_eq!(log.lines().next().unwrap()?.members()?["change"], "open");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Line format
///
/// The file is a series of lines, each one JSON object without white space, ended by one newline (0x0A):
///
/// ```text
/// {"prev":"<64 hex>"[,<members>][,"group":[<first>,<last>]],"n":<number>,"self":"<64 hex>"}
/// ```
///
/// - `prev`: SHA-256 of the bytes of the line before, without its newline; in line 1 the log's seed. Lower-case
///   hexadecimal, as every hash here.
/// - the members of the caller as compact JSON, in the caller's order; none of them is called `prev`, `group`, `n` or
///   `self`, and none is there twice.
/// - `group`: only in lines that were appended together with others: the numbers of the first and the last of them.
///   A group that is not there whole counts as not there.
/// - `n`: the number of the line; the first is 1, each next one is one more. No leading zeros, here and in `group`.
/// - `self`: SHA-256 of the bytes of this line that stand before `,"self":"`, which is all but its last 75 bytes
///   (76 with the newline).
///
/// `prev` shows a line that was changed, removed, added or moved; `self` shows a change to the last line, for which no
/// later one vouches. What neither shows is that the *end* of the file is gone, whole lines or whole sectors (which
/// looks like an append that a crash tore): whoever must notice that keeps the [`Head`] elsewhere. Any SHA-256 tool can
/// check it:
///
/// ```text
/// tail -n 1 ledger.ndjson | head -c -76 | sha256sum      # is `self` of the last line
/// sed -n 6p ledger.ndjson | tr -d '\n' | sha256sum       # is `prev` of line 7
/// ```
#[derive(Debug)]
pub struct AppendLog {
    dir: Arc<dyn Dir>,
    path: String,
    seed: Sha256Hash,
    file: Box<dyn WriteAt>,
    head: Head,
    /// Where the last whole line ends and the next append begins.
    end: u64,
    poisoned: bool,
    recovered: Option<Recovered>,
}

/// What opening a log moved out of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Where the torn bytes were in the log.
    pub tail: TornTail,
    /// The file they are in now.
    pub quarantine: String,
}

impl AppendLog {
    /// Makes an empty log that was not there, and makes its name durable. Line 1 will carry `seed`:
    /// [`ZERO_SEED`](crate::ZERO_SEED), or a hash of what the log belongs to, so that it cannot stand in for another.
    ///
    /// # Errors
    ///
    /// [`LogErrorKind::Io`], `AlreadyExists` among it.
    pub fn create(dir: Arc<dyn Dir>, path: &str, seed: Sha256Hash) -> Result<Self, LogError> {
        let created = || {
            let mut file = dir.create(path)?;
            file.sync_all()?;
            dir.sync_dir(parent(path))?;
            Ok::<_, io::Error>(file)
        };
        let file = created().map_err(|error| LogError::new("create", path, error))?;
        let head = Head { lines: 0, hash: seed };
        Ok(Self { dir, path: path.to_owned(), seed, file, head, end: 0, poisoned: false, recovered: None })
    }

    /// Opens a log that is there, checking every line. `seed` is the one it was made with.
    ///
    /// A torn tail (what a crash leaves of an append that nobody was told had succeeded) is first copied to
    /// `quarantine`, durably, and then cut off. If that name is taken by something else, `.2`, `.3`, … is put behind it.
    /// Its folder must be there. [`recovered`](AppendLog::recovered) tells.
    ///
    /// The last append is written once more and synced before this returns: the process that wrote it may have died
    /// between write and sync, or its sync may have failed, and then the bytes can be readable without being on the disk.
    ///
    /// # Errors
    ///
    /// [`LogErrorKind::Damage`] with the first bad line, and nothing was changed; [`LogErrorKind::Io`], `NotFound`
    /// among it.
    pub fn open(dir: Arc<dyn Dir>, path: &str, seed: Sha256Hash, quarantine: &str) -> Result<Self, LogError> {
        let (file, survey, recovered) =
            recover(&*dir, path, seed, quarantine).map_err(|kind| LogError::new("open", path, kind))?;
        let Survey { head, end, .. } = survey;
        Ok(Self { dir, path: path.to_owned(), seed, file, head, end, poisoned: false, recovered })
    }

    /// Appends one line. When this returns `Ok`, it survives a crash.
    ///
    /// # Errors
    ///
    /// [`LogErrorKind::Io`]: nothing is acknowledged, and the log is poisoned; [`LogErrorKind::Poisoned`] ever after;
    /// [`LogErrorKind::TooLarge`]: nothing was written, the log goes on.
    pub fn append(&mut self, members: &Members) -> Result<Head, LogError> {
        self.append_group(std::slice::from_ref(members))
    }

    /// Appends several lines with one write and one fdatasync. When this returns `Ok`, they survive a crash; after a
    /// crash before that, all of them are there or none. No lines is `Ok` and does nothing.
    ///
    /// # Errors
    ///
    /// As [`append`](AppendLog::append).
    pub fn append_group(&mut self, group: &[Members]) -> Result<Head, LogError> {
        if group.is_empty() {
            return Ok(self.head);
        }
        self.write_group(group).map_err(|kind| LogError::new("append to", &self.path, kind))?;
        Ok(self.head)
    }

    fn write_group(&mut self, group: &[Members]) -> Result<(), LogErrorKind> {
        if self.poisoned {
            return Err(LogErrorKind::Poisoned);
        }
        let mut head = self.head;
        let whole = (group.len() > 1).then(|| (head.lines + 1, head.lines + group.len() as u64));
        let mut bytes = Vec::new();
        for members in group {
            head.lines += 1;
            head.hash =
                write_line(&mut bytes, &head.hash, members, Place { number: head.lines, group: whole });
        }
        let len = bytes.len() as u64;
        if len > MAX_APPEND_BYTES {
            return Err(LogErrorKind::TooLarge { bytes: len });
        }
        // Until both succeed; a panic in between counts as a failure too.
        self.poisoned = true;
        if let Err(error) = self.file.write_at(self.end, &bytes) {
            self.cut_off_rest();
            return Err(error.into());
        }
        self.file.sync_data()?;
        self.poisoned = false;
        self.head = head;
        self.end += len;
        Ok(())
    }

    /// After a failed write (a full disk, mostly): takes back what it left, so that the next opening has nothing to
    /// move. Best effort and no sync: whether it is there or not, nobody was told that it is. Through a handle of
    /// its own, since ours is poisoned. Not after a failed sync: then the state is for the next opening to look at.
    fn cut_off_rest(&self) {
        if let Ok(mut file) = self.dir.open_write(&self.path) {
            let _ = file.set_len(self.end);
        }
    }

    /// The last line that is durable.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// What opening moved out of the way, if anything.
    #[must_use]
    pub fn recovered(&self) -> Option<&Recovered> {
        self.recovered.as_ref()
    }

    /// The log file, relative to the directory.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The lines from the first to the head, each checked again as it is read.
    #[must_use]
    pub fn lines(&self) -> Lines<'_> {
        Lines::new(&self.path, &*self.file, self.seed, self.end)
    }
}

type Opened = (Box<dyn WriteAt>, Survey, Option<Recovered>);

fn recover(dir: &dyn Dir, path: &str, seed: Sha256Hash, quarantine: &str) -> Result<Opened, LogErrorKind> {
    let mut file = dir.open_write(path)?;
    let survey = survey(&*file, LogPlace::start(seed))?;
    let mut recovered = None;
    if let Some(tail) = survey.torn {
        let bytes = read_range(&*file, tail.offset, tail.len)?;
        recovered = Some(Recovered { tail, quarantine: keep(dir, quarantine, &bytes)? });
        file.set_len(survey.end)?;
    }
    let last_append = read_range(&*file, survey.last_append, survey.end - survey.last_append)?;
    if !last_append.is_empty() {
        file.write_at(survey.last_append, &last_append)?;
    }
    file.sync_all()?;
    // The process that made the file may have died before it synced the name.
    dir.sync_dir(parent(path))?;
    Ok((file, survey, recovered))
}

/// Bytes of one append at most, so they fit into memory.
fn read_range(file: &dyn WriteAt, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    file.read_exact_at(offset, &mut bytes)?;
    Ok(bytes)
}

/// Keeps bytes under the given name, or under the first of `.2`, `.3`, … that is free. Bytes that are kept already (by
/// an opening that a crash interrupted) are not kept twice.
fn keep(dir: &dyn Dir, name: &str, bytes: &[u8]) -> io::Result<String> {
    let mut path = name.to_owned();
    for number in 2_u64.. {
        match dir.metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error),
            Ok(found) if found.len == bytes.len() as u64 => {
                if read_whole(dir, &path, found.len)? == bytes {
                    // Whoever published it may have died before the folder was synced.
                    dir.sync_dir(parent(&path))?;
                    return Ok(path);
                }
            }
            Ok(_) => {}
        }
        path = format!("{name}.{number}");
    }
    publish(dir, &path, bytes)?;
    Ok(path)
}
