//! What an export says about itself.

use frontdesk_domain::Timestamp;
use frontdesk_durable::to_hex;
use serde::Serialize;

use super::{Export, ExportLayout, ExportReport};
use crate::catalog::Found;
use crate::format::Format;
use crate::stream::Unreadable;

/// `manifest.json`, which is written last before the checksums.
#[derive(Serialize)]
pub(super) struct Manifest {
    frontdesk_export: u32,
    layout: &'static str,
    archive_id: String,
    organization: String,
    exported_at: Timestamp,
    selection: Selection,
}

#[derive(Serialize)]
struct Selection {
    described: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Timestamp>,
    all_versions: bool,
}

#[derive(Serialize)]
struct Whole<'m> {
    #[serde(flatten)]
    manifest: &'m Manifest,
    records: u64,
    files: u64,
    media: u64,
    raw_bytes: u64,
    file_bytes: u64,
    unreadable: u64,
}

impl Manifest {
    pub(super) fn new(format: &Format, export: &Export, now: Timestamp) -> Self {
        let layout = match export.layout {
            ExportLayout::Files => "files",
            ExportLayout::Ndjson { .. } => "ndjson",
            ExportLayout::Csv { .. } => "csv",
        };
        let selection = Selection {
            described: export.described.clone(),
            from: export.started.map(|range| range.from()),
            to: export.started.map(|range| range.to()),
            all_versions: export.all_versions,
        };
        Self {
            frontdesk_export: 1,
            layout,
            archive_id: format.archive_id.to_string(),
            organization: format.organization.to_string(),
            exported_at: now,
            selection,
        }
    }

    /// Its text, with what the export came to.
    pub(super) fn text(&self, report: &ExportReport) -> Vec<u8> {
        let whole = Whole {
            manifest: self,
            records: report.records,
            files: report.files,
            media: report.media,
            raw_bytes: report.raw_bytes,
            file_bytes: report.file_bytes,
            unreadable: report.unreadable,
        };
        // Every member is text or a number, so this does not fail.
        let mut text = serde_json::to_vec_pretty(&whole).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

/// A line of `manifest.ndjson`.
#[derive(Serialize)]
struct Line<'l> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'l str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    id: &'l str,
    kind: &'static str,
    version: u32,
    sequence: u64,
    sha256: String,
    bytes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    archived_at: Timestamp,
    /// Why it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<&'l str>,
}

/// The line of a record that is in `file`, in its `line` where that holds many.
pub(super) fn line(row: &Found, file: &str, line: Option<u64>) -> Vec<u8> {
    write(row, Some(file), line, None)
}

/// The line of a record that could not be read.
pub(super) fn unreadable(row: &Found, unreadable: &Unreadable) -> Vec<u8> {
    write(row, None, None, Some(&unreadable.what))
}

fn write(row: &Found, file: Option<&str>, line: Option<u64>, unreadable: Option<&str>) -> Vec<u8> {
    let line = Line {
        file,
        line,
        id: row.key.id.as_str(),
        kind: row.key.kind.as_str(),
        version: row.version,
        sequence: row.sequence,
        sha256: to_hex(&row.sha256),
        bytes: row.length,
        started_at: row.started_at(),
        archived_at: Timestamp::from_micros(row.member.archived_at).unwrap_or(Timestamp::UNIX_EPOCH),
        unreadable,
    };
    let mut text = serde_json::to_vec(&line).unwrap_or_default();
    text.push(b'\n');
    text
}
