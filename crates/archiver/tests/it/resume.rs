//! Interrupted, dropped, taken up again: nothing is lost, nothing is doubled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use frontdesk_api::transport::memory::Reply;
use frontdesk_archive::{Settings, Writer};
use frontdesk_archiver::monitor::Progress;
use frontdesk_archiver::{Monitor, Note, Pull};
use frontdesk_domain::{OrganizationId, PageSize, RunId, RunState};
use frontdesk_durable::OsDir;
use frontdesk_durable::testing::{ENOSPC, FaultyDir};
use futures_util::FutureExt;
use tokio::sync::Notify;

use crate::tenant::{Notes, Tenant, answer, request, year};

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
    let mut tenant = Tenant::new(100_000, "{}");
    let mut one_window = year();
    one_window.range = request("2025-03-01T10:00:00Z", "2025-03-01T11:00:00Z").range;
    one_window.page_size = PageSize::new(1).unwrap();
    // The window ends at 11:00; the look-back is over 72 hours later.
    tenant.now = "2025-03-04T10:59:59Z".parse().unwrap();
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
    other.look_back = Duration::ZERO;
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
            tokio::time::sleep(Duration::from_micros(50)).await;
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

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "the test damages a file")]
async fn a_damaged_log_of_an_earlier_run_is_said_and_a_new_run_begins() {
    let tenant = Tenant::new(300, "{}");
    let first = tenant.pull(&year()).await;
    let log = tenant.root().join(format!("runs/{}.ndjson", first.certificate.run_id));
    let mut bytes = std::fs::read(&log).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&log, bytes).unwrap();
    let notes = Notes::default();
    let second = tenant.pull_until(&year(), std::future::pending(), &notes).await;
    assert_eq!((second.certificate.state, second.resumed), (RunState::Complete, false));
    let said = notes.0.into_inner().unwrap();
    assert_eq!(said, [Note::RunLogDamaged { run: first.certificate.run_id }]);
}

/// Steps counted when the run begins: everything after them belongs to pages.
struct Begun<'d>(&'d FaultyDir<OsDir>, AtomicU64);

impl Monitor for Begun<'_> {
    fn started(&self, _: &RunId, _: bool, _: usize) {
        self.1.store(self.0.steps(), Ordering::Relaxed);
    }
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "virtual time")]
async fn a_store_that_fails_does_not_wait_for_the_page_that_is_being_fetched() {
    // The second page is never answered.
    let sandbox = Tenant::new(100_000, "{}").sandbox;
    let tenant = Tenant::answering(Arc::clone(&sandbox), move |request| {
        let next_page = request.body().windows(10).any(|part| part == b"\"nextPage\"");
        if next_page { Reply::silence() } else { answer(&sandbox, request) }
    });
    let mut one_window = request("2025-03-01T10:00:00Z", "2025-03-01T11:00:00Z");
    one_window.page_size = PageSize::new(1).unwrap();
    let mut fail_from = u64::MAX;
    for _ in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let dir = FaultyDir::new(OsDir::open(folder.path()).unwrap()).fail_from(fail_from, ENOSPC);
        let now = tenant.now;
        let clock = move || now;
        let writer = Writer::open_in(Arc::new(dir.clone()), &Settings::default(), Arc::new(clock)).unwrap();
        let gateway = tenant.gateway();
        let pull = Pull::new(&gateway, Arc::new(writer), OrganizationId::default(), &clock);
        let begun = Begun(&dir, AtomicU64::new(0));
        let asked_at = tokio::time::Instant::now();
        let ended = pull.run(&one_window, std::future::pending(), &begun).await;
        if fail_from == u64::MAX {
            assert!(ended.unwrap().cause.is_some(), "without a fault, the silence ends it");
            fail_from = begun.1.into_inner() + 1;
        } else {
            assert!(ended.unwrap_err().0.is_storage_failure());
            assert!(asked_at.elapsed() < Duration::from_secs(1), "{:?} of virtual time", asked_at.elapsed());
        }
    }
}
