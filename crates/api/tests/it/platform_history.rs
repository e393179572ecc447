//! The staff's view of a history on the published contract (C.4.4), page by page.

use std::sync::{Arc, Mutex};

use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{HistoryPage, HistoryQuery, HistorySource as _, Platform, SeenIds, Stop};
use frontdesk_domain::message::HistoryTarget;
use frontdesk_domain::{HistoryPageSize, MaxDepth, PageToken};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{builder, with_token};

/// A platform with one conversation of so many messages, listed from the last to the first; and how often it was asked.
fn platform(count: u64, absent: &'static str) -> (Platform, Arc<Mutex<u64>>) {
    let time = |number: u64| format!("2026-03-02T09:{:02}:{:02}.000Z", number / 60, number % 60);
    let listed: Vec<Value> = (0..count)
        .rev()
        .map(|number| json!({"messageId": format!("m-{number}"), "messageTime": time(number)}))
        .collect();
    let conversation =
        json!({"id": "c-1", "participants": [{"id": "p", "messages": [{"id": "k", "messages": listed}]}]});
    let asked = Arc::new(Mutex::new(0));
    let log = Arc::clone(&asked);
    let transport = with_token(move |request| {
        *log.lock().unwrap() += 1;
        let path = request.uri().path();
        let Some(which) = path.strip_prefix("/api/v2/conversations/messages/c-1/messages/") else {
            return if path.ends_with("/c-1") { Reply::json(&conversation) } else { Reply::status(404) };
        };
        if which != "bulk" {
            return Reply::status(404);
        }
        let ids: Vec<String> = serde_json::from_slice(request.body()).unwrap();
        let there = ids.iter().filter(|id| *id != absent);
        let entities: Vec<Value> = there
            .map(|id| {
                let number = id[2..].parse().unwrap();
                json!({"id": id, "timestamp": time(number), "normalizedMessage": {"type": "Text"}})
            })
            .collect();
        Reply::json(&json!({"entities": entities}))
    });
    (Platform::new(builder().0.build(Arc::new(transport))), asked)
}

fn query(depth: u64, resume: Option<&str>) -> HistoryQuery {
    HistoryQuery {
        target: HistoryTarget::new("org", "dom", "c-1").unwrap(),
        size: HistoryPageSize::default(),
        resume: resume.map(|token| PageToken::new(token).unwrap()),
        depth: depth.to_string().parse::<MaxDepth>().unwrap(),
        seen: SeenIds::default(),
    }
}

async fn drain(platform: &Platform, query: HistoryQuery) -> (Vec<HistoryPage>, Stop) {
    let mut stream = platform.history(query);
    let mut pages = Vec::new();
    while let Some(page) = stream.next().await {
        pages.push(page.unwrap());
    }
    (pages, stream.stopped().unwrap().clone())
}

fn ids(pages: &[HistoryPage]) -> Vec<String> {
    let messages = pages.iter().flat_map(|page| &page.messages);
    messages.map(|message| message.as_ref().unwrap().message.id().to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_history_comes_by_time_with_one_look_and_one_bulk_read() {
    let (platform, asked) = platform(120, "");
    let (pages, stop) = drain(&platform, query(1_000, None)).await;
    let expected: Vec<String> = (0..120).map(|number| format!("m-{number}")).collect();
    assert_eq!((ids(&pages), stop, *asked.lock().unwrap()), (expected, Stop::Complete, 2));
    let lengths: Vec<usize> = pages.iter().map(|page| page.messages.len()).collect();
    assert_eq!(lengths, [50, 50, 20]);
    assert_eq!(pages.iter().map(|page| page.more).collect::<Vec<_>>(), [true, true, false]);
    assert!(pages.iter().all(|page| page.total == Some(120)));
}

#[tokio::test(start_paused = true)]
async fn it_stops_at_its_depth_and_goes_on_with_the_token() {
    let (platform, _) = platform(120, "");
    let (pages, stop) = drain(&platform, query(1, None)).await;
    let Stop::DepthLimited { token } = stop else { panic!("{stop:?}") };
    assert_eq!((pages.len(), token.as_str()), (1, "after 50"));
    let (pages, stop) = drain(&platform, query(9, Some("after 50"))).await;
    assert_eq!((ids(&pages).len(), stop), (70, Stop::Complete));
    assert_eq!(ids(&pages)[0], "m-50");
}

#[tokio::test(start_paused = true)]
async fn a_text_that_is_not_to_be_had_is_left_out_and_an_empty_history_is_one_page() {
    let (one_gone, asked) = platform(60, "m-7");
    let (pages, _) = drain(&one_gone, query(9, None)).await;
    assert_eq!((ids(&pages).len(), pages[0].messages.len(), pages[0].total), (59, 49, Some(60)));
    assert_eq!(*asked.lock().unwrap(), 3);
    let (empty, asked) = platform(0, "");
    let (pages, stop) = drain(&empty, query(9, None)).await;
    assert_eq!((pages.len(), stop, *asked.lock().unwrap()), (1, Stop::Complete, 1));
}

#[tokio::test(start_paused = true)]
async fn a_foreign_token_and_an_unknown_conversation_are_errors() {
    let (platform, _) = platform(3, "");
    let error = platform.history(query(9, Some("p2"))).next().await.unwrap().unwrap_err();
    assert!(error.to_string().contains("page token"), "{error}");
    let unknown = HistoryQuery { target: HistoryTarget::new("o", "d", "c-2").unwrap(), ..query(9, None) };
    let error = platform.history(unknown).next().await.unwrap().unwrap_err();
    assert!(error.is_missing());
}
