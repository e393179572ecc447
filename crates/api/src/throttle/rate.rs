//! A rate as a setting.

use std::fmt;
use std::str::FromStr;

/// Requests a second: more than 0, at most 10,000 (`--rate`).
///
/// ```
/// use frontdesk_api::Rate;
///
/// let rate: Rate = "2.5".parse()?;
/// assert_eq!(rate.to_string(), "2.5/s");
/// assert!("0".parse::<Rate>().is_err());
/// # Ok::<(), frontdesk_api::RateError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// A rate in requests a second.
    ///
    /// # Errors
    /// Unless it is more than 0 and at most 10,000.
    pub fn per_second(rate: f64) -> Result<Self, RateError> {
        // The smallest is one request in about eleven days: below that a schedule cannot be computed.
        if (1e-6..=10_000.0).contains(&rate) { Ok(Self(rate)) } else { Err(RateError) }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        Self::per_second(text.trim().parse().map_err(|_| RateError)?)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/s", self.0)
    }
}

/// A number that is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the rate must be a number of requests a second, more than 0 and at most 10000")]
pub struct RateError;
