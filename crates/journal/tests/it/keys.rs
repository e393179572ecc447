//! Keys: made on first use, refused when others can read them, replaced without losing what they signed.

use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use frontdesk_journal::{Change, ErrorKind, Journal, KeyRing, Settings, Verified, VerifyOptions, rotate};

use crate::support::{Folder, clock, fill, page, settings};

fn verify(folder: &Folder, keys: &Path) -> Verified {
    let options = VerifyOptions { keys: Some(KeyRing::read(keys).unwrap()), ..VerifyOptions::default() };
    folder.reader().verify(&options, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "a test does what people do")]
fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "a test does what people do")]
fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    set_mode(path, 0o600);
}

const KEY: &str = "frontdesk-journal-key-v1 4adbe1db73b33551 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n";

#[test]
fn files_are_the_owners_alone() {
    let folder = Folder::new();
    folder.open().close().unwrap();
    for name in ["journal.sqlite", "keys", "head.json"] {
        let mode = std::fs::metadata(folder.root().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(std::fs::metadata(folder.root()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = Folder::new();
    folder.open().close().unwrap();
    set_mode(&folder.root().join("keys"), 0o640);
    let error = Journal::open(&folder.root(), &settings(), clock()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::KeyExposed { mode: 0o640 });
    assert!(error.hint().unwrap().contains("chmod 600"));
}

#[test]
fn a_key_file_may_lie_elsewhere_and_is_not_made_there() {
    let folder = Folder::new();
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("journal-keys");
    let settings = Settings { key_file: Some(path.clone()), ..settings() };
    let error = Journal::open(&folder.root(), &settings, clock()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::KeyMissing { key_id: String::new() });

    write(&path, KEY);
    let journal = Journal::open(&folder.root(), &settings, clock()).unwrap();
    fill(&journal, 10);
    journal.close().unwrap();
    assert!(!folder.root().join("keys").exists());
    assert_eq!(folder.reader().head().unwrap().key_id, "4adbe1db73b33551");
    assert_eq!(verify(&folder, &path).findings, []);
}

#[test]
fn a_line_that_is_no_key_is_refused_without_being_shown() {
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("keys");
    for text in ["", "secret", &KEY.to_uppercase(), &KEY.replace("4adb", "4adc"), &KEY.repeat(2)] {
        write(&path, text);
        let error = KeyRing::read(&path).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Malformed { .. }), "{text}: {error}");
        assert!(!format!("{error}{error:?}").contains("0b0c0d"), "{error}");
    }
    write(&path, KEY);
    let ring = KeyRing::read(&path).unwrap();
    assert!(!format!("{ring:?}").contains("1a1b"), "{ring:?}");
}

#[test]
fn a_replaced_key_leaves_old_heads_checkable() {
    let folder = Folder::new();
    let root = folder.root();
    let mut heads = Vec::new();
    for _ in 0..3 {
        let journal = folder.open();
        fill(&journal, 20);
        journal.close().unwrap();
        heads.push(folder.reader().head().unwrap());
        let rotation = rotate(&root, &settings(), clock()).unwrap();
        assert_eq!(rotation.previous, heads.last().unwrap().key_id);
        assert_eq!(rotation.head.key_id, rotation.key_id);
        assert_eq!(rotation.head.count, rotation.entry);
    }
    let keys = root.join("keys");
    assert_eq!(KeyRing::read(&keys).unwrap().ids().count(), 4);
    assert_eq!(verify(&folder, &keys).findings, []);
    for head in heads {
        let ring = KeyRing::read(&keys).unwrap();
        assert_eq!(head.is_signed_by(&ring), Some(true));
        let options = VerifyOptions { keys: Some(ring), trusted: Some(head), ..VerifyOptions::default() };
        assert!(folder.reader().verify(&options, &mut |_| ControlFlow::Continue(())).unwrap().is_sound());
    }
}

#[test]
fn a_process_that_has_the_journal_open_takes_the_new_key_up() {
    let folder = Folder::new();
    let journal = folder.open();
    journal.record(Change::new().audit(page(1))).unwrap();
    let rotation = rotate(&folder.root(), &settings(), clock()).unwrap();
    journal.record(Change::new().audit(page(2))).unwrap();
    journal.close().unwrap();
    assert_eq!(folder.reader().head().unwrap().key_id, rotation.key_id);
    assert_eq!(verify(&folder, &folder.root().join("keys")).findings, []);
}

#[test]
fn a_key_that_was_added_by_hand_is_the_next_one() {
    let folder = Folder::new();
    folder.open().close().unwrap();
    let path = folder.root().join("keys");
    let text = std::fs::read_to_string(&path).unwrap();
    write(&path, &format!("{text}{KEY}"));
    // Adding it changes nothing yet: the head says which key signs.
    let journal = folder.open();
    journal.record(Change::new().audit(page(1))).unwrap();
    journal.close().unwrap();
    assert_ne!(folder.reader().head().unwrap().key_id, "4adbe1db73b33551");
    assert_eq!(rotate(&folder.root(), &settings(), clock()).unwrap().key_id, "4adbe1db73b33551");
    assert_eq!(verify(&folder, &path).findings, []);
}
