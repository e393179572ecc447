//! Words, quoted values and parentheses, each with the column it starts at.

use super::FilterError;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Value(String),
    Open,
    Close,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) column: usize,
}

/// Splits a filter into tokens. Blanks separate words and are otherwise free.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, FilterError> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&character) = characters.get(at) {
        let column = at + 1;
        let token = match character {
            _ if character.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' | ')' => {
                at += 1;
                if character == '(' { Token::Open } else { Token::Close }
            }
            '\'' => quoted(&characters, &mut at)?,
            _ if is_word(character) => {
                let length = characters[at..].iter().take_while(|c| is_word(**c)).count();
                at += length;
                Token::Word(characters[at - length..at].iter().collect())
            }
            other => {
                return Err(FilterError::at(column, format!("{other:?} means nothing here")));
            }
        };
        tokens.push(Placed { token, column });
    }
    Ok(tokens)
}

/// Keys of metadata are free, so a word is whatever nothing else is.
fn is_word(character: char) -> bool {
    !character.is_whitespace() && !character.is_control() && !matches!(character, '\'' | '(' | ')')
}

/// Reads a value from its opening quote; a doubled quote stands for one.
fn quoted(characters: &[char], at: &mut usize) -> Result<Token, FilterError> {
    let opening = *at + 1;
    let mut value = String::new();
    *at += 1;
    loop {
        match (characters.get(*at), characters.get(*at + 1)) {
            (Some('\''), Some('\'')) => {
                value.push('\'');
                *at += 2;
            }
            (Some('\''), _) => {
                *at += 1;
                return Ok(Token::Value(value));
            }
            (Some(other), _) => {
                value.push(*other);
                *at += 1;
            }
            (None, _) => return Err(FilterError::at(opening, "this quote is never closed")),
        }
    }
}
