//! Points in time, and the months that segments are filed under.
//!
//! Times are RFC 3339, written in UTC with `Z`; read with any offset and with 0 to 9 fractional digits (contract,
//! preamble). What RFC 3339 leaves open is decided so:
//!
//! - `t` and `z` may be lower case; a space for the `T` is refused, as are a missing offset, a comma, `24:00` and
//!   more than nine fractional digits.
//! - `-00:00` ("offset unknown") is read as UTC.
//! - A leap second is read where one can be, 23:59:60 UTC on the last day of a month, as the last nanosecond of
//!   that minute: it stays in its day, and after everything else in it.
//! - The range is what can be written back: the years 0000 to 9999 in UTC.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

use crate::Violation;

mod parse;
mod period;

pub use period::{Period, Span};

/// A point in time, exact to the nanosecond, in the years 0000 to 9999 UTC.
///
/// ```
/// use frontdesk_domain::Timestamp;
///
/// let time: Timestamp = "2025-03-01T11:00:00.120+01:00".parse()?;
/// assert_eq!(time.to_string(), "2025-03-01T10:00:00.12Z");
/// assert_eq!(time.as_micros(), 1_740_823_200_120_000);
/// # Ok::<(), frontdesk_domain::TimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
// The UTC reading, not `jiff::Timestamp`: that one ends on 9999-12-30, and `9999-12-31` is what systems send for
// "never ends".
pub struct Timestamp(DateTime);

const FIRST: DateTime = DateTime::constant(0, 1, 1, 0, 0, 0, 0);
const LAST: DateTime = DateTime::constant(9999, 12, 31, 23, 59, 59, 999_999_999);
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(EPOCH);
    /// The first point in time there is: 0000-01-01T00:00:00Z.
    pub const MIN: Self = Self(FIRST);
    /// The last point in time there is: 9999-12-31T23:59:59.999999999Z.
    pub const MAX: Self = Self(LAST);

    /// The time that many microseconds after the Unix epoch, before it when negative.
    ///
    /// # Errors
    ///
    /// [`TimeError::OutOfRange`] outside the years 0000 to 9999.
    pub fn from_micros(micros: i64) -> Result<Self, TimeError> {
        Self::from_nanos(i128::from(micros) * 1_000)
    }

    /// Microseconds after the Unix epoch; what is finer is rounded towards the past.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        // The whole range is under 3.2 * 10^17 microseconds.
        i64::try_from(self.as_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
    }

    /// The time that many nanoseconds after the Unix epoch, before it when negative.
    ///
    /// # Errors
    ///
    /// [`TimeError::OutOfRange`] outside the years 0000 to 9999.
    pub fn from_nanos(nanos: i128) -> Result<Self, TimeError> {
        if !(FIRST.duration_since(EPOCH).as_nanos()..=LAST.duration_since(EPOCH).as_nanos()).contains(&nanos)
        {
            return Err(TimeError::OutOfRange);
        }
        // Always from the epoch: jiff refuses some sums that are in range when both parts have a time of day.
        EPOCH.checked_add(SignedDuration::from_nanos_i128(nanos)).map(Self).map_err(|_| TimeError::OutOfRange)
    }

    /// Nanoseconds after the Unix epoch, negative before it.
    #[must_use]
    pub fn as_nanos(self) -> i128 {
        self.0.duration_since(EPOCH).as_nanos()
    }

    /// A reading of a system clock. One outside the years 0000 to 9999 becomes the nearest time there is.
    #[must_use]
    pub fn from_system(time: SystemTime) -> Self {
        let nanos = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => i128::try_from(after.as_nanos()).unwrap_or(i128::MAX),
            Err(before) => i128::try_from(before.duration().as_nanos()).map_or(i128::MIN, |nanos| -nanos),
        };
        Self::from_nanos(nanos).unwrap_or(if nanos < 0 { Self::MIN } else { Self::MAX })
    }

    /// Reads what is typed on a command line: a time as [`FromStr`] reads it, or a date alone, which is its midnight
    /// in UTC (contract §5).
    ///
    /// ```
    /// use frontdesk_domain::Timestamp;
    ///
    /// let midnight = Timestamp::from_date_or_time("2025-01-01")?;
    /// assert_eq!(midnight.to_string(), "2025-01-01T00:00:00Z");
    /// # Ok::<(), frontdesk_domain::TimeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TimeError`] when the text is neither.
    pub fn from_date_or_time(text: &str) -> Result<Self, TimeError> {
        parse::date_or_time(text)
    }

    /// The time `duration` later, unless that is past [`Timestamp::MAX`].
    #[must_use]
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        Self::from_nanos(self.as_nanos().checked_add(i128::try_from(duration.as_nanos()).ok()?)?).ok()
    }

    /// The time `duration` earlier, unless that is before [`Timestamp::MIN`].
    #[must_use]
    pub fn checked_sub(self, duration: Duration) -> Option<Self> {
        Self::from_nanos(self.as_nanos().checked_sub(i128::try_from(duration.as_nanos()).ok()?)?).ok()
    }

    /// How much later this is than `earlier`; zero when it is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::try_from(self.0.duration_since(earlier.0)).unwrap_or_default()
    }

    /// The month this falls in, in UTC.
    #[must_use]
    pub fn year_month(self) -> YearMonth {
        YearMonth { year: self.0.year(), month: self.0.month().unsigned_abs() }
    }

    /// Midnight of the UTC day this falls in.
    #[must_use]
    pub fn start_of_day(self) -> Self {
        Self(self.0.start_of_day())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.0;
        // Digit by digit: an answer of a search has twenty of them, and an audit entry two.
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        let mut put = |from: usize, to: usize, number: u32| {
            let mut rest = number;
            for digit in text[from..to].iter_mut().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        };
        let year = t.year().unsigned_abs();
        put(0, 4, u32::from(year));
        let parts = [t.month(), t.day(), t.hour(), t.minute(), t.second()];
        for (place, part) in [5, 8, 11, 14, 17].into_iter().zip(parts) {
            put(place, place + 2, u32::from(part.unsigned_abs()));
        }
        let nanos = t.subsec_nanosecond().unsigned_abs();
        put(20, 29, nanos);
        let mut end = if nanos == 0 { 19 } else { 29 };
        while nanos != 0 && text[end - 1] == b'0' {
            end -= 1;
        }
        text[end] = b'Z';
        let text = std::str::from_utf8(&text[..=end]).map_err(|_| fmt::Error)?;
        if t.year() < 0 {
            return write!(f, "{:04}{}", t.year(), &text[4..]);
        }
        f.write_str(text)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        parse::time(text)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

/// Why a text or a number is not a [`Timestamp`]. The text itself is not repeated: it may come from a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// The text is not written as RFC 3339 wants it.
    #[error("not a time as RFC 3339 writes it: expected {expected} at column {column}")]
    Malformed {
        /// Where, in characters, from 1.
        column: usize,
        /// What should have stood there.
        expected: &'static str,
    },
    /// Well written, but there is no such time: a month 13, a 30th of February, a leap second at noon.
    #[error("there is no such {part}")]
    NoSuch {
        /// The part that does not exist.
        part: &'static str,
    },
    /// Before the year 0000 or after the year 9999, in UTC.
    #[error("outside the years 0000 to 9999")]
    OutOfRange,
}

impl TimeError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "write a time like 2025-03-01T10:00:00Z, or with an offset like 2025-03-01T11:00:00+01:00"
    }
}

impl From<TimeError> for Violation {
    fn from(error: TimeError) -> Self {
        let rule = match error {
            TimeError::Malformed { .. } => "time.format",
            TimeError::NoSuch { .. } => "time.exists",
            TimeError::OutOfRange => "time.range",
        };
        Self::new("", rule, error.to_string())
    }
}

/// A month of a year, as segments are filed under: `2025-03`.
///
/// ```
/// use frontdesk_domain::YearMonth;
///
/// let month: YearMonth = "2025-03".parse()?;
/// assert_eq!((month.year(), month.month()), (2025, 3));
/// assert_eq!(month.to_string(), "2025-03");
/// # Ok::<(), frontdesk_domain::TimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct YearMonth {
    year: i16,
    month: u8,
}

impl YearMonth {
    /// A month; none outside the years 0000 to 9999 and the months 1 to 12.
    #[must_use]
    pub fn new(year: i16, month: u8) -> Option<Self> {
        ((0..=9999).contains(&year) && (1..=12).contains(&month)).then_some(Self { year, month })
    }

    /// The year, 0 to 9999.
    #[must_use]
    pub fn year(self) -> i16 {
        self.year
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }
}

impl fmt::Display for YearMonth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl FromStr for YearMonth {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        parse::year_month(text)
    }
}

impl TryFrom<String> for YearMonth {
    type Error = TimeError;

    fn try_from(text: String) -> Result<Self, TimeError> {
        text.parse()
    }
}

impl From<YearMonth> for String {
    fn from(month: YearMonth) -> Self {
        month.to_string()
    }
}
