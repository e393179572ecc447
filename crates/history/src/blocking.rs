//! Work that blocks, off the threads that must not.

/// Runs `work` where it may block, and hands a panic on.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(failed) => match failed.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking work is never cancelled but by a runtime that ends, and then nobody waits here.
            Err(_) => std::future::pending().await,
        },
    }
}
