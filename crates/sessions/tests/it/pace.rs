//! Row S11 and R102 in virtual time: the rate is used up, and no 429 is met.

use frontdesk_api::{Cancel, GuestSessions as _};
use frontdesk_sessions::{Limits, Silent};

use crate::support::{Place, Tenant, report};

/// Guests, requests a second, and a platform that takes 40 ms for each request.
async fn at(rate: u32, guests: usize) -> f64 {
    let ids: Vec<String> = (0..guests).map(|k| format!("guest-{k:05}")).collect();
    let (tenant, place) = (Tenant::of(ids.iter().map(|id| (id.clone(), "active"))), Place::new());
    let process = place.process_with(&tenant, 5, Cancel::never(), Some(&rate.to_string()));
    let plan = place.plan(&process, &ids, "plan").await;
    let (before, watch) = (tenant.requests(), crate::support::now());
    let report = report(process.desk.apply(&plan, &Limits::default(), &Silent).await.unwrap());
    let seconds = (crate::support::now() - watch).as_secs_f64();
    assert_eq!((report.counts.ended, report.counts.total()), (guests as u64, guests as u64));
    assert_eq!(process.gateway.counters().throttled, 0);
    assert_eq!(tenant.requests() - before, 3 * guests as u64, "a look, a DELETE, a look back");
    (tenant.requests() - before) as f64 / (f64::from(rate) * seconds)
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_used_up() {
    for rate in [5, 25] {
        let used = at(rate, 1_000).await;
        assert!(used >= 0.97, "{rate} a second: {used:.4} of the rate");
    }
}
