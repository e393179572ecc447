//! Lets requests of one host go one by one, in the order they were asked for, no faster than the host allows.
//!
//! [`pace`] is the arithmetic, [`limit`] the headers it learns from; here is the waiting. The gate that a 429 closes
//! for every caller of the host is part of it (contract §7).

use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::clock::{instant, later};
use crate::counters::Waits;
use crate::jitter::{Jitter, share};
use crate::sync::lock;

mod limit;
mod pace;
mod rate;

pub(crate) use self::limit::Limit;
pub use self::rate::{Rate, RateError};

use self::pace::{Pace, Ticket};

/// One host's gate and pace.
#[derive(Debug)]
pub(crate) struct Throttle {
    pace: Mutex<Pace>,
    /// Held by the caller whose turn is next; tokio's lock is first come, first served.
    turn: tokio::sync::Mutex<()>,
    /// The schedule changed: who has the turn computes anew.
    changed: Notify,
    /// The gate was closed: everybody looks whether that is beyond his deadline.
    closed: Notify,
    jitter: Jitter,
    waits: Waits,
}

/// The gate is closed beyond the caller's deadline: it opens after this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed(pub(crate) Duration);

impl Throttle {
    pub(crate) fn new(cap: Option<Rate>, jitter: Jitter) -> Self {
        Self {
            pace: Mutex::new(Pace::new(cap.map(Rate::get))),
            turn: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            closed: Notify::new(),
            jitter,
            waits: Waits::default(),
        }
    }

    /// Waits until a request may go.
    ///
    /// # Cancel safety
    /// A dropped wait gives the turn to the next caller.
    ///
    /// # Errors
    /// At once when the gate is closed beyond `deadline`.
    pub(crate) async fn acquire(&self, deadline: Instant) -> Result<Permit<'_>, Closed> {
        let turn = self.turn.lock();
        tokio::pin!(turn);
        let _turn = loop {
            let closed = self.closed.notified();
            tokio::pin!(closed);
            closed.as_mut().enable();
            self.check(deadline)?;
            tokio::select! {
                biased;
                turn = &mut turn => break turn,
                () = closed => {}
            }
        };
        let mut waiting = None;
        loop {
            let until = {
                let now = instant();
                let mut pace = lock(&self.pace);
                match pace.ready(now) {
                    Ok(()) => {
                        let ticket = pace.take(now);
                        return Ok(Permit { throttle: self, ticket, settled: false });
                    }
                    Err(until) => until,
                }
            };
            self.check(deadline)?;
            waiting.get_or_insert_with(|| self.waits.begin());
            tokio::select! {
                () = sleep_until(until) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// Waits for the gate only: for calls that the host's rate does not count, such as the token request. Callers
    /// wake up spread over a tenth of the wait, at most a second.
    ///
    /// # Cancel safety
    /// Nothing is held while waiting.
    ///
    /// # Errors
    /// At once when the gate is closed beyond `deadline`.
    pub(crate) async fn pass_gate(&self, deadline: Instant) -> Result<(), Closed> {
        loop {
            self.check(deadline)?;
            let now = instant();
            let Some(until) = lock(&self.pace).closed_until(now) else { return Ok(()) };
            let _waiting = self.waits.begin();
            let spread = ((until - now) / 10).min(Duration::from_secs(1));
            sleep_until(later(until, share(spread, self.jitter.draw()))).await;
        }
    }

    /// Closes the gate for everybody until `until`.
    pub(crate) fn close(&self, until: Instant) {
        lock(&self.pace).close(until);
        self.changed.notify_one();
        self.closed.notify_waiters();
    }

    /// Waits so far, for the gate or for a turn.
    pub(crate) fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Requests a second at the moment.
    pub(crate) fn rate(&self) -> f64 {
        lock(&self.pace).rate()
    }

    /// The same, once it rests on something.
    pub(crate) fn known_rate(&self) -> Option<f64> {
        lock(&self.pace).known_rate()
    }

    fn check(&self, deadline: Instant) -> Result<(), Closed> {
        let now = instant();
        match lock(&self.pace).closed_until(now) {
            Some(until) if until >= deadline => Err(Closed(until - now)),
            _ => Ok(()),
        }
    }
}

/// A request that was let go. Dropped without an answer it counts as lost.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    throttle: &'a Throttle,
    ticket: Ticket,
    settled: bool,
}

impl Permit<'_> {
    /// The head of the answer came: its limit is learned; a 429 closes the gate for the wait it names.
    pub(crate) fn answered(mut self, limit: Option<Limit>, throttled: bool, named: Option<Duration>) {
        self.settled = true;
        let now = instant();
        lock(&self.throttle.pace).answered(self.ticket, limit, throttled, now);
        match named.filter(|_| throttled) {
            Some(wait) => self.throttle.close(later(now, wait)),
            None => self.throttle.changed.notify_one(),
        }
    }

    /// No answer came.
    pub(crate) fn failed(mut self) {
        self.settled = true;
        lock(&self.throttle.pace).failed(self.ticket);
        self.throttle.changed.notify_one();
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.settled {
            lock(&self.throttle.pace).lost(self.ticket);
            self.throttle.changed.notify_one();
        }
    }
}
