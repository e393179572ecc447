//! What a schedule learns from the runs of the past.

use frontdesk_archive::{ReadOptions, Reader};
use frontdesk_archiver::{Past, Silent};
use frontdesk_domain::{RunState, Timestamp};

use crate::tenant::{Tenant, request, year};

#[tokio::test(start_paused = true)]
async fn only_pulls_that_reached_their_present_count_and_only_whole_ones_as_whole() {
    let mut tenant = Tenant::new(50, "{}");
    let past = |tenant: &Tenant| {
        Past::read(&Reader::open(&tenant.root(), &ReadOptions::default()).unwrap()).unwrap()
    };
    let time = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    tenant.pull(&year()).await;
    assert_eq!(past(&tenant), Past::default(), "all of it lies in the past");

    tenant.now = "2026-06-01T10:00:00Z".parse().unwrap();
    let report = tenant.pull(&request("2026-05-25", "2026-06-02")).await;
    assert_eq!(report.certificate.state, RunState::Provisional);
    let whole_at = time("2026-06-01T10:00:00Z");
    assert_eq!(past(&tenant), Past { begun_at: whole_at, whole_at });

    tenant.now = "2026-06-02T10:00:00Z".parse().unwrap();
    let next = request("2026-05-26", "2026-06-03");
    let report = tenant.pull_until(&next, std::future::ready(()), &Silent).await;
    assert_eq!(report.certificate.state, RunState::Incomplete);
    let begun_at = time("2026-06-02T10:00:00Z");
    assert_eq!(past(&tenant), Past { begun_at, whole_at }, "tried, and something is missing");

    // Gone on with later: what changed between its two sessions may not be there.
    tenant.now = "2026-06-02T12:00:00Z".parse().unwrap();
    assert!(tenant.pull(&next).await.resumed);
    let resumed_at = time("2026-06-02T12:00:00Z");
    assert_eq!(past(&tenant), Past { begun_at: resumed_at, whole_at: begun_at });
}
