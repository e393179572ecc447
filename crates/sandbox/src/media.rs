//! `/media/{conversation}/{media}/{name}`: what the links of a history lead to. Another host's
//! business in real life, so it knows no token, no rate limit and no JSON.

mod link;

use bytes::Bytes;
use http::header::{
    ACCEPT_RANGES, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderValue, LOCATION, RANGE,
};
use http::{Method, Request, StatusCode};

use crate::form;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::random::mix;
use crate::reply::{Body, Reply};
use crate::tenant::{Changes, Tenant};

use link::Flaw;
pub(crate) use link::{Link, Worth};

/// What is more than anybody would want to keep: 4 GiB.
const HUGE: u64 = 4 << 30;
/// A link that leads elsewhere leads to itself with this in its query.
const STORED: &str = "stored=1";

/// Serves what a media link leads to. `path` are the three decoded segments after `/media/`.
pub(crate) fn answer(
    tenant: &Tenant,
    changes: &Changes,
    seed: u64,
    path: &[String],
    request: &Request<Bytes>,
    now: Moment,
) -> Result<Reply, Problem> {
    let (number, hash) = place(tenant, changes, path).ok_or_else(Problem::not_found)?;
    if request.headers().contains_key(AUTHORIZATION) {
        return Ok(with_token());
    }
    let (uri_path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let (said, stored) = match query.strip_suffix(STORED) {
        Some(rest) => (rest.trim_end_matches('&'), true),
        None => (query, false),
    };
    match link::check(hash, uri_path, said, seed, now) {
        Err(Flaw::Forged) => {
            return Ok(refusal(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", "the link was changed"));
        }
        Err(Flaw::Expired) => {
            return Ok(refusal(StatusCode::FORBIDDEN, "AccessDenied", "Request has expired"));
        }
        Ok(()) => {}
    }
    let head = *request.method() == Method::HEAD;
    match link::worth(hash) {
        Worth::NoHead(status) if head => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::METHOD_NOT_ALLOWED);
            Ok(refusal(status, "MethodNotAllowed", "this link is for GET"))
        }
        Worth::Nowhere => Ok(refusal(StatusCode::NOT_FOUND, "NoSuchKey", "there is nothing here")),
        Worth::Elsewhere if !stored => Ok(elsewhere(uri_path, said)),
        Worth::Huge => Ok(whole(HUGE, &path[2], Body::of([(Bytes::from_static(&[0; 4_096]), HUGE / 4_096)]))),
        _ => Ok(part(request, content(hash, number, &path[2]), &path[2])),
    }
}

/// The first segment of the path of what was sent along with a message.
const SENT: &str = "sent";

/// Where the content of attachment `index` of a message is.
pub(crate) fn path_of_sent(message: &str, index: usize, name: &str) -> String {
    format!("/media/{SENT}/{message}_{index}/{}", form::encode(name))
}

/// The message and the attachment that a path leads to, when it leads to one.
pub(crate) fn sent(path: &[String]) -> Option<(&str, usize)> {
    let [kind, place, _] = path else { return None };
    let (message, index) = place.split_once('_').filter(|_| kind == SENT)?;
    Some((message, index.parse().ok()?))
}

/// Serves the content of an attachment. A bearer token is refused, as everywhere here.
pub(crate) fn answer_sent(request: &Request<Bytes>, content: &Bytes, name: &str) -> Reply {
    if request.headers().contains_key(AUTHORIZATION) {
        return with_token();
    }
    part(request, content.to_vec(), name)
}

/// As S3 does: a request that brings a seal and a token proves that it leaks the token.
fn with_token() -> Reply {
    refusal(StatusCode::BAD_REQUEST, "InvalidArgument", "only one way to authorise is allowed")
}

/// The conversation and the hash that the path names, where anything is left of them.
fn place(tenant: &Tenant, changes: &Changes, path: &[String]) -> Option<(Option<u64>, u64)> {
    let [talk, hash, _] = path else { return None };
    let number = match talk.as_str() {
        "long" => tenant.long.is_some().then_some(None),
        number => {
            let number = number.parse().ok().filter(|number| *number < tenant.count())?;
            (!changes.of(number).forgotten).then_some(Some(number))
        }
    }?;
    Some((number, u64::from_str_radix(hash, 16).ok()?))
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Reply {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    Reply::new(status, "application/xml", Body::from(Bytes::from(xml)))
}

fn elsewhere(path: &str, query: &str) -> Reply {
    let joint = if query.is_empty() { "" } else { "&" };
    let location = format!("{path}?{query}{joint}{STORED}");
    let mut reply = Reply::new(StatusCode::FOUND, "text/plain", Body::default());
    if let Ok(location) = HeaderValue::from_str(&location) {
        reply.headers_mut().insert(LOCATION, location);
    }
    reply
}

/// Bytes that follow from the hash, a few hundred or some ten thousand, and begin as their name says.
fn content(hash: u64, number: Option<u64>, name: &str) -> Vec<u8> {
    let start: &[u8] = match extension(name) {
        "png" => b"\x89PNG\r\n\x1a\n",
        "pdf" => b"%PDF-1.7\n",
        _ => b"\xFF\xD8\xFF\xE0",
    };
    let of = mix(hash, number.unwrap_or(u64::MAX));
    let length = 300 + usize::try_from(of % 40_000).unwrap_or(0);
    let mut bytes = start.to_vec();
    bytes.extend((0..).flat_map(|place| mix(of, place).to_be_bytes()).take(length));
    bytes
}

fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn whole(length: u64, name: &str, body: Body) -> Reply {
    let content_type = match extension(name) {
        "png" => "image/png",
        "pdf" => "application/pdf",
        _ => "image/jpeg",
    };
    let mut reply = Reply::new(StatusCode::OK, content_type, body);
    reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    reply.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    reply
}

/// All of it, or the one range that was asked for (RFC 9110 §14).
fn part(request: &Request<Bytes>, content: Vec<u8>, name: &str) -> Reply {
    let length = content.len() as u64;
    let etag = format!("\"{:016x}\"", crate::random::hash_text(&content));
    let range =
        request.headers().get(RANGE).and_then(|value| value.to_str().ok()).map(|text| range(text, length));
    let mut reply = match range {
        None | Some(Range::Unread) => whole(length, name, Body::from(Bytes::from(content))),
        Some(Range::Outside) => {
            let mut reply =
                refusal(StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange", "there is no such range");
            set(&mut reply, CONTENT_RANGE, &format!("bytes */{length}"));
            return reply;
        }
        Some(Range::Of(first, last)) => {
            let index = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
            let bytes = Bytes::from(content).slice(index(first)..=index(last));
            let mut reply = whole(last - first + 1, name, Body::from(bytes));
            *reply.response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut reply, CONTENT_RANGE, &format!("bytes {first}-{last}/{length}"));
            reply
        }
    };
    set(&mut reply, ETAG, &etag);
    reply
}

fn set(reply: &mut Reply, name: http::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        reply.headers_mut().insert(name, value);
    }
}

#[derive(Debug, PartialEq)]
enum Range {
    /// Not a single range of bytes: it is as if it were not there.
    Unread,
    Outside,
    /// Both ends belong to it.
    Of(u64, u64),
}

fn range(text: &str, length: u64) -> Range {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Range::Unread;
    };
    let last_byte = length.saturating_sub(1);
    let (first, last) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.min(last_byte)),
        (Ok(first), Err(_)) if last.is_empty() => (first, last_byte),
        (Err(_), Ok(suffix)) if first.is_empty() && suffix > 0 => (length.saturating_sub(suffix), last_byte),
        _ => return Range::Unread,
    };
    if first > last || length == 0 { Range::Outside } else { Range::Of(first, last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        let table = [
            ("bytes=0-0", Range::Of(0, 0)),
            ("bytes=2-", Range::Of(2, 9)),
            ("bytes=-3", Range::Of(7, 9)),
            ("bytes=-30", Range::Of(0, 9)),
            ("bytes=5-500", Range::Of(5, 9)),
            ("bytes=10-11", Range::Outside),
            ("bytes=10-", Range::Outside),
            ("bytes=3-2", Range::Unread),
            ("bytes=-0", Range::Unread),
            ("bytes=a-b", Range::Unread),
            ("bytes=0-1,3-4", Range::Unread),
            ("lines=0-1", Range::Unread),
        ];
        for (text, expected) in table {
            assert_eq!(range(text, 10), expected, "{text}");
        }
    }
}
