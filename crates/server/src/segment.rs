//! An id as a part of a path, in a form that every client leaves as it is.
//!
//! Browsers, and many other clients, take `.` and `..` out of a path before they send it, percent-encoded or not. So
//! such an id gets a `=` in front, and so does one that is so written already: `=..` is `..`, and `==..` is `=..`.

use crate::params::encoded;

/// The id as it stands in a path, percent-encoded, slashes too.
pub(crate) fn segment(id: &str) -> String {
    let mark = if is_dots(id.trim_start_matches('=')) { "=" } else { "" };
    format!("{mark}{}", encoded(id))
}

/// The id that stands in a path, whose percent-encoding is undone already.
pub(crate) fn of_segment(text: &str) -> &str {
    match text.strip_prefix('=') {
        Some(id) if is_dots(id.trim_start_matches('=')) => id,
        _ => text,
    }
}

fn is_dots(text: &str) -> bool {
    matches!(text, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_a_segment_of_its_own_and_none_is_dots() {
        let ids = [".", "..", "=.", "=..", "==..", "...", "=", "==", "=a", "a=..", "%2e", "a/b", "c-1"];
        let mut seen = std::collections::BTreeSet::new();
        for id in ids {
            let segment = segment(id);
            let lower = segment.to_lowercase().replace("%2e", ".");
            assert!(lower != "." && lower != "..", "{id}: {segment}");
            let text = crate::term::decoded(&segment).unwrap();
            assert_eq!(of_segment(std::str::from_utf8(&text).unwrap()), id);
            assert!(seen.insert(segment), "{id}");
        }
        assert_eq!((segment(".."), segment("c-1"), of_segment("..")), ("=..".into(), "c-1".into(), ".."));
    }
}
