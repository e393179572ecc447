//! What is searched of a conversation: its transcript where there is one, else its details; once, whatever comes when.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use frontdesk_archive::{
    ClockTrust, Export, ExportLayout, Expression, Facet, Prepared, PutOutcome, Reader, Search, Settings,
    Writer,
};
use frontdesk_domain::payload::facts;
use frontdesk_domain::{Query, RawRecord, RecordKey, RecordKind};
use frontdesk_durable::Dir;
use proptest::prelude::*;

use crate::retaining::{maintain, removal};
use crate::support::{clock, key, prepared, settings, verify};
use crate::world::{Catalog, World};

fn writer(dir: Arc<dyn Dir>, search_index: bool) -> Writer {
    Writer::open_in(dir, &Settings { segment_size: 3_000, search_index, ..settings() }, clock()).unwrap()
}

/// Details as the platform gives them; `text` is an attribute, since nothing is said in them.
fn details(id: u8, text: &str) -> Prepared {
    let value = serde_json::json!({
        "conversationId": format!("c-{id}"),
        "conversationStart": format!("2025-{:02}-03T10:00:00Z", 1 + id % 4),
        "participants": [{"purpose": "customer", "attributes": {"details": text}}],
    });
    prepared(&serde_json::to_vec(&value).unwrap())
}

fn transcript(id: u8, text: &str) -> Prepared {
    let value = serde_json::json!({
        "conversation": {"id": format!("c-{id}"), "startTime": format!("2025-{:02}-03T10:00:00Z", 1 + id % 4)},
        "entities": [{"id": "m-1", "normalizedMessage": {"text": text}}],
    });
    of(RecordKind::Transcript, id, &value)
}

fn of(kind: RecordKind, id: u8, value: &serde_json::Value) -> Prepared {
    let bytes = serde_json::to_vec(value).unwrap();
    let facts = facts(kind, &bytes);
    let key = RecordKey { kind, id: format!("c-{id}").parse().unwrap() };
    Prepared::new(RawRecord::from_parts(key, bytes).unwrap(), facts)
}

fn query(text: &str, limit: usize) -> Search {
    Search { facets: true, ..Search::new(Expression::Query(text.parse::<Query>().unwrap()), limit) }
}

/// The ids a search finds, over all pages; by the index and by the scan.
fn found(reader: &Reader, search: &Search) -> Vec<(String, RecordKind)> {
    let (mut search, mut ids) = (search.clone(), Vec::new());
    loop {
        let page = reader.search(&search).unwrap();
        assert_eq!(page, reader.scan_search(&search).unwrap());
        assert_eq!(page.incomplete, 0);
        ids.extend(page.hits.into_iter().map(|hit| (hit.id.to_string(), hit.kind)));
        match page.next_cursor {
            None => {
                assert_eq!(page.count, Some(ids.len() as u64));
                return ids;
            }
            cursor => search.cursor = cursor,
        }
    }
}

#[test]
fn a_transcript_is_searched_in_place_of_the_details() {
    let world = World::new();
    let open = writer(world.dir(), true);
    open.put(vec![details(1, "one"), details(2, "two"), transcript(3, "said three")]).unwrap();
    open.put(vec![transcript(1, "said one"), details(3, "three")]).unwrap();
    open.put(vec![transcript(1, "said again")]).unwrap();
    open.close().unwrap();
    let reader = world.reader();
    let hits = |text: &str| found(&reader, &query(text, 2));
    let (of_details, of_transcript) = (RecordKind::Details, RecordKind::Transcript);
    assert_eq!(hits("said"), [("c-3".to_owned(), of_transcript), ("c-1".to_owned(), of_transcript)]);
    assert_eq!(hits("again"), [("c-1".to_owned(), of_transcript)]);
    assert_eq!(hits("one"), []);
    assert_eq!(hits("metadata.details:one"), []);
    assert_eq!(hits("metadata.details:two"), [("c-2".to_owned(), of_details)]);
    let page = reader.search(&query("from:2020-01-01", 10)).unwrap();
    assert_eq!(page.count, Some(3));
    assert!(page.facets.iter().all(|Facet { others, .. }| *others == 0));
    assert_eq!(verify(&reader).damaged, []);
}

#[test]
fn an_export_of_what_was_found_by_its_transcript_has_the_details() {
    let world = World::new();
    let open = writer(world.dir(), true);
    open.put(vec![details(1, "one"), transcript(1, "wanted"), details(2, "wanted"), transcript(2, "other")])
        .unwrap();
    open.close().unwrap();
    let reader = world.reader();
    let records = |kind: Option<RecordKind>| {
        let export = Export {
            layout: ExportLayout::Ndjson { file_bytes: 1 << 20 },
            kind,
            started: None,
            expression: Some(Expression::Contains("wanted".to_owned())),
            all_versions: false,
            described: String::new(),
        };
        let to = World::new();
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        reader.export(&export, to.dir(), now, &|| false, &mut |_| {}).unwrap().records
    };
    assert_eq!(records(None), 2);
    assert_eq!(records(Some(RecordKind::Details)), 1);
    assert_eq!(records(Some(RecordKind::Transcript)), 1);
    assert_eq!(records(Some(RecordKind::Media)), 0);
}

#[test]
fn a_link_that_is_signed_anew_makes_no_version() {
    let signed = |signature: &str, text: &str| {
        let url = format!("https://files.example/a.png?Signature={signature}");
        let value = serde_json::json!({
            "conversation": {"id": "c-1"},
            "entities": [{"id": "m-1", "normalizedMessage": {"text": text, "content": [{"attachment": {"url": url}}]}}],
        });
        of(RecordKind::Transcript, 1, &value)
    };
    let world = World::new();
    let open = writer(world.dir(), true);
    let put = |writer: &Writer, records: Vec<Prepared>| writer.put(records).unwrap();
    let (added, unchanged) =
        (|version| PutOutcome::VersionAdded { version }, |version| PutOutcome::Unchanged { version });
    // Of one batch, and of a batch before.
    assert_eq!(put(&open, vec![signed("a", "x"), signed("b", "x")]), [PutOutcome::Stored, unchanged(1)]);
    assert_eq!(put(&open, vec![signed("c", "x")]), [unchanged(1)]);
    open.close().unwrap();
    // What came first is kept, and compared with again when everything else is gone.
    let rebuilt = world.after_power_loss(7, Catalog::Gone);
    let open = writer(rebuilt.dir(), true);
    assert_eq!(put(&open, vec![signed("d", "x")]), [unchanged(1)]);
    assert_eq!(put(&open, vec![signed("d", "y")]), [added(2)]);
    assert_eq!(put(&open, vec![signed("a", "x")]), [added(3)]);
    open.close().unwrap();
    let reader = rebuilt.reader();
    let key = RecordKey { kind: RecordKind::Transcript, id: "c-1".parse().unwrap() };
    let shown =
        |version| String::from_utf8(reader.show(&key, Some(version)).unwrap().unwrap().bytes).unwrap();
    assert!(shown(1).contains("Signature=a") && shown(2).contains("Signature=d"));
    assert_eq!(verify(&reader).damaged, []);
}

#[test]
fn another_way_of_asking_makes_no_version() {
    let told = |attributes: Option<&str>, end: &str| {
        let mut participant = serde_json::json!({"purpose": "customer"});
        if let Some(tier) = attributes {
            participant["attributes"] = serde_json::json!({"tier": tier});
        }
        let value = serde_json::json!({
            "conversationId": "c-1", "conversationStart": "2025-01-03T10:00:00Z", "conversationEnd": end,
            "participants": [participant],
        });
        prepared(&serde_json::to_vec(&value).unwrap())
    };
    let (early, late) = ("2025-01-03T11:00:00Z", "2025-01-03T12:00:00Z");
    let world = World::new();
    let open = writer(world.dir(), true);
    let put = |writer: &Writer, one: Prepared| writer.put(vec![one]).unwrap().remove(0);
    let (added, unchanged) =
        (|version| PutOutcome::VersionAdded { version }, |version| PutOutcome::Unchanged { version });
    assert_eq!(put(&open, told(None, early)), PutOutcome::Stored);
    assert_eq!(put(&open, told(Some("gold"), early)), unchanged(1));
    assert_eq!(put(&open, told(Some("gold"), late)), added(2));
    assert_eq!(put(&open, told(None, late)), unchanged(2));
    open.close().unwrap();
    // The same by a catalog that was made anew from the segments.
    let rebuilt = world.after_power_loss(7, Catalog::Gone);
    let open = writer(rebuilt.dir(), true);
    assert_eq!(put(&open, told(None, late)), unchanged(2));
    assert_eq!(put(&open, told(Some("gold"), late)), unchanged(2));
    // What both tell, and tell differently, is a version.
    assert_eq!(put(&open, told(Some("blue"), late)), added(3));
    assert_eq!(put(&open, told(Some("blue"), early)), added(4));
    open.close().unwrap();
    assert_eq!(verify(&rebuilt.reader()).damaged, []);
}

/// What can happen to an archive.
#[derive(Debug, Clone)]
enum Step {
    /// Records: whether it is a transcript, whose, and its text.
    Put(Vec<(bool, u8, String)>),
    /// The writer ends, the next has an index or not.
    Reopen(bool),
    /// So many small files that they become one.
    Merge(String),
    /// Retention takes these away, those that have details.
    Remove(Vec<u8>),
    Kill,
    PowerLoss(u64),
    IndexGone,
    CatalogGone,
}

const WORDS: [&str; 5] = ["alpha", "beta", "gamma", "delta", "epsilon"];

fn step() -> impl Strategy<Value = Step> {
    let text =
        prop::collection::vec(prop::sample::select(&WORDS[..]), 0..4).prop_map(|words| words.join(" "));
    prop_oneof![
        8 => prop::collection::vec((any::<bool>(), 0..12_u8, text.clone()), 1..8).prop_map(Step::Put),
        4 => any::<bool>().prop_map(Step::Reopen),
        1 => text.prop_map(Step::Merge),
        2 => prop::collection::vec(0..12_u8, 1..4).prop_map(Step::Remove),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::PowerLoss),
        1 => Just(Step::IndexGone),
        1 => Just(Step::CatalogGone),
    ]
}

/// What was put: the latest text of each kind, of conversations that are there.
#[derive(Debug, Default)]
struct Model {
    details: BTreeMap<u8, String>,
    transcripts: BTreeMap<u8, String>,
    removed: BTreeSet<u8>,
}

impl Model {
    fn put(&mut self, writer: &Writer, records: &[(bool, u8, String)]) {
        let make = |(said, id, text): &(bool, u8, String)| {
            if *said { transcript(*id, text) } else { details(*id, text) }
        };
        writer.put(records.iter().map(make).collect()).unwrap();
        for (said, id, text) in records.iter().filter(|(_, id, _)| !self.removed.contains(id)) {
            let kind = if *said { &mut self.transcripts } else { &mut self.details };
            kind.insert(*id, text.clone());
        }
    }

    /// The conversations with a word in what was said, and those with it in their details.
    fn expected(&self, word: &str) -> (BTreeSet<String>, BTreeSet<String>) {
        let with = |kind: &BTreeMap<u8, String>, has: &dyn Fn(&u8, &str) -> bool| {
            kind.iter().filter(|(id, text)| has(id, text)).map(|(id, _)| format!("c-{id}")).collect()
        };
        let said = with(&self.transcripts, &|_, text| text.split(' ').any(|said| said == word));
        let told = with(&self.details, &|id, text| text == word && !self.transcripts.contains_key(id));
        (said, told)
    }

    fn compare(&self, reader: &Reader) {
        let ids = |found: Vec<(String, RecordKind)>| {
            let all = found.len();
            let ids: BTreeSet<String> = found.into_iter().map(|(id, _)| id).collect();
            assert_eq!(ids.len(), all, "a conversation is found twice");
            ids
        };
        for word in WORDS {
            let (said, told) = self.expected(word);
            assert_eq!(ids(found(reader, &query(word, 3))), said, "{word}");
            assert_eq!(ids(found(reader, &query(&format!("metadata.details:{word}"), 3))), told, "{word}");
            let contains = Search::new(Expression::Contains(word.to_owned()), 4);
            assert_eq!(ids(found(reader, &contains)), said, "{word}");
        }
        let all: BTreeSet<String> =
            self.details.keys().chain(self.transcripts.keys()).map(|id| format!("c-{id}")).collect();
        assert_eq!(ids(found(reader, &query("from:2020-01-01", 5))), all);
        let mut each = BTreeSet::new();
        let any = Expression::Query("from:2020-01-01".parse().unwrap());
        let searched = reader
            .search_each(&any, &mut |found| {
                each.insert(found.record.key.id.to_string());
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!((searched.count, &each), (all.len() as u64, &all));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Details and transcripts in any order, versions, removals, crashes, with and without an index.
    #[test]
    fn a_conversation_is_found_once_by_what_was_said_last(steps in prop::collection::vec(step(), 4..20)) {
        let mut world = World::new();
        let mut model = Model::default();
        let mut open = writer(world.dir(), true);
        for step in steps {
            match step {
                Step::Put(records) => model.put(&open, &records),
                Step::Reopen(indexed) => {
                    open.close().unwrap();
                    open = writer(world.dir(), indexed);
                }
                Step::Merge(text) => {
                    for n in 0..8 {
                        model.put(&open, &[(n % 3 == 1, 20 + n / 2, text.clone())]);
                        open.close().unwrap();
                        open = writer(world.dir(), true);
                    }
                }
                Step::Remove(ids) => {
                    open.close().unwrap();
                    let reader = world.reader();
                    let ids: BTreeSet<u8> = ids.into_iter().filter(|id| model.details.contains_key(id)).collect();
                    let removals: Vec<_> = ids.iter().map(|id| removal(&reader, &format!("c-{id}"))).collect();
                    drop(reader);
                    let mut session = maintain(world.dir()).unwrap();
                    session.expire(&removals, "old", ClockTrust::default()).unwrap();
                    session.close().unwrap();
                    for id in ids {
                        model.details.remove(&id);
                        model.transcripts.remove(&id);
                        model.removed.insert(id);
                    }
                    open = writer(world.dir(), true);
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
                    for path in world.memory.files().into_keys().filter(|path| path.starts_with("search/")) {
                        world.memory.remove(&path).unwrap();
                    }
                    open = writer(world.dir(), true);
                }
                Step::CatalogGone => {
                    open.close().unwrap();
                    world = world.after_kill(Catalog::Gone);
                    open = writer(world.dir(), true);
                }
            }
        }
        model.compare(&world.reader()); // while the writer is at work
        open.close().unwrap();
        let reader = world.reader();
        model.compare(&reader);
        prop_assert_eq!(verify(&reader).damaged, []);
        for id in model.details.keys() {
            let shown = reader.show(&key(&format!("c-{id}")), None).unwrap();
            prop_assert!(shown.is_some());
        }
    }
}
