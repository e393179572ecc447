//! The files that go with messages (contract §2, media): which links may be asked for, until when they are good, and
//! what became of them.
//!
//! A link is often presigned: whoever has it has the file. So neither it nor its query is ever in an error, a log or a
//! `Debug`.
//!
//! ```
//! use frontdesk_domain::media::MediaUrl;
//!
//! let url = MediaUrl::new("https://files.example/x.png?Expires=1740823200")?;
//! assert_eq!(url.expires_at().unwrap().to_string(), "2025-03-01T10:00:00Z");
//! assert_eq!(url.host(), "files.example");
//! assert!(MediaUrl::new("ftp://files.example/x.png").is_err());
//! # Ok::<(), frontdesk_domain::media::MediaUrlError>(())
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

mod expiry;
mod listing;

pub use listing::{MediaEntry, MediaFile, MediaHash, MediaHashError, MediaListing, media_files};

/// A link that may be asked for: absolute, over `http` or `https`, with a host, without control characters, spaces or
/// backslashes, at most 8,192 bytes.
///
/// Whether its address may be connected to is looked at when it is resolved, not here.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MediaUrl(String);

impl MediaUrl {
    /// The longest link, in bytes.
    pub const MAX_BYTES: usize = 8_192;

    /// A link.
    ///
    /// # Errors
    ///
    /// [`MediaUrlError`] says which rule it breaks, and never repeats it.
    pub fn new(url: impl Into<String>) -> Result<Self, MediaUrlError> {
        let url = url.into();
        if url.len() > Self::MAX_BYTES {
            return Err(MediaUrlError::TooLong { bytes: url.len() });
        }
        if url
            .chars()
            .any(|character| character.is_control() || character.is_whitespace() || character == '\\')
        {
            return Err(MediaUrlError::Characters);
        }
        let (scheme, rest) = url.split_once(':').ok_or(MediaUrlError::Scheme)?;
        if !["http", "https"].iter().any(|allowed| scheme.eq_ignore_ascii_case(allowed)) {
            return Err(MediaUrlError::Scheme);
        }
        let authority = authority(rest).ok_or(MediaUrlError::NoHost)?;
        if authority.contains('@') {
            return Err(MediaUrlError::Credentials);
        }
        if host_of(authority).is_empty() {
            return Err(MediaUrlError::NoHost);
        }
        Ok(Self(url))
    }

    /// The link as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host it names, without its port: what may be shown of it.
    #[must_use]
    pub fn host(&self) -> &str {
        let authority = self.0.split_once(':').and_then(|(_, rest)| authority(rest));
        host_of(authority.unwrap_or_default())
    }

    /// Whether it is encrypted on the way.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }

    /// Until when the link is good, where its query says so: `Expires` (seconds since 1970), `X-Amz-Date` together with
    /// `X-Amz-Expires` (seconds after it), or `se` (a time). Of several the earliest.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        let (url, _) = self.0.split_once('#').unwrap_or((&self.0, ""));
        expiry::of_query(url.split_once('?')?.1)
    }
}

impl fmt::Debug for MediaUrl {
    /// Host and length; the rest may be a signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MediaUrl({:?}, {} bytes)", self.host(), self.0.len())
    }
}

/// What stands between `//` and the path.
fn authority(rest: &str) -> Option<&str> {
    let rest = rest.strip_prefix("//")?;
    Some(rest.split(['/', '?', '#']).next().unwrap_or(rest))
}

/// The host of an authority: an IPv6 address with its brackets.
fn host_of(authority: &str) -> &str {
    match authority.find(']') {
        Some(end) => &authority[..=end],
        None => authority.split(':').next().unwrap_or(authority),
    }
}

/// Why a link is not asked for. The link itself is not repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MediaUrlError {
    /// It is longer than 8,192 bytes.
    #[error("the link is {bytes} bytes long, and 8192 are allowed")]
    TooLong {
        /// How long it is, in bytes.
        bytes: usize,
    },
    /// It holds a control character, a space, or a backslash, which some readers take for a slash.
    #[error("the link holds a control character, a space or a backslash")]
    Characters,
    /// It does not begin with `http:` or `https:`.
    #[error("the link is neither http nor https")]
    Scheme,
    /// It carries a user name: a way to write one host and mean another.
    #[error("the link carries a user name")]
    Credentials,
    /// It names no host.
    #[error("the link names no host")]
    NoHost,
}

/// What became of a media link (contract §2).
///
/// ```
/// use frontdesk_domain::media::MediaState;
///
/// let expired_at = "2025-03-01T10:00:00Z".parse()?;
/// let now = "2025-03-01T11:00:00Z".parse()?;
/// assert_eq!(MediaState::Unreachable.at(Some(expired_at), now), MediaState::Expired);
/// assert_eq!(MediaState::Reachable.at(Some(expired_at), now), MediaState::Reachable);
/// # Ok::<(), frontdesk_domain::TimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaState {
    /// Its bytes are stored.
    Saved,
    /// It answers; the bytes were not asked for.
    Reachable,
    /// It does not answer any more, and its query says that its time is over.
    Expired,
    /// It was not asked: the link, or the address behind it, is not allowed.
    Refused,
    /// It answers with more bytes than are stored.
    TooLarge,
    /// It does not answer as it should.
    Unreachable,
}

impl MediaState {
    /// Every state, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::Saved, Self::Reachable, Self::Expired, Self::Refused, Self::TooLarge, Self::Unreachable];

    /// What was seen, judged by the expiry its link shows: what is unreachable after it is expired. A link that still
    /// answers is not, whatever it says.
    #[must_use]
    pub fn at(self, expires_at: Option<Timestamp>, now: Timestamp) -> Self {
        match (self, expires_at) {
            (Self::Unreachable, Some(end)) if end <= now => Self::Expired,
            _ => self,
        }
    }

    /// Its name, as reports write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Reachable => "reachable",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::TooLarge => "too_large",
            Self::Unreachable => "unreachable",
        }
    }
}

impl fmt::Display for MediaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
