//! What is known to be damaged or lost is found and said to be so, until it is sound again or something came after it.

use frontdesk_archive::{
    Expression, Integrity, Order, Reader, RepairReport, Search, SearchPage, Settings, repair_in,
};
use frontdesk_domain::{MatterName, Query, RecordId, Timestamp};
use frontdesk_durable::Dir;

use crate::retaining::maintain;
use crate::support::{clock, conversation, key, prepared, settings, verify};
use crate::world::{Catalog, World};

fn indexed() -> Settings {
    Settings { search_index: true, ..settings() }
}

fn put(world: &World, lines: &[Vec<u8>]) {
    let writer = frontdesk_archive::Writer::open_in(world.dir(), &indexed(), clock()).unwrap();
    for line in lines {
        writer.put(vec![prepared(line)]).unwrap();
    }
    writer.close().unwrap();
}

/// `c-1` to `c-4`, each in a segment of its own: that of the month.
fn filled() -> World {
    let world = World::new();
    let lines: Vec<_> = (1..=4).map(|n| conversation(&format!("c-{n}"), n, "hello there")).collect();
    put(&world, &lines);
    world
}

/// Flips a bit of a month's segment, before its end; twice is as it was.
fn flip(world: &World, month: u8, before_end: usize) {
    let files = world.memory.files();
    let folder = format!("segments/2025-{month:02}/");
    let (path, bytes) =
        files.iter().find(|(path, _)| path.starts_with(&folder) && path.ends_with(".gz")).unwrap();
    let at = bytes.len() - before_end;
    let mut file = world.memory.open_write(path).unwrap();
    file.write_at(at as u64, &[bytes[at] ^ 1]).unwrap();
    file.sync_data().unwrap();
}

fn now() -> Timestamp {
    "2026-02-01T00:00:00Z".parse().unwrap()
}

fn check(world: &World) {
    let reader = world.reader();
    reader.note_verified(&verify(&reader), now()).unwrap();
}

fn asked(query: &str, order: Order) -> Search {
    let query: Query = query.parse().unwrap();
    Search { order, facets: true, ..Search::new(Expression::Query(query), 10) }
}

fn hits(page: &SearchPage) -> Vec<(String, Integrity)> {
    page.hits.iter().map(|hit| (hit.id.to_string(), hit.integrity)).collect()
}

/// What a query finds, in either order and however it is found.
fn found(reader: &Reader, query: &str) -> Vec<(String, Integrity)> {
    let mut answers = Vec::new();
    for order in [Order::Newest, Order::Best] {
        let search = asked(query, order);
        for page in [reader.search(&search).unwrap(), reader.scan_search(&search).unwrap()] {
            assert_eq!(page.count, Some(page.hits.len() as u64), "{query}");
            let facet = page.facets.iter().find(|facet| facet.field == "is").unwrap();
            let damaged = page.hits.iter().filter(|hit| hit.integrity != Integrity::Sound).count() as u64;
            let counted = facet.values.iter().find(|(value, _)| value == "damaged");
            assert_eq!(counted.map_or(0, |(_, count)| *count), damaged, "{query}");
            let bare = reader.search(&Search { texts: false, ..search.clone() }).unwrap();
            assert_eq!(hits(&bare), hits(&page), "{query}, without texts");
            answers.push(hits(&page));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{query}: {answers:?}");
    answers.remove(0)
}

fn damaged(id: &str) -> (String, Integrity) {
    (id.to_owned(), Integrity::Damaged)
}

fn lost(id: &str) -> (String, Integrity) {
    (id.to_owned(), Integrity::Lost)
}

fn mended(world: &World) -> RepairReport {
    repair_in(world.dir(), &indexed(), clock(), true).unwrap()
}

#[test]
fn what_a_check_found_is_found_until_it_is_sound() {
    let world = filled();
    check(&world);
    assert_eq!(found(&world.reader(), "is:damaged"), []);
    assert!(!world.memory.files().contains_key("quarantine/findings.json"), "nothing is written for nothing");

    flip(&world, 2, 9);
    let before = verify(&world.reader());
    assert!(!before.damaged.is_empty());
    assert_eq!(found(&world.reader(), "is:damaged"), [], "nobody said so yet");
    check(&world);
    let reader = world.reader();
    assert_eq!(verify(&reader), before, "what is written down is no damage itself");
    assert_eq!(found(&reader, "is:damaged"), [damaged("c-2")]);
    assert_eq!(found(&reader, "is:damaged date:2025-02 -queue:web"), [damaged("c-2")]);
    assert_eq!(found(&reader, "is:damaged date:2025-03"), []);
    // The index knows what it said; whoever must read it does not.
    let hello = reader.search(&asked("hello is:damaged", Order::Newest)).unwrap();
    assert_eq!((hits(&hello), hello.incomplete), (vec![damaged("c-2")], 1));
    let sound = |id: &str| (id.to_owned(), Integrity::Sound);
    assert_eq!(found(&reader, "from:2025-01-01 -is:damaged"), [sound("c-4"), sound("c-3"), sound("c-1")]);
    let told = reader.damage_of(&key("c-2").id).unwrap();
    assert_eq!(told.len(), 1);
    assert!(told[0].what.is_some() && !told[0].replaced && told[0].since == now() && told[0].version == 1);
    assert_eq!(reader.damage_of(&key("c-1").id).unwrap(), []);

    // A catalog that is made anew has no row of what cannot be read.
    let anew = world.after_kill(Catalog::Gone);
    assert_eq!(found(&anew.reader(), "is:damaged"), [lost("c-2")]);
    check(&anew);
    assert_eq!(found(&anew.reader(), "is:damaged"), [lost("c-2")], "what was not looked at is not sound");

    flip(&world, 2, 9);
    check(&world);
    assert_eq!(found(&world.reader(), "is:damaged"), []);
    assert_eq!(world.reader().damage_of(&key("c-2").id).unwrap(), []);
}

#[test]
fn a_look_at_some_records_looks_again_at_what_was_found() {
    let world = filled();
    flip(&world, 3, 9);
    let sample = |records: u64, offset: u64| {
        let reader = world.reader();
        let sampled = reader.verify_sample(records, &mut |below| offset % below).unwrap();
        reader.note_sampled(&sampled, now()).unwrap();
        sampled.damaged.len()
    };
    assert_eq!(sample(1, 0), 0, "the first record is sound");
    assert_eq!(found(&world.reader(), "is:damaged"), []);
    assert_eq!(sample(1, 2), 1);
    assert_eq!(found(&world.reader(), "is:damaged"), [damaged("c-3")]);
    assert_eq!(sample(1, 0), 1, "it is looked at again");
    flip(&world, 3, 9);
    assert_eq!(sample(1, 0), 0);
    assert_eq!(found(&world.reader(), "is:damaged"), []);
    // So does a look at one conversation.
    flip(&world, 3, 9);
    let look = || {
        let reader = world.reader();
        let examined = reader.examine(&key("c-3").id).unwrap();
        reader.note_examined(&examined, now()).unwrap();
        examined.iter().map(|one| one.outcome.is_ok()).collect::<Vec<_>>()
    };
    assert_eq!(look(), [false]);
    assert_eq!(found(&world.reader(), "is:damaged"), [damaged("c-3")]);
    flip(&world, 3, 9);
    assert_eq!(look(), [true]);
    assert_eq!(found(&world.reader(), "is:damaged"), []);
}

#[test]
fn a_segment_that_is_missing_takes_no_conversation_along_without_a_word() {
    let world = filled();
    let files = world.memory.files();
    let path =
        files.keys().find(|path| path.starts_with("segments/2025-04/") && path.ends_with(".gz")).unwrap();
    world.memory.remove(path).unwrap();
    check(&world);
    assert_eq!(found(&world.reader(), "is:damaged"), [damaged("c-4")]);
    assert_eq!(mended(&world).lost.len(), 1);
    assert_eq!(found(&world.reader(), "is:damaged"), [lost("c-4")]);
}

#[test]
fn what_a_repair_gave_up_is_found_until_something_comes_after_it() {
    let world = filled();
    let matter = MatterName::new("smith").unwrap();
    let ids: Vec<RecordId> = vec![key("c-2").id];
    let mut maintenance = maintain(world.dir()).unwrap();
    maintenance.hold(&matter, &ids, None, "a letter").unwrap();
    maintenance.close().unwrap();
    flip(&world, 2, 9);
    check(&world);
    assert_eq!(mended(&world).lost.len(), 1);
    let look = |world: &World| {
        let reader = world.reader();
        assert_eq!(verify(&reader).damaged, []);
        assert_eq!(found(&reader, "is:damaged"), [lost("c-2")]);
        assert_eq!(found(&reader, "is:damaged is:held date:2025-02-03"), [lost("c-2")]);
        assert_eq!(found(&reader, "is:damaged date:2025-03"), []);
        let told = reader.damage_of(&key("c-2").id).unwrap();
        assert!(told.len() == 1 && told[0].what.is_none() && !told[0].replaced, "{told:?}");
        // It has its place in the order of time, and pages have it once.
        let mut cursor = None;
        let mut ids = Vec::new();
        for _ in 0..4 {
            let search = Search { cursor, limit: 1, ..asked("from:2025-01-01", Order::Newest) };
            let page = reader.search(&search).unwrap();
            ids.extend(page.hits.iter().map(|hit| hit.id.to_string()));
            cursor = page.next_cursor;
        }
        assert_eq!((ids, cursor), (["c-4", "c-3", "c-2", "c-1"].map(str::to_owned).to_vec(), None));
        // There is no record to hand out.
        let expression = Expression::Query("from:2025-01-01".parse().unwrap());
        let all = reader.search_each(&expression, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
        assert_eq!((all.count, all.incomplete), (3, 0));
    };
    look(&world);
    look(&world.after_kill(Catalog::Gone));
    check(&world);
    look(&world);

    put(&world, &[conversation("c-2", 2, "hello again")]);
    for world in [&world, &world.after_kill(Catalog::Gone)] {
        let reader = world.reader();
        assert_eq!(found(&reader, "is:damaged"), []);
        assert!(reader.damage_of(&key("c-2").id).unwrap()[0].replaced);
    }
}

#[test]
fn an_earlier_version_that_is_left_does_not_hide_that_the_latest_is_lost() {
    let world = filled();
    // A month of its own, so that one segment has only the second version.
    put(&world, &[conversation("c-2", 6, "what was said in the end")]);
    flip(&world, 6, 9);
    assert_eq!(mended(&world).lost.len(), 1);
    for world in [&world, &world.after_kill(Catalog::Gone)] {
        let reader = world.reader();
        assert_eq!(found(&reader, "is:damaged"), [damaged("c-2")]);
        assert_eq!(found(&reader, "hello is:damaged date:2025-02"), [damaged("c-2")]);
        let told = reader.damage_of(&key("c-2").id).unwrap();
        assert_eq!(
            told.iter().map(|damage| (damage.version, damage.replaced)).collect::<Vec<_>>(),
            [(2, false)]
        );
    }
    put(&world, &[conversation("c-2", 6, "once more")]);
    assert_eq!(found(&world.reader(), "is:damaged"), []);
}

#[test]
fn findings_of_another_archive_say_nothing_of_this_one() {
    let world = filled();
    let other = filled();
    flip(&other, 2, 9);
    check(&other);
    let bytes = other.memory.files()["quarantine/findings.json"].clone();
    for bytes in [bytes, b"{".to_vec()] {
        frontdesk_durable::publish(&world.memory, "quarantine/findings.json", &bytes).unwrap();
        assert_eq!(found(&world.reader(), "is:damaged"), []);
        assert_eq!(verify(&world.reader()).damaged, []);
    }
}
