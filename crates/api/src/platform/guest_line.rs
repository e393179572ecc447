//! A guest's connection: requests and what answers them (platform contract C.2.2 to C.2.5).

use std::time::Duration;

use http::{HeaderValue, StatusCode, Uri};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::clock::{instant, later};
use crate::error::text::escape;
use crate::error::{Answer, Error, ErrorKind, Inner};
use crate::transport::socket::{Socket, Sockets};
use crate::transport::{TransportError, TransportKind};

/// The operation, for errors and logs.
pub(super) const OPERATION: &str = "guest session opening";
/// Time for the answer to one request.
const ANSWER_TIME: Duration = Duration::from_secs(15);
/// What of a server's text is kept.
const MOST_TEXT: usize = 200;

/// A connection of one session. Its token is the session: whoever knows it can go on with it.
pub(super) struct GuestLine {
    socket: Box<dyn Socket>,
    token: String,
    started: Instant,
    requests: u32,
}

/// What a request was answered with.
pub(super) struct Reply {
    pub(super) body: Value,
}

impl GuestLine {
    pub(super) async fn open(
        sockets: &dyn Sockets,
        url: &Uri,
        origin: Option<&HeaderValue>,
        token: Uuid,
    ) -> Result<Self, Error> {
        let started = instant();
        let socket = sockets.open(url, origin).await.map_err(|error| {
            // Nothing of a session was said on it.
            of_transport(error, started, 0, false)
        })?;
        Ok(Self { socket, token: token.to_string(), started, requests: 0 })
    }

    /// Sends a request, and waits for the frame that answers it: the one with its tracing id, and for a message its echo.
    /// With `acts` a lost answer leaves open whether it was carried out.
    pub(super) async fn ask(
        &mut self,
        action: &str,
        fields: Map<String, Value>,
        acts: bool,
    ) -> Result<Reply, Error> {
        let tracing = Uuid::new_v4().to_string();
        let mut frame = fields;
        frame.insert("action".to_owned(), action.into());
        frame.insert("token".to_owned(), self.token.as_str().into());
        frame.insert("tracingId".to_owned(), tracing.as_str().into());
        self.requests += 1;
        let (started, requests) = (self.started, self.requests);
        let lost = |error: TransportError| of_transport(error, started, requests, acts);
        self.socket.send(Value::Object(frame).to_string()).await.map_err(lost)?;
        let deadline = later(instant(), ANSWER_TIME);
        loop {
            let received = timeout_at(deadline, self.socket.receive())
                .await
                .unwrap_or_else(|_| Err(TransportError::new(TransportKind::Timeout)))
                .map_err(lost)?;
            let Some(text) = received else {
                return Err(lost(TransportError::new(TransportKind::Reset)));
            };
            let Ok(frame) = serde_json::from_str::<Value>(&text) else { continue };
            // The id is beside the body, inside of it, or in both (C.2.4).
            let traced = |value: &Value| value.get("tracingId").and_then(Value::as_str) == Some(&*tracing);
            let body = frame.get("body").cloned().unwrap_or(Value::Null);
            if !traced(&frame) && !traced(&body) {
                continue;
            }
            let code = frame.get("code").and_then(Value::as_u64).unwrap_or(200);
            if code == 200 {
                return Ok(Reply { body });
            }
            return Err(refused(code, &body, self.started, self.requests));
        }
    }
}

/// `configureSession` for this deployment: the session of the token, or a new one.
pub(super) fn configuration(deployment: &str) -> Map<String, Value> {
    fields(json!({"deploymentId": deployment, "startNew": false}))
}

/// A message of the guest that says nothing but this presence.
pub(super) fn presence(kind: &str) -> Value {
    json!({"type": "Event", "events": [{"eventType": "Presence", "presence": {"type": kind}}]})
}

/// The fields of an object that is written here.
pub(super) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What a code of C.2.5 says: 429 and 4029 pass, the others do not.
fn refused(code: u64, body: &Value, started: Instant, requests: u32) -> Error {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let said = body.as_str().or_else(|| text("errorMessage")).or_else(|| text("message"));
    let kind = match code {
        401 => ErrorKind::Unauthorized,
        429 | 4029 => ErrorKind::Throttled,
        5000 => ErrorKind::Unavailable,
        _ => ErrorKind::Rejected,
    };
    let wait = body.get("retryAfter").and_then(Value::as_u64).map(Duration::from_secs);
    let answer = Answer {
        status: u16::try_from(code)
            .ok()
            .filter(|code| *code < 600)
            .and_then(|code| StatusCode::from_u16(code).ok()),
        code: Some(code.to_string()),
        message: said.map(|said| escape(said, MOST_TEXT)),
        retry_after: wait,
        ..Answer::default()
    };
    error(kind, answer, started, requests, code == 5000)
}

fn of_transport(error_: TransportError, started: Instant, requests: u32, acts: bool) -> Error {
    let kind = ErrorKind::Transport(error_.kind());
    let unknown = acts && error_.may_have_been_processed();
    let failed = error(kind, Answer::default(), started, requests, unknown);
    failed.with_source(error_.into_source())
}

fn error(kind: ErrorKind, answer: Answer, started: Instant, requests: u32, unknown: bool) -> Error {
    Error::new(Inner {
        operation: OPERATION,
        kind,
        attempts: requests,
        elapsed: instant() - started,
        answer,
        fault: None,
        unknown_outcome: unknown,
        is_token_call: false,
        scope: None,
        permissions: &[],
        source: None,
    })
}
