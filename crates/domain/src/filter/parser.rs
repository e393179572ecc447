//! From tokens to meaning.

use super::ast::{Comparison, Expr, Field, Op};
use super::lexer::{Kind, Token, tokens};
use super::suggest;
use super::{FilterError, MAX_DEPTH};
use crate::suggest::shortened;
use crate::{TimeError, Timestamp};

/// Reads a whole filter.
pub(super) fn parse(text: &str) -> Result<Expr, FilterError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let expr = parser.any()?;
    match parser.peek().kind {
        Kind::End => Ok(expr),
        Kind::Close => {
            Err(parser.error("this parenthesis closes nothing", "remove it, or open one before it"))
        }
        _ => Err(parser.expected_join("or the end")),
    }
}

struct Parser<'a> {
    /// Never empty; the last one is the end.
    tokens: &'a [Token<'a>],
    at: usize,
    /// Parentheses open around here.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &'a Token<'a> {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    /// Takes the keyword, if it stands here.
    fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.peek().kind == Kind::Word(keyword);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Expr, FilterError> {
        let mut list = Vec::new();
        loop {
            // Parentheses around an `or` inside an `or` change nothing: its parts become parts of this one.
            match self.all()? {
                Expr::Any(inner) => list.extend(inner),
                other => list.push(other),
            }
            if !self.keyword("or") {
                return Ok(joined(list, Expr::Any));
            }
        }
    }

    fn all(&mut self) -> Result<Expr, FilterError> {
        let mut list = Vec::new();
        loop {
            match self.one()? {
                Expr::All(inner) => list.extend(inner),
                other => list.push(other),
            }
            if !self.keyword("and") {
                return Ok(joined(list, Expr::All));
            }
        }
    }

    fn one(&mut self) -> Result<Expr, FilterError> {
        let open = self.peek();
        if open.kind != Kind::Open {
            return self.comparison().map(Expr::Comparison);
        }
        if self.depth == MAX_DEPTH {
            let message = format!("more than {MAX_DEPTH} parentheses inside each other");
            return Err(self.error(&message, "remove the parentheses that change nothing"));
        }
        self.at += 1;
        self.depth += 1;
        let inner = self.any()?;
        self.depth -= 1;
        match self.peek().kind {
            Kind::Close => {
                self.at += 1;
                Ok(inner)
            }
            Kind::End => Err(FilterError {
                column: open.column,
                message: "the parenthesis that opens here is never closed".to_owned(),
                hint: "add a `)`".to_owned(),
            }),
            _ => Err(self.expected_join("or `)`")),
        }
    }

    fn comparison(&mut self) -> Result<Comparison, FilterError> {
        let field = self.field()?;
        let op = self.op()?;
        let token = self.peek();
        let Kind::Value(value) = &token.kind else {
            let message = format!("expected a value in single quotes, found {}", found(token));
            return Err(self.error(&message, "write values like 'voice'"));
        };
        if field.is_time() && matches!(op, Op::Gt | Op::Lt) {
            check_time(&field, value, token.column)?;
        }
        self.at += 1;
        Ok(Comparison { field, op, value: value.clone() })
    }

    fn field(&mut self) -> Result<Field, FilterError> {
        let token = self.peek();
        if let Kind::Word(word) = token.kind {
            match Field::of(word) {
                Some(field) => {
                    self.at += 1;
                    return Ok(field);
                }
                None if word == "metadata" || word == "metadata." => {
                    let message = format!("{} needs a key", found(token));
                    return Err(self.error(&message, "name the key: metadata.source"));
                }
                None if !matches!(word, "and" | "or") => {
                    let message = format!("unknown field {}", found(token));
                    return Err(self.error(&message, &suggest::field(word)));
                }
                None => {}
            }
        }
        let message = format!("expected a field or `(`, found {}", found(token));
        Err(self.error(&message, &suggest::fields()))
    }

    fn op(&mut self) -> Result<Op, FilterError> {
        let token = self.peek();
        let message = match token.kind {
            Kind::Word(word) => match Op::of(word) {
                Some(op) => {
                    self.at += 1;
                    return Ok(op);
                }
                None => format!("unknown operator {}", found(token)),
            },
            _ => format!("expected an operator, found {}", found(token)),
        };
        let word = if let Kind::Word(word) = token.kind { word } else { "" };
        Err(self.error(&message, &suggest::op(word)))
    }

    /// The error at the token that stands here.
    fn error(&self, message: &str, hint: &str) -> FilterError {
        FilterError { column: self.peek().column, message: message.to_owned(), hint: hint.to_owned() }
    }

    fn expected_join(&self, or: &str) -> FilterError {
        let message = format!("expected `and`, `or` {or}, found {}", found(self.peek()));
        self.error(&message, "join comparisons with `and` or `or`, in lower case")
    }
}

/// A list of one is that one.
fn joined(mut list: Vec<Expr>, join: fn(Vec<Expr>) -> Expr) -> Expr {
    match list.pop() {
        Some(only) if list.is_empty() => only,
        last => {
            list.extend(last);
            join(list)
        }
    }
}

/// On a time field `gt` and `lt` need a time. The column is inside the value where that is known.
fn check_time(field: &Field, value: &str, column: usize) -> Result<(), FilterError> {
    let Err(error) = value.parse::<Timestamp>() else {
        return Ok(());
    };
    let (column, what) = match error {
        // A doubled quote before the fault would shift it, but a quote is a fault itself.
        TimeError::Malformed { column: inner, expected } => (column + inner, format!("expected {expected}")),
        other => (column, other.to_string()),
    };
    Err(FilterError {
        column,
        message: format!("`{field}` is compared as a time here, and the value is none: {what}"),
        hint: error.hint().to_owned(),
    })
}

/// The token in words, for a message.
fn found(token: &Token<'_>) -> String {
    match &token.kind {
        Kind::Open => "`(`".to_owned(),
        Kind::Close => "`)`".to_owned(),
        Kind::Word(word) => format!("`{}`", shortened(word)),
        Kind::Value(_) => "a value".to_owned(),
        Kind::End => "the end".to_owned(),
    }
}
