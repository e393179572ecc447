//! Interrupted, dropped, taken up again: nothing is lost, nothing is doubled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use frontdesk_archiver::monitor::Progress;
use frontdesk_archiver::{Monitor, Pull};
use frontdesk_domain::{OrganizationId, PageSize, RunState};
use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::tenant::{Tenant, request, year};

/// Rings after so many stored pages.
struct Bell {
    pages: AtomicU64,
    after: u64,
    rung: Arc<Notify>,
}

impl Monitor for Bell {
    fn stored(&self, _: &Progress) {
        if self.pages.fetch_add(1, Ordering::Relaxed) + 1 == self.after {
            self.rung.notify_one();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_run_goes_on_after_its_last_stored_page() {
    let tenant = Tenant::new(2_000, "{}");
    let rung = Arc::new(Notify::new());
    let bell = Bell { pages: AtomicU64::new(0), after: 25, rung: Arc::clone(&rung) };
    let stop = async move { rung.notified().await };
    let first = tenant.pull_until(&year(), stop, &bell).await;
    assert!(first.interrupted);
    assert_eq!(first.certificate.state, RunState::Incomplete);
    let taken = first.certificate.pages;
    assert!((25..=33).contains(&taken), "{taken} pages: what was under way was finished, nothing else begun");
    assert!(first.certificate.missing.iter().any(|missing| missing.reason == "interrupted"));

    let second = tenant.pull(&year()).await;
    assert!(second.resumed);
    assert_eq!(second.certificate.run_id, first.certificate.run_id);
    assert_eq!(second.certificate.state, RunState::Complete);
    assert_eq!(second.tally.stored, 2_000, "the whole run is counted, not the last session");
    assert_eq!(second.certificate.unique, 2_000);
    assert_eq!(
        second.certificate.requests,
        second.certificate.pages - taken + 1,
        "no page was fetched twice"
    );
    assert_eq!(tenant.archived().len(), 2_000);
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_inside_the_look_back_stays_provisional_when_the_run_goes_on_later() {
    let mut tenant = Tenant::new(2_000, "{}");
    let mut one_window = year();
    one_window.range = request("2025-03-01", "2025-03-02").range;
    one_window.page_size = PageSize::new(1).unwrap();
    // The window ends 2025-03-02; the look-back is over 72 hours later.
    tenant.now = "2025-03-04T23:59:59Z".parse().unwrap();
    let rung = Arc::new(Notify::new());
    let bell = Bell { pages: AtomicU64::new(0), after: 1, rung: Arc::clone(&rung) };
    let first = tenant.pull_until(&one_window, async move { rung.notified().await }, &bell).await;
    assert!(first.interrupted && first.certificate.pages > 0);

    tenant.now = "2025-06-01T00:00:00Z".parse().unwrap();
    let second = tenant.pull(&one_window).await;
    assert!(second.resumed);
    assert_eq!(
        second.certificate.started_at, first.certificate.started_at,
        "the run began with its first session"
    );
    assert_eq!(second.certificate.state, RunState::Provisional, "its first page may have changed since");

    let third = tenant.pull(&one_window).await;
    assert!(!third.resumed, "a provisional run is over; the next one asks for everything again");
    assert_eq!(third.certificate.state, RunState::Complete);
}

#[tokio::test(start_paused = true)]
async fn another_look_back_is_another_run() {
    let tenant = Tenant::new(2_000, "{}");
    let rung = Arc::new(Notify::new());
    let bell = Bell { pages: AtomicU64::new(0), after: 3, rung: Arc::clone(&rung) };
    let first = tenant.pull_until(&year(), async move { rung.notified().await }, &bell).await;
    assert!(first.interrupted);
    let mut other = year();
    other.look_back = std::time::Duration::ZERO;
    let second = tenant.pull(&other).await;
    assert!(!second.resumed, "what was late under one look-back was counted with it");
}

#[tokio::test(start_paused = true)]
async fn a_pull_dropped_at_any_point_can_be_taken_up_again() {
    let tenant = Tenant::new(600, "{}");
    let mut polls = 1_u32;
    loop {
        let gateway = tenant.gateway();
        let writer = tenant.writer();
        let now = tenant.now;
        let clock = move || now;
        let pull = Pull::new(&gateway, Arc::clone(&writer), OrganizationId::default(), &clock);
        let request = year();
        let mut run = Box::pin(pull.run(&request, std::future::pending(), &frontdesk_archiver::Silent));
        let mut done = None;
        for _ in 0..polls {
            if let Some(report) = (&mut run).now_or_never() {
                done = Some(report.unwrap());
                break;
            }
            tokio::task::yield_now().await;
            // Blocking work runs beside this thread; let some of it finish.
            tokio::time::sleep(std::time::Duration::from_micros(50)).await;
        }
        drop(run);
        drop(pull);
        // A store call that was left behind still holds the writer for a moment.
        let mut writer = Some(writer);
        while let Some(shared) = writer.take() {
            match Arc::try_unwrap(shared) {
                Ok(writer) => writer.close().unwrap(),
                Err(shared) => {
                    writer = Some(shared);
                    tokio::task::spawn_blocking(std::thread::yield_now).await.unwrap();
                }
            }
        }
        if let Some(report) = done {
            assert_eq!(report.certificate.state, RunState::Complete);
            break;
        }
        polls += 7;
    }
    let archived = tenant.archived();
    assert_eq!(archived.len(), 600);
    assert!(archived.values().all(|versions| *versions == [1]));
}
