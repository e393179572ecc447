//! From characters to tokens, each with its column.

use super::ast::{Expr, Field, FieldName, Words, is_bare};
use super::{MAX_BYTES, QueryError};
use crate::fold::fold;
use crate::suggest::{nearest, shortened};
use crate::time::Period;
use crate::{TimeError, Timestamp, tokens};

/// A token and where it starts, in characters from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) column: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    And,
    Or,
    /// `NOT` or a minus.
    Not,
    /// A word, a phrase, a field, a date.
    Term(Expr),
    /// After the last token.
    End,
}

/// Reads all tokens; the last one is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, QueryError> {
    if text.len() > MAX_BYTES {
        let column = text.char_indices().take_while(|&(at, _)| at < MAX_BYTES).count() + 1;
        let message = format!("the query is {} bytes long, and {MAX_BYTES} are allowed", text.len());
        return Err(QueryError::new(column, message, "search for a few words of it"));
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
    fn next(&mut self) -> Result<Token, QueryError> {
        self.take_while(char::is_whitespace);
        let column = self.column;
        let kind = match self.peek() {
            None => Kind::End,
            Some('(') => {
                self.take(1);
                Kind::Open
            }
            Some(')') => {
                self.take(1);
                Kind::Close
            }
            Some('-') => {
                self.take(1);
                if self.peek().is_none_or(|next| next == '-' || next == ')' || next.is_whitespace()) {
                    return Err(QueryError::new(column, "this minus stands before nothing", MINUS));
                }
                Kind::Not
            }
            Some('"') => {
                let text = self.quoted()?;
                let prefix = self.star();
                let words = self.words(&text, prefix, column)?;
                self.border()?;
                Kind::Term(words)
            }
            Some(first) if is_bare(first) => self.bare(column)?,
            Some(other) => return Err(self.refused(other)),
        };
        Ok(Token { column, kind })
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
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

    /// Takes a star, if one stands here.
    fn star(&mut self) -> bool {
        let found = self.rest.starts_with('*');
        self.take(usize::from(found));
        found
    }

    /// The text between the quote that stands here and the next single one.
    fn quoted(&mut self) -> Result<String, QueryError> {
        let column = self.column;
        let mut text = String::new();
        self.take(1);
        loop {
            text.push_str(self.take_while(|character| character != '"'));
            if self.rest.starts_with("\"\"") {
                self.take(2);
                text.push('"');
            } else if self.rest.starts_with('"') {
                self.take(1);
                return Ok(text);
            } else {
                let hint = "end it with \", and write a quote inside it twice";
                return Err(QueryError::new(column, "the quote that opens here is never closed", hint));
            }
        }
    }

    /// A keyword, a word, a field or a date.
    fn bare(&mut self, column: usize) -> Result<Kind, QueryError> {
        let word = self.take_while(|character| is_bare(character) && character != ':');
        match word {
            "AND" => return Ok(Kind::And),
            "OR" => return Ok(Kind::Or),
            "NOT" => return Ok(Kind::Not),
            _ => {}
        }
        let named = word.starts_with(char::is_alphabetic);
        let expr = if named && word == FieldName::PREFIX && self.rest.starts_with('"') {
            let key = self.quoted()?;
            if !self.rest.starts_with(':') {
                return Err(QueryError::new(self.column, "expected a colon and a value", METADATA));
            }
            self.take(1);
            self.field(FieldName::Metadata(key))?
        } else if named && self.rest.starts_with(':') {
            self.take(1);
            self.named(word, column)?
        } else {
            let rest = self.take_while(is_bare);
            let whole = format!("{word}{rest}");
            let (text, prefix) = whole.strip_suffix('*').map_or((&*whole, false), |text| (text, true));
            if let Some(at) = text.chars().position(|character| character == '*') {
                let message = "a star stands at the end of a word only";
                return Err(QueryError::new(column + at, message, STAR));
            }
            self.words(text, prefix, column)?
        };
        self.border()?;
        Ok(Kind::Term(expr))
    }

    /// What stands behind a name and a colon.
    fn named(&mut self, name: &str, column: usize) -> Result<Expr, QueryError> {
        if let Some(field) = FieldName::of(name) {
            return self.field(field);
        }
        match name {
            "from" => self.time("from").map(Expr::From),
            "to" => self.time("to").map(Expr::To),
            "date" => self.period(),
            "metadata" | FieldName::PREFIX => {
                let message = format!("`{name}` needs a key");
                Err(QueryError::new(column, message, METADATA))
            }
            _ => match name.strip_prefix(FieldName::PREFIX) {
                Some(key) => self.field(FieldName::Metadata(key.to_owned())),
                None => {
                    let message = format!("unknown field `{}`", shortened(name));
                    Err(QueryError::new(column, message, unknown_field(name)))
                }
            },
        }
    }

    fn field(&mut self, name: FieldName) -> Result<Expr, QueryError> {
        let column = self.column;
        let value =
            if self.rest.starts_with('"') { self.quoted()? } else { self.bare_value(&name)?.to_owned() };
        let field = Field::new(name, &value);
        match field.name().known() {
            Some(values) if !values.contains(&field.value()) => {
                let message = format!("`{}:` has no such value", field.name());
                Err(QueryError::new(column, message, format!("write {}", choices(&field, values))))
            }
            _ => Ok(Expr::Field(field)),
        }
    }

    /// A value without quotes.
    fn bare_value(&mut self, name: &FieldName) -> Result<&'a str, QueryError> {
        let column = self.column;
        let value = self.take_while(is_bare);
        if value.is_empty() {
            let message = format!("`{}:` needs a value right behind it", shortened(&name.to_string()));
            return Err(QueryError::new(column, message, "write queue:web or queue:\"web support\""));
        }
        if let Some(at) = value.chars().position(|character| character == '*') {
            let hint = "write the whole value, and put it in quotes if the star is part of it";
            return Err(QueryError::new(column + at, "a field is compared whole: no star here", hint));
        }
        Ok(value)
    }

    fn time(&mut self, name: &str) -> Result<Timestamp, QueryError> {
        self.moment(
            Timestamp::from_date_or_time,
            &format!("`{name}:` takes a date or a time"),
            &format!("write {name}:2025-03-01 or {name}:2025-03-01T10:00:00Z"),
        )
    }

    /// A year, a month or a day: its first moment and the first one after it.
    fn period(&mut self) -> Result<Expr, QueryError> {
        let period: Period = self.moment(
            str::parse,
            "`date:` takes a year, a month or a day",
            "write date:2025, date:2025-03 or date:2025-03-14",
        )?;
        let from = Expr::From(period.start());
        Ok(match period.end() {
            Some(end) => Expr::All(vec![from, Expr::To(end)]),
            None => from,
        })
    }

    /// What `read` makes of the value that stands here.
    fn moment<T>(
        &mut self,
        read: impl Fn(&str) -> Result<T, TimeError>,
        takes: &str,
        hint: &str,
    ) -> Result<T, QueryError> {
        let quoted = self.rest.starts_with('"');
        let column = self.column + usize::from(quoted);
        let text = if quoted { self.quoted()? } else { self.take_while(is_bare).to_owned() };
        read(&text).map_err(|error| {
            let (column, what) = match error {
                TimeError::Malformed { column: inner, expected } => {
                    (column + inner - 1, format!("expected {expected}"))
                }
                other => (column, other.to_string()),
            };
            QueryError::new(column, format!("{takes}: {what}"), hint)
        })
    }

    /// The words of a text that starts in `column`.
    fn words(&self, text: &str, prefix: bool, column: usize) -> Result<Expr, QueryError> {
        let Some(words) = Words::new(text, prefix) else {
            return Err(if prefix && text.is_empty() {
                QueryError::new(column, "a star alone stands for everything", STAR)
            } else {
                let message = "there is no word in this: no letter and no digit";
                QueryError::new(column, message, "signs are found with --contains")
            });
        };
        let folded = fold(text);
        let ends = tokens::word_places(&folded).last().is_some_and(|word| word.end == folded.len());
        if prefix && !ends {
            let at = self.column - 1;
            return Err(QueryError::new(at, "this star does not stand right behind a word", STAR));
        }
        Ok(Expr::Words(words))
    }

    /// What ends a term: white space, a parenthesis that closes, or the end.
    fn border(&self) -> Result<(), QueryError> {
        match self.peek() {
            None | Some(')') => Ok(()),
            Some(next) if next.is_whitespace() => Ok(()),
            Some(next) if next.is_control() || !is_bare(next) && !matches!(next, '"' | '(') => {
                Err(self.refused(next))
            }
            Some(_) => {
                let hint = "put a space between words, phrases, fields and parentheses";
                Err(QueryError::new(self.column, "a space is missing here", hint))
            }
        }
    }

    /// The error for a character that can stand in quotes only.
    fn refused(&self, character: char) -> QueryError {
        let (message, hint) = if character.is_control() {
            let message = format!("the character {} cannot stand here", character.escape_unicode());
            (message, "control characters may stand in quotes only")
        } else {
            (format!("`{character}` is no quote here"), "write straight quotes: \"make a reservation\"")
        };
        QueryError::new(self.column, message, hint)
    }
}

/// The ways to write a field whose values are known.
fn choices(field: &Field, values: &[&str]) -> String {
    let written: Vec<String> = values.iter().map(|value| format!("{}:{value}", field.name())).collect();
    written.join(" or ")
}

fn unknown_field(name: &str) -> String {
    const NAMES: [&str; 11] =
        ["type", "queue", "agent", "direction", "language", "has", "is", "date", "from", "to", "metadata"];
    let list = "the fields are type, queue, agent, direction, language, has, is, date, from, to and metadata.<key>; \
                put text with a colon in quotes";
    match nearest(name, &NAMES) {
        Some("metadata") => format!("did you mean `metadata.<key>`? {list}"),
        Some(nearest) => format!("did you mean `{nearest}`? {list}"),
        None => list.to_owned(),
    }
}

const MINUS: &str =
    "put it right before the word, phrase or field that must not be there; in quotes it is a sign";
const METADATA: &str = "name the key: metadata.source:web, or metadata.\"the key\":web";
const STAR: &str = "put it right behind the beginning of a word: reserv*";
