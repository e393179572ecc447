//! The door through which elapsed time enters the server.

use std::time::Instant;

/// Time that never goes backwards.
#[expect(clippy::disallowed_methods, reason = "this is the door for elapsed time")]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}
