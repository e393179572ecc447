//! An archive of every format there was opens, verifies and answers as ever (R13).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use frontdesk_archive::{Expression, ListQuery, Reader, Search, Settings, Writer};
use frontdesk_durable::{OsDir, to_hex};

use crate::support::ReadOnly;
use crate::support::{clock, copy_folder, files, read_options, settings, verify};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

/// Everything the archive answers, as text.
fn describe(reader: &Reader) -> String {
    let mut text = format!("{:?}\n", reader.stats().unwrap());
    for entry in reader.list(&ListQuery::default()) {
        let entry = entry.unwrap();
        let record = reader.show(&entry.key, Some(entry.version)).unwrap().unwrap();
        let started = entry.started_at.map_or("-".to_owned(), |time| time.to_string());
        text += &format!(
            "{} {} v{} {} {} {started} {}\n  {}\n",
            entry.sequence,
            entry.key,
            entry.version,
            &to_hex(&entry.sha256)[..16],
            entry.segment,
            entry.archived_at,
            String::from_utf8(record.bytes).unwrap().escape_debug(),
        );
    }
    let query = Search::new(Expression::Contains("HELLO".to_owned()), 10);
    let page = reader.search(&query).unwrap();
    text += &format!("hello: {} of them, incomplete {}\n", page.count.unwrap(), page.incomplete);
    for hit in page.hits {
        text += &format!("  {:?} v{} {}\n", hit.id, hit.version, hit.snippet.escape_debug());
    }
    for run in reader.runs().unwrap() {
        text += &format!("run {run}: {}\n", serde_json::to_string(&reader.run_lines(&run).unwrap()).unwrap());
    }
    text
}

#[test]
fn the_golden_archive_of_format_1_answers_as_ever() {
    let before = files(&golden());
    assert!(before.len() >= 7, "{before:?}");
    // Where it lies, without changing it.
    let dir = Arc::new(ReadOnly(OsDir::open(golden()).unwrap()));
    let reader = Reader::open_in(dir, &read_options()).unwrap();
    assert_eq!(verify(&reader).damaged, []);
    let described = describe(&reader);
    insta::assert_snapshot!("golden_v1", described);
    drop(reader);
    assert_eq!(files(&golden()), before);

    // And as an archive that goes on.
    let temp = tempfile::tempdir().unwrap();
    copy_folder(&golden(), temp.path());
    let reader = Reader::open(temp.path(), &read_options()).unwrap();
    assert_eq!(describe(&reader), described);
    drop(reader);
    Writer::open(temp.path(), &Settings { segment_size: 1 << 20, ..settings() }, clock())
        .unwrap()
        .close()
        .unwrap();
    let reader = Reader::open(temp.path(), &read_options()).unwrap();
    assert_eq!((describe(&reader), verify(&reader).damaged), (described, vec![]));
}
