//! How many listings are in flight: as many as use up the source's pace, and no more.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

/// Decides when a further listing (a window of a pull, a conversation's history) may start.
///
/// A listing has one request under way at a time, so by Little's law `rate x time of a page` listings are needed; one more
/// has its request ready when the next turn comes. Each costs memory: a connection, and the ids it has met. So at a low
/// latency there are two, and at half a second and 25 requests a second fourteen.
///
/// Until the first page came there is one: neither its time nor its size is known. Where the source knows no limit there
/// are as many as the caller says.
///
/// ```
/// use std::num::NonZero;
/// use std::time::Duration;
///
/// let flight = frontdesk_api::Flight::new(NonZero::new(8).unwrap());
/// assert_eq!(flight.room(Some(25.0), 0, 100), 1);
/// flight.fetched(Duration::from_millis(500));
/// assert_eq!(flight.room(Some(25.0), 1, 99), 13);
/// ```
#[derive(Debug)]
pub struct Flight {
    unpaced: NonZero<usize>,
    times: Mutex<Times>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy, Default)]
struct Times {
    fetch: Option<Time>,
    store: Option<Time>,
}

/// A smoothed time and how far single ones are from it, as TCP has it of its round trips (RFC 6298), in seconds.
#[derive(Debug, Clone, Copy)]
struct Time {
    mean: f64,
    deviation: f64,
}

impl Time {
    fn learn(known: Option<Self>, took: Duration) -> Self {
        let took = took.as_secs_f64();
        let Some(Self { mean, deviation }) = known else { return Self { mean: took, deviation: 0.0 } };
        let off = (took - mean).abs();
        Self { mean: mean + (took - mean) / 8.0, deviation: deviation + (off - deviation) / 4.0 }
    }

    /// Windows that turn `rate` pages a second over when most take no longer than this.
    fn windows(self, rate: f64) -> usize {
        let needed = rate * (self.mean + 2.0 * self.deviation);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "never negative, and a cast saturates"
        )]
        let needed = needed.ceil() as usize;
        needed.saturating_add(1)
    }
}

impl Flight {
    /// `unpaced` listings at once where the source knows no limit.
    #[must_use]
    pub fn new(unpaced: NonZero<usize>) -> Self {
        Self { unpaced, times: Mutex::default(), changed: Notify::new() }
    }

    /// Learns how long the source took for a page.
    pub fn fetched(&self, took: Duration) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.fetch = Some(Time::learn(times.fetch, took));
        self.changed.notify_one();
    }

    /// Learns how long it took to store one.
    pub fn stored(&self, took: Duration) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        times.store = Some(Time::learn(times.store, took));
        self.changed.notify_one();
    }

    /// Waits until something was learned since the last wait.
    ///
    /// # Cancel safety
    /// Safe: what was learned meanwhile ends the next wait at once.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How many of the `waiting` listings may start beside those `running`, at `rate` requests a second.
    #[must_use]
    pub fn room(&self, rate: Option<f64>, running: usize, waiting: usize) -> usize {
        let times = *self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let (wanted, paced) = match (times.fetch, rate) {
            (None, _) => (1, false),
            (Some(_), None) => (self.unpaced.get(), false),
            (Some(fetch), Some(rate)) => {
                // A page is stored while the next one is fetched, so the longer of both counts. A disk that is slow does
                // not get faster the more windows wait for it.
                let store = times.store.map_or(0, |store| store.windows(rate).min(self.unpaced.get()));
                (fetch.windows(rate).max(store), true)
            }
        };
        // Windows that start together end together, so a last round that is not full would leave a part of the pace
        // unused: its windows start with the round before.
        if paced && waiting < wanted && running > 0 {
            return waiting;
        }
        wanted.saturating_sub(running).min(waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight() -> Flight {
        Flight::new(NonZero::new(8).unwrap())
    }

    #[test]
    fn one_window_until_the_first_page_and_eight_without_a_limit() {
        let flight = flight();
        assert_eq!(flight.room(Some(25.0), 0, 64), 1);
        assert_eq!(flight.room(Some(25.0), 1, 63), 0);
        flight.fetched(Duration::from_millis(500));
        assert_eq!(flight.room(None, 1, 63), 7);
        assert_eq!(flight.room(None, 3, 2), 2);
        assert_eq!(flight.room(None, 8, 2), 0);
    }

    #[test]
    fn as_many_as_use_up_the_pace() {
        for (millis, rate, windows) in
            [(10, 25.0, 2), (100, 25.0, 4), (500, 25.0, 14), (500, 5.0, 4), (500, 1_000.0, 501)]
        {
            let flight = flight();
            for _ in 0..100 {
                flight.fetched(Duration::from_millis(millis));
            }
            assert_eq!(flight.room(Some(rate), 0, 1_000), windows, "{millis} ms at {rate} a second");
            assert_eq!(flight.room(Some(rate), windows, 1_000), 0);
        }
    }

    #[test]
    fn times_that_jitter_are_taken_as_long_as_most_are() {
        let flight = flight();
        for millis in (0..100).map(|index| if index % 2 == 0 { 10 } else { 500 }) {
            flight.fetched(Duration::from_millis(millis));
        }
        let windows = flight.room(Some(25.0), 0, 1_000);
        assert!((13..=22).contains(&windows), "{windows}");
    }

    #[test]
    fn a_slow_disk_counts_up_to_what_it_was_given_without_a_limit() {
        let flight = flight();
        flight.fetched(Duration::from_millis(10));
        flight.stored(Duration::from_millis(100));
        assert_eq!(flight.room(Some(25.0), 0, 64), 4);
        for _ in 0..100 {
            flight.stored(Duration::from_secs(2));
        }
        assert_eq!(flight.room(Some(25.0), 0, 64), 8);
    }

    #[test]
    fn the_last_windows_do_not_wait_for_a_round_of_their_own() {
        let flight = flight();
        flight.fetched(Duration::from_millis(500));
        assert_eq!(flight.room(Some(25.0), 14, 14), 0);
        assert_eq!(flight.room(Some(25.0), 14, 13), 13);
    }
}
