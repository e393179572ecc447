//! The facts of each record as CSV (RFC 4180), without what was said.
//!
//! A spreadsheet takes a field that begins with `=`, `+`, `-`, `@`, a tab or a carriage return for a formula, whatever
//! quotes are around it, and ids and queues are text that strangers chose. Such a field gets an apostrophe in front.

use frontdesk_domain::{Timestamp, payload};
use frontdesk_durable::to_hex;

use super::folder::{FACTS, Folder, Growing};
use super::{ExportReport, Job, Step};
use crate::catalog::Found;
use crate::error::Error;

const COLUMNS: [&str; 14] = [
    "id",
    "kind",
    "version",
    "started_at",
    "ended_at",
    "type",
    "direction",
    "queue",
    "agent",
    "language",
    "bytes",
    "sha256",
    "archived_at",
    "unreadable",
];

pub(super) fn write(
    job: Job<'_>,
    folder: &mut Folder,
    metadata: &[String],
    report: &mut ExportReport,
) -> Result<(), Error> {
    let mut file = Growing::create(folder.dir.clone(), FACTS)?;
    let mut header = Vec::new();
    for column in COLUMNS {
        push(&mut header, column);
    }
    metadata.iter().for_each(|key| push(&mut header, &format!("metadata.{key}")));
    end(&mut header);
    file.write(&header)?;
    let threads = job.reader.workers;
    job.run(
        threads,
        report,
        |row, bytes| line(row, Some(bytes), "", metadata),
        |row, step, _| match step {
            Step::Took(line) => file.write(&line),
            Step::Unreadable(unreadable) => file.write(&line(row, None, &unreadable.what, metadata)),
        },
    )?;
    report.files = 1;
    report.file_bytes = file.length();
    let (name, sha256) = file.finish()?;
    folder.sum(&name, &sha256)
}

fn line(row: &Found, bytes: Option<&[u8]>, unreadable: &str, metadata: &[String]) -> Vec<u8> {
    let facts = bytes.map(|bytes| payload::facts(row.key.kind, bytes)).unwrap_or_default();
    let time = |time: Option<Timestamp>| time.map_or_else(String::new, |time| time.to_string());
    let started_at = row.started_at();
    let archived_at = Timestamp::from_micros(row.member.archived_at).ok();
    let text = |fact: &Option<String>| fact.clone().unwrap_or_default();
    let mut line = Vec::new();
    push(&mut line, row.key.id.as_str());
    push(&mut line, row.key.kind.as_str());
    push(&mut line, &row.version.to_string());
    push(&mut line, &time(facts.started_at.or(started_at)));
    push(&mut line, &time(facts.ended_at));
    for fact in [&facts.media_type, &facts.direction, &facts.queue, &facts.agent, &facts.language] {
        push(&mut line, &text(fact));
    }
    push(&mut line, &row.length.to_string());
    push(&mut line, &to_hex(&row.sha256));
    push(&mut line, &time(archived_at));
    push(&mut line, unreadable);
    if !metadata.is_empty() {
        let object = bytes.and_then(|bytes| payload::metadata(row.key.kind, bytes));
        let object: Option<serde_json::Map<String, serde_json::Value>> =
            object.and_then(|object| serde_json::from_slice(&object).ok());
        for key in metadata {
            push(
                &mut line,
                &object.as_ref().and_then(|object| object.get(key)).map_or_else(String::new, show),
            );
        }
    }
    end(&mut line);
    line
}

/// A string as it is, anything else as JSON.
fn show(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Adds a field and the comma behind it.
fn push(line: &mut Vec<u8>, field: &str) {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let quoted = formula || field.contains(['"', ',', '\r', '\n']) || field.trim() != field;
    if quoted {
        line.push(b'"');
    }
    if formula {
        line.push(b'\'');
    }
    for byte in field.bytes() {
        if byte == b'"' {
            line.push(b'"');
        }
        line.push(byte);
    }
    if quoted {
        line.push(b'"');
    }
    line.push(b',');
}

/// Ends a line in the place of the last comma.
fn end(line: &mut Vec<u8>) {
    line.pop();
    line.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_a_formula_or_ends_early() {
        let cases = [
            ("web", "web"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\r\nb", "\"a\r\nb\""),
            (" a", "\" a\""),
            ("=cmd|'/C calc'!A0", "\"'=cmd|'/C calc'!A0\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@x", "\"'@x\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\r=1\""),
            ("＝1", "\"'＝1\""),
        ];
        for (field, expected) in cases {
            let mut line = Vec::new();
            push(&mut line, field);
            end(&mut line);
            assert_eq!(String::from_utf8(line).unwrap(), format!("{expected}\r\n"));
        }
    }
}
