//! Flipped, cut, zeroed, swapped: verify tells, and wrong bytes are never returned (R9, R10).

use std::collections::BTreeMap;

use frontdesk_archive::{Error, Expression, ListEntry, ListQuery, Reader, Search, SearchPage, VerifyReport};
use frontdesk_domain::RecordKey;
use frontdesk_durable::Dir;
use frontdesk_durable::testing::MemoryDir;

use crate::support::{conversation, noise, read_options, verify};
use crate::world::{Catalog, Model, World, open_sized};

/// Everything a small archive answers.
#[derive(Debug, Clone, PartialEq)]
struct Answers {
    entries: Vec<ListEntry>,
    bytes: BTreeMap<(RecordKey, u32), Vec<u8>>,
    page: SearchPage,
}

fn query() -> Search {
    Search::new(Expression::Contains("HELLO".to_owned()), 10)
}

fn answers(reader: &Reader) -> Result<Answers, Error> {
    let entries: Vec<ListEntry> = reader.list(&ListQuery::default()).collect::<Result<_, _>>()?;
    let mut bytes = BTreeMap::new();
    for entry in &entries {
        if let Some(record) = reader.show(&entry.key, Some(entry.version))? {
            bytes.insert((entry.key.clone(), entry.version), record.bytes);
        }
    }
    Ok(Answers { entries, bytes, page: reader.search(&query())? })
}

/// A small archive, stopped in good order: a sealed segment, an unsealed one, two versions, a run.
struct Small {
    world: World,
    answers: Answers,
    /// Its files without the catalog's.
    files: BTreeMap<String, Vec<u8>>,
}

impl Small {
    fn new() -> Self {
        let world = World::new();
        let mut model = Model::default();
        let writer = open_sized(world.dir(), 400).unwrap();
        let large = format!("hello {}", noise(1, 400));
        model.put(&writer, &[conversation("a", 1, &large)]).unwrap();
        model.put(&writer, &[conversation("b", 2, "hello"), conversation("c", 2, "other")]).unwrap();
        writer.close().unwrap();
        let writer = open_sized(world.dir(), 10_000).unwrap();
        model.put(&writer, &[conversation("c", 2, "hello again")]).unwrap();
        let mut log = writer.run_log(&"run-1".parse().unwrap()).unwrap();
        log.append(&serde_json::json!({"pages": 1})).unwrap();
        drop(log);
        writer.close().unwrap();
        model.check(&world);
        let answers = answers(&world.reader()).unwrap();
        assert_eq!((answers.page.count.unwrap(), answers.page.incomplete, answers.entries.len()), (3, 0, 4));
        let mut files = world.memory.files();
        files
            .retain(|path, bytes| !path.starts_with("lock") && path != "catalog.sqlite" && !bytes.is_empty());
        assert_eq!(files.keys().filter(|path| path.ends_with(".ndjson.gz")).count(), 2, "{:?}", files.keys());
        assert_eq!(files.keys().filter(|path| path.ends_with(".sha256")).count(), 2, "{:?}", files.keys());
        Self { world, answers, files }
    }

    fn reader(&self) -> Result<Reader, Error> {
        Reader::open_in(self.world.dir(), &read_options())
    }

    /// Puts other bytes in a file's place, looks, and puts the right ones back.
    fn with<T>(&self, path: &str, bytes: &[u8], look: impl FnOnce(&Self) -> T) -> T {
        self.world.memory.plant(path, bytes);
        let result = look(self);
        self.world.memory.plant(path, &self.files[path]);
        result
    }

    /// Whether somebody who verifies is told; and that nobody is ever told anything wrong.
    fn is_detected(&self, what: &str) -> bool {
        let reader = match self.reader() {
            Ok(reader) => reader,
            Err(_) => return true,
        };
        let report = verify(&reader);
        self.never_wrong(&reader, &report, what);
        !report.damaged.is_empty()
    }

    fn never_wrong(&self, reader: &Reader, report: &VerifyReport, what: &str) {
        for ((key, version), bytes) in &self.answers.bytes {
            match reader.show(key, Some(*version)) {
                Ok(Some(record)) => assert_eq!(record.bytes, *bytes, "{what}: other bytes for {key}"),
                Ok(None) | Err(_) => {
                    assert_ne!(report.damaged, [], "{what}: {key} is gone and verify does not say so")
                }
            }
        }
        if let Ok(page) = reader.search(&query()) {
            for hit in &page.hits {
                assert!(self.answers.page.hits.contains(hit), "{what}: {hit:?}");
            }
            let told = page.count.unwrap() == 3 || page.incomplete > 0 || !report.damaged.is_empty();
            assert!(told, "{what}: {} hits and nothing said", page.count.unwrap());
        }
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let small = Small::new();
    for (path, bytes) in &small.files {
        let mut unseen = Vec::new();
        let mut changed = bytes.clone();
        for bit in 0..bytes.len() * 8 {
            changed[bit / 8] ^= 1 << (bit % 8);
            if !small.with(path, &changed, |small| small.is_detected(&format!("{path}, bit {bit}"))) {
                unseen.push(bit);
            }
            changed[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(unseen, [0; 0], "bits of {path} that nobody notices");
    }
}

#[test]
fn a_sample_finds_what_it_draws() {
    let small = Small::new();
    let look = |records, draw: &mut dyn FnMut(u64) -> u64| {
        small.reader().unwrap().verify_sample(records, draw).unwrap()
    };
    // As many parts as there are records are all of them, and more than that are no more.
    for records in [4, 100] {
        let all = look(records, &mut |below| {
            assert_eq!(below, 1);
            0
        });
        assert_eq!((all.records, all.damaged.len()), (4, 0));
    }
    let half = look(2, &mut |below| below - 1);
    assert_eq!((half.records, look(0, &mut |_| 0).records), (2, 0));
    let (path, bytes) = small.files.iter().find(|(path, _)| path.ends_with(".ndjson.gz")).unwrap();
    let mut changed = bytes.clone();
    let last = changed.len() / 2;
    changed[last] ^= 1;
    let damaged = small.with(path, &changed, |_| look(4, &mut |_| 0));
    assert!(!damaged.damaged.is_empty(), "{damaged:?}");
    assert_eq!(damaged.records + damaged.damaged.len() as u64, 4);
    assert_eq!(damaged.damaged[0].path, *path);
}

#[test]
fn every_truncation_is_found() {
    let small = Small::new();
    for (path, bytes) in &small.files {
        for length in 0..bytes.len() {
            let what = format!("{path} cut to {length} bytes");
            assert!(small.with(path, &bytes[..length], |small| small.is_detected(&what)), "{what}");
        }
    }
}

#[test]
fn every_zeroed_sector_and_every_byte_too_many_is_found() {
    let small = Small::new();
    for (path, bytes) in &small.files {
        for start in (0..bytes.len()).step_by(512) {
            let mut changed = bytes.clone();
            let end = bytes.len().min(start + 512);
            changed[start..end].fill(0);
            if changed == *bytes {
                continue;
            }
            let what = format!("{path} with zeros from {start}");
            assert!(small.with(path, &changed, |small| small.is_detected(&what)), "{what}");
        }
        for tail in [&b"\0"[..], b"x", &bytes[..bytes.len().min(200)], bytes] {
            let changed = [&bytes[..], tail].concat();
            let what = format!("{path} with {} bytes too many", tail.len());
            let noticed = small.with(path, &changed, |small| {
                small.is_detected(&what) || !verify(&small.reader().unwrap()).unfinished.is_empty()
            });
            assert!(noticed, "{what}");
        }
    }
}

#[test]
fn a_segment_in_anothers_place_is_found() {
    let small = Small::new();
    let segments: Vec<&String> = small.files.keys().filter(|path| path.ends_with(".ndjson.gz")).collect();
    for (here, there) in [(segments[0], segments[1]), (segments[1], segments[0])] {
        let what = format!("{there} in the place of {here}");
        assert!(small.with(here, &small.files[there], |small| small.is_detected(&what)), "{what}");
    }
    // The same place in an archive of the same history, but not the same archive.
    let other = Small::new();
    for path in segments {
        let what = format!("{path} of another archive");
        assert!(small.with(path, &other.files[path], |small| small.is_detected(&what)), "{what}");
    }
}

#[test]
fn damage_in_the_middle_hides_nothing_else_and_keeps_writers_out() {
    let small = Small::new();
    let path = small.files.keys().find(|path| path.contains("2025-02") && path.ends_with(".gz")).unwrap();
    let mut changed = small.files[path].clone();
    changed[60] ^= 1; // in the header of the first of two members
    small.with(path, &changed, |small| {
        let reader = small.reader().unwrap();
        let report = verify(&reader);
        let ids: Vec<String> =
            report.damaged.iter().filter_map(|damaged| Some(damaged.id.as_ref()?.to_string())).collect();
        assert_eq!(ids, ["b", "c"], "{report:?}");
        let page = reader.search(&query()).unwrap();
        assert_eq!((page.count.unwrap(), page.incomplete), (2, 1));
        assert_eq!(report.records, 2);
    });
    // A writer looks at what was not stopped in good order: there it finds damage, and refuses.
    let crashed = {
        let world = World::new();
        let mut model = Model::default();
        let writer = world.writer().unwrap();
        for text in ["one", "two", "three"] {
            model.put(&writer, &[conversation("d", 3, text)]).unwrap();
        }
        world.after_kill(Catalog::Gone)
    };
    let (path, mut bytes) =
        crashed.memory.files().into_iter().find(|(path, _)| path.ends_with(".ndjson.gz")).unwrap();
    bytes[60] ^= 1;
    crashed.memory.plant(&path, &bytes);
    let error = crashed.writer().unwrap_err();
    assert!(error.is_integrity_failure() && error.path() == path, "{error}");
    assert_eq!(crashed.memory.files()[&path], bytes, "nothing was changed");
    assert_eq!(crashed.reader().list(&ListQuery::default()).count(), 2);
}

#[test]
fn a_missing_segment_is_named_and_its_lost_records_too() {
    let small = Small::new();
    let path = small.files.keys().find(|path| path.contains("2025-02") && path.ends_with(".gz")).unwrap();
    small.world.memory.plant(path, b"");
    let error = small.world.writer().unwrap_err();
    assert!(error.is_integrity_failure(), "{error}");
    let report = verify(&small.reader().unwrap());
    assert_eq!(report.records, 1);
    assert!(report.damaged.iter().any(|damaged| damaged.path == *path), "{report:?}");
}

#[expect(clippy::disallowed_methods, reason = "a test damages SQLite's own file")]
fn put_catalog(world: &World, bytes: &[u8]) {
    for name in ["catalog.sqlite-wal", "catalog.sqlite-shm"] {
        let _ = std::fs::remove_file(world.local().join(name));
    }
    std::fs::write(world.local().join("catalog.sqlite"), bytes).unwrap();
}

fn catalog(world: &World) -> Vec<u8> {
    std::fs::read(world.local().join("catalog.sqlite")).unwrap()
}

#[test]
fn a_damaged_catalog_is_found_or_replaced() {
    let small = Small::new();
    let good = catalog(&small.world);
    let sum = small.files["catalog.sha256"].clone();
    let mut dice = 7_u64;
    for round in 0..600_usize {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Every bit of the file's header, then bits anywhere.
        let bit = if round < 100 * 8 / 4 { round * 4 } else { (dice >> 16) as usize % (good.len() * 8) };
        let mut changed = good.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        put_catalog(&small.world, &changed);
        small.world.memory.plant("catalog.sha256", &sum);
        if !small.is_detected(&format!("catalog, bit {bit}")) {
            assert_eq!(answers(&small.reader().unwrap()).unwrap(), small.answers, "bit {bit}");
        }
        // A writer never builds on it: its checksum does not match.
        if round % 20 == 0 {
            put_catalog(&small.world, &changed);
            small.world.memory.plant("catalog.sha256", &sum);
            small.world.writer().unwrap().close().unwrap();
            assert_eq!(
                answers(&small.reader().unwrap()).unwrap(),
                small.answers,
                "bit {bit}, after a writer"
            );
            assert_eq!(verify(&small.reader().unwrap()).damaged, []);
        }
    }
    for length in (0..good.len()).step_by(997) {
        put_catalog(&small.world, &good[..length]);
        small.world.memory.plant("catalog.sha256", &sum);
        if !small.is_detected(&format!("catalog, cut to {length}")) {
            assert_eq!(answers(&small.reader().unwrap()).unwrap(), small.answers, "cut to {length}");
        }
    }
}

#[test]
fn a_damaged_wal_is_found_or_made_good() {
    let world = World::new();
    let mut model = Model::default();
    let writer = world.writer().unwrap();
    for n in 0..4 {
        model.put(&writer, &[conversation(&format!("c-{n}"), 1 + n % 2, "hello")]).unwrap();
    }
    let killed = world.after_kill(Catalog::Kept);
    let expected = answers(&killed.after_kill(Catalog::Gone).reader()).unwrap();
    let files = ["catalog.sqlite", "catalog.sqlite-wal"].map(|name| {
        let path = killed.local().join(name);
        let bytes = std::fs::read(&path).unwrap();
        (path, bytes)
    });
    let wal = &files[1].1;
    assert!(wal.len() > 10_000, "{}", wal.len());
    let mut dice = 11_u64;
    for round in 0..300_usize {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The WAL's header, then bits of frames and their headers.
        let bit = if round < 32 { round * 8 + round % 8 } else { (dice >> 16) as usize % (wal.len() * 8) };
        let mut changed = wal.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        put_file(&files[0].0, &files[0].1);
        put_file(&files[1].0, &changed);
        let reader = killed.reader();
        if verify(&reader).damaged.is_empty() {
            assert_eq!(answers(&reader).unwrap(), expected, "bit {bit} of the WAL");
        }
        drop(reader);
        let _ = killed.memory.remove("catalog.sha256");
    }
}

#[expect(clippy::disallowed_methods, reason = "a test damages SQLite's own file")]
fn put_file(path: &std::path::Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn an_old_catalog_and_another_archives_are_brought_up_to_date_or_replaced() {
    let world = World::new();
    let mut model = Model::default();
    let put = |model: &mut Model, id: &str| {
        let writer = world.writer().unwrap();
        model.put(&writer, &[conversation(id, 4, "hello")]).unwrap();
        writer.close().unwrap();
    };
    put(&mut model, "a");
    let old = catalog(&world);
    put(&mut model, "b");
    put(&mut model, "c");
    put_catalog(&world, &old);
    assert_eq!(world.reader().list(&ListQuery::default()).count(), 3);
    model.check(&world);
    put_catalog(&world, &old);
    put(&mut model, "d");
    model.check(&world);

    let foreign = catalog(&Small::new().world);
    put_catalog(&world, &foreign);
    model.check(&world);
    put_catalog(&world, &foreign);
    put(&mut model, "e");
    model.check(&world);
}

#[test]
fn a_file_that_nothing_explains_is_reported() {
    let small = Small::new();
    for path in
        ["segments/2025-01/000077.ndjson.gz", "segments/2025-01/x", "segments/other/y", "runs/UP.ndjson", "z"]
    {
        let memory: &MemoryDir = &small.world.memory;
        memory.plant(path, b"?");
        let report = verify(&small.reader().unwrap());
        assert!(report.damaged.iter().any(|damaged| damaged.path == path), "{path}: {report:?}");
        memory.remove(path).unwrap();
    }
}
