//! The filter of the details query (contract §5): `field op 'value'`, joined by `and` and `or`.
//!
//! ```text
//! filter     = all { "or" all }
//! all        = one { "and" one }                  and binds tighter than or
//! one        = "(" filter ")" | comparison
//! comparison = field op value
//! field      = "type" | "direction" | "startTime" | "endTime" | "queue" | "agent" | "language" | "metadata." key
//! op         = "eq" | "neq" | "gt" | "lt" | "contains"
//! value      = "'" { any character, a quote doubled } "'"
//! ```
//!
//! What the contract leaves open is decided so:
//!
//! - Words and values stand apart by white space; parentheses need none on their inner side.
//! - A metadata key holds any characters but white space, control characters, quotes and parentheses. A dot in it is part
//!   of the key, not a path.
//! - `gt` and `lt` on `startTime` and `endTime` take a time as RFC 3339 writes it. The other operators compare text there too.
//! - A value may be empty. A filter has at most 16 KiB ([`MAX_BYTES`]) and 64 parentheses inside each other ([`MAX_DEPTH`]).
//!
//! A filter is checked before it is sent, and every error says where: a column, in characters, from 1.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Violation;

mod ast;
mod lexer;
mod parser;
pub mod platform;
mod suggest;

pub use ast::{Comparison, Expr, Field, MetadataKey, Op};

/// The longest filter, in bytes: 16 KiB.
pub const MAX_BYTES: usize = 16 << 10;

/// The most parentheses inside each other.
pub const MAX_DEPTH: usize = 64;

/// A filter that has been read and checked.
///
/// `Display` writes it canonically: one space between words, no parentheses that change nothing. Reading that gives the
/// same [`Expr`].
///
/// ```
/// use frontdesk_domain::Filter;
///
/// let filter: Filter = "(type eq 'voice')  and (queue eq 'it''s' or agent neq 'a-1')".parse()?;
/// assert_eq!(filter.to_string(), "type eq 'voice' and (queue eq 'it''s' or agent neq 'a-1')");
///
/// let error = "typ eq 'voice'".parse::<Filter>().unwrap_err();
/// assert_eq!(error.column, 1);
/// assert!(error.hint.starts_with("did you mean `type`?"));
/// # Ok::<(), frontdesk_domain::FilterError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Filter {
    source: String,
    expr: Expr,
}

impl Filter {
    /// The filter that says `expr`. Lists in lists are flattened, as in reading.
    ///
    /// ```
    /// use frontdesk_domain::filter::{Comparison, Expr, Field, Filter, Op};
    ///
    /// let voice = Expr::Comparison(Comparison { field: Field::Type, op: Op::Eq, value: "voice".to_owned() });
    /// assert_eq!(Filter::new(&voice)?.as_str(), "type eq 'voice'");
    /// assert!(Filter::new(&Expr::All(Vec::new())).is_err());
    /// # Ok::<(), frontdesk_domain::FilterError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FilterError`], with the column in the canonical text, when that is no filter: a list is empty, a time is none, a
    /// limit is passed.
    pub fn new(expr: &Expr) -> Result<Self, FilterError> {
        expr.to_string().parse()
    }

    /// The text it was read from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// What it says.
    #[must_use]
    pub fn expr(&self) -> &Expr {
        &self.expr
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let expr = parser::parse(text)?;
        Ok(Self { source: text.to_owned(), expr })
    }
}

impl TryFrom<String> for Filter {
    type Error = FilterError;

    fn try_from(source: String) -> Result<Self, FilterError> {
        let expr = parser::parse(&source)?;
        Ok(Self { source, expr })
    }
}

impl From<Filter> for String {
    fn from(filter: Filter) -> Self {
        filter.source
    }
}

/// Why a text is not a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the filter is wrong at column {column}: {message}")]
pub struct FilterError {
    /// Where, in characters, from 1; one past the end when something is missing there.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl From<FilterError> for Violation {
    fn from(error: FilterError) -> Self {
        Self::new("", "filter.syntax", format!("{error} ({})", error.hint))
    }
}
