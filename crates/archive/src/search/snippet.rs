//! A little of the transcript around a hit.

use std::ops::Range;

/// Characters of a snippet, the hit included.
const CHARACTERS: usize = 160;

/// About [`CHARACTERS`] characters of `text` around `hit`, which keeps all of a hit that is no longer than that.
pub(super) fn around(text: &str, hit: Range<usize>) -> &str {
    let within = text.get(hit.clone()).map_or(0, |hit| hit.chars().count()).min(CHARACTERS);
    let spare = CHARACTERS - within;
    let before = text.get(..hit.start).unwrap_or("");
    let lead = before.chars().count().min(spare / 2);
    let start = before.char_indices().rev().take(lead).last().map_or(hit.start, |(at, _)| at);
    let rest = text.get(start..).unwrap_or("");
    let end = rest.char_indices().nth(CHARACTERS).map_or(rest.len(), |(at, _)| at);
    &rest[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_text_is_its_own_snippet() {
        assert_eq!(around("guest: hello", 7..12), "guest: hello");
        assert_eq!(around("", 0..0), "");
    }

    proptest! {
        #[test]
        fn a_snippet_holds_the_hit_and_is_not_long(before in ".{0,300}", hit in ".{1,160}", after in ".{0,300}") {
            let text = format!("{before}{hit}{after}");
            let snippet = around(&text, before.len()..before.len() + hit.len());
            prop_assert!(snippet.contains(&hit));
            prop_assert!(snippet.chars().count() <= CHARACTERS);
            prop_assert!(text.contains(snippet));
        }
    }
}
