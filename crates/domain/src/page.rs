//! Pages of a listing: how much to ask for, and where to go on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Violation;

mod history;

pub use history::{HistoryPageSize, MaxDepth};

/// Conversations asked for per page: 1 to 10,000, by default 500 (contract §5).
///
/// ```
/// use frontdesk_domain::PageSize;
///
/// assert_eq!(PageSize::default().get(), 500);
/// assert!(PageSize::new(10_000).is_ok());
/// assert!(PageSize::new(10_001).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u16")]
pub struct PageSize(u16);

impl PageSize {
    /// The smallest page there is: one conversation.
    pub const MIN: Self = Self(1);
    /// The largest page the query allows.
    pub const MAX: Self = Self(10_000);

    /// A page size.
    ///
    /// # Errors
    ///
    /// [`PageError::Size`] unless it is between 1 and 10,000.
    pub fn new(size: u64) -> Result<Self, PageError> {
        match u16::try_from(size) {
            Ok(small) if (Self::MIN.0..=Self::MAX.0).contains(&small) => Ok(Self(small)),
            _ => Err(PageError::Size(size)),
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(500)
    }
}

impl fmt::Display for PageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PageSize {
    type Err = PageError;

    fn from_str(text: &str) -> Result<Self, PageError> {
        Self::new(text.parse().map_err(|_| PageError::NotANumber)?)
    }
}

impl TryFrom<u64> for PageSize {
    type Error = PageError;

    fn try_from(size: u64) -> Result<Self, PageError> {
        Self::new(size)
    }
}

impl From<PageSize> for u16 {
    fn from(size: PageSize) -> Self {
        size.0
    }
}

/// Where a listing goes on. Opaque: it is handed back as it came and never looked into.
///
/// A token may carry what the server put into it, so `Debug` shows its first characters and its length only.
///
/// ```
/// use frontdesk_domain::PageToken;
///
/// let token = PageToken::new("eyJwYWdlIjoyLCJzaXplIjo1MDB9")?;
/// assert_eq!(format!("{token:?}"), r#"PageToken("eyJwYW…", 28 bytes)"#);
/// assert_eq!(token.as_str().len(), 28);
/// # Ok::<(), frontdesk_domain::PageError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PageToken(String);

impl PageToken {
    /// A token.
    ///
    /// # Errors
    ///
    /// [`PageError::EmptyToken`]: an empty token ends a listing (contract §2), it does not continue one.
    pub fn new(token: impl Into<String>) -> Result<Self, PageError> {
        let token = token.into();
        if token.is_empty() { Err(PageError::EmptyToken) } else { Ok(Self(token)) }
    }

    /// The token as it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix: String = self.0.chars().take(6).collect();
        let more = if prefix.len() < self.0.len() { "…" } else { "" };
        write!(f, "PageToken(\"{}{more}\", {} bytes)", prefix.escape_debug(), self.0.len())
    }
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PageToken {
    type Err = PageError;

    fn from_str(text: &str) -> Result<Self, PageError> {
        Self::new(text)
    }
}

impl TryFrom<String> for PageToken {
    type Error = PageError;

    fn try_from(token: String) -> Result<Self, PageError> {
        Self::new(token)
    }
}

impl From<PageToken> for String {
    fn from(token: PageToken) -> Self {
        token.0
    }
}

/// Why a page cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The size is not between 1 and 10,000.
    #[error("a page of {0} conversations cannot be asked for: the size is between 1 and 10000")]
    Size(u64),
    /// The size is not between 1 and 50, which is what the gateway allows for a history.
    #[error("a page of {0} messages cannot be asked for: the size is between 1 and 50")]
    HistorySize(u64),
    /// The size is not written as a whole number.
    #[error("the page size is not a whole number between 1 and 10000")]
    NotANumber,
    /// The size is not written as a whole number.
    #[error("the page size is not a whole number between 1 and 50")]
    HistoryNotANumber,
    /// Not even one page, or more than can be counted.
    #[error("a depth of {0} pages is none: it is between 1 and 4294967295")]
    Depth(u64),
    /// The depth is not written as a whole number.
    #[error("the depth is not a whole number of pages, 1 or more")]
    DepthNotANumber,
    /// The token is empty.
    #[error("the page token is empty")]
    EmptyToken,
}

impl From<PageError> for Violation {
    fn from(error: PageError) -> Self {
        let rule = match error {
            PageError::Size(_) | PageError::HistorySize(_) => "page_size.range",
            PageError::NotANumber | PageError::HistoryNotANumber => "page_size.number",
            PageError::Depth(_) => "max_depth.range",
            PageError::DepthNotANumber => "max_depth.number",
            PageError::EmptyToken => "page_token.empty",
        };
        Self::new("", rule, error.to_string())
    }
}
