//! Work that blocks: behind the gate, on a thread of its own, within its time.

use std::io;
use std::time::Duration;

use http::StatusCode;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::gate::Gate;
use crate::limits::Limits;
use crate::problem::Problem;
use crate::workers::Workers;

/// Where everything is done that reads a disk. One for the whole server, so that its bounds are those of the machine.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) gate: Gate,
    pub(crate) workers: Workers,
    longest: Duration,
}

impl Work {
    /// # Errors
    /// When the system gives no threads.
    pub(crate) fn new(limits: &Limits) -> io::Result<Self> {
        Ok(Self {
            gate: Gate::new(limits.searches, limits.waiting, limits.wait),
            // One more than may search: `/readyz` always finds a thread.
            workers: Workers::new(limits.searches + 1)?,
            longest: limits.first_byte,
        })
    }

    /// Does `work` and gives what comes of it.
    ///
    /// # Errors
    /// `busy` where there is no place, `deadline` after [`Limits::first_byte`], and what `work` says.
    ///
    /// # Cancel safety
    /// Work that was begun goes on to its end, and keeps its place until then.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let running = self.begin(work).await?;
        self.within(running).await?.unwrap_or_else(|_| Err(Problem::unexpected()))
    }

    /// Begins `work` and says where its end shows.
    ///
    /// # Errors
    /// `busy` where there is no place.
    pub(crate) async fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<JoinHandle<T>, Problem> {
        let place = self.gate.enter().await?;
        Ok(self.workers.run(move || {
            let done = work();
            drop(place);
            done
        }))
    }

    /// Waits for something that takes no place.
    ///
    /// # Errors
    /// `deadline` after [`Limits::first_byte`].
    pub(crate) async fn within<T>(&self, waiting: impl Future<Output = T>) -> Result<T, Problem> {
        timeout(self.longest, waiting).await.map_err(|_| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "deadline", "the answer took too long")
                .hint("ask for less, or again in a moment")
                .retry_after(10)
        })
    }
}
