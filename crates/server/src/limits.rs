//! Every bound of the server in one place: sizes, counts, times.

use std::time::Duration;

/// What a request may cost. The defaults are what `frontdesk serve` runs with (docs/server.md).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest request line in bytes; beyond it 414.
    pub url_bytes: usize,
    /// Most bytes of header fields together; beyond it 431.
    pub header_bytes: usize,
    /// Most header fields; beyond it 431.
    pub header_fields: usize,
    /// Longest text to look for, in bytes of UTF-8; beyond it 400.
    pub term_bytes: usize,
    /// Most connections at once. Beyond it the one that has been quiet for longest makes room.
    pub connections: usize,
    /// Searches that run at once, each on a thread of its own.
    pub searches: usize,
    /// Searches that may wait for one of these; beyond it 503.
    pub waiting: usize,
    /// Longest wait for one; after it 503.
    pub wait: Duration,
    /// Longest time from there to the first byte of the answer; after it 503.
    pub first_byte: Duration,
    /// Longest time for a whole answer; after it the connection is closed in the middle of it.
    pub answer: Duration,
    /// A connection that says nothing for so long is closed: new, or between two requests.
    pub silence: Duration,
    /// From the first byte of a request's head to its last; after it 408.
    pub head: Duration,
    /// Longest body of a callback in bytes; beyond it 413 (contract §3).
    pub body_bytes: usize,
    /// Bytes of bodies that are being read, all together; beyond it 503.
    pub bodies_bytes: usize,
    /// Longest time for a whole body; after it 408.
    pub body: Duration,
    /// While an answer cannot be written, at least [`stall_bytes`](Self::stall_bytes) must leave in every such
    /// time, or the connection is closed.
    pub stall: Duration,
    /// See [`stall`](Self::stall).
    pub stall_bytes: u64,
    /// Streams of events that are open at once; beyond it 503.
    pub streams: usize,
    /// A stream of events ends after so long, and whoever still listens opens another: who is gone keeps no place.
    pub stream_life: Duration,
    /// How long requests get to end once the server is asked to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            url_bytes: 16 << 10,
            header_bytes: 32 << 10,
            header_fields: 100,
            term_bytes: 4 << 10,
            // Below the 1,024 files a process usually may open.
            connections: 512,
            searches: 8,
            waiting: 256,
            wait: Duration::from_secs(2),
            first_byte: Duration::from_secs(30),
            answer: Duration::from_secs(15 * 60),
            silence: Duration::from_secs(10),
            head: Duration::from_secs(10),
            body_bytes: 1 << 20,
            bodies_bytes: 32 << 20,
            body: Duration::from_secs(10),
            stall: Duration::from_secs(10),
            stall_bytes: 16 << 10,
            streams: 32,
            stream_life: Duration::from_secs(5 * 60),
            // Less than the ten seconds in which the whole process is to be gone.
            grace: Duration::from_secs(8),
        }
    }
}

impl Limits {
    /// The bounds as they are, changed by `change`.
    ///
    /// ```
    /// use frontdesk_server::Limits;
    ///
    /// let limits = Limits::default().with(|limits| limits.searches = 2);
    /// assert_eq!(limits.searches, 2);
    /// ```
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}
