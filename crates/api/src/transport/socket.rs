//! The border to the network for conversations of text frames: one connection, frames both ways.
//!
//! Pings, fragments and masks are the implementation's; what a frame says is the caller's.

use std::fmt;

use futures_util::future::BoxFuture;
use http::{HeaderValue, Uri};

use super::TransportError;

/// Opens sockets.
///
/// An implementation must not follow redirects, and not take a proxy from the environment.
pub trait Sockets: fmt::Debug + Send + Sync {
    /// Connects to `url` (`ws` or `wss`), with this `Origin` where one is given.
    ///
    /// # Cancel safety
    /// Dropping the future gives up the connection; no frame was sent.
    ///
    /// # Errors
    /// When there is no connection, or the server does not take it.
    fn open<'a>(
        &'a self,
        url: &'a Uri,
        origin: Option<&'a HeaderValue>,
    ) -> BoxFuture<'a, Result<Box<dyn Socket>, TransportError>>;
}

/// A connection. Dropping it ends it.
pub trait Socket: Send {
    /// Sends a text frame.
    ///
    /// # Cancel safety
    /// A dropped call may have sent the frame, or a part of it: the socket is of no use then.
    ///
    /// # Errors
    /// When the connection is gone. The frame may have arrived.
    fn send(&mut self, text: String) -> BoxFuture<'_, Result<(), TransportError>>;

    /// The next text frame; none when the other side ended the connection.
    ///
    /// # Cancel safety
    /// Safe: a frame that came is given by the next call.
    ///
    /// # Errors
    /// When the connection is lost, or what comes is no WebSocket.
    fn receive(&mut self) -> BoxFuture<'_, Result<Option<String>, TransportError>>;
}
