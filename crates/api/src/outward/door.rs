//! The door itself.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use frontdesk_domain::address::AddressPolicy;
use futures_util::future::BoxFuture;
use http::Uri;

use super::{OutwardUrl, OutwardUrlError};
use crate::transport::reqwest::{BuildError, ReqwestOptions, ReqwestTransport};
use crate::transport::resolve::{CheckedResolver, Resolver, SystemResolver};
use crate::transport::{Body, Transport, TransportError, TransportKind};

/// Settings of an [`OutwardTransport`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OutwardOptions {
    /// Which addresses may be called. Public ones by default.
    pub policy: AddressPolicy,
    /// Certificates of authorities to trust beside the platform's, as [`ReqwestOptions::extra_roots`].
    pub extra_roots: Option<Vec<u8>>,
    /// Time to make a connection, TLS included. 5 s by default (contract §7).
    pub connect_timeout: Duration,
    /// What turns names into addresses, before they are judged; the system's by default.
    pub resolver: Arc<dyn Resolver>,
}

impl Default for OutwardOptions {
    fn default() -> Self {
        Self {
            policy: AddressPolicy::default(),
            extra_roots: None,
            connect_timeout: ReqwestOptions::default().connect_timeout,
            resolver: Arc::new(SystemResolver),
        }
    }
}

/// The [`Transport`] for addresses that come from outside: see the [module](super).
///
/// An address that must not be called is a [`TransportKind::Refused`], and no connection was tried.
///
/// ```
/// use frontdesk_api::outward::{AddressPolicy, OutwardOptions, OutwardTransport};
///
/// let mut options = OutwardOptions::default();
/// options.policy = AddressPolicy::local_if(false);
/// let transport = OutwardTransport::new(&options)?;
/// # let _ = transport;
/// # Ok::<(), frontdesk_api::transport::reqwest::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct OutwardTransport {
    policy: AddressPolicy,
    inner: ReqwestTransport,
}

impl OutwardTransport {
    /// A door with these settings.
    ///
    /// # Errors
    /// [`BuildError`], when a setting cannot be used.
    pub fn new(options: &OutwardOptions) -> Result<Self, BuildError> {
        let OutwardOptions { policy, extra_roots, connect_timeout, resolver } = options;
        let checked = CheckedResolver::new(Arc::clone(resolver), *policy);
        let mut inner = ReqwestOptions::default();
        inner.extra_roots.clone_from(extra_roots);
        inner.connect_timeout = *connect_timeout;
        inner.resolver = Some(Arc::new(checked));
        inner.gzip = false;
        Ok(Self { policy: *policy, inner: ReqwestTransport::new(&inner)? })
    }

    /// Which addresses it calls.
    #[must_use]
    pub fn policy(&self) -> AddressPolicy {
        self.policy
    }

    /// The URI as it will be called, when its host is no address that must not be.
    fn admit(&self, uri: &Uri) -> Result<Uri, OutwardUrlError> {
        let url: OutwardUrl = uri.to_string().parse()?;
        url.check(self.policy)?;
        Uri::try_from(url.reveal()).map_err(|_| OutwardUrlError::NotAUrl)
    }
}

impl Transport for OutwardTransport {
    fn send(
        &self,
        mut request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        match self.admit(request.uri()) {
            Ok(uri) => {
                *request.uri_mut() = uri;
                self.inner.send(request)
            }
            Err(error) => {
                let error = TransportError::new(TransportKind::Refused).caused_by(error);
                Box::pin(std::future::ready(Err(error)))
            }
        }
    }
}
