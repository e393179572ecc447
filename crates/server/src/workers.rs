//! Threads for what blocks: bounded, apart from those that serve connections, and given back when they idle.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

/// A pool of threads. Nothing else runs on them, so nothing else waits when all are at work.
#[derive(Debug)]
pub(crate) struct Workers {
    handle: Handle,
    // Only for its blocking threads. Given up without waiting: a search that nobody reads ends by itself.
    runtime: Option<Runtime>,
}

impl Workers {
    /// At most so many threads; they are started when there is work.
    pub(crate) fn new(most: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .max_blocking_threads(most)
            .thread_keep_alive(Duration::from_secs(10))
            .thread_name("frontdesk-search")
            .build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Runs `work` on one of the threads. A panic in it shows as an error here.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.handle.spawn_blocking(work)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
