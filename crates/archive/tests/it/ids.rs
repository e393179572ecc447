//! Hostile ids: found by their exact text, and never a path (R76).

use std::collections::BTreeSet;

use frontdesk_archive::{ListQuery, Prepared};
use frontdesk_domain::payload::facts;
use frontdesk_domain::{RawRecord, RecordId, RecordKey, RecordKind};

use crate::support::{Place, files, key};

fn hostile() -> BTreeSet<String> {
    let seeds = [
        "../../x",
        "/etc/passwd",
        "..",
        ".",
        "\\\\?\\C:\\x",
        "a\0b",
        "\0",
        "new\nline",
        "\r\n",
        "CON",
        "con",
        "nul.txt",
        "trail.",
        "trail ",
        " lead",
        "-rf",
        "--help",
        "%2e%2e%2f",
        "%00",
        "\u{202e}gnp.exe",
        "caf\u{e9}",
        "cafe\u{301}",
        "A",
        "a",
        "ß",
        "ẞ",
        "SS",
        "ss",
        "İ",
        "i",
        "ı",
        "\u{feff}",
        "segments/2025-01/000001.ndjson.gz",
        "FORMAT.json",
        "'; DROP TABLE records; --",
        "\"",
        "\\",
        "{}",
        "null",
        "1",
        "01",
        "💬",
        "\u{10ffff}",
        "\u{1b}[31m",
    ];
    let mut ids: BTreeSet<String> = seeds.iter().map(|seed| (*seed).to_owned()).collect();
    for (n, seed) in seeds.iter().enumerate() {
        ids.insert(seed.repeat(3));
        ids.insert(format!("{seed}{n}"));
        ids.insert(format!("../{seed}"));
        ids.insert(seed.to_uppercase());
        ids.insert(format!("{seed}\0"));
        ids.insert(seed.chars().rev().collect());
    }
    ids.insert("x".repeat(300));
    ids.insert("y".repeat(1_024));
    ids.insert("é".repeat(512));
    ids.retain(|id| !id.is_empty());
    ids
}

#[test]
fn hostile_ids_are_found_and_nothing_leaves_the_root() {
    let place = Place::new();
    let ids = hostile();
    assert!(ids.len() > 200, "{}", ids.len());
    let writer = place.writer();
    let details = |id: &str| serde_json::to_vec(&serde_json::json!({"id": id, "queue": "web"})).unwrap();
    let batch: Vec<Prepared> = ids.iter().map(|id| Prepared::from_details(details(id)).unwrap()).collect();
    writer.put(batch).unwrap();
    // The other kinds do not carry their id, so the header does.
    let history = |id: &str| {
        let key = RecordKey { kind: RecordKind::History, id: RecordId::new(id).unwrap() };
        let bytes = br#"{"entities":[]}"#.to_vec();
        let facts = facts(key.kind, &bytes);
        Prepared::new(RawRecord::from_parts(key, bytes).unwrap(), facts)
    };
    writer.put(ids.iter().map(|id| history(id)).collect()).unwrap();
    writer.close().unwrap();

    let check = || {
        let reader = place.reader();
        for id in &ids {
            assert_eq!(reader.show(&key(id), None).unwrap().unwrap().bytes, details(id), "{id:?}");
            let other = RecordKey { kind: RecordKind::History, id: RecordId::new(id.as_str()).unwrap() };
            assert_eq!(reader.show(&other, None).unwrap().unwrap().bytes, br#"{"entities":[]}"#, "{id:?}");
        }
        let listed: BTreeSet<String> =
            reader.list(&ListQuery::default()).map(|entry| entry.unwrap().key.id.to_string()).collect();
        assert_eq!(listed, ids);
        assert_eq!(place.verify().damaged, []);
    };
    check();
    let mut names: BTreeSet<String> = files(place.root()).into_iter().map(|(name, _)| name).collect();
    names.retain(|name| name != "search/MANIFEST" && name != "search/000001.fdx");
    let expected = ["FORMAT.json", "catalog.sha256", "catalog.sqlite", "ledger.ndjson"];
    let segments = names.iter().filter(|name| name.starts_with("segments/undated/0000")).count();
    assert!(segments > 0);
    assert_eq!(names.len(), segments + expected.len(), "{names:?}");
    let around: Vec<_> = std::fs::read_dir(place.root().parent().unwrap()).unwrap().collect();
    assert_eq!(around.len(), 1, "nothing outside the root");

    remove_catalog(place.root());
    check();
}

#[expect(clippy::disallowed_methods, reason = "a test deletes a projection")]
fn remove_catalog(root: &std::path::Path) {
    std::fs::remove_file(root.join("catalog.sqlite")).unwrap();
}
