//! The door for elapsed time. Wall time comes in as a function.

use std::time::Duration;

use tokio::time::Instant;

/// The time that waits are measured by.
#[expect(clippy::disallowed_methods, reason = "this is the door for elapsed time")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
