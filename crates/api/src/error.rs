//! Why a call failed.
//!
//! One opaque [`Error`] for the whole crate: what was asked, how often, how it ended, and whether it is worth asking
//! again. `Display` prints one level; the cause is behind `source()`; advice is [`Error::hint`]. No error carries a
//! secret, a token, a URL or a body: of what a server wrote only its `code`, its `message` and its correlation id are
//! kept, bounded, with control characters escaped.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_domain::{PageToken, Why, WhyKind};
use http::StatusCode;

use crate::endpoint::Repeat;
use crate::retry::classify::Fault;
use crate::retry::decide::{Rule, rule};
use crate::transport::TransportKind;

mod display;
mod hint;
pub(crate) mod text;

/// Why a call, or a run of pages, failed.
///
/// Cheap to clone: callers that waited for the same token share its failure.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) operation: &'static str,
    pub(crate) kind: ErrorKind,
    pub(crate) attempts: u32,
    pub(crate) elapsed: Duration,
    pub(crate) answer: Answer,
    /// The failure the decision table was asked about, with the kind of call it was asked for.
    pub(crate) fault: Option<(Fault, Repeat)>,
    pub(crate) unknown_outcome: bool,
    pub(crate) is_token_call: bool,
    pub(crate) scope: Option<&'static str>,
    pub(crate) permissions: &'static [&'static str],
    pub(crate) source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What the last answer said about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: Option<StatusCode>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) correlation_id: Option<String>,
    /// The key of the limit that was hit (platform contract B.3, `limit.key`).
    pub(crate) limit: Option<String>,
    /// The permissions that are missing, as the answer names them (platform contract B.3, `messageParams.permissions`).
    pub(crate) permissions: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

/// What happened, in our words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request could not be built; nothing was sent.
    Unsendable {
        /// Which part of it.
        what: String,
    },
    /// The server refused the request: a 4xx, or a 5xx that is not repeated.
    Rejected,
    /// 401, also with a fresh token; or the token endpoint refused the credentials.
    Unauthorized,
    /// 403: the client may not do this.
    Forbidden,
    /// A redirect. They are not followed.
    Redirected,
    /// 429 to the end, or the server asks for a wait beyond the deadline.
    Throttled,
    /// 408 or a 5xx that is repeated, to the end; or the server asks for a wait beyond the deadline.
    Unavailable,
    /// No answer, or not a whole one.
    Transport(TransportKind),
    /// The body passed the cap.
    TooLarge {
        /// The cap in bytes, counted after decompression.
        limit: u64,
    },
    /// A complete good answer that is not what the contract says.
    Malformed {
        /// What is wrong with it.
        what: String,
    },
    /// A job of the platform that ended without results (platform contract C.8).
    JobEnded {
        /// Its last state, such as `FAILED`.
        state: String,
    },
    /// A listing that goes in circles. The pages before were delivered.
    LoopingPagination {
        /// The token that leads back, or on without anything new.
        token: PageToken,
    },
    /// The call's time was up.
    Deadline,
    /// The host's retry budget was used up: it is down, and repeating makes it worse.
    BudgetSpent,
    /// The caller gave the signal to stop.
    Cancelled,
}

/// Whether asking again later makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It may go better later.
    Retry,
    /// It may go better after this time, and not before.
    RetryAfter(Duration),
    /// It will fail again until something is changed.
    GiveUp,
}

impl Error {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Box::new(inner))
    }

    /// A failure that no single request stands for.
    pub(crate) fn of_kind(operation: &'static str, kind: ErrorKind) -> Self {
        Self::new(Inner {
            operation,
            kind,
            attempts: 0,
            elapsed: Duration::ZERO,
            answer: Answer::default(),
            fault: None,
            unknown_outcome: false,
            is_token_call: false,
            scope: None,
            permissions: &[],
            source: None,
        })
    }

    pub(crate) fn at_token_call(mut self) -> Self {
        self.0.is_token_call = true;
        self
    }

    /// The failure, with what lies under it.
    pub(crate) fn with_source(mut self, source: Option<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = source.map(Arc::from);
        self
    }

    /// The failure of a write that may have been processed.
    pub(crate) fn in_doubt(mut self) -> Self {
        self.0.unknown_outcome = true;
        self
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The operation's stable name, such as `conversation details query` or `token request`.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Requests sent for this call. Zero when it ended before the first.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Time from the call to its failure, waits included.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Status of the last answer.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.answer.status
    }

    /// The `code` of the last answer's body, at most 200 characters, control characters escaped.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.answer.code.as_deref()
    }

    /// The `message` of the last answer's body, at most 200 characters, control characters escaped.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.0.answer.message.as_deref()
    }

    /// `X-Request-Id` of the last answer, else its `ININ-Correlation-Id`, else the `contextId` of its body: what the server's operators search for.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        self.0.answer.correlation_id.as_deref()
    }

    /// The wait the last answer asked for.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.answer.retry_after
    }

    /// The scope the operation needs, on a 403.
    #[must_use]
    pub fn scope(&self) -> Option<&'static str> {
        if self.0.kind == ErrorKind::Forbidden { self.0.scope } else { None }
    }

    /// The permissions of which the operation needs one, on a 403 (platform contract A.5). Empty where it needs none, or a
    /// [scope](Error::scope) instead.
    #[must_use]
    pub fn permissions(&self) -> &'static [&'static str] {
        if self.0.kind == ErrorKind::Forbidden { self.0.permissions } else { &[] }
    }

    /// The permissions the server says are missing, at most 200 characters, control characters escaped.
    #[must_use]
    pub fn missing_permissions(&self) -> Option<&str> {
        self.0.answer.permissions.as_deref()
    }

    /// The key of the limit that was hit, such as `token.rate.per.minute`, where the server names one.
    #[must_use]
    pub fn limit_key(&self) -> Option<&str> {
        self.0.answer.limit.as_deref()
    }

    /// Whether the call itself was answered 404; one of the token endpoint says nothing about what was asked for.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.0.kind == ErrorKind::Rejected && !self.is_auth() && self.status() == Some(StatusCode::NOT_FOUND)
    }

    /// Authentication or permission: credentials refused, token not accepted, scope missing. Exit code 4.
    ///
    /// A token endpoint that is down or throttles is [unavailable](Error::is_unavailable) instead.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        match self.0.kind {
            ErrorKind::Unauthorized | ErrorKind::Forbidden => true,
            ErrorKind::Rejected | ErrorKind::Redirected | ErrorKind::Malformed { .. } => self.0.is_token_call,
            _ => false,
        }
    }

    /// The server could not be reached, did not answer, is overloaded, or time or budget ran out. Exit code 5.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::Transport(_)
                | ErrorKind::Throttled
                | ErrorKind::Unavailable
                | ErrorKind::Deadline
                | ErrorKind::BudgetSpent
        )
    }

    /// Too many requests, to the end.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.0.kind == ErrorKind::Throttled
    }

    /// The caller stopped it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.kind == ErrorKind::Cancelled
    }

    /// A listing that goes in circles; its token.
    #[must_use]
    pub fn looping_token(&self) -> Option<&PageToken> {
        match &self.0.kind {
            ErrorKind::LoopingPagination { token } => Some(token),
            _ => None,
        }
    }

    /// Whether the server may have acted on a request whose answer was lost. For a write: the outcome is unknown.
    #[must_use]
    pub fn may_have_been_processed(&self) -> bool {
        self.0.unknown_outcome
    }

    /// Whether asking again later makes sense. The same table that decides repeats answers this.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        let again = match (&self.0.kind, self.0.fault) {
            (
                ErrorKind::Cancelled | ErrorKind::LoopingPagination { .. } | ErrorKind::Unsendable { .. },
                _,
            ) => false,
            // Repeats ended for want of time, attempts or budget; the last failure says whether they made sense.
            (_, Some((fault, repeat))) => matches!(rule(fault, repeat), Rule::Repeat(_)),
            (
                ErrorKind::Deadline
                | ErrorKind::BudgetSpent
                | ErrorKind::Throttled
                | ErrorKind::JobEnded { .. },
                None,
            ) => true,
            (_, None) => false,
        };
        match (again, self.0.answer.retry_after) {
            (false, _) => Disposition::GiveUp,
            (true, Some(wait)) => Disposition::RetryAfter(wait),
            (true, None) => Disposition::Retry,
        }
    }

    /// The failure as an outcome tells it: a kind for programs, our words, and the server's apart from them.
    #[must_use]
    pub fn why(&self) -> Why {
        let kind = match self.kind() {
            ErrorKind::Unauthorized => WhyKind::Unauthorized,
            ErrorKind::Forbidden => WhyKind::Forbidden,
            ErrorKind::Throttled => WhyKind::Throttled,
            ErrorKind::Cancelled => WhyKind::Interrupted,
            _ if self.is_auth() => WhyKind::Unauthorized,
            ErrorKind::Rejected | ErrorKind::Redirected | ErrorKind::Unsendable { .. } => WhyKind::Refused,
            ErrorKind::Malformed { .. } | ErrorKind::TooLarge { .. } => WhyKind::Malformed,
            _ => WhyKind::Unavailable,
        };
        let why = Why::new(kind, self.in_our_words());
        match (&self.0.answer.code, &self.0.answer.message) {
            (Some(code), Some(message)) => why.saying(format!("{code}: {message}")),
            (Some(said), None) | (None, Some(said)) => why.saying(said),
            (None, None) => why,
        }
    }

    /// `Display` without the `code` and the `message` of the last answer: what failed, how, with which status, under
    /// which correlation id. For what is kept for good, since a server's message may quote a customer.
    #[must_use]
    pub fn in_our_words(&self) -> String {
        display::InOurWords(&self.0).to_string()
    }

    /// What a person can do about it, in a sentence or two.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        hint::hint(&self.0)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        display::Told(&self.0).fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("operation", &self.0.operation)
            .field("kind", &self.0.kind)
            .field("attempts", &self.0.attempts)
            .field("elapsed", &self.0.elapsed)
            .field("answer", &self.0.answer)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
