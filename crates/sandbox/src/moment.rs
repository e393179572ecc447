//! Points in time: strict RFC 3339 in, RFC 3339 with `Z` out (gateway contract, preamble).

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A point in time with nanoseconds.
///
/// Reads RFC 3339 date-times with any offset and 0 to 9 fractional digits, and nothing else: no bare
/// dates, no blank instead of the `T`. Written in UTC with `Z`.
///
/// ```
/// use frontdesk_sandbox::Moment;
/// let moment: Moment = "2025-03-01T11:00:00.120+01:00".parse()?;
/// assert_eq!(moment.to_string(), "2025-03-01T10:00:00.120Z");
/// assert!("2025-03-01".parse::<Moment>().is_err());
/// # Ok::<(), frontdesk_sandbox::MomentError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Moment(Timestamp);

impl Moment {
    /// Midnight UTC on 1 January 1970.
    pub const UNIX_EPOCH: Moment = Moment(Timestamp::UNIX_EPOCH);

    /// The moment this long after the Unix epoch; what lies past the year 9999 becomes its end.
    #[must_use]
    pub fn from_unix(since_epoch: Duration) -> Self {
        Self::UNIX_EPOCH.plus(since_epoch)
    }

    /// This moment and `duration`, at most the end of the year 9999.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let signed = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
        self.shifted(signed)
    }

    pub(crate) fn shifted(self, by: SignedDuration) -> Self {
        Self(self.0.saturating_add(by).unwrap_or(if by.is_negative() {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        }))
    }

    /// How far `self` lies after `earlier`; negative when it lies before.
    pub(crate) fn since(self, earlier: Moment) -> SignedDuration {
        self.0.duration_since(earlier.0)
    }

    /// Nanoseconds since the Unix epoch, held to what fits (the years 1677 to 2262).
    pub(crate) fn as_nanos(self) -> i64 {
        let nanos = self.0.as_nanosecond();
        i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
    }

    pub(crate) fn from_nanos(nanos: i64) -> Self {
        Self::UNIX_EPOCH.shifted(SignedDuration::from_nanos(nanos))
    }

    pub(crate) fn timestamp(self) -> Timestamp {
        self.0
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self::from_unix(after),
            Err(before) => {
                let back = SignedDuration::try_from(before.duration()).unwrap_or(SignedDuration::MAX);
                Self::UNIX_EPOCH.shifted(-back)
            }
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.subsec_nanosecond();
        if nanos % 1_000_000 == 0 && nanos != 0 {
            write!(f, "{:.3}", self.0)
        } else {
            write!(f, "{}", self.0)
        }
    }
}

/// A text that is no RFC 3339 date-time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time such as 2025-03-01T10:00:00Z")]
pub struct MomentError;

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        if !has_rfc3339_shape(text.as_bytes()) {
            return Err(MomentError);
        }
        text.parse().map(Moment).map_err(|_| MomentError)
    }
}

impl TryFrom<String> for Moment {
    type Error = MomentError;

    fn try_from(text: String) -> Result<Self, MomentError> {
        text.parse()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> String {
        moment.to_string()
    }
}

/// Whether the characters stand where RFC 3339 wants them; jiff, which takes many more forms, then
/// judges the numbers.
fn has_rfc3339_shape(text: &[u8]) -> bool {
    let Some((head, rest)) = text.split_at_checked(19) else { return false };
    if !matches(head, b"0000-00-00T00:00:00") {
        return false;
    }
    let zone = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            &fraction[digits..]
        }
        None => rest,
    };
    matches!(zone, b"Z" | b"z") || matches(zone, b"+00:00") || matches(zone, b"-00:00")
}

/// Compares with a pattern in which `0` stands for any digit and `T` for either case.
fn matches(text: &[u8], pattern: &[u8]) -> bool {
    text.len() == pattern.len()
        && text.iter().zip(pattern).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            b'T' => byte.eq_ignore_ascii_case(&b'T'),
            other => byte == other,
        })
}

/// Appends `nanos` since the Unix epoch as RFC 3339 with `Z`: no fraction, milliseconds, or all nine
/// digits. Pages are full of times, so this one is written by hand; it handles years 1677 to 2262.
pub(crate) fn write_time(out: &mut Vec<u8>, nanos: i64) {
    let seconds = nanos.div_euclid(1_000_000_000);
    let fraction = nanos.rem_euclid(1_000_000_000);
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let second = seconds.rem_euclid(86_400);
    digits(out, year, 4);
    for (separator, value) in
        [(b'-', month), (b'-', day), (b'T', second / 3_600), (b':', second / 60 % 60), (b':', second % 60)]
    {
        out.push(separator);
        digits(out, value, 2);
    }
    if fraction % 1_000_000 != 0 {
        out.push(b'.');
        digits(out, fraction, 9);
    } else if fraction != 0 {
        out.push(b'.');
        digits(out, fraction / 1_000_000, 3);
    }
    out.push(b'Z');
}

/// Days since the epoch to (year, month, day), by the well-known shift to years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

fn digits(out: &mut Vec<u8>, value: i64, width: usize) {
    let start = out.len();
    out.resize(start + width, b'0');
    let mut left = value;
    for slot in out[start..].iter_mut().rev() {
        *slot = b'0' + u8::try_from(left % 10).unwrap_or(0);
        left /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_rfc3339_and_nothing_else() {
        for good in [
            "2025-03-01T10:00:00Z",
            "2025-03-01t10:00:00z",
            "2025-03-01T10:00:00.1Z",
            "2025-03-01T10:00:00.123456789+05:30",
            "2024-02-29T23:59:59-00:00",
        ] {
            assert!(good.parse::<Moment>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "2025-03-01",
            "2025-03-01 10:00:00Z",
            "2025-03-01T10:00Z",
            "2025-03-01T10:00:00",
            "2025-03-01T10:00:00.Z",
            "2025-03-01T10:00:00.1234567890Z",
            "2025-03-01T10:00:00,1Z",
            "2025-02-29T10:00:00Z",
            "2025-13-01T10:00:00Z",
            "2025-03-01T10:00:00Z[UTC]",
            "2025-03-01T10:00:00+0100",
            "+002025-03-01T10:00:00Z",
        ] {
            assert_eq!(bad.parse::<Moment>(), Err(MomentError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_hand_written_form_is_jiffs(nanos: i64) {
            let mut out = Vec::new();
            write_time(&mut out, nanos);
            let text = String::from_utf8(out).unwrap();
            prop_assert_eq!(text.parse::<Moment>().unwrap(), Moment::from_nanos(nanos));
            let millis = nanos / 1_000_000 * 1_000_000;
            let mut out = Vec::new();
            write_time(&mut out, millis);
            prop_assert_eq!(String::from_utf8(out).unwrap(), Moment::from_nanos(millis).to_string());
        }
    }
}
