//! One thing goes wrong, and nothing else with it: a file that cannot be read, members that are there twice, a writer
//! that puts copies in the place of segments, more months than a process may have files open.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use frontdesk_archive::{ErrorKind, Expression, ListQuery, Reader, Search, SearchPage};
use frontdesk_durable::testing::EIO;
use frontdesk_durable::{Dir, Entry, Held, Metadata, ReadAt, WriteAt};

use crate::support::{conversation, key, prepared, read_options, settings, verify};
use crate::world::{Catalog, World, open};

type Hook = dyn Fn(&str) -> io::Result<()> + Send + Sync;

/// A directory that asks before it opens a file, and counts how many are open for writing.
#[derive(Clone)]
struct Asking<D> {
    inner: D,
    hook: Arc<Hook>,
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl<D> Asking<D> {
    fn new(inner: D, hook: impl Fn(&str) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self { inner, hook: Arc::new(hook), open: Arc::default(), most: Arc::default() }
    }

    fn counted(&self, file: Box<dyn WriteAt>) -> Box<dyn WriteAt> {
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(open, Ordering::SeqCst);
        Box::new(Counted { file, open: self.open.clone() })
    }
}

impl<D> fmt::Debug for Asking<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").finish_non_exhaustive()
    }
}

impl<D: Dir> Dir for Asking<D> {
    fn create_dir(&self, path: &str) -> io::Result<()> {
        self.inner.create_dir(path)
    }
    fn create(&self, path: &str) -> io::Result<Box<dyn WriteAt>> {
        self.inner.create(path).map(|file| self.counted(file))
    }
    fn open_write(&self, path: &str) -> io::Result<Box<dyn WriteAt>> {
        self.inner.open_write(path).map(|file| self.counted(file))
    }
    fn open_read(&self, path: &str) -> io::Result<Box<dyn ReadAt>> {
        (self.hook)(path)?;
        self.inner.open_read(path)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.inner.remove(path)
    }
    fn sync_dir(&self, path: &str) -> io::Result<()> {
        self.inner.sync_dir(path)
    }
    fn list(&self, path: &str) -> io::Result<Vec<Entry>> {
        self.inner.list(path)
    }
    fn metadata(&self, path: &str) -> io::Result<Metadata> {
        self.inner.metadata(path)
    }
    fn try_lock(&self, path: &str) -> io::Result<Option<Box<dyn Held>>> {
        self.inner.try_lock(path)
    }
    fn local_path(&self, path: &str) -> PathBuf {
        self.inner.local_path(path)
    }
}

#[derive(Debug)]
struct Counted {
    file: Box<dyn WriteAt>,
    open: Arc<AtomicUsize>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ReadAt for Counted {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }
}

impl WriteAt for Counted {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }
    fn sync_data(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
    fn sync_all(&mut self) -> io::Result<()> {
        self.file.sync_all()
    }
    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
}

fn search(reader: &Reader) -> SearchPage {
    let query = Search::new(Expression::Contains("hello".to_owned()), 9);
    reader.search(&query).unwrap()
}

fn listed(reader: &Reader) -> Vec<String> {
    reader.list(&ListQuery::default()).map(|entry| entry.unwrap().key.id.to_string()).collect()
}

#[test]
fn a_line_that_is_too_long_is_no_failure_of_the_storage() {
    let world = World::new();
    let writer = world.writer().unwrap();
    let mut log = writer.run_log(&"run-1".parse().unwrap()).unwrap();
    let error = log.append(&serde_json::json!({"text": "x".repeat(17 << 20)})).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::TooLarge { .. }), "{error}");
    log.append(&serde_json::json!({"pages": 1})).unwrap();
    assert_eq!(log.lines().map(Result::unwrap).count(), 1);
}

#[test]
fn of_two_processes_that_make_an_archive_at_once_both_have_it() {
    // The other one makes it between our first look for an archive and our look at what else is there.
    let world = World::new();
    let (other, first) = (world.dir(), AtomicBool::new(true));
    let dir = Asking::new(world.memory.clone(), move |path| {
        if path == "FORMAT.json" && first.swap(false, Ordering::SeqCst) {
            let writer = open(other.clone()).unwrap();
            writer.put(vec![prepared(&conversation("a", 1, "hello"))]).unwrap();
            writer.close().unwrap();
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(())
    });
    let writer = open(Arc::new(dir)).unwrap();
    writer.put(vec![prepared(&conversation("b", 1, "hello"))]).unwrap();
    writer.close().unwrap();
    assert_eq!(listed(&world.reader()), ["a", "b"]);
}

/// Two conversations in two months, and a writer that was killed.
fn two_months() -> World {
    let world = World::new();
    let writer = world.writer().unwrap();
    for (id, month) in [("a", 1), ("b", 2)] {
        writer.put(vec![prepared(&conversation(id, month, "hello"))]).unwrap();
    }
    let after = world.after_kill(Catalog::Kept);
    drop(writer);
    after
}

#[test]
fn a_segment_that_cannot_be_read_hides_no_other() {
    let world = two_months();
    for catalog in [Catalog::Kept, Catalog::Gone] {
        let world = world.after_kill(catalog);
        let dir = Asking::new(world.memory.clone(), |path| {
            if path.starts_with("segments/2025-01/") {
                Err(io::Error::from_raw_os_error(EIO))
            } else {
                Ok(())
            }
        });
        let reader = Reader::open_in(Arc::new(dir), &read_options()).unwrap();
        let page = search(&reader);
        assert_eq!((page.count.unwrap(), page.hits.len()), (1, 1), "{catalog:?}");
        assert_eq!(page.incomplete, if catalog == Catalog::Kept { 1 } else { 0 });
        assert!(reader.show(&key("b"), None).unwrap().is_some());
        assert_eq!(listed(&reader).contains(&"a".to_owned()), catalog == Catalog::Kept);
        let report = verify(&reader);
        assert!(report.damaged.iter().any(|damaged| damaged.path.contains("2025-01")), "{report:?}");
        assert_eq!(report.records, 1);
    }
}

#[test]
fn a_member_that_is_there_twice_hides_nothing() {
    let world = two_months().after_kill(Catalog::Gone);
    let files = world.memory.files();
    let (path, bytes) = files.iter().find(|(path, _)| path.starts_with("segments/2025-01/")).unwrap();
    world.memory.plant(path, &[&bytes[..], bytes].concat());
    let reader = world.reader();
    assert_eq!(listed(&reader), ["a", "b"]);
    assert_eq!(search(&reader).hits.len(), 2);
    assert!(!verify(&reader).damaged.is_empty());
}

#[test]
fn a_writer_that_replaces_segments_while_they_are_read_hides_nothing() {
    for what in ["search", "show"] {
        // Behind the catalog's mark: the next writer copies both segments and removes them.
        let world = two_months().after_kill(Catalog::Gone);
        let armed = Arc::new(AtomicBool::new(false));
        let (trigger, dir) = (armed.clone(), world.dir());
        let asking = Asking::new(world.memory.clone(), move |path| {
            if path.ends_with(".gz") && trigger.swap(false, Ordering::SeqCst) {
                open(dir.clone()).unwrap().close().unwrap();
            }
            Ok(())
        });
        let reader = Reader::open_in(Arc::new(asking), &read_options()).unwrap();
        let before = world.memory.files();
        armed.store(true, Ordering::SeqCst);
        if what == "search" {
            let page = search(&reader);
            assert_eq!((page.count.unwrap(), page.incomplete, page.hits.len()), (2, 0, 2));
        } else {
            assert_eq!(reader.show(&key("b"), None).unwrap().map(|record| record.version), Some(1));
        }
        let after = world.memory.files();
        let segments = |path: &&String| path.ends_with(".gz");
        assert!(before.keys().filter(segments).all(|path| !after.contains_key(path)), "{what}: replaced");
    }
}

#[test]
fn records_of_many_months_need_few_open_files() {
    let world = World::new();
    let dir = Asking::new(world.memory.clone(), |_| Ok(()));
    let writer =
        frontdesk_archive::Writer::open_in(Arc::new(dir.clone()), &settings(), crate::support::clock())
            .unwrap();
    for round in 0..2 {
        let batch = (0..300_u32)
            .map(|n| {
                let line = format!(
                    "{{\"id\":\"c-{n}-{round}\",\"startTime\":\"{:04}-{:02}-01T00:00:00Z\"}}",
                    1990 + n / 12,
                    1 + n % 12
                );
                prepared(line.as_bytes())
            })
            .collect();
        assert_eq!(writer.put(batch).unwrap().len(), 300);
    }
    assert!(
        dir.most.load(Ordering::SeqCst) < 100,
        "{} files were open at once",
        dir.most.load(Ordering::SeqCst)
    );
    writer.close().unwrap();
    let report = verify(&world.reader());
    assert_eq!((report.damaged, report.records), (vec![], 600));
}
