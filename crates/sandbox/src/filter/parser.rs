//! Tokens to a tree. Recursive only over parentheses, whose depth is bounded.

use super::lexer::{Placed, Token, tokens};
use super::{Comparison, Field, Filter, FilterError, Test, fold};

/// Parentheses may stand this deep; a filter of a person never comes near, and the stack never ends.
const MAX_DEPTH: usize = 64;

/// Reads a filter, or says what is wrong at which column.
pub(crate) fn parse(text: &str) -> Result<Filter, FilterError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, end: text.chars().count() + 1 };
    let filter = parser.any_of(0)?;
    match parser.peek() {
        None => Ok(filter),
        Some(Placed { token: Token::Close, column }) => {
            Err(FilterError::at(*column, "no parenthesis is open here"))
        }
        Some(extra) => Err(FilterError::at(extra.column, "expected `and`, `or` or the end")),
    }
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    /// The column after the last character.
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Placed> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Placed> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn takes_keyword(&mut self, keyword: &str) -> bool {
        let found = matches!(self.peek(), Some(Placed { token: Token::Word(word), .. }) if word == keyword);
        self.at += usize::from(found);
        found
    }

    fn any_of(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut parts = vec![self.all_of(depth)?];
        while self.takes_keyword("or") {
            parts.push(self.all_of(depth)?);
        }
        Ok(one_or(parts, Filter::Or))
    }

    fn all_of(&mut self, depth: usize) -> Result<Filter, FilterError> {
        let mut parts = vec![self.term(depth)?];
        while self.takes_keyword("and") {
            parts.push(self.term(depth)?);
        }
        Ok(one_or(parts, Filter::And))
    }

    fn term(&mut self, depth: usize) -> Result<Filter, FilterError> {
        match self.next() {
            Some(Placed { token: Token::Open, column }) => self.group(column, depth + 1),
            Some(Placed { token: Token::Word(name), column }) => self.test(&name, column),
            Some(other) => Err(FilterError::at(other.column, "expected a field or `(`")),
            None => Err(FilterError::at(self.end, "expected a field or `(`")),
        }
    }

    fn group(&mut self, opened: usize, depth: usize) -> Result<Filter, FilterError> {
        if depth > MAX_DEPTH {
            return Err(FilterError::at(opened, format!("more than {MAX_DEPTH} parentheses are open")));
        }
        let inner = self.any_of(depth)?;
        match self.next() {
            Some(Placed { token: Token::Close, .. }) => Ok(inner),
            Some(other) => Err(FilterError::at(other.column, "expected `and`, `or` or `)`")),
            None => Err(FilterError::at(opened, "this parenthesis is never closed")),
        }
    }

    fn test(&mut self, name: &str, column: usize) -> Result<Filter, FilterError> {
        let field = Field::named(name)
            .ok_or_else(|| FilterError::at(column, format!("there is no field `{name}`")))?;
        let (operator, operator_column) = match self.next() {
            Some(Placed { token: Token::Word(word), column }) => (word, column),
            Some(other) => return Err(FilterError::at(other.column, "expected an operator")),
            None => return Err(FilterError::at(self.end, "expected an operator")),
        };
        if !matches!(operator.as_str(), "eq" | "neq" | "gt" | "lt" | "contains") {
            let message = format!("there is no operator `{operator}`: eq, neq, gt, lt or contains");
            return Err(FilterError::at(operator_column, message));
        }
        let (value, value_column) = match self.next() {
            Some(Placed { token: Token::Value(value), column }) => (value, column),
            Some(other) => return Err(FilterError::at(other.column, "expected a value in single quotes")),
            None => return Err(FilterError::at(self.end, "expected a value in single quotes")),
        };
        let comparison = comparison(&field, &operator, value).ok_or_else(|| {
            FilterError::at(value_column, format!("`{name}` is compared with an RFC 3339 time"))
        })?;
        Ok(Filter::Test(Test { field, comparison }))
    }
}

/// Binds an operator to its value; nothing when a time was needed and is none.
fn comparison(field: &Field, operator: &str, value: String) -> Option<Comparison> {
    Some(match operator {
        "eq" => Comparison::Equal(value),
        "neq" => Comparison::NotEqual(value),
        "contains" => Comparison::Contains(value.chars().map(fold).collect()),
        "gt" if field.is_time() => Comparison::After(value.parse().ok()?),
        "lt" if field.is_time() => Comparison::Before(value.parse().ok()?),
        "gt" => Comparison::Greater(value),
        _ => Comparison::Less(value),
    })
}

fn one_or(mut parts: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}
