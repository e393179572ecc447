//! What a query says, as values, and the canonical way to write it.

use std::fmt;

use super::document::Document;
use crate::Timestamp;
use crate::fold::fold;
use crate::tokens;

/// A query's meaning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    /// All of these.
    All(Vec<Expr>),
    /// Any of these.
    Any(Vec<Expr>),
    /// Not this.
    Not(Box<Expr>),
    /// A word, a prefix or a phrase of the transcript.
    Words(Words),
    /// A field with this value.
    Field(Field),
    /// Conversations that started then or later.
    From(Timestamp),
    /// Conversations that started before then.
    To(Timestamp),
}

impl Expr {
    /// The first start time, in microseconds, that `from` finds and `to` does not: one between two of them moves up.
    ///
    /// ```
    /// use frontdesk_domain::{Timestamp, query::Expr};
    ///
    /// let time: Timestamp = "1970-01-01T00:00:00.0000015Z".parse()?;
    /// assert_eq!(Expr::border(time), 2);
    /// # Ok::<(), frontdesk_domain::TimeError>(())
    /// ```
    #[must_use]
    pub fn border(time: Timestamp) -> i64 {
        let micros = time.as_micros();
        micros + i64::from(i128::from(micros) * 1_000 != time.as_nanos())
    }

    /// Itself without what leaves no trace in the text: a list of one, two negations.
    fn as_written(&self) -> &Self {
        match self {
            Self::Any(list) | Self::All(list) if list.len() == 1 => list[0].as_written(),
            Self::Not(inner) => match &**inner {
                Self::Not(twice) => twice.as_written(),
                _ => self,
            },
            _ => self,
        }
    }

    pub(super) fn matches(&self, document: &Document<'_>) -> bool {
        match self {
            Self::All(list) => list.iter().all(|expr| expr.matches(document)),
            Self::Any(list) => list.iter().any(|expr| expr.matches(document)),
            Self::Not(expr) => !expr.matches(document),
            Self::Words(words) => document.has(words),
            Self::Field(field) => document.has_field(field),
            Self::From(from) => document.started_at().is_some_and(|start| start >= Self::border(*from)),
            Self::To(to) => document.started_at().is_some_and(|start| start < Self::border(*to)),
        }
    }

    pub(super) fn ranked<'a>(&'a self, positive: bool, found: &mut Vec<&'a Words>) {
        match self {
            Self::All(list) | Self::Any(list) => {
                list.iter().for_each(|expr| expr.ranked(positive, found));
            }
            Self::Not(expr) => expr.ranked(!positive, found),
            Self::Words(words) if positive => found.push(words),
            Self::Words(_) | Self::Field(_) | Self::From(_) | Self::To(_) => {}
        }
    }

    /// Whether anything in it says what must be there.
    pub(super) fn says_what(&self, positive: bool) -> bool {
        match self {
            Self::All(list) | Self::Any(list) => list.iter().any(|expr| expr.says_what(positive)),
            Self::Not(expr) => expr.says_what(!positive),
            Self::Words(_) | Self::Field(_) | Self::From(_) | Self::To(_) => positive,
        }
    }
}

/// One word or several that follow each other; the last one may be the beginning of a word.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Words {
    words: Vec<String>,
    prefix: bool,
}

impl Words {
    /// The words of a text; none when there are none in it. With `prefix`, the last one stands for all words that begin
    /// so.
    ///
    /// ```
    /// use frontdesk_domain::query::Words;
    ///
    /// let words = Words::new("Make a, reserv", true).unwrap();
    /// assert_eq!(words.words(), ["make", "a", "reserv"]);
    /// assert_eq!(words.to_string(), r#""make a reserv"*"#);
    /// assert_eq!(Words::new("?!", false), None);
    /// ```
    #[must_use]
    pub fn new(text: &str, prefix: bool) -> Option<Self> {
        let folded = fold(text);
        let words: Vec<String> = tokens::words(&folded).map(str::to_owned).collect();
        (!words.is_empty()).then_some(Self { words, prefix })
    }

    /// The words, folded; never empty.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// Whether the last word stands for all that begin so.
    #[must_use]
    pub fn is_prefix(&self) -> bool {
        self.prefix
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words.as_slice() {
            [word] => f.write_str(word)?,
            words => write!(f, "\"{}\"", words.join(" "))?,
        }
        f.write_str(if self.prefix { "*" } else { "" })
    }
}

/// The value of [`FieldName::Has`].
pub const HAS_ATTACHMENT: &str = "attachment";
/// The values of [`FieldName::Is`].
pub const IS_HELD: &str = "held";
/// See [`IS_HELD`].
pub const IS_CHANGED: &str = "changed";
/// See [`IS_HELD`].
pub const IS_PROVISIONAL: &str = "provisional";
/// See [`IS_HELD`].
pub const IS_DAMAGED: &str = "damaged";

/// The fields of a conversation that a query may ask for, dates aside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldName {
    /// The medium.
    Type,
    /// Where it was routed.
    Queue,
    /// Who took it.
    Agent,
    /// Inbound or outbound.
    Direction,
    /// The language it was routed by.
    Language,
    /// What is in it: `attachment`.
    Has,
    /// How it stands in the archive: `held`, by any matter; `changed`, of which there is an earlier version; `provisional`, which may
    /// still change, since it began in a stretch of time that was open when it was taken; `damaged`, of which something stored is
    /// known to be wrong or lost.
    Is,
    /// A member of its metadata, by its exact key.
    Metadata(String),
}

impl FieldName {
    pub(super) const PREFIX: &'static str = "metadata.";

    /// The values there are, where a field has no other.
    #[must_use]
    pub fn known(&self) -> Option<&'static [&'static str]> {
        match self {
            Self::Has => Some(&[HAS_ATTACHMENT]),
            Self::Is => Some(&[IS_HELD, IS_CHANGED, IS_PROVISIONAL, IS_DAMAGED]),
            _ => None,
        }
    }

    /// The field of that name, but for the metadata's.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "type" => Self::Type,
            "queue" => Self::Queue,
            "agent" => Self::Agent,
            "direction" => Self::Direction,
            "language" => Self::Language,
            "has" => Self::Has,
            "is" => Self::Is,
            _ => return None,
        })
    }
}

impl fmt::Display for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type => "type",
            Self::Queue => "queue",
            Self::Agent => "agent",
            Self::Direction => "direction",
            Self::Language => "language",
            Self::Has => "has",
            Self::Is => "is",
            Self::Metadata(key) => {
                f.write_str(Self::PREFIX)?;
                let bare = !key.contains(':');
                return if bare { value(f, key) } else { quoted(f, key) };
            }
        })
    }
}

/// A field and the value it must have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    name: FieldName,
    value: String,
}

impl Field {
    /// A field with a value, which is folded.
    #[must_use]
    pub fn new(name: FieldName, value: &str) -> Self {
        Self { name, value: fold(value) }
    }

    /// Which field.
    #[must_use]
    pub fn name(&self) -> &FieldName {
        &self.name
    }

    /// Its value, folded.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.name)?;
        value(f, &self.value)
    }
}

/// Whether a character may stand outside of quotes.
pub(super) fn is_bare(character: char) -> bool {
    !(character.is_whitespace()
        || character.is_control()
        || matches!(character, '"' | '(' | ')' | '\u{201c}'..='\u{201f}'))
}

fn value(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    let bare = !value.is_empty() && value.chars().all(|c| is_bare(c) && c != '*');
    if bare { f.write_str(value) } else { quoted(f, value) }
}

fn quoted(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    write!(f, "\"{}\"", value.replace('"', "\"\""))
}

impl fmt::Display for Expr {
    /// The canonical text: parentheses only around an `OR` inside something tighter, and around what a minus takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (list, joint) = match self {
            Self::All(list) => (list, " "),
            Self::Any(list) => (list, " OR "),
            Self::Not(inner) => {
                return match &**inner {
                    Self::All(_) | Self::Any(_) => write!(f, "-({inner})"),
                    // Two make one too many for a reader.
                    Self::Not(twice) => twice.fmt(f),
                    leaf => write!(f, "-{leaf}"),
                };
            }
            Self::Words(words) => return words.fmt(f),
            Self::Field(field) => return field.fmt(f),
            Self::From(time) => return write!(f, "from:{time}"),
            Self::To(time) => return write!(f, "to:{time}"),
        };
        for (index, item) in list.iter().enumerate() {
            if index > 0 {
                f.write_str(joint)?;
            }
            match (self, item.as_written()) {
                (Self::All(_), item @ Self::Any(_)) => write!(f, "({item})")?,
                (_, item) => item.fmt(f)?,
            }
        }
        Ok(())
    }
}
