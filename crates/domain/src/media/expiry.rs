//! Until when a presigned link is good, as its query says it.

use std::borrow::Cow;
use std::time::Duration;

use crate::Timestamp;

/// The earliest end that the parameters name; none where they name none that can be read. Names are exact, as those
/// who sign links write them; of a parameter that stands there twice the first counts.
pub(super) fn of_query(query: &str) -> Option<Timestamp> {
    let value = |name: &str| {
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(key, value)| (decoded(key)? == name).then(|| decoded(value))?)
    };
    let expires = || epoch_seconds(&value("Expires")?);
    let amazon = || {
        let signed_at = basic_time(&value("X-Amz-Date")?)?;
        signed_at.checked_add(Duration::from_secs(value("X-Amz-Expires")?.parse().ok()?))
    };
    let azure = || loose_time(&value("se")?);
    [expires(), amazon(), azure()].into_iter().flatten().min()
}

/// Percent-decoded; `+` stays, since a time zone may be written with it. None when it is no UTF-8 then.
fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'%').then(|| hex_byte(after)).flatten();
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// `1740823200`
fn epoch_seconds(text: &str) -> Option<Timestamp> {
    let seconds: i64 = text.parse().ok()?;
    Timestamp::from_nanos(i128::from(seconds) * 1_000_000_000).ok()
}

/// `20250301T100000Z`
fn basic_time(text: &str) -> Option<Timestamp> {
    if text.len() != 16 || !text.is_ascii() {
        return None;
    }
    let part = |from: usize, to: usize| &text[from..to];
    format!(
        "{}-{}-{}{}{}:{}:{}",
        part(0, 4),
        part(4, 6),
        part(6, 8),
        part(8, 9),
        part(9, 11),
        part(11, 13),
        part(13, 16)
    )
    .parse()
    .ok()
}

/// A time, a time without seconds, or a date: the three forms a shared access signature may have.
fn loose_time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = Timestamp::from_date_or_time(text) {
        return Some(time);
    }
    let (minutes, zone) = text.split_at_checked("2025-03-01T10:00".len())?;
    format!("{minutes}:00{zone}").parse().ok()
}
