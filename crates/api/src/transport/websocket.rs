//! WebSockets over the real network, through `tokio-tungstenite`. The only file that names it.
//!
//! TLS is that of the HTTP transport. A proxy is not spoken to.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, Uri, header};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::reqwest::{BuildError, ReqwestOptions, tls};
use super::socket::{Socket, Sockets};
use super::{TransportError, TransportKind};

/// The largest frame, and the largest message: nothing the contract sends comes near.
const MOST_BYTES: usize = 1 << 20;

/// Sockets over the network.
#[derive(Clone)]
pub struct WebSockets {
    tls: TlsConnector,
    connect_timeout: Duration,
}

impl std::fmt::Debug for WebSockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebSockets").finish_non_exhaustive()
    }
}

impl WebSockets {
    /// Sockets with the extra roots and the connect time-out of these settings; of the rest none has a meaning here.
    ///
    /// # Errors
    /// [`BuildError`], when a setting cannot be used.
    pub fn new(options: &ReqwestOptions) -> Result<Self, BuildError> {
        let config = tls(options.extra_roots.as_deref())?;
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), connect_timeout: options.connect_timeout })
    }

    async fn connect(
        &self,
        url: &Uri,
        origin: Option<&HeaderValue>,
    ) -> Result<Box<dyn Socket>, TransportError> {
        let secure = match url.scheme_str() {
            Some("wss") => true,
            Some("ws") => false,
            _ => return Err(unusable("the scheme is neither ws nor wss")),
        };
        let host = url.host().ok_or_else(|| unusable("the URL has no host"))?;
        let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let mut request = url.into_client_request().map_err(|_| unusable("the URL cannot be called"))?;
        if let Some(origin) = origin {
            request.headers_mut().insert(header::ORIGIN, origin.clone());
        }
        let agent = HeaderValue::from_static(concat!("frontdesk/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, port))
            .await
            .map_err(|error| TransportError::new(TransportKind::Connect).caused_by(error))?;
        let config =
            WebSocketConfig::default().max_message_size(Some(MOST_BYTES)).max_frame_size(Some(MOST_BYTES));
        if !secure {
            return Ok(Box::new(Line(upgrade(request, stream, config).await?)));
        }
        let name = ServerName::try_from(bare.to_owned()).map_err(|_| unusable("the host is no name"))?;
        let stream = self
            .tls
            .connect(name, stream)
            .await
            .map_err(|error| TransportError::new(TransportKind::Tls).caused_by(error))?;
        Ok(Box::new(Line(upgrade(request, stream, config).await?)))
    }
}

async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    request: http::Request<()>,
    stream: S,
    config: WebSocketConfig,
) -> Result<WebSocketStream<S>, TransportError> {
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => {
            let status = answer.status().as_u16();
            let why = format!("the server answered {status} instead of opening the socket");
            Err(TransportError::new(TransportKind::Protocol).caused_by(why))
        }
        Err(error) => Err(lost(&error)),
    }
}

fn unusable(why: &'static str) -> TransportError {
    TransportError::new(TransportKind::Other).caused_by(why)
}

/// What ended a connection, in our words.
fn lost(error: &Error) -> TransportError {
    let kind = match error {
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => TransportKind::Reset,
        Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => TransportKind::Timeout,
        Error::Io(_) => TransportKind::Reset,
        Error::Capacity(_) => TransportKind::TooLarge,
        _ => TransportKind::Protocol,
    };
    TransportError::new(kind)
}

impl Sockets for WebSockets {
    fn open<'a>(
        &'a self,
        url: &'a Uri,
        origin: Option<&'a HeaderValue>,
    ) -> BoxFuture<'a, Result<Box<dyn Socket>, TransportError>> {
        Box::pin(async move {
            timeout(self.connect_timeout, self.connect(url, origin))
                .await
                .unwrap_or_else(|_| Err(TransportError::new(TransportKind::Connect)))
        })
    }
}

/// A connection that was opened.
struct Line<S>(WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for Line<S> {
    fn send(&mut self, text: String) -> BoxFuture<'_, Result<(), TransportError>> {
        Box::pin(async move { self.0.send(Message::text(text)).await.map_err(|error| lost(&error)) })
    }

    fn receive(&mut self) -> BoxFuture<'_, Result<Option<String>, TransportError>> {
        Box::pin(async move {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(Some(text.as_str().to_owned())),
                    Some(Ok(Message::Close(_))) | None => return Ok(None),
                    // Pings are answered below; bytes mean nothing here.
                    Some(Ok(_)) => {}
                    Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => return Ok(None),
                    Some(Err(error)) => return Err(lost(&error)),
                }
            }
        })
    }
}
