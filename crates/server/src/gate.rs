//! Who may ask for something that costs: some at once, some who wait, nobody beyond.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::problem::Problem;

/// Who may search: some at once, some who wait, and nobody beyond.
#[derive(Debug)]
pub(crate) struct Gate {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    wait: Duration,
    at_once: usize,
    places: usize,
}

/// A place among those who search; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _running: OwnedSemaphorePermit,
    _admitted: OwnedSemaphorePermit,
}

impl Gate {
    pub(crate) fn new(at_once: usize, waiting: usize, wait: Duration) -> Self {
        Self {
            running: Arc::new(Semaphore::new(at_once)),
            admitted: Arc::new(Semaphore::new(at_once + waiting)),
            wait,
            at_once,
            places: at_once + waiting,
        }
    }

    /// How many wait now.
    pub(crate) fn waiting(&self) -> u64 {
        let running = self.at_once - self.running.available_permits();
        let admitted = self.places - self.admitted.available_permits();
        admitted.saturating_sub(running) as u64
    }

    pub(crate) async fn enter(&self) -> Result<Place, Problem> {
        let busy = || {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", "too many searches at once")
                .hint("ask again in a moment")
                .retry_after(1)
        };
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| busy())?;
        match timeout(self.wait, Arc::clone(&self.running).acquire_owned()).await {
            Ok(Ok(running)) => Ok(Place { _running: running, _admitted: admitted }),
            Ok(Err(_)) | Err(_) => Err(busy()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_finds_no_place_in_time_is_told_when_to_come_back() {
        let gate = Gate::new(1, 1, Duration::from_millis(5));
        let place = gate.enter().await.unwrap();
        let waiting = gate.enter();
        let mut waiting = std::pin::pin!(waiting);
        // The second waits, the third finds the queue full at once.
        assert!(futures_poll(waiting.as_mut()).await.is_none());
        assert_eq!(gate.enter().await.unwrap_err().kind, "busy");
        assert_eq!(gate.waiting(), 1);
        assert_eq!(waiting.await.unwrap_err().kind, "busy", "and the second gives up after its time");
        drop(place);
        assert_eq!(gate.waiting(), 0);
        gate.enter().await.unwrap();
    }

    /// Looks once.
    async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match future.as_mut().poll(cx) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
