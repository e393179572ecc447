//! Years, months and days, as people name them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{TimeError, Timestamp, YearMonth, parse};

/// How long a [`Period`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// A calendar year.
    Year,
    /// A calendar month.
    Month,
    /// A day.
    Day,
}

/// A year, a month or a day in UTC: `2025`, `2025-03`, `2025-03-14`.
///
/// Of one span they are in the order of time.
///
/// ```
/// use frontdesk_domain::Timestamp;
/// use frontdesk_domain::time::{Period, Span};
///
/// let month: Period = "2025-12".parse()?;
/// assert_eq!(month.start().to_string(), "2025-12-01T00:00:00Z");
/// assert_eq!(month.end(), Some("2026-01-01T00:00:00Z".parse()?));
///
/// let time: Timestamp = "2025-03-14T15:09:26Z".parse()?;
/// assert_eq!(Period::of(time, Span::Day).to_string(), "2025-03-14");
/// # Ok::<(), frontdesk_domain::TimeError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    start: Timestamp,
    span: Span,
}

impl Period {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// The period of this length that a time falls in.
    #[must_use]
    pub fn of(time: Timestamp, span: Span) -> Self {
        let YearMonth { year, month } = time.year_month();
        let start = match span {
            Span::Year => first_of(year, 1),
            Span::Month => first_of(year, month),
            Span::Day => None,
        };
        Self { start: start.unwrap_or_else(|| time.start_of_day()), span }
    }

    /// How long it is.
    #[must_use]
    pub fn span(self) -> Span {
        self.span
    }

    /// Its first moment.
    #[must_use]
    pub fn start(self) -> Timestamp {
        self.start
    }

    /// The first moment after it; `None` where time ends with it.
    #[must_use]
    pub fn end(self) -> Option<Timestamp> {
        let YearMonth { year, month } = self.start.year_month();
        match (self.span, month) {
            (Span::Day, _) => self.start.checked_add(Self::DAY),
            (Span::Year, _) | (Span::Month, 12) => first_of(year + 1, 1),
            (Span::Month, _) => first_of(year, month + 1),
        }
    }

    /// The longer period it is part of, or itself.
    #[must_use]
    pub fn within(self, span: Span) -> Self {
        if span < self.span { Self::of(self.start, span) } else { self }
    }
}

/// Midnight of the first day of a month.
fn first_of(year: i16, month: u8) -> Option<Timestamp> {
    Timestamp::from_date_or_time(&format!("{}-01", YearMonth::new(year, month)?)).ok()
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = match self.span {
            Span::Year => "2025".len(),
            Span::Month => "2025-03".len(),
            Span::Day => "2025-03-14".len(),
        };
        f.write_str(&self.start.to_string()[..length])
    }
}

impl FromStr for Period {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        parse::period(text).map(|(start, span)| Self { start, span })
    }
}
