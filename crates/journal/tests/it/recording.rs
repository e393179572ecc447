//! What is recorded is there, together or not at all.

use std::error::Error as _;
use std::io::Write as _;
use std::path::Path;

use frontdesk_domain::audit::AuditKind;
use frontdesk_journal::{Change, ErrorKind, Intent, Journal, Reader, Settings, rotate};

use crate::support::{Folder, clock, ended, entries, fill, now, page, settings};

#[test]
fn a_change_is_there_when_it_was_acknowledged() {
    let folder = Folder::new();
    let journal = folder.open();
    let change = Change::new()
        .about("conversation-1")
        .audit(page(7))
        .audit(ended("guest-1"))
        .item("plan-1", "guest-1", "ended", &serde_json::json!({"ms": 41}))
        .unwrap();
    let recorded = journal.record(change).unwrap();
    assert_eq!((recorded.first_entry, recorded.last_entry), (Some(2), Some(3)));

    let reader = folder.reader();
    let all = entries(&reader);
    assert_eq!(
        all.iter().map(|entry| entry.kind.as_str()).collect::<Vec<_>>(),
        ["key", "history", "termination"]
    );
    assert_eq!(
        all[1].body(),
        r#"{"number":2,"at":"2025-03-01T10:00:00.5Z","kind":"history","actor":"tester","command":"test","about":"conversation-1","record":{"event":"page_processed","timestamp":"2025-03-01T10:00:00.5Z","pageToken":"t-7","messageCount":7,"latencyMs":12}}"#
    );
    assert_eq!(
        all[2].record().unwrap(),
        r#"{"timestamp":"2025-03-01T10:00:00.5Z","guest_id":"guest-1","reason":"timeout","retain_data":true,"success":true,"latency_ms":41,"external_ref":"ticket of guest-1"}"#
    );
    assert!(!all[2].body().contains("guest-1"), "{}", all[2].body());
    assert!(all[2].body().contains(r#""personal":["guest_id","external_ref"]"#));
    assert_eq!(reader.head().unwrap().count, 3);

    let item = journal.item("plan-1", "guest-1").unwrap().unwrap();
    assert_eq!((item.state.as_str(), item.detail.get(), item.at), ("ended", r#"{"ms":41}"#, now()));
    journal.close().unwrap();
}

#[test]
fn a_closed_journal_goes_on_where_it_ended() {
    let folder = Folder::new();
    for round in 0..3 {
        let journal = folder.open();
        let recorded = journal.record(Change::new().audit(page(round))).unwrap();
        assert_eq!(recorded.first_entry, Some(round + 2));
        journal.close().unwrap();
    }
    assert_eq!(entries(&folder.reader()).len(), 4);
}

#[test]
fn two_journals_of_one_folder_take_turns() {
    let folder = Folder::new();
    let (one, other) = (folder.open(), folder.open());
    std::thread::scope(|scope| {
        for journal in [&one, &other, &one, &other] {
            scope.spawn(move || fill(journal, 250));
        }
    });
    one.close().unwrap();
    other.close().unwrap();
    let numbers: Vec<u64> = entries(&folder.reader()).iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, (1..=1001).collect::<Vec<_>>());
    drop(folder.open());
}

/// A commit of another process between two reads of `open` once looked like a journal that was changed by hand. Here it
/// happens each time: the keys come through pipes, and `open` waits for them in the middle.
#[test]
fn a_commit_in_the_middle_of_opening_is_not_taken_for_tampering() {
    let folder = Folder::new();
    folder.open().close().unwrap();
    let old = text(&folder.root().join("keys"));
    rotate(&folder.root(), &settings(), clock()).unwrap();
    let other = folder.open();
    let (first, second) = (folder.beside("first"), folder.beside("second"));
    pipe(&first);
    pipe(&second);
    let settings = Settings { key_file: Some(first.clone()), ..settings() };
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| Journal::open(&folder.root(), &settings, clock()));
        // Each of these waits until `open` reads. It does so again when it finds a head of a key it does not know.
        let mut keys = writing_end(&first);
        rename(&second, &first);
        keys.write_all(&old).unwrap();
        drop(keys);
        let mut keys = writing_end(&first);
        fill(&other, 3);
        other.close().unwrap();
        keys.write_all(&text(&folder.root().join("keys"))).unwrap();
        drop(keys);
        opening.join().unwrap().unwrap();
    });
}

fn pipe(path: &Path) {
    let made = std::process::Command::new("mkfifo").args(["-m", "600"]).arg(path).status().unwrap();
    assert!(made.success());
}

#[expect(clippy::disallowed_methods, reason = "a pipe is opened as it is")]
fn writing_end(path: &Path) -> std::fs::File {
    std::fs::OpenOptions::new().write(true).open(path).unwrap()
}

fn text(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a pipe is put in the place of another")]
fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}

#[test]
fn folders_made_by_many_at_once_are_one_journal() {
    let folder = Folder::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| fill(&Journal::open(&folder.root(), &settings(), clock()).unwrap(), 10));
        }
    });
    assert_eq!(entries(&folder.reader()).len(), 81);
}

fn intent(id: &str, body: &str) -> Intent {
    Intent::new(id, "session.close", "guest-1", body, now()).unwrap()
}

#[test]
fn an_intent_is_opened_once_and_settled_once() {
    let folder = Folder::new();
    let journal = folder.open();
    let open = |id: &str, body: &str| journal.record(Change::new().open_intent(intent(id, body)));
    let settle = |id: &str, outcome: &str| journal.record(Change::new().settle_intent(id, outcome));
    let conflict = |result: Result<_, frontdesk_journal::Error>| {
        matches!(result.unwrap_err().kind(), ErrorKind::Conflict { .. })
    };

    open("i-1", "a").unwrap();
    open("i-2", "b").unwrap();
    open("i-1", "a").unwrap();
    assert!(conflict(open("i-1", "other")));
    let reader = folder.reader();
    let ids = || {
        reader
            .open_intents("session.close")
            .unwrap()
            .iter()
            .map(|intent| intent.id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(), ["i-1", "i-2"]);
    assert!(reader.open_intents("archive").unwrap().is_empty());

    settle("i-1", "ended").unwrap();
    settle("i-1", "ended").unwrap();
    assert!(conflict(settle("i-1", "failed")));
    assert!(conflict(settle("i-9", "ended")));
    assert!(conflict(open("i-1", "a")));
    assert_eq!(ids(), ["i-2"]);
    assert_eq!(reader.intent("i-1").unwrap().unwrap().1.unwrap().outcome, "ended");
}

/// A journal that an earlier version made lacks the index; whoever opens it for writing adds it, and finds the same.
#[test]
fn open_intents_of_one_key_are_found_also_in_a_journal_of_an_earlier_version() {
    let folder = Folder::new();
    let about = |id: &str, key: &str| Intent::new(id, "session.close", key, "x", now()).unwrap();
    let journal = folder.open();
    for (id, key) in [("i-3", "guest-1"), ("i-1", "guest-1"), ("i-2", "guest-2"), ("i-4", "guest-1")] {
        journal.record(Change::new().open_intent(about(id, key))).unwrap();
    }
    journal.record(Change::new().settle_intent("i-4", "ended")).unwrap();
    journal.close().unwrap();
    let index = || {
        let connection = rusqlite::Connection::open(folder.root().join("journal.sqlite")).unwrap();
        let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'intents_open_by_key'";
        let found: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        connection.execute_batch("DROP INDEX IF EXISTS intents_open_by_key").unwrap();
        found
    };
    assert_eq!(index(), 1);
    let found = || {
        let open = folder.reader().open_intents_of("session.close", "guest-1").unwrap();
        open.iter().map(|intent| intent.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(found(), ["i-1", "i-3"], "without the index too");
    folder.open().close().unwrap();
    assert_eq!(found(), ["i-1", "i-3"]);
    assert!(folder.reader().open_intents_of("archive", "guest-1").unwrap().is_empty());
    assert_eq!(index(), 1, "it was added");
}

#[test]
fn of_a_refused_change_nothing_stays_and_the_others_of_its_group_do() {
    let folder = Folder::new();
    let journal = folder.open();
    let refused = Change::new()
        .open_intent(intent("i-1", "a"))
        .settle_intent("no-such", "ended")
        .audit(page(1))
        .item("plan", "guest-1", "ended", "")
        .unwrap();
    let pending = [
        journal.submit(Change::new().audit(page(2))).unwrap(),
        journal.submit(refused).unwrap(),
        journal.submit(Change::new().audit(page(3))).unwrap(),
    ];
    let outcomes = pending.map(|pending| pending.wait().map(|recorded| recorded.first_entry));
    assert_eq!(outcomes[0].as_ref().unwrap(), &Some(2));
    assert!(outcomes[1].is_err());
    assert_eq!(outcomes[2].as_ref().unwrap(), &Some(3));
    let reader = folder.reader();
    assert!(reader.open_intents("session.close").unwrap().is_empty());
    assert!(reader.item("plan", "guest-1").unwrap().is_none());
}

#[test]
fn items_come_in_order_of_their_keys_and_are_replaced() {
    let folder = Folder::new();
    let journal = folder.open();
    for (key, state) in [("b", "open"), ("a", "open"), ("c", "open"), ("b", "ended")] {
        journal.record(Change::new().item("plan", key, state, "").unwrap()).unwrap();
    }
    let reader = folder.reader();
    let of = |after, limit| {
        let items = reader.items("plan", after, limit).unwrap();
        items.into_iter().map(|item| (item.key, item.state)).collect::<Vec<_>>()
    };
    let pair = |key: &str, state: &str| (key.to_owned(), state.to_owned());
    assert_eq!(of(None, 10), [pair("a", "open"), pair("b", "ended"), pair("c", "open")]);
    assert_eq!(of(Some("a"), 1), [pair("b", "ended")]);
    assert_eq!(reader.item_states("plan").unwrap(), [("ended".to_owned(), 1), ("open".to_owned(), 2)]);
}

#[test]
fn items_of_a_conversation_are_found_also_where_an_earlier_version_made_the_journal() {
    let folder = Folder::new();
    let journal = folder.open();
    for (ledger, key, conversation) in
        [("message", "b", "c-1"), ("message", "a", "c-1"), ("message", "c", "c-2"), ("other", "d", "c-1")]
    {
        let detail = serde_json::json!({"conversation": conversation, "text": "x"});
        journal.record(Change::new().item(ledger, key, "sent", &detail).unwrap()).unwrap();
    }
    journal.record(Change::new().item("message", "e", "sent", "c-1").unwrap()).unwrap();
    journal.close().unwrap();
    let keys = || {
        let items = folder.reader().items_of("message", "c-1", 10).unwrap();
        items.into_iter().map(|item| item.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(), ["a", "b"]);
    let connection = rusqlite::Connection::open(folder.root().join("journal.sqlite")).unwrap();
    let plan: String = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'items_by_conversation'", [], |row| {
            row.get::<_, i64>(0).map(|count| count.to_string())
        })
        .unwrap();
    assert_eq!(plan, "1");
    connection.execute_batch("DROP INDEX items_by_conversation").unwrap();
    drop(connection);
    assert_eq!(keys(), ["a", "b"], "without the index it takes longer");
    folder.open().close().unwrap();
    assert_eq!(keys(), ["a", "b"]);
}

#[test]
fn the_last_entries_of_a_kind_are_found() {
    let folder = Folder::new();
    let journal = folder.open();
    fill(&journal, 30);
    let reader = folder.reader();
    assert_eq!(reader.before_last(5, None).unwrap(), 26);
    assert_eq!(reader.before_last(500, None).unwrap(), 0);
    // Guests are entries 4, 7, ... 31.
    assert_eq!(reader.before_last(2, Some(AuditKind::Termination)).unwrap(), 25);
}

#[test]
fn a_folder_without_a_journal_is_none() {
    let folder = Folder::new();
    let error = Reader::open(&folder.root()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::NotAJournal);
}

/// Makes every commit with an item fail, as a disk that has no room does.
fn break_items(folder: &Folder) {
    let connection = rusqlite::Connection::open(folder.root().join("journal.sqlite")).unwrap();
    connection.execute_batch("ALTER TABLE items RENAME COLUMN sum TO gone").unwrap();
}

#[test]
fn after_a_failed_commit_nothing_is_acknowledged_and_everybody_hears_why() {
    let folder = Folder::new();
    let journal = folder.open();
    journal.record(Change::new().audit(page(1))).unwrap();
    break_items(&folder);
    let item = || Change::new().audit(page(2)).item("plan", "guest", "ended", "").unwrap();
    let first = journal.record(item()).unwrap_err();
    assert_ne!(*first.kind(), ErrorKind::Poisoned);
    // This one alone would be possible: what became of the failed one is not known, so it is refused.
    for later in [journal.record(Change::new().audit(page(3))).unwrap_err(), journal.close().unwrap_err()] {
        assert_eq!(*later.kind(), ErrorKind::Poisoned);
        assert_eq!(later.source().map(ToString::to_string), Some(first.to_string()));
    }
    assert_eq!(entries(&folder.reader()).len(), 2, "the key's entry and the one acknowledged");
}
