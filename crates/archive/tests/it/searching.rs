//! The plain scan: exact counts, order, pages, and what it says when something cannot be read.

use std::ops::ControlFlow;

use frontdesk_archive::{ErrorKind, Expression, Reader, Search};
use proptest::prelude::*;

use crate::support::{Place, noise, prepared};

fn line(id: &str, started: Option<&str>, text: &str) -> Vec<u8> {
    let mut value = serde_json::json!({"id": id, "interactions": [{"transcript": text}]});
    if let Some(started) = started {
        value["startTime"] = started.into();
    }
    serde_json::to_vec(&value).unwrap()
}

fn query(term: &str, limit: usize, cursor: Option<String>) -> Search {
    Search { cursor, ..Search::new(Expression::Contains(term.to_owned()), limit) }
}

fn ids(reader: &Reader, term: &str, limit: usize) -> (u64, Vec<Vec<String>>) {
    let (mut pages, mut cursor, mut count) = (Vec::new(), None, None);
    loop {
        let page = reader.search(&query(term, limit, cursor)).unwrap();
        assert_eq!(page.incomplete, 0);
        assert!(count.is_none_or(|count| count == page.count.unwrap()), "the count is of all pages");
        count = Some(page.count.unwrap());
        pages.push(page.hits.iter().map(|hit| hit.id.to_string()).collect());
        cursor = page.next_cursor;
        if cursor.is_none() {
            return (page.count.unwrap(), pages);
        }
    }
}

#[test]
fn hits_are_the_latest_versions_newest_first_and_undated_last() {
    let place = Place::new();
    let writer = place.writer();
    let lines = [
        line("b", Some("2025-02-01T00:00:00Z"), "Größe"),
        line("a", Some("2025-03-01T00:00:00Z"), "GRÖSSE, größer"),
        line("u", None, "undated größe"),
        line("c", Some("2025-02-01T00:00:00Z"), "größe"),
        line("old", Some("2025-04-01T00:00:00Z"), "größe"),
        line("old", Some("2025-04-01T00:00:00Z"), "no more"),
        line("new", Some("2024-04-01T00:00:00+02:00"), "nothing yet"),
        line("new", Some("2024-04-01T00:00:00+02:00"), "größe"),
    ];
    writer.put(lines.iter().map(|line| prepared(line)).collect()).unwrap();
    let reader = place.reader();
    assert_eq!(ids(&reader, "GRÖßE", 2).1, [vec!["a", "c"], vec!["b", "new"], vec!["u"]]);
    assert_eq!(ids(&reader, "no MORE", 5), (1, vec![vec!["old".to_owned()]]));
    assert_eq!(ids(&reader, "groesse", 5), (0, vec![vec![]]));
    assert_eq!(ids(&reader, "größe", 0), (5, vec![vec![]]), "only the count");
    let page = reader.search(&query("größer", 1, None)).unwrap();
    assert_eq!((page.hits[0].snippet.as_str(), page.hits[0].version), ("GRÖSSE, größer", 1));

    let other = Place::new();
    other.writer().put(vec![prepared(&lines[0])]).unwrap();
    let cursor = reader.search(&query("größe", 1, None)).unwrap().next_cursor;
    let error = other.reader().search(&query("größe", 1, cursor)).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::ForeignArchive);
    for wrong in [query("", 1, None), query("x", 1, Some("x".to_owned()))] {
        assert!(matches!(reader.search(&wrong).unwrap_err().kind(), ErrorKind::Malformed { .. }));
    }
}

#[test]
fn whoever_has_enough_says_so() {
    let place = Place::new();
    let writer = place.writer();
    let lines = ["a", "b", "c"].map(|id| prepared(&line(id, None, "enough")));
    writer.put(lines.into()).unwrap();
    let mut seen = Vec::new();
    let take_two = &mut |found: frontdesk_archive::Match| {
        assert_eq!(found.so_far.count, 3);
        seen.push(found.record.key.id.to_string());
        if seen.len() == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let searched = place.reader().search_each(&Expression::Contains("ENOUGH".to_owned()), take_two).unwrap();
    assert_eq!((searched.count, searched.incomplete), (3, 0));
    assert_eq!(seen, ["c", "b"]);
}

#[test]
fn a_large_archive_is_worked_through_by_several_threads() {
    let place = Place::new();
    let writer = place.writer();
    let text =
        |n: u64| format!("{} n{n}n {}", noise(n, 3_000), if n.is_multiple_of(3) { "Third!" } else { "" });
    let mut lines: Vec<Vec<u8>> = (0..600)
        .map(|n| line(&format!("c-{n}"), Some(&format!("2025-{:02}-01T00:00:00Z", 1 + n % 2)), &text(n)))
        .collect();
    lines.push(line("large", None, &format!("{} third!", noise(1_000, 1_500_000))));
    for batch in lines.chunks(100) {
        writer.put(batch.iter().map(|line| prepared(line)).collect()).unwrap();
    }
    writer.close().unwrap();
    let reader = place.reader();
    let packed = reader.stats().unwrap().packed_bytes;
    assert!(packed > 1_000_000, "{packed}: too little to need threads");
    assert_eq!(ids(&reader, "third!", 150).0, 201);
    assert_eq!(ids(&reader, "n77n", 20), (1, vec![vec!["c-77".to_owned()]]));
    let report = place.verify();
    assert_eq!((report.records, report.damaged.len()), (601, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_scan_finds_what_a_naive_search_finds(
        texts in proptest::collection::vec("[aAbBéÉßİı\\n σς中💬.]{0,12}", 1..12),
        term in "[aAbBéÉßİı\\n σς中💬.]{1,3}",
    ) {
        let place = Place::new();
        let writer = place.writer();
        let lines: Vec<Vec<u8>> = texts.iter().enumerate().map(|(n, text)| line(&n.to_string(), None, text)).collect();
        writer.put(lines.iter().map(|line| prepared(line)).collect()).unwrap();
        let lower = |text: &str| text.chars().map(|c| c.to_lowercase().next().unwrap()).collect::<String>();
        let expected: Vec<String> = texts
            .iter()
            .enumerate()
            .filter(|(_, text)| lower(text).contains(&lower(&term)))
            .map(|(n, _)| n.to_string())
            .rev()
            .collect();
        let reader = place.reader();
        let (count, pages) = ids(&reader, &term, 100);
        prop_assert_eq!(count, expected.len() as u64);
        prop_assert_eq!(pages.concat(), &expected[..]);
        let mut each = Vec::new();
        let searched = reader.search_each(&Expression::Contains(term), &mut |found| {
            assert_eq!(found.record.bytes, lines[found.record.key.id.as_str().parse::<usize>().unwrap()]);
            each.push(found.record.key.id.to_string());
            ControlFlow::Continue(())
        }).unwrap();
        prop_assert_eq!((searched.count, searched.incomplete), (count, 0));
        prop_assert_eq!(each, expected);
    }
}
