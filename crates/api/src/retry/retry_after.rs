//! The wait a server asks for: `Retry-After`, in every form it is seen in.
//!
//! | header | read as |
//! |---|---|
//! | `120`, ` 120 `, `007` | so many seconds |
//! | `1.5` | 1.5 s: not in the standard, but the meaning is plain, and rounding down would be early |
//! | `0`, `-1`, a date in the past | no wait |
//! | an HTTP date in any of the three forms of RFC 9110 | until then, by our clock |
//! | `99999999999`, more digits than fit | as long as that is; the deadline ends the call |
//! | twice, or `5, 10` | the longest that can be read: never earlier than asked |
//! | anything else, or nothing | not named: the ordinary back-off |

use std::time::Duration;

use frontdesk_domain::Timestamp;
use http::{HeaderMap, HeaderValue, header};

/// The longest wait that `headers` ask for; nothing where they name none.
pub(crate) fn read(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    headers.get_all(header::RETRY_AFTER).iter().filter_map(|value| read_value(value, now)).max()
}

fn read_value(value: &HeaderValue, now: Timestamp) -> Option<Duration> {
    let text = value.to_str().ok()?.trim_matches([' ', '\t']);
    if let Some(wait) = seconds(text) {
        return Some(wait);
    }
    if let Ok(date) = httpdate::parse_http_date(text) {
        return Some(Timestamp::from_system(date).since(now));
    }
    // Two headers that something on the way has joined; a date has a comma of its own and was tried above.
    text.contains(',')
        .then(|| text.split(',').map(|part| seconds(part.trim())).collect::<Option<Vec<_>>>())??
        .into_iter()
        .max()
}

fn seconds(text: &str) -> Option<Duration> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    if negative {
        return Some(Duration::ZERO);
    }
    // Only the size can fail here, and then the answer is "longer than anybody waits".
    let whole = whole.parse().unwrap_or(u64::MAX);
    let nanos: u32 = fraction
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    // What is finer than a nanosecond is rounded up.
    let finer = fraction.bytes().skip(9).any(|digit| digit != b'0');
    Some(Duration::from_secs(whole).saturating_add(Duration::from_nanos(u64::from(nanos) + u64::from(finer))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(values: &[&str]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        }
        read(&headers, "2025-03-01T10:00:00.250Z".parse().unwrap())
    }

    #[test]
    fn every_form_is_read_as_the_table_says() {
        let cases: &[(&[&str], Option<f64>)] = &[
            (&[], None),
            (&[""], None),
            (&["120"], Some(120.0)),
            (&[" 120 "], Some(120.0)),
            (&["007"], Some(7.0)),
            (&["0"], Some(0.0)),
            (&["-1"], Some(0.0)),
            (&["-0.5"], Some(0.0)),
            (&["1.5"], Some(1.5)),
            (&["1."], None),
            (&[".5"], None),
            (&["1.5.2"], None),
            (&["+5"], None),
            (&["1e3"], None),
            (&["5s"], None),
            (&["soon"], None),
            (&["99999999999"], Some(99_999_999_999.0)),
            // The three forms of RFC 9110; the date's second begins 750 ms before the clock reaches the next one.
            (&["Sat, 01 Mar 2025 10:00:30 GMT"], Some(29.75)),
            (&["Saturday, 01-Mar-25 10:00:30 GMT"], Some(29.75)),
            (&["Sat Mar  1 10:00:30 2025"], Some(29.75)),
            (&["Sat, 01 Mar 2025 09:59:30 GMT"], Some(0.0)),
            (&["Thu, 01 Jan 1970 00:00:00 GMT"], Some(0.0)),
            (&["Sat, 32 Mar 2025 10:00:30 GMT"], None),
            (&["5", "10"], Some(10.0)),
            (&["10", "5"], Some(10.0)),
            (&["soon", "5"], Some(5.0)),
            (&["5, 10"], Some(10.0)),
            (&["5, soon"], None),
            (&["1", "Sat, 01 Mar 2025 10:00:30 GMT"], Some(29.75)),
        ];
        for (values, expected) in cases {
            assert_eq!(read_all(values).map(|wait| wait.as_secs_f64()), *expected, "{values:?}");
        }
        assert_eq!(read_all(&[&"9".repeat(400)]), Some(Duration::from_secs(u64::MAX)));
        assert_eq!(read_all(&["0.0000000001"]), Some(Duration::from_nanos(1)));
    }

    proptest! {
        #[test]
        fn no_value_is_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.append(header::RETRY_AFTER, value);
                let _ = read(&headers, Timestamp::UNIX_EPOCH);
            }
        }

        #[test]
        fn seconds_are_never_shortened(whole in 0_u64..1 << 40, fraction in "[0-9]{1,12}") {
            let wait = read_all(&[&format!("{whole}.{fraction}")]).unwrap();
            let asked: f64 = format!("{whole}.{fraction}").parse().unwrap();
            prop_assert!(wait.as_secs_f64() >= asked - 1e-3 && wait.as_secs() >= whole);
        }
    }
}
