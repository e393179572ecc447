//! The availability report (contract §5): every record with its name, size and time, as `archive report` writes it. It is
//! never in memory as a whole.

use std::io::Write as _;

use frontdesk_archive::{Error, Reader, Reported};
use frontdesk_domain::Timestamp;

/// Writes the report as one JSON object, and gives it on in pieces of about `piece` bytes. Blocks.
///
/// # Errors
/// What is wrong with the archive, and what `give` returns: then nothing more is given.
pub fn write<E: From<Error>>(
    reader: &Reader,
    now: Timestamp,
    piece: usize,
    give: &mut dyn FnMut(Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let mut text: Vec<u8> = Vec::new();
    let mut first = true;
    reader.report(|reported| {
        // Writing to memory does not fail. Neither names nor times hold anything that JSON escapes.
        let _ = match reported {
            Reported::Total(total) => {
                write!(text, "{{\"generatedAt\":\"{now}\",\"totalFiles\":{total},\"records\":[")
            }
            Reported::Record(record) => {
                let comma = if std::mem::take(&mut first) { "" } else { "," };
                let (filename, size, at) = (record.filename, record.size_bytes, record.last_modified);
                write!(
                    text,
                    "{comma}{{\"filename\":\"{filename}\",\"sizeBytes\":{size},\"lastModified\":\"{at}\"}}"
                )
            }
        };
        if text.len() < piece { Ok(()) } else { give(std::mem::take(&mut text)) }
    })?;
    text.extend_from_slice(b"]}\n");
    give(text)
}
