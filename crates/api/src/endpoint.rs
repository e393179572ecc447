//! Calls as values: what is sent and how the answer is read, without a runtime.

use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, response};

use crate::base_url::BaseUrl;

/// What a second sending of the same call does to the server (contract §7, "Idempotent").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// Nothing: a read. Stopped at once on the signal to stop, and never in doubt.
    Safe,
    /// Nothing more than the first did: a write that only says how things shall be, as PUT and DELETE do. After a lost
    /// answer it is not known whether the first was processed.
    Idempotent,
    /// Nothing, since the call carries an idempotency key or client id.
    Keyed,
    /// It may act twice. Repeated only when the first surely was not processed.
    Once,
}

/// Whether a call carries the bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// It does.
    Bearer,
    /// It does not: a guest's call. It waits for its turn like one that does.
    Guest,
    /// It does not, so the token cannot leak to it, and the host's rate does not count it.
    None,
}

/// One call of the contract.
///
/// Building the request and reading the answer are pure, so an endpoint is tested without a server. The request is
/// built anew for each attempt; an idempotency key is part of the value and cannot change between them.
pub trait Endpoint: Send + Sync {
    /// What a good answer gives.
    type Output: Send;
    /// Reads a good answer's body while it arrives.
    type Reader: BodyReader<Output = Self::Output> + Send;

    /// Stable name, for errors, spans and counters.
    const OPERATION: &'static str;
    /// Whether it may be sent again.
    const REPEAT: Repeat;
    /// Whether it carries the token.
    const AUTH: Auth;
    /// The scope the client needs, named when the server answers 403.
    const SCOPE: Option<&'static str>;
    /// The permissions of which the client needs one, named when the server answers 403 (platform contract A.5).
    const PERMISSIONS: &'static [&'static str] = &[];

    /// Whether this value of it carries the token, where that differs from [`AUTH`](Endpoint::AUTH).
    fn auth(&self) -> Auth {
        Self::AUTH
    }

    /// A secret that the call carries beside the token: it is struck out where an answer repeats it. Empty where there is none.
    fn secret(&self) -> &str {
        ""
    }

    /// Time to the response head, where this call has its own.
    fn head_timeout(&self) -> Option<Duration> {
        None
    }

    /// Whether an answer with this status, outside of 2xx, is one that the call reads like a good one: it says what came of
    /// the call. None is, by default.
    fn answers(&self, status: StatusCode) -> bool {
        let _ = status;
        false
    }

    /// The request, without token and user agent.
    ///
    /// # Errors
    /// When a value cannot be carried by HTTP. Nothing was sent then.
    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError>;

    /// A reader for the body of this answer: a 2xx, or one that [`answers`](Endpoint::answers).
    ///
    /// # Errors
    /// When the head alone is not what the contract says.
    fn reader(&self, head: &response::Parts) -> Result<Self::Reader, DecodeError>;
}

/// Reads a body while it arrives. It is dropped with what it holds when the body is cut.
pub trait BodyReader {
    /// What the body says.
    type Output;

    /// Takes the next chunk.
    ///
    /// # Errors
    /// As soon as the body cannot be what the contract says.
    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError>;

    /// How much of the body is still worth reading, when what it says no longer matters; `None` while the output
    /// depends on it. That much is read for a moment so that the connection can be used again; whether it comes, is
    /// cut or never ends changes nothing.
    fn spare_bytes(&self) -> Option<u64> {
        None
    }

    /// The body has ended, or does not matter.
    ///
    /// # Errors
    /// When the body is not what the contract says.
    fn finish(self) -> Result<Self::Output, DecodeError>;
}

/// The request cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct EncodeError {
    what: &'static str,
}

impl EncodeError {
    /// Says which part cannot be carried. It must not contain values.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        Self { what }
    }
}

/// A 2xx answer is not what the contract says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct DecodeError {
    what: String,
    /// The body ended inside a value: it was cut where nobody on the way noticed.
    truncated: bool,
}

impl DecodeError {
    /// Says what is wrong, in our words: never a piece of the body.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), truncated: false }
    }

    /// The body ended too early. Treated as a cut body, so it is repeated where that is safe.
    #[must_use]
    pub fn truncated(what: impl Into<String>) -> Self {
        Self { what: what.into(), truncated: true }
    }

    /// The answer's status is not the one that was expected.
    pub(crate) fn status(found: u16, expected: &str) -> Self {
        Self::new(format!("status {found} where {expected} was expected"))
    }

    pub(crate) fn is_truncated(&self) -> bool {
        self.truncated
    }

    pub(crate) fn into_text(self) -> String {
        self.what
    }
}
