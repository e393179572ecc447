//! The real network, through `reqwest`. The only file that names it.
//!
//! What it would do by itself is off: its repeats, redirects, proxies from the environment. TLS is rustls with ring,
//! given explicitly; TLS 1.2 or newer; certificates are always checked, against the platform's roots and, where given,
//! an authority of one's own. HTTP/1.1 with gzip.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::reqwest::dns::{Addrs, Name, Resolve, Resolving};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::resolve::{AddressRefused, NoSuchName, Resolver};
use super::{Body, Transport, TransportError, TransportKind};
use crate::error::text::escape;

/// Settings of a [`ReqwestTransport`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReqwestOptions {
    /// Certificates of authorities to trust beside the platform's: the content of a PEM file, or one certificate in
    /// DER (`--ca-file`).
    pub extra_roots: Option<Vec<u8>>,
    /// URL of the proxy for all requests. The environment is not asked.
    pub proxy: Option<String>,
    /// Time to make a connection, TLS included. 5 s by default (contract §7).
    pub connect_timeout: Duration,
    /// What turns host names into addresses; the system's own resolver without it. A connection goes to the addresses
    /// it gave and to no other.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// Whether compressed answers are asked for, and decompressed. On by default.
    pub gzip: bool,
}

impl Default for ReqwestOptions {
    fn default() -> Self {
        Self {
            extra_roots: None,
            proxy: None,
            connect_timeout: Duration::from_secs(5),
            resolver: None,
            gzip: true,
        }
    }
}

/// Why a transport cannot be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The extra roots hold no certificate, or one that cannot be read.
    #[error("the certificates of the extra authorities cannot be read: {0}")]
    ExtraRoots(String),
    /// The proxy's URL cannot be read. It is not repeated: it may hold a password.
    #[error("the URL of the proxy cannot be read")]
    Proxy,
    /// TLS cannot be set up on this machine.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
    /// The client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

/// Requests over the network.
#[derive(Debug, Clone)]
pub struct ReqwestTransport(::reqwest::Client);

impl ReqwestTransport {
    /// A transport with these settings. Reads the platform's store of trusted roots. Where that is empty and no extra
    /// roots are given, every https server is refused when it is called.
    ///
    /// # Errors
    /// [`BuildError`], when a setting cannot be used.
    pub fn new(options: &ReqwestOptions) -> Result<Self, BuildError> {
        let mut builder = ::reqwest::Client::builder()
            .tls_backend_preconfigured(tls(options.extra_roots.as_deref())?)
            .retry(::reqwest::retry::never())
            .redirect(::reqwest::redirect::Policy::none())
            .no_proxy()
            .gzip(options.gzip)
            .referer(false)
            .http1_only()
            .connect_timeout(options.connect_timeout);
        if let Some(resolver) = &options.resolver {
            builder = builder.dns_resolver(Names(Arc::clone(resolver)));
        }
        if let Some(proxy) = &options.proxy {
            builder = builder.proxy(::reqwest::Proxy::all(proxy).map_err(|_| BuildError::Proxy)?);
        }
        let client = builder.build().map_err(|error| BuildError::Client(deepest(&error)))?;
        Ok(Self(client))
    }
}

impl Transport for ReqwestTransport {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            let unsendable =
                |error| TransportError::new(TransportKind::Other).caused_by(Cause(deepest(&error)));
            let request = ::reqwest::Request::try_from(request).map_err(unsendable)?;
            let response = self.0.execute(request).await.map_err(|error| failed(&error, Phase::Head))?;
            let mut head = http::Response::new(());
            *head.status_mut() = response.status();
            *head.version_mut() = response.version();
            *head.headers_mut() = response.headers().clone();
            let chunks = stream::unfold(Some(response), |response| async {
                let mut response = response?;
                match response.chunk().await {
                    Ok(Some(chunk)) => Some((Ok(chunk), Some(response))),
                    Ok(None) => None,
                    Err(error) => Some((Err(failed(&error, Phase::Body)), None)),
                }
            });
            Ok(head.map(|()| Body::from_stream(chunks)))
        })
    }
}

/// Our resolvers as `reqwest` calls them.
struct Names(Arc<dyn Resolver>);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.0);
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str()).await?;
            // Port 0: the one of the URL is put in its place.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// TLS as it is spoken here, also by the WebSockets.
pub(super) fn tls(extra_roots: Option<&[u8]>) -> Result<ClientConfig, BuildError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| BuildError::Tls(error.to_string()))?;
    let extra = extra_roots.map(certificates).transpose()?.unwrap_or_default();
    let none_given = extra.is_empty();
    match Verifier::new_with_extra_roots(extra, provider) {
        Ok(verifier) => {
            Ok(config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
        }
        // A machine without any roots can still talk to a sandbox on itself; https is refused when it is tried.
        Err(_) if none_given => {
            Ok(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
        }
        Err(error) => Err(BuildError::ExtraRoots(error.to_string())),
    }
}

fn certificates(file: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    const MARK: &[u8] = b"-----BEGIN ";
    if !file.windows(MARK.len()).any(|window| window == MARK) {
        return Ok(vec![CertificateDer::from(file.to_vec())]);
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(file).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => {
            Err(BuildError::ExtraRoots("there is no certificate in it".to_owned()))
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(BuildError::ExtraRoots(error.to_string())),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Head,
    Body,
}

fn failed(error: &::reqwest::Error, phase: Phase) -> TransportError {
    TransportError::new(kind(error, phase)).caused_by(Cause(deepest(error)))
}

fn kind(error: &::reqwest::Error, phase: Phase) -> TransportKind {
    if error.is_builder() {
        return TransportKind::Other;
    }
    let causes: Vec<&(dyn StdError + 'static)> = causes(error).collect();
    let any_io = |kinds: &[io::ErrorKind]| {
        causes
            .iter()
            .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|io| kinds.contains(&io.kind())))
    };
    let any_hyper = |is: fn(&hyper::Error) -> bool| {
        causes.iter().any(|cause| cause.downcast_ref::<hyper::Error>().is_some_and(is))
    };
    if error.is_connect() {
        return if causes.iter().any(|cause| cause.is::<AddressRefused>()) {
            TransportKind::Refused
        } else if error.is_dns() || causes.iter().any(|cause| cause.is::<NoSuchName>()) {
            TransportKind::Dns
        } else if causes.iter().any(|cause| cause.is::<rustls::Error>()) {
            TransportKind::Tls
        } else {
            TransportKind::Connect
        };
    }
    let lost = any_hyper(hyper::Error::is_incomplete_message)
        || any_hyper(hyper::Error::is_canceled)
        || any_hyper(hyper::Error::is_closed)
        || any_io(&[
            io::ErrorKind::UnexpectedEof,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::ConnectionAborted,
            io::ErrorKind::BrokenPipe,
            io::ErrorKind::NotConnected,
        ]);
    match phase {
        _ if error.is_timeout() => TransportKind::Timeout,
        Phase::Head if lost => TransportKind::Reset,
        Phase::Body if lost => TransportKind::CutBody,
        _ => TransportKind::Protocol,
    }
}

/// The error and everything under it. An `io::Error` hides what it wraps from `source`, so it is opened here.
fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'e (dyn StdError + 'static) = *error;
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &(dyn StdError + 'static)).or_else(|| error.source())
    })
}

/// The last cause in words. The ones above it only say that there is one, and some of them name the URL.
fn deepest(error: &::reqwest::Error) -> String {
    causes(error)
        .skip(1)
        .last()
        .map_or_else(|| "no cause given".to_owned(), |cause| escape(&cause.to_string(), 300))
}

/// A cause as text: foreign error types do not cross this border.
#[derive(Debug)]
struct Cause(String);

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Cause {}
