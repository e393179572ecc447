//! Records from a file.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};

use frontdesk_archive::{ReadOptions, Reader, Settings, Writer};
use frontdesk_archiver::{Import, ImportReport};
use frontdesk_domain::{RecordKey, RecordKind, Timestamp};

use crate::tenant::Notes;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn import(&self, text: &[u8], workers: usize) -> (ImportReport, Notes) {
        let root = self.folder.path().join("archive");
        let writer = Writer::open(&root, &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap();
        let notes = Notes::default();
        let import = Import::new(std::io::Cursor::new(text.to_vec()), NonZero::new(workers).unwrap());
        let report = import.run(&writer, &|| false, &notes).unwrap();
        writer.close().unwrap();
        (report, notes)
    }

    fn bytes(&self, id: &str, version: Option<u32>) -> Option<Vec<u8>> {
        let reader = Reader::open(&self.folder.path().join("archive"), &ReadOptions::default()).unwrap();
        let key = RecordKey { kind: RecordKind::Details, id: id.parse().unwrap() };
        reader.show(&key, version).unwrap().map(|record| record.bytes)
    }
}

#[test]
fn the_three_line_forms_are_kept_as_they_come() {
    let lines = [
        r#"{"id":"a","interactions":[{"transcript":"guest: hi"}]}"#,
        r#"{"interactionId":"b","transcript":"hi","metadata":{}}"#,
        r#"{"conversationId":"c","startedAt":"2025-01-01T00:00:00Z","messages":[{"text":"hi"}]}"#,
    ];
    let place = Place::new();
    let (report, _) = place.import(lines.join("\n").as_bytes(), 2);
    assert_eq!((report.tally.stored, report.tally.seen(), report.lines), (3, 3, 3));
    for (id, line) in ["a", "b", "c"].into_iter().zip(lines) {
        assert_eq!(place.bytes(id, None).unwrap(), line.as_bytes());
    }
}

#[test]
fn versions_follow_the_order_of_the_file_whatever_the_workers_do() {
    let filler = "x".repeat(3_000);
    let mut text = String::new();
    for version in 0..40 {
        for id in 0..60 {
            text.push_str(&format!(r#"{{"id":"c-{id}","n":{version},"filler":"{filler}"}}"#));
            text.push('\n');
        }
    }
    let place = Place::new();
    let (report, _) = place.import(text.as_bytes(), 4);
    assert_eq!((report.tally.stored, report.tally.versions_added), (60, 60 * 39));
    for version in [1, 20, 40] {
        let bytes = place.bytes("c-7", Some(version)).unwrap();
        assert!(bytes.starts_with(format!(r#"{{"id":"c-7","n":{},"#, version - 1).as_bytes()));
    }
}

#[test]
fn what_cannot_be_kept_is_named_by_line_and_the_rest_is_kept() {
    let place = Place::new();
    let text = b"{\"id\":\"a\"}\n\nnot json\n[1]\n{\"type\":\"message\"}\r\n{\"id\":\"b\"}\r\n";
    let (report, notes) = place.import(text, 1);
    assert_eq!((report.tally.stored, report.tally.rejected), (2, 3));
    let said: Vec<String> = notes.0.into_inner().unwrap().iter().map(|note| format!("{note:?}")).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn gzip_that_is_cut_keeps_what_came_before_and_says_so() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    // More than one part, and text that does not shrink to nothing.
    let mut seed = 1_u64;
    for id in 0..3_000 {
        let filler: String = (0..500)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b'a' + u8::try_from(seed >> 60).unwrap())
            })
            .collect();
        writeln!(encoder, r#"{{"id":"c-{id}","filler":"{filler}"}}"#).unwrap();
    }
    let mut packed = encoder.finish().unwrap();
    packed.truncate(packed.len() * 9 / 10);
    let place = Place::new();
    let (report, _) = place.import(&packed, 2);
    assert!(report.input_error.is_some());
    assert!(report.tally.stored > 1_000 && report.tally.stored < 3_000, "{}", report.tally.stored);
    assert!(place.bytes("c-0", None).is_some());
}

#[test]
fn an_empty_file_is_nothing_and_no_failure() {
    let (report, _) = Place::new().import(b"", 2);
    assert_eq!((report.tally.seen(), report.lines), (0, 0));
    assert!(report.input_error.is_none());
}

/// An input that gives one part and then nothing, without ending, until it is let go.
struct Stalled {
    given: bool,
    done: Arc<AtomicBool>,
    let_go: mpsc::Receiver<()>,
}

impl std::io::Read for Stalled {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if std::mem::replace(&mut self.given, true) {
            self.done.store(true, Ordering::Relaxed);
            let _ = self.let_go.recv();
            return Ok(0);
        }
        let line = b"{\"id\":\"a\"}\n";
        buffer[..line.len()].copy_from_slice(line);
        Ok(line.len())
    }
}

#[test]
fn a_stop_ends_an_import_whose_input_is_silent() {
    let (release, let_go) = mpsc::channel();
    let done = Arc::new(AtomicBool::new(false));
    let input = Stalled { given: false, done: Arc::clone(&done), let_go };
    let place = Place::new();
    let root = place.folder.path().join("archive");
    let writer = Writer::open(&root, &Settings::default(), Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap();
    let import = Import::new(input, NonZero::new(2).unwrap());
    // Returns although the input is still waiting: the other end is dropped only after it.
    let report = import.run(&writer, &|| done.load(Ordering::Relaxed), &Notes::default()).unwrap();
    assert!(report.interrupted && report.input_error.is_none());
    drop(release);
    writer.close().unwrap();
}
