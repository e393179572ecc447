//! Corpora: the mapping, packed files, copies, bad files.

use std::collections::HashSet;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use frontdesk_sandbox::{Config, Moment, Sandbox};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::support::{Client, query};

const LINES: [&str; 3] = [
    r#"{"conversationId":"c-2","startedAt":"2025-02-03T23:59:50Z","services":["Hotels_1"],"messages":[{"id":"m-3","direction":"inbound","type":"text","text":"Grüße \"ä\" \u00e9","timestamp":"2025-02-04T00:00:01.748Z"}]}"#,
    r#"{"conversationId":"c-1","startedAt":"2025-02-01T10:00:00Z","services":["Services_1","RideSharing_2"],"messages":[{"id":"m-1","direction":"inbound","type":"text","text":"Hello","timestamp":"2025-02-01T10:00:01.000Z"},{"id":"m-2","direction":"outbound","type":"text","text":"Hi,\nthere","timestamp":"2025-02-01T10:00:05.5Z"}]}"#,
    r#"{"conversationId":"c-3","startedAt":"2025-02-05T00:00:00+01:00","services":[],"messages":[]}"#,
];
const FEBRUARY: (&str, &str) = ("2025-02-01T00:00:00Z", "2025-03-01T00:00:00Z");

fn file(lines: &[&str], packed: bool) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    let text = lines.join("\n") + "\n\n";
    if packed {
        let mut encoder = GzEncoder::new(&mut file, Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap();
    } else {
        file.write_all(text.as_bytes()).unwrap();
    }
    file
}

fn client(files: &[NamedTempFile], conversations: Option<u64>) -> Client {
    let corpora = files.iter().map(|file| file.path().to_owned()).collect();
    Client::new(Config { corpora, conversations, rate_limit_per_min: 0, ..Config::default() })
}

#[test]
fn lines_become_conversations_of_the_contracts_shape() {
    let client = client(&[file(&LINES[..2], true), file(&LINES[2..], false)], None);
    let page = client.details(&query(FEBRUARY, 10)).into_bytes();
    let text = std::str::from_utf8(&page).unwrap();
    assert!(text.contains(r#""text":"Grüße \"ä\" \u00e9""#), "texts are passed on as they were written");
    let page: Value = serde_json::from_slice(&page).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&page).unwrap());
    let ready = client.sandbox.ready("");
    assert_eq!((ready.conversations, ready.from.to_string()), (3, "2025-02-01T00:00:00Z".to_owned()));
    assert_eq!(ready.to.to_string(), "2025-02-05T00:00:00Z");
}

#[test]
fn copies_have_ids_and_times_of_their_own_and_starts_never_fall() {
    let files = [file(&LINES, false)];
    let originals = client(&files, None).page(&query(FEBRUARY, 10));
    let client = client(&files, Some(20));
    let page = client.page(&query(FEBRUARY, 100));
    let conversations = page["conversations"].as_array().unwrap();
    assert_eq!(conversations.len(), 20);
    for original in originals["conversations"].as_array().unwrap() {
        assert!(conversations.contains(original));
    }
    let mut ids = HashSet::new();
    let mut previous = Moment::UNIX_EPOCH;
    let ready = client.sandbox.ready("");
    for conversation in conversations {
        assert!(ids.insert(conversation["id"].to_string()));
        let time = |value: &Value| value.as_str().unwrap().parse::<Moment>().unwrap();
        let start = time(&conversation["startTime"]);
        assert!(previous <= start && ready.from <= start && start < ready.to);
        previous = start;
        let mut last = start;
        for message in conversation["interactions"][0]["messages"].as_array().unwrap() {
            assert!(ids.insert(message["id"].to_string()));
            assert!(last < time(&message["timestamp"]));
            last = time(&message["timestamp"]);
        }
        assert_eq!(time(&conversation["endTime"]), last);
    }
    client.door("revise", &json!({"id": "c-1"}));
    let revised = client.page(&query(FEBRUARY, 1));
    let messages = revised["conversations"][0]["interactions"][0]["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &revised["conversations"][0]["endTime"]), (3, &messages[2]["timestamp"]));
}

#[test]
fn fewer_conversations_are_the_earliest() {
    let page = client(&[file(&LINES, false)], Some(2)).page(&query(FEBRUARY, 10));
    assert_eq!(crate::support::ids(&page), ["c-1", "c-2"]);
}

#[test]
fn bad_files_are_named_with_their_line_and_without_its_words() {
    let bad = [
        ("{", "line 2: column"),
        (
            r#"{"conversationId":"","startedAt":"2025-02-01T10:00:00Z","messages":[]}"#,
            "line 2: the conversationId",
        ),
        (r#"{"conversationId":"secret","startedAt":"2025-02-01","messages":[]}"#, "line 2: startedAt"),
        (
            r#"{"conversationId":"secret","startedAt":"9999-02-01T10:00:00Z","messages":[]}"#,
            "line 2: startedAt",
        ),
        (
            r#"{"conversationId":"secret","startedAt":"2025-02-01T10:00:00Z","messages":[{"id":1,"direction":"inbound","type":"text","text":"secret","timestamp":"2025-02-01T10:00:00Z"}]}"#,
            "line 2: a message's id",
        ),
    ];
    for (line, part) in bad {
        let file = file(&[LINES[0], line], false);
        let corpora = vec![file.path().to_owned()];
        let error = Sandbox::new(Config { corpora, ..Config::default() }).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("secret"), "{error}");
    }
    let empty = file(&[], true);
    let error = Sandbox::new(Config { corpora: vec![empty.path().to_owned()], ..Config::default() });
    assert!(error.unwrap_err().to_string().contains("no conversation"));
}
