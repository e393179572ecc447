//! A folder that cannot be written: it is read, and opening it for writing says why it cannot be.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use frontdesk_journal::{ErrorKind, Journal, KeyRing, Reader, VerifyOptions};

use crate::support::{Folder, clock, copy, entries, fill, settings};

/// Names the folder to the test when it runs once more, inside the mount.
const FOLDER: &str = "JOURNAL_TEST_FOLDER";

/// Runs itself once more in a mount namespace in which the folder is read-only: that holds for root too.
#[test]
#[expect(clippy::disallowed_methods, reason = "the run outside names the folder to the one inside")]
fn a_folder_that_cannot_be_written_is_read_and_not_opened_for_writing() {
    if let Some(root) = std::env::var_os(FOLDER) {
        return inside(Path::new(&root));
    }
    let folder = Folder::new();
    let journal = folder.open();
    fill(&journal, 30);
    journal.close().unwrap();
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\" || exit 77
        exec \"$2\" --exact readonly::a_folder_that_cannot_be_written_is_read_and_not_opened_for_writing";
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-c", script, "sh"])
        .arg(folder.root())
        .arg(std::env::current_exe().unwrap())
        .env(FOLDER, folder.root())
        .output();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match output {
        Ok(output) if output.status.code() == Some(77) || text(&output.stderr).starts_with("unshare") => {
            eprintln!("this machine allows no mounts: not tried");
        }
        Ok(output) => {
            let stdout = text(&output.stdout);
            assert!(output.status.success(), "{stdout}{}", text(&output.stderr));
            assert!(stdout.contains("1 passed"), "{stdout}");
        }
        Err(error) => eprintln!("there is no unshare ({error}): not tried"),
    }
}

#[expect(clippy::disallowed_methods, reason = "a test does what people do")]
fn inside(root: &Path) {
    assert!(std::fs::write(root.join("new"), "").is_err(), "the folder can be written");

    let reader = Reader::open(root).unwrap();
    assert_eq!(entries(&reader).len(), 31);
    assert_eq!(reader.head().unwrap().count, 31);
    let keys = KeyRing::read(&root.join("keys")).unwrap();
    let options =
        VerifyOptions { keys: Some(keys), beside: reader.head_beside().unwrap(), ..VerifyOptions::default() };
    let verified = reader.verify(&options, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((verified.entries, verified.findings), (31, vec![]));

    let error = Journal::open(root, &settings(), clock()).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::ReadOnly, "{error}");
    assert!(error.is_storage_failure() && error.hint().is_some());

    // A copy can be written.
    let elsewhere = Folder::new();
    std::fs::create_dir(elsewhere.root()).unwrap();
    copy(root, &elsewhere.root());
    let journal = elsewhere.open();
    fill(&journal, 3);
    journal.close().unwrap();
    assert_eq!(entries(&elsewhere.reader()).len(), 34);
}
