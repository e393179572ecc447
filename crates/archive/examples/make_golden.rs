//! Writes the golden archive of format 1 that `tests/it/golden.rs` opens for ever.
//!
//! Run once per format version, never to make a failing test pass:
//! `cargo run -p frontdesk-archive --example make_golden -- FOLDER`. The folder must be missing or empty; commit it
//! without `catalog.sqlite` and `catalog.sha256`, which are projections, and without `lock`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use frontdesk_archive::{Clock, Prepared, Settings, Writer};
use frontdesk_domain::payload::facts;
use frontdesk_domain::{RawRecord, RecordKey, RecordKind, Timestamp};

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: make_golden FOLDER")?);
    let before = root.with_extension("before");
    let clock = clock();
    let settings =
        Settings { segment_size: 700, workers: 1, holder: "make_golden".to_owned(), ..Settings::default() };

    // A run that stops in good order: two months, undated, versions, all kinds, hostile ids, a sealed segment.
    let writer = Writer::open(&before, &settings, clock.clone())?;
    let mut log = writer.run_log(&"golden-1".parse()?)?;
    log.append(&serde_json::json!({"page": 1, "token": null}))?;
    writer.put(vec![
        details(r#"{"id":"c-1","startTime":"2025-01-31T23:59:59.999Z","interactions":[{"transcript":"guest: Hello"}]}"#)?,
        details(r#"{"interactionId":"c-2","transcript":"agent: GRÜSSE, 中文, 💬","metadata":{"a":1}}"#)?,
        details(r#"{"conversationId":"../../x\u0000\n","startedAt":"2025-02-01T00:00:00Z","messages":[{"text":"hello again"}]}"#)?,
    ])?;
    writer.put(vec![
        details(r#"{"id":"c-1","startTime":"2025-01-31T23:59:59.999Z","interactions":[{"transcript":"guest: Hello, hello"}]}"#)?,
        other(RecordKind::History, "c-1", r#"{"entities":[],"meta":{}}"#)?,
        other(RecordKind::Transcript, "c-1", r#"{"startTime":"2025-01-31T23:59:59.999Z","transcript":"Hello"}"#)?,
        other(RecordKind::Media, "m\n1", r#"{"sha256":"00"}"#)?,
    ])?;
    let long: String =
        (0_u32..180).map(|n| char::from(b'a' + (n.wrapping_mul(n ^ 0x5bd1) >> 3) as u8 % 26)).collect();
    for n in 0..4 {
        let line = format!(
            r#"{{"id":"long-{n}","startTime":"2025-02-0{}T12:00:00+01:00","transcript":"{n} {long}"}}"#,
            n + 1
        );
        writer.put(vec![details(&line)?])?;
    }
    log.append(&serde_json::json!({"state": "complete"}))?;
    writer.close()?;

    // A run that is killed: what it leaves is settled by the opening after it, under other numbers.
    let writer = Writer::open(&before, &settings, clock.clone())?;
    writer.put(vec![details(
        r#"{"id":"c-3","startTime":"2025-03-05T00:00:00Z","transcript":"hello after"}"#,
    )?])?;
    copy(&before, &root)?;
    writer.close()?;
    Writer::open(&root, &settings, clock)?.close()?;
    Ok(())
}

fn clock() -> Clock {
    let now = AtomicI64::new(1_767_225_600_000_000); // 2026-01-01
    Arc::new(move || {
        Timestamp::from_micros(now.fetch_add(1_000_000, Ordering::Relaxed)).unwrap_or(Timestamp::UNIX_EPOCH)
    })
}

fn details(line: &str) -> Result<Prepared, Box<dyn Error>> {
    Ok(Prepared::from_details(line.as_bytes().to_vec())?)
}

fn other(kind: RecordKind, id: &str, bytes: &str) -> Result<Prepared, Box<dyn Error>> {
    let record = RawRecord::from_parts(RecordKey { kind, id: id.parse()? }, bytes.as_bytes().to_vec())?;
    let facts = facts(kind, record.bytes());
    Ok(Prepared::new(record, facts))
}

#[expect(clippy::disallowed_methods, reason = "plays the part of a machine that stopped")]
fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().ok_or("a name")?);
        if path.is_dir() { copy(&path, &target)? } else { std::fs::copy(&path, &target).map(drop)? }
    }
    Ok(())
}
