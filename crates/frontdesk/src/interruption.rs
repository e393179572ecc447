//! The signal to stop, handed on to what ends on it.

use frontdesk_api::{Cancel, CancelHandle};
use frontdesk_shell::{Failure, Shutdown};
use tokio::task::JoinSet;

use crate::context;

/// Listens for the signals as long as it lives. A command whose calls end on the signal keeps it to its end.
pub(crate) struct Interruption {
    /// The signals themselves.
    pub(crate) shutdown: Shutdown,
    /// Given with the first of them.
    pub(crate) cancel: Cancel,
    // Owns the task that hands the signal on.
    _handing_on: JoinSet<()>,
}

impl Interruption {
    pub(crate) fn listen() -> Result<Self, Failure> {
        let shutdown = context::signals()?;
        let (handle, cancel) = Cancel::pair();
        let requested = shutdown.requested();
        let mut handing_on = JoinSet::new();
        handing_on.spawn(async move {
            requested.await;
            handle.cancel();
        });
        Ok(Self { shutdown, cancel, _handing_on: handing_on })
    }
}

/// Does work that ends on the signal of `handle` to its end, which comes soon after `stop`.
pub(crate) async fn heeding<T>(
    stop: impl Future<Output = ()>,
    handle: &CancelHandle,
    work: impl Future<Output = T>,
) -> T {
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => done,
        () = stop => {
            handle.cancel();
            work.await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_to_its_end_also_after_the_signal() {
        let (handle, cancel) = Cancel::pair();
        let ended = heeding(std::future::ready(()), &handle, async {
            cancel.cancelled().await;
            "ended"
        });
        assert_eq!(ended.await, "ended");
        assert!(cancel.is_cancelled());

        let (handle, cancel) = Cancel::pair();
        assert_eq!(heeding(std::future::pending(), &handle, std::future::ready(7)).await, 7);
        assert!(!cancel.is_cancelled(), "nobody asked it to stop");
    }
}
