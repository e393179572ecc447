//! The files that go with messages: whether their links answer, and their bytes (contract §2, media).
//!
//! A link comes from a message, so whoever wrote the message chose what is called. It goes through the outward door: every
//! address is judged right before it is connected to, at every hop. No token goes along; a redirect is followed here, at
//! most five, and never to another scheme. Eight links are asked at once, whoever asks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::time::Duration;

use bytes::Bytes;
use frontdesk_domain::media::{MediaState, MediaUrl};
use futures_util::{FutureExt as _, StreamExt as _};
use http::{HeaderValue, Method, Response, StatusCode, header};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{timeout, timeout_at};

use crate::clock::{Clock, instant, later};
use crate::counters::Waits;
use crate::endpoint::Repeat;
use crate::error::{Answer, Error, ErrorKind};
use crate::jitter::Jitter;
use crate::options::{CallOptions, Timeouts};
use crate::outward::{OutwardUrl, OutwardUrlError};
use crate::retry::budget::Budget;
use crate::retry::classify::{self, Fault};
use crate::retry::retry_after;
use crate::retry::run::{AttemptError, Call, Failure, Host, run};
use crate::throttle::Throttle;
use crate::transport::{Body, Transport, TransportError, TransportKind};

/// Links asked at once.
const AT_ONCE: usize = 8;
/// Redirects followed.
const MOST_REDIRECTS: usize = 5;
const OPERATION: &str = "media check";
/// Time for one link, all hops and repeats; without the body.
const LINK_TIME: Duration = Duration::from_secs(30);
const ATTEMPTS: u32 = 2;
/// Time for the bytes of one file: who sends a byte every few seconds has one of the eight places no longer.
const BODY_TIME: Duration = Duration::from_mins(10);

/// What is known of a link after it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaAnswer {
    /// `Reachable`, `Refused`, `Unreachable`, or, of bytes that were asked for, `TooLarge`. That a link has expired is
    /// [`MediaState::at`]'s to say.
    pub state: MediaState,
    /// Status of the last answer.
    pub status: Option<StatusCode>,
    /// What went wrong, without the link.
    pub reason: Option<String>,
}

impl MediaAnswer {
    fn unreachable(status: Option<StatusCode>, reason: impl Into<String>) -> Self {
        Self { state: MediaState::Unreachable, status, reason: Some(reason.into()) }
    }

    fn refused(reason: impl Into<String>) -> Self {
        Self { state: MediaState::Refused, status: None, reason: Some(reason.into()) }
    }

    fn of(error: &Error) -> Self {
        if *error.kind() == ErrorKind::Transport(TransportKind::Refused) {
            Self::refused(error.to_string())
        } else {
            Self::unreachable(error.status(), error.to_string())
        }
    }
}

/// Asks media links. Cheap to clone; clones share the eight places.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_api::clock::SystemClock;
/// use frontdesk_api::media::MediaDoor;
/// use frontdesk_api::transport::memory::{MemoryTransport, Reply};
/// use frontdesk_domain::media::{MediaState, MediaUrl};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let transport = MemoryTransport::new(|_| Reply::status(200)); // outside of tests an `OutwardTransport`
/// let door = MediaDoor::new(Arc::new(transport), Arc::new(SystemClock));
/// let answer = door.check(&MediaUrl::new("https://files.example/x.png")?).await;
/// assert_eq!(answer.state, MediaState::Reachable);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MediaDoor {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    options: CallOptions,
    timeouts: Timeouts,
    places: Arc<Semaphore>,
}

impl fmt::Debug for MediaDoor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaDoor").finish_non_exhaustive()
    }
}

/// A link that answers, at the end of its redirects.
struct Found {
    response: Response<Body>,
}

impl MediaDoor {
    /// Asks through this transport, which is an `OutwardTransport` outside of tests. The clock says how far away a
    /// `Retry-After` given as a date is.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        let options = CallOptions::default().deadline(LINK_TIME).attempts(ATTEMPTS);
        let places = Arc::new(Semaphore::new(AT_ONCE));
        Self { transport, clock, options, timeouts: Timeouts::default(), places }
    }

    /// Whether the link answers: `HEAD`, and where a server refuses that (400, 403, 405 or 501: presigned links do), a
    /// `GET` of one byte.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    pub async fn check(&self, url: &MediaUrl) -> MediaAnswer {
        let _place = self.places.acquire().await;
        match self.head(url).await {
            Err(answer) => answer,
            Ok(Found { response }) => {
                let status = response.status();
                if status.is_success() || status.is_redirection() {
                    MediaAnswer { state: MediaState::Reachable, status: Some(status), reason: None }
                } else {
                    MediaAnswer::unreachable(Some(status), format!("it answers {}", status.as_u16()))
                }
            }
        }
    }

    async fn head(&self, url: &MediaUrl) -> Result<Found, MediaAnswer> {
        let found = self.follow(url, &Method::HEAD).await?;
        if matches!(found.response.status().as_u16(), 400 | 403 | 405 | 501) {
            // A part of the body may come along; it is not waited for.
            return self.follow(url, &Method::GET).await;
        }
        Ok(found)
    }

    /// The bytes behind the link, as they come. More than `limit` of them are an answer of its own.
    ///
    /// # Errors
    /// What is known of a link whose bytes cannot be had.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    pub async fn fetch(&self, url: &MediaUrl, limit: u64) -> Result<MediaBody, MediaAnswer> {
        // The semaphore is never closed.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let Found { response } = self.follow_whole(url).await?;
        let (head, body) = response.into_parts();
        if head.status != StatusCode::OK {
            let reason = format!("it answers {}", head.status.as_u16());
            return Err(MediaAnswer::unreachable(Some(head.status), reason));
        }
        let length =
            head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: u64| length > limit) {
            return Err(too_large(limit));
        }
        let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        Ok(MediaBody {
            body,
            left: limit,
            limit,
            idle: self.timeouts.idle,
            until: later(instant(), BODY_TIME),
            content_type,
            _place: place,
        })
    }

    async fn follow_whole(&self, url: &MediaUrl) -> Result<Found, MediaAnswer> {
        self.follow_with(url, &Method::GET, false).await
    }

    async fn follow(&self, url: &MediaUrl, method: &Method) -> Result<Found, MediaAnswer> {
        self.follow_with(url, method, *method == Method::GET).await
    }

    /// Asks, and goes where the answer says, hop by hop.
    async fn follow_with(
        &self,
        url: &MediaUrl,
        method: &Method,
        one_byte: bool,
    ) -> Result<Found, MediaAnswer> {
        let read = |error: OutwardUrlError| MediaAnswer::refused(error.to_string());
        let mut at: OutwardUrl = url.as_str().parse().map_err(read)?;
        let deadline = later(instant(), LINK_TIME);
        for _ in 0..=MOST_REDIRECTS {
            let response =
                self.ask(&at, method, one_byte, deadline).await.map_err(|error| MediaAnswer::of(&error))?;
            let location = match response.status().as_u16() {
                301 | 302 | 303 | 307 | 308 => response.headers().get(header::LOCATION),
                _ => None,
            };
            let Some(location) = location else { return Ok(Found { response }) };
            let text = location.to_str().map_err(|_| MediaAnswer::refused("it redirects to no URL"))?;
            let next = at.join(text).map_err(read)?;
            if next.is_https() != at.is_https() {
                return Err(MediaAnswer::refused("it redirects to another scheme"));
            }
            at = next;
        }
        Err(MediaAnswer::unreachable(None, format!("it redirects more than {MOST_REDIRECTS} times")))
    }

    /// One hop, through the one retry loop. An answer that is worth no repeat is an answer, whatever its status.
    async fn ask(
        &self,
        url: &OutwardUrl,
        method: &Method,
        one_byte: bool,
        deadline: tokio::time::Instant,
    ) -> Result<Response<Body>, Error> {
        // A host of its own for each link: none of them is asked often enough to be paced.
        let host = Host {
            throttle: Throttle::new(None, Jitter::from_entropy()),
            budget: Budget::new(),
            jitter: Jitter::from_entropy(),
            waits: Waits::default(),
        };
        let call = Call {
            operation: OPERATION,
            repeat: Repeat::Safe,
            scope: None,
            permissions: &[],
            is_token_call: false,
            started: instant(),
            deadline,
            attempts: self.options.attempts,
            repeats: true,
            cancel: &self.options.cancel,
            write_grace: self.timeouts.write_grace,
            host: &host,
            sent: AtomicU32::new(0),
            in_flight: AtomicBool::new(false),
            took_us: AtomicU64::new(0),
        };
        run(&call, |_| {}, || self.attempt(url, method, one_byte, &call).boxed()).await
    }

    async fn attempt(
        &self,
        url: &OutwardUrl,
        method: &Method,
        one_byte: bool,
        call: &Call<'_>,
    ) -> Result<Response<Body>, AttemptError> {
        let user_agent = HeaderValue::from_static(concat!("frontdesk/", env!("CARGO_PKG_VERSION")));
        let mut request = http::Request::builder()
            .method(method.clone())
            .uri(url.reveal())
            .header(header::USER_AGENT, user_agent);
        if one_byte {
            request = request.header(header::RANGE, "bytes=0-0");
        }
        let request = request.body(Bytes::new()).map_err(|_| {
            let what = "the link".to_owned();
            AttemptError::Final(Error::of_kind(OPERATION, ErrorKind::Unsendable { what }))
        })?;
        call.sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let sent = timeout(self.timeouts.head, self.transport.send(request)).await;
        let response = match sent.unwrap_or_else(|_| Err(TransportError::new(TransportKind::Timeout))) {
            Ok(response) => response,
            Err(error) => {
                let kind = error.kind();
                return Err(failed(Fault::Transport(kind), ErrorKind::Transport(kind), Answer::default()));
            }
        };
        let status = response.status();
        let (fault, kind) = match classify::status(status) {
            Some(fault @ Fault::Throttled) => (fault, ErrorKind::Throttled),
            Some(fault @ (Fault::RequestTimeout | Fault::Unavailable)) => (fault, ErrorKind::Unavailable),
            _ => return Ok(response),
        };
        let retry_after = retry_after::read(response.headers(), self.clock.now());
        Err(failed(fault, kind, Answer { status: Some(status), retry_after, ..Answer::default() }))
    }
}

fn failed(fault: Fault, kind: ErrorKind, answer: Answer) -> AttemptError {
    AttemptError::Failed(Box::new(Failure {
        fault,
        kind,
        answer,
        generation: None,
        may_have_been_processed: false,
        source: None,
    }))
}

fn too_large(limit: u64) -> MediaAnswer {
    let reason = format!("it has more than {limit} bytes");
    MediaAnswer { state: MediaState::TooLarge, status: Some(StatusCode::OK), reason: Some(reason) }
}

/// The bytes of a file on their way. It has one of the eight places until it is dropped.
pub struct MediaBody {
    body: Body,
    left: u64,
    limit: u64,
    idle: Duration,
    until: tokio::time::Instant,
    content_type: Option<String>,
    _place: Option<OwnedSemaphorePermit>,
}

impl fmt::Debug for MediaBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaBody").field("left", &self.left).finish_non_exhaustive()
    }
}

impl MediaBody {
    /// What the server says it is.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// What is known of a link whose bytes stop coming, or are too many.
    ///
    /// # Cancel safety
    /// Safe: bytes that came are given by the next call.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, MediaAnswer> {
        let cut = |kind: TransportKind| MediaAnswer::unreachable(Some(StatusCode::OK), kind.phrase());
        match timeout_at(later(instant(), self.idle).min(self.until), self.body.next()).await {
            Err(_) => Err(cut(TransportKind::Timeout)),
            Ok(Some(Err(error))) => Err(cut(error.kind())),
            Ok(None) => Ok(None),
            Ok(Some(Ok(bytes))) => {
                self.left = match self.left.checked_sub(bytes.len() as u64) {
                    Some(left) => left,
                    None => return Err(too_large(self.limit)),
                };
                Ok(Some(bytes))
            }
        }
    }
}
