//! The door through which wall time and elapsed time enter a binary.

use std::time::{Duration, Instant, SystemTime};

use frontdesk_domain::Timestamp;

/// The system's wall clock, in UTC.
#[expect(clippy::disallowed_methods, reason = "this is the door for wall time")]
pub fn wall_now() -> Timestamp {
    Timestamp::from_system(SystemTime::now())
}

/// Measures elapsed time; never goes backwards.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    #[expect(clippy::disallowed_methods, reason = "this is the door for elapsed time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Time since the start in whole milliseconds.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Time since the start in whole microseconds.
    pub fn elapsed_us(&self) -> u64 {
        u64::try_from(self.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}
