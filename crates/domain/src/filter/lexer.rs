//! From characters to tokens, each with its column.

use super::ast::is_word;
use super::{FilterError, MAX_BYTES};

/// A token and where it starts, in characters from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) column: usize,
    pub(super) kind: Kind<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    Open,
    Close,
    /// A field, an operator or a keyword: which, the parser says.
    Word(&'a str),
    /// What stands between the quotes, doubled quotes undone.
    Value(String),
    /// After the last token.
    End,
}

/// Reads all tokens; the last one is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token<'_>>, FilterError> {
    if text.len() > MAX_BYTES {
        return Err(FilterError {
            column: text.char_indices().take_while(|&(at, _)| at < MAX_BYTES).count() + 1,
            message: format!("the filter is {} bytes long, and {MAX_BYTES} are allowed", text.len()),
            hint: "ask in several runs, each with a part of the filter".to_owned(),
        });
    }
    let mut lexer = Lexer { rest: text, column: 1 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let ended = token.kind == Kind::End;
        tokens.push(token);
        if ended {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    /// The column of the first character of `rest`.
    column: usize,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Result<Token<'a>, FilterError> {
        self.take_while(char::is_whitespace);
        let column = self.column;
        let kind = match self.rest.chars().next() {
            None => Kind::End,
            Some('(') => {
                self.take(1);
                Kind::Open
            }
            Some(')') => {
                self.take(1);
                self.border(APART)?;
                Kind::Close
            }
            Some('\'') => {
                let value = self.value()?;
                self.border(AFTER_VALUE)?;
                Kind::Value(value)
            }
            Some(first) if is_word(first) => {
                let word = self.take_while(is_word);
                self.border(APART)?;
                Kind::Word(word)
            }
            Some(control) => return Err(self.control(control)),
        };
        Ok(Token { column, kind })
    }

    /// Takes the first characters, which are ASCII.
    fn take(&mut self, count: usize) {
        self.rest = &self.rest[count..];
        self.column += count;
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|character| !wanted(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.column += taken.chars().count();
        taken
    }

    /// The value that starts here with its quote.
    fn value(&mut self) -> Result<String, FilterError> {
        let column = self.column;
        let mut value = String::new();
        self.take(1);
        loop {
            value.push_str(self.take_while(|character| character != '\''));
            if self.rest.starts_with("''") {
                self.take(2);
                value.push('\'');
            } else if self.rest.starts_with('\'') {
                self.take(1);
                return Ok(value);
            } else {
                return Err(FilterError {
                    column,
                    message: "the value that starts here has no closing quote".to_owned(),
                    hint: "end the value with ', and write a quote inside it twice: 'it''s'".to_owned(),
                });
            }
        }
    }

    /// What ends a word, a value or a parenthesis: white space, `)`, or the end.
    fn border(&self, hint: &str) -> Result<(), FilterError> {
        match self.rest.chars().next() {
            None | Some(')') => Ok(()),
            Some(next) if next.is_whitespace() => Ok(()),
            Some(next) if next.is_control() => Err(self.control(next)),
            Some(_) => Err(FilterError {
                column: self.column,
                message: "a space is missing here".to_owned(),
                hint: hint.to_owned(),
            }),
        }
    }

    /// The error for a control character that stands here, outside of a value.
    fn control(&self, character: char) -> FilterError {
        FilterError {
            column: self.column,
            message: format!("the character {} cannot stand here", character.escape_unicode()),
            hint: "control characters may stand in a quoted value only".to_owned(),
        }
    }
}

const APART: &str = "put a space between words, values and parentheses: type eq 'voice' and (queue eq 'web')";
const AFTER_VALUE: &str = "put a space after the value; a quote inside a value is written twice: 'it''s'";
