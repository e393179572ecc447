//! One attempt to deliver a webhook.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, response};

use super::OutwardUrl;
use crate::base_url::BaseUrl;
use crate::client::Client;
use crate::clock::Clock;
use crate::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use crate::error::{Error, ErrorKind};
use crate::options::{CallOptions, Cancel};
use crate::transport::Transport;

/// Time for one attempt, from the connection to the answer's head.
pub const ATTEMPT_TIME: Duration = Duration::from_secs(30);
/// What is read of a reply.
pub const REPLY_BYTES: u64 = 64 << 10;

/// A webhook on its way: one POST, whose `webhook-id` makes it safe to repeat. It carries no token.
///
/// `Debug` shows neither headers, which hold signatures, nor the body.
pub struct WebhookCall {
    url: OutwardUrl,
    headers: HeaderMap,
    body: Bytes,
}

impl WebhookCall {
    /// A call with this body, sent as JSON.
    #[must_use]
    pub fn new(url: OutwardUrl, body: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { url, headers, body: body.into() }
    }

    /// Sets a header, in place of one of the same name.
    ///
    /// # Errors
    /// When HTTP cannot carry name or value, or the header belongs to the connection.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, EncodeError> {
        let (name, value) = header_pair(name, value)?;
        self.headers.insert(name, value);
        Ok(self)
    }
}

/// Sends [`WebhookCall`]s, one attempt at a time: when to try again is the outbox's schedule.
///
/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct WebhookSender {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl WebhookSender {
    /// Sends through this transport, which is an `OutwardTransport` outside of tests. The clock says how far away a
    /// `Retry-After` given as a date is.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { transport, clock }
    }

    /// One attempt of at most [`ATTEMPT_TIME`]. A status of 2xx is success, whatever the body does; of any reply at
    /// most about [`REPLY_BYTES`] are read, the rest goes with the connection.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the attempt; the webhook may have arrived. After the signal `cancel` an attempt
    /// that was sent gets up to 10 s for its answer (contract §7, "Stop").
    ///
    /// # Errors
    /// See [`Error`]: its [status](Error::status) is 410 where the receiver wants no more, its
    /// [wait](Error::retry_after) what a receiver asks for.
    pub async fn send(&self, call: &WebhookCall, cancel: &Cancel) -> Result<StatusCode, Error> {
        let Some(base) = call.url.base() else {
            let what = "the webhook's URL has no host".to_owned();
            return Err(Error::of_kind(WebhookCall::OPERATION, ErrorKind::Unsendable { what }));
        };
        let client =
            Client::without_token(base).clock(Arc::clone(&self.clock)).build(Arc::clone(&self.transport));
        let options = CallOptions::default().deadline(ATTEMPT_TIME).single_attempt().cancel(cancel.clone());
        client.send(call, &options).await
    }
}

/// Reads a header that a configuration adds to calls.
///
/// # Errors
/// When HTTP cannot carry name or value, or the header belongs to the connection.
pub fn header_pair(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), EncodeError> {
    // What says where a message ends or where it goes is the connection's own.
    const OURS: [HeaderName; 8] = [
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::UPGRADE,
        header::TE,
        header::TRAILER,
        header::EXPECT,
    ];
    let name = HeaderName::try_from(name).map_err(|_| EncodeError::new("the name of a header"))?;
    if OURS.contains(&name) || name.as_str().starts_with("proxy-") {
        return Err(EncodeError::new("a header that belongs to the connection"));
    }
    let mut value = HeaderValue::try_from(value).map_err(|_| EncodeError::new("the value of a header"))?;
    value.set_sensitive(true);
    Ok((name, value))
}

impl std::fmt::Debug for WebhookCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookCall")
            .field("url", &self.url)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

impl Endpoint for WebhookCall {
    type Output = StatusCode;
    type Reader = Taken;

    const OPERATION: &'static str = "webhook delivery";
    const REPEAT: Repeat = Repeat::Keyed;
    const AUTH: Auth = Auth::None;
    const SCOPE: Option<&'static str> = None;

    fn head_timeout(&self) -> Option<Duration> {
        Some(ATTEMPT_TIME)
    }

    fn request(&self, _: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let mut request = http::Request::builder()
            .method(Method::POST)
            .uri(self.url.reveal())
            .body(self.body.clone())
            .map_err(|_| EncodeError::new("the webhook's URL"))?;
        *request.headers_mut() = self.headers.clone();
        Ok(request)
    }

    fn reader(&self, head: &response::Parts) -> Result<Taken, DecodeError> {
        Ok(Taken(head.status))
    }
}

/// What was sent outward was taken: the status says so, and nothing in the body can change it.
#[derive(Debug)]
pub struct Taken(StatusCode);

impl Taken {
    /// An answer with this status.
    pub(crate) fn with(status: StatusCode) -> Self {
        Self(status)
    }
}

impl BodyReader for Taken {
    type Output = StatusCode;

    fn push(&mut self, _: &[u8]) -> Result<(), DecodeError> {
        Ok(())
    }

    fn spare_bytes(&self) -> Option<u64> {
        Some(REPLY_BYTES)
    }

    fn finish(self) -> Result<StatusCode, DecodeError> {
        Ok(self.0)
    }
}
