//! A directory in memory that knows what is durable and what is not.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::dir::{Dir, Entry, EntryKind, Held, Metadata, ReadAt, WriteAt};
use crate::failure::during;
use crate::path::{check_dir_path, check_path, parent};

/// A directory tree in memory. Clones are the same tree.
///
/// It keeps apart what every process sees and what is on the disk. Writes reach the disk by `sync_data` or `sync_all` of
/// the file, names by `sync_dir` of their folder, and neither does the other's work. [`crash`](MemoryDir::crash) stops
/// the machine, [`crash_process`](MemoryDir::crash_process) only the process.
#[derive(Debug, Clone)]
pub struct MemoryDir {
    state: Arc<Mutex<State>>,
    local: PathBuf,
}

/// The tree.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// The files that ever were; a name or a handle refers to one by its place here.
    pub(super) files: Vec<Content>,
    /// The names as every process sees them.
    pub(super) names: BTreeMap<String, Node>,
    /// The names on the disk.
    pub(super) durable_names: BTreeMap<String, Node>,
    /// What leads from the one to the other, oldest first.
    pub(super) unsynced_names: Vec<Unsynced>,
    pub(super) locked: BTreeSet<String>,
}

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Node {
    Dir,
    File(usize),
}

/// A change of names that waits for a `sync_dir` of these folders.
#[derive(Debug, Clone)]
pub(super) struct Unsynced {
    folders: BTreeSet<String>,
    pub(super) change: NameChange,
}

/// A change of names, done wholly or not at all.
#[derive(Debug, Clone)]
pub(super) enum NameChange {
    Add { path: String, node: Node },
    Rename { from: String, to: String, node: Node },
    Remove { path: String },
}

impl NameChange {
    /// Does the change to the names on the disk, whatever others were done before it.
    pub(super) fn apply(&self, names: &mut BTreeMap<String, Node>) {
        match self {
            Self::Add { path, node } => {
                names.insert(path.clone(), *node);
            }
            Self::Rename { from, to, node } => {
                if names.get(from) == Some(node) {
                    names.remove(from);
                }
                names.insert(to.clone(), *node);
            }
            Self::Remove { path } => {
                names.remove(path);
            }
        }
    }
}

/// The content of a file.
#[derive(Debug, Clone, Default)]
pub(super) struct Content {
    /// As every process sees it.
    pub(super) visible: Vec<u8>,
    /// As it is on the disk.
    pub(super) durable: Vec<u8>,
    /// What was done to it since the last sync, oldest first.
    pub(super) unsynced: Vec<Change>,
}

/// A change of content.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    SetLen(usize),
}

impl Change {
    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => put(content, *offset, bytes),
            Self::SetLen(len) => content.resize(*len, 0),
        }
    }
}

/// Writes bytes into a content, which grows as needed.
pub(super) fn put(content: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}

impl Content {
    fn change(&mut self, change: Change) {
        change.apply(&mut self.visible);
        self.unsynced.push(change);
    }

    fn sync(&mut self) {
        // Not simply `visible`: after `forget_unsynced` that has bytes which never reach the disk.
        for change in self.unsynced.drain(..) {
            change.apply(&mut self.durable);
        }
    }
}

impl Default for MemoryDir {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryDir {
    /// An empty tree. [`local_path`](Dir::local_path) leads nowhere; [`with_local`](MemoryDir::with_local) changes that.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Arc::default(), local: PathBuf::from("memory") }
    }

    /// The same tree, whose [`local_path`](Dir::local_path) is in `folder`: a temporary folder of the caller, for what
    /// needs a real file.
    #[must_use]
    pub fn with_local(self, folder: impl Into<PathBuf>) -> Self {
        Self { local: folder.into(), ..self }
    }

    pub(super) fn with_state(&self, state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)), local: self.local.clone() }
    }

    /// What is left when the process dies and the machine goes on: everything that was written, synced or not, and no
    /// locks. What was not synced still is not. This tree is not changed.
    #[must_use]
    pub fn crash_process(&self) -> Self {
        let mut state = self.lock().clone();
        state.locked.clear();
        self.with_state(state)
    }

    /// What a failed fsync may do: the unsynced writes of a file stay readable, and no later sync brings them to the
    /// disk. (A length set is not forgotten: it is one number that the system holds and writes with the next sync.) For [`FaultyDir::on_failed_sync`](super::FaultyDir::on_failed_sync).
    pub fn forget_unsynced(&self, path: &str) {
        let mut state = self.lock();
        if let Some(Node::File(file)) = state.names.get(path).copied() {
            state.files[file].unsynced.retain(|change| matches!(change, Change::SetLen(_)));
        }
    }

    /// Puts bytes under a name, both durable: what a test begins with. Folders above it are made.
    pub fn plant(&self, path: &str, bytes: &[u8]) {
        let mut state = self.lock();
        for (end, _) in path.match_indices('/') {
            state.names.insert(path[..end].to_owned(), Node::Dir);
            state.durable_names.insert(path[..end].to_owned(), Node::Dir);
        }
        let node = Node::File(state.files.len());
        state.files.push(Content { visible: bytes.to_vec(), durable: bytes.to_vec(), unsynced: Vec::new() });
        state.names.insert(path.to_owned(), node);
        state.durable_names.insert(path.to_owned(), node);
    }

    /// The files there are with their contents, as every process sees them.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.lock();
        let files = state.names.iter().filter_map(|(path, node)| match node {
            Node::File(file) => Some((path.clone(), state.files[*file].visible.clone())),
            Node::Dir => None,
        });
        files.collect()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked elsewhere tells more than a second panic here.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, path: &str) -> io::Result<MemoryFile> {
        check_path(path)?;
        match self.lock().names.get(path) {
            Some(Node::File(file)) => Ok(MemoryFile { dir: self.clone(), file: *file }),
            Some(Node::Dir) => Err(failed("open", path, io::ErrorKind::IsADirectory)),
            None => Err(failed("open", path, io::ErrorKind::NotFound)),
        }
    }
}

fn failed(operation: &'static str, path: &str, kind: io::ErrorKind) -> io::Error {
    during(operation, Path::new(path))(kind.into())
}

impl State {
    fn is_dir(&self, path: &str) -> bool {
        path.is_empty() || self.names.get(path) == Some(&Node::Dir)
    }

    /// Whether a name can be made here.
    fn check_parent(&self, operation: &'static str, path: &str) -> io::Result<()> {
        match parent(path) {
            folder if self.is_dir(folder) => Ok(()),
            folder if self.names.contains_key(folder) => {
                Err(failed(operation, path, io::ErrorKind::NotADirectory))
            }
            _ => Err(failed(operation, path, io::ErrorKind::NotFound)),
        }
    }

    fn add(&mut self, path: &str, node: Node) {
        self.names.insert(path.to_owned(), node);
        self.note(&[path], NameChange::Add { path: path.to_owned(), node });
    }

    fn add_file(&mut self, path: &str) -> usize {
        let file = self.files.len();
        self.files.push(Content::default());
        self.add(path, Node::File(file));
        file
    }

    fn note(&mut self, paths: &[&str], change: NameChange) {
        let folders = paths.iter().map(|path| parent(path).to_owned()).collect();
        self.unsynced_names.push(Unsynced { folders, change });
    }

    fn file_at(&self, operation: &'static str, path: &str) -> io::Result<Node> {
        match self.names.get(path) {
            Some(Node::Dir) => Err(failed(operation, path, io::ErrorKind::IsADirectory)),
            Some(node) => Ok(*node),
            None => Err(failed(operation, path, io::ErrorKind::NotFound)),
        }
    }
}

impl Dir for MemoryDir {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        check_path(path)?;
        let mut state = self.lock();
        state.check_parent("create folder", path)?;
        if state.names.contains_key(path) {
            return Err(failed("create folder", path, io::ErrorKind::AlreadyExists));
        }
        state.add(path, Node::Dir);
        Ok(())
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn WriteAt>> {
        check_path(path)?;
        let mut state = self.lock();
        state.check_parent("create", path)?;
        if state.names.contains_key(path) {
            return Err(failed("create", path, io::ErrorKind::AlreadyExists));
        }
        let file = state.add_file(path);
        Ok(Box::new(MemoryFile { dir: self.clone(), file }))
    }

    fn open_write(&self, path: &str) -> io::Result<Box<dyn WriteAt>> {
        Ok(Box::new(self.open(path)?))
    }

    fn open_read(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(self.open(path)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        check_path(from)?;
        check_path(to)?;
        let mut state = self.lock();
        let node = state.file_at("rename", from)?;
        state.check_parent("rename to", to)?;
        if state.is_dir(to) {
            return Err(failed("rename to", to, io::ErrorKind::IsADirectory));
        }
        state.names.remove(from);
        state.names.insert(to.to_owned(), node);
        state.note(&[from, to], NameChange::Rename { from: from.to_owned(), to: to.to_owned(), node });
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        check_path(path)?;
        let mut state = self.lock();
        state.file_at("remove", path)?;
        state.names.remove(path);
        state.note(&[path], NameChange::Remove { path: path.to_owned() });
        Ok(())
    }

    fn sync_dir(&self, path: &str) -> io::Result<()> {
        check_dir_path(path)?;
        let mut state = self.lock();
        if !state.is_dir(path) {
            let missing = !state.names.contains_key(path);
            let kind = if missing { io::ErrorKind::NotFound } else { io::ErrorKind::NotADirectory };
            return Err(failed("fsync of folder", path, kind));
        }
        let State { unsynced_names, durable_names, .. } = &mut *state;
        unsynced_names.retain_mut(|unsynced| {
            unsynced.folders.remove(path);
            if unsynced.folders.is_empty() {
                unsynced.change.apply(durable_names);
            }
            !unsynced.folders.is_empty()
        });
        Ok(())
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        check_dir_path(path)?;
        let state = self.lock();
        if !state.is_dir(path) {
            let missing = !state.names.contains_key(path);
            let kind = if missing { io::ErrorKind::NotFound } else { io::ErrorKind::NotADirectory };
            return Err(failed("list", path, kind));
        }
        let inside = state.names.iter().filter(|(name, _)| parent(name) == path);
        let entries = inside.map(|(name, node)| {
            let name = name.rsplit('/').next().unwrap_or(name).to_owned();
            Entry { name, kind: kind_of(*node) }
        });
        Ok(entries.collect())
    }

    fn metadata(&self, path: &str) -> io::Result<Metadata> {
        check_dir_path(path)?;
        let state = self.lock();
        if state.is_dir(path) {
            return Ok(Metadata { kind: EntryKind::Dir, len: 0 });
        }
        match state.names.get(path) {
            Some(Node::File(file)) => {
                Ok(Metadata { kind: EntryKind::File, len: state.files[*file].visible.len() as u64 })
            }
            _ => Err(failed("look at", path, io::ErrorKind::NotFound)),
        }
    }

    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Held>>> {
        check_path(path)?;
        let mut state = self.lock();
        state.check_parent("lock", path)?;
        if !state.names.contains_key(path) {
            state.add_file(path);
        }
        state.file_at("lock", path)?;
        if !state.locked.insert(path.to_owned()) {
            return Ok(None);
        }
        Ok(Some(Box::new(MemoryLock { dir: self.clone(), path: path.to_owned() })))
    }

    fn local_path(&self, path: &str) -> PathBuf {
        if check_path(path).is_ok() { self.local.join(path) } else { self.local.clone() }
    }
}

fn kind_of(node: Node) -> EntryKind {
    match node {
        Node::Dir => EntryKind::Dir,
        Node::File(_) => EntryKind::File,
    }
}

/// A lock of this tree; a crashed tree is another one, so it frees every lock.
#[derive(Debug)]
struct MemoryLock {
    dir: MemoryDir,
    path: String,
}

impl Held for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.dir.lock().locked.remove(&self.path);
    }
}

#[derive(Debug)]
struct MemoryFile {
    dir: MemoryDir,
    file: usize,
}

impl MemoryFile {
    fn change(&self, change: Change) {
        self.dir.lock().files[self.file].change(change);
    }
}

/// A place in memory; offsets beyond it are a mistake of the caller.
fn place(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

impl ReadAt for MemoryFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let state = self.dir.lock();
        let content = &state.files[self.file].visible;
        let rest = content.get(place(offset)?..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.dir.lock().files[self.file].visible.len() as u64)
    }
}

impl WriteAt for MemoryFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.change(Change::Write { offset: place(offset)?, bytes: bytes.to_vec() });
        Ok(())
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.dir.lock().files[self.file].sync();
        Ok(())
    }

    fn sync_all(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.change(Change::SetLen(place(len)?));
        Ok(())
    }
}
