//! Where the API is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;

/// The origin, and perhaps a path prefix, under which every path of a contract lies (contract §1).
///
/// Given whole or made from a region; there is no default. `https` always; plain `http` for this machine only
/// (`localhost`, 127.0.0.0/8, `[::1]`), since a token would otherwise cross the network in the open. A test rig that
/// must speak plain http to another host says so with [`BaseUrl::insecure`].
///
/// ```
/// use frontdesk_api::BaseUrl;
///
/// let base: BaseUrl = "https://api.example.com/gateway/".parse()?;
/// assert_eq!(base.to_string(), "https://api.example.com/gateway");
/// assert_eq!(BaseUrl::from_region("euw1")?.to_string(), "https://api.euw1.mygenesys.com");
/// assert!("http://127.0.0.1:8080".parse::<BaseUrl>().is_ok());
/// assert!("http://api.example.com".parse::<BaseUrl>().is_err());
/// # Ok::<(), frontdesk_api::BaseUrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    scheme: Scheme,
    authority: String,
    /// Empty, or begins with a slash and does not end with one.
    prefix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl BaseUrl {
    /// `https://api.{region}.mygenesys.com`.
    ///
    /// # Errors
    /// When the region is not one or more DNS labels, such as `euw1` or `usw2.pure.cloud`.
    pub fn from_region(region: &str) -> Result<Self, BaseUrlError> {
        let is_label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if !region.split('.').all(is_label) {
            return Err(BaseUrlError::Region);
        }
        format!("https://api.{region}.mygenesys.com").parse()
    }

    /// Like parsing, but plain http is taken for any host. The token and every answer then cross the network
    /// unprotected.
    ///
    /// # Errors
    /// As for parsing, plain http aside.
    pub fn insecure(text: &str) -> Result<Self, BaseUrlError> {
        Self::read(text)
    }

    /// The login host beside an API host: the vendor's tools put `login.` in place of a leading `api.` (platform contract
    /// A.2). None where the host has no such name.
    ///
    /// ```
    /// use frontdesk_api::BaseUrl;
    ///
    /// let api: BaseUrl = "https://api.mypurecloud.de".parse()?;
    /// assert_eq!(api.login_host().map(|url| url.to_string()).as_deref(), Some("https://login.mypurecloud.de"));
    /// # Ok::<(), frontdesk_api::BaseUrlError>(())
    /// ```
    #[must_use]
    pub fn login_host(&self) -> Option<Self> {
        let rest = self.authority.strip_prefix("api.")?;
        Some(Self { scheme: self.scheme, authority: format!("login.{rest}"), prefix: String::new() })
    }

    /// Host and port as given: what requests are counted and paced by.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The URI of a path under this base. `path` begins with a slash and is percent-encoded already.
    pub(crate) fn join(&self, path: &str) -> Result<Uri, http::uri::InvalidUri> {
        Uri::try_from(format!("{self}{path}"))
    }

    fn read(text: &str) -> Result<Self, BaseUrlError> {
        let uri = Uri::try_from(text.trim()).map_err(|_| BaseUrlError::NotAUrl)?;
        let scheme = match uri.scheme_str() {
            Some("https") => Scheme::Https,
            Some("http") => Scheme::Http,
            _ => return Err(BaseUrlError::Scheme),
        };
        let authority = uri.authority().ok_or(BaseUrlError::NotAUrl)?;
        if authority.as_str().contains('@') {
            return Err(BaseUrlError::UserInfo);
        }
        // `port` is silent about a number that is no port.
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        if authority.host().is_empty() || !port.is_empty() && authority.port_u16().is_none() {
            return Err(BaseUrlError::NotAUrl);
        }
        if uri.query().is_some() || text.contains(['?', '#']) {
            return Err(BaseUrlError::Query);
        }
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { scheme, authority: authority.as_str().to_ascii_lowercase(), prefix })
    }

    fn is_this_machine(&self) -> bool {
        let host = match self.authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => &self.authority,
        };
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for BaseUrl {
    type Err = BaseUrlError;

    fn from_str(text: &str) -> Result<Self, BaseUrlError> {
        let base = Self::read(text)?;
        if base.scheme == Scheme::Http && !base.is_this_machine() {
            return Err(BaseUrlError::PlainHttp);
        }
        Ok(base)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority, self.prefix)
    }
}

/// Why a text is no base URL. The text itself is not repeated: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaseUrlError {
    /// Not a URL with a host.
    #[error("not a URL with a host, such as https://api.example.com")]
    NotAUrl,
    /// Another scheme than https or http.
    #[error("the URL must begin with https:// (http:// for this machine only)")]
    Scheme,
    /// A user name or password in the URL.
    #[error("the URL must not carry a user name or password: credentials have settings of their own")]
    UserInfo,
    /// A query or fragment.
    #[error("the URL must have neither query nor fragment")]
    Query,
    /// Plain http to another machine.
    #[error(
        "plain http is refused for another machine than this one: the token would cross the network in the open"
    )]
    PlainHttp,
    /// A region that is no host name part.
    #[error("the region must be letters, digits, hyphens and dots, such as euw1")]
    Region,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_and_what_is_refused() {
        let read = |text: &str| text.parse::<BaseUrl>().map(|base| base.to_string());
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(read("https://API.Example.com"), ok("https://api.example.com"));
        assert_eq!(read(" https://api.example.com:8443/a/b// "), ok("https://api.example.com:8443/a/b"));
        assert_eq!(read("HTTPS://api.example.com"), ok("https://api.example.com"));
        assert_eq!(read("http://localhost:1"), ok("http://localhost:1"));
        assert_eq!(read("http://127.9.9.9"), ok("http://127.9.9.9"));
        assert_eq!(read("http://[::1]:8080/"), ok("http://[::1]:8080"));
        for (text, error) in [
            ("", BaseUrlError::NotAUrl),
            ("api.example.com", BaseUrlError::Scheme),
            ("/path", BaseUrlError::Scheme),
            ("https://", BaseUrlError::NotAUrl),
            ("https://host:99999", BaseUrlError::NotAUrl),
            ("ftp://api.example.com", BaseUrlError::Scheme),
            ("file:///etc/passwd", BaseUrlError::NotAUrl),
            ("https://user:secret@api.example.com", BaseUrlError::UserInfo),
            ("https://api.example.com?x=1", BaseUrlError::Query),
            ("https://api.example.com/#x", BaseUrlError::Query),
            ("http://api.example.com", BaseUrlError::PlainHttp),
            ("http://localhost.example.com", BaseUrlError::PlainHttp),
            ("http://10.0.0.1", BaseUrlError::PlainHttp),
            ("http://[::2]", BaseUrlError::PlainHttp),
        ] {
            assert_eq!(read(text), Err(error), "{text}");
        }
        assert!(BaseUrl::insecure("http://10.0.0.1").is_ok());
    }

    #[test]
    fn a_region_cannot_name_another_host() {
        for region in ["", ".", "a..b", "-a", "evil.com/", "evil.com:1", "a@b", "a b", "evil.com#"] {
            assert_eq!(BaseUrl::from_region(region), Err(BaseUrlError::Region), "{region}");
        }
        assert!(BaseUrl::from_region("usw2.pure").is_ok());
    }
}
