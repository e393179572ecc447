//! Answers that stand in for the real one.

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, HeaderValue, LOCATION, RETRY_AFTER};

use super::{Effect, RetryAfter};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::reply::{Body, Ending, Reply};

/// The answer that the effect gives without a look at the request, if it is of that kind.
pub(crate) fn substitute(effect: &Effect, now: Moment) -> Option<Reply> {
    let json = |body| Reply::new(StatusCode::OK, "application/json", body);
    Some(match effect {
        Effect::Status { status, retry_after, body } => {
            status_reply(*status, retry_after, body.as_deref(), now)
        }
        Effect::Unheard(how) => {
            let mut reply = json(Body::default());
            reply.ending = Ending::Broken { how: *how, after: None };
            reply
        }
        Effect::Redirect { status, location } => redirect(*status, location),
        Effect::NotJson => json(Body::from(Bytes::from_static(b"conversations: none, sorry"))),
        Effect::Html => {
            Reply::new(StatusCode::OK, "text/html; charset=utf-8", Body::from(Bytes::from_static(HTML)))
        }
        Effect::Empty => json(Body::default()),
        Effect::Deep { levels } => json(deep(*levels)),
        Effect::GzipBomb { bytes } => {
            let mut reply = json(zeros(*bytes));
            reply.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            reply
        }
        Effect::Large { bytes } => {
            const PIECE: u64 = 1 << 16;
            let rest = usize::try_from(bytes % PIECE).unwrap_or(0);
            let pieces =
                [(Bytes::from_static(&[b'.'; 1 << 16]), bytes / PIECE), (Bytes::from(vec![b'.'; rest]), 1)];
            Reply::new(StatusCode::OK, "text/plain", Body::of(pieces))
        }
        Effect::Text(text) => json(Body::from(Bytes::from(text.clone()))),
        _ => return None,
    })
}

/// What is answered in place of the real answer, once the request was carried out, if the effect does that.
pub(crate) fn replacement(effect: &Effect, now: Moment) -> Option<Reply> {
    match effect {
        Effect::CommittedThen { status } => Some(status_reply(*status, &[], None, now)),
        _ => None,
    }
}

const HTML: &[u8] = b"<!doctype html>\n<title>Maintenance</title>\n<p>We will be back soon.</p>\n";

fn status_reply(status: u16, retry_after: &[RetryAfter], body: Option<&str>, now: Moment) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = match body {
        Some(text) => {
            Reply::new(status, "text/plain; charset=utf-8", Body::from(Bytes::from(text.to_owned())))
        }
        None => Problem::new(status, "sandbox.fault", "the fault plan says so").reply(),
    };
    for value in retry_after {
        if let Ok(value) = HeaderValue::from_str(&value.value(now)) {
            reply.headers_mut().append(RETRY_AFTER, value);
        }
    }
    reply
}

fn redirect(status: u16, location: &str) -> Reply {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND);
    let mut reply = Reply::new(status, "text/plain", Body::default());
    if let Ok(location) = HeaderValue::from_str(location) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

fn deep(levels: u64) -> Body {
    Body::of([
        (Bytes::from_static(b"{\"conversations\":[{\"id\":\"deep\",\"nested\":"), 1),
        (Bytes::from_static(b"["), levels),
        (Bytes::from_static(b"]"), levels),
        (Bytes::from_static(b"}]}"), 1),
    ])
}

/// One gzip member of `bytes` zeros: a packed block of a mebibyte, which ends on a whole byte and
/// looks back at nothing before itself, is repeated as often as it takes.
fn zeros(bytes: u64) -> Body {
    const BLOCK: usize = 1 << 20;
    let block = vec![0; BLOCK];
    let (whole, rest) = (bytes / BLOCK as u64, usize::try_from(bytes % BLOCK as u64).unwrap_or(0));
    let mut tail = packed(&block[..rest]);
    // An empty last block, then the check sum and the length modulo 2^32.
    tail.extend_from_slice(&[0x03, 0x00]);
    let checksum = checksum(&block, whole, rest);
    tail.extend_from_slice(&checksum.sum().to_le_bytes());
    tail.extend_from_slice(&checksum.amount().to_le_bytes());
    Body::of([
        (Bytes::from_static(&[0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255]), 1),
        (Bytes::from(packed(&block)), whole),
        (Bytes::from(tail), 1),
    ])
}

/// The check sum of `whole` blocks and the first `rest` bytes of another, from those of its parts.
fn checksum(block: &[u8], whole: u64, rest: usize) -> Crc {
    let of = |bytes: &[u8]| {
        let mut part = Crc::new();
        part.update(bytes);
        part
    };
    let (one, mut all) = (of(block), Crc::new());
    for _ in 0..whole {
        all.combine(&one);
    }
    all.combine(&of(&block[..rest]));
    all
}

/// Raw deflate, ended on a whole byte so that another block can follow.
fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut deflate = Compress::new(Compression::best(), false);
    let mut out = Vec::with_capacity(4_096);
    while deflate.total_in() < bytes.len() as u64 || out.len() == out.capacity() {
        out.reserve(4_096);
        let done = usize::try_from(deflate.total_in()).unwrap_or(bytes.len());
        // Memory is never short of room here, so the only status is that it went on.
        let _ = deflate.compress_vec(&bytes[done..], &mut out, FlushCompress::Full);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, copy, sink};

    #[test]
    fn a_bomb_is_one_valid_member_and_costs_little() {
        for bytes in [0, 1, 1 << 20, (3 << 20) + 12_345, 64 << 20] {
            let body = zeros(bytes);
            assert!(body.len() < 2_000 + bytes / 900);
            let packed = body.collect();
            let mut decoder = flate2::bufread::GzDecoder::new(packed.as_ref());
            let mut first = [1; 16];
            let read = decoder.read(&mut first).unwrap();
            assert!(first[..read].iter().all(|byte| *byte == 0));
            assert_eq!(read as u64 + copy(&mut decoder, &mut sink()).unwrap(), bytes);
            assert!(decoder.into_inner().is_empty());
        }
    }

    #[test]
    fn a_deep_page_is_valid_json_as_far_as_one_dares_to_look() {
        let text = String::from_utf8(deep(100).collect().to_vec()).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        assert_eq!(deep(100_000).len(), 2 * 100_000 + text.len() as u64 - 200);
    }
}
