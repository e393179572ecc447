//! A directory that writes down what is asked of it.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::dir::{Dir, Entry, Held, Metadata, ReadAt, WriteAt};
use crate::publish::STAGE_PREFIX;

/// What only looks and changes nothing.
const LOOKS: [&str; 6] = ["open_read ", "open_write ", "read ", "len ", "list ", "metadata "];

/// Passes everything on to another directory and notes each call as one line of text, such as `write ledger.ndjson 0+212`
/// (offset and length), `rename .stage-* -> FORMAT.json` or `sync_dir .`; a call that failed ends with its error in
/// brackets. Staged names are shown as `.stage-*`, so the notes are the same every time. Clones share the notes.
#[derive(Debug, Clone)]
pub struct RecordingDir<D> {
    inner: D,
    notes: Notes,
}

#[derive(Debug, Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

impl<D: Dir> RecordingDir<D> {
    /// Over a directory, with nothing noted.
    pub fn new(inner: D) -> Self {
        Self { inner, notes: Notes::default() }
    }

    /// Every call so far.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.notes.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The calls so far that change or sync something.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let mut notes = self.notes();
        notes.retain(|note| !LOOKS.iter().any(|look| note.starts_with(look)));
        notes
    }

    /// Forgets the calls so far.
    pub fn clear(&self) {
        self.notes.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Notes {
    fn note<T>(&self, call: impl fmt::Display, result: io::Result<T>) -> io::Result<T> {
        let mut note = call.to_string();
        if let Err(error) = &result {
            note.push_str(&format!(" [{:?}]", error.kind()));
        }
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note);
        result
    }
}

/// A path as it is noted.
fn shown(path: &str) -> String {
    let component = |name: &str| {
        if name.starts_with(STAGE_PREFIX) { format!("{STAGE_PREFIX}*") } else { name.to_owned() }
    };
    if path.is_empty() {
        ".".to_owned()
    } else {
        path.split('/').map(component).collect::<Vec<_>>().join("/")
    }
}

impl<D: Dir> RecordingDir<D> {
    fn file<F>(&self, path: &str, file: F) -> RecordingFile<F> {
        RecordingFile { inner: file, path: shown(path), notes: self.notes.clone() }
    }
}

impl<D: Dir> Dir for RecordingDir<D> {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.notes.note(format_args!("create_dir {}", shown(path)), self.inner.create_dir(path))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteAt>> {
        let file = self.notes.note(format_args!("create {}", shown(path)), self.inner.create(path))?;
        Ok(Box::new(self.file(path, file)))
    }

    fn open_write(&self, path: &str) -> io::Result<Box<dyn WriteAt>> {
        let file =
            self.notes.note(format_args!("open_write {}", shown(path)), self.inner.open_write(path))?;
        Ok(Box::new(self.file(path, file)))
    }

    fn open_read(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        let file = self.notes.note(format_args!("open_read {}", shown(path)), self.inner.open_read(path))?;
        Ok(Box::new(self.file(path, file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let call = format_args!("rename {} -> {}", shown(from), shown(to)).to_string();
        self.notes.note(call, self.inner.rename(from, to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.notes.note(format_args!("remove {}", shown(path)), self.inner.remove(path))
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.notes.note(format_args!("sync_dir {}", shown(path)), self.inner.sync_dir(path))
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.notes.note(format_args!("list {}", shown(path)), self.inner.list(path))
    }

    fn metadata(&self, path: &str) -> io::Result<Metadata> {
        self.notes.note(format_args!("metadata {}", shown(path)), self.inner.metadata(path))
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Held>>> {
        self.notes.note(format_args!("try_lock {}", shown(path)), self.inner.try_lock(path))
    }

    fn local_path(&self, path: &str) -> PathBuf {
        self.inner.local_path(path)
    }
}

#[derive(Debug)]
struct RecordingFile<F> {
    inner: F,
    path: String,
    notes: Notes,
}

impl<F: ReadAt> ReadAt for RecordingFile<F> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let call = format!("read {} {offset}+{}", self.path, buffer.len());
        self.notes.note(call, self.inner.read_at(offset, buffer))
    }

    fn len(&self) -> io::Result<u64> {
        self.notes.note(format_args!("len {}", self.path), self.inner.len())
    }
}

impl<F: WriteAt> WriteAt for RecordingFile<F> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let call = format!("write {} {offset}+{}", self.path, bytes.len());
        self.notes.note(call, self.inner.write_at(offset, bytes))
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.notes.note(format_args!("sync_data {}", self.path), self.inner.sync_data())
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.notes.note(format_args!("sync_all {}", self.path), self.inner.sync_all())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.notes.note(format_args!("set_len {} {len}", self.path), self.inner.set_len(len))
    }
}
