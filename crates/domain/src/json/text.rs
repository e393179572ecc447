//! Strings, read.

use std::borrow::Cow;

/// The text of a JSON string, quotes included; borrowed where nothing is escaped. A lone surrogate becomes U+FFFD.
///
/// None when the bytes are not one JSON string.
///
/// ```
/// use frontdesk_domain::json::text;
///
/// assert_eq!(text(br#""caf\u00e9""#).as_deref(), Some("café"));
/// assert_eq!(text(br#""\ud83d\ude00 \ud83d""#).as_deref(), Some("😀 \u{FFFD}"));
/// assert_eq!(text(b"17"), None);
/// ```
#[must_use]
pub fn text(token: &[u8]) -> Option<Cow<'_, str>> {
    body_text(body_of(token)?).map(|(text, _)| text)
}

/// The same, for a string that must be whole.
///
/// # Errors
///
/// [`TextFault`] for anything but a string, and for a string with a lone surrogate.
pub(crate) fn whole_text(token: &[u8]) -> Result<Cow<'_, str>, TextFault> {
    match body_of(token).and_then(body_text) {
        None => Err(TextFault::NotText),
        Some((_, false)) => Err(TextFault::LoneSurrogate),
        Some((text, true)) => Ok(text),
    }
}

/// Why there is no whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextFault {
    NotText,
    LoneSurrogate,
}

/// What `read` makes of a key, given without its quotes, once its escapes are resolved.
#[inline]
pub(crate) fn with_key<T>(key: &[u8], read: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
    if key.contains(&b'\\') { read(body_text(key)?.0.as_bytes()) } else { read(key) }
}

/// Whether a key, given without its quotes, is `name`, however it is escaped.
#[inline]
pub(crate) fn is_key(key: &[u8], name: &[u8]) -> bool {
    // An escape is always longer than what it stands for.
    key == name || key.len() > name.len() && with_key(key, |key| (key == name).then_some(())).is_some()
}

/// Appends the text of a JSON string that the machine has read, quotes included.
pub(crate) fn append_text(token: &[u8], out: &mut String) {
    // Anything else would be appended up to where it stops being a string; the machine has seen to that.
    if let Some(body) = body_of(token).and_then(|body| std::str::from_utf8(body).ok()) {
        append_body(body, out);
    }
}

fn body_of(token: &[u8]) -> Option<&[u8]> {
    token.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

/// The text that stands between quotes, and whether it is whole.
fn body_text(body: &[u8]) -> Option<(Cow<'_, str>, bool)> {
    let body = std::str::from_utf8(body).ok()?;
    if !body.contains('\\') {
        return Some((Cow::Borrowed(body), true));
    }
    let mut out = String::with_capacity(body.len());
    let whole = append_body(body, &mut out)?;
    Some((Cow::Owned(out), whole))
}

/// Appends the text that stands between quotes, and says whether it is whole: without a lone surrogate.
fn append_body(mut body: &str, out: &mut String) -> Option<bool> {
    let mut whole = true;
    while let Some(at) = body.find('\\') {
        out.push_str(&body[..at]);
        let (character, rest) = escape(&body[at + 1..])?;
        whole &= character.is_some();
        out.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        body = rest;
    }
    out.push_str(body);
    Some(whole)
}

/// The character written by the escape whose backslash is before `rest`, none for a lone surrogate; and what follows.
fn escape(rest: &str) -> Option<(Option<char>, &str)> {
    let mut characters = rest.chars();
    let code = characters.next()?;
    let after = characters.as_str();
    let character = match code {
        '"' | '\\' | '/' => code,
        'b' => '\u{8}',
        'f' => '\u{C}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let (unit, after) = code_unit(after)?;
            // A high surrogate counts together with the low one right after it; alone it is no character.
            if (0xD800..0xDC00).contains(&unit)
                && let Some(second) = after.strip_prefix("\\u")
                && let Some((low, after)) = code_unit(second)
                && (0xDC00..0xE000).contains(&low)
            {
                let code = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                return Some((char::from_u32(code), after));
            }
            return Some((char::from_u32(unit), after));
        }
        _ => return None,
    };
    Some((Some(character), after))
}

/// Four hexadecimal digits.
fn code_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, after) = text.split_at_checked(4)?;
    let mut value = 0;
    for digit in digits.chars() {
        value = value * 16 + digit.to_digit(16)?;
    }
    Some((value, after))
}
