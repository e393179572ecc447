//! A little of the transcript around what was looked for.

use std::ops::Range;

/// Characters of a snippet, the hits included.
const CHARACTERS: usize = 160;

/// A part of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Snippet {
    pub(super) text: String,
    /// Where what was looked for is in it, in characters: from left to right, without overlap.
    pub(super) marks: Vec<Range<usize>>,
}

/// About [`CHARACTERS`] characters of `text`: those with the most different terms in them, then the most places, then the
/// first. `places` says for each term where it is in `folded`, which has a character for each of `text`. A place that is
/// no longer than a snippet is kept whole.
pub(super) fn around(text: &str, folded: &str, places: &[Vec<Range<usize>>]) -> Snippet {
    let places = in_characters(folded, places);
    let chosen = densest(&places);
    let (first, last) = chosen.unwrap_or((0, 0));
    let spare = CHARACTERS - (last - first).min(CHARACTERS);
    let start = first - first.min(spare / 2);
    let mut borders = text.char_indices().map(|(at, _)| at).chain([text.len()]).skip(start);
    let from = borders.next().unwrap_or(text.len());
    let to = borders.take(CHARACTERS).last().unwrap_or(from);
    let end = start + CHARACTERS;
    let mut marks: Vec<Range<usize>> = Vec::new();
    for place in places.iter().filter(|place| place.at.start < end && place.at.end > start) {
        let mark = place.at.start.max(start) - start..place.at.end.min(end) - start;
        match marks.last_mut() {
            Some(last) if mark.start < last.end => last.end = last.end.max(mark.end),
            _ => marks.push(mark),
        }
    }
    Snippet { text: text[from..to].to_owned(), marks }
}

/// Where a term is, in characters.
#[derive(Debug)]
struct Place {
    at: Range<usize>,
    term: usize,
}

/// All places from left to right, in characters instead of bytes.
fn in_characters(folded: &str, places: &[Vec<Range<usize>>]) -> Vec<Place> {
    let terms = places.iter().enumerate();
    let mut all: Vec<Place> = terms
        .flat_map(|(term, places)| places.iter().map(move |at| Place { at: at.clone(), term }))
        .collect();
    all.sort_by_key(|place| (place.at.start, place.at.end));
    let (mut byte, mut character) = (0, 0);
    for place in &mut all {
        character += folded[byte..place.at.start].chars().count();
        byte = place.at.start;
        let length = folded[place.at.clone()].chars().count();
        place.at = character..character + length;
    }
    all
}

/// Where the first and the last place of the best window begin and end.
fn densest(places: &[Place]) -> Option<(usize, usize)> {
    let terms = places.iter().map(|place| place.term + 1).max()?;
    let mut inside = vec![0_usize; terms];
    let (mut different, mut end) = (0, 0);
    let mut best = None;
    for (first, place) in places.iter().enumerate() {
        while let Some(next) = places.get(end) {
            if end > first && next.at.end.saturating_sub(place.at.start) > CHARACTERS {
                break;
            }
            different += usize::from(inside[next.term] == 0);
            inside[next.term] += 1;
            end += 1;
        }
        let worth = (different, end - first);
        if best.is_none_or(|(before, _, _)| worth > before) {
            best = Some((worth, first, end));
        }
        inside[place.term] -= 1;
        different -= usize::from(inside[place.term] == 0);
    }
    let (_, first, end) = best?;
    let last = places[first..end].iter().map(|place| place.at.end).max()?;
    Some((places[first].at.start, last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use frontdesk_domain::fold::{Needle, fold};
    use proptest::prelude::*;

    fn of(text: &str, terms: &[&str]) -> Snippet {
        let folded = fold(text);
        let places: Vec<_> = terms
            .iter()
            .map(|term| Needle::new(term).unwrap().find_in_folded(&folded).collect::<Vec<_>>())
            .collect();
        around(text, &folded, &places)
    }

    #[test]
    fn a_short_text_is_its_own_snippet() {
        let snippet = of("guest: Hello, hello", &["hello", "lo, h"]);
        assert_eq!(snippet.text, "guest: Hello, hello");
        assert_eq!((snippet.marks.len(), snippet.marks[0].clone()), (1, 7..19));
        assert_eq!(of("", &["x"]), Snippet::default());
        assert_eq!(of("none", &["x"]), Snippet { text: "none".to_owned(), marks: vec![] });
    }

    #[test]
    fn the_window_with_most_terms_is_shown() {
        let far = "x ".repeat(200);
        let text = format!("İ one one one {far}ONE or twö {far}two");
        let snippet = of(&text, &["one", "twÖ"]);
        assert_eq!(snippet.text.chars().count(), CHARACTERS);
        let marked: Vec<String> = snippet
            .marks
            .iter()
            .map(|mark| snippet.text.chars().take(mark.end).skip(mark.start).collect())
            .collect();
        assert_eq!(marked, ["ONE", "twö"]);
    }

    proptest! {
        #[test]
        fn a_snippet_holds_the_hit_and_is_not_long(before in ".{0,300}", hit in ".{1,160}", after in ".{0,300}") {
            let text = format!("{before}{hit}{after}");
            let (folded, start) = (fold(&text), fold(&before).len());
            let place: Vec<_> = std::iter::once(start..start + fold(&hit).len()).collect();
            let snippet = around(&text, &folded, &[place]);
            prop_assert!(snippet.text.contains(&hit));
            prop_assert!(snippet.text.chars().count() <= CHARACTERS);
            prop_assert!(text.contains(&snippet.text));
            let [mark] = &snippet.marks[..] else { panic!("{snippet:?}") };
            let marked: String = snippet.text.chars().take(mark.end).skip(mark.start).collect();
            prop_assert_eq!(marked, hit);
        }
    }
}
