//! The search index: whatever happens to it, answers are those of the plain scan.

use std::collections::BTreeSet;
use std::sync::Arc;

use frontdesk_archive::{ClockTrust, Expression, Reader, Search, SearchPage, Settings, Writer};
use frontdesk_durable::Dir;
use frontdesk_durable::testing::FaultyDir;
use proptest::prelude::*;

use crate::retaining::{maintain, removal};
use crate::support::{clock, key, prepared, settings, verify};
use crate::world::{Catalog, World};

fn writer(dir: Arc<dyn Dir>, search_index: bool) -> Writer {
    Writer::open_in(dir, &Settings { segment_size: 4_000, search_index, ..settings() }, clock()).unwrap()
}

fn put(writer: &Writer, lines: &[Vec<u8>]) {
    writer.put(lines.iter().map(|line| prepared(line)).collect()).unwrap();
}

fn line(id: u32, text: &str) -> Vec<u8> {
    let mut value = serde_json::json!({
        "id": format!("c-{id}"),
        "type": "message",
        "metadata": {"n": id},
        "interactions": [{"transcript": text}],
    });
    // Some share a start, some have none.
    if !id.is_multiple_of(5) {
        value["startTime"] = format!("2025-{:02}-03T10:00:00Z", 1 + id % 4).into();
    }
    serde_json::to_vec(&value).unwrap()
}

fn contains(text: &str, limit: usize) -> Search {
    Search::new(Expression::Contains(text.to_owned()), limit)
}

/// Every page by the index is the page of the scan.
fn agrees(reader: &Reader, text: &str) -> Result<u64, TestCaseError> {
    agrees_on(reader, contains(text, 3))
}

/// The same of any search.
fn agrees_on(reader: &Reader, mut search: Search) -> Result<u64, TestCaseError> {
    loop {
        let found = reader.search(&search).unwrap();
        let expected = reader.scan_search(&search).unwrap();
        prop_assert_eq!(&found, &expected, "{:?}", &search);
        // Who does not ask how many there are gets the same ones.
        let uncounted = reader.search(&Search { count: false, ..search.clone() }).unwrap();
        prop_assert_eq!(&uncounted, &SearchPage { count: None, ..expected }, "{:?}", &search);
        match found.next_cursor {
            None => return Ok(found.count.unwrap()),
            cursor => search.cursor = cursor,
        }
    }
}

/// The index files there are.
fn index_files(world: &World) -> Vec<String> {
    world.memory.files().into_keys().filter(|path| path.ends_with(".fdx")).collect()
}

fn remove_index(world: &World) {
    for path in world.memory.files().into_keys().filter(|path| path.starts_with("search/")) {
        world.memory.remove(&path).unwrap();
    }
}

#[test]
fn an_index_is_made_kept_and_merged() {
    let world = World::new();
    for round in 0..20 {
        let writer = writer(world.dir(), true);
        let lines: Vec<Vec<u8>> = (0..30)
            .map(|n| line(round * 30 + n, &format!("round {round}, ticket T-{n:03}. Größe İ{n}")))
            .collect();
        put(&writer, &lines);
        put(&writer, &[line(0, &format!("round {round} again"))]);
        writer.close().unwrap();
    }
    assert!((1..8).contains(&index_files(&world).len()), "{:?}", index_files(&world));
    let reader = world.reader();
    for (text, count) in
        [("again", 1), ("ROUND 7, ticket", 30), ("t-017. größe", 20), ("i29", 20), ("e", 599), (" ", 600)]
    {
        assert_eq!(agrees(&reader, text).unwrap(), count, "{text}");
    }
    assert_eq!(verify(&reader).damaged, []);
    // The answers are the index's own: it does not even look at segments.
    for (path, _) in world.memory.files().into_iter().filter(|(path, _)| path.ends_with(".gz")) {
        world.memory.plant(&path, b"");
    }
    let found = reader.search(&contains("t-017. größe", 0)).unwrap();
    assert_eq!((found.count, found.incomplete), (Some(20), 0));
    let scanned = reader.scan_search(&contains("t-017. größe", 0)).unwrap();
    assert_eq!((scanned.count, scanned.incomplete), (Some(0), 600));
}

#[test]
fn a_writer_brings_an_index_up_to_date_that_was_off_or_is_gone() {
    let world = World::new();
    let fed = writer(world.dir(), true);
    put(&fed, &(0..50).map(|n| line(n, &format!("first {n}"))).collect::<Vec<_>>());
    fed.close().unwrap();
    let unfed = writer(world.dir(), false);
    put(&unfed, &(40..90).map(|n| line(n, &format!("second {n}"))).collect::<Vec<_>>());
    unfed.close().unwrap();
    let check = |world: &World| {
        let reader = world.reader();
        for (text, count) in [("first", 40), ("second", 50), ("t 4", 1), ("D 4", 10)] {
            assert_eq!(agrees(&reader, text).unwrap(), count, "{text}");
        }
    };
    check(&world);
    writer(world.dir(), true).close().unwrap();
    check(&world);
    let files = index_files(&world);
    remove_index(&world);
    check(&world);
    writer(world.dir(), true).close().unwrap();
    check(&world);
    assert!(!index_files(&world).is_empty() && files.len() == 2, "{files:?}");
}

#[test]
fn an_index_of_another_archive_is_not_used() {
    let (world, other) = (World::new(), World::new());
    for (world, text) in [(&world, "ours"), (&other, "theirs")] {
        let writer = writer(world.dir(), true);
        put(&writer, &(0..10).map(|n| line(n, text)).collect::<Vec<_>>());
        writer.close().unwrap();
    }
    remove_index(&world);
    for (path, bytes) in other.memory.files().into_iter().filter(|(path, _)| path.starts_with("search/")) {
        world.memory.plant(&path, &bytes);
    }
    assert_eq!(agrees(&world.reader(), "ours").unwrap(), 10);
    writer(world.dir(), true).close().unwrap();
    assert_eq!(agrees(&world.reader(), "ours").unwrap(), 10);
    assert_eq!(agrees(&world.reader(), "theirs").unwrap(), 0);
}

#[test]
fn a_damaged_index_gives_no_wrong_answer_and_is_made_again() {
    let world = World::new();
    for part in 0..2 {
        let writer = writer(world.dir(), true);
        put(
            &writer,
            &(0..12)
                .map(|n| line(part * 10 + n, &format!("part {part} word{n}, Ende. 中文")))
                .collect::<Vec<_>>(),
        );
        writer.close().unwrap();
    }
    let reader = world.reader();
    let asked = ["part 1 w", "d1", "文", " 中", "nothing of it"];
    let expected: Vec<_> = asked.iter().map(|text| reader.scan_search(&contains(text, 5)).unwrap()).collect();
    let files = world.memory.files();
    for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("search/")) {
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            world.memory.plant(path, &changed);
            let text = at % asked.len();
            // Opened anew: a reader that has the files open already does not see it.
            assert_eq!(
                world.reader().search(&contains(asked[text], 5)).unwrap(),
                expected[text],
                "{path}, byte {at}"
            );
        }
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            world.memory.plant(path, &bytes[..length]);
            assert_eq!(
                world.reader().search(&contains(asked[0], 5)).unwrap(),
                expected[0],
                "{path}, cut to {length}"
            );
        }
        writer(world.dir(), true).close().unwrap();
        let healed: Vec<_> = asked.iter().map(|text| reader.search(&contains(text, 5)).unwrap()).collect();
        assert_eq!(healed, expected, "{path}");
        for (path, bytes) in &files {
            if path.starts_with("search/") {
                world.memory.plant(path, bytes);
            }
        }
    }
}

#[test]
fn files_that_stay_open_follow_the_manifest_and_are_checked() {
    let world = World::new();
    let add = |from: u32, count: u32| {
        let writer = writer(world.dir(), true);
        put(&writer, &(from..from + count).map(|n| line(n, &format!("kept open {n}"))).collect::<Vec<_>>());
        writer.close().unwrap();
    };
    add(0, 10);
    let reader = world.reader();
    assert_eq!(agrees(&reader, "kept open").unwrap(), 10);
    // Files come, and are merged away while it has them open.
    let before = index_files(&world);
    for round in 1..20 {
        add(round * 10, 10);
        assert_eq!(agrees(&reader, "kept open").unwrap(), u64::from(round + 1) * 10);
    }
    let after = index_files(&world);
    assert!(!after.contains(&before[0]), "none was merged: {before:?}, {after:?}");
    assert_eq!(agrees(&reader, "open 19").unwrap(), 11);
    // One is damaged where it lies, every block of it.
    for path in &after {
        let mut file = world.dir().open_write(path).unwrap();
        let bytes = world.memory.files()[path].clone();
        let changed: Vec<u8> = bytes.iter().map(|byte| byte ^ 1).collect();
        file.write_at(0, &changed).unwrap();
        assert_eq!(agrees(&reader, "open 19").unwrap(), 11, "{path}");
        file.write_at(0, &bytes).unwrap();
        assert_eq!(agrees(&reader, "open 19").unwrap(), 11, "{path}");
    }
}

/// Every page of a query, as [`agrees`].
fn agrees_on_query(reader: &Reader, query: &str) -> Result<u64, TestCaseError> {
    agrees_on(reader, Search::new(Expression::Query(query.parse().unwrap()), 3))
}

#[test]
fn what_is_held_in_memory_gives_no_stale_answer() {
    let world = World::new();
    let text = |n: u32| format!("held {n}, {} of all", ["even", "odd"][n as usize % 2]);
    let add = |numbers: std::ops::Range<u32>| {
        let writer = writer(world.dir(), true);
        put(&writer, &numbers.map(|n| line(n, &text(n))).collect::<Vec<_>>());
        writer.close().unwrap();
    };
    let check = |reader: &Reader, all: u64, odd: u64| {
        for (query, count) in
            [("held", all), ("odd", odd), ("held odd -even", odd), ("held type:message odd", odd)]
        {
            assert_eq!(agrees_on_query(reader, query).unwrap(), count, "{query}");
        }
        assert_eq!(agrees(reader, "d of all").unwrap(), odd);
    };
    add(0..10);
    let reader = world.held_reader();
    check(&reader, 10, 5);
    // A new file, and files that are merged away, while their words are held.
    let before = index_files(&world);
    for round in 1..20 {
        add(round * 10..round * 10 + 10);
        check(&reader, u64::from(round + 1) * 10, u64::from(round + 1) * 5);
    }
    assert!(!index_files(&world).contains(&before[0]), "none was merged");
    // Others in the place of what was said.
    let again = writer(world.dir(), true);
    put(&again, &[line(3, "something else"), line(4, "held 4, odd of all")]);
    check(&reader, 199, 100);
    again.close().unwrap();
    check(&reader, 199, 100);
    // What retention removes is gone with the next search, whoever removes it.
    for (removed, n) in [7, 11, 16].into_iter().enumerate() {
        let removals = [removal(&world.reader(), &format!("c-{n}"))];
        let mut session = maintain(world.dir()).unwrap();
        session.expire(&removals, "old", ClockTrust::default()).unwrap();
        let ids = |reader: &Reader| {
            let query = Expression::Query("held".parse().unwrap());
            let page =
                reader.search(&Search { texts: false, count: false, ..Search::new(query, 200) }).unwrap();
            page.hits.into_iter().map(|hit| hit.id.to_string()).collect::<BTreeSet<_>>()
        };
        assert!(!ids(&reader).contains(&format!("c-{n}")), "{n}");
        assert_eq!(ids(&reader).len(), 198 - removed);
        session.close().unwrap();
        let odd = [99, 98, 98][removed];
        check(&reader, 198 - removed as u64, odd);
    }
    // The reader that comes after it knows what it knew, and sees what it sees.
    let next = world.held_reader().after(&reader);
    check(&next, 196, 98);
    add(200..210);
    check(&next, 206, 103);
    check(&reader, 206, 103);
    // What is damaged on the disk is known as it was, or is left out.
    for path in index_files(&world) {
        let bytes = world.memory.files()[&path].clone();
        let mut file = world.dir().open_write(&path).unwrap();
        file.write_at(0, &bytes.iter().map(|byte| byte ^ 1).collect::<Vec<u8>>()).unwrap();
        check(&next, 206, 103);
        check(&world.held_reader().after(&next), 206, 103);
        file.write_at(0, &bytes).unwrap();
    }
    // And so is what is gone.
    remove_index(&world);
    check(&next, 206, 103);
    check(&world.held_reader().after(&next), 206, 103);
}

#[test]
fn hits_without_texts_are_the_same_ones() {
    let world = World::new();
    let writer = writer(world.dir(), true);
    put(&writer, &(0..12).map(|n| line(n, "the same ones")).collect::<Vec<_>>());
    writer.close().unwrap();
    let reader = world.reader();
    let search = contains("same", 5);
    let whole = reader.search(&search).unwrap();
    let bare = reader.search(&Search { texts: false, ..search }).unwrap();
    let known = |page: &SearchPage| -> Vec<_> {
        page.hits.iter().map(|hit| (hit.id.clone(), hit.kind, hit.version, hit.started_at)).collect()
    };
    assert_eq!(
        (known(&bare), bare.count, bare.next_cursor.clone()),
        (known(&whole), whole.count, whole.next_cursor.clone())
    );
    assert!(whole.hits.iter().all(|hit| hit.snippet.contains("same ones")));
    assert!(bare.hits.iter().all(|hit| hit.snippet.is_empty() && hit.marks.is_empty()));
    // What is not read cannot be found unreadable.
    for (path, _) in world.memory.files().into_iter().filter(|(path, _)| path.ends_with(".gz")) {
        world.memory.plant(&path, b"");
    }
    assert_eq!(reader.search(&Search { texts: false, ..contains("same", 5) }).unwrap(), bare);
    assert_eq!(reader.search(&contains("same", 5)).unwrap().incomplete, 5);
}

#[test]
fn what_retention_removes_is_gone_from_the_index() {
    let world = World::new();
    let fed = writer(world.dir(), true);
    let line = |n: u32| {
        let value = serde_json::json!({
            "id": format!("c-{n}"), "startTime": "2025-01-01T00:00:00Z", "transcript": format!("said{n} thanks"),
        });
        serde_json::to_vec(&value).unwrap()
    };
    put(&fed, &(0..20).map(line).collect::<Vec<_>>());
    fed.close().unwrap();
    let removals: Vec<_> = [3, 7].iter().map(|n| removal(&world.reader(), &format!("c-{n}"))).collect();
    let mut session = maintain(world.dir()).unwrap();
    session.expire(&removals, "old", ClockTrust::default()).unwrap();
    session.close().unwrap();
    assert_eq!(agrees(&world.reader(), "thanks").unwrap(), 18);
    assert_eq!(agrees(&world.reader(), "said7").unwrap(), 0);
    let text: Vec<u8> = world
        .memory
        .files()
        .into_iter()
        .filter(|(path, _)| path.ends_with(".fdx"))
        .flat_map(|(_, bytes)| bytes)
        .collect();
    let has = |word: &str| text.windows(word.len()).any(|window| window == word.as_bytes());
    assert!(has("said6") && !has("said7"), "words of removed conversations are not kept");

    // Killed after the ledger's line: the index is not told, so it is not believed.
    let before = world.memory.files();
    let removals = [removal(&world.reader(), "c-9")];
    let mut session = maintain(world.dir()).unwrap();
    session.expire(&removals, "old", ClockTrust::default()).unwrap();
    session.close().unwrap();
    remove_index(&world);
    for (path, bytes) in before.iter().filter(|(path, _)| path.starts_with("search/")) {
        world.memory.plant(path, bytes);
    }
    assert_eq!(agrees(&world.reader(), "thanks").unwrap(), 17);
    writer(world.dir(), true).close().unwrap();
    assert_eq!(agrees(&world.reader(), "thanks").unwrap(), 17);
    assert!(
        world
            .memory
            .files()
            .into_iter()
            .filter(|(path, _)| path.ends_with(".fdx"))
            .all(|(_, bytes)| { !bytes.windows(5).any(|window| window == b"said9") })
    );
}

/// What can happen to an archive.
#[derive(Debug, Clone)]
enum Step {
    Put(Vec<(u32, String)>),
    Reopen,
    /// So many small files that they become one.
    Merge(String),
    /// Retention takes these away, those that are there and have a start.
    Remove(Vec<u32>),
    Kill,
    PowerLoss(u64),
    IndexGone,
    Off,
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[abAB]{1,3}",
        2 => Just(" ".to_owned()),
        1 => Just("  ".to_owned()),
        1 => "[.,?!\\n]{1,3}",
        1 => "[ÉéİıßẞΣσς]{1,2}",
        1 => "[中文かカกั]{1,3}",
        1 => "[💬👋🏽e\u{301}]{1,2}",
        1 => Just(", ".to_owned()),
    ];
    let pieces = proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat());
    prop_oneof![12 => pieces, 1 => Just("x".repeat(300) + " ab"), 1 => Just("a\u{0} b".to_owned())]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec((0..25_u32, text()), 1..8).prop_map(Step::Put),
        4 => Just(Step::Reopen),
        1 => text().prop_map(Step::Merge),
        2 => proptest::collection::vec(0..25_u32, 1..6).prop_map(Step::Remove),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::PowerLoss),
        1 => Just(Step::IndexGone),
        1 => Just(Step::Off),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_answers_what_the_scan_answers(
        steps in proptest::collection::vec(step(), 4..24),
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..9_usize), 40),
    ) {
        let mut world = World::new();
        let mut texts: Vec<String> = vec![" ".to_owned(), "a b".to_owned()];
        let mut open = writer(world.dir(), true);
        let mut held = world.held_reader();
        for step in steps {
            let stays = !matches!(step, Step::Kill | Step::PowerLoss(_));
            match step {
                Step::Put(records) => {
                    let lines: Vec<Vec<u8>> = records.iter().map(|(id, text)| line(*id, text)).collect();
                    put(&open, &lines);
                    texts.extend(records.into_iter().map(|(_, text)| text));
                }
                Step::Reopen => {
                    open.close().unwrap();
                    open = writer(world.dir(), true);
                }
                Step::Merge(text) => {
                    for id in 0..8 {
                        put(&open, &[line(100 + id, &format!("{text}{id}"))]);
                        open.close().unwrap();
                        open = writer(world.dir(), true);
                    }
                    texts.push(text);
                }
                Step::Remove(ids) => {
                    open.close().unwrap();
                    let reader = world.reader();
                    let ids: BTreeSet<String> = ids.iter().map(|id| format!("c-{id}")).collect();
                    let there = |id: &&String| {
                        reader.show(&key(id), None).unwrap().is_some_and(|record| record.started_at.is_some())
                    };
                    let removals: Vec<_> = ids.iter().filter(there).map(|id| removal(&reader, id)).collect();
                    drop(reader);
                    let mut session = maintain(world.dir()).unwrap();
                    session.expire(&removals, "old", ClockTrust::default()).unwrap();
                    session.close().unwrap();
                    open = writer(world.dir(), true);
                }
                Step::Off => {
                    open.close().unwrap();
                    open = writer(world.dir(), false);
                }
                Step::Kill => {
                    let next = world.after_kill(Catalog::Kept);
                    drop(open);
                    world = next;
                    open = writer(world.dir(), true);
                }
                Step::PowerLoss(seed) => {
                    let next = world.after_power_loss(seed, Catalog::Gone);
                    drop(open);
                    world = next;
                    open = writer(world.dir(), true);
                }
                Step::IndexGone => {
                    open.close().unwrap();
                    remove_index(&world);
                    open = writer(world.dir(), true);
                }
            }
            // A reader that holds in memory what it needs, and lives as long as its archive.
            if !stays {
                held = world.held_reader();
            }
            for text in ["a", "a b"] {
                agrees(&held, text)?;
                agrees_on_query(&held, text)?;
            }
        }
        let ask = |world: &World| {
            let reader = world.reader();
            for (text, start, length) in &cuts {
                let characters: Vec<char> = texts[text.index(texts.len())].chars().collect();
                if characters.is_empty() {
                    continue;
                }
                let start = start.index(characters.len());
                let end = (start + length).min(characters.len());
                agrees(&reader, &characters[start..end].iter().collect::<String>())?;
            }
            Ok::<(), TestCaseError>(())
        };
        ask(&world)?; // while the writer is at work
        open.close().unwrap();
        ask(&world)?;
    }
}

/// Puts, versions, a merge, a removal: everything that writes files of the index.
fn workload(world: &World, dir: &Arc<dyn Dir>) -> Result<(), frontdesk_archive::Error> {
    let settings = Settings { segment_size: 4_000, ..settings() };
    for round in 0..9 {
        let writer = Writer::open_in(dir.clone(), &settings, clock())?;
        let lines =
            [line(round, &format!("round {round}")), line(40 + round % 2, &format!("again {round}, ü"))];
        writer.put(lines.iter().map(|line| prepared(line)).collect())?;
        writer.close()?;
    }
    let removals = ["c-2", "c-41"].map(|id| removal(&world.reader(), id));
    let mut session = maintain(dir.clone())?;
    session.expire(&removals, "old", ClockTrust::default())?;
    session.close()
}

#[test]
fn wherever_the_machine_stops_the_index_gives_no_other_answer_than_the_scan() {
    let steps = {
        let world = World::new();
        let dir = FaultyDir::new(world.memory.clone());
        workload(&world, &(Arc::new(dir.clone()) as Arc<dyn Dir>)).unwrap();
        dir.steps()
    };
    let mut files = BTreeSet::new();
    // Which step is which differs from run to run, since the index is written beside the rest: so one in six goes
    // through all of them in time.
    for step in (1..=steps).step_by(6) {
        let world = World::new();
        let dir = FaultyDir::new(world.memory.clone()).crash_at(step);
        let _stopped = workload(&world, &(Arc::new(dir.clone()) as Arc<dyn Dir>));
        if !dir.struck() {
            break; // fewer steps than the first time
        }
        let seed = step.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 8;
        let after = world.after_power_loss(seed, if seed % 2 == 0 { Catalog::Kept } else { Catalog::Gone });
        let ask = |when: &str| {
            if after.reader_is_possible() {
                let reader = after.reader();
                for text in ["round", "again 7, Ü", "d 2", "n", " "] {
                    agrees(&reader, text).unwrap_or_else(|error| panic!("step {step}, {when}: {error}"));
                }
            }
        };
        ask("as it was left");
        files.insert(index_files(&after).len());
        writer(after.dir(), true).close().unwrap();
        ask("when a writer was there");
        let mut paths = after.memory.files().into_keys();
        let left = paths.find(|path| path.starts_with("search/") && path.contains(".stage-"));
        assert_eq!(left, None, "step {step}");
    }
    assert!(files.len() > 5, "stopped with {files:?} files of the index");
}
