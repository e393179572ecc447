//! A small endpoint, clients against scripts, and servers that count requests in virtual time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::clock::VirtualClock;
use frontdesk_api::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{BaseUrl, Client, ClientBuilder, Credentials};
use frontdesk_domain::{Secret, Timestamp};
use http::response;
use serde_json::json;
use tokio::time::Instant;

pub(crate) const SECRET: &str = "s3cret-canary-CLIENT";
pub(crate) const TOKEN: &str = "t0ken-canary-BEARER";

/// A call whose kind is chosen by the type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ping<const KIND: u8>;

pub(crate) type Read = Ping<0>;
pub(crate) type Keyed = Ping<1>;
pub(crate) type Write = Ping<2>;
/// A read without a token.
pub(crate) type Open = Ping<3>;

impl<const KIND: u8> Endpoint for Ping<KIND> {
    type Output = usize;
    type Reader = Count;

    const OPERATION: &'static str = "ping";
    const REPEAT: Repeat = match KIND {
        1 => Repeat::Keyed,
        2 => Repeat::Once,
        _ => Repeat::Safe,
    };
    const AUTH: Auth = if KIND == 3 { Auth::None } else { Auth::Bearer };
    const SCOPE: Option<&'static str> = Some("test:ping");

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        http::Request::post(format!("{base}/ping"))
            .body(Bytes::new())
            .map_err(|_| EncodeError::new("the ping"))
    }

    fn reader(&self, _: &response::Parts) -> Result<Count, DecodeError> {
        Ok(Count(0))
    }
}

/// Counts bytes.
#[derive(Debug)]
pub(crate) struct Count(usize);

impl BodyReader for Count {
    type Output = usize;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0 += chunk.len();
        Ok(())
    }

    fn finish(self) -> Result<usize, DecodeError> {
        Ok(self.0)
    }
}

#[expect(clippy::disallowed_methods, reason = "tests measure virtual time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) fn base() -> BaseUrl {
    "https://api.example.com".parse().unwrap()
}

pub(crate) fn credentials() -> Credentials {
    Credentials::new("client-1", Secret::new(SECRET)).unwrap()
}

pub(crate) fn noon() -> Timestamp {
    "2025-03-01T12:00:00Z".parse().unwrap()
}

/// A client with a clock that follows virtual time.
pub(crate) fn builder() -> (ClientBuilder, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::starting_at(noon()));
    (Client::builder(base(), credentials()).clock(Arc::clone(&clock) as _).seed(7), clock)
}

pub(crate) fn token_reply() -> Reply {
    Reply::json(&json!({"access_token": TOKEN, "token_type": "bearer", "expires_in": 86_400}))
}

pub(crate) fn is_token(request: &http::Request<Bytes>) -> bool {
    request.uri().path().ends_with("/oauth/token")
}

/// Answers tokens by itself and everything else from `handler`.
pub(crate) fn with_token(
    handler: impl Fn(&http::Request<Bytes>) -> Reply + Send + Sync + 'static,
) -> MemoryTransport {
    MemoryTransport::new(move |request| if is_token(request) { token_reply() } else { handler(request) })
}

/// A client that gets a token for nothing and these answers to its calls, the last one for ever.
pub(crate) fn scripted(replies: impl IntoIterator<Item = Reply>) -> (Client, Arc<Log>) {
    let log = Arc::new(Log::default());
    let replies = Mutex::new(replies.into_iter().collect::<VecDeque<_>>());
    let seen = Arc::clone(&log);
    let transport = with_token(move |_| {
        seen.note();
        let mut replies = replies.lock().unwrap();
        let next = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
        next.unwrap_or_else(|| Reply::status(200))
    });
    (builder().0.build(Arc::new(transport)), log)
}

/// When requests arrived.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Vec<Instant>>);

impl Log {
    pub(crate) fn note(&self) {
        self.0.lock().unwrap().push(now());
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// When the first one did.
    pub(crate) fn first(&self) -> Instant {
        self.0.lock().unwrap()[0]
    }

    /// Time between each arrival and the next.
    pub(crate) fn gaps(&self) -> Vec<Duration> {
        self.0.lock().unwrap().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

/// Numbers that look random and are the same in every run.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Between the two, both included.
    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        let mut bits = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        bits = (bits ^ (bits >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
        bits = (bits ^ (bits >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
        low + (bits ^ (bits >> 33)) % (high - low + 1)
    }
}

/// An endpoint whose URI leads to another host.
#[derive(Debug)]
pub(crate) struct Astray;

impl Endpoint for Astray {
    type Output = usize;
    type Reader = Count;

    const OPERATION: &'static str = "astray";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;

    fn request(&self, _: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        http::Request::get("https://evil.example/").body(Bytes::new()).map_err(|_| EncodeError::new("it"))
    }

    fn reader(&self, _: &response::Parts) -> Result<Count, DecodeError> {
        Ok(Count(0))
    }
}
