//! What a pull takes, and what its certificate says.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use frontdesk_api::ErrorKind;
use frontdesk_api::transport::memory::Reply;
use frontdesk_archiver::Note;
use frontdesk_domain::{PageSize, RunState, Timestamp, WindowEnd};
use frontdesk_sandbox::{Config, Sandbox};
use serde_json::json;

use crate::tenant::{Notes, Tenant, answer, files, request, year};

#[tokio::test(start_paused = true)]
async fn everything_is_taken_once_and_the_certificate_adds_up() {
    let tenant = Tenant::new(700, "{}");
    let report = tenant.pull(&year()).await;
    let certificate = &report.certificate;
    assert_eq!(certificate.state, RunState::Complete);
    assert_eq!((report.tally.seen(), report.tally.stored), (700, 700));
    assert_eq!((certificate.received, certificate.unique, certificate.late), (700, 700, 0));
    assert_eq!(certificate.pages, certificate.windows.iter().map(|window| window.pages).sum::<u64>());
    assert_eq!(certificate.requests, certificate.pages + 1, "one request a page and one for the token");
    assert!(certificate.windows.len() <= 64);
    assert!(certificate.windows.windows(2).all(|pair| pair[0].to == pair[1].from), "no gap between windows");
    assert!(certificate.missing.is_empty());
    let archived = tenant.archived();
    assert_eq!(archived.len(), 700);
    assert!(archived.values().all(|versions| *versions == [1]));
}

#[tokio::test(start_paused = true)]
async fn a_second_pull_writes_nothing_into_segments() {
    let tenant = Tenant::new(300, "{}");
    tenant.pull(&year()).await;
    let before = files(&tenant.root().join("segments"));
    let report = tenant.pull(&year()).await;
    assert_eq!((report.tally.unchanged, report.tally.seen()), (300, 300));
    assert!(!report.resumed, "a complete run is not taken up again");
    assert!(files(&tenant.root().join("segments")) == before);
}

#[tokio::test(start_paused = true)]
async fn what_changed_becomes_a_version() {
    let tenant = Tenant::new(100, "{}");
    tenant.pull(&year()).await;
    tenant.door("/_sandbox/revise", r#"{"k": 42}"#);
    let report = tenant.pull(&year()).await;
    assert_eq!((report.tally.versions_added, report.tally.unchanged), (1, 99));
    assert_eq!(tenant.archived().values().filter(|versions| **versions == [1, 2]).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn storms_and_drifting_pages_lose_nothing() {
    let faults =
        r#"{"rate": {"status_429": 0.02, "status_503": 0.02, "reset": 0.02, "cut": 0.02, "drift": 0.1}}"#;
    let tenant = Tenant::new(1_500, faults);
    let mut small = year();
    small.page_size = PageSize::new(10).unwrap();
    let report = tenant.pull(&small).await;
    assert_eq!(report.certificate.state, RunState::Complete, "{:?}", report.cause);
    assert_eq!(report.tally.stored, 1_500);
    assert!(report.tally.unchanged > 0, "pages drifted, so some came twice");
    assert_eq!(report.certificate.unique, 1_500);
    assert!(report.certificate.throttled > 0);
    assert_eq!(tenant.archived().len(), 1_500);
}

#[tokio::test(start_paused = true)]
async fn a_window_at_the_look_back_is_provisional() {
    let mut tenant = Tenant::new(100, "{}");
    for (now, expected) in
        [("2026-01-04T00:00:00Z", RunState::Complete), ("2026-01-03T23:59:59Z", RunState::Provisional)]
    {
        tenant.now = now.parse::<Timestamp>().unwrap();
        let report = tenant.pull(&year()).await;
        assert_eq!(report.certificate.state, expected, "{now}");
        assert_eq!(report.certificate.windows.last().unwrap().open, expected == RunState::Provisional);
        assert!(report.certificate.windows[..3].iter().all(|window| !window.open));
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_without_an_end_past_the_look_back_is_late() {
    for (line, late) in [
        (json!({"id": "open", "startTime": "2025-03-01T10:00:00Z"}), 1),
        (json!({"id": "ended", "startTime": "2025-03-01T10:00:00Z", "endTime": "2025-03-01T11:00:00Z"}), 0),
        (json!({"id": "undated"}), 0),
    ] {
        let tenant = scripted(move |_| json!({"conversations": [line]}));
        let report = tenant.pull(&request("2025-03-01T10:00:00Z", "2025-03-01T11:00:00Z")).await;
        assert_eq!(report.certificate.late, late);
        let expected = if late == 0 { RunState::Complete } else { RunState::Provisional };
        assert_eq!(report.certificate.state, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_comes_again_ends_its_window_and_no_other() {
    let faults = r#"{"rules": [{"when": {"page": 2, "body_contains": "2025-03-"}, "then": "repeat_token"}]}"#;
    let tenant = Tenant::new(2_000, faults);
    let notes = Notes::default();
    let report = tenant.pull_until(&year(), std::future::pending(), &notes).await;
    let certificate = &report.certificate;
    assert_eq!(certificate.state, RunState::Incomplete);
    let told = notes.0.into_inner().unwrap();
    assert_eq!(told.len(), certificate.missing.len(), "each window that failed is told when it does");
    assert!(told.iter().all(|note| matches!(note, Note::WindowFailed { .. })), "{told:?}");
    assert!(matches!(report.cause.as_ref().unwrap().kind(), ErrorKind::LoopingPagination { .. }));
    let failed = certificate.windows.iter().filter(|window| window.ended != WindowEnd::Complete).count();
    assert!(failed > 0 && failed < certificate.windows.len() / 2, "{failed} windows failed");
    assert_eq!(certificate.missing.len(), failed);
    for missing in &certificate.missing {
        assert!(missing.page_token.is_some(), "the token is named");
        assert!(missing.window_from.to_string().starts_with("2025-0"));
    }
    assert!(report.tally.stored > 1_000, "the other windows were taken whole");

    // The server is mended: the same request goes on and misses nothing.
    tenant.door("/_sandbox/faults", "{}");
    let report = tenant.pull(&year()).await;
    assert!(report.resumed);
    assert_eq!(report.certificate.state, RunState::Complete);
    assert_eq!(tenant.archived().len(), 2_000);
}

#[tokio::test(start_paused = true)]
async fn a_record_without_an_id_is_missed_and_said() {
    let tenant =
        scripted(|_| json!({"conversations": [{"id": "a"}, {"type": "message"}, {"id": ""}, {"id": "b"}]}));
    let notes = Notes::default();
    let one_day = request("2025-03-01T10:00:00Z", "2025-03-01T11:00:00Z");
    let report = tenant.pull_until(&one_day, std::future::pending(), &notes).await;
    assert_eq!((report.tally.stored, report.tally.rejected, report.tally.seen()), (2, 2, 4));
    assert_eq!(report.certificate.state, RunState::Incomplete);
    assert!(report.cause.is_none());
    assert_eq!(report.certificate.missing.len(), 1);
    let notes = notes.0.into_inner().unwrap();
    let places: Vec<&str> = notes
        .iter()
        .map(|note| match note {
            Note::Rejected { place, .. } => place.rsplit(", ").next().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(places, ["conversation 2", "conversation 3"]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_was_mended_is_taken_by_the_same_request() {
    let mended = Arc::new(AtomicBool::new(false));
    let is_mended = Arc::clone(&mended);
    let tenant = scripted(move |_| {
        let second = if is_mended.load(Ordering::Relaxed) { json!({"id": "b"}) } else { json!({}) };
        json!({"conversations": [{"id": "a"}, second]})
    });
    let one_day = request("2025-03-01T10:00:00Z", "2025-03-01T11:00:00Z");
    for _ in 0..2 {
        let report = tenant.pull(&one_day).await;
        assert_eq!((report.certificate.state, report.tally.rejected), (RunState::Incomplete, 1));
    }
    mended.store(true, Ordering::Relaxed);
    let report = tenant.pull(&one_day).await;
    assert!(report.resumed);
    assert_eq!(report.certificate.state, RunState::Complete, "the window was asked for again");
    assert_eq!(tenant.archived().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn many_rejected_records_are_counted_and_a_few_told() {
    let tenant = scripted(|_| json!({"conversations": vec![json!({}); 21]}));
    let notes = Notes::default();
    let one_day = request("2025-03-01T10:00:00Z", "2025-03-01T11:00:00Z");
    let report = tenant.pull_until(&one_day, std::future::pending(), &notes).await;
    assert_eq!((report.tally.rejected, notes.0.into_inner().unwrap().len()), (21, 20));
}

#[tokio::test(start_paused = true)]
async fn a_late_conversation_that_comes_twice_counts_once() {
    let tenant = scripted(|_| {
        let open = json!({"id": "open", "startTime": "2025-03-01T10:00:00Z"});
        json!({"conversations": [open, open]})
    });
    let report = tenant.pull(&request("2025-03-01T10:00:00Z", "2025-03-01T11:00:00Z")).await;
    assert_eq!((report.certificate.late, report.tally.seen()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_us_is_not_asked_for_every_window() {
    let tenant = scripted(|_| json!({}));
    let refused = Tenant::answering(Arc::clone(&tenant.sandbox), |_| Reply::status(401));
    let report = refused.pull(&year()).await;
    assert_eq!(report.certificate.state, RunState::Incomplete);
    assert_eq!(report.certificate.pages, 0);
    assert!(report.cause.unwrap().is_auth());
    assert_eq!(report.certificate.missing.len(), report.certificate.windows.len());
    assert!(refused.requests() <= 4, "{} requests", refused.requests());
}

#[tokio::test(start_paused = true)]
async fn a_page_token_that_is_no_longer_accepted_begins_the_window_again() {
    let config = Config { conversations: Some(100_000), rate_limit_per_min: 0, ..Config::default() };
    let sandbox = Arc::new(Sandbox::new(config).unwrap());
    let (expired, down) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (served, is_expired, is_down) = (Arc::clone(&sandbox), Arc::clone(&expired), Arc::clone(&down));
    let tenant = Tenant::answering(sandbox, move |request| {
        let next_page = request.body().windows(10).any(|part| part == b"\"nextPage\"");
        if next_page && is_down.load(Ordering::Relaxed) {
            return Reply::status(404);
        }
        if next_page && is_expired.swap(false, Ordering::Relaxed) {
            return Reply::status(400).body(r#"{"code": "bad.request", "message": "unknown nextPage"}"#);
        }
        answer(&served, request)
    });
    let mut one_window = request("2025-03-01T10:00:00Z", "2025-03-01T11:00:00Z");
    one_window.page_size = PageSize::new(1).unwrap();
    one_window.in_flight = std::num::NonZero::new(1).unwrap();

    down.store(true, Ordering::Relaxed);
    let first = tenant.pull(&one_window).await;
    assert_eq!((first.certificate.state, first.certificate.pages), (RunState::Incomplete, 1));

    down.store(false, Ordering::Relaxed);
    expired.store(true, Ordering::Relaxed);
    let notes = Notes::default();
    let report = tenant.pull_until(&one_window, std::future::pending(), &notes).await;
    assert!(report.resumed);
    assert_eq!(report.certificate.state, RunState::Complete, "{:?}", report.cause);
    assert!(matches!(notes.0.into_inner().unwrap()[..], [Note::WindowRestarted { .. }]));
    assert_eq!(report.tally.unchanged, 1, "the page of the first session came again");
    assert_eq!(report.certificate.unique, report.tally.seen(), "and its id is counted once");
}

/// A tenant that gives tokens, and for every details query what `page` makes of its body.
fn scripted(page: impl Fn(&[u8]) -> serde_json::Value + Send + Sync + 'static) -> Tenant {
    let sandbox = Arc::new(Sandbox::new(Config::default()).unwrap());
    Tenant::answering(sandbox, move |request| match request.uri().path() {
        "/oauth/token" => {
            Reply::json(&json!({"access_token": "t", "token_type": "bearer", "expires_in": 3600}))
        }
        _ => Reply::json(&page(request.body())),
    })
}
