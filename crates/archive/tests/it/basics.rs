//! Put, show, list, versions, reopen.

use std::io::Read;

use frontdesk_archive::{ListQuery, PutOutcome, Settings, Writer};

use crate::support::{Place, clock, conversation, files, key, noise, prepared, settings};

#[test]
fn what_is_put_is_shown_after_reopening() {
    let place = Place::new();
    let writer = place.writer();
    let line = conversation("c-1", 3, "guest: hello");
    assert_eq!(writer.put(vec![prepared(&line)]).unwrap(), [PutOutcome::Stored]);
    writer.close().unwrap();

    let reader = place.reader();
    let record = reader.show(&key("c-1"), None).unwrap().unwrap();
    assert_eq!(record.bytes, line);
    assert_eq!((record.version, record.segment.as_str()), (1, "segments/2025-03/000001.ndjson.gz"));
    assert_eq!(reader.show(&key("c-2"), None).unwrap(), None);

    let writer = place.writer();
    assert_eq!(writer.put(vec![prepared(&line)]).unwrap(), [PutOutcome::Unchanged { version: 1 }]);
    writer.close().unwrap();
}

#[test]
fn versions_count_and_stay() {
    let place = Place::new();
    let writer = place.writer();
    let lines: Vec<Vec<u8>> = ["a", "b", "b", "a"].iter().map(|text| conversation("c-1", 3, text)).collect();
    let outcomes = writer.put(lines.iter().map(|line| prepared(line)).collect()).unwrap();
    assert_eq!(
        outcomes,
        [
            PutOutcome::Stored,
            PutOutcome::VersionAdded { version: 2 },
            PutOutcome::Unchanged { version: 2 },
            PutOutcome::VersionAdded { version: 3 }, // equal to the first, but the first is not the latest
        ]
    );
    let reader = place.reader();
    for (version, line) in [(1, &lines[0]), (2, &lines[1]), (3, &lines[3])] {
        assert_eq!(&reader.show(&key("c-1"), Some(version)).unwrap().unwrap().bytes, line);
    }
    assert_eq!(reader.show(&key("c-1"), None).unwrap().unwrap().version, 3);
    assert_eq!(reader.show(&key("c-1"), Some(4)).unwrap(), None);
    let all: Vec<u32> = reader.list(&ListQuery::default()).map(|entry| entry.unwrap().version).collect();
    assert_eq!(all, [1, 2, 3]);
    let latest = ListQuery { latest_only: true, ..ListQuery::default() };
    assert_eq!(reader.list(&latest).count(), 1);
    let stats = reader.stats().unwrap();
    assert_eq!((stats.records, stats.conversations), (3, 1));
}

#[test]
fn a_second_run_with_nothing_new_changes_no_file() {
    let place = Place::new();
    let lines: Vec<Vec<u8>> = (0_u16..300)
        .map(|n| conversation(&format!("c-{n}"), 1 + (n % 3) as u8, &noise(n.into(), 500)))
        .collect();
    let put = || {
        let writer = place.writer();
        let outcomes = writer.put(lines.iter().map(|line| prepared(line)).collect()).unwrap();
        writer.close().unwrap();
        outcomes
    };
    assert!(put().iter().all(|outcome| *outcome == PutOutcome::Stored));
    let before = files(place.root());
    assert!(before.iter().any(|(name, _)| name.ends_with(".sha256") && name.starts_with("segments/")));
    assert!(put().iter().all(|outcome| *outcome == PutOutcome::Unchanged { version: 1 }));
    let changed: Vec<String> =
        files(place.root()).into_iter().zip(before).filter(|(a, b)| a != b).map(|(a, _)| a.0).collect();
    assert_eq!(changed, Vec::<String>::new());
}

#[test]
fn flate2_reads_every_segment_and_the_lines_are_the_records() {
    let place = Place::new();
    let writer = place.writer();
    let mut lines: Vec<Vec<u8>> =
        (0..200).map(|n| conversation(&format!("c-{n}"), 4, &format!("text {n} ").repeat(50))).collect();
    lines.push(conversation("large", 4, &"large ".repeat(40_000)));
    writer.put(lines.iter().map(|line| prepared(line)).collect()).unwrap();
    writer.close().unwrap();
    let mut found = Vec::new();
    for (name, bytes) in files(place.root()) {
        if name.ends_with(".ndjson.gz") {
            let mut text = Vec::new();
            flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut text).unwrap();
            found.extend(text.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        }
    }
    found.sort();
    lines.sort();
    assert_eq!(found, lines);
}

#[test]
fn another_organisation_is_refused() {
    let place = Place::new();
    place.writer().close().unwrap();
    let other = Settings { organization: "acme".parse().unwrap(), ..settings() };
    let error = Writer::open(place.root(), &other, clock()).unwrap_err();
    assert!(matches!(error.kind(), frontdesk_archive::ErrorKind::ForeignOrganization { .. }), "{error}");
}
