//! What a job took, and the last line of every job.

use frontdesk_api::Counters;
use frontdesk_shell::clock::Stopwatch;
use frontdesk_shell::quantity::show_count;
use serde::Serialize;

/// What it took.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Effort {
    elapsed_ms: u64,
    requests: u64,
    throttled: u64,
}

impl Effort {
    pub(crate) fn of(watch: &Stopwatch, counters: Counters) -> Self {
        let Counters { requests, throttled, .. } = counters;
        Self { elapsed_ms: watch.elapsed_ms(), requests, throttled }
    }

    pub(crate) fn text(&self) -> String {
        let Self { elapsed_ms, requests, throttled } = self;
        let seconds = *elapsed_ms as f64 / 1000.0;
        format!("{} requests in {seconds:.1} s, {} throttled", show_count(*requests), show_count(*throttled))
    }
}

/// The last line (design, "Names that scripts rely on").
#[derive(Serialize)]
pub(crate) struct Last<T> {
    pub(crate) summary: T,
}
