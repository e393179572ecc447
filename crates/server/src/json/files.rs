//! `/api/v1/conversations/{id}/files/{sha256}`: the bytes of a file that was kept, to be saved and never shown.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use bytes::Bytes;
use frontdesk_archive::MediaBytes;
use frontdesk_domain::audit::AccessStep;
use frontdesk_domain::media::{MediaHash, MediaListing};
use frontdesk_domain::{RecordId, RecordKey, RecordKind};
use futures_util::stream::try_unfold;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderValue, Response, Uri};
use tokio::time::timeout_at;

use super::conversations::SHA256;
use crate::clock;
use crate::desk::{Office, Read, Viewer};
use crate::params::Params;
use crate::problem::Problem;
use crate::segment::of_segment;

/// So much of a file is read at once, and in memory.
const PIECE: usize = 128 << 10;

/// The bytes of a file of a conversation that the archive kept. They hash to the header `frontdesk-sha256`, and come as
/// something to be saved whatever they are: with no type but octets, and with no name of a customer's.
#[utoipa::path(
    get,
    path = "/api/v1/conversations/{id}/files/{sha256}",
    tag = "conversations",
    params(
        ("id" = String, Path, description = "the conversation's id, percent-encoded"),
        ("sha256" = String, Path, description = "the file's hash, as the conversation names it"),
    ),
    responses((status = 200, description = "the file", body = String, content_type = "application/octet-stream")),
)]
pub(crate) async fn file(
    State(office): State<Arc<Office>>,
    viewer: Viewer,
    Path((id, hash)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    Params::read(uri.query())?.finish()?;
    let id = RecordId::new(of_segment(&id)).map_err(|_| Problem::not_found())?;
    let hash: MediaHash = hash.parse().map_err(|_| Problem::not_found())?;
    let key = RecordKey { kind: RecordKind::Media, id: id.clone() };
    let found = office.archive(move |reader| {
        let listing = reader.show(&key, None)?.and_then(|record| MediaListing::read(&record.bytes));
        let entries = listing.map_or_else(Vec::new, |listing| listing.media);
        // Only what this conversation has, so that what is written down is the truth.
        let Some(entry) = entries.into_iter().find(|entry| entry.sha256 == Some(hash)) else {
            return Ok(None);
        };
        Ok(reader.open_media(&hash)?.map(|file| (entry.content_type, file)))
    });
    let (kind, file) = found.await?.ok_or_else(Problem::not_found)?;
    let hash = hash.to_string();
    office.saw(&viewer, Read::new(AccessStep::Exported).of(id.as_str()).with("file", hash.as_str())).await?;
    let name = format!("attachment; filename=\"file-{}.{}\"", &hash[..12], extension(kind.as_deref()));
    let length = file.bytes();
    let mut response = Response::new(streamed(office, file));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    // Hex digits, and an extension of ours.
    for (header, text) in [(CONTENT_DISPOSITION, name), (SHA256, hash)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(header, value);
        }
    }
    Ok(response)
}

/// The file piece by piece, each read when the one before is on its way: a client that reads slowly holds no thread. Where
/// it cannot be read to its end, or takes longer than an answer may, the connection breaks, so that half of a file is never taken for
/// a whole one.
fn streamed(office: Arc<Office>, file: MediaBytes) -> Body {
    let ends = (clock::monotonic() + office.limits.answer).into();
    let pieces = try_unfold((office, Arc::new(file), 0_u64), move |(office, file, at)| async move {
        let reading = Arc::clone(&file);
        let read = office.beside(move || reading.read(at, PIECE));
        let piece = timeout_at(ends, read).await.map_err(|_| std::io::ErrorKind::TimedOut)?;
        let piece = piece.map_err(std::io::Error::other)?;
        let next = at + piece.len() as u64;
        Ok::<_, std::io::Error>((!piece.is_empty()).then(|| (Bytes::from(piece), (office, file, next))))
    });
    Body::from_stream(pieces)
}

/// What a file is called by that says it is of this type. Of a type that something might run it says nothing.
fn extension(content_type: Option<&str>) -> &'static str {
    let kind = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match kind.to_ascii_lowercase().as_str() {
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        "audio/mpeg" => "mp3",
        "audio/ogg" => "ogg",
        "video/mp4" => "mp4",
        _ => "bin",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_harmless_extension() {
        for (kind, expected) in [
            (Some("image/png"), "png"),
            (Some("Image/PNG; charset=x"), "png"),
            (Some("text/html"), "bin"),
            (Some("image/svg+xml"), "bin"),
            (Some("application/x-msdownload"), "bin"),
            (Some("../../x"), "bin"),
            (None, "bin"),
        ] {
            assert_eq!(extension(kind), expected, "{kind:?}");
        }
    }
}
