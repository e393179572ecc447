//! What a filter says, as values, and the canonical way to write it.

use std::fmt;

/// A filter's meaning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expr {
    /// One comparison.
    Comparison(Comparison),
    /// All of these: joined by `and`.
    All(Vec<Expr>),
    /// Any of these: joined by `or`.
    Any(Vec<Expr>),
}

/// One field compared with one value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Comparison {
    /// What is looked at.
    pub field: Field,
    /// How it is compared.
    pub op: Op,
    /// What it is compared with, quotes not doubled.
    pub value: String,
}

/// The fields a filter may ask for. A conversation without the field matches only `neq`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    /// The medium.
    Type,
    /// Inbound or outbound.
    Direction,
    /// When the conversation began.
    StartTime,
    /// When it ended.
    EndTime,
    /// Where it was routed.
    Queue,
    /// Who took it.
    Agent,
    /// The language it was routed by.
    Language,
    /// A member of its metadata.
    Metadata(MetadataKey),
}

impl Field {
    /// The names of the fields, but for the metadata's.
    pub const NAMES: [&'static str; 7] =
        ["type", "direction", "startTime", "endTime", "queue", "agent", "language"];

    const PREFIX: &'static str = "metadata.";

    /// The field of that name.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "type" => Self::Type,
            "direction" => Self::Direction,
            "startTime" => Self::StartTime,
            "endTime" => Self::EndTime,
            "queue" => Self::Queue,
            "agent" => Self::Agent,
            "language" => Self::Language,
            _ => Self::Metadata(MetadataKey::new(word.strip_prefix(Self::PREFIX)?)?),
        })
    }

    /// Whether `gt` and `lt` compare it as a time.
    #[must_use]
    pub fn is_time(&self) -> bool {
        matches!(self, Self::StartTime | Self::EndTime)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Type => "type",
            Self::Direction => "direction",
            Self::StartTime => "startTime",
            Self::EndTime => "endTime",
            Self::Queue => "queue",
            Self::Agent => "agent",
            Self::Language => "language",
            Self::Metadata(key) => return write!(f, "{}{}", Self::PREFIX, key.0),
        })
    }
}

/// The key of a metadata member: not empty, and without white space, control characters, quotes and parentheses, so
/// that it can stand in a filter as it is.
///
/// ```
/// use frontdesk_domain::filter::MetadataKey;
///
/// assert_eq!(MetadataKey::new("order.id").unwrap().as_str(), "order.id");
/// assert_eq!(MetadataKey::new("order id"), None);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetadataKey(String);

impl MetadataKey {
    /// A key; none when it cannot stand in a filter.
    #[must_use]
    pub fn new(key: &str) -> Option<Self> {
        (!key.is_empty() && key.chars().all(is_word)).then(|| Self(key.to_owned()))
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a character can stand in a word: a field, an operator, a keyword.
pub(super) fn is_word(character: char) -> bool {
    !(character.is_whitespace() || character.is_control() || matches!(character, '\'' | '(' | ')'))
}

/// The comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// Equal, case and all.
    Eq,
    /// Not equal, or not there.
    Neq,
    /// Greater: later on a time field, else by bytes.
    Gt,
    /// Less: earlier on a time field, else by bytes.
    Lt,
    /// Contains, ignoring case.
    Contains,
}

impl Op {
    /// The names of the operators.
    pub const NAMES: [&'static str; 5] = ["eq", "neq", "gt", "lt", "contains"];

    /// The operator of that name.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Eq,
            "neq" => Self::Neq,
            "gt" => Self::Gt,
            "lt" => Self::Lt,
            "contains" => Self::Contains,
            _ => return None,
        })
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Eq => "eq",
            Self::Neq => "neq",
            Self::Gt => "gt",
            Self::Lt => "lt",
            Self::Contains => "contains",
        })
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} '{}'", self.field, self.op, self.value.replace('\'', "''"))
    }
}

impl fmt::Display for Expr {
    /// The canonical text: one space between words, and parentheses only around an `or` inside an `and`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (list, word) = match self {
            Self::Comparison(comparison) => return comparison.fmt(f),
            Self::All(list) => (list, "and"),
            Self::Any(list) => (list, "or"),
        };
        for (index, item) in list.iter().enumerate() {
            if index > 0 {
                write!(f, " {word} ")?;
            }
            match (self, item) {
                (Self::All(_), Self::Any(_)) => write!(f, "({item})")?,
                _ => item.fmt(f)?,
            }
        }
        Ok(())
    }
}
