//! Row S8 end to end: a whole pull uses the rate it is allowed, in virtual time, with no more windows than that needs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_domain::{PageSize, RunState};
use frontdesk_sandbox::{Config, Moment, RateMode, Sandbox};
use tokio::time::Instant;

use crate::tenant::{Tenant, answer_at, year};

const PER_SECOND: u32 = 25;

/// What the server was asked for: when, and of which window.
#[derive(Default)]
struct Asked(Vec<(Instant, String)>);

impl Asked {
    /// The part of the allowed rate that was used, from the first page to the last.
    fn used(&self) -> f64 {
        let (Some((first, _)), Some((last, _))) = (self.0.first(), self.0.last()) else { return 0.0 };
        (self.0.len() - 1) as f64 / (*last - *first).as_secs_f64() / f64::from(PER_SECOND)
    }

    /// Most windows that were between their first and their last page at once.
    fn most_windows(&self) -> usize {
        let mut spans = BTreeMap::<&str, (usize, usize)>::new();
        for (index, (_, window)) in self.0.iter().enumerate() {
            spans.entry(window).or_insert((index, index)).1 = index;
        }
        let open_at = |index| spans.values().filter(|(from, to)| (*from..=*to).contains(&index)).count();
        (0..self.0.len()).map(open_at).max().unwrap_or(0)
    }
}

#[expect(clippy::disallowed_methods, reason = "tests measure virtual time")]
fn now() -> Instant {
    Instant::now()
}

/// Pulls a year in pages of one from a tenant that answers the n-th page after `latency(n)`. A limit must never be hit.
async fn pull(mode: RateMode, latency: impl Fn(usize) -> Duration + Send + Sync + 'static) -> Asked {
    let config = Config {
        conversations: Some(1_500),
        rate_limit_per_min: PER_SECOND * 60,
        rate_mode: mode,
        ..Config::default()
    };
    let sandbox = Arc::new(Sandbox::new(config).unwrap());
    let asked = Arc::new(Mutex::new(Asked::default()));
    let (served, noted, start) = (Arc::clone(&sandbox), Arc::clone(&asked), now());
    let tenant = Tenant::answering(sandbox, move |request| {
        let moment = Moment::from_unix(Duration::from_secs(1_780_272_000) + (now() - start));
        let reply = answer_at(&served, request, moment);
        let Ok(query) = serde_json::from_slice::<serde_json::Value>(request.body()) else { return reply };
        let mut asked = noted.lock().unwrap();
        asked.0.push((now(), query["dateFrom"].to_string()));
        reply.after(latency(asked.0.len()))
    });
    let mut request = year();
    request.page_size = PageSize::new(1).unwrap();
    let report = tenant.pull(&request).await;
    assert_eq!(report.certificate.state, RunState::Complete, "{:?}", report.cause);
    assert_eq!((report.tally.stored, report.certificate.throttled), (1_500, 0));
    std::mem::take(&mut *asked.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn half_a_second_of_latency_leaves_nothing_of_the_rate_unused() {
    let asked = pull(RateMode::Window, |_| Duration::from_millis(500)).await;
    let (used, windows) = (asked.used(), asked.most_windows());
    assert!(used >= 0.97, "{used:.4} with {windows} windows");
    assert!(windows <= 28, "{windows} windows in flight");
}

#[tokio::test(start_paused = true)]
async fn latency_that_jitters_is_no_excuse() {
    let asked = pull(RateMode::Bucket, |page| Duration::from_millis(10 + (page * 7_919 % 491) as u64)).await;
    let used = asked.used();
    assert!(used >= 0.97, "{used:.4} with {} windows", asked.most_windows());
}

#[tokio::test(start_paused = true)]
async fn a_low_latency_needs_few_windows() {
    let asked = pull(RateMode::Window, |_| Duration::from_millis(10)).await;
    let (used, windows) = (asked.used(), asked.most_windows());
    assert!(used >= 0.97, "{used:.4}");
    assert!(windows <= 4, "{windows} windows in flight");
}
