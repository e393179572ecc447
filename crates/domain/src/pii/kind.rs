//! What is told apart, and what is done about it.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::Violation;
use crate::suggest::{nearest, shortened};

/// A kind of value that gives a person away (contract §3, "PII values").
///
/// ```
/// use frontdesk_domain::pii::PiiKind;
///
/// assert_eq!("iban".parse::<PiiKind>()?, PiiKind::Iban);
/// assert_eq!(PiiKind::Card.to_string(), "card");
/// # Ok::<(), frontdesk_domain::pii::UnknownWord>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum PiiKind {
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
    /// The number of a payment card.
    Card,
    /// An international bank account number.
    Iban,
    /// A social security number of the United States.
    Ssn,
    /// An IP address, version 4 or 6.
    Ip,
}

impl PiiKind {
    /// Every kind, in the contract's order.
    pub const ALL: [Self; 6] = [Self::Email, Self::Phone, Self::Card, Self::Iban, Self::Ssn, Self::Ip];

    const NAMES: [&str; 6] = ["email", "phone", "card", "iban", "ssn", "ip"];

    /// Its name in settings, findings and redacted texts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What it is in a sentence, with its article.
    ///
    /// ```
    /// assert_eq!(frontdesk_domain::pii::PiiKind::Ip.described(), "an IP address");
    /// ```
    #[must_use]
    pub const fn described(self) -> &'static str {
        match self {
            Self::Email => "an e-mail address",
            Self::Phone => "a phone number",
            Self::Card => "a payment card number",
            Self::Iban => "an IBAN",
            Self::Ssn => "a US social security number",
            Self::Ip => "an IP address",
        }
    }
}

/// What is done about a value of a kind.
///
/// ```
/// use frontdesk_domain::pii::Action;
///
/// assert_eq!("warn".parse::<Action>()?, Action::Warn);
/// assert_eq!(Action::default(), Action::Block);
/// # Ok::<(), frontdesk_domain::pii::UnknownWord>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Action {
    /// The request is refused.
    #[default]
    Block,
    /// It is reported, and the request goes out.
    Warn,
    /// It is not looked for.
    Allow,
}

impl Action {
    const ALL: [Self; 3] = [Self::Block, Self::Warn, Self::Allow];
    const NAMES: [&str; 3] = ["block", "warn", "allow"];

    /// Its name in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// Where in a text a value of a kind stands. It holds places, never the value.
///
/// ```
/// use frontdesk_domain::pii::find;
///
/// let text = "\u{1f600} ana@example.org";
/// let found = find(text, None).next().unwrap();
/// assert_eq!(found.range, 5..20);
/// assert_eq!(found.utf16_range(text), 3..18);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct PiiMatch {
    /// What it is.
    pub kind: PiiKind,
    /// Where it is, in bytes of the text's UTF-8; both ends are borders of characters.
    pub range: Range<usize>,
}

impl PiiMatch {
    /// Where it is in UTF-16 code units, as JavaScript and Java count. It reads the text from its start.
    ///
    /// # Panics
    /// When `text` is not the text it was found in and the range does not fit it.
    #[must_use]
    pub fn utf16_range(&self, text: &str) -> Range<usize> {
        let units = |part: &str| part.chars().map(char::len_utf16).sum::<usize>();
        let start = units(&text[..self.range.start]);
        start..start + units(&text[self.range.clone()])
    }
}

/// A match, and what the policy wants done about it. It holds places, never the value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct PiiFinding {
    /// What it is.
    pub kind: PiiKind,
    /// Where it is, in bytes of the text's UTF-8.
    pub range: Range<usize>,
    /// [`Block`](Action::Block) or [`Warn`](Action::Warn); what is allowed is not found.
    pub action: Action,
}

/// A word that names no kind, no action or no key mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    word: String,
    what: &'static str,
    rule: &'static str,
    names: &'static [&'static str],
    meant: Option<&'static str>,
}

impl UnknownWord {
    pub(super) fn new(
        word: &str,
        what: &'static str,
        rule: &'static str,
        names: &'static [&'static str],
    ) -> Self {
        Self { word: shortened(word), what, rule, names, meant: nearest(word, names) }
    }
}

impl fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no {}", self.word, self.what)?;
        match self.meant {
            Some(meant) => write!(f, "; did you mean `{meant}`?"),
            None => write!(f, ": there are {}", self.names.join(", ")),
        }
    }
}

impl std::error::Error for UnknownWord {}

impl From<UnknownWord> for Violation {
    fn from(error: UnknownWord) -> Self {
        Self::new("", error.rule, error.to_string())
    }
}

/// A type whose values are words: written, read, and refused with all the words there are.
macro_rules! words {
    ($name:ident, $what:literal, $rule:literal) => {
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::pii::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                let known = Self::ALL.into_iter().find(|one| one.as_str() == word);
                known.ok_or_else(|| $crate::pii::UnknownWord::new(word, $what, $rule, &Self::NAMES))
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::pii::UnknownWord;

            fn try_from(word: String) -> Result<Self, Self::Error> {
                word.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(one: $name) -> Self {
                one.as_str()
            }
        }
    };
}
pub(super) use words;

words!(PiiKind, "kind of personal data", "pii.kind");
words!(Action, "action on personal data", "pii.action");
