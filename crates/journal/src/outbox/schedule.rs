//! When a delivery is tried again. Pure.
//!
//! At once, then 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 hours after the attempt before, then daily until day 7;
//! then it is a dead letter. Every wait is varied by up to 20 % in both directions, so that a thousand deliveries that
//! failed together do not come back together. A wait the receiver names is never undercut.

use std::time::Duration;

use frontdesk_domain::Timestamp;

const SECOND: u64 = 1;
const MINUTE: u64 = 60;
const HOUR: u64 = 3_600;

/// Waits before the second attempt, the third and so on, in seconds: 75 h 35 min and 5 s until here.
const WAITS: [u64; 9] =
    [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];

/// Then daily.
const DAILY: u64 = 24 * HOUR;
/// No attempt is planned later than this after the first.
const LAST: u64 = 7 * 24 * HOUR;
/// A receiver may ask for a wait this long; more is taken for this.
const LONGEST_NAMED: Duration = Duration::from_secs(LAST);

/// How long to wait after `tries` failed attempts, before it is varied; `None` when it is given up.
///
/// ```
/// use std::time::Duration;
/// use frontdesk_journal::outbox::schedule::wait;
///
/// assert_eq!(wait(0), Some(Duration::ZERO));
/// assert_eq!(wait(1), Some(Duration::from_secs(5)));
/// assert_eq!(wait(12), Some(Duration::from_secs(24 * 3600)));
/// assert_eq!(wait(13), None);
/// ```
#[must_use]
pub fn wait(tries: u32) -> Option<Duration> {
    let Some(index) = tries.checked_sub(1) else { return Some(Duration::ZERO) };
    let index = index as usize;
    if let Some(&seconds) = WAITS.get(index) {
        return Some(Duration::from_secs(seconds));
    }
    let days = (index - WAITS.len() + 1) as u64;
    let planned = WAITS.iter().sum::<u64>().saturating_add(days.saturating_mul(DAILY));
    (planned <= LAST).then_some(Duration::from_secs(DAILY))
}

/// When a delivery whose attempt failed at `now` is due again, after `tries` failed attempts, this one included;
/// `None` when it is a dead letter. `draw` is a random number that places the wait within its ± 20 %; `named` is the
/// wait the receiver asked for.
#[must_use]
pub fn next(tries: u32, now: Timestamp, named: Option<Duration>, draw: u64) -> Option<Timestamp> {
    let wait = vary(wait(tries)?, draw);
    let wait = named.map_or(wait, |named| wait.max(named.min(LONGEST_NAMED)));
    Some(now.checked_add(wait).unwrap_or(Timestamp::MAX))
}

/// Until when a receiver that named a wait at `now` gets nothing at all; at most seven days from then.
#[must_use]
pub fn pause(now: Timestamp, named: Duration) -> Timestamp {
    now.checked_add(named.min(LONGEST_NAMED)).unwrap_or(Timestamp::MAX)
}

/// 80 % to 120 % of a wait.
fn vary(wait: Duration, draw: u64) -> Duration {
    let share = 800 + draw % 401;
    let millis = wait.as_millis().saturating_mul(u128::from(share)) / 1_000;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
