//! Near the end of a list the longest histories go first; the others wait after their first page.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use frontdesk_api::transport::memory::Reply;
use frontdesk_history::{Clock, HistoryPull, Monitor, Progress, PullReport, Session};
use tokio::sync::Notify;

use crate::desk::{Desk, gateway_at, message, noon, page_of, request, target};

/// Requests a second that a few windows use up.
const FEW: &str = "20";

/// Twelve short ones, and one that is longer behind them.
fn names() -> Vec<String> {
    (0..12).map(|number| format!("c-{number}")).chain(["long".to_owned()]).collect()
}

/// Two pages of each short one, three of the long one.
fn pages(conversation: &str, token: &str) -> Reply {
    match (conversation, token) {
        ("long", "") => page_of(&[message(1, 1)], Some("p2"), 150),
        ("long", "p2") => page_of(&[message(2, 2)], Some("p3"), 150),
        (_, "") => page_of(&[message(1, 1)], Some("p2"), 60),
        _ => page_of(&[message(3, 3)], None, 60),
    }
}

fn accounted(report: &PullReport) -> u64 {
    let totals = &report.totals;
    totals.complete + totals.failed + totals.interrupted + totals.not_reached
}

#[tokio::test]
async fn a_long_history_at_the_end_of_the_list_goes_before_the_rest_of_short_ones() {
    let desk = Desk::new();
    let (gateway, asked) = gateway_at(FEW, pages);
    let names = names();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    let report = desk.pull(&gateway, &request(), &ids).await;
    assert_eq!((report.totals.complete, report.totals.pages, report.resumed), (13, 27, false));
    let asked = asked.lock().unwrap();
    let began = asked.iter().position(|(conversation, _)| conversation == "long").unwrap();
    let behind =
        asked[began..].iter().filter(|(conversation, token)| conversation != "long" && token == "p2");
    assert!(behind.count() >= 6, "most short ones wait: {asked:?}");
    assert_eq!(asked.len(), 27, "nothing is asked twice: {asked:?}");
    assert_eq!(desk.lines("long.ndjson").len(), 3);
    let steps = desk.steps();
    let told = |(name, token, _): &&(String, Option<String>, u64)| {
        name == "page_fetch_start" && token.as_deref() == Some("p2")
    };
    assert_eq!(steps.iter().filter(told).count(), 13, "each once: {steps:?}");
    assert!(!desk.lines("c-3.report.json").concat().contains(r#""resumed": true"#));
    assert!(desk.working_files().is_empty());
}

#[tokio::test]
async fn what_waits_says_how_far_it_is_when_the_job_is_stopped_and_goes_on_later() {
    struct StopAt(u64, Arc<Notify>);
    impl Monitor for StopAt {
        fn progress(&self, progress: &Progress) {
            if progress.pages == self.0 {
                self.1.notify_one();
            }
        }
    }

    let desk = Desk::new();
    let (gateway, asked) = gateway_at(FEW, pages);
    let session = Session { journal: desk.journal(), work: desk.dir("work") };
    let clock: Clock = Arc::new(noon);
    let job = HistoryPull::new(&gateway, session, desk.folder(), clock);
    let (stop, targets) = (Arc::new(Notify::new()), names().iter().map(|name| target(name)).collect());
    let monitor = StopAt(9, Arc::clone(&stop));
    let report = job.run(&request(), targets, stop.notified(), &monitor).await.unwrap();
    assert!(report.interrupted && report.totals.interrupted >= 6, "{report:?}");
    assert_eq!(accounted(&report), 13, "{report:?}");
    drop(job);
    let before: BTreeSet<(String, String)> = asked.lock().unwrap().drain(..).collect();
    let names = names();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    let report = desk.pull(&gateway, &request(), &ids).await;
    assert_eq!((report.totals.complete, report.resumed), (13, true));
    let again = asked.lock().unwrap().iter().filter(|page| before.contains(page)).count();
    assert!(again <= 4, "no more than were on their way: {again}");
    let lines: usize = ids.iter().map(|id| desk.lines(&format!("{id}.ndjson")).len()).sum();
    assert_eq!(lines, 27);
}

#[tokio::test]
async fn what_waits_is_not_asked_for_when_the_server_is_gone() {
    let desk = Desk::new();
    let gone = Arc::new(AtomicBool::new(true));
    let is_gone = Arc::clone(&gone);
    let (gateway, asked) = gateway_at(FEW, move |conversation, token| match token {
        "" => pages(conversation, token),
        _ if is_gone.load(Ordering::SeqCst) => Reply::status(503),
        _ => pages(conversation, token),
    });
    let names = names();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    let report = desk.pull(&gateway, &request(), &ids).await;
    assert!(report.totals.failed >= 5 && report.totals.interrupted > 0, "{report:?}");
    assert_eq!(accounted(&report), 13, "{report:?}");
    let second = asked.lock().unwrap().drain(..).filter(|(_, token)| token == "p2").count();
    assert!(second < 13, "{second}");
    gone.store(false, Ordering::SeqCst);
    let report = desk.pull(&gateway, &request(), &ids).await;
    assert_eq!((report.totals.complete, report.resumed), (13, true));
    assert!(asked.lock().unwrap().iter().all(|(_, token)| !token.is_empty()), "first pages are there");
}

#[tokio::test]
async fn a_token_that_expired_while_its_history_waited_begins_it_anew() {
    let desk = Desk::new();
    let expired = AtomicBool::new(false);
    let (gateway, asked) = gateway_at(FEW, move |conversation, token| match (conversation, token) {
        ("c-0", "p2") if !expired.swap(true, Ordering::SeqCst) => {
            Reply::status(400).body(r#"{"code": "bad.request", "message": "the token is unknown"}"#)
        }
        _ => pages(conversation, token),
    });
    let names = names();
    let ids: Vec<&str> = names.iter().map(String::as_str).collect();
    let report = desk.pull(&gateway, &request(), &ids).await;
    assert_eq!((report.totals.complete, report.totals.failed), (13, 0));
    assert_eq!(desk.lines("c-0.ndjson").len(), 2);
    assert_eq!(asked.lock().unwrap().len(), 27 + 2, "its first page and its second once more");
}
