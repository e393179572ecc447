//! The doors through which time enters.
//!
//! Wall time comes through [`Clock`]: it decides when a token has expired and how far away an HTTP date is.
//! Waiting and measuring go through `tokio::time`, so that a paused runtime runs a whole hour at once.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use frontdesk_domain::Timestamp;
use tokio::time::Instant;

use crate::sync::lock;

/// Says what time it is.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall time, in UTC. It may jump in both directions; nothing here waits by it.
    fn now(&self) -> Timestamp;
}

/// The machine's own wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the door for wall time")]
    fn now(&self) -> Timestamp {
        Timestamp::from_system(std::time::SystemTime::now())
    }
}

/// A clock for tests: it follows `tokio::time`, paused or not, and can be made to jump.
///
/// ```
/// use std::time::Duration;
/// use frontdesk_api::clock::{Clock, VirtualClock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), frontdesk_domain::TimeError> {
/// tokio::time::pause();
/// let clock = VirtualClock::starting_at("2025-03-01T10:00:00Z".parse()?);
/// tokio::time::advance(Duration::from_secs(60)).await;
/// clock.jump_forward(Duration::from_secs(30));
/// assert_eq!(clock.now().to_string(), "2025-03-01T10:01:30Z");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct VirtualClock {
    origin: Instant,
    wall: Mutex<Timestamp>,
}

impl VirtualClock {
    /// A clock that shows `wall` now.
    #[must_use]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self { origin: instant(), wall: Mutex::new(wall) }
    }

    /// Sets the clock forward without time passing, as a time server or a suspended machine does.
    pub fn jump_forward(&self, by: Duration) {
        let mut wall = lock(&self.wall);
        *wall = wall.checked_add(by).unwrap_or(*wall);
    }

    /// Sets the clock back without time passing.
    pub fn jump_back(&self, by: Duration) {
        let mut wall = lock(&self.wall);
        *wall = wall.checked_sub(by).unwrap_or(*wall);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let wall = *lock(&self.wall);
        wall.checked_add(instant() - self.origin).unwrap_or(wall)
    }
}

/// The time that waits are measured by: never goes back, and stands still on a paused runtime.
#[expect(clippy::disallowed_methods, reason = "this is the door for elapsed time")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// `from + by`, or as far away as a timer reaches: a server may ask for any number of seconds.
pub(crate) fn later(from: Instant, by: Duration) -> Instant {
    const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
    from.checked_add(by.min(FAR)).unwrap_or(from)
}
