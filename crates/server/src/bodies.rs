//! Bodies, read whole: within their size, their time, and the room that all of them share.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::callback;
use crate::limits::Limits;
use crate::problem::Problem;

/// The memory that bodies in progress share.
#[derive(Debug, Clone)]
pub(crate) struct Room(Arc<Semaphore>);

impl Room {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
    }
}

/// What besides callbacks is sent with a body: forms of the console, and what they do over the API.
const FORMS: [&str; 6] =
    ["/login", "/logout", "/conversations/", "/webhooks/", "/api/v1/conversations/", "/api/v1/webhooks/"];

/// Whether a request may have a body.
pub(crate) fn takes_body(method: &Method, uri: &Uri) -> bool {
    let is_form = FORMS.iter().any(|form| match form.ends_with('/') {
        true => uri.path().starts_with(form),
        false => uri.path() == *form,
    });
    method == Method::POST && (callback::is_callback(uri) || is_form)
}

/// A body, and its place in the room.
pub(crate) struct Whole {
    bytes: Vec<u8>,
    place: Option<OwnedSemaphorePermit>,
}

impl std::ops::Deref for Whole {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body to its end. One that says that it is too large is refused before a byte of it is read.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    limits: &Limits,
    room: &Room,
) -> Result<Whole, Problem> {
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(too_large(limits));
    }
    match timeout(limits.body, collected(body, limits, room)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the body did not come in time")),
    }
}

async fn collected(mut body: Body, limits: &Limits, room: &Room) -> Result<Whole, Problem> {
    let mut whole = Whole { bytes: Vec::new(), place: None };
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let broken = |_| Problem::new(StatusCode::BAD_REQUEST, "body", "the body broke off");
        let Ok(piece) = frame.map_err(broken)?.into_data() else { continue };
        if whole.bytes.len() + piece.len() > limits.body_bytes {
            return Err(too_large(limits));
        }
        let Some(place) = room.take(piece.len()) else {
            let detail = "too much is being read at once";
            return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail).retry_after(1));
        };
        match &mut whole.place {
            Some(held) => held.merge(place),
            none => *none = Some(place),
        }
        whole.bytes.extend_from_slice(&piece);
    }
    Ok(whole)
}

fn too_large(limits: &Limits) -> Problem {
    let detail = format!("a body has at most {} bytes", limits.body_bytes);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body", detail)
}
