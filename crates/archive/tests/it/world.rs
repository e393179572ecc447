//! An archive in memory, whose machine or process can stop at any moment.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use frontdesk_archive::{Error, ListQuery, PutOutcome, ReadOptions, Reader, Settings, Writer};
use frontdesk_domain::RecordKey;
use frontdesk_durable::Dir;
use frontdesk_durable::testing::MemoryDir;

use crate::support::{clock, prepared, read_options, settings, verify};

/// A directory in memory and the real folder its catalog lies in.
pub(crate) struct World {
    pub(crate) memory: MemoryDir,
    local: tempfile::TempDir,
}

/// What becomes of the catalog when the world stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Catalog {
    Kept,
    Gone,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::over(MemoryDir::new())
    }

    fn over(memory: MemoryDir) -> Self {
        // A disk in memory where there is one: what SQLite syncs does not matter here, only how long it takes.
        let shared = Path::new("/dev/shm");
        let local = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() }.unwrap();
        let memory = memory.with_local(local.path());
        Self { memory, local }
    }

    pub(crate) fn local(&self) -> &Path {
        self.local.path()
    }

    pub(crate) fn dir(&self) -> Arc<dyn Dir> {
        Arc::new(self.memory.clone())
    }

    pub(crate) fn writer(&self) -> Result<Writer, Error> {
        open(self.dir())
    }

    /// Whether there is an archive already.
    pub(crate) fn reader_is_possible(&self) -> bool {
        self.memory.files().contains_key("FORMAT.json")
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open_in(self.dir(), &read_options()).unwrap()
    }

    /// The same of who answers many searches.
    pub(crate) fn held_reader(&self) -> Reader {
        Reader::open_in(self.dir(), &ReadOptions { many_searches: true, ..read_options() }).unwrap()
    }

    /// What is left when the machine stops: what was synced, and of the rest what `seed` says.
    pub(crate) fn after_power_loss(&self, seed: u64, catalog: Catalog) -> Self {
        self.image(self.memory.crash(seed), catalog)
    }

    /// What is left when the process is killed.
    pub(crate) fn after_kill(&self, catalog: Catalog) -> Self {
        self.image(self.memory.crash_process(), catalog)
    }

    #[expect(clippy::disallowed_methods, reason = "a test plays the part of the machine that stops")]
    fn image(&self, memory: MemoryDir, catalog: Catalog) -> Self {
        let image = Self::over(memory);
        if catalog == Catalog::Kept {
            // Not the shared memory: that does not survive.
            for name in ["catalog.sqlite", "catalog.sqlite-wal"] {
                let from = self.local().join(name);
                if from.exists() {
                    std::fs::copy(from, image.local().join(name)).unwrap();
                }
            }
        }
        image
    }
}

pub(crate) fn open(dir: Arc<dyn Dir>) -> Result<Writer, Error> {
    open_sized(dir, 1_500)
}

pub(crate) fn open_sized(dir: Arc<dyn Dir>, segment_size: u64) -> Result<Writer, Error> {
    Writer::open_in(dir, &Settings { segment_size, search_index: false, ..settings() }, clock())
}

/// What an archive must hold: for each key its versions, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Model {
    /// Versions that were acknowledged.
    acknowledged: BTreeMap<RecordKey, Vec<Vec<u8>>>,
    /// Everything that was ever put, acknowledged or not.
    attempted: BTreeMap<RecordKey, Vec<Vec<u8>>>,
}

impl Model {
    /// Puts a batch and compares the outcomes with what they must be.
    pub(crate) fn put(&mut self, writer: &Writer, lines: &[Vec<u8>]) -> Result<(), Error> {
        for line in lines {
            self.attempted.entry(prepared(line).key().clone()).or_default().push(line.clone());
        }
        let outcomes = writer.put(lines.iter().map(|line| prepared(line)).collect())?;
        for (line, outcome) in lines.iter().zip(outcomes) {
            let versions = self.acknowledged.entry(prepared(line).key().clone()).or_default();
            let expected = if versions.last() == Some(line) {
                PutOutcome::Unchanged { version: versions.len() as u32 }
            } else {
                versions.push(line.clone());
                match versions.len() as u32 {
                    1 => PutOutcome::Stored,
                    version => PutOutcome::VersionAdded { version },
                }
            };
            assert_eq!(outcome, expected, "{}", prepared(line).key());
        }
        Ok(())
    }

    /// Compares with an archive. What was not acknowledged may be there or not, and is taken as it is from then on.
    ///
    /// # Errors
    /// Says what is lost, doubled or made up.
    pub(crate) fn compare(&mut self, reader: &Reader) -> Result<(), String> {
        let mut found: BTreeMap<RecordKey, Vec<(u32, Vec<u8>)>> = BTreeMap::new();
        let mut sequence = 0;
        for entry in reader.list(&ListQuery::default()) {
            let entry = entry.map_err(|error| error.to_string())?;
            if entry.sequence <= sequence {
                return Err(format!("sequence {} is not behind {sequence}", entry.sequence));
            }
            sequence = entry.sequence;
            let record = reader.show(&entry.key, Some(entry.version)).map_err(|error| error.to_string())?;
            let bytes = record.ok_or_else(|| format!("{} is listed and not shown", entry.key))?.bytes;
            found.entry(entry.key).or_default().push((entry.version, bytes));
        }
        for (key, versions) in &self.acknowledged {
            let there = found.get(key).map_or(&[][..], Vec::as_slice);
            for (index, bytes) in versions.iter().enumerate() {
                if !there.contains(&(index as u32 + 1, bytes.clone())) {
                    return Err(format!("version {} of {key} was acknowledged and is gone", index + 1));
                }
            }
        }
        for (key, versions) in &found {
            let known = self.acknowledged.get(key).map_or(0, Vec::len);
            for (place, (version, bytes)) in versions.iter().enumerate() {
                if versions[..place].iter().any(|(earlier, _)| earlier >= version) {
                    return Err(format!("version {version} of {key} is there twice, or out of order"));
                }
                let attempted = self.attempted.get(key).is_some_and(|attempted| attempted.contains(bytes));
                if *version as usize > known && !attempted {
                    return Err(format!("version {version} of {key} was never put"));
                }
                if place > 0 && versions[place - 1].1 == *bytes {
                    return Err(format!("version {version} of {key} is the one before again"));
                }
            }
        }
        self.acknowledged = found
            .into_iter()
            .map(|(key, versions)| (key, versions.into_iter().map(|(_, bytes)| bytes).collect()))
            .collect();
        self.attempted.clone_from(&self.acknowledged);
        Ok(())
    }

    /// The same, and everything must be sound, with the catalog there is and with one that is built anew.
    pub(crate) fn check(&mut self, world: &World) {
        let reader = world.reader();
        self.compare(&reader).unwrap();
        let report = verify(&reader);
        assert_eq!(report.damaged, [], "{report:?}");
        let records: usize = self.acknowledged.values().map(Vec::len).sum();
        assert_eq!(report.records, records as u64);
        let listed: Vec<_> = reader.list(&ListQuery::default()).map(Result::unwrap).collect();
        let stats = reader.stats().unwrap();
        let rebuilt = world.after_kill(Catalog::Gone).reader();
        let anew: Vec<_> = rebuilt.list(&ListQuery::default()).map(Result::unwrap).collect();
        assert_eq!(listed, anew, "a catalog built anew gives the same answers");
        assert_eq!(stats, rebuilt.stats().unwrap());
    }
}
