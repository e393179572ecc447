//! Containment that ignores case, as the documents define it.
//!
//! Each character is folded on its own, to the first character of its lower-case mapping, and nothing is normalised
//! (contract §5, search): `É` finds `é`, `İ` (U+0130) finds `i`, and neither finds an `e` or a decomposed `é`. A final `ς`
//! stays what it is, and differs from `σ`; `ẞ` finds `ß`, and not `ss`.

use std::ops::Range;

/// The text with every character folded.
///
/// ```
/// use frontdesk_domain::fold::fold;
///
/// assert_eq!(fold("ΣΊΣΥΦΟΣ İstanbul ẞ"), "σίσυφοσ istanbul ß");
/// ```
#[must_use]
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    fold_into(text, &mut out);
    out
}

/// Appends the folded text to `out`, which may hold earlier ones.
pub fn fold_into(text: &str, out: &mut String) {
    let mut rest = text;
    while !rest.is_empty() {
        let (ascii, other) = rest.split_at(ascii_length(rest));
        let start = out.len();
        out.push_str(ascii);
        out[start..].make_ascii_lowercase();
        let mut characters = other.chars();
        rest = loop {
            let before = characters.as_str();
            match characters.next() {
                Some(character) if !character.is_ascii() => out.push(fold_char(character)),
                _ => break before,
            }
        };
    }
}

/// One character folded: the first character of its lower-case mapping.
///
/// Only U+0130 has more than one there.
#[must_use]
pub fn fold_char(character: char) -> char {
    match character {
        // What most texts are made of needs no search in tables. First what has no case, or is lower: kana, ideographs,
        // Yi and Hangul; the small letters of Latin-1, Greek and Cyrillic.
        '\u{3000}'..='\u{A63F}' | '\u{AC00}'..='\u{D7FF}' => character,
        'ß'..='ÿ' | 'ΐ' | 'ά'..='ώ' | 'а'..='џ' => character,
        // Then their capitals.
        'À'..='Ö' | 'Ø'..='Þ' | 'Α'..='Ρ' | 'Σ'..='Ϋ' | 'А'..='Я' => shifted(character, 32),
        'Ѐ'..='Џ' => shifted(character, 80),
        _ => character.to_lowercase().next().unwrap_or(character),
    }
}

fn shifted(character: char, by: u32) -> char {
    char::from_u32(u32::from(character) + by).unwrap_or(character)
}

/// A term to look for, folded once.
///
/// ```
/// use frontdesk_domain::fold::{Needle, fold};
///
/// let needle = Needle::new("REFUND").unwrap();
/// assert!(needle.is_in_folded(&fold("guest: Refund, please")));
/// assert_eq!(needle.find("guest: Refund, please"), Some(7..13));
/// assert!(Needle::new("").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Needle(String);

impl Needle {
    /// A term; none when it is empty, since everything contains that.
    #[must_use]
    pub fn new(term: &str) -> Option<Self> {
        (!term.is_empty()).then(|| Self(fold(term)))
    }

    /// The folded term.
    #[must_use]
    pub fn as_folded(&self) -> &str {
        &self.0
    }

    /// Whether a text that is already folded contains the term.
    #[must_use]
    pub fn is_in_folded(&self, folded: &str) -> bool {
        folded.contains(&self.0)
    }

    /// Where the term is in a text that is already folded, in bytes of that text, from left to right and without
    /// overlap.
    pub fn find_in_folded<'a>(&'a self, folded: &'a str) -> impl Iterator<Item = Range<usize>> + 'a {
        folded.match_indices(&self.0).map(|(at, found)| at..at + found.len())
    }

    /// Whether a text contains the term.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        self.is_in_folded(&fold(text))
    }

    /// Where the term first is in a text, in bytes of that text: a folded character may be shorter or longer than the
    /// one it came from.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Range<usize>> {
        let folded = fold(text);
        let found = self.find_in_folded(&folded).next()?;
        let before = folded[..found.start].chars().count();
        let length = folded[found].chars().count();
        let mut borders = text.char_indices().map(|(at, _)| at).chain([text.len()]).skip(before);
        let start = borders.next()?;
        let end = borders.nth(length - 1)?;
        Some(start..end)
    }
}

/// How many bytes at the start of `text` are ASCII.
fn ascii_length(text: &str) -> usize {
    let (chunks, _) = text.as_bytes().as_chunks::<16>();
    let whole = 16 * chunks.iter().take_while(|chunk| chunk.is_ascii()).count();
    whole + text.as_bytes()[whole..].iter().take_while(|byte| byte.is_ascii()).count()
}
