//! Archives to test with, and the clock they run by.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use frontdesk_archive::{
    Clock, Prepared, ReadOptions, Reader, Settings, VerifyOptions, VerifyReport, Writer,
};
use frontdesk_domain::{RecordKey, RecordKind, Timestamp};
use frontdesk_durable::testing::EROFS;
use frontdesk_durable::{Dir, Entry, Held, Metadata, ReadAt, WriteAt};

/// A clock that gains a second each time it is read: no test depends on the time of day.
pub(crate) fn clock() -> Clock {
    let now = AtomicI64::new(1_767_225_600_000_000); // 2026-01-01
    Arc::new(move || Timestamp::from_micros(now.fetch_add(1_000_000, Ordering::Relaxed)).unwrap())
}

/// Settings of a small archive: nothing waits, segments are small.
pub(crate) fn settings() -> Settings {
    Settings {
        segment_size: 16 * 1024,
        level: 1,
        wait: Duration::ZERO,
        holder: "a test".to_owned(),
        reserve: 0,
        workers: 2,
        ..Settings::default()
    }
}

pub(crate) fn read_options() -> ReadOptions {
    ReadOptions { workers: 2, holder: "a reading test".to_owned(), many_searches: false }
}

/// A folder for one archive, removed with this value.
pub(crate) struct Place {
    _temp: tempfile::TempDir,
    root: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("archive");
        Self { _temp: temp, root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn writer(&self) -> Writer {
        Writer::open(&self.root, &settings(), clock()).unwrap()
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.root, &read_options()).unwrap()
    }

    /// The same of who answers many searches.
    pub(crate) fn held_reader(&self) -> Reader {
        Reader::open(&self.root, &ReadOptions { many_searches: true, ..read_options() }).unwrap()
    }

    pub(crate) fn verify(&self) -> VerifyReport {
        verify(&self.reader())
    }
}

pub(crate) fn verify(reader: &Reader) -> VerifyReport {
    reader.verify(&VerifyOptions::default(), &mut |_| {}).unwrap()
}

/// A conversation of a given month with some text in it.
pub(crate) fn conversation(id: &str, month: u8, text: &str) -> Vec<u8> {
    let value = serde_json::json!({
        "id": id,
        "startTime": format!("2025-{month:02}-03T10:00:00Z"),
        "interactions": [{"transcript": text}],
    });
    serde_json::to_vec(&value).unwrap()
}

/// Letters that do not compress much, always the same for a seed.
pub(crate) fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state % 26) as u8)
    };
    (0..length).map(|_| letter()).collect()
}

pub(crate) fn prepared(line: &[u8]) -> Prepared {
    Prepared::from_details(line.to_vec()).unwrap()
}

pub(crate) fn key(id: &str) -> RecordKey {
    RecordKey { kind: RecordKind::Details, id: id.parse().unwrap() }
}

/// Every file below a folder with its bytes, the lock's files left out.
pub(crate) fn files(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                if !name.starts_with("lock") {
                    found.push((name, std::fs::read(&path).unwrap()));
                }
            }
        }
    }
    found.sort();
    found
}

/// Copies a folder, as it lies.
#[expect(clippy::disallowed_methods, reason = "a test plays the part of whoever copies an archive")]
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// Puts other bytes in a file, as damage does.
#[expect(clippy::disallowed_methods, reason = "a test plays the part of what damages a file")]
pub(crate) fn overwrite(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

/// A directory in which every change fails as on a read-only file system.
#[derive(Debug, Clone)]
pub(crate) struct ReadOnly<D>(pub(crate) D);

fn refused<T>() -> io::Result<T> {
    Err(io::Error::from_raw_os_error(EROFS))
}

impl<D: Dir> Dir for ReadOnly<D> {
    fn create_dir(&self, _: &str) -> io::Result<()> {
        refused()
    }

    fn create(&self, _: &str) -> io::Result<Box<dyn WriteAt>> {
        refused()
    }

    fn open_write(&self, _: &str) -> io::Result<Box<dyn WriteAt>> {
        refused()
    }

    fn open_read(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        self.0.open_read(path)
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        refused()
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        refused()
    }

    fn sync_dir(&self, _: &str) -> io::Result<()> {
        refused()
    }

    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.0.list(path)
    }

    fn metadata(&self, path: &str) -> io::Result<Metadata> {
        self.0.metadata(path)
    }

    fn try_lock(&self, _: &str) -> io::Result<Option<Box<dyn Held>>> {
        refused()
    }

    fn local_path(&self, path: &str) -> PathBuf {
        self.0.local_path(path)
    }
}
