//! The border to the network: one request in, one response out.
//!
//! A [`Transport`] knows no retries, no time-outs but its own connect time-out, no redirects and no meaning of
//! a status: a non-2xx answer is a *response*. Everything else is the pipeline's, so that it holds for every
//! transport. [`memory`] scripts answers for tests; `reqwest` (feature `reqwest`) is the real one. [`socket`] is the border for
//! WebSockets, `websocket` the real ones.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, Stream, StreamExt};

pub mod memory;
#[cfg(feature = "reqwest")]
pub mod reqwest;
pub mod resolve;
pub mod socket;
#[cfg(feature = "reqwest")]
pub mod websocket;

/// Sends one request and returns the head of its response; the body is read as it arrives.
///
/// An implementation must not follow redirects, not repeat a request on its own, and not take a proxy from the
/// environment. It decodes `Content-Encoding: gzip` where it asked for it.
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends `request`, whose URI is absolute.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the request; whether the server processed it is then unknown.
    ///
    /// # Errors
    /// When no response head came. Its [kind](TransportError::kind) decides whether the call is repeated.
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>>;
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        (**self).send(request)
    }
}

/// A response's body: chunks as they arrive, already decompressed.
pub struct Body(BoxStream<'static, Result<Bytes, TransportError>>);

impl Body {
    /// A body of these chunks.
    pub fn from_stream(chunks: impl Stream<Item = Result<Bytes, TransportError>> + Send + 'static) -> Self {
        Self(chunks.boxed())
    }

    /// A body of one piece.
    #[must_use]
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::from_stream(futures_util::stream::iter((!bytes.is_empty()).then_some(Ok(bytes))))
    }
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body(..)")
    }
}

/// What went wrong on the way, in our words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// No connection: refused, unreachable, or not made in time. Nothing was sent. Repeated.
    Connect,
    /// The host name has no address. Nothing was sent. Repeated.
    Dns,
    /// The host, or every address of it, is one that must not be called ([`outward`](crate::outward)). Nothing was
    /// sent. Not repeated.
    Refused,
    /// The TLS handshake failed: the server could not be trusted. Nothing was sent. Not repeated.
    Tls,
    /// No answer, or not a byte of it, in time. Repeated where that is safe.
    Timeout,
    /// The connection ended before the response head was whole. Repeated where that is safe.
    Reset,
    /// The connection ended inside the body. Repeated where that is safe.
    CutBody,
    /// The body passed the cap. Not repeated: it would pass it again.
    TooLarge,
    /// The answer is not HTTP as it should be, or its compression is damaged. Not repeated.
    Protocol,
    /// Anything else. Not repeated.
    Other,
}

impl TransportKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Connect,
        Self::Dns,
        Self::Refused,
        Self::Tls,
        Self::Timeout,
        Self::Reset,
        Self::CutBody,
        Self::TooLarge,
        Self::Protocol,
        Self::Other,
    ];

    /// What happened, as a phrase that can stand in a sentence.
    pub(crate) fn phrase(self) -> &'static str {
        match self {
            Self::Connect => "no connection could be made",
            Self::Dns => "the host name could not be resolved",
            Self::Refused => "the address is one that must not be called",
            Self::Tls => "the server could not be trusted (TLS)",
            Self::Timeout => "the server did not answer in time",
            Self::Reset => "the connection was lost before the answer",
            Self::CutBody => "the connection was lost inside the answer",
            Self::TooLarge => "the answer is larger than allowed",
            Self::Protocol => "the answer is not proper HTTP",
            Self::Other => "the request could not be carried",
        }
    }
}

/// Why no response, or no whole body, came.
#[derive(Debug, thiserror::Error)]
#[error("{}", kind.phrase())]
pub struct TransportError {
    kind: TransportKind,
    may_have_been_processed: bool,
    #[source]
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl TransportError {
    /// An error of this kind. Only [`Connect`](TransportKind::Connect), [`Dns`](TransportKind::Dns),
    /// [`Refused`](TransportKind::Refused) and [`Tls`](TransportKind::Tls) say that the request was surely not processed.
    #[must_use]
    pub fn new(kind: TransportKind) -> Self {
        let unsent = matches!(
            kind,
            TransportKind::Connect | TransportKind::Dns | TransportKind::Refused | TransportKind::Tls
        );
        Self { kind, may_have_been_processed: !unsent, source: None }
    }

    /// Keeps the cause. It must name neither URL, headers nor body.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> TransportKind {
        self.kind
    }

    /// Whether the server may have acted on the request.
    #[must_use]
    pub fn may_have_been_processed(&self) -> bool {
        self.may_have_been_processed
    }

    pub(crate) fn into_source(self) -> Option<Box<dyn StdError + Send + Sync>> {
        self.source
    }
}
