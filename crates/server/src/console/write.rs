//! Customer text, times, sizes and counts in markup.

use maud::{Markup, html};

use crate::view::Piece;

/// A text in pieces: what was looked for is marked, what is masked says so.
pub(super) fn pieces(pieces: &[Piece]) -> Markup {
    html! {
        @for piece in pieces {
            @match (piece.mark, piece.masked) {
                (true, None) => mark { (piece.text) },
                (true, Some(kind)) => mark .masked title=(masked(kind)) { (piece.text) },
                (false, Some(kind)) => span .masked title=(masked(kind)) { (piece.text) },
                (false, None) => (piece.text),
            }
        }
    }
}

fn masked(kind: &str) -> String {
    match kind {
        "key" => "masked: the name of this attribute promises a personal value".to_owned(),
        other => format!("masked: recognised as {other}"),
    }
}

/// How a time is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Day and time.
    Full,
    /// The time alone.
    Clock,
    /// The day alone.
    Day,
}

/// A time, RFC 3339 in UTC; the script may write it as local.
pub(super) fn time(at: &str, form: Form) -> Markup {
    let day = at.split('T').next().unwrap_or(at);
    let clock = at.split('T').nth(1).map(|clock| clock.get(..8).unwrap_or(clock).trim_end_matches('Z'));
    let (name, text) = match (form, clock) {
        (Form::Full, Some(clock)) => (None, format!("{day} {clock} UTC")),
        (Form::Clock, Some(clock)) => (Some("clock"), clock.to_owned()),
        (Form::Day, _) | (_, None) => (Some("day"), day.to_owned()),
    };
    html! { time datetime=(at) data-form=[name] { (text) } }
}

/// A time that may not be known.
pub(super) fn maybe(at: Option<&str>) -> Markup {
    html! { @match at { Some(at) => (time(at, Form::Full)), None => span .quiet { "unknown" } } }
}

/// Digits in groups of three.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of bytes.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// One thing or several.
pub(super) fn several(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// The colour of a state.
pub(super) fn tone(state: &str) -> &'static str {
    match state {
        "complete" | "delivered" | "saved" | "ok" | "done" | "ended" => "badge ok",
        "provisional" | "open" | "pending" | "reachable" | "unproven" | "running" => "badge warn",
        "incomplete" | "missing" | "partial" | "damaged" | "dead" | "expired" | "refused" | "unreachable"
        | "too_large" | "failed" => "badge bad",
        _ => "badge",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        let shown: Vec<String> = [0, 12, 999, 1000, 1_234_567].into_iter().map(count).collect();
        assert_eq!(shown, ["0", "12", "999", "1,000", "1,234,567"]);
        assert_eq!([size(10), size(2048), size(7 << 20)], ["10 B", "2.0 KiB", "7.0 MiB"]);
        assert_eq!(several(1, "turn", "turns"), "1 turn");
    }

    #[test]
    fn text_is_never_markup() {
        let piece = |text: &str, mark| Piece { text: text.to_owned(), mark, masked: None };
        let hostile = "<script>alert(1)</script>\" onload=x &amp;";
        let shown = pieces(&[piece(hostile, false), piece(hostile, true)]).into_string();
        assert!(!shown.contains("<script") && shown.contains("<mark>&lt;script&gt;"), "{shown}");
        let shown = time("2025-03-01T10:00:00.5Z\"><b>", Form::Full).into_string();
        assert!(!shown.contains("<b>"), "{shown}");
        assert!(
            time("2025-03-01T10:00:00.5Z", Form::Full).into_string().contains(">2025-03-01 10:00:00 UTC<")
        );
        assert!(time("2025-03-01T10:00:07Z", Form::Clock).into_string().contains(">10:00:07<"));
    }
}
