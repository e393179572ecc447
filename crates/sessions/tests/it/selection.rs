//! Which guests are meant: all problems of all lines, before anything is asked.

use std::io::{BufReader, Cursor, Read};

use frontdesk_domain::EndingDraft;
use frontdesk_durable::Dir as _;
use frontdesk_durable::testing::MemoryDir;
use frontdesk_sessions::{Selection, SelectionError};

fn refused(input: &str) -> String {
    let dir = MemoryDir::new();
    let error = Selection::gather(Cursor::new(input), &EndingDraft::new(), &dir, "selection").unwrap_err();
    assert_eq!(dir.list("").unwrap(), [], "nothing stays");
    error.to_string()
}

#[test]
fn every_problem_of_every_line_is_told_with_its_number() {
    let input = r#"{"guest_id":"a","reason":"timeout","retain_data":true}

{"guest_id":"..","reason":"tired","retain_data":"yes"}
{"guest_id":"b","reason":"timeout"
["c"]
{"guest_id":"a","reason":"bot_handoff","retain_data":true}
{"guest_id":"a","reason":"timeout","retain_data":true}
{"guest_id":"d","reason":"timeout","retain_data":true,"retainData":false}
"#;
    insta::assert_snapshot!(refused(input));
}

#[test]
fn only_the_first_bad_lines_are_told_in_full() {
    let told = refused(&"[]\n".repeat(1_000));
    assert_eq!(told.lines().count(), 1 + 20 + 1);
    assert!(told.starts_with("1000 lines are wrong") && told.ends_with("and 980 more"), "{told}");
}

#[test]
fn a_guest_named_twice_with_the_same_words_counts_once() {
    let dir = MemoryDir::new();
    let line = r#"{"guest_id":"a","reason":"timeout","retain_data":true}"#;
    let again = r#"{"retain_data": true, "reason": "timeout", "guest_id": "a", "external_ref": ""}"#;
    let input = format!("{line}\n{again}\r\n\n{}", line.replace("\"a\"", "\"b\""));
    let selection = Selection::gather(Cursor::new(input), &EndingDraft::new(), &dir, "selection").unwrap();
    assert_eq!((selection.guests(), selection.repeated()), (2, 1));
    drop(selection);
    assert_eq!(dir.list("").unwrap(), [], "its file goes with it");
}

#[test]
fn what_a_line_leaves_out_comes_from_the_defaults() {
    let dir = MemoryDir::new();
    let defaults = EndingDraft::new().reason("timeout").retain_data(true);
    let input = "{\"guest_id\":\"a\"}\n{\"guest_id\":\"b\",\"retain_data\":false}\n";
    assert_eq!(Selection::gather(Cursor::new(input), &defaults, &dir, "s").unwrap().guests(), 2);
    // Without them the library has no opinion on what becomes of the messages.
    let error = Selection::gather(Cursor::new(input), &EndingDraft::new(), &dir, "s").unwrap_err();
    assert!(matches!(error, SelectionError::Refused { count: 2, .. }), "{error}");
}

#[test]
fn nobody_is_no_selection_and_a_broken_input_neither() {
    assert_eq!(refused("\n \n"), "no guest is named");

    /// Gives a line, then fails.
    struct Broken(bool);
    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(std::io::Error::other("gone"));
            }
            buffer[..3].copy_from_slice(b"{}\n");
            Ok(3)
        }
    }
    let dir = MemoryDir::new();
    let error = Selection::gather(BufReader::new(Broken(false)), &EndingDraft::new(), &dir, "s").unwrap_err();
    assert!(matches!(error, SelectionError::Io(_)), "{error}");
    assert_eq!(dir.list("").unwrap(), []);
}

/// A line of any length takes no more memory than the bound, and the lines after it are read.
#[test]
fn a_line_beyond_the_bound_is_one_bad_line() {
    let long = format!("{{\"guest_id\":\"{}\"}}\n", "x".repeat(300_000));
    let told = refused(&format!("{long}[]\n{long}"));
    assert_eq!(
        told.lines().skip(1).collect::<Vec<_>>(),
        [
            "line 1: it has more than 65536 bytes",
            "line 2: it is no JSON object",
            "line 3: it has more than 65536 bytes",
        ]
    );
}
