//! URLs that come from outside.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use frontdesk_domain::address::{AddressPolicy, Refused};
use url::{Host, Url};

use crate::base_url::BaseUrl;

/// A URL may be this long, in bytes.
const LONGEST: usize = 8 << 10;

/// An http or https URL that was given from outside: by a configuration, a message, or another server's `Location`.
///
/// Read as browsers read URLs (WHATWG), so the host that is judged is the host that is called: an IPv4 address is one
/// in every spelling (`2130706433`, `0x7f.1`, `0177.0.0.1`, `127.1`, `１２７.0.0.1`). A user name or password in it is
/// refused, since `https://good.example@evil.example` exists to deceive.
///
/// Neither `Debug` nor `Display` shows path or query, which hold keys as often as not.
///
/// ```
/// use frontdesk_api::outward::OutwardUrl;
///
/// let url: OutwardUrl = "https://Hooks.Example.com/k/s3cret?sig=1#top".parse()?;
/// assert_eq!(url.to_string(), "https://hooks.example.com");
/// assert_eq!(url.reveal(), "https://hooks.example.com/k/s3cret?sig=1");
/// assert_eq!(url.join("../x")?.reveal(), "https://hooks.example.com/x");
/// assert!("https://good.example@evil.example/".parse::<OutwardUrl>().is_err());
/// # Ok::<(), frontdesk_api::outward::OutwardUrlError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct OutwardUrl(Url);

impl OutwardUrl {
    /// Reads the URL of a webhook: https, unless `policy` allows local addresses.
    ///
    /// # Errors
    /// [`OutwardUrlError`], also for an address that is refused by its spelling alone.
    pub fn webhook(text: &str, policy: AddressPolicy) -> Result<Self, OutwardUrlError> {
        let url: Self = text.parse()?;
        if !url.is_https() && !policy.allows_local() {
            return Err(OutwardUrlError::PlainHttp);
        }
        url.check(policy)?;
        Ok(url)
    }

    /// The whole URL, without its fragment. The name is meant to be seen in review.
    #[must_use]
    pub fn reveal(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the scheme is https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The URL that a `Location` or another reference means here.
    ///
    /// # Errors
    /// As for parsing.
    pub fn join(&self, reference: &str) -> Result<Self, OutwardUrlError> {
        if reference.len() > LONGEST {
            return Err(OutwardUrlError::TooLong);
        }
        Self::checked(self.0.join(reference).map_err(|_| OutwardUrlError::NotAUrl)?)
    }

    /// The value of the first pair of that name in the query, percent-decoded; the name's case does not matter.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.0
            .query_pairs()
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.into_owned()))
    }

    /// Judges a host that is an address. A host that is a name passes: its addresses are judged when it is resolved.
    ///
    /// # Errors
    /// [`OutwardUrlError::Refused`].
    pub fn check(&self, policy: AddressPolicy) -> Result<(), OutwardUrlError> {
        let address = match self.0.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(OutwardUrlError::NotAUrl),
        };
        policy.check(address).map_err(OutwardUrlError::Refused)
    }

    /// Scheme, host and port as the base of a client.
    pub(crate) fn base(&self) -> Option<BaseUrl> {
        BaseUrl::insecure(&self.to_string()).ok()
    }

    fn checked(mut url: Url) -> Result<Self, OutwardUrlError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(OutwardUrlError::Scheme);
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(OutwardUrlError::NotAUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OutwardUrlError::UserInfo);
        }
        if url.port() == Some(0) {
            return Err(OutwardUrlError::NotAUrl);
        }
        url.set_fragment(None);
        if url.as_str().len() > LONGEST {
            return Err(OutwardUrlError::TooLong);
        }
        Ok(Self(url))
    }
}

impl FromStr for OutwardUrl {
    type Err = OutwardUrlError;

    fn from_str(text: &str) -> Result<Self, OutwardUrlError> {
        if text.len() > LONGEST {
            return Err(OutwardUrlError::TooLong);
        }
        // The parser drops control characters and turns `\` into `/`; who writes them has something in mind.
        if text.contains(|character: char| character.is_control() || character == '\\') {
            return Err(OutwardUrlError::NotAUrl);
        }
        Self::checked(Url::parse(text.trim()).map_err(|_| OutwardUrlError::NotAUrl)?)
    }
}

impl fmt::Display for OutwardUrl {
    /// Scheme, host and port.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        match self.0.port() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for OutwardUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutwardUrl({self})")
    }
}

/// Why a URL is not called. The URL is not repeated: it may hold a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutwardUrlError {
    /// Not a URL with a host.
    #[error("not a URL with a host, such as https://hooks.example.com/frontdesk")]
    NotAUrl,
    /// Longer than 8 KiB.
    #[error("the URL is longer than 8192 bytes")]
    TooLong,
    /// Another scheme than http and https.
    #[error("the URL must begin with https:// or http://")]
    Scheme,
    /// Plain http where https is asked for.
    #[error("the URL must begin with https://")]
    PlainHttp,
    /// A user name or password.
    #[error("the URL must not carry a user name or password")]
    UserInfo,
    /// An address that must not be called.
    #[error("the URL leads to {0}")]
    Refused(#[source] Refused),
}
