//! Whatever is done to a journal is found out (R50, R51).

use std::ops::ControlFlow;
use std::path::Path;

use frontdesk_journal::{Change, ErrorKind, Head, Journal, KeyRing, Reader, Verified, VerifyOptions, rotate};
use rusqlite::Connection;

use crate::support::{Folder, clock, copy, ended, fill, now, page, settings};

const ENTRIES: u64 = 600;

fn keys(root: &Path) -> KeyRing {
    KeyRing::read(&root.join("keys")).unwrap()
}

fn verify_with(root: &Path, trusted: Option<Head>, keys: Option<KeyRing>) -> Verified {
    let reader = Reader::open(root).unwrap();
    let options = VerifyOptions { keys, trusted, beside: reader.head_beside().unwrap(), bad_beside: false };
    reader.verify(&options, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn verify(root: &Path) -> Verified {
    verify_with(root, None, Some(keys(root)))
}

/// A closed journal with entries of several kinds, a second key, intents and items.
fn journal() -> Folder {
    let folder = Folder::new();
    let journal = folder.open();
    fill(&journal, ENTRIES / 2);
    journal.close().unwrap();
    rotate(&folder.root(), &settings(), clock()).unwrap();
    let journal = folder.open();
    fill(&journal, ENTRIES / 2);
    for number in 0..20 {
        let intent = frontdesk_journal::Intent::new(
            format!("i-{number}"),
            "test",
            format!("guest-{number}"),
            &number,
            now(),
        );
        let change = Change::new()
            .open_intent(intent.unwrap())
            .item("plan", format!("guest-{number}"), "open", &number)
            .unwrap();
        journal.record(change).unwrap();
        if number % 2 == 0 {
            journal.record(Change::new().settle_intent(format!("i-{number}"), "done")).unwrap();
        }
    }
    journal.close().unwrap();
    folder
}

#[test]
fn a_head_beside_that_is_none_and_a_database_that_is_gone_are_told_apart() {
    let folder = journal();
    put_file(&folder.root().join("head.json"), b"{}");
    let reader = Reader::open(&folder.root()).unwrap();
    assert!(matches!(reader.head_beside().unwrap_err().kind(), ErrorKind::Damage { .. }));
    let keys = Some(keys(&folder.root()));
    let options = VerifyOptions { keys, bad_beside: true, ..VerifyOptions::default() };
    let verified = reader.verify(&options, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((verified.findings.len(), verified.first_bad()), (1, None), "{:?}", verified.findings);
    drop(reader);
    for emptied in [true, false] {
        let copied = tempfile::tempdir().unwrap();
        copy(&folder.root(), copied.path());
        let database = copied.path().join("journal.sqlite");
        if emptied {
            put_file(&database, b"")
        } else {
            remove_file(&database)
        }
        let there = || std::fs::metadata(&database).map(|metadata| metadata.len()).ok();
        let before = there();
        let read = Reader::open(copied.path()).map(drop).unwrap_err();
        let written = Journal::open(copied.path(), &settings(), clock()).map(drop).unwrap_err();
        for error in [read, written] {
            assert!(matches!(error.kind(), ErrorKind::Damage { .. }), "{error}");
            assert_eq!(error.hint(), None, "the error says itself what to do");
        }
        assert_eq!(there(), before, "nothing is made beside another journal's head");
    }
}

fn last(root: &Path) -> u64 {
    Reader::open(root).unwrap().head().unwrap().count
}

/// Does something to a copy of the database and says what verify makes of it.
fn after(folder: &Folder, sql: &str) -> Verified {
    let copied = tempfile::tempdir().unwrap();
    copy(&folder.root(), copied.path());
    let connection = Connection::open(copied.path().join("journal.sqlite")).unwrap();
    connection.execute_batch(sql).unwrap();
    connection.close().unwrap();
    verify(copied.path())
}

#[test]
fn a_journal_that_was_left_alone_is_sound() {
    let folder = journal();
    let verified = verify(&folder.root());
    assert_eq!(verified.findings, []);
    assert_eq!(verified.entries, ENTRIES + 2);
    assert_eq!(verified.personal, 2 * ENTRIES / 3);
    assert_eq!(verified.rows, 40);
    assert_eq!(verified.head.unwrap().count, ENTRIES + 2);
}

#[test]
fn every_way_to_change_entries_is_found_out_and_the_first_bad_one_named() {
    let folder = journal();
    let last = last(&folder.root());
    let renumber = "UPDATE entries SET number = number - 1 WHERE number > 100;";
    let cases: Vec<(&str, String, Vec<u64>)> = vec![
        ("deleted", "DELETE FROM entries WHERE number = 100".into(), vec![100]),
        ("deleted, closed up", format!("DELETE FROM entries WHERE number = 100; {renumber}"), vec![100]),
        ("first deleted", "DELETE FROM entries WHERE number = 1".into(), vec![1]),
        (
            "inserted",
            "UPDATE entries SET number = -number WHERE number > 100;
             UPDATE entries SET number = 1 - number WHERE number < 0;
             INSERT INTO entries SELECT 101, at, kind, body, hash FROM entries WHERE number = 50;"
                .into(),
            vec![101],
        ),
        (
            "duplicated",
            "UPDATE entries SET number = -number WHERE number > 100;
             UPDATE entries SET number = 1 - number WHERE number < 0;
             INSERT INTO entries SELECT 101, at, kind, body, hash FROM entries WHERE number = 100;"
                .into(),
            vec![101],
        ),
        (
            "reordered",
            "UPDATE entries SET number = 100000 WHERE number = 100;
             UPDATE entries SET number = 100 WHERE number = 101;
             UPDATE entries SET number = 101 WHERE number = 100000;"
                .into(),
            vec![100],
        ),
        (
            "edited",
            "UPDATE entries SET body = CAST(replace(CAST(body AS TEXT), '\"latencyMs\":12', '\"latencyMs\":11') AS BLOB)
             WHERE number = 101"
                .into(),
            vec![101],
        ),
        ("of another kind", "UPDATE entries SET kind = 'change' WHERE number = 101".into(), vec![101]),
        ("at another time", "UPDATE entries SET at = at + 1 WHERE number = 101".into(), vec![101]),
        ("with another hash", "UPDATE entries SET hash = zeroblob(32) WHERE number = 101".into(), vec![101]),
        ("with no hash", "UPDATE entries SET hash = x'00' WHERE number = 101".into(), vec![101]),
        ("personal value edited", "UPDATE personal SET value = '\"guest-0\"' WHERE number = 100".into(), vec![100]),
        ("personal value gone", "DELETE FROM personal WHERE number = 100".into(), vec![100]),
        ("personal value nulled", "UPDATE personal SET value = NULL, salt = NULL WHERE number = 100".into(), vec![100]),
        (
            "personal values destroyed without a word",
            "UPDATE personal SET value = NULL, salt = NULL, shredded = 200 WHERE number = 100".into(),
            vec![200],
        ),
        (
            "personal value more",
            "INSERT INTO personal (number, field, value, salt) VALUES (101, 'guest_id', 'x', zeroblob(32))".into(),
            vec![101],
        ),
        ("tail cut", format!("DELETE FROM entries WHERE number > {}", last - 3), vec![last - 2]),
        (
            "tail cut, its head too",
            format!("DELETE FROM entries WHERE number > {0}; DELETE FROM heads WHERE count > {0}", last - 3),
            vec![302],
        ),
    ];
    for (name, sql, first) in cases {
        let verified = after(&folder, &sql);
        assert!(
            verified.first_bad().is_some_and(|bad| first.contains(&bad)),
            "{name}: {:?}",
            verified.findings.first()
        );
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "whoever empties a journal takes its head away, too")]
fn a_journal_that_was_emptied_is_found_out_without_a_head_beside_it() {
    let folder = journal();
    std::fs::remove_file(folder.root().join("head.json")).unwrap();
    let verified = after(&folder, "DELETE FROM entries; DELETE FROM personal; DELETE FROM heads");
    assert_eq!(verified.first_bad(), Some(1), "{:?}", verified.findings);
}

#[test]
fn heads_that_were_changed_are_found_out() {
    let folder = journal();
    for (name, sql) in [
        ("all gone", "DELETE FROM heads"),
        ("another hash", "UPDATE heads SET hash = zeroblob(32) WHERE count > 500"),
        ("another key", "UPDATE heads SET key_id = 'feedfeedfeedfeed' WHERE count > 500"),
        ("another time", "UPDATE heads SET at = at + 1 WHERE count > 500"),
        ("another signature", "UPDATE heads SET mac = zeroblob(32) WHERE count > 500"),
        ("another count", "UPDATE heads SET count = count - 1 WHERE count > 500"),
        ("another journal", "UPDATE meta SET value = '00000000-0000-4000-8000-000000000000'"),
    ] {
        assert!(!after(&folder, sql).is_sound(), "{name}");
    }
}

#[test]
fn rows_outside_the_chain_are_checked() {
    let folder = journal();
    for sql in [
        "UPDATE items SET state = 'ended' WHERE key = 'guest-3'",
        "UPDATE items SET ledger = 'other' WHERE key = 'guest-3'",
        "UPDATE items SET detail = '4' WHERE key = 'guest-3'",
        "UPDATE intents SET body = '4' WHERE id = 'i-3'",
        "UPDATE intents SET outcome = 'done', settled = 1 WHERE id = 'i-3'",
        "UPDATE intents SET outcome = 'failed' WHERE id = 'i-4'",
    ] {
        assert!(!after(&folder, sql).is_sound(), "{sql}");
    }
}

/// Writes every entry's hash anew, as somebody would who knows the format.
fn rechain(root: &Path, from: u64) {
    use sha2::{Digest, Sha256};
    let connection = Connection::open(root.join("journal.sqlite")).unwrap();
    let mut previous: Vec<u8> = connection
        .query_row("SELECT hash FROM entries WHERE number = ?1", [from - 1], |row| row.get(0))
        .unwrap();
    for number in from..=last(root) {
        let body: Vec<u8> = connection
            .query_row("SELECT body FROM entries WHERE number = ?1", [number], |row| row.get(0))
            .unwrap();
        previous = Sha256::new()
            .chain_update(b"frontdesk-journal-entry-v1\n")
            .chain_update(&previous)
            .chain_update(&body)
            .finalize()
            .to_vec();
        connection
            .execute("UPDATE entries SET hash = ?2 WHERE number = ?1", rusqlite::params![number, previous])
            .unwrap();
    }
    connection
        .execute("UPDATE heads SET hash = ?1 WHERE count = (SELECT max(count) FROM heads)", [previous])
        .unwrap();
}

#[test]
fn a_chain_that_was_written_anew_lacks_the_signature() {
    let folder = journal();
    let trusted = folder.reader().head().unwrap();
    let root = folder.root();
    let connection = Connection::open(root.join("journal.sqlite")).unwrap();
    let edit = "UPDATE entries
        SET body = CAST(replace(CAST(body AS TEXT), '\"latencyMs\":12', '\"latencyMs\":11') AS BLOB)
        WHERE number = 402";
    connection.execute(edit, []).unwrap();
    drop(connection);
    rechain(&root, 402);

    let verified = verify(&root);
    assert!(verified.findings.iter().any(|finding| finding.what.contains("wrong signature")), "{verified:?}");
    // Without a key the head that lies beside tells, and one that was kept elsewhere.
    let verified = verify_with(&root, Some(trusted.clone()), None);
    assert!(!verified.is_sound());
    // Without either nothing tells: the answer says that signatures were not checked.
    let reader = Reader::open(&root).unwrap();
    let alone = VerifyOptions::default();
    let verified = reader.verify(&alone, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(verified.is_sound() && verified.signatures == frontdesk_journal::Signatures::NotChecked);
    let only_trusted = VerifyOptions { trusted: Some(trusted), ..VerifyOptions::default() };
    let verified = reader.verify(&only_trusted, &mut |_| ControlFlow::Continue(())).unwrap();
    assert!(verified.first_bad().is_some_and(|bad| bad <= 402), "{verified:?}");
}

#[test]
fn the_wrong_key_is_found_out() {
    let (folder, other) = (journal(), journal());
    let verified = verify_with(&folder.root(), None, Some(keys(&other.root())));
    assert!(verified.findings.iter().any(|finding| finding.what.contains("key that is not in the file")));
    // And somebody who signs with a key of his own is, too.
    let path = folder.root().join("keys");
    copy_file(&other.root().join("keys"), &path);
    let error = Journal::open(&folder.root(), &settings(), clock()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::KeyMissing { .. }), "{error}");
}

#[expect(clippy::disallowed_methods, reason = "a test does what an attacker does")]
fn copy_file(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

#[test]
fn an_older_copy_of_the_folder_disagrees_with_a_head_kept_elsewhere() {
    let folder = journal();
    let older = tempfile::tempdir().unwrap();
    copy(&folder.root(), older.path());
    let journal = folder.open();
    fill(&journal, 10);
    journal.close().unwrap();
    let kept = folder.reader().head().unwrap();

    // The older copy is sound in itself, head beside it included.
    assert!(verify(older.path()).is_sound());
    let verified = verify_with(older.path(), Some(kept.clone()), Some(keys(older.path())));
    assert_eq!(verified.first_bad(), Some(ENTRIES + 3), "{:?}", verified.findings);

    // A fork: the older copy grows past the head that was kept.
    let fork = Journal::open(older.path(), &settings(), clock()).unwrap();
    for _ in 0..20 {
        fork.record(Change::new().audit(ended("somebody else"))).unwrap();
    }
    fork.close().unwrap();
    assert!(verify(older.path()).is_sound());
    let verified = verify_with(older.path(), Some(kept.clone()), Some(keys(older.path())));
    // Which of the entries since the last common head is the first other one, only the lost ones could tell.
    let bad = verified.first_bad();
    assert!(bad.is_some_and(|bad| bad <= ENTRIES + 3), "{:?}", verified.findings);

    // What has grown out of the kept head agrees with it.
    let journal = folder.open();
    fill(&journal, 10);
    journal.close().unwrap();
    assert_eq!(verify_with(&folder.root(), Some(kept), Some(keys(&folder.root()))).findings, []);
}

#[test]
fn nothing_is_added_to_a_journal_that_lost_entries() {
    let folder = journal();
    let older = tempfile::tempdir().unwrap();
    copy(&folder.root(), older.path());
    let journal = folder.open();
    journal.record(Change::new().audit(page(1))).unwrap();
    journal.close().unwrap();
    // The database of before, the head of after.
    copy_file(&older.path().join("journal.sqlite"), &folder.root().join("journal.sqlite"));
    let error = Journal::open(&folder.root(), &settings(), clock()).unwrap_err();
    assert!(error.is_integrity_failure(), "{error}");
    assert!(!verify(&folder.root()).is_sound());
}

/// Everything that can be read out of a journal.
fn answers(root: &Path) -> Option<String> {
    let reader = Reader::open(root).ok()?;
    let mut all = String::new();
    reader
        .entries(0, None, &mut |entry| {
            all.push_str(&format!("{} {} {} {:?}\n", entry.number, entry.at, entry.kind, entry.whole()));
            all.push_str(&frontdesk_durable::to_hex(entry.hash()));
            ControlFlow::Continue(())
        })
        .ok()?;
    all.push_str(&format!("{:?}{:?}", reader.head().ok()?, reader.head_beside().ok()?));
    for item in reader.items("plan", None, usize::MAX).ok()? {
        all.push_str(&format!("{} {} {} {}\n", item.key, item.state, item.detail, item.at));
    }
    for number in 0..20 {
        let (intent, settled) = reader.intent(&format!("i-{number}")).ok()??;
        all.push_str(&format!("{} {} {} {settled:?}\n", intent.id, intent.key, intent.body));
    }
    Some(all)
}

#[test]
fn a_flipped_bit_is_found_out_or_changes_no_answer() {
    let folder = journal();

    let whole = answers(&folder.root()).unwrap();
    let database = std::fs::read(folder.root().join("journal.sqlite")).unwrap();
    let seed = uuid::Uuid::new_v4().as_u64_pair().0;
    let copied = tempfile::tempdir().unwrap();
    copy(&folder.root(), copied.path());
    let (mut found, mut harmless) = (0, 0);
    for flip in 0..300 {
        let bit = (random(seed, flip) % (database.len() as u64 * 8)) as usize;
        let mut changed = database.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        put_file(&copied.path().join("journal.sqlite"), &changed);
        let sound = Reader::open(copied.path()).is_ok_and(|reader| {
            let options = VerifyOptions {
                keys: Some(keys(copied.path())),
                trusted: None,
                beside: reader.head_beside().unwrap(),
                bad_beside: false,
            };
            reader
                .verify(&options, &mut |_| ControlFlow::Continue(()))
                .is_ok_and(|verified| verified.is_sound())
        });
        if sound {
            assert_eq!(
                answers(copied.path()).as_ref(),
                Some(&whole),
                "seed {seed}, bit {bit} was not found out"
            );
            harmless += 1;
        } else {
            found += 1;
        }
    }
    assert!(found > harmless, "seed {seed}: {found} of {}", found + harmless);
}

/// Number `k` of the sequence that begins with `seed` (SplitMix64).
fn random(seed: u64, k: u64) -> u64 {
    let mut z = seed.wrapping_add((k + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[expect(clippy::disallowed_methods, reason = "a test does what a bad disk does")]
fn put_file(path: &Path, bytes: &[u8]) {
    for name in ["journal.sqlite-wal", "journal.sqlite-shm"] {
        let _ = std::fs::remove_file(path.with_file_name(name));
    }
    std::fs::write(path, bytes).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a test does what a bad disk does")]
fn remove_file(path: &Path) {
    std::fs::remove_file(path).unwrap();
}
