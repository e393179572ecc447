//! The filter of a details query (gateway contract §5): `field op 'value'`, joined by `and` and `or`
//! (`and` binds tighter), parentheses allowed.
//!
//! This is the sandbox's own reading of the grammar, written without a look at the client's, so that
//! a mistake in one of them shows.

mod evaluate;
mod lexer;
mod parser;

use std::fmt;

use crate::moment::Moment;

pub(crate) use evaluate::{Facts, matches};
pub(crate) use parser::parse;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Test(Test),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Test {
    pub(crate) field: Field,
    pub(crate) comparison: Comparison,
}

/// What a filter can ask about. Field names are case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field {
    Type,
    Direction,
    StartTime,
    EndTime,
    Queue,
    Agent,
    Language,
    Metadata(String),
}

impl Field {
    fn named(name: &str) -> Option<Field> {
        Some(match name {
            "type" => Field::Type,
            "direction" => Field::Direction,
            "startTime" => Field::StartTime,
            "endTime" => Field::EndTime,
            "queue" => Field::Queue,
            "agent" => Field::Agent,
            "language" => Field::Language,
            other => {
                Field::Metadata(other.strip_prefix("metadata.").filter(|key| !key.is_empty())?.to_owned())
            }
        })
    }

    fn is_time(&self) -> bool {
        matches!(self, Field::StartTime | Field::EndTime)
    }
}

/// An operator with its value, read once: `contains` folded, times parsed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Comparison {
    Equal(String),
    NotEqual(String),
    Less(String),
    Greater(String),
    Before(Moment),
    After(Moment),
    /// The value in folded characters.
    Contains(Vec<char>),
}

/// Why a filter was refused, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterError {
    /// 1-based, in characters.
    pub(crate) column: usize,
    pub(crate) message: String,
}

impl FilterError {
    fn at(column: usize, message: impl Into<String>) -> Self {
        Self { column, message: message.into() }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "filter, column {}: {}", self.column, self.message)
    }
}

/// A character as `contains` compares it: simple lower case, one character for one character.
fn fold(character: char) -> char {
    character.to_lowercase().next().unwrap_or(character)
}
