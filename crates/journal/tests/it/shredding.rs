//! Personal values can be destroyed, and the chain still says that everything is there.

use std::ops::ControlFlow;

use frontdesk_journal::{Change, KeyRing, Verified, VerifyOptions, shred};

use crate::support::{Folder, clock, ended, entries, page, settings};

fn verify(folder: &Folder) -> Verified {
    let keys = Some(KeyRing::read(&folder.root().join("keys")).unwrap());
    let options = VerifyOptions { keys, ..VerifyOptions::default() };
    folder.reader().verify(&options, &mut |_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn a_subjects_values_are_gone_and_everything_else_stays() {
    let folder = Folder::new();
    let journal = folder.open();
    for guest in ["guest-of-interest", "guest-2", "guest-of-interest"] {
        journal.record(Change::new().audit(ended(guest)).audit(page(1))).unwrap();
    }
    journal.close().unwrap();

    let shredded =
        shred(&folder.root(), &settings(), clock(), "guest-of-interest", "erasure request 7").unwrap();
    assert_eq!((shredded.entries, shredded.values, shredded.entry), (2, 4, Some(8)));
    assert!(shredded.log_emptied);

    let verified = verify(&folder);
    assert_eq!(verified.findings, []);
    assert_eq!((verified.personal, verified.shredded), (2, 4));
    let all = entries(&folder.reader());
    assert!(all[1].record().unwrap().contains(r#""guest_id":null,"reason":"timeout""#));
    assert!(all[1].record().unwrap().contains(r#""external_ref":null"#));
    assert!(all[3].record().unwrap().contains(r#""guest_id":"guest-2""#));
    // Not a byte of it is left in any file.
    for entry in std::fs::read_dir(folder.root()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let found = bytes.windows(17).any(|window| window == b"guest-of-interest");
        assert!(!found, "{}", path.display());
    }
    // Twice is once.
    let again = shred(&folder.root(), &settings(), clock(), "guest-of-interest", "again").unwrap();
    assert_eq!((again.values, again.entry), (0, None));
}

#[test]
fn what_is_destroyed_beyond_what_an_entry_says_is_found_out() {
    let folder = Folder::new();
    let journal = folder.open();
    for guest in ["guest-1", "guest-2"] {
        journal.record(Change::new().audit(ended(guest))).unwrap();
    }
    journal.close().unwrap();
    shred(&folder.root(), &settings(), clock(), "guest-1", "asked for").unwrap();
    let connection = rusqlite::Connection::open(folder.root().join("journal.sqlite")).unwrap();
    connection
        .execute("UPDATE personal SET value = NULL, salt = NULL, shredded = 4 WHERE number = 3", [])
        .unwrap();
    drop(connection);
    assert_eq!(verify(&folder).first_bad(), Some(4));
}
