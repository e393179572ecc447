//! RFC 3339 §5.6, read strictly: jiff's own parser also takes what RFC 9557 and ISO 8601 allow.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

use super::period::Span;
use super::{TimeError, Timestamp, YearMonth};

/// A date and a time with its offset, and nothing after it.
pub(super) fn time(text: &str) -> Result<Timestamp, TimeError> {
    let mut cursor = Cursor::new(text);
    let date = cursor.date()?;
    let time = cursor.time_of(date)?;
    cursor.end()?;
    Ok(time)
}

/// The same, or a date alone.
pub(super) fn date_or_time(text: &str) -> Result<Timestamp, TimeError> {
    let mut cursor = Cursor::new(text);
    let date = cursor.date()?;
    if cursor.rest.is_empty() {
        return Ok(Timestamp(date.at(0, 0, 0, 0)));
    }
    let time = cursor.time_of(date)?;
    cursor.end()?;
    Ok(time)
}

/// A year and a month: `2025-03`.
pub(super) fn year_month(text: &str) -> Result<YearMonth, TimeError> {
    let mut cursor = Cursor::new(text);
    let (year, month) = cursor.year_month()?;
    cursor.end()?;
    YearMonth::new(year, month.unsigned_abs()).ok_or(TimeError::NoSuch { part: "month" })
}

/// A year, a year and a month, or a date: where it begins, and how long it is.
pub(super) fn period(text: &str) -> Result<(Timestamp, Span), TimeError> {
    let mut cursor = Cursor::new(text);
    let year = cursor.number(4, "a year of four digits")?;
    let (mut month, mut day, mut span) = (1, 1, Span::Year);
    if !cursor.rest.is_empty() {
        cursor.sign(b'-', "`-` after the year")?;
        (month, span) = (cursor.pair("a month of two digits")?, Span::Month);
    }
    if !cursor.rest.is_empty() {
        cursor.sign(b'-', "`-` after the month")?;
        (day, span) = (cursor.pair("a day of two digits")?, Span::Day);
    }
    cursor.end()?;
    Ok((Timestamp(calendar(year, month, day)?.at(0, 0, 0, 0)), span))
}

/// A day of the calendar.
fn calendar(year: i16, month: i8, day: i8) -> Result<Date, TimeError> {
    if !(1..=12).contains(&month) {
        return Err(TimeError::NoSuch { part: "month" });
    }
    Date::new(year, month, day).map_err(|_| TimeError::NoSuch { part: "day" })
}

/// What is left of the text. Everything RFC 3339 allows is ASCII, so up to the first fault bytes are characters.
struct Cursor<'a> {
    rest: &'a [u8],
    whole: usize,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text.as_bytes(), whole: text.len() }
    }

    fn malformed(&self, expected: &'static str) -> TimeError {
        TimeError::Malformed { column: self.whole - self.rest.len() + 1, expected }
    }

    fn next_if(&mut self, wanted: impl Fn(u8) -> bool) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        wanted(first).then(|| {
            self.rest = rest;
            first
        })
    }

    fn sign(&mut self, sign: u8, expected: &'static str) -> Result<(), TimeError> {
        self.next_if(|byte| byte == sign).map(drop).ok_or_else(|| self.malformed(expected))
    }

    /// Exactly `count` digits.
    fn number(&mut self, count: usize, expected: &'static str) -> Result<i16, TimeError> {
        let mut value = 0;
        for _ in 0..count {
            let digit = self.next_if(|byte| byte.is_ascii_digit()).ok_or_else(|| self.malformed(expected))?;
            value = value * 10 + i16::from(digit - b'0');
        }
        Ok(value)
    }

    fn pair(&mut self, expected: &'static str) -> Result<i8, TimeError> {
        // Two digits are at most 99.
        self.number(2, expected).map(|value| value as i8)
    }

    fn year_month(&mut self) -> Result<(i16, i8), TimeError> {
        let year = self.number(4, "a year of four digits")?;
        self.sign(b'-', "`-` after the year")?;
        Ok((year, self.pair("a month of two digits")?))
    }

    fn date(&mut self) -> Result<Date, TimeError> {
        let (year, month) = self.year_month()?;
        self.sign(b'-', "`-` after the month")?;
        let day = self.pair("a day of two digits")?;
        calendar(year, month, day)
    }

    fn time_of(&mut self, date: Date) -> Result<Timestamp, TimeError> {
        self.next_if(|byte| matches!(byte, b'T' | b't'))
            .ok_or_else(|| self.malformed("`T` after the date"))?;
        let hour = self.pair("an hour of two digits")?;
        self.sign(b':', "`:` after the hour")?;
        let minute = self.pair("a minute of two digits")?;
        self.sign(b':', "`:` after the minute")?;
        let second = self.pair("a second of two digits")?;
        let nanos = self.fraction()?;
        let offset = self.offset()?;

        let no_such = |part| Err(TimeError::NoSuch { part });
        match (hour, minute, second) {
            (24.., _, _) => no_such("hour"),
            (_, 60.., _) => no_such("minute"),
            (_, _, 61..) => no_such("second"),
            (_, _, 60) => {
                let read = less(date.at(hour, minute, 59, 999_999_999), offset)?;
                if ends_a_month(read.0) { Ok(read) } else { no_such("leap second") }
            }
            _ => less(date.at(hour, minute, second, nanos), offset),
        }
    }

    /// The fraction of a second in nanoseconds, zero where there is none.
    fn fraction(&mut self) -> Result<i32, TimeError> {
        if self.next_if(|byte| byte == b'.').is_none() {
            return Ok(0);
        }
        let mut nanos = 0;
        let mut digits = 0;
        while let Some(digit) = self.next_if(|byte| byte.is_ascii_digit()) {
            digits += 1;
            if digits > 9 {
                return Err(TimeError::Malformed {
                    column: self.whole - self.rest.len(),
                    expected: "at most nine digits of a second",
                });
            }
            nanos = nanos * 10 + i32::from(digit - b'0');
        }
        if digits == 0 {
            return Err(self.malformed("a digit after `.`"));
        }
        Ok(nanos * 10_i32.pow(9 - digits))
    }

    fn offset(&mut self) -> Result<SignedDuration, TimeError> {
        const EXPECTED: &str = "`Z` or an offset like `+01:00`";
        let sign = self
            .next_if(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'))
            .ok_or_else(|| self.malformed(EXPECTED))?;
        if matches!(sign, b'Z' | b'z') {
            return Ok(SignedDuration::ZERO);
        }
        let hours = self.pair(EXPECTED)?;
        self.sign(b':', EXPECTED)?;
        let minutes = self.pair(EXPECTED)?;
        if hours > 23 || minutes > 59 {
            return Err(TimeError::NoSuch { part: "offset" });
        }
        let offset = SignedDuration::from_secs(i64::from(hours) * 3600 + i64::from(minutes) * 60);
        Ok(if sign == b'-' { -offset } else { offset })
    }

    fn end(&self) -> Result<(), TimeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed("nothing more")) }
    }
}

/// The time that reads as `local` where clocks are `offset` ahead of UTC.
fn less(local: DateTime, offset: SignedDuration) -> Result<Timestamp, TimeError> {
    if offset.is_zero() {
        return Ok(Timestamp(local));
    }
    Timestamp::from_nanos(Timestamp(local).as_nanos() - offset.as_nanos())
}

/// Whether this is in the last second of a month.
fn ends_a_month(utc: DateTime) -> bool {
    utc.day() == utc.days_in_month() && utc.hour() == 23 && utc.minute() == 59 && utc.second() == 59
}
