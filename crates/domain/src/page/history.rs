//! How much of a history is asked for (contract §2).

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::PageError;

/// Messages asked for per page of a history: 1 to 50, by default 50 (contract §2).
///
/// ```
/// use frontdesk_domain::HistoryPageSize;
///
/// assert_eq!(HistoryPageSize::default().get(), 50);
/// assert!(HistoryPageSize::new(0).is_err());
/// assert!(HistoryPageSize::new(51).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u8")]
pub struct HistoryPageSize(u8);

impl HistoryPageSize {
    /// The largest page the gateway allows.
    pub const MAX: Self = Self(50);

    /// A page size.
    ///
    /// # Errors
    ///
    /// [`PageError::HistorySize`] unless it is between 1 and 50.
    pub fn new(size: u64) -> Result<Self, PageError> {
        match u8::try_from(size) {
            Ok(small) if (1..=Self::MAX.0).contains(&small) => Ok(Self(small)),
            _ => Err(PageError::HistorySize(size)),
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl Default for HistoryPageSize {
    fn default() -> Self {
        Self::MAX
    }
}

impl fmt::Display for HistoryPageSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for HistoryPageSize {
    type Err = PageError;

    fn from_str(text: &str) -> Result<Self, PageError> {
        Self::new(text.parse().map_err(|_| PageError::HistoryNotANumber)?)
    }
}

impl TryFrom<u64> for HistoryPageSize {
    type Error = PageError;

    fn try_from(size: u64) -> Result<Self, PageError> {
        Self::new(size)
    }
}

impl From<HistoryPageSize> for u8 {
    fn from(size: HistoryPageSize) -> Self {
        size.0
    }
}

/// Pages taken of one history at most: 1 or more, by default 1,000 (contract §2).
///
/// ```
/// use frontdesk_domain::MaxDepth;
///
/// assert_eq!(MaxDepth::default().get(), 1_000);
/// assert!(MaxDepth::new(0).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u32")]
pub struct MaxDepth(NonZeroU32);

impl MaxDepth {
    /// A depth.
    ///
    /// # Errors
    ///
    /// [`PageError::Depth`] for 0, and for more than 4,294,967,295.
    pub fn new(pages: u64) -> Result<Self, PageError> {
        u32::try_from(pages).ok().and_then(NonZeroU32::new).map(Self).ok_or(PageError::Depth(pages))
    }

    /// The number of pages.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl Default for MaxDepth {
    fn default() -> Self {
        const PAGES: NonZeroU32 = NonZeroU32::new(1_000).expect("it is above 0");
        Self(PAGES)
    }
}

impl fmt::Display for MaxDepth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MaxDepth {
    type Err = PageError;

    fn from_str(text: &str) -> Result<Self, PageError> {
        Self::new(text.parse().map_err(|_| PageError::DepthNotANumber)?)
    }
}

impl TryFrom<u64> for MaxDepth {
    type Error = PageError;

    fn try_from(pages: u64) -> Result<Self, PageError> {
        Self::new(pages)
    }
}

impl From<MaxDepth> for u32 {
    fn from(depth: MaxDepth) -> Self {
        depth.get()
    }
}
