//! Interrupted, dropped, taken up again: nothing is lost, nothing is doubled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use frontdesk_archiver::monitor::Progress;
use frontdesk_archiver::{Monitor, Pull};
use frontdesk_domain::{OrganizationId, RunState};
use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::tenant::{Tenant, year};

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
