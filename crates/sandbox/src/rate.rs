//! The rate limit (gateway contract §5): a fixed window of 60 s, or a bucket, for each token.

use std::collections::HashMap;
use std::net::IpAddr;

use jiff::SignedDuration;

use crate::config::RateMode;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::reply::Reply;

const WINDOW_SECONDS: i64 = 60;
const WINDOW: SignedDuration = SignedDuration::from_secs(WINDOW_SECONDS);
/// From so many meters on the idle ones are thrown away.
const MANY: usize = 1_024;

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    Token(String),
    Address(IpAddr),
}

/// Counts everyone's requests.
#[derive(Debug)]
pub(crate) struct Limiter {
    per_min: u32,
    mode: RateMode,
    meters: HashMap<Caller, Meter>,
}

#[derive(Debug, Clone, Copy)]
struct Meter {
    opened: Moment,
    used: u32,
    /// When the bucket is full again.
    full_at: Moment,
}

/// What is left for a caller, after the request at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) allowed: u32,
    used: u32,
    reset_seconds: u64,
    /// Set when the request is one too many.
    pub(crate) wait_seconds: Option<u64>,
}

impl Limiter {
    pub(crate) fn new(per_min: u32, mode: RateMode) -> Self {
        Self { per_min, mode, meters: HashMap::new() }
    }

    /// Changes the limit midway; what callers have used so far of a window stays used. A bucket has no window of its own, so
    /// the one whose count it states begins anew: else it would state a full window and let requests through.
    pub(crate) fn change(&mut self, per_min: u32, mode: Option<RateMode>) {
        self.per_min = per_min;
        self.mode = mode.unwrap_or(self.mode);
        if self.mode == RateMode::Bucket {
            for meter in self.meters.values_mut() {
                meter.used = 0;
            }
        }
    }

    /// Counts a request. Nothing when there is no limit.
    pub(crate) fn take(&mut self, caller: Caller, now: Moment) -> Option<Budget> {
        if self.per_min == 0 {
            return None;
        }
        if self.meters.len() >= MANY {
            self.meters.retain(|_, meter| meter.is_open(now) || meter.full_at > now);
        }
        let meter = self.meters.entry(caller).or_insert(Meter { opened: now, used: 0, full_at: now });
        if !meter.is_open(now) {
            *meter =
                Meter { opened: now, used: 0, full_at: meter.full_at.min(now.plus(WINDOW.unsigned_abs())) };
        }
        let window_left = WINDOW - now.since(meter.opened);
        let wait = match self.mode {
            RateMode::Window => (meter.used >= self.per_min).then_some(window_left),
            RateMode::Bucket => drip(meter, self.per_min, now),
        };
        if wait.is_none() {
            meter.used = meter.used.saturating_add(1);
        }
        Some(Budget {
            allowed: self.per_min,
            // A bucket that was full lets a little more through than the rate says.
            used: meter.used.min(self.per_min),
            reset_seconds: whole_seconds(window_left),
            wait_seconds: wait.map(whole_seconds),
        })
    }
}

impl Meter {
    fn is_open(&self, now: Moment) -> bool {
        let age = now.since(self.opened);
        !age.is_negative() && age < WINDOW
    }
}

/// Takes a drop from the bucket, or says how long to wait for one. The bucket holds one second's
/// worth; how full it is follows from when it will be full again.
fn drip(meter: &mut Meter, per_min: u32, now: Moment) -> Option<SignedDuration> {
    let one = SignedDuration::from_nanos(WINDOW_SECONDS * 1_000_000_000 / i64::from(per_min));
    let burst = one * i32::try_from((per_min / 60).max(1)).unwrap_or(i32::MAX);
    let full_at = meter.full_at.max(now).shifted(one);
    let over = full_at.since(now) - burst;
    if over > SignedDuration::ZERO {
        return Some(over);
    }
    meter.full_at = full_at;
    None
}

/// Rounded up, and never 0: a caller that waits this long is not early.
fn whole_seconds(duration: SignedDuration) -> u64 {
    let up = duration.as_secs() + i64::from(duration.subsec_nanos() > 0);
    u64::try_from(up).unwrap_or(0).max(1)
}

impl Budget {
    /// The refusal, when the request is one too many.
    pub(crate) fn refusal(self) -> Option<Problem> {
        self.wait_seconds.map(Problem::too_many_requests)
    }

    /// States the budget in the vendor's headers.
    pub(crate) fn state(self, reply: &mut Reply) {
        reply.set_number("inin-ratelimit-allowed", u64::from(self.allowed));
        reply.set_number("inin-ratelimit-count", u64::from(self.used));
        reply.set_number("inin-ratelimit-reset", self.reset_seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(millis: u64) -> Moment {
        Moment::from_unix(Duration::from_millis(1_735_689_600_000 + millis))
    }

    fn caller(name: &str) -> Caller {
        Caller::Token(name.to_owned())
    }

    #[test]
    fn a_window_opens_with_the_first_request_and_lasts_sixty_seconds() {
        let mut limiter = Limiter::new(2, RateMode::Window);
        let mut take = |millis| limiter.take(caller("a"), at(millis)).unwrap();
        let budget =
            |used, reset_seconds, wait_seconds| Budget { allowed: 2, used, reset_seconds, wait_seconds };
        assert_eq!(take(500), budget(1, 60, None));
        assert_eq!(take(30_500), budget(2, 30, None));
        assert_eq!(take(30_501), budget(2, 30, Some(30)));
        assert_eq!(take(60_499), budget(2, 1, Some(1)));
        assert_eq!(take(60_500), budget(1, 60, None));
        // The clock was set back: a new window.
        assert_eq!(take(0), budget(1, 60, None));
    }

    #[test]
    fn callers_have_their_own_windows_and_no_limit_is_none() {
        let mut limiter = Limiter::new(1, RateMode::Window);
        assert_eq!(limiter.take(caller("a"), at(0)).unwrap().wait_seconds, None);
        assert_eq!(limiter.take(caller("b"), at(0)).unwrap().wait_seconds, None);
        assert_eq!(limiter.take(caller("a"), at(1)).unwrap().wait_seconds, Some(60));
        limiter.change(3, None);
        assert_eq!(limiter.take(caller("a"), at(2)).unwrap().wait_seconds, None);
        limiter.change(0, None);
        assert_eq!(limiter.take(caller("a"), at(3)), None);
    }

    #[test]
    fn a_bucket_gives_a_seconds_worth_at_once_and_then_the_rate() {
        let mut limiter = Limiter::new(600, RateMode::Bucket);
        let mut admitted = |millis| limiter.take(caller("a"), at(millis)).unwrap().wait_seconds.is_none();
        assert!((0..10).all(|_| admitted(0)));
        assert!(!admitted(0) && !admitted(99));
        assert!(admitted(100) && !admitted(100));
        // Paced at the rate nothing is ever refused, for as long as it goes on.
        assert!((2..2_000).all(|tick| admitted(tick * 100)));
        // After a rest the bucket is full again, and not fuller.
        assert_eq!((0..20).filter(|_| admitted(900_000)).count(), 10);
        // Less than one a second: one at once, and the next when it is due.
        let mut slow = Limiter::new(30, RateMode::Bucket);
        let waits: Vec<_> =
            [0, 0, 1_500, 2_000].map(|t| slow.take(caller("a"), at(t)).unwrap().wait_seconds).into();
        assert_eq!(waits, [None, Some(2), Some(1), None]);
    }

    #[test]
    fn a_bucket_that_lets_requests_through_states_no_full_window() {
        let mut limiter = Limiter::new(1_500, RateMode::Bucket);
        for tick in 0..500 {
            assert_eq!(limiter.take(caller("a"), at(tick * 40)).unwrap().wait_seconds, None);
        }
        limiter.change(600, None);
        let budgets = (1..=400).map(|tick| limiter.take(caller("a"), at(20_000 + tick * 100)).unwrap());
        for budget in budgets.filter(|budget| budget.wait_seconds.is_none()) {
            assert!(budget.used < budget.allowed, "{budget:?}");
        }
    }

    #[test]
    fn strangers_do_not_fill_the_memory() {
        let mut limiter = Limiter::new(1, RateMode::Window);
        for number in 0..10_000_u64 {
            limiter.take(caller(&number.to_string()), at(number * 100));
        }
        assert!(limiter.meters.len() <= MANY);
    }
}
