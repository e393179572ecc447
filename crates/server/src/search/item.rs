//! One conversation of an answer.

use frontdesk_archive::Record;
use frontdesk_domain::{hex, payload};

/// Appends `{"interactionId", "transcript", "metadata", "checksum"}` (contract §5). `metadata` is the payload's own,
/// token by token, or what stands for it ([`payload::metadata`]), and null where there is none; `checksum` the hex SHA-256 of the record's bytes.
pub(super) fn write(out: &mut Vec<u8>, record: &Record) {
    out.extend_from_slice(b"{\"interactionId\":");
    text(out, record.key.id.as_str());
    out.extend_from_slice(b",\"transcript\":");
    text(out, &payload::transcript(record.key.kind, &record.bytes));
    out.extend_from_slice(b",\"metadata\":");
    let metadata = payload::metadata(record.key.kind, &record.bytes);
    out.extend_from_slice(metadata.as_deref().unwrap_or(b"null"));
    out.extend_from_slice(b",\"checksum\":\"");
    out.extend_from_slice(hex(&record.sha256).as_bytes());
    out.extend_from_slice(b"\"}");
}

fn text(out: &mut Vec<u8>, text: &str) {
    // Nor does a string fail to be JSON.
    let _ = serde_json::to_writer(out, text);
}
