//! What a client is told when it does not get what it asked for: `application/problem+json` (RFC 9457) with our kinds.

use axum::body::Body;
use axum::response::IntoResponse;
use frontdesk_archive::{Error as ArchiveError, ErrorKind};
use frontdesk_journal::{Error as JournalError, ErrorKind as JournalErrorKind};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, RETRY_AFTER,
};
use http::header::{HeaderName, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

/// On every answer: nothing here is a page, and nothing may be kept by whoever carries it.
pub(crate) const GUARDS: [(HeaderName, &str); 6] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    // No other site's page has a hold of a window of ours, or loads what is answered here.
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Why not. Holds neither a secret nor what was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// For scripts.
    pub(crate) kind: &'static str,
    pub(crate) detail: String,
    hint: Option<String>,
    retry_after_seconds: Option<u32>,
    allow: Option<&'static str>,
    column: Option<usize>,
}

#[derive(Serialize)]
struct Written<'a> {
    #[serde(rename = "type")]
    about: &'static str,
    title: &'a str,
    status: u16,
    kind: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
}

impl Problem {
    /// A problem with a stable kind, for scripts, and one sentence.
    pub(crate) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            detail: detail.into(),
            hint: None,
            retry_after_seconds: None,
            allow: None,
            column: None,
        }
    }

    /// Says what to do about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says when the same request may do better.
    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Points at a character of what was sent, from 1.
    pub(crate) fn column(mut self, column: usize) -> Self {
        self.column = Some(column);
        self
    }

    /// Says which methods there are.
    pub(crate) fn allow(mut self, methods: &'static str) -> Self {
        self.allow = Some(methods);
        self
    }

    /// What is not there, or not for who asks: nobody learns which.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
    }

    /// A bug; what happened is in the log.
    pub(crate) fn unexpected() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "unexpected", "the server failed on this request")
    }

    /// What the journal could not do.
    pub(crate) fn journal(error: &JournalError) -> Self {
        let unavailable = |kind| Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, chain(error));
        let problem = match error.kind() {
            JournalErrorKind::Busy { .. } => unavailable("store_busy").retry_after(1),
            JournalErrorKind::Damage { .. } => unavailable("damage"),
            JournalErrorKind::NotAJournal => unavailable("not_a_journal"),
            JournalErrorKind::NewerFormat { .. } => unavailable("newer_format"),
            JournalErrorKind::KeyMissing { .. } | JournalErrorKind::KeyExposed { .. } => unavailable("key"),
            JournalErrorKind::Unknown { .. } => Self::not_found(),
            JournalErrorKind::Interrupted => unavailable("deadline"),
            _ if error.is_storage_failure() => unavailable("storage"),
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "journal", chain(error)),
        };
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }

    /// What the archive could not do.
    pub(crate) fn archive(error: &ArchiveError) -> Self {
        let unavailable = |kind| Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, chain(error));
        let problem = match error.kind() {
            ErrorKind::Malformed { .. } => Self::new(StatusCode::BAD_REQUEST, "bad_query", chain(error)),
            ErrorKind::ForeignArchive | ErrorKind::OutdatedCursor => {
                Self::new(StatusCode::BAD_REQUEST, "bad_cursor", chain(error))
            }
            ErrorKind::NotAnArchive => {
                return Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "not_an_archive",
                    "there is no archive yet",
                )
                .hint("pull or import into it first")
                .retry_after(60);
            }
            ErrorKind::Busy { .. } => unavailable("store_busy").retry_after(1),
            ErrorKind::Damage { .. } => unavailable("damage"),
            ErrorKind::Catalog => unavailable("catalog"),
            ErrorKind::NewerFormat { .. } => unavailable("newer_format"),
            _ if error.is_storage_failure() => unavailable("storage"),
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "archive", chain(error)),
        };
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }

    /// Whether it is the store that is in trouble, not the request.
    pub(crate) fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }

    /// What to do about it.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    fn body(&self) -> Vec<u8> {
        let body = Written {
            about: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            kind: self.kind,
            detail: &self.detail,
            hint: self.hint.as_deref(),
            column: self.column,
        };
        // Strings and a number always make JSON.
        serde_json::to_vec(&body).unwrap_or_default()
    }

    fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let retry = self.retry_after_seconds.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds)));
        let allow = self.allow.map(|methods| (ALLOW, HeaderValue::from_static(methods)));
        std::iter::once((CONTENT_TYPE, HeaderValue::from_static("application/problem+json")))
            .chain(retry)
            .chain(allow)
    }

    /// The answer as bytes, for a connection that never came to a request. It ends the connection.
    pub(crate) fn raw(&self) -> Vec<u8> {
        let body = self.body();
        let mut text =
            format!("HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n", self.status, body.len())
                .into_bytes();
        let guards = GUARDS.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value)));
        for (name, value) in self.headers().chain(guards) {
            text.extend_from_slice(name.as_str().as_bytes());
            text.extend_from_slice(b": ");
            text.extend_from_slice(value.as_bytes());
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"\r\n");
        text.extend_from_slice(&body);
        text
    }
}

/// An error of archive or journal with its causes, on one line. It names files below their folders, never customers' words.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl From<ArchiveError> for Problem {
    fn from(error: ArchiveError) -> Self {
        Self::archive(&error)
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        Self::journal(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body()));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers());
        // The console writes it as a page.
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_raw_answer_is_the_same_answer() {
        let problem = Problem::new(StatusCode::URI_TOO_LONG, "url_too_long", "too long").hint("shorten it");
        let text = String::from_utf8(problem.raw()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 414 URI Too Long\r\nconnection: close\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        for (name, value) in GUARDS {
            assert!(head.contains(&format!("{name}: {value}")), "{head}");
        }
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["status"], &body["kind"]), (&414.into(), &"url_too_long".into()));
        assert_eq!(body["hint"], "shorten it");
    }
}
