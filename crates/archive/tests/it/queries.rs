//! Queries over archives: the same as the pure meaning, in both orders, page by page, and as the plain scan.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use frontdesk_archive::{Error, ErrorKind, Expression, Order, Reader, Search, SearchPage};
use frontdesk_domain::Query;
use frontdesk_domain::query::Document;
use proptest::prelude::*;

use crate::support::{Place, prepared};

/// A conversation as the tests make them; `n` makes it one of a kind.
fn line(id: &str, day: Option<u8>, queue: &str, text: &str) -> Vec<u8> {
    let mut value = serde_json::json!({
        "id": id, "queue": queue, "type": "message", "metadata": {"tag": [queue, "x"]},
        "interactions": [{"transcript": text}],
    });
    if let Some(day) = day {
        value["startTime"] = format!("2025-03-{day:02}T10:00:00Z").into();
    }
    serde_json::to_vec(&value).unwrap()
}

fn search(query: &str, order: Order, limit: usize) -> Search {
    let query: Query = query.parse().unwrap();
    Search { order, facets: true, ..Search::new(Expression::Query(query), limit) }
}

/// All pages of a search, each the same as the plain scan's.
fn pages(reader: &Reader, first: &Search) -> Result<(u64, Vec<Vec<String>>), Error> {
    let mut next = first.clone();
    let mut pages = Vec::new();
    loop {
        let page = reader.search(&next)?;
        assert_eq!(page, reader.scan_search(&next)?, "{next:?}");
        assert_eq!(page.incomplete, 0);
        if next.order == Order::Newest {
            // Who asks for the newest only gets the same ones.
            let uncounted = reader.search(&Search { count: false, facets: false, ..next.clone() })?;
            let expected = SearchPage { count: None, facets: Vec::new(), ..page.clone() };
            assert_eq!(uncounted, expected, "{next:?}");
        }
        pages.push(ids(&page));
        next.cursor = page.next_cursor;
        if next.cursor.is_none() {
            return Ok((page.count.unwrap(), pages));
        }
    }
}

fn ids(page: &SearchPage) -> Vec<String> {
    page.hits.iter().map(|hit| hit.id.to_string()).collect()
}

#[test]
fn the_best_say_more_of_what_is_rare_and_the_newest_of_equals_comes_first() {
    let place = Place::new();
    let writer = place.writer();
    let lines = [
        line("common", Some(1), "web", "hotel"),
        line("old", Some(2), "web", "a hotel hotel and a lot of other words that make it long"),
        line("new", Some(3), "web", "a hotel hotel and a lot of other words that make it long"),
        line("rare", Some(4), "app", "refund"),
        line("both", Some(5), "app", "refund for the hotel"),
        line("more", Some(6), "app", "refund refund hotel"),
        line("none", Some(7), "app", "nothing of this"),
    ];
    writer.put(lines.iter().map(|line| prepared(line)).collect()).unwrap();
    writer.close().unwrap();
    let reader = place.reader();
    let best = |query: &str| pages(&reader, &search(query, Order::Best, 20)).unwrap().1.concat();
    assert_eq!(best("refund hotel"), ["more", "both"]);
    assert_eq!(best("hotel"), ["common", "more", "both", "new", "old"]);
    assert_eq!(best("refund OR hotel"), ["more", "both", "rare", "common", "new", "old"]);
    assert_eq!(best("queue:app"), ["none", "more", "both", "rare"], "nothing to weigh: newest first");
    assert_eq!(best("\"for the\" OR noth*"), ["both", "none"]);
    let page = reader.search(&search("hotel -refund", Order::Newest, 1)).unwrap();
    assert_eq!((page.count.unwrap(), ids(&page)), (3, vec!["new".to_owned()]));
    let hit = &page.hits[0];
    let marked: Vec<&str> = hit.marks.iter().map(|mark| &hit.snippet[mark.clone()]).collect();
    assert_eq!(marked, ["hotel", "hotel"]);
    let queues = page.facets.iter().find(|facet| facet.field == "queue").unwrap();
    assert_eq!((queues.values.as_slice(), queues.others), (&[("web".to_owned(), 3)][..], 0));
    let text = Search { order: Order::Best, ..Search::new(Expression::Contains("hotel".to_owned()), 9) };
    assert_eq!(pages(&reader, &text).unwrap().1.concat(), ["common", "more", "both", "new", "old"]);
}

#[test]
fn a_cursor_of_the_best_is_refused_once_the_order_is_no_more() {
    let place = Place::new();
    let writer = place.writer();
    let put = |id: &str, text: &str| writer.put(vec![prepared(&line(id, None, "web", text))]).unwrap();
    for n in 0..5 {
        put(&n.to_string(), "hotel");
    }
    let reader = place.reader();
    let first = search("hotel OR refund", Order::Best, 2);
    let cursor = reader.search(&first).unwrap().next_cursor;
    let again = Search { cursor: cursor.clone(), ..first.clone() };
    assert_eq!(reader.search(&again).unwrap().hits.len(), 2);
    let kind = |search: &Search| reader.search(search).unwrap_err().kind().clone();
    let other = Search { cursor: cursor.clone(), ..search("hotel", Order::Best, 2) };
    assert_eq!(kind(&other), ErrorKind::OutdatedCursor);
    let newest = Search { order: Order::Newest, ..again.clone() };
    assert!(matches!(kind(&newest), ErrorKind::Malformed { .. }));
    let forged = cursor.clone().unwrap().replacen(".64.", ".99999999999.", 1);
    assert_eq!(kind(&Search { cursor: Some(forged), ..first.clone() }), ErrorKind::OutdatedCursor);
    let stays = reader.search(&Search { order: Order::Newest, ..first.clone() }).unwrap().next_cursor;
    put("5", "hotel");
    assert_eq!(kind(&again), ErrorKind::OutdatedCursor);
    let stays = Search { order: Order::Newest, cursor: stays, ..first };
    assert_eq!(ids(&reader.search(&stays).unwrap()), ["2", "1"]);
}

#[test]
fn pages_of_the_best_go_on_behind_what_is_scored() {
    let place = Place::new();
    let writer = place.writer();
    let words = ["hotel", "refund", "hotel refund", "hotel hotel", "refund refund hotel"];
    let lines: Vec<Vec<u8>> = (0..200_usize)
        .map(|n| {
            line(
                &n.to_string(),
                Some(1 + (n % 28) as u8),
                "web",
                &format!("{} {}", words[n % 5], "x ".repeat(n % 7)),
            )
        })
        .collect();
    writer.put(lines.iter().map(|line| prepared(line)).collect()).unwrap();
    let reader = place.reader();
    for limit in [1, 7, 64, 65, 100, 199, 200, 300] {
        let (count, pages) = pages(&reader, &search("hotel OR refund", Order::Best, limit)).unwrap();
        let mut all = pages.concat();
        assert!(pages.iter().rev().skip(1).all(|page| page.len() == limit), "{limit}");
        let has_both =
            |id: &String| id.parse::<usize>().unwrap() % 5 % 2 == 0 && id.parse::<usize>().unwrap() % 5 > 0;
        // Where more are scored from their text than have both, one that says one of them often may be better.
        assert!(limit >= 80 || all[..80].iter().all(has_both), "{limit}: those with both come first");
        all.sort();
        all.dedup();
        assert_eq!((count, all.len()), (200, 200), "{limit}: every hit once");
    }
}

fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        4 => Just("a".to_owned()), 3 => Just("b".to_owned()), 2 => Just("ab".to_owned()), 1 => Just("Größe".to_owned()),
        1 => Just("東京".to_owned()), 1 => Just("don't".to_owned()),
    ];
    let gap = prop_oneof![4 => Just(" "), 1 => Just(", "), 1 => Just("\n"), 1 => Just("💬")];
    proptest::collection::vec((word, gap), 0..8)
        .prop_map(|words| words.into_iter().flat_map(|(word, gap)| [word, gap.to_owned()]).collect())
}

fn query() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => prop_oneof![Just("a"), Just("b"), Just("ab"), Just("a*"), Just("größe"), Just("gr*"), Just("京"), Just("none")].prop_map(str::to_owned),
        4 => prop_oneof![Just("\"a b\""), Just("\"b a\"*"), Just("東京"), Just("don't"), Just("\"a a b\"")].prop_map(str::to_owned),
        3 => prop_oneof![Just("queue:web"), Just("queue:APP"), Just("type:message"), Just("metadata.tag:web"), Just("agent:x")].prop_map(str::to_owned),
        2 => (1_u8..28).prop_map(|day| format!("from:2025-03-{day:02}")),
        1 => (1_u8..28).prop_map(|day| format!("to:2025-03-{day:02}")),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} {other})")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} OR {other})")),
            inner.prop_map(|inner| format!("-{inner}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_query_finds_what_it_means(
        batches in proptest::collection::vec(
            proptest::collection::vec((0_u8..12, proptest::option::of(1_u8..28), prop_oneof![Just("web"), Just("App")], text()), 1..6),
            1..4,
        ),
        queries in proptest::collection::vec(query(), 4),
        limit in 1_usize..6,
    ) {
        let place = Place::new();
        let mut held: Option<Reader> = None;
        let mut latest: BTreeMap<String, (usize, Vec<u8>)> = BTreeMap::new();
        let mut sequence = 0;
        for batch in &batches {
            let writer = place.writer();
            for (id, day, queue, text) in batch {
                let line = line(&id.to_string(), *day, queue, text);
                writer.put(vec![prepared(&line)]).unwrap();
                sequence += 1;
                let before = latest.get(&id.to_string());
                if before.is_none_or(|(_, before)| *before != line) {
                    latest.insert(id.to_string(), (sequence, line));
                }
            }
            writer.close().unwrap();
            // A reader that keeps what it needs sees all that comes.
            let held = held.get_or_insert_with(|| place.held_reader());
            for text in queries.iter().filter(|text| text.parse::<Query>().is_ok()) {
                pages(held, &search(text, Order::Newest, limit)).unwrap();
            }
        }
        let reader = place.reader();
        for text in &queries {
            let Ok(query) = text.parse::<Query>() else { continue };
            let mut expected: Vec<(Option<i64>, usize, &String)> = latest
                .iter()
                .filter(|(_, (_, line))| query.matches(&Document::new(line)))
                .map(|(id, (sequence, line))| (Document::new(line).started_at(), *sequence, id))
                .collect();
            expected.sort_by(|one, other| other.cmp(one));
            let mut expected: Vec<String> = expected.into_iter().map(|(_, _, id)| id.clone()).collect();
            let (count, found) = pages(&reader, &search(text, Order::Newest, limit)).unwrap();
            prop_assert_eq!(count, expected.len() as u64, "{}", text);
            prop_assert_eq!(found.concat(), &expected[..], "{}", text);
            let mut each = Vec::new();
            let searched = reader.search_each(&Expression::Query(query), &mut |found| {
                each.push(found.record.key.id.to_string());
                ControlFlow::Continue(())
            }).unwrap();
            prop_assert_eq!((searched.count, searched.incomplete), (count, 0));
            prop_assert_eq!(&each, &expected);
            let (count, best) = pages(&reader, &search(text, Order::Best, limit)).unwrap();
            prop_assert_eq!(count, expected.len() as u64, "{}", text);
            let mut best = best.concat();
            best.sort();
            expected.sort();
            prop_assert_eq!(best, expected, "{}", text);
        }
    }
}
