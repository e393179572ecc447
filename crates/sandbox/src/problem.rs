//! Errors of the API: a status and a JSON body with `code` and `message` (gateway contract §7).

use http::header::{ALLOW, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};
use serde::Serialize;

use crate::reply::Reply;

/// An answer that says what was wrong with the request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    code: &'static str,
    message: String,
    header: Option<Box<(HeaderName, HeaderValue)>>,
    /// The conversation that is the reason.
    conversation: Option<String>,
}

#[derive(Serialize)]
struct Wire<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
    #[serde(rename = "conversationId", skip_serializing_if = "Option::is_none")]
    conversation: Option<&'a str>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), header: None, conversation: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad.request", message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication.required", message)
            .with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// A 403 names the scope that the call needs (§7).
    pub(crate) fn missing_scope(scope: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "missing.scope", format!("this call needs the scope {scope}"))
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not.found", "there is nothing at this path")
    }

    pub(crate) fn wrong_method(allowed: &'static str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method.not.allowed",
            format!("only {allowed} is served here"),
        )
        .with(ALLOW, HeaderValue::from_static(allowed))
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = format!("a request body may have at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request.too.large", message)
    }

    pub(crate) fn too_many_requests(wait_seconds: u64) -> Self {
        let message = format!("the rate limit is used up; wait {wait_seconds} s");
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too.many.requests", message)
            .with(http::header::RETRY_AFTER, HeaderValue::from(wait_seconds))
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// Names the conversation that is the reason.
    pub(crate) fn about(mut self, conversation: String) -> Self {
        self.conversation = Some(conversation);
        self
    }

    /// What was wrong, in words.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn reply(self) -> Reply {
        let wire = Wire {
            status: self.status.as_u16(),
            code: self.code,
            message: &self.message,
            conversation: self.conversation.as_deref(),
        };
        let mut reply = Reply::json(self.status, serde_json::to_vec(&wire).unwrap_or_default());
        if let Some((name, value)) = self.header.map(|header| *header) {
            reply.headers_mut().insert(name, value);
        }
        reply
    }
}
