//! What conversations are searched by: words, phrases, fields and dates, joined.
//!
//! ```text
//! query  = all { "OR" all }
//! all    = one { [ "AND" ] one }                 what stands beside each other must all be there
//! one    = ( "NOT" | "-" ) one | "(" query ")" | words | field
//! words  = word [ "*" ] | '"' text '"' [ "*" ]    a star: words that begin so
//! field  = ( "type" | "queue" | "agent" | "direction" | "language" | "metadata." key ) ":" value
//!        | "has:attachment" | "is:held" | "is:changed" | "is:provisional" | "is:damaged"
//!        | ( "from" | "to" ) ":" ( date | time ) | "date" ":" ( year | month | date )
//! value  = any characters but white space, quotes and parentheses | '"' any text, a quote doubled '"'
//! ```
//!
//! `NOT` binds tightest, then what is joined by `AND` or by standing beside each other, then `OR`. The three are written
//! in capitals: `and` is a word like any other.
//!
//! **Words** are compared whole and folded ([`fold`](crate::fold)) with the words of the transcript
//! ([`tokens`](crate::tokens)): `hotel` does not find `hotels`, `hotel*` finds both. A word that the rules of
//! tokens take apart (`e-mail`, `don't`, `東京`) is a phrase. **A phrase** is its words, one right after the other in
//! this order, whatever lies between them: spaces, punctuation, the end of a line.
//!
//! **Fields** are compared whole and folded. A metadata key is compared as it is; a member of the metadata that is a
//! list has each of its texts, numbers and truth values. `from` and `to` ask for the start of the conversation: `from` is
//! in the range, `to` is not, a date is its midnight UTC, and times are compared in microseconds. `date:2025`,
//! `date:2025-03` and `date:2025-03-14` are short for both borders of that year, month or day. A conversation without the
//! field, or without a start, is not found by it.
//!
//! `has` asks what is in the conversation, `is` how it stands in the archive, which a record alone does not say
//! ([`Document::version`], [`Document::held`], [`Document::provisional`], [`Document::damaged`]); other values are refused.
//!
//! **Negation.** What only says what must not be there (`-refund`) is refused: it would be nearly everything, in no order
//! that means anything. With anything positive beside it, a field or a date too, it is fine: `from:2025-01-01 -refund`.
//!
//! A query has at most 4 KiB ([`MAX_BYTES`]), [`MAX_TERMS`] words, phrases and fields, and [`MAX_DEPTH`] parentheses and
//! negations inside each other. Every error says where: a column, in characters, from 1.

use std::fmt;
use std::str::FromStr;

use crate::Violation;

mod ast;
mod document;
mod lexer;
mod parser;

pub use ast::{
    Expr, Field, FieldName, HAS_ATTACHMENT, IS_CHANGED, IS_DAMAGED, IS_HELD, IS_PROVISIONAL, Words,
};
pub use document::Document;

/// The longest query, in bytes: 4 KiB.
pub const MAX_BYTES: usize = 4 << 10;

/// The most words, phrases, fields and dates of a query.
pub const MAX_TERMS: usize = 64;

/// The most parentheses and negations inside each other.
pub const MAX_DEPTH: usize = 64;

/// A query that has been read and checked.
///
/// `Display` writes it canonically: folded, one space between parts, no parentheses that change nothing. Reading that
/// gives the same query.
///
/// ```
/// use frontdesk_domain::Query;
///
/// let query: Query = r#"Refund AND ("Make a Reservation" OR book*) -queue:Test"#.parse()?;
/// assert_eq!(query.to_string(), r#"refund ("make a reservation" OR book*) -queue:test"#);
///
/// let error = "refund queu:web".parse::<Query>().unwrap_err();
/// assert_eq!(error.column, 8);
/// assert!(error.hint.starts_with("did you mean `queue`?"));
/// # Ok::<(), frontdesk_domain::QueryError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    expr: Expr,
}

impl Query {
    /// The query that says `expr`. Lists in lists are flattened, as in reading.
    ///
    /// # Errors
    ///
    /// [`QueryError`], with the column in the canonical text, when that is no query: a list is empty, everything is
    /// negated, a range ends before it begins, a limit is passed.
    pub fn new(expr: &Expr) -> Result<Self, QueryError> {
        expr.to_string().parse()
    }

    /// What it says.
    #[must_use]
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// The words and phrases a conversation is the better for having, from left to right: all that are not negated.
    ///
    /// ```
    /// use frontdesk_domain::Query;
    ///
    /// let query: Query = "refund (hotel OR -flight) queue:web".parse()?;
    /// let ranked: Vec<String> = query.ranked().iter().map(|words| words.to_string()).collect();
    /// assert_eq!(ranked, ["refund", "hotel"]);
    /// # Ok::<(), frontdesk_domain::QueryError>(())
    /// ```
    #[must_use]
    pub fn ranked(&self) -> Vec<&Words> {
        let mut found = Vec::new();
        self.expr.ranked(true, &mut found);
        found
    }

    /// Whether the query finds this conversation. This is what a query means; an index must agree with it.
    ///
    /// ```
    /// use frontdesk_domain::{Query, query::Document};
    ///
    /// let line = br#"{"id":"c-1","queue":"Web","interactions":[{"transcript":"guest: make a\nreservation"}]}"#;
    /// let document = Document::new(line);
    /// assert!(r#"queue:web "a reservation""#.parse::<Query>()?.matches(&document));
    /// assert!(!"reserv".parse::<Query>()?.matches(&document));
    /// # Ok::<(), frontdesk_domain::QueryError>(())
    /// ```
    #[must_use]
    pub fn matches(&self, document: &Document<'_>) -> bool {
        self.expr.matches(document)
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

impl FromStr for Query {
    type Err = QueryError;

    fn from_str(text: &str) -> Result<Self, QueryError> {
        Ok(Self { expr: parser::parse(text)? })
    }
}

/// Why a text is not a query, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the query is wrong at column {column}: {message}")]
pub struct QueryError {
    /// Where, in characters, from 1; one past the end when something is missing there.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl QueryError {
    fn new(column: usize, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { column, message: message.into(), hint: hint.into() }
    }
}

impl From<QueryError> for Violation {
    fn from(error: QueryError) -> Self {
        Self::new("", "query.syntax", format!("{error} ({})", error.hint))
    }
}
