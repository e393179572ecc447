//! What a caller hears while a job runs.

use frontdesk_domain::delivery::MeasuredSkew;

use crate::outcome::Sent;

/// Listens to a job. Every method does nothing by default; none may block for long.
pub trait Monitor: Send + Sync {
    /// The platform has a message; it is waited for from here on. `sent` of them are there.
    fn sent(&self, message: &Sent, sent: u64) {
        let _ = (message, sent);
    }

    /// A message has come as far as this run follows it, and that is on disk; `done` of them have.
    fn done(&self, message: &Sent, done: u64) {
        let _ = (message, done);
    }

    /// The platform's clock and ours are apart by more than can be explained by the answers' way.
    fn clocks_apart(&self, skew: MeasuredSkew) {
        let _ = skew;
    }
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {}
