//! Endpoints as values.

use std::fmt;

use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{EventKind, Timestamp};
use uuid::Uuid;

/// Where webhooks go. Its secrets are not in here: [`Reader::secrets`](crate::Reader::secrets).
///
/// `Debug` shows neither the URL's path nor the values of headers: they hold keys as often as not.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// Names it: `ep_` and 32 hex digits, unless it was [`named`](NewEndpoint::named).
    pub id: String,
    /// Where it is.
    pub url: String,
    /// The kinds of events it takes.
    pub kinds: Vec<EventKind>,
    /// Headers of its own, by name.
    pub headers: Vec<(String, String)>,
    /// When it was added.
    pub created: Timestamp,
    /// When it was taken out of service, if it is.
    pub disabled: Option<Timestamp>,
    /// Why it is out of service.
    pub reason: Option<String>,
    /// Until when it wants nothing, as it said.
    pub paused: Option<Timestamp>,
}

impl Endpoint {
    /// Scheme, host and port of its URL: what may be shown and written down.
    #[must_use]
    pub fn origin(&self) -> &str {
        origin(&self.url)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("id", &self.id)
            .field("origin", &self.origin())
            .field("kinds", &self.kinds)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

/// Scheme, host and port of a URL.
pub(super) fn origin(url: &str) -> &str {
    let Some(scheme) = url.find("://") else { return "" };
    let host = &url[scheme + 3..];
    let end = host.find(['/', '?', '#']).unwrap_or(host.len());
    &url[..scheme + 3 + end]
}

/// An endpoint that is to be added. Its URL and headers have been checked by whoever will call them.
pub struct NewEndpoint {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) secret: SigningSecret,
    pub(crate) kinds: Vec<EventKind>,
    pub(crate) headers: Vec<(String, String)>,
}

impl NewEndpoint {
    /// An endpoint that takes these kinds of events.
    #[must_use]
    pub fn new(
        url: impl Into<String>,
        secret: SigningSecret,
        kinds: impl IntoIterator<Item = EventKind>,
    ) -> Self {
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_unstable();
        kinds.dedup();
        let id = format!("ep_{}", Uuid::new_v4().simple());
        Self { id, url: url.into(), secret, kinds, headers: Vec::new() }
    }

    /// Names it: for an endpoint that a setting stands for. Adding a second one of that name changes nothing.
    #[must_use]
    pub fn named(mut self, id: &str) -> Self {
        id.clone_into(&mut self.id);
        self
    }

    /// Adds headers of its own.
    #[must_use]
    pub fn headers(mut self, headers: Vec<(String, String)>) -> Self {
        self.headers = headers;
        self
    }

    /// The id it will have.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for NewEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEndpoint")
            .field("id", &self.id)
            .field("kinds", &self.kinds)
            .finish_non_exhaustive()
    }
}

/// A new secret of 32 random bytes.
///
/// # Errors
/// When the system gives no random bytes.
pub(crate) fn random_secret() -> Result<SigningSecret, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    match SigningSecret::from_bytes(&bytes) {
        Ok(secret) => Ok(secret),
        Err(_) => unreachable!("32 bytes make a secret"),
    }
}

/// How many deliveries of an endpoint are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct EndpointCounts {
    /// Still to be delivered.
    pub pending: u64,
    /// Taken by the endpoint.
    pub delivered: u64,
    /// Given up.
    pub dead: u64,
}
