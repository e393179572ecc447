//! Names of attributes that promise a value nobody should send (contract §3, "PII keys").

use serde::{Deserialize, Serialize};

use super::kind::words;

/// How a key is compared with the patterns.
///
/// ```
/// use frontdesk_domain::pii::{KeyMode, PiiPolicy};
///
/// let words = PiiPolicy::default().with_key_mode(KeyMode::Words);
/// assert!(PiiPolicy::default().blocked_key("ship_address").is_some(), "it contains ip_address");
/// assert!(words.blocked_key("ship_address").is_none());
/// assert!(words.blocked_key("IP-Address").is_some());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum KeyMode {
    /// The documents' rule, and whole words besides: a pattern anywhere in the lower-case key.
    #[default]
    Contains,
    /// Whole words only.
    Words,
}

impl KeyMode {
    const ALL: [Self; 2] = [Self::Contains, Self::Words];
    const NAMES: [&str; 2] = ["contains", "words"];

    /// Its name in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

words!(KeyMode, "way to compare keys", "pii.key_mode");

/// One of the documents' patterns. Those of other kinds than [`PiiKind`](super::PiiKind)'s have no recogniser: a
/// password looks like anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum KeyPattern {
    /// `email`
    Email,
    /// `phone`
    Phone,
    /// `ssn`
    Ssn,
    /// `credit`
    Credit,
    /// `password`
    Password,
    /// `ip_address`
    IpAddress,
}

impl KeyPattern {
    /// Every pattern, in the contract's order.
    pub const ALL: [Self; 6] =
        [Self::Email, Self::Phone, Self::Ssn, Self::Credit, Self::Password, Self::IpAddress];

    const NAMES: [&str; 6] = ["email", "phone", "ssn", "credit", "password", "ip_address"];

    /// The pattern as the documents write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The first pattern a key matches.
    pub(super) fn of_key(key: &str, mode: KeyMode) -> Option<Self> {
        let lower = key.to_lowercase();
        let words = Words::of(key);
        Self::ALL.into_iter().find(|pattern| {
            mode == KeyMode::Contains && lower.contains(pattern.as_str())
                || words.join_to(&pattern.as_str().replace('_', ""))
        })
    }
}

words!(KeyPattern, "pattern of keys", "pii.key_pattern");

/// A key as words in lower case, one after the other without what separates them, and where words begin and end.
struct Words {
    letters: String,
    borders: Vec<usize>,
}

impl Words {
    /// Splits at everything that is neither letter nor digit, between letters and digits, and at changes of case:
    /// `ipAddress` is `ip address`, and so is `IPAddress`.
    fn of(key: &str) -> Self {
        let mut words = Self { letters: String::with_capacity(key.len()), borders: vec![0] };
        let mut before = Shape::Separator;
        let mut characters = key.chars().peekable();
        while let Some(character) = characters.next() {
            let shape = Shape::of(character);
            let last_capital = shape == Shape::Upper
                && characters.peek().is_some_and(|&next| Shape::of(next) == Shape::Lower);
            let same = match (before, shape) {
                (Shape::Upper, Shape::Lower) => true,
                (Shape::Upper, Shape::Upper) => !last_capital,
                _ => before == shape,
            };
            if !same {
                words.borders.push(words.letters.len());
            }
            if shape != Shape::Separator {
                words.letters.extend(character.to_lowercase());
            }
            before = shape;
        }
        words.borders.push(words.letters.len());
        words
    }

    /// Whether consecutive whole words join to `pattern`.
    fn join_to(&self, pattern: &str) -> bool {
        let ends_with_a_word = |at: usize| self.borders.binary_search(&(at + pattern.len())).is_ok();
        self.borders.iter().any(|&at| self.letters[at..].starts_with(pattern) && ends_with_a_word(at))
    }
}

/// What a character is to the borders of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Upper,
    /// Lower case, and letters without case.
    Lower,
    Digit,
    Separator,
}

impl Shape {
    fn of(character: char) -> Self {
        if character.is_uppercase() {
            Self::Upper
        } else if character.is_alphabetic() {
            Self::Lower
        } else if character.is_numeric() {
            Self::Digit
        } else {
            Self::Separator
        }
    }
}
