//! The loop: attempt, verdict, wait. The only one there is.

use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tracing::debug;

use super::budget::Budget;
use super::classify::Fault;
use super::decide::{State, Stop, Verdict, decide};
use crate::clock::{instant, later};
use crate::counters::Waits;
use crate::endpoint::Repeat;
use crate::error::{Answer, Error, ErrorKind, Inner};
use crate::jitter::Jitter;
use crate::options::Cancel;
use crate::throttle::{Closed, Throttle};

/// What all attempts of one call share.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) operation: &'static str,
    pub(crate) repeat: Repeat,
    pub(crate) scope: Option<&'static str>,
    pub(crate) permissions: &'static [&'static str],
    pub(crate) is_token_call: bool,
    pub(crate) started: Instant,
    pub(crate) deadline: Instant,
    pub(crate) attempts: u32,
    /// Whether a failed attempt may be repeated at all.
    pub(crate) repeats: bool,
    pub(crate) cancel: &'a Cancel,
    pub(crate) write_grace: Duration,
    pub(crate) host: &'a Host,
    /// Requests handed to the transport so far.
    pub(crate) sent: AtomicU32,
    /// Whether one of them is being waited for.
    pub(crate) in_flight: AtomicBool,
    /// What the attempt that succeeded took, from the request to the end of its answer.
    pub(crate) took_us: AtomicU64,
}

/// What all callers of one host share.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) throttle: Throttle,
    pub(crate) budget: Budget,
    pub(crate) jitter: Jitter,
    /// Waits between attempts.
    pub(crate) waits: Waits,
}

/// Why an attempt gave no result.
#[derive(Debug)]
pub(crate) enum AttemptError {
    /// The request failed; the table decides what now.
    Failed(Box<Failure>),
    /// The gate is closed beyond the deadline.
    Closed(Closed),
    /// Something before the request failed for good.
    Final(Error),
}

/// One failed request.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    pub(crate) kind: ErrorKind,
    pub(crate) answer: Answer,
    /// The token it carried, so that a 401 drops that one only.
    pub(crate) generation: Option<u64>,
    /// The server may have acted on it.
    pub(crate) may_have_been_processed: bool,
    pub(crate) source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// How the call went so far.
#[derive(Default)]
struct Course {
    counted: u32,
    zeroes: u32,
    refreshed: bool,
    unknown: bool,
    last: Option<Box<Failure>>,
}

/// Runs `attempt` until it succeeds or the table says stop. `refresh` drops the token with that generation.
///
/// # Cancel safety
/// Dropping it gives up the call; a request in flight may have been processed.
pub(crate) async fn run<'f, T>(
    call: &Call<'_>,
    refresh: impl Fn(u64),
    attempt: impl Fn() -> BoxFuture<'f, Result<T, AttemptError>>,
) -> Result<T, Error> {
    call.host.budget.pay_in();
    let mut course = Course::default();
    loop {
        let failure = match once(call, attempt()).await {
            Ended::With(Ok(output)) => return Ok(output),
            Ended::With(Err(AttemptError::Final(error))) => return Err(error),
            Ended::With(Err(AttemptError::Closed(Closed(wait)))) => return Err(call.closed(course, wait)),
            Ended::With(Err(AttemptError::Failed(failure))) => failure,
            Ended::Deadline => return Err(call.ended(course, ErrorKind::Deadline)),
            Ended::Cancelled => return Err(call.ended(course, ErrorKind::Cancelled)),
        };
        let verdict = course.judge(call, &failure);
        debug!(
            operation = call.operation,
            attempt = call.sent.load(Ordering::Relaxed),
            status = failure.answer.status.map(|status| status.as_u16()),
            correlation_id = failure.answer.correlation_id.as_deref(),
            fault = ?failure.fault,
            ?verdict,
            "attempt failed"
        );
        course.unknown |= failure.may_have_been_processed;
        let wait = match verdict {
            Verdict::Stop(stop) => return Err(call.gave_up(course, *failure, stop)),
            Verdict::Refresh => {
                course.refreshed = true;
                failure.generation.into_iter().for_each(&refresh);
                course.last = Some(failure);
                continue;
            }
            Verdict::Wait { length, named } => {
                if !named && !call.host.budget.take() {
                    return Err(call.gave_up(course, *failure, Stop::Budget));
                }
                length
            }
        };
        let until = later(instant(), wait);
        if failure.fault == Fault::Throttled {
            call.host.throttle.close(until);
        }
        course.last = Some(failure);
        if !wait.is_zero() {
            debug!(operation = call.operation, wait_ms = wait.as_millis(), "waiting before the next attempt");
            let _waiting = call.host.waits.begin();
            tokio::select! {
                biased;
                () = call.cancel.cancelled() => return Err(call.ended(course, ErrorKind::Cancelled)),
                () = sleep_until(until) => {}
            }
        }
    }
}

/// How an attempt ended, seen from outside.
enum Ended<T> {
    With(Result<T, AttemptError>),
    Deadline,
    Cancelled,
}

/// One attempt, within the deadline and until the signal to stop. A write that was sent is let go on for a while after
/// the signal: its answer is worth more than the time.
async fn once<T>(call: &Call<'_>, attempt: BoxFuture<'_, Result<T, AttemptError>>) -> Ended<T> {
    if call.cancel.is_cancelled() {
        return Ended::Cancelled;
    }
    call.in_flight.store(false, Ordering::Relaxed);
    let attempt = timeout_at(call.deadline, attempt);
    tokio::pin!(attempt);
    let outcome = tokio::select! {
        biased;
        outcome = &mut attempt => outcome,
        () = call.cancel.cancelled() => {
            let is_write = call.repeat != Repeat::Safe && call.in_flight.load(Ordering::Relaxed);
            if !is_write {
                return Ended::Cancelled;
            }
            match timeout(call.write_grace, attempt).await {
                Ok(outcome) => outcome,
                Err(_) => return Ended::Cancelled,
            }
        }
    };
    match outcome {
        Ok(result) => {
            call.in_flight.store(false, Ordering::Relaxed);
            Ended::With(result)
        }
        Err(_) => Ended::Deadline,
    }
}

impl Course {
    fn judge(&mut self, call: &Call<'_>, failure: &Failure) -> Verdict {
        let named = failure.answer.retry_after;
        if named.is_none() {
            self.counted += 1;
        }
        let verdict = decide(
            failure.fault,
            call.repeat,
            &State {
                counted: self.counted,
                limit: call.attempts,
                named,
                zeroes: self.zeroes,
                refreshable: failure.generation.is_some() && !self.refreshed,
                in_budget: call.host.budget.has_one(),
                // No time is left for what the caller wants to do himself.
                remaining: if call.repeats {
                    call.deadline.saturating_duration_since(instant())
                } else {
                    Duration::ZERO
                },
                draw: call.host.jitter.draw(),
            },
        );
        self.zeroes = if named == Some(Duration::ZERO) { self.zeroes + 1 } else { 0 };
        verdict
    }
}

impl Call<'_> {
    fn gave_up(&self, course: Course, failure: Failure, stop: Stop) -> Error {
        let kind = match stop {
            Stop::Budget => ErrorKind::BudgetSpent,
            Stop::Final | Stop::Attempts | Stop::Time => failure.kind.clone(),
        };
        self.error(course.unknown, Some(failure), kind)
    }

    /// Ended from outside; what failed before is kept as the last answer.
    fn ended(&self, course: Course, kind: ErrorKind) -> Error {
        let unknown = course.unknown || self.in_flight.load(Ordering::Relaxed);
        self.error(unknown, course.last.map(|failure| *failure), kind)
    }

    /// The gate is closed beyond the deadline: somebody else's 429, or this call's own.
    fn closed(&self, course: Course, wait: Duration) -> Error {
        let mut answer = course.last.map(|failure| failure.answer).unwrap_or_default();
        answer.retry_after = Some(wait);
        let failure = Failure {
            fault: Fault::Throttled,
            kind: ErrorKind::Throttled,
            answer,
            generation: None,
            may_have_been_processed: false,
            source: None,
        };
        self.error(course.unknown, Some(failure), ErrorKind::Throttled)
    }

    fn error(&self, unknown_outcome: bool, last: Option<Failure>, kind: ErrorKind) -> Error {
        let (fault, answer, source) = match last {
            Some(failure) => (Some((failure.fault, self.repeat)), failure.answer, failure.source),
            None => (None, Answer::default(), None),
        };
        Error::new(Inner {
            operation: self.operation,
            kind,
            attempts: self.sent.load(Ordering::Relaxed),
            elapsed: instant() - self.started,
            answer,
            fault,
            // For a read there is nothing to be unsure about.
            unknown_outcome: unknown_outcome && self.repeat != Repeat::Safe,
            is_token_call: self.is_token_call,
            scope: self.scope,
            permissions: self.permissions,
            source,
        })
    }
}
