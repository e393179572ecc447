//! When the next request may go: pure arithmetic over what the server said.
//!
//! *Learned rate.* Where the server states its limit, requests go evenly at 0.998 of it (less where the caller set
//! less). Even spacing never collides, whatever the phase of the server's window, and fills a token bucket's refill
//! just as well. What was missed (everybody was busy, or waited for a token) is made up for 0.4 s worth, a
//! quarter faster than even.
//!
//! *Window guard.* When the server's own count, plus what it has not counted yet, reaches the limit, everything waits for
//! the next window. Alone, even spacing never gets there. Where the count grows faster than by our own requests, other
//! programs use the same token: then what is left of the window is spread over what is left of its time, and a reserve of
//! one to five is left to them.
//!
//! *Probe.* At the start, after a 429 and after such a wait one request goes alone; its answer says how to go on. So an
//! unknown limit costs no 429, and a gate that opens lets no storm through.
//!
//! *Dead host.* When three requests in a row got no answer at all, one a second goes until there is one.
//!
//! *Nothing stated.* The rate starts at 10 a second (contract §5) or at the caller's own, doubles each second it was what held requests
//! back, halves at a 429 and from then on grows by a tenth. So a server that refuses one request in fifty at random is still
//! asked several times a second.

use std::time::Duration;

use tokio::time::Instant;

use super::limit::{Limit, WINDOW};
use crate::clock::later;

/// The part of the allowed rate that is used, so that clocks that differ a little never add up to a 429.
const SHARE: f64 = 0.998;
/// At least so many requests of a window stay unused: even spacing hits a border of the window one request early or late.
const SLACK: f64 = 1.5;
/// Requests a second while nothing is known (contract §5: "about 10 requests/s a client").
const START: f64 = 10.0;
/// By so much a rate that collided grows each second.
const GROWTH: f64 = 1.1;
/// A rate nobody stated grows no further.
const FASTEST: f64 = 10_000.0;
/// A server that wants less than this says how long to wait, and then everybody waits.
const SLOWEST: f64 = 1.0;
/// Missed slots are made up for no longer back than this.
const MAKE_UP: Duration = Duration::from_millis(400);
/// Making up goes so much closer together than even spacing.
const MAKE_UP_SPACING: f64 = 0.8;
/// A probe that is not answered in this time does not hold up the next one.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);
/// So many requests in a row without an answer mean that the host is dead,
const DEAD: u32 = 3;
/// and then it is asked no more often than this.
const DEAD_SPACING: Duration = Duration::from_secs(1);
/// The resolution of timers: what is due within it is due.
const TICK: Duration = Duration::from_millis(1);
/// Windows that seem to end closer together than this are one: the server rounds to seconds, answers take a while.
const SAME_WINDOW: Duration = Duration::from_secs(2);

/// Number of a request, in the order they were let go.
pub(crate) type Ticket = u64;

/// The schedule of one host.
#[derive(Debug)]
pub(crate) struct Pace {
    cap: Option<f64>,
    rate: f64,
    knowledge: Knowledge,
    window: Option<Window>,
    probe: Option<Probe>,
    in_flight: u64,
    next_ticket: Ticket,
    /// The slot the last request used; it lies before the time it went while slots are being made up.
    slot: Option<Instant>,
    last: Option<Instant>,
    closed_until: Option<Instant>,
    /// Requests in a row that got no answer.
    unanswered: u32,
}

/// What the rate rests on.
#[derive(Debug, Clone, Copy)]
enum Knowledge {
    /// Nothing stated, no collision so far.
    Guess { grown_at: Option<Instant>, held_back: bool },
    /// Nothing stated; tickets before this one were let go at the rate that collided.
    Collided { before: Ticket, grown_at: Instant, held_back: bool },
    /// The server stated it.
    Stated,
}

/// The server's window as its newest answer described it.
#[derive(Debug, Clone, Copy)]
struct Window {
    allowed: u64,
    count: u64,
    ends: Instant,
    /// The answer that said so.
    ticket: Ticket,
    answered_at: Instant,
    /// How far our tickets were ahead of the count at the window's first answer. They stay as far ahead while we are
    /// alone.
    ahead: i128,
    /// Somebody else's requests are in the count.
    shared: bool,
}

/// One request goes alone.
#[derive(Debug, Clone, Copy)]
struct Probe {
    sent: Option<(Ticket, Instant)>,
}

impl Pace {
    /// A schedule that knows nothing yet. `cap` is never passed, whatever the server allows.
    pub(crate) fn new(cap: Option<f64>) -> Self {
        Self {
            cap,
            // A caller who names a rate knows the server; nothing stated, that is where to start (contract §4).
            rate: cap.unwrap_or(START),
            knowledge: Knowledge::Guess { grown_at: None, held_back: false },
            window: None,
            probe: Some(Probe { sent: None }),
            in_flight: 0,
            next_ticket: 0,
            slot: None,
            last: None,
            closed_until: None,
            unanswered: 0,
        }
    }

    /// Requests a second at the moment.
    pub(crate) fn rate(&self) -> f64 {
        match self.cap {
            Some(cap) => self.rate.min(cap * SHARE),
            None => self.rate,
        }
    }

    /// The same, once it rests on something: on what the server stated or the caller set, or on a collision.
    pub(crate) fn known_rate(&self) -> Option<f64> {
        let guessed = matches!(self.knowledge, Knowledge::Guess { .. }) && self.cap.is_none();
        (!guessed).then(|| self.rate())
    }

    /// Until when the gate is closed.
    pub(crate) fn closed_until(&self, now: Instant) -> Option<Instant> {
        self.closed_until.filter(|until| *until > now)
    }

    /// When the next request may go: now, or not before the time returned. It may become earlier or later with every
    /// answer.
    pub(crate) fn ready(&mut self, now: Instant) -> Result<(), Instant> {
        if let Some(until) = self.closed_until(now) {
            return Err(until);
        }
        if let Some(until) = self.window_full_until(now) {
            return Err(until);
        }
        if let Some((_, sent)) = self.probe.and_then(|probe| probe.sent) {
            let until = sent + PROBE_PATIENCE;
            if until > now {
                return Err(until);
            }
        }
        let even = self.interval(now);
        let close =
            if self.unanswered < DEAD { even.mul_f64(MAKE_UP_SPACING) } else { even.max(DEAD_SPACING) };
        let slot = self.slot.map_or(now, |slot| later(slot, even));
        let due = self.last.map_or(slot, |last| slot.max(later(last, close)));
        if due <= now + TICK {
            return Ok(());
        }
        match &mut self.knowledge {
            Knowledge::Guess { held_back, .. } | Knowledge::Collided { held_back, .. } => *held_back = true,
            Knowledge::Stated => {}
        }
        Err(due)
    }

    /// Lets a request go.
    pub(crate) fn take(&mut self, now: Instant) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.in_flight += 1;
        let even = self.interval(now);
        let earliest = now.checked_sub(MAKE_UP).unwrap_or(now);
        self.slot = Some(self.slot.map_or(now, |slot| later(slot, even).max(earliest)));
        self.last = Some(now);
        if let Some(probe) = &mut self.probe {
            let first = probe.sent.map_or(ticket, |(first, _)| first);
            probe.sent = Some((first, now));
        }
        ticket
    }

    /// The head of an answer came.
    pub(crate) fn answered(&mut self, ticket: Ticket, limit: Option<Limit>, throttled: bool, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.unanswered = 0;
        let newest = self.window.is_none_or(|window| ticket >= window.ticket);
        match limit {
            Some(limit) if newest => {
                self.knowledge = Knowledge::Stated;
                self.rate = even_rate(&limit);
                self.see_window(ticket, &limit, now);
            }
            Some(limit) => self.see_window(ticket, &limit, now),
            None if throttled => self.collide(ticket, now),
            None => self.grow(now),
        }
        if throttled {
            self.probe = Some(Probe { sent: None });
        } else if self.probe.is_some_and(|probe| probe.sent.is_some_and(|(first, _)| ticket >= first)) {
            self.probe = None;
        }
    }

    /// No answer came.
    pub(crate) fn failed(&mut self, ticket: Ticket) {
        self.unanswered = self.unanswered.saturating_add(1);
        self.lost(ticket);
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn lost(&mut self, ticket: Ticket) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(probe) = &mut self.probe
            && probe.sent.is_some_and(|(first, _)| ticket >= first)
        {
            probe.sent = None;
        }
    }

    /// Nobody goes before `until`.
    pub(crate) fn close(&mut self, until: Instant) {
        self.closed_until = self.closed_until.max(Some(until));
        self.probe = Some(Probe { sent: None });
    }

    /// Time between two requests that are evenly spaced.
    fn interval(&self, now: Instant) -> Duration {
        let even = Duration::from_secs_f64(1.0 / self.rate());
        let Some(window) = self.window.filter(|window| window.shared && window.ends > now) else {
            return even;
        };
        let left = u32::try_from(self.room(&window)).unwrap_or(u32::MAX).max(1);
        even.max((window.ends - now) / left)
    }

    /// Requests that still fit into the window.
    fn room(&self, window: &Window) -> u64 {
        let uncounted = if window.shared {
            // Who else sends is not known, so what is in flight counts as not counted yet.
            self.in_flight.saturating_add(reserve(window.allowed))
        } else {
            // What was let go after the request whose answer gave the count.
            self.in_flight.min(self.next_ticket.saturating_sub(window.ticket + 1))
        };
        window.allowed.saturating_sub(window.count).saturating_sub(uncounted)
    }

    /// Whether the window has no room, and until when.
    fn window_full_until(&mut self, now: Instant) -> Option<Instant> {
        let window = self.window?;
        if self.room(&window) > 0 {
            if now >= window.ends {
                self.window = None;
            }
            return None;
        }
        // The stated seconds may be rounded down: an answer that still shows the old window is given a second more.
        let until = window.ends.max(window.answered_at + Duration::from_secs(1));
        if now < until {
            return Some(until);
        }
        self.window = None;
        self.probe = Some(Probe { sent: None });
        None
    }

    fn see_window(&mut self, ticket: Ticket, limit: &Limit, now: Instant) {
        let (Some(count), Some(reset)) = (limit.count, limit.reset) else { return };
        let ends = now + reset;
        let ahead = i128::from(ticket) - i128::from(count);
        let fresh =
            Window { allowed: limit.allowed, count, ends, ticket, answered_at: now, ahead, shared: false };
        let Some(window) = &mut self.window else {
            self.window = Some(fresh);
            return;
        };
        let same = ends.max(window.ends) - ends.min(window.ends) < SAME_WINDOW;
        if ticket < window.ticket {
            // An answer that was overtaken: of the same window, its count may still be the higher one.
            if same {
                window.count = window.count.max(count);
                window.ends = window.ends.min(ends);
            }
        } else if same {
            // Answers overtake each other by as many as are in flight.
            let strangers = window.ahead - ahead;
            let shared = window.shared || strangers > i128::from(self.in_flight) + 2;
            // Seconds are rounded up, so of several ends the earliest is the nearest to the truth.
            *window = Window { ends: window.ends.min(ends), ahead: window.ahead, shared, ..fresh };
        } else {
            *window = fresh;
        }
    }

    fn collide(&mut self, ticket: Ticket, now: Instant) {
        let again = match self.knowledge {
            Knowledge::Collided { before, .. } => ticket >= before,
            Knowledge::Guess { .. } | Knowledge::Stated => true,
        };
        if again {
            self.rate = (self.rate() / 2.0).max(SLOWEST);
            self.knowledge =
                Knowledge::Collided { before: self.next_ticket, grown_at: now, held_back: false };
        }
    }

    fn grow(&mut self, now: Instant) {
        let second = Duration::from_secs(1);
        match &mut self.knowledge {
            Knowledge::Stated => {}
            Knowledge::Guess { grown_at, held_back } => {
                let since = *grown_at.get_or_insert(now);
                if *held_back && now - since >= second {
                    (*grown_at, *held_back) = (Some(now), false);
                    self.rate = (self.rate * 2.0).min(FASTEST);
                }
            }
            Knowledge::Collided { grown_at, held_back, .. } => {
                if *held_back && now - *grown_at >= second {
                    (*grown_at, *held_back) = (now, false);
                    self.rate = (self.rate * GROWTH).min(FASTEST);
                }
            }
        }
    }
}

/// The rate that fills a window evenly and never quite.
fn even_rate(limit: &Limit) -> f64 {
    let rate = limit.rate();
    (rate - SLACK / WINDOW.as_secs_f64()).clamp(rate / 2.0, rate * SHARE)
}

/// Requests of a window that are left to others: one to five; none where the window is tiny.
fn reserve(allowed: u64) -> u64 {
    if allowed < 10 { 0 } else { (allowed / 500).clamp(1, 5) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::instant;

    const SECOND: Duration = Duration::from_secs(1);

    fn stated(allowed: u64, count: u64, reset: u64) -> Option<Limit> {
        Some(Limit { allowed, count: Some(count), reset: Some(SECOND * u32::try_from(reset).unwrap()) })
    }

    /// Lets one go at the earliest time from `now` on.
    fn go(pace: &mut Pace, mut now: Instant) -> (Ticket, Instant) {
        while let Err(until) = pace.ready(now) {
            assert!(until > now);
            now = until;
        }
        (pace.take(now), now)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_goes_alone_and_its_answer_sets_the_pace() {
        let (mut pace, start) = (Pace::new(None), instant());
        let (first, _) = go(&mut pace, start);
        assert_eq!(pace.ready(start), Err(start + PROBE_PATIENCE));
        pace.answered(first, stated(6_000, 1, 60), false, start + SECOND / 10);
        let mut now = start + SECOND / 10;
        for _ in 0..1_000 {
            now = go(&mut pace, now).1;
        }
        let rate = 1_000.0 / (now - start).as_secs_f64();
        assert!((99.0..=99.9).contains(&rate), "{rate}");
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_refusal_without_a_wait_one_goes_alone() {
        let (mut pace, start) = (Pace::new(None), instant());
        let (first, _) = go(&mut pace, start);
        pace.answered(first, stated(6_000, 1, 60), false, start);
        let (second, now) = go(&mut pace, start);
        pace.answered(second, None, true, now);
        let (third, now) = go(&mut pace, now);
        assert_eq!(pace.ready(now + SECOND / 2), Err(now + PROBE_PATIENCE));
        pace.answered(third, None, false, now);
        assert!(pace.ready(now + SECOND / 2).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_window_is_waited_for_and_opened_by_one() {
        let (mut pace, start) = (Pace::new(None), instant());
        let (first, _) = go(&mut pace, start);
        pace.answered(first, stated(600, 600, 42), false, start);
        assert_eq!(pace.ready(start), Err(start + SECOND * 42));
        let (probe, now) = go(&mut pace, start);
        assert_eq!(now, start + SECOND * 42);
        assert_eq!(pace.ready(now), Err(now + PROBE_PATIENCE));
        // The server rounds down: the old window still stands, and is given a second more.
        pace.answered(probe, stated(600, 600, 0), false, now);
        assert_eq!(pace.ready(now), Err(now + SECOND));
        let (probe, now) = go(&mut pace, now);
        pace.answered(probe, stated(600, 1, 60), false, now);
        assert!(pace.ready(now + SECOND / 5).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_window_that_others_use_too_is_spread_over_its_time() {
        let (mut pace, start) = (Pace::new(None), instant());
        let (first, _) = go(&mut pace, start);
        pace.answered(first, stated(600, 1, 60), false, start);
        let (second, now) = go(&mut pace, start);
        pace.answered(second, stated(600, 301, 60), false, now);
        // 299 are left, less the reserve of one, for a minute.
        let left: u64 = (0..10).map(|_| u64::from(go(&mut pace, now).1 > now)).sum();
        assert_eq!(left, 10);
        let gap = pace.interval(now);
        assert!((SECOND / 6..SECOND / 4).contains(&gap), "{gap:?}");
    }

    #[test]
    fn every_stated_limit_gives_a_pace() {
        for allowed in [1, 2, 3, 9, 10, 60, 300, 6_000, u64::MAX] {
            let limit = Limit { allowed, count: None, reset: None };
            let (rate, even) = (limit.rate(), even_rate(&limit));
            assert!(even > 0.0 && even < rate && even >= rate / 2.0, "{allowed}: {even} of {rate}");
            assert!(Duration::try_from_secs_f64(1.0 / even).is_ok());
        }
    }
}
