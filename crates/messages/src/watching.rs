//! How messages are followed after they were sent.

use std::time::Duration;

use frontdesk_domain::delivery::Sla;

/// How messages are followed after they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watching {
    /// Whether they are at all.
    pub wait: bool,
    /// Time between two looks at one conversation: 2 s by default (contract §4).
    pub interval: Duration,
    /// Looks that a message is included in before it is given up: 10 by default.
    pub polls: u32,
    /// Within which time a message is to arrive: 10 s by default.
    pub threshold: Duration,
}

impl Default for Watching {
    fn default() -> Self {
        Self { wait: true, interval: Duration::from_secs(2), polls: 10, threshold: Sla::DEFAULT_THRESHOLD }
    }
}
