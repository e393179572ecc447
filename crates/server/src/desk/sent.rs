//! The body of a POST: a form of one of our pages, or JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::office::Office;
use super::role::Viewer;
use crate::bodies;
use crate::params::{Params, bad};
use crate::problem::Problem;

/// What a form or a JSON object says. A form of a browser counts only with what our page gave it to send back; JSON
/// cannot be sent by another site's form.
#[derive(Debug)]
pub(crate) struct Sent(pub(crate) Params);

impl FromRequest<Arc<Office>> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, office: &Arc<Office>) -> Result<Self, Response> {
        let (head, body) = request.into_parts();
        let read = async {
            let viewer = head.extensions.get::<Viewer>().ok_or_else(Problem::unexpected)?;
            if media_type(&head.headers) == "application/json" {
                return object(office, &head.headers, body).await;
            }
            let mut params = form(office, &head.headers, body).await?;
            let csrf = params.text("csrf").unwrap_or_default();
            if csrf != *viewer.csrf {
                let detail = "the form is not one of a page that is open here";
                return Err(Problem::new(StatusCode::FORBIDDEN, "csrf", detail)
                    .hint("open the page again, and send it from there"));
            }
            Ok(params)
        };
        read.await.map(Self).map_err(|problem| problem.into_response())
    }
}

fn media_type(headers: &HeaderMap) -> &str {
    let text = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim()
}

fn unsupported() -> Problem {
    let detail = "the body is neither a form nor JSON";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", detail)
        .hint("send application/json, or application/x-www-form-urlencoded")
}

/// A form, whoever sent it.
///
/// # Errors
/// What is wrong with the body.
pub(super) async fn form(office: &Office, headers: &HeaderMap, body: Body) -> Result<Params, Problem> {
    if media_type(headers) != "application/x-www-form-urlencoded" {
        return Err(unsupported());
    }
    let bytes = bodies::read(headers, body, &office.limits, &office.room).await?;
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("the form is not UTF-8"))?;
    Params::read(Some(text))
}

/// An object of texts, numbers and truth values; null is what is not there.
async fn object(office: &Office, headers: &HeaderMap, body: Body) -> Result<Params, Problem> {
    let bytes = bodies::read(headers, body, &office.limits, &office.room).await?;
    let wrong = || bad("the body is no JSON object of texts, numbers and truth values");
    let object: BTreeMap<String, Value> = serde_json::from_slice(&bytes).map_err(|_| wrong())?;
    let mut pairs = BTreeMap::new();
    for (name, value) in object {
        let text = match value {
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            Value::Null => continue,
            Value::Array(_) | Value::Object(_) => return Err(wrong()),
        };
        pairs.insert(name, text);
    }
    Ok(Params::of(pairs))
}
