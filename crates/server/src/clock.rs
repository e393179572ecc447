//! The door through which elapsed time enters the server.

use std::time::Instant;

/// Time that never goes backwards: the runtime's, which a test may stop.
#[expect(clippy::disallowed_methods, reason = "this is the door for elapsed time")]
pub(crate) fn monotonic() -> Instant {
    tokio::time::Instant::now().into_std()
}
