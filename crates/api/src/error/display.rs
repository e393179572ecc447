//! One level of an error as a sentence.

use std::fmt;
use std::time::Duration;

use super::{ErrorKind, Inner};
use crate::error::text::escape;

/// Characters of a page token that are shown: enough to find it in a log, short enough for a line.
const TOKEN_SHOWN: usize = 80;

/// An error as a sentence, with what the server wrote.
pub(super) struct Told<'e>(pub(super) &'e Inner);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sentence(self.0, true, f)
    }
}

/// The same without the texts that came from the server.
pub(super) struct InOurWords<'e>(pub(super) &'e Inner);

impl fmt::Display for InOurWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        sentence(self.0, false, f)
    }
}

fn sentence(error: &Inner, with_texts: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{} failed", error.operation)?;
    if error.attempts > 1 {
        write!(f, " after {} attempts in {}", error.attempts, span(error.elapsed))?;
    }
    f.write_str(": ")?;
    kind(error, f)?;
    // An answer's status is named by these kinds already.
    let shown = matches!(
        error.kind,
        ErrorKind::Rejected
            | ErrorKind::Unauthorized
            | ErrorKind::Forbidden
            | ErrorKind::Redirected
            | ErrorKind::Throttled
            | ErrorKind::Unavailable
    );
    if let Some(status) = error.answer.status.filter(|_| !shown) {
        write!(f, "; the last answer had status {}", status.as_u16())?;
    }
    if let Some(code) = error.answer.code.as_ref().filter(|_| with_texts) {
        write!(f, ", code {code}")?;
    }
    if let Some(message) = error.answer.message.as_ref().filter(|_| with_texts) {
        write!(f, ": {message}")?;
    }
    if let Some(key) = error.answer.limit.as_ref().filter(|_| with_texts) {
        write!(f, ", limit {key}")?;
    }
    if let Some(id) = &error.answer.correlation_id {
        write!(f, " (correlation id {id})")?;
    }
    Ok(())
}

fn kind(error: &Inner, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let status = error.answer.status.map(|status| status.as_u16());
    let with_status = |f: &mut fmt::Formatter<'_>, what: &str| match status {
        Some(status) => write!(f, "{what} with status {status}"),
        None => f.write_str(what),
    };
    let asked = |f: &mut fmt::Formatter<'_>| match error.answer.retry_after {
        Some(wait) => write!(f, " and asks to wait {}", span(wait)),
        None => Ok(()),
    };
    match &error.kind {
        ErrorKind::Unsendable { what } => write!(f, "the request could not be built: {what}"),
        ErrorKind::Rejected => with_status(f, "the server refused it"),
        ErrorKind::Unauthorized if error.is_token_call => {
            with_status(f, "the server refused the credentials")
        }
        ErrorKind::Unauthorized => with_status(f, "the server does not accept the token: it answered"),
        ErrorKind::Forbidden => with_status(f, "the client may not do this: the server answered"),
        ErrorKind::Redirected => {
            with_status(f, "the server redirects elsewhere")?;
            f.write_str(", and redirects are not followed")
        }
        ErrorKind::Throttled => {
            with_status(f, "too many requests: the server answered")?;
            asked(f)
        }
        ErrorKind::Unavailable => {
            with_status(f, "the server is not available: it answered")?;
            asked(f)
        }
        ErrorKind::Transport(kind) => f.write_str(kind.phrase()),
        ErrorKind::TooLarge { limit } => {
            write!(f, "the answer is larger than {} MiB", limit.div_ceil(1 << 20))
        }
        ErrorKind::Malformed { what } => write!(f, "the answer is not what the contract says: {what}"),
        ErrorKind::JobEnded { state } => write!(f, "the job ended as {state}"),
        ErrorKind::LoopingPagination { token } => write!(
            f,
            "looping pagination: the page token \"{}\" brings nothing new",
            escape(token.as_str(), TOKEN_SHOWN)
        ),
        ErrorKind::Deadline => f.write_str("its time was up"),
        ErrorKind::BudgetSpent => f.write_str("the retry budget of this host is used up"),
        ErrorKind::Cancelled => f.write_str("it was cancelled"),
    }
}

/// A time as people say it: milliseconds below a second, then seconds with one digit, then whole seconds.
fn span(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else if time < Duration::from_secs(60) {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} s", time.as_secs())
    }
}
