//! A folded text taken apart into tokens, so that the tokens *are* the text: the search index, the words of a query
//! and the ranking all read a text this way.
//!
//! A text is a series of runs: of word characters (alphanumeric, as Unicode says), of anything else (a *gap*), and of
//! one Han, Kana or Thai character alone, since those scripts put no space between words. Every run is a token, but
//! for one: **the single space between two words is implied.** Between any other two tokens there is nothing. So a
//! text of spoken language is little more than its words, and [`join`] gives exactly the text back.

use std::fmt;
use std::ops::Range;

/// Bytes of the longest token an index takes. A text with a longer one is *opaque*: it is read, not looked up.
pub const LONGEST: usize = 256;

/// What a token is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// A run of word characters.
    Word,
    /// One Han, Kana or Thai character.
    Single,
    /// A run of anything else: white space, punctuation, symbols.
    Gap,
}

impl TokenKind {
    /// What kind of run a character belongs to.
    ///
    /// ```
    /// use frontdesk_domain::tokens::TokenKind;
    ///
    /// assert_eq!(TokenKind::of('ß'), TokenKind::Word);
    /// assert_eq!(TokenKind::of('中'), TokenKind::Single);
    /// assert_eq!(TokenKind::of('💬'), TokenKind::Gap);
    /// ```
    #[must_use]
    #[inline]
    pub fn of(character: char) -> Self {
        if character.is_ascii() {
            return if character.is_ascii_alphanumeric() { Self::Word } else { Self::Gap };
        }
        match character {
            // Most of what is not ASCII in most texts: letters of Latin, Greek and Cyrillic.
            'ß'..='ö' | 'ø'..='ʯ' | 'а'..='ҁ' | 'α'..='ώ' => Self::Word,
            _ if is_single(character) => Self::Single,
            _ if character.is_alphanumeric() => Self::Word,
            _ => Self::Gap,
        }
    }
}

/// A part of a folded text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token<'t> {
    /// What it is made of.
    pub kind: TokenKind,
    /// Its characters; at least one.
    pub text: &'t str,
}

impl Token<'_> {
    /// Whether an index can take it: it is no longer than [`LONGEST`], and has no NUL, which ends a word there.
    #[must_use]
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.text.len() <= LONGEST && !(self.kind == TokenKind::Gap && self.text.as_bytes().contains(&0))
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A token is customer text.
        f.debug_struct("Token").field("kind", &self.kind).field("length", &self.text.len()).finish()
    }
}

/// The tokens of a text that is already folded.
///
/// ```
/// use frontdesk_domain::tokens::{join, tokens};
///
/// let parts: Vec<&str> = tokens("well, i am here").map(|token| token.text).collect();
/// assert_eq!(parts, ["well", ", ", "i", "am", "here"]);
/// assert_eq!(join(tokens("a  b 中文 c")), "a  b 中文 c");
/// ```
#[must_use]
pub fn tokens(folded: &str) -> Tokens<'_> {
    Tokens { rest: folded, after_word: false }
}

/// The words of a text that is already folded, without what is between them: what ranking counts.
///
/// ```
/// let words: Vec<&str> = frontdesk_domain::tokens::words("good, 早安!").collect();
/// assert_eq!(words, ["good", "早", "安"]);
/// ```
pub fn words(folded: &str) -> impl Iterator<Item = &str> {
    tokens(folded).filter(|token| token.kind != TokenKind::Gap).map(|token| token.text)
}

/// Where the words of a text that is already folded are, in bytes of it.
///
/// ```
/// let places: Vec<_> = frontdesk_domain::tokens::word_places("good, 早安!").collect();
/// assert_eq!(places, [0..4, 6..9, 9..12]);
/// ```
pub fn word_places(folded: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut tokens = tokens(folded);
    std::iter::from_fn(move || {
        loop {
            let token = tokens.next()?;
            let end = folded.len() - tokens.rest.len();
            if token.kind != TokenKind::Gap {
                return Some(end - token.text.len()..end);
            }
        }
    })
}

/// The text that tokens stand for.
pub fn join<'t>(tokens: impl IntoIterator<Item = Token<'t>>) -> String {
    let mut out = String::new();
    let mut after_word = false;
    for token in tokens {
        let word = token.kind == TokenKind::Word;
        if after_word && word {
            out.push(' ');
        }
        out.push_str(token.text);
        after_word = word;
    }
    out
}

/// Iterator over the tokens of a text ([`tokens`]).
#[derive(Clone)]
pub struct Tokens<'t> {
    rest: &'t str,
    after_word: bool,
}

impl fmt::Debug for Tokens<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("rest", &self.rest.len()).finish_non_exhaustive()
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    #[inline]
    fn next(&mut self) -> Option<Token<'t>> {
        if self.after_word
            && let Some(behind) = self.rest.strip_prefix(' ')
            && behind.chars().next().is_some_and(|character| TokenKind::of(character) == TokenKind::Word)
        {
            self.rest = behind;
        }
        let (kind, length) = run(self.rest)?;
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.after_word = kind == TokenKind::Word;
        Some(Token { kind, text })
    }
}

/// The kinds of ASCII characters, by byte; of others something else.
const CLASSES: [u8; 256] = {
    let mut classes = [u8::MAX; 256];
    let mut byte = 0;
    while byte < 128 {
        let word = (byte as u8).is_ascii_alphanumeric();
        classes[byte] = if word { TokenKind::Word } else { TokenKind::Gap } as u8;
        byte += 1;
    }
    classes
};

/// The kind of the first run, and its length in bytes.
#[inline]
fn run(text: &str) -> Option<(TokenKind, usize)> {
    let first = text.chars().next()?;
    let kind = TokenKind::of(first);
    let mut length = first.len_utf8();
    if kind == TokenKind::Single {
        return Some((kind, length));
    }
    let bytes = text.as_bytes();
    loop {
        // ASCII needs no decoding.
        let class = kind as u8;
        while bytes.get(length).is_some_and(|byte| CLASSES[*byte as usize] == class) {
            length += 1;
        }
        if bytes.get(length).is_some_and(u8::is_ascii) {
            return Some((kind, length));
        }
        match text[length..].chars().next() {
            Some(character) if TokenKind::of(character) == kind => length += character.len_utf8(),
            _ => return Some((kind, length)),
        }
    }
}

/// Characters of scripts that put no space between words.
fn is_single(character: char) -> bool {
    matches!(character,
        '\u{0E01}'..='\u{0E3A}' | '\u{0E40}'..='\u{0E4E}'        // Thai letters, vowels and tone marks
        | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}'      // marks of repetition, ideographic numbers
        | '\u{3041}'..='\u{3096}' | '\u{309D}'..='\u{309F}'      // Hiragana
        | '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}'      // Katakana
        | '\u{31F0}'..='\u{31FF}' | '\u{FF66}'..='\u{FF9F}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}'      // Han
        | '\u{F900}'..='\u{FAFF}' | '\u{1B000}'..='\u{1B16F}'
        | '\u{20000}'..='\u{2FA1F}' | '\u{30000}'..='\u{323AF}')
}
