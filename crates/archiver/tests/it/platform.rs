//! A whole pull over the published contract: details by its analytics, texts by its reads, whatever the tenant does.

use frontdesk_archive::{ListQuery, ReadOptions, Reader};
use frontdesk_archiver::{PullReport, PullRequest};
use frontdesk_domain::payload::transcript;
use frontdesk_domain::{RecordKind, RunState};
use serde_json::{Value, json};

use crate::tenant::request;
use crate::transcripts::{Both, DAY, WINDOW, counts};

/// What the archive has, and what the tenant says there is to be had.
fn compare(both: &Both) -> (u64, u64) {
    let totals = both.totals("2025-01-01", "2026-01-01");
    let reader = Reader::open(&both.root(), &ReadOptions::default()).unwrap();
    let (mut details, mut messages) = (0, 0);
    for entry in reader.list(&ListQuery { latest_only: true, ..ListQuery::default() }) {
        let entry = entry.unwrap();
        details += u64::from(entry.key.kind == RecordKind::Details);
        if entry.key.kind == RecordKind::Transcript {
            let record: Value =
                serde_json::from_slice(&reader.show(&entry.key, None).unwrap().unwrap().bytes).unwrap();
            messages += record["entities"].as_array().unwrap().len() as u64;
        }
    }
    assert_eq!(Value::from(details), totals["conversations"]);
    let there = |name: &str| totals[name].as_u64().unwrap();
    (messages, there("messages") - there("late") - there("absent"))
}

fn state(report: &PullReport) -> RunState {
    report.certificate.state
}

#[tokio::test(start_paused = true)]
async fn late_texts_and_drifting_pages_are_whole_after_the_second_run() {
    let both = Both::new(500);
    both.set("/_sandbox/faults", &json!({"rate": {"drift": 0.2}}));
    both.plan(&json!({"late": 0.02, "late_seconds": 7200}));
    let year = request("2025-01-01", "2026-01-01");
    let first = both.pull_platform(&year).await;
    assert_eq!(state(&first), RunState::Provisional, "{:?}", first.certificate.missing);
    let (messages, there) = compare(&both);
    assert_eq!(messages, there);
    let counted = counts(&first);
    assert_eq!(counted.looked, 500);
    assert!(counted.late > 0 && counted.late < 500);
    both.passes(WINDOW);
    let second = both.pull_platform(&year).await;
    assert_eq!(state(&second), RunState::Complete, "{:?}", second.certificate.missing);
    let (messages, there) = compare(&both);
    assert_eq!(messages, there);
    assert_eq!(counts(&second).looked, counted.late);
}

#[tokio::test(start_paused = true)]
async fn what_is_threaded_into_an_ended_conversation_is_there_after_the_window() {
    let both = Both::new(300);
    both.at("2025-12-31T23:59:59Z");
    let december = request("2025-12-01", "2026-01-01");
    let first = both.pull_platform(&december).await;
    assert_eq!(state(&first), RunState::Provisional);
    let waiting = counts(&first).waiting;
    assert!(waiting > 0);
    both.passes(DAY);
    both.set("/_sandbox/rethread", &json!({"share": 1.0}));
    both.passes(WINDOW);
    both.asked();
    let second = both.pull_platform(&december).await;
    assert_eq!(state(&second), RunState::Complete, "{:?}", second.certificate);
    let reader = Reader::open(&both.root(), &ReadOptions::default()).unwrap();
    let query = ListQuery { kind: Some(RecordKind::Transcript), latest_only: true, ..ListQuery::default() };
    let more = reader.list(&query).map(Result::unwrap).filter(|entry| {
        let text = transcript(entry.key.kind, &reader.show(&entry.key, None).unwrap().unwrap().bytes);
        text.contains("One more thing, please.")
    });
    let (counted, talks) =
        (counts(&second), both.totals("2025-12-01", "2026-01-01")["with_messages"].as_u64());
    assert_eq!((Some(more.count() as u64), Some(counted.versions_added)), (talks, talks));
    assert_eq!(counted.waiting, 0);
    both.asked();
    assert_eq!(counts(&both.pull_platform(&december).await).looked, 0, "they are settled");
}

#[tokio::test(start_paused = true)]
async fn a_filter_takes_the_texts_of_what_it_lets_through_and_of_no_other() {
    let both = Both::new(200);
    let year = request("2025-01-01", "2026-01-01");
    let filtered = PullRequest { filter: Some("type eq 'message'".parse().unwrap()), ..year.clone() };
    let first = both.pull_platform(&filtered).await;
    let messages = first.certificate.unique;
    assert!(messages > 100 && messages < 200);
    assert_eq!(counts(&first).looked, messages);
    assert_eq!(counts(&both.pull_platform(&filtered).await).looked, 0);
    // Now the others.
    let all = both.pull_platform(&year).await;
    assert_eq!((counts(&all).looked, counts(&all).stored), (200 - messages, 200 - messages));
    assert_eq!(counts(&both.pull_platform(&filtered).await).looked, 0);
}

/// A token, the pages of each window, and of each conversation one read and one for each 1,000 messages.
#[tokio::test(start_paused = true)]
async fn a_pull_asks_for_little_more_than_it_must() {
    let both = Both::new(2_000);
    let year = request("2025-01-01", "2026-01-01");
    let report = both.pull_platform(&year).await;
    assert_eq!(state(&report), RunState::Complete);
    let (_, bulks) = both.asked();
    let windows = report.certificate.windows.iter();
    let pages: u64 = windows.map(|window| window.unique.div_ceil(20).max(1)).sum();
    let least = 1 + pages + 2_000 + bulks;
    assert!(
        report.certificate.requests * 100 <= least * 105,
        "{} requests for {least}",
        report.certificate.requests
    );
}
