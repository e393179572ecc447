//! The rate is used and never passed; one look serves many messages (rows S8 and polling cost, at tier P).

use std::num::NonZeroUsize;
use std::time::Duration;

use frontdesk_api::Cancel;
use frontdesk_messages::Silent;
use frontdesk_sandbox::Config;

use crate::support::{Office, Tenant, input, line, now};

/// `count` messages in `rooms` conversations, one after the other.
fn lines(tenant: &Tenant, count: usize, rooms: usize) -> Vec<String> {
    let talks = tenant.talks(rooms);
    (0..count)
        .map(|k| {
            let (id, agent) = &talks[k % rooms];
            line(id, agent, &format!("message {k}"))
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_stated_limit_is_used() {
    for (per_second, latency_ms) in [(5, 500), (10, 50), (25, 10), (100, 200)] {
        let tenant = Tenant::new(Config {
            rate_limit_per_min: per_second * 60,
            latency: Duration::from_millis(latency_ms),
            ..Config::default()
        });
        let office = Office::new(&tenant).no_wait();
        let count = usize::try_from(per_second).unwrap() * 60;
        let all = lines(&tenant, count, 100);
        let courier = office.courier(7, Cancel::never());
        let start = now();
        let report = courier.send_all(input(&all), NonZeroUsize::new(64).unwrap(), &Silent).await.unwrap();
        assert_eq!(report.counts.sent, count as u64);
        let stats = tenant.sandbox.stats();
        assert_eq!(stats.throttled, 0, "{per_second} a second");
        let requests = count as f64 + tenant.looks() as f64;
        let used = requests / (f64::from(per_second) * (now() - start).as_secs_f64());
        assert!(used >= 0.97, "{per_second} a second at {latency_ms} ms: {used:.3} used");
    }
}

#[tokio::test(start_paused = true)]
async fn one_look_serves_all_messages_of_a_conversation_that_wait() {
    let tenant = Tenant::new(Config { rate_limit_per_min: 6_000, ..Config::default() });
    let office = Office::new(&tenant);
    let count = 2_000;
    let all = lines(&tenant, count, 20);
    let courier = office.courier(7, Cancel::never());
    let report = courier.send_all(input(&all), NonZeroUsize::new(64).unwrap(), &Silent).await.unwrap();
    assert_eq!((report.counts.sent, report.counts.delivered), (2_000, 2_000));
    assert_eq!(tenant.totals(), (2_000, 0));
    let cost = tenant.looks() as f64 / count as f64;
    assert!(cost < 0.1, "{cost} looks a delivered message");
}
