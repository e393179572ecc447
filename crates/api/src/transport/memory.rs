//! A transport without a network: a closure answers, in tokio time.
//!
//! ```
//! use std::time::Duration;
//! use bytes::Bytes;
//! use frontdesk_api::transport::{Transport, memory::{MemoryTransport, Reply}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! tokio::time::pause();
//! let transport = MemoryTransport::new(|request| match request.uri().path() {
//!     "/slow" => Reply::status(200).body("{}").after(Duration::from_secs(5)),
//!     "/gone" => Reply::reset(),
//!     _ => Reply::status(404),
//! });
//! let request = http::Request::get("http://localhost/slow").body(Bytes::new())?;
//! assert_eq!(transport.send(request).await?.status(), 200);
//! assert_eq!(transport.requests(), 1);
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use http::{HeaderName, HeaderValue, StatusCode};

use super::{Body, Transport, TransportError, TransportKind};

type Handler = dyn Fn(&http::Request<Bytes>) -> Reply + Send + Sync;
type Delay = dyn Fn() -> Duration + Send + Sync;

/// Answers every request from a closure, with faults and latency. Cheap to clone; clones share the counter.
#[derive(Clone)]
pub struct MemoryTransport {
    handler: Arc<Handler>,
    uplink: Option<Arc<Delay>>,
    requests: Arc<AtomicU64>,
}

impl MemoryTransport {
    /// A transport that answers with what `handler` returns, called when the request arrives.
    pub fn new(handler: impl Fn(&http::Request<Bytes>) -> Reply + Send + Sync + 'static) -> Self {
        Self { handler: Arc::new(handler), uplink: None, requests: Arc::default() }
    }

    /// How long each request travels before the handler sees it.
    #[must_use]
    pub fn uplink(mut self, delay: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        self.uplink = Some(Arc::new(delay));
        self
    }

    /// Requests that arrived so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for MemoryTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryTransport").field("requests", &self.requests()).finish_non_exhaustive()
    }
}

impl Transport for MemoryTransport {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            if let Some(uplink) = &self.uplink {
                tokio::time::sleep(uplink()).await;
            }
            self.requests.fetch_add(1, Ordering::Relaxed);
            let reply = (self.handler)(&request);
            tokio::time::sleep(reply.delay).await;
            match reply.outcome {
                Outcome::Answer(answer) => Ok(answer.into_response()),
                Outcome::Fault(kind) => Err(TransportError::new(kind)),
                Outcome::Silence => std::future::pending().await,
            }
        })
    }
}

/// What the server does with one request.
#[derive(Debug, Clone)]
pub struct Reply {
    delay: Duration,
    outcome: Outcome,
}

#[derive(Debug, Clone)]
enum Outcome {
    Answer(Box<Answer>),
    Fault(TransportKind),
    Silence,
}

#[derive(Debug, Clone)]
struct Answer {
    head: http::Response<()>,
    body: Bytes,
    chunk: usize,
    pause: Duration,
    end: End,
}

/// How a body ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Whole,
    CutAt(usize),
    StallAt(usize),
}

impl Reply {
    /// An answer with this status and no body. A number that is no status becomes 500.
    #[must_use]
    pub fn status(status: u16) -> Self {
        let mut head = http::Response::new(());
        *head.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let answer =
            Answer { head, body: Bytes::new(), chunk: 16 << 10, pause: Duration::ZERO, end: End::Whole };
        Self { delay: Duration::ZERO, outcome: Outcome::Answer(Box::new(answer)) }
    }

    /// A 200 with a JSON body.
    #[must_use]
    pub fn json(value: &serde_json::Value) -> Self {
        Self::status(200).header("content-type", "application/json").body(value.to_string())
    }

    /// No answer: this fault instead.
    #[must_use]
    pub fn fault(kind: TransportKind) -> Self {
        Self { delay: Duration::ZERO, outcome: Outcome::Fault(kind) }
    }

    /// The connection is reset before the head.
    #[must_use]
    pub fn reset() -> Self {
        Self::fault(TransportKind::Reset)
    }

    /// The server takes the request and never answers.
    #[must_use]
    pub fn silence() -> Self {
        Self { delay: Duration::ZERO, outcome: Outcome::Silence }
    }

    /// Adds a header; a name or value that HTTP does not allow is left out.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.change(|answer| {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                answer.head.headers_mut().append(name, value);
            }
        })
    }

    /// Sets the body.
    #[must_use]
    pub fn body(self, body: impl Into<Bytes>) -> Self {
        self.change(|answer| answer.body = body.into())
    }

    /// How long the head takes on its way back.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The body comes in chunks of this many bytes, each `pause` after the one before.
    #[must_use]
    pub fn chunks(self, bytes: usize, pause: Duration) -> Self {
        self.change(|answer| {
            answer.chunk = bytes.max(1);
            answer.pause = pause;
        })
    }

    /// The connection is lost after this many bytes of the body.
    #[must_use]
    pub fn cut_at(self, bytes: usize) -> Self {
        self.change(|answer| answer.end = End::CutAt(bytes))
    }

    /// Not a byte comes after this many bytes of the body.
    #[must_use]
    pub fn stall_at(self, bytes: usize) -> Self {
        self.change(|answer| answer.end = End::StallAt(bytes))
    }

    fn change(mut self, with: impl FnOnce(&mut Answer)) -> Self {
        if let Outcome::Answer(answer) = &mut self.outcome {
            with(answer);
        }
        self
    }
}

impl Answer {
    fn into_response(self) -> http::Response<Body> {
        let Self { head, body, chunk, pause, end } = self;
        let limit = match end {
            End::Whole => body.len(),
            End::CutAt(at) | End::StallAt(at) => at.min(body.len()),
        };
        let chunks = stream::unfold(Some(body.slice(..limit)), move |rest| async move {
            let mut rest = rest?;
            tokio::time::sleep(pause).await;
            if !rest.is_empty() {
                let next = rest.split_to(chunk.min(rest.len()));
                return Some((Ok(next), Some(rest)));
            }
            match end {
                End::Whole => None,
                End::CutAt(_) => Some((Err(TransportError::new(TransportKind::CutBody)), None)),
                End::StallAt(_) => std::future::pending().await,
            }
        });
        head.map(|()| Body::from_stream(chunks))
    }
}
