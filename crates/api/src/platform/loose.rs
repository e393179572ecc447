//! JSON as a value, where not all of it fits into one.
//!
//! A text may hold half of a surrogate pair, and a number may be larger than any machine's: both are JSON, and neither is a
//! reason to know nothing of the conversation they stand in. What is kept is kept as it came; this is for looking into it.

use frontdesk_domain::json::compact;
use serde_json::Value;
use serde_json::error::Category;

/// Reads JSON; half of a surrogate pair is U+FFFD, and a number that no `f64` holds is null.
///
/// # Errors
/// When it is no JSON, or is nested deeper than a value may be.
pub(super) fn value(bytes: &[u8]) -> Result<Value, serde_json::Error> {
    let failed = match serde_json::from_slice(bytes) {
        Err(failed) if failed.classify() == Category::Syntax => failed,
        other => return other,
    };
    match compact(bytes) {
        Ok(json) => serde_json::from_slice(&fitting(&json)),
        Err(_) => Err(failed),
    }
}

/// JSON without white space between its tokens, with what does not fit replaced.
fn fitting(json: &[u8]) -> Vec<u8> {
    let mut fitting = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some(first) = rest.first() {
        let length = match first {
            b'"' => string_length(rest),
            b'-' | b'0'..=b'9' => {
                rest.iter().position(|byte| matches!(byte, b',' | b']' | b'}')).unwrap_or(rest.len())
            }
            _ => 1,
        };
        let (token, behind) = rest.split_at(length);
        match first {
            b'"' => whole_pairs(token, &mut fitting),
            b'-' | b'0'..=b'9' if !is_finite(token) => fitting.extend_from_slice(b"null"),
            _ => fitting.extend_from_slice(token),
        }
        rest = behind;
    }
    fitting
}

/// How long the string is that begins here, quotes included.
fn string_length(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'"' => return at + 1,
            b'\\' => 2,
            _ => 1,
        };
    }
    bytes.len()
}

fn is_finite(number: &[u8]) -> bool {
    let number = std::str::from_utf8(number).ok().and_then(|text| text.parse::<f64>().ok());
    number.is_some_and(f64::is_finite)
}

/// Adds a string, with U+FFFD for each half of a surrogate pair.
fn whole_pairs(string: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(byte) = string.get(at) {
        let length = match unit(string, at) {
            Some(0xD800..=0xDBFF) if matches!(unit(string, at + 6), Some(0xDC00..=0xDFFF)) => 12,
            Some(0xD800..=0xDFFF) => {
                out.extend_from_slice(b"\\ufffd");
                at += 6;
                continue;
            }
            Some(_) => 6,
            None if *byte == b'\\' => 2,
            None => 1,
        };
        let end = (at + length).min(string.len());
        out.extend_from_slice(&string[at..end]);
        at = end;
    }
}

/// The UTF-16 unit that is written by the escape which begins here, if one does.
fn unit(string: &[u8], at: usize) -> Option<u16> {
    let digits = string.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_fit_is_replaced_and_the_rest_is_as_it_was() {
        for (text, expected) in [
            (
                r#"{"a":"\\uD800 \uD83D\uDE00 \"\ud800","b":[-1e9999, 7, 1e400],"c":true}"#,
                json!({"a": "\\uD800 \u{1F600} \"\u{FFFD}", "b": [null, 7, null], "c": true}),
            ),
            (r#"{"\uDFAA":"\uDC00\uD800","n":1E400}"#, json!({"\u{FFFD}": "\u{FFFD}\u{FFFD}", "n": null})),
            (r#""\ud800\u0041\ud800""#, json!("\u{FFFD}A\u{FFFD}")),
            (" 1e999 ", json!(null)),
        ] {
            assert_eq!(value(text.as_bytes()).unwrap(), expected, "{text}");
        }
        for text in [r#"{"a":"\uD800"#, r#"{"a":1e9999,}"#, "[1e999", "\"\\ud80", "1e999 1", ""] {
            assert!(value(text.as_bytes()).is_err(), "{text}");
        }
    }
}
