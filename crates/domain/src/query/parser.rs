//! From tokens to meaning.

use super::ast::Expr;
use super::lexer::{Kind, Token, tokens};
use super::{MAX_DEPTH, MAX_TERMS, QueryError};
use crate::Timestamp;

/// Reads a whole query.
pub(super) fn parse(text: &str) -> Result<Expr, QueryError> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, terms: 0, borders: Vec::new() };
    if parser.peek().kind == Kind::End {
        return Err(parser.error("the query is empty", "write the words to look for: make reservation"));
    }
    let expr = parser.any()?;
    match parser.peek().kind {
        Kind::Close => {
            return Err(parser.error("this parenthesis closes nothing", "remove it, or open one before it"));
        }
        Kind::End => {}
        _ => return Err(parser.expected()),
    }
    if !expr.says_what(true) {
        let hint = "add a word, a field or a date that must be there: from:2025-01-01 -refund";
        return Err(QueryError::new(
            parser.tokens.first().map_or(1, |token| token.column),
            "this says only what must not be there",
            hint,
        ));
    }
    Ok(expr)
}

/// A border of the dates, where it stands, and whether it is the first one.
struct Border {
    column: usize,
    time: Timestamp,
    from: bool,
}

struct Parser<'a> {
    /// Never empty; the last one is the end.
    tokens: &'a [Token],
    at: usize,
    /// Parentheses and negations around here.
    depth: usize,
    terms: usize,
    /// The dates that everything found must keep to, by the list in progress.
    borders: Vec<Border>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> &'a Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn take(&mut self, kind: &Kind) -> bool {
        let found = self.peek().kind == *kind;
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Result<Expr, QueryError> {
        let mut list = Vec::new();
        let outer = std::mem::take(&mut self.borders);
        loop {
            self.borders.clear();
            // Parentheses around an `OR` inside an `OR` change nothing: its parts become parts of this one.
            match self.all()? {
                Expr::Any(inner) => list.extend(inner),
                other => list.push(other),
            }
            if !self.take(&Kind::Or) {
                break;
            }
        }
        // The dates of one alternative bind nobody outside; those of the only one do.
        let inner = std::mem::replace(&mut self.borders, outer);
        if list.len() == 1 {
            self.borders.extend(inner);
        }
        Ok(joined(list, Expr::Any))
    }

    fn all(&mut self) -> Result<Expr, QueryError> {
        let mut list = Vec::new();
        loop {
            match self.one()? {
                Expr::All(inner) => list.extend(inner),
                other => list.push(other),
            }
            self.check_borders()?;
            let begins = matches!(self.peek().kind, Kind::Open | Kind::Not | Kind::Term(_));
            if !self.take(&Kind::And) && !begins {
                return Ok(joined(list, Expr::All));
            }
        }
    }

    fn one(&mut self) -> Result<Expr, QueryError> {
        let token = self.peek();
        match &token.kind {
            Kind::Not => {
                self.deeper("negations")?;
                let outer = std::mem::take(&mut self.borders);
                let inner = self.one()?;
                self.borders = outer;
                self.depth -= 1;
                Ok(match inner {
                    Expr::Not(twice) => *twice,
                    other => Expr::Not(Box::new(other)),
                })
            }
            Kind::Open => {
                self.deeper("parentheses")?;
                let inner = self.any()?;
                self.depth -= 1;
                match self.peek().kind {
                    Kind::Close => {
                        self.at += 1;
                        Ok(inner)
                    }
                    Kind::End => Err(QueryError::new(
                        token.column,
                        "the parenthesis that opens here is never closed",
                        "add a `)`",
                    )),
                    _ => Err(self.expected()),
                }
            }
            Kind::Term(expr) => {
                // A period is what it is short for: two dates, and parentheses around them where they are negated.
                let parts = match expr {
                    Expr::All(parts) => {
                        self.deeper("parentheses")?;
                        self.depth -= 1;
                        &parts[..]
                    }
                    one => {
                        self.at += 1;
                        std::slice::from_ref(one)
                    }
                };
                self.terms += parts.len();
                if self.terms > MAX_TERMS {
                    let message = format!("more than {MAX_TERMS} words, phrases and fields");
                    return Err(QueryError::new(token.column, message, "search for fewer"));
                }
                for part in parts {
                    let column = token.column;
                    match *part {
                        Expr::From(time) => self.borders.push(Border { column, time, from: true }),
                        Expr::To(time) => self.borders.push(Border { column, time, from: false }),
                        _ => {}
                    }
                }
                Ok(expr.clone())
            }
            Kind::And | Kind::Or | Kind::Close | Kind::End => Err(self.expected()),
        }
    }

    fn deeper(&mut self, what: &str) -> Result<(), QueryError> {
        if self.depth == MAX_DEPTH {
            let message = format!("more than {MAX_DEPTH} {what} inside each other");
            return Err(self.error(&message, "remove those that change nothing"));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// A range that nothing can be in is a mistake, told at its second border.
    fn check_borders(&self) -> Result<(), QueryError> {
        let latest = self.borders.iter().filter(|border| border.from).max_by_key(|border| border.time);
        let earliest = self.borders.iter().filter(|border| !border.from).min_by_key(|border| border.time);
        let (Some(from), Some(to)) = (latest, earliest) else { return Ok(()) };
        if from.time < to.time {
            return Ok(());
        }
        let message =
            format!("the range must start before it ends, and {} is not before {}", from.time, to.time);
        let hint = "`from` is the first moment, `to` the first one after the range";
        Err(QueryError::new(from.column.max(to.column), message, hint))
    }

    /// The error at the token that stands here.
    fn error(&self, message: &str, hint: &str) -> QueryError {
        QueryError::new(self.peek().column, message, hint)
    }

    /// The error where something to look for is missing.
    fn expected(&self) -> QueryError {
        let found = match self.peek().kind {
            Kind::Open => "`(`",
            Kind::Close => "`)`",
            Kind::And => "`AND`",
            Kind::Or => "`OR`",
            Kind::Not => "`NOT`",
            Kind::Term(_) => "a word",
            Kind::End => "the end",
        };
        let message = format!("expected a word, a phrase, a field or `(`, found {found}");
        self.error(&message, "AND, OR and NOT stand between or before such; in quotes they are words")
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
