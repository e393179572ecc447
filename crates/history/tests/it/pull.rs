//! Rules of contract §2, from the first page to the folder.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use frontdesk_api::transport::memory::Reply;
use frontdesk_domain::audit::{AuditKind, HistoryRecord};
use frontdesk_domain::message::TypeFilter;
use frontdesk_domain::{MaxDepth, PageToken};
use frontdesk_history::{Clock, HistoryPull, PullRequest, Session, Silent, StoreError};

use crate::desk::{Desk, Shown, gateway, ids, message, noon, page, request, target, three_pages};

fn step(event: &str, token: Option<&str>, count: u64) -> (String, Option<String>, u64) {
    (event.to_owned(), token.map(str::to_owned), count)
}

#[tokio::test]
async fn a_history_is_taken_to_its_end_sorted_and_told_in_the_audit() {
    let desk = Desk::new();
    let (gateway, _) = gateway(|_, token| match token {
        "" => page(&[message(2, 2), message(1, 1)], Some("p2")),
        // m-1 again, and a message of the same second as the one before.
        _ => page(&[message(1, 9), message(4, 1), message(3, 3)], None),
    });
    let report = desk.pull(&gateway, &request(), &["c-1"]).await;
    assert_eq!((report.totals.complete, report.totals.pages), (1, 2));
    let counts = report.totals.counts;
    assert_eq!((counts.fetched, counts.kept, counts.duplicates, counts.out_of_order), (5, 4, 1, 2));
    assert_eq!(ids(&desk.lines("c-1.ndjson")), ["m-1", "m-4", "m-2", "m-3"]);
    let findings = desk.lines("c-1.findings.ndjson");
    assert_eq!(
        findings,
        [
            r#"{"index":1,"message_id":"m-1","finding":"order","previous":"2025-03-01T10:00:02Z","found":"2025-03-01T10:00:01Z","order":"backwards"}"#,
            r#"{"index":3,"message_id":"m-4","finding":"order","previous":"2025-03-01T10:00:01Z","found":"2025-03-01T10:00:01Z","order":"equal"}"#,
        ]
    );
    let told: serde_json::Value = serde_json::from_str(&desk.lines("c-1.report.json").concat()).unwrap();
    assert_eq!(
        (&told["state"], &told["claimed"], &told["fetched"]),
        (&"complete".into(), &6.into(), &5.into())
    );
    assert_eq!(told["file"], "org/dom/c-1.ndjson");
    assert_eq!(
        desk.steps(),
        [
            step("page_fetch_start", None, 0),
            step("page_processed", None, 2),
            step("page_fetch_start", Some("p2"), 0),
            step("page_processed", Some("p2"), 2),
            step("retrieval_complete", None, 5),
        ]
    );
    assert!(desk.working_files().is_empty(), "{:?}", desk.working_files());
}

#[tokio::test]
async fn a_type_filter_leaves_out_and_counts() {
    let desk = Desk::new();
    let (gateway, _) = gateway(|_, token| three_pages(token));
    let request = PullRequest { types: TypeFilter::of(["IMAGE"]).unwrap(), ..request() };
    let report = desk.pull(&gateway, &request, &["c-1"]).await;
    assert_eq!((report.totals.counts.fetched, report.totals.counts.kept), (6, 2));
    assert_eq!(ids(&desk.lines("c-1.ndjson")), ["m-3", "m-6"]);
}

#[tokio::test]
async fn a_depth_ends_a_history_with_its_token_and_another_goes_on_there() {
    let desk = Desk::new();
    let (gateway, asked) = gateway(|_, token| three_pages(token));
    let shallow = PullRequest { depth: MaxDepth::new(2).unwrap(), ..request() };
    let report = desk.pull(&gateway, &shallow, &["c-1"]).await;
    assert_eq!((report.totals.depth_limited, report.totals.pages), (1, 2));
    let told: serde_json::Value = serde_json::from_str(&desk.lines("c-1.report.json").concat()).unwrap();
    assert_eq!((&told["state"], &told["next_page_token"]), (&"depth_limited".into(), &"p3".into()));
    assert_eq!(desk.steps().last().unwrap(), &step("retrieval_complete", None, 4));
    asked.lock().unwrap().clear();
    let rest = PullRequest { resume: Some(PageToken::new("p3").unwrap()), ..request() };
    let report = desk.pull(&gateway, &rest, &["c-1"]).await;
    assert_eq!((report.totals.complete, report.totals.counts.kept), (1, 2));
    assert_eq!(*asked.lock().unwrap(), [("c-1".to_owned(), "p3".to_owned())]);
}

/// A job is one over exactly its conversations: what was left open of some says nothing of others.
#[tokio::test]
async fn another_list_of_conversations_is_another_job() {
    let desk = Desk::new();
    let (gateway, asked) = gateway(|conversation, token| match (conversation, token) {
        ("b", "p2") => Reply::status(503),
        _ => three_pages(token),
    });
    let first = desk.pull(&gateway, &request(), &["a", "b"]).await;
    assert_eq!((first.totals.complete, first.totals.failed, first.resumed), (1, 1, false));
    asked.lock().unwrap().clear();
    let other = desk.pull(&gateway, &request(), &["a"]).await;
    assert_eq!((other.totals.complete, other.resumed), (1, false));
    assert_eq!(asked.lock().unwrap().len(), 3, "a list of its own is asked for");
    asked.lock().unwrap().clear();
    // The same conversations in another order are the same job.
    let again = desk.pull(&gateway, &request(), &["b", "a", "b"]).await;
    assert_eq!((again.totals.complete, again.totals.failed, again.resumed), (1, 1, true));
    assert_eq!(*asked.lock().unwrap(), [("b".to_owned(), "p2".to_owned())]);
}

/// The report that goes out with a history says how long it took, and the audit says what went wrong in our words.
#[tokio::test]
async fn what_is_handed_out_knows_its_time_and_the_audit_has_no_words_of_the_server() {
    let desk = Desk::new();
    let (gateway, _) = gateway(|_, token| match token {
        "p2" => Reply::status(400)
            .header("x-request-id", "corr-7")
            .body(r#"{"code": "bad", "message": "asked by jane.doe@example.com"}"#),
        _ => three_pages(token),
    });
    let session = Session { journal: desk.journal(), work: desk.dir("work") };
    let passed = AtomicU64::new(0);
    let clock: Clock = Arc::new(move || {
        noon().checked_add(Duration::from_millis(passed.fetch_add(7, Ordering::SeqCst))).unwrap()
    });
    let job = HistoryPull::new(&gateway, session, desk.folder(), clock);
    let report = job.run(&request(), vec![target("c-1")], std::future::pending(), &Silent).await.unwrap();
    assert_eq!(report.totals.failed, 1);
    let told: serde_json::Value = serde_json::from_str(&desk.lines("c-1.report.json").concat()).unwrap();
    assert!(told["elapsed_ms"].as_u64().unwrap() > 0, "{told}");
    assert!(told["error"]["message"].as_str().unwrap().contains("jane.doe"), "{told}");
    let mut errors = Vec::new();
    let journal = desk.journal();
    let each = &mut |entry: frontdesk_journal::Entry| {
        assert!(!entry.whole().unwrap().contains("jane"), "{}", entry.whole().unwrap());
        let record: HistoryRecord = serde_json::from_str(&entry.record().unwrap()).unwrap();
        errors.extend(record.error);
        ControlFlow::Continue(())
    };
    journal.reader().unwrap().entries(0, Some(AuditKind::History), each).unwrap();
    assert_eq!(
        errors,
        ["message history failed: the server refused it with status 400 (correlation id corr-7)"]
    );
}

#[tokio::test]
async fn a_circle_ends_a_history_and_keeps_what_came() {
    let desk = Desk::new();
    let (gateway, asked) = gateway(|_, token| match token {
        "" => page(&[message(1, 1)], Some("p2")),
        _ => page(&[message(2, 2)], Some("p2")),
    });
    let report = desk.pull(&gateway, &request(), &["c-1"]).await;
    assert_eq!((report.totals.looping, report.totals.pages), (1, 2));
    assert_eq!(ids(&desk.lines("c-1.ndjson")), ["m-1", "m-2"]);
    let steps = desk.steps();
    assert_eq!(steps.last().unwrap(), &step("fetch_error", Some("p2"), 0));
    let starts = steps.iter().filter(|step| step.0 == "page_fetch_start").count();
    assert_eq!(starts, asked.lock().unwrap().len(), "a start is a request");
}

#[tokio::test]
async fn what_fails_in_one_conversation_is_no_matter_to_the_others() {
    let desk = Desk::new();
    let (gateway, _) = gateway(|conversation, token| match (conversation, token) {
        ("gone", _) => Reply::status(404).header("x-request-id", "corr-7"),
        ("odd", _) => Reply::status(200).body("{}"),
        ("half", "p2") => Reply::status(500),
        _ => three_pages(token),
    });
    let report = desk.pull(&gateway, &request(), &["a", "gone", "b", "odd", "half", "c", "b"]).await;
    assert_eq!((report.totals.complete, report.totals.failed, report.totals.not_reached), (3, 3, 0));
    assert!(report.cause.is_some());
    assert_eq!(ids(&desk.lines("half.ndjson")), ["m-1", "m-2"], "what was fetched is kept");
    let told: serde_json::Value = serde_json::from_str(&desk.lines("half.report.json").concat()).unwrap();
    assert_eq!((&told["state"], &told["next_page_token"]), (&"failed".into(), &"p2".into()));
    assert_eq!(told["error"]["status"], 500);
    assert!(desk.lines("gone.ndjson").is_empty());
}

#[tokio::test]
async fn the_same_request_goes_on_where_a_page_failed() {
    let desk = Desk::new();
    let (broken, _) = gateway(|_, token| if token == "p2" { Reply::status(503) } else { three_pages(token) });
    let report = desk.pull(&broken, &request(), &["c-1", "c-2"]).await;
    assert_eq!((report.totals.failed, report.resumed), (2, false));
    assert_eq!(desk.working_files().len(), 2);

    let (mended, asked) = gateway(|_, token| three_pages(token));
    let report = desk.pull(&mended, &request(), &["c-1", "c-2"]).await;
    assert_eq!((report.totals.complete, report.resumed), (2, true));
    assert!(asked.lock().unwrap().iter().all(|(_, token)| !token.is_empty()), "no page was asked for twice");
    assert_eq!(ids(&desk.lines("c-2.ndjson")), ["m-1", "m-2", "m-3", "m-4", "m-5", "m-6"]);
    assert!(desk.working_files().is_empty());

    // A run that ended is not gone on with: the next one begins anew.
    let report = desk.pull(&mended, &request(), &["c-1"]).await;
    assert!(!report.resumed && report.totals.pages == 3);
}

#[tokio::test]
async fn a_token_that_is_no_longer_known_begins_the_history_again() {
    let desk = Desk::new();
    let (broken, _) = gateway(|_, token| if token == "p3" { Reply::status(503) } else { three_pages(token) });
    desk.pull(&broken, &request(), &["c-1"]).await;
    let (forgetful, asked) =
        gateway(|_, token| if token == "p3" { Reply::status(400) } else { page(&[message(9, 9)], None) });
    let report = desk.pull(&forgetful, &request(), &["c-1"]).await;
    assert_eq!((report.totals.complete, report.totals.counts.kept), (1, 1));
    assert_eq!(asked.lock().unwrap().len(), 2);
    assert_eq!(ids(&desk.lines("c-1.ndjson")), ["m-9"]);
}

#[tokio::test]
async fn a_server_that_is_gone_is_not_asked_for_every_conversation() {
    let desk = Desk::new();
    let (gone, asked) = gateway(|_, _| Reply::status(503));
    let names: Vec<String> = (0..40).map(|number| format!("c-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let report = desk.pull(&gone, &request(), &names).await;
    let asked = asked.lock().unwrap().len();
    assert!(asked < 15, "{asked} requests");
    assert_eq!(report.totals.failed + report.totals.not_reached, 40);
}

#[tokio::test]
async fn what_was_shown_is_shown_again_by_the_session_that_goes_on() {
    let desk = Desk::new();
    let (half, _) = gateway(
        |conversation, token| if conversation == "b" { Reply::status(503) } else { three_pages(token) },
    );
    let first = Arc::new(Shown::default());
    desk.pull_to(&half, &request(), &["a", "b"], first.clone(), desk.dir("work")).await.unwrap();
    assert_eq!(first.0.lock().unwrap().len(), 1);
    let (whole, asked) = gateway(|_, token| three_pages(token));
    let second = Arc::new(Shown::default());
    let report =
        desk.pull_to(&whole, &request(), &["a", "b"], second.clone(), desk.dir("work")).await.unwrap();
    assert_eq!(report.totals.complete, 2);
    assert_eq!(second.0.lock().unwrap().values().copied().collect::<Vec<_>>(), [6, 6]);
    assert!(
        asked.lock().unwrap().iter().all(|(conversation, _)| conversation == "b"),
        "a was fetched already"
    );
    assert!(desk.working_files().is_empty());
}

#[tokio::test]
async fn a_stop_leaves_what_was_fetched_and_the_place_to_go_on() {
    let desk = Desk::new();
    let (slow, _) = gateway(|_, token| match token {
        "" => three_pages(""),
        _ => three_pages(token).after(Duration::from_secs(3600)),
    });
    let session = Session { journal: desk.journal(), work: desk.dir("work") };
    let job = HistoryPull::new(&slow, session, desk.folder(), Arc::new(noon));
    let stop = tokio::time::sleep(Duration::from_millis(300));
    let targets = vec![target("c-1")];
    let report = job.run(&request(), targets, stop, &Silent).await.unwrap();
    assert!(report.interrupted);
    assert_eq!((report.totals.interrupted, report.totals.pages), (1, 1));
    assert_eq!(desk.steps().last().unwrap(), &step("fetch_error", Some("p2"), 0));
    drop(job);
    let (mended, asked) = gateway(|_, token| three_pages(token));
    let report = desk.pull(&mended, &request(), &["c-1"]).await;
    assert_eq!((report.totals.complete, report.totals.counts.kept), (1, 6));
    assert_eq!(asked.lock().unwrap()[0].1, "p2");
}

#[tokio::test]
async fn two_processes_do_not_share_a_job() {
    let desk = Desk::new();
    let (gateway, _) = gateway(|_, token| three_pages(token).after(Duration::from_millis(200)));
    let request = request();
    let one = desk.pull_to(&gateway, &request, &["c-1"], desk.folder(), desk.dir("work"));
    let other = desk.pull_to(&gateway, &request, &["c-1"], desk.folder(), desk.dir("work"));
    let (one, other) = tokio::join!(one, other);
    let refused = [one.err(), other.err()].into_iter().flatten().collect::<Vec<_>>();
    assert!(matches!(refused[..], [StoreError::Busy(_)]), "{refused:?}");
}
