//! The port through which the platform is asked to call back; `gateway` implements it.

use std::fmt;

use futures_util::future::BoxFuture;
use http::Uri;

use crate::counters::Counters;
use crate::error::Error;
use crate::source::Origin;

/// The name under which the documents register the listener (contract §3).
pub const CRM_SESSION_SYNC: &str = "CRM_Session_Sync";

/// Where the platform is asked to call back (contract §3).
///
/// ```
/// use frontdesk_api::{Counters, Error, EventSubscription, EventSubscriptions, Origin, Registered};
/// use futures_util::future::{BoxFuture, FutureExt as _};
///
/// /// A platform that knows every subscription already.
/// struct Knowing;
///
/// impl EventSubscriptions for Knowing {
///     fn register<'a>(&'a self, _: &'a EventSubscription) -> BoxFuture<'a, Result<Registered, Error>> {
///         async { Ok(Registered { id: "wh-1".to_owned(), is_new: false }) }.boxed()
///     }
///     fn describe(&self) -> Origin {
///         Origin { contract: "gateway", host: "nowhere".to_owned(), client_id: "nobody".to_owned() }
///     }
///     fn counters(&self) -> Counters {
///         Counters::default()
///     }
/// }
/// ```
pub trait EventSubscriptions: Send + Sync {
    /// Asks the platform to call back when a conversation was created. The same name and URI again are the same
    /// subscription, so this is repeated as the contract allows (§7).
    ///
    /// # Cancel safety
    /// A dropped call may have been processed; to register again does no harm.
    ///
    /// # Errors
    /// When the platform does not say that it is registered.
    fn register<'a>(
        &'a self,
        subscription: &'a EventSubscription,
    ) -> BoxFuture<'a, Result<Registered, Error>>;

    /// What is being asked, for logs.
    fn describe(&self) -> Origin;

    /// What was done so far, by every call.
    fn counters(&self) -> Counters;
}

/// A wish to be called back.
///
/// `Debug` shows the URI's host and not its path, which may be a secret of its own.
///
/// ```
/// use frontdesk_api::EventSubscription;
///
/// let subscription = EventSubscription::new("CRM_Session_Sync", "https://desk.example.com/webhook/callback")?;
/// assert_eq!(subscription.uri(), "https://desk.example.com/webhook/callback");
/// assert!(EventSubscription::new("CRM_Session_Sync", "/webhook/callback").is_err());
/// # Ok::<(), frontdesk_api::SubscriptionError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EventSubscription {
    name: String,
    uri: String,
    host: String,
}

impl EventSubscription {
    /// A subscription of this name, called back at this address: http or https, without credentials in it.
    ///
    /// # Errors
    /// [`SubscriptionError`].
    pub fn new(name: impl Into<String>, uri: impl Into<String>) -> Result<Self, SubscriptionError> {
        let (name, uri) = (name.into(), uri.into());
        if name.trim().is_empty() {
            return Err(SubscriptionError::Name);
        }
        let parsed: Uri = uri.parse().map_err(|_| SubscriptionError::Uri)?;
        let spoken = matches!(parsed.scheme_str(), Some("http" | "https"));
        match parsed.authority() {
            Some(authority) if authority.as_str().contains('@') => Err(SubscriptionError::Credentials),
            Some(authority) if spoken && !authority.host().is_empty() => {
                let host = authority.host().to_owned();
                Ok(Self { name, uri, host })
            }
            _ => Err(SubscriptionError::Uri),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the platform calls.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.uri
    }
}

impl fmt::Debug for EventSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSubscription")
            .field("name", &self.name)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// Why there is no such subscription. What was given is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// It has no name.
    #[error("a subscription has a name")]
    Name,
    /// The platform could not call there.
    #[error("the address to be called back at is a whole http or https URL")]
    Uri,
    /// There is a user name in it.
    #[error("the address to be called back at has no credentials in it")]
    Credentials,
}

/// What the platform says of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its id there.
    pub id: String,
    /// It was not known before.
    pub is_new: bool,
}
