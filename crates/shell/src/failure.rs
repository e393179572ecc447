//! What a command says when it could not do what was asked.

use std::error::Error;
use std::fmt;

use serde::Serialize;

use crate::excerpt;
use crate::exit::Exit;
use crate::printer::printable;

/// A failure as the user meets it: an exit code, what was being done, why, and what to do.
///
/// ```
/// use frontdesk_shell::{Exit, Failure};
///
/// let failure = Failure::new(Exit::Usage, "bad_date", "--from: not a date: 2025-13-01")
///     .hint("write 2025-03-01 or 2025-03-01T10:00:00Z");
/// assert_eq!(failure.exit(), Exit::Usage);
/// assert!(failure.to_json().contains(r#""code":2"#));
/// ```
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    kind: &'static str,
    message: String,
    causes: Vec<String>,
    excerpt: Option<Box<str>>,
    hint: Option<Box<str>>,
    correlation_id: Option<Box<str>>,
}

impl Failure {
    /// A failure with its exit code, a stable kind for scripts, and one sentence of what went wrong.
    pub fn new(exit: Exit, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit,
            kind,
            message: message.into(),
            causes: Vec::new(),
            excerpt: None,
            hint: None,
            correlation_id: None,
        }
    }

    /// A failure from an error value: its text is the message, its sources are the causes.
    pub fn from_error(exit: Exit, kind: &'static str, error: &dyn Error) -> Self {
        let mut failure = Self::new(exit, kind, error.to_string());
        failure.push_sources(error);
        failure
    }

    /// Says where it happened, before what happened: a host, a file.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Adds `error` and its sources to the causes.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn Error) -> Self {
        self.push_cause(error.to_string());
        self.push_sources(error);
        self
    }

    /// Shows people the place in what they typed: `column` counts characters from 1.
    #[must_use]
    pub fn pointing_at(mut self, typed: &str, column: usize) -> Self {
        self.excerpt = Some(excerpt::pointing(typed, column).into());
        self
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into().into());
        self
    }

    /// Adds the id under which the remote knows the failed request.
    #[must_use]
    pub fn correlation_id(mut self, id: Option<String>) -> Self {
        self.correlation_id = id.map(String::into);
        self
    }

    /// The exit code of the process.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The stable kind, for scripts.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The failure as one JSON line, as `--output json` prints it on stderr.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            code: u8,
            kind: &'a str,
            message: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            hint: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            correlation_id: Option<&'a str>,
        }
        #[derive(Serialize)]
        struct Line<'a> {
            error: Body<'a>,
        }
        let line = Line {
            error: Body {
                code: self.exit.code(),
                kind: self.kind,
                message: self.one_line(),
                hint: self.hint.as_deref(),
                correlation_id: self.correlation_id.as_deref(),
            },
        };
        serde_json::to_string(&line).unwrap_or_else(|_| String::from(r#"{"error":{"code":1}}"#))
    }

    /// What went wrong and its causes, without the hint.
    pub fn one_line(&self) -> String {
        let mut message = self.message.clone();
        for cause in &self.causes {
            message.push_str(": ");
            message.push_str(cause);
        }
        message
    }

    fn push_cause(&mut self, cause: String) {
        // A chain often repeats its last level; the reader needs it once.
        if self.message != cause && self.causes.last() != Some(&cause) {
            self.causes.push(cause);
        }
    }

    fn push_sources(&mut self, error: &dyn Error) {
        let mut source = error.source();
        while let Some(cause) = source {
            self.push_cause(cause.to_string());
            source = cause.source();
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", printable(&self.message))?;
        for line in self.excerpt.iter().flat_map(|excerpt| excerpt.lines()) {
            write!(f, "\n  {line}")?;
        }
        for cause in &self.causes {
            write!(f, "\n  caused by: {}", printable(cause))?;
        }
        if let Some(id) = &self.correlation_id {
            write!(f, "\n  correlation id: {}", printable(id))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {}", printable(hint))?;
        }
        Ok(())
    }
}

impl Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot append to the segment")]
    struct Outer(#[source] io::Error);

    #[test]
    fn text_names_message_causes_and_hint() {
        let outer = Outer(io::Error::other("no space left on device"));
        let failure = Failure::from_error(Exit::Storage, "storage", &outer)
            .hint("free some space and run the same command again")
            .correlation_id(Some(String::from("req-7")));
        insta::assert_snapshot!(failure.to_string());
        insta::assert_snapshot!(failure.to_json());
    }

    #[test]
    fn what_was_typed_is_pointed_at() {
        let failure =
            Failure::new(Exit::Usage, "bad_query", "unknown field").pointing_at("a queu:x", 3).hint("no");
        assert_eq!(failure.to_string(), "error: unknown field\n  a queu:x\n    ^\n  hint: no");
        assert!(!failure.to_json().contains('^'));
    }

    #[test]
    fn control_characters_cannot_reach_the_terminal() {
        let failure = Failure::new(Exit::Usage, "bad_id", "no such id: \u{1b}[2J\n\u{7}");
        assert!(!failure.to_string().contains('\u{1b}'));
        assert!(!failure.to_string().contains('\u{7}'));
    }

    #[test]
    fn a_repeated_level_is_said_once() {
        let cause = io::Error::other("same");
        let failure = Failure::new(Exit::Unexpected, "x", "same").caused_by(&cause);
        assert_eq!(failure.to_string(), "error: same");
    }
}
