//! Host names and their addresses.

use std::error::Error as StdError;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use frontdesk_domain::address::{AddressPolicy, Refused};
use futures_util::future::BoxFuture;

/// Why a name gave no address. A border like [`TransportError`](super::TransportError): it names neither the host nor
/// an address.
pub type ResolveError = Box<dyn StdError + Send + Sync>;

/// Turns a host name into addresses.
pub trait Resolver: fmt::Debug + Send + Sync {
    /// The addresses of `host`, in the order they are to be tried. It is asked once for every connection, and the
    /// connection goes to one of the answers.
    ///
    /// # Cancel safety
    /// Safe: nothing is lost by dropping it.
    ///
    /// # Errors
    /// When there is no address, or none that may be called.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>>;
}

/// The system's resolver: its files, its servers.
#[cfg(feature = "reqwest")]
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[cfg(feature = "reqwest")]
impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await.map_err(|_| NoSuchName)?;
            let mut addresses: Vec<IpAddr> = found.map(|found| found.ip()).collect();
            addresses.dedup();
            if addresses.is_empty() { Err(NoSuchName.into()) } else { Ok(addresses) }
        })
    }
}

/// A resolver whose answers pass an [`AddressPolicy`]: addresses that must not be called are left out, and a name that
/// has no other is refused.
///
/// The connection is made to what came through here. A name that answers differently the next time ("rebinding") is
/// asked again for the next connection only, and judged again.
#[derive(Debug, Clone)]
pub struct CheckedResolver {
    inner: Arc<dyn Resolver>,
    policy: AddressPolicy,
}

impl CheckedResolver {
    /// Judges what `inner` answers by `policy`.
    #[must_use]
    pub fn new(inner: Arc<dyn Resolver>, policy: AddressPolicy) -> Self {
        Self { inner, policy }
    }
}

impl Resolver for CheckedResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        Box::pin(async move {
            let mut refused = None;
            let mut allowed = self.inner.resolve(host).await?;
            allowed.retain(|&address| match self.policy.check(address) {
                Ok(()) => true,
                Err(reason) => {
                    refused.get_or_insert(reason);
                    false
                }
            });
            match refused {
                Some(reason) if allowed.is_empty() => Err(AddressRefused(reason).into()),
                _ if allowed.is_empty() => Err(NoSuchName.into()),
                _ => Ok(allowed),
            }
        })
    }
}

/// The host has no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no address was found for the name")]
pub struct NoSuchName;

/// The host has no address that may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it leads to {0}")]
pub struct AddressRefused(pub Refused);
