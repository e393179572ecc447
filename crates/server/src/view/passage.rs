//! Customer text for a screen: cut into pieces, some marked, and what gives a person away masked.

use std::ops::Range;

use frontdesk_domain::fold::fold;
use frontdesk_domain::pii::{self, PiiKind, Region};
use serde::Serialize;
use utoipa::ToSchema;

/// A piece of a text. The pieces of a text in their order are the whole of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Piece {
    /// The text itself; where something is masked, its kind in brackets: `[email]`.
    pub text: String,
    /// Whether it is what was looked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mark: bool,
    /// What was masked here: `email`, `phone`, `card`, `iban`, `ssn`, `ip`, or `key` where the name of the attribute
    /// promises a personal value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub masked: Option<&'static str>,
}

/// Whether what gives a person away is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Masking {
    /// Everything the recognisers find is masked (docs/pii.md); `region` is the one whose phone numbers need no `+`.
    On {
        /// See [`frontdesk_domain::pii::find`].
        region: Option<Region>,
    },
    /// Nothing is masked: somebody may see it, said why, and it was audited.
    Off,
}

impl Default for Masking {
    fn default() -> Self {
        Self::On { region: None }
    }
}

impl Masking {
    /// A text in pieces; `marks` are ranges of bytes on borders of characters, from left to right without overlap.
    #[must_use]
    pub fn pieces(self, text: &str, marks: &[Range<usize>]) -> Vec<Piece> {
        let Self::On { region } = self else { return cut(text, marks, &[]) };
        let found: Vec<(PiiKind, Range<usize>)> =
            pii::find(text, region).map(|found| (found.kind, found.range)).collect();
        let pieces = cut(text, marks, &found);
        if found.is_empty() {
            return pieces;
        }
        // Now and then something stands alone only once its neighbour is gone.
        let shown: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        match pii::find(&shown, region).next() {
            None => pieces,
            Some(_) => vec![Piece::plain(pii::redact(text, region))],
        }
    }

    /// The same for a part that was cut out of a text, with marks in characters: a number or an address that was cut in
    /// two is not recognised any more, so what is left of one at either end is left out; of a part that is as long as parts
    /// are cut also the word there, which may be the beginning of an address.
    #[must_use]
    pub fn snippet(self, text: &str, marks: &[Range<usize>]) -> Vec<Piece> {
        let at: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let byte = |character: usize| at.get(character).copied().unwrap_or(text.len());
        let marks: Vec<Range<usize>> = marks.iter().map(|mark| byte(mark.start)..byte(mark.end)).collect();
        let whole = match self {
            Self::Off => 0..text.len(),
            Self::On { region } => sound(text, region),
        };
        let marks: Vec<Range<usize>> = marks
            .into_iter()
            .map(|mark| mark.start.max(whole.start)..mark.end.min(whole.end))
            .filter(|mark| !mark.is_empty())
            .map(|mark| mark.start - whole.start..mark.end - whole.start)
            .collect();
        let mut pieces = self.pieces(&text[whole.clone()], &marks);
        if whole.start > 0 {
            pieces.insert(0, Piece::plain("… "));
        }
        if whole.end < text.len() {
            pieces.push(Piece::plain(" …"));
        }
        pieces
    }

    /// Where a text is in what is shown of another one: [`places`] but those that touch what is masked, since a place there
    /// would tell what stands in it, a character more with each question.
    #[must_use]
    pub fn places(self, text: &str, sought: &str) -> Vec<Range<usize>> {
        let mut places = places(text, sought);
        let Self::On { region } = self else { return places };
        if places.is_empty() {
            return places;
        }
        let hidden: Vec<(PiiKind, Range<usize>)> =
            pii::find(text, region).map(|found| (found.kind, found.range)).collect();
        let shown: String = cut(text, &[], &hidden).iter().map(|piece| piece.text.as_str()).collect();
        if !hidden.is_empty() && pii::find(&shown, region).next().is_some() {
            return Vec::new();
        }
        places.retain(|place| {
            !hidden.iter().any(|(_, range)| range.start < place.end && place.start < range.end)
        });
        places
    }

    /// A short text that is no customer's own words: a name of an attribute, a state.
    #[must_use]
    pub fn label(self, text: &str) -> String {
        match self {
            Self::On { region } => pii::redact(text, region),
            Self::Off => text.to_owned(),
        }
    }

    /// The value of an attribute: masked whole where its name promises something personal.
    #[must_use]
    pub fn value(self, key: &str, value: &str) -> Vec<Piece> {
        let blocked = || pii::PiiPolicy::default().blocked_key(key).is_some();
        match self {
            Self::On { .. } if blocked() => {
                vec![Piece { text: "[masked]".to_owned(), mark: false, masked: Some("key") }]
            }
            _ => self.pieces(value, &[]),
        }
    }
}

impl Piece {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), mark: false, masked: None }
    }
}

/// Where a text is in another one without regard to case, in bytes of `text`: from left to right, without overlap.
#[must_use]
pub fn places(text: &str, sought: &str) -> Vec<Range<usize>> {
    let sought = fold(sought);
    let (wanted, folded) = (sought.chars().count(), fold(text));
    if wanted == 0 {
        return Vec::new();
    }
    // Each character is folded to one, so that the two go in step.
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let (mut byte, mut character) = (0, 0);
    folded
        .match_indices(&sought)
        .map(|(at, _)| {
            character += folded[byte..at].chars().count();
            byte = at;
            starts[character]..starts[character + wanted]
        })
        .collect()
}

/// Cuts a text at the borders of marks and of what is masked.
fn cut(text: &str, marks: &[Range<usize>], found: &[(PiiKind, Range<usize>)]) -> Vec<Piece> {
    let marked =
        |range: &Range<usize>| marks.iter().any(|mark| mark.start < range.end && range.start < mark.end);
    let mut pieces = Vec::new();
    let plain = |range: Range<usize>, pieces: &mut Vec<Piece>| {
        let mut at = range.start;
        let inside = marks.iter().filter(|mark| mark.start < range.end && range.start < mark.end);
        for mark in inside {
            let mark = mark.start.max(range.start)..mark.end.min(range.end);
            if at < mark.start {
                pieces.push(Piece::plain(&text[at..mark.start]));
            }
            pieces.push(Piece { mark: true, ..Piece::plain(&text[mark.clone()]) });
            at = mark.end;
        }
        if at < range.end {
            pieces.push(Piece::plain(&text[at..range.end]));
        }
    };
    let mut taken = 0;
    for (kind, range) in found {
        plain(taken..range.start, &mut pieces);
        let kind = kind.as_str();
        pieces.push(Piece { text: format!("[{kind}]"), mark: marked(range), masked: Some(kind) });
        taken = range.end;
    }
    plain(taken..text.len(), &mut pieces);
    pieces
}

/// Characters of the shortest part that is cut out of a longer text.
const CUT: usize = 120;

/// Bytes before the `@` of an address, at most (RFC 5321 §4.5.3.1.1).
const LONGEST: usize = 64;

/// The part of a cut text that does not begin or end in the middle of a number or of an address. What is recognised as a
/// whole one is masked anyway, and stays.
fn sound(text: &str, region: Option<Region>) -> Range<usize> {
    // What numbers are written with, and what addresses are.
    let belongs =
        |c: char| c.is_numeric() || matches!(c, '@' | '.' | '-' | '_' | '+' | '/' | ':' | '(' | ')' | ' ');
    let tells = |part: &str| part.chars().any(|c| c.is_numeric() || c == '@');
    let (mut head, mut last) = (0, text.len());
    // The run of such characters at either end, and the word there.
    for end in [text.find(|c| !belongs(c)), text.find(char::is_whitespace)] {
        let end = end.unwrap_or(text.len());
        head = if tells(&text[..end]) { head.max(end) } else { head };
    }
    let behind = |at: usize| at + text[at..].chars().next().map_or(0, char::len_utf8);
    if text.chars().nth(CUT - 1).is_some() {
        // Text without spaces has no words to leave out.
        let word = |length: usize| (1..=LONGEST).contains(&length);
        let first = text.find(char::is_whitespace).filter(|at| word(*at));
        let end = text.rfind(char::is_whitespace).filter(|at| word(text.len() - behind(*at)));
        head = head.max(first.unwrap_or(0));
        last = last.min(end.map_or(text.len(), behind));
    }
    for start in [text.rfind(|c| !belongs(c)), text.rfind(char::is_whitespace)] {
        let start = start.map_or(0, behind);
        last = if tells(&text[start..]) { last.min(start) } else { last };
    }
    for found in pii::find(text, region) {
        if found.range.start < head {
            head = if tells(&text[..found.range.start]) { found.range.start } else { 0 };
            break;
        }
    }
    if let Some(found) = pii::find(text, region).last().filter(|found| found.range.end > last) {
        last = if tells(&text[found.range.end..]) { found.range.end } else { text.len() };
    }
    if head < last { head..last } else { 0..0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[Piece]) -> String {
        let piece = |piece: &Piece| match (piece.mark, piece.masked) {
            (true, _) => format!("<{}>", piece.text),
            (false, _) => piece.text.clone(),
        };
        pieces.iter().map(piece).collect()
    }

    #[test]
    fn what_was_looked_for_is_marked_and_what_is_personal_masked() {
        let text = "call ana@example.org about the refund, Refund!";
        let marks = places(text, "REFUND");
        assert_eq!(
            shown(&Masking::default().pieces(text, &marks)),
            "call [email] about the <refund>, <Refund>!"
        );
        assert_eq!(
            shown(&Masking::Off.pieces(text, &marks)),
            "call ana@example.org about the <refund>, <Refund>!"
        );
        let marks = places(text, "example");
        assert_eq!(
            shown(&Masking::default().pieces(text, &marks)),
            "call <[email]> about the refund, Refund!"
        );
    }

    #[test]
    fn places_are_those_of_the_text_whatever_folding_does_to_its_length() {
        let text = "İİ straße ẞ";
        let found: Vec<&str> = places(text, "ß").into_iter().map(|at| &text[at]).collect();
        assert_eq!(found, ["ß", "ẞ"]);
        assert_eq!(places("aaa", "aa").len(), 1);
        assert!(places("abc", "").is_empty());
    }

    fn marks(one: Range<usize>) -> Vec<Range<usize>> {
        std::iter::once(one).collect()
    }

    #[test]
    fn half_a_number_is_not_shown() {
        for text in [
            "111 1111 1111 1111 is my card, please",
            "my card, please, is 4111 1111 1111",
            "ana@exam and the rest of it",
            "the rest of it, then ana.b@exam",
        ] {
            let shown = shown(&Masking::default().snippet(text, &[]));
            assert!(!shown.contains("11") && !shown.contains('@'), "{text}: {shown}");
            assert!(shown.contains("please") || shown.contains("rest of it"), "{text}: {shown}");
        }
        // The archive cuts after 160 characters, wherever that is.
        let long = format!("schmidt {} anna.schmi", "and so on ".repeat(15));
        let ends = shown(&Masking::default().snippet(&long, &[]));
        assert!(!ends.contains("schmi") && ends.contains("and so on"), "{ends}");
        assert!(shown(&Masking::Off.snippet(&long, &[])).contains("anna.schmi"));
        let unspaced = "\u{4f60}\u{597d}".repeat(80);
        assert_eq!(shown(&Masking::default().snippet(&unspaced, &[])), unspaced);
        let text = "no number at all";
        assert_eq!(shown(&Masking::default().snippet(text, &marks(3..9))), "no <number> at all");
        assert_eq!(shown(&Masking::default().snippet("4111", &marks(0..4))), " …");
    }

    #[test]
    fn looking_for_a_text_says_nothing_of_what_is_masked() {
        let text = "write to ana.s@example.org, ana";
        for (sought, seen) in [("ana", 1), ("ana.s", 0), ("ana.t", 0), ("to ana", 0), ("write", 1)] {
            assert_eq!(Masking::default().places(text, sought).len(), seen, "{sought}");
        }
        assert_eq!(Masking::Off.places(text, "ana").len(), 2);
        assert_eq!(Masking::default().label("metadata.ana@example.org"), "[email]");
    }

    #[test]
    fn an_attribute_whose_name_promises_a_person_is_masked_whole() {
        assert_eq!(Masking::default().value("customer_email", "x")[0].masked, Some("key"));
        assert_eq!(shown(&Masking::default().value("topic", "parcel")), "parcel");
        assert_eq!(shown(&Masking::Off.value("customer_email", "x")), "x");
    }
}
