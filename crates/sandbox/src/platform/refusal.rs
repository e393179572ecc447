//! Errors as the platform words them (platform contract B.3, B.4).

use std::collections::BTreeMap;

use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;

use crate::fault::Effect;
use crate::problem::Problem;
use crate::reply::Reply;

/// An answer that says what was wrong with a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refusal(Box<Inner>);

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    /// With names in braces where parameters stand.
    message: String,
    params: Vec<(&'static str, String)>,
    entity: Option<(&'static str, String)>,
    fields: Vec<Field>,
    limit: Option<Limit>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// What is wrong with one field of the request.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    error_code: &'static str,
    field_name: String,
}

/// A limit that was hit.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Limit {
    key: &'static str,
    namespace: &'static str,
    value: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    message: String,
    code: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_with_params: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_params: BTreeMap<&'a str, &'a str>,
    context_id: &'a str,
    details: &'a [Field],
    errors: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<&'a Limit>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            code,
            message: message.into(),
            params: Vec::new(),
            entity: None,
            fields: Vec::new(),
            limit: None,
            header: None,
        }))
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad.request", message)
    }

    /// 400 about a field of the body or the query string.
    pub(crate) fn invalid_value(field: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid.value", message).field("invalid.value", field)
    }

    pub(crate) fn unauthorized(code: &'static str, message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// 403 that names what the client would need one of.
    pub(crate) fn missing_permission(any_of: &[&str]) -> Self {
        let message = "Missing the following permission(s): [{permissions}]";
        Self::new(StatusCode::FORBIDDEN, "missing.any.permissions", message)
            .param("permissions", any_of.join(", "))
    }

    /// 404 of what is not known by this id.
    pub(crate) fn not_found(name: &'static str, id: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not.found", format!("The requested {name} was not found."))
            .about(name, id)
    }

    /// 404 of a path that leads nowhere.
    pub(crate) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not.found", "The requested resource was not found.")
    }

    pub(crate) fn wrong_method() -> Self {
        let message = "The request method is not supported for the requested resource.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method.not.allowed", message)
    }

    pub(crate) fn too_large(limit: usize) -> Self {
        let message = "The request entity is too large: at most {limit} bytes are taken.";
        let refusal = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "request.entity.too.large", message);
        refusal.param("limit", limit.to_string()).limit("request.bytes.max", limit as u64)
    }

    /// 429 of somebody who may have `allowed` requests a minute (B.5).
    pub(crate) fn too_many_requests(wait_seconds: u64, allowed: u64) -> Self {
        let message = "Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too.many.requests.retry.after", message)
            .param("seconds", wait_seconds.to_string())
            .limit("client.credentials.token.rate.per.minute", allowed)
            .with(RETRY_AFTER, HeaderValue::from(wait_seconds))
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// Fills a place in braces of the message.
    pub(crate) fn param(mut self, name: &'static str, value: String) -> Self {
        self.0.params.push((name, value));
        self
    }

    pub(crate) fn about(mut self, name: &'static str, id: &str) -> Self {
        self.0.entity = Some((name, id.to_owned()));
        self
    }

    pub(crate) fn field(mut self, code: &'static str, name: &str) -> Self {
        self.0.fields.push(Field { error_code: code, field_name: name.to_owned() });
        self
    }

    fn limit(mut self, key: &'static str, value: u64) -> Self {
        self.0.limit = Some(Limit { key, namespace: "platform.api", value });
        self
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }

    /// The refusal as it is sent; `correlation` is the id of the request.
    pub(crate) fn reply(self, correlation: &str) -> Reply {
        let body = self.body(correlation);
        let mut reply = Reply::json(self.0.status, body);
        if let Some((name, value)) = self.0.header {
            reply.headers_mut().insert(name, value);
        }
        reply
    }

    fn body(&self, correlation: &str) -> Vec<u8> {
        let inner = &*self.0;
        let message = inner.params.iter().fold(inner.message.clone(), |message, (name, value)| {
            message.replace(&format!("{{{name}}}"), value)
        });
        let wire = Wire {
            message,
            code: inner.code,
            status: inner.status.as_u16(),
            entity_id: inner.entity.as_ref().map(|(_, id)| id.as_str()),
            entity_name: inner.entity.as_ref().map(|(name, _)| *name),
            message_with_params: (!inner.params.is_empty()).then_some(inner.message.as_str()),
            message_params: inner.params.iter().map(|(name, value)| (*name, value.as_str())).collect(),
            context_id: correlation,
            details: &inner.fields,
            errors: [],
            limit: inner.limit.as_ref(),
        };
        serde_json::to_vec(&wire).expect("texts are JSON")
    }
}

impl From<Problem> for Refusal {
    /// The platform's words for what the gateway's side of the state refused.
    fn from(problem: Problem) -> Self {
        let (status, message) = (problem.status, problem.message().to_owned());
        Self::new(status, usual_code(status), message)
    }
}

/// Gives an answer that a fault made up the platform's error body, where it would have had one.
pub(super) fn reword(effect: &Effect, reply: Reply, correlation: &str) -> Reply {
    if !matches!(effect, Effect::Status { body: None, .. } | Effect::CommittedThen { .. }) {
        return reply;
    }
    let status = reply.status();
    let after = reply.response.headers().get_all(RETRY_AFTER).iter().cloned().collect::<Vec<_>>();
    let code = match status {
        StatusCode::TOO_MANY_REQUESTS if !after.is_empty() => "too.many.requests.retry.after",
        status => usual_code(status),
    };
    let mut worded = Refusal::new(status, code, "The fault plan says so.").reply(correlation);
    for value in after {
        worded.headers_mut().append(RETRY_AFTER, value);
    }
    worded
}

/// The code that goes with a status when there is nothing more to say (B.4).
fn usual_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "bad.credentials",
        403 => "not.authorized",
        404 => "not.found",
        409 => "conflict",
        413 => "request.entity.too.large",
        415 => "unsupported.media.type",
        429 => "too.many.requests",
        503 => "service.unavailable",
        504 => "request.timeout",
        500.. => "internal.server.error",
        _ => "bad.request",
    }
}
