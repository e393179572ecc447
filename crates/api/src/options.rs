//! What a caller can set, per call and per client. The defaults are the contract's (§7).

use std::time::Duration;

use tokio::sync::watch;

/// Options of one call.
///
/// ```
/// use std::time::Duration;
/// use frontdesk_api::{CallOptions, Cancel};
///
/// let (stop, cancel) = Cancel::pair();
/// let options = CallOptions::default().deadline(Duration::from_secs(30)).cancel(cancel);
/// stop.cancel();
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct CallOptions {
    pub(crate) deadline: Duration,
    pub(crate) attempts: u32,
    pub(crate) repeats: bool,
    pub(crate) cancel: Cancel,
}

impl Default for CallOptions {
    fn default() -> Self {
        Self { deadline: Self::DEADLINE, attempts: 5, repeats: true, cancel: Cancel::never() }
    }
}

impl CallOptions {
    /// Time for the whole call where nothing else is said (contract §7).
    pub const DEADLINE: Duration = Duration::from_secs(120);

    /// Time for the whole call: all attempts, all waits. Two minutes by default.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Attempts, not counting those whose answer named a wait; at least one. Five by default.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Exactly one attempt, also when its answer names a wait: the caller has a schedule of its own, as the outbox has.
    #[must_use]
    pub fn single_attempt(mut self) -> Self {
        self.attempts = 1;
        self.repeats = false;
        self
    }

    /// The signal that ends the call. A wait or a read ends at once; a write that was sent gets up to
    /// [`Timeouts::write_grace`] for its answer.
    #[must_use]
    pub fn cancel(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }
}

/// Time-outs of every attempt. The connect time-out is the transport's own: 5 s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// To the response head; an endpoint may have its own.
    pub head: Duration,
    /// To the response head of the token call.
    pub token_head: Duration,
    /// Without a byte of the body.
    pub idle: Duration,
    /// How long a write that was sent may go on for its answer after the signal to stop.
    pub write_grace: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            token_head: Duration::from_secs(10),
            idle: Duration::from_secs(10),
            write_grace: Duration::from_secs(10),
        }
    }
}

/// A signal to stop, given once and seen by every clone.
#[derive(Debug, Clone)]
pub struct Cancel(Option<watch::Receiver<bool>>);

/// Gives the signal of a [`Cancel`]. Dropping it gives none.
#[derive(Debug)]
pub struct CancelHandle(watch::Sender<bool>);

impl Cancel {
    /// A handle and the signal it gives.
    #[must_use]
    pub fn pair() -> (CancelHandle, Self) {
        let (sender, receiver) = watch::channel(false);
        (CancelHandle(sender), Self(Some(receiver)))
    }

    /// A signal that is never given.
    #[must_use]
    pub fn never() -> Self {
        Self(None)
    }

    /// Whether the signal was given.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.as_ref().is_some_and(|receiver| *receiver.borrow())
    }

    /// Waits for the signal; for ever, when its handle is gone without giving it.
    ///
    /// # Cancel safety
    /// Safe: nothing is lost by dropping it.
    pub async fn cancelled(&self) {
        if let Some(receiver) = &self.0 {
            let mut receiver = receiver.clone();
            if receiver.wait_for(|given| *given).await.is_ok() {
                return;
            }
        }
        std::future::pending().await
    }
}

impl CancelHandle {
    /// Gives the signal.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_signal_reaches_every_clone_and_a_dropped_handle_gives_none() {
        let (handle, cancel) = Cancel::pair();
        let clone = cancel.clone();
        let waiting = tokio::time::timeout(Duration::from_secs(1), clone.cancelled());
        assert!(waiting.await.is_err());
        handle.cancel();
        clone.cancelled().await;
        assert!(cancel.is_cancelled());

        let (handle, cancel) = Cancel::pair();
        drop(handle);
        assert!(tokio::time::timeout(Duration::from_secs(3600), cancel.cancelled()).await.is_err());
    }
}
