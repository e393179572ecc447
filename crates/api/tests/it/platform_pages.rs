//! Row R29 on the published contract: cursors of a job that lead nowhere (C.8). A listing ends with a named error, brings
//! nothing twice, and goes on from the last good page.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use frontdesk_api::platform::{DetailsOptions, DetailsWay};
use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{ConversationSource as _, DetailsQuery, Error, Platform, SeenIds};
use frontdesk_domain::{PageSize, PageToken, TimeRange};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{builder, with_token};

fn query() -> DetailsQuery {
    let day = |text: &str| text.parse().unwrap();
    let range = TimeRange::new(day("2026-03-01T00:00:00Z"), day("2026-03-02T00:00:00Z")).unwrap();
    let (size, seen) = (PageSize::default(), SeenIds::default());
    DetailsQuery { range, size, filter: None, resume: None, max_pages: None, seen }
}

/// A page of a job: conversation `number`, if any, and where it goes on.
fn page(number: Option<usize>, cursor: Option<&Value>) -> Value {
    let mut page = json!({});
    if let Some(number) = number {
        let start = "2026-03-01T10:00:00Z";
        page["conversations"] =
            json!([{"conversationId": format!("c-{number}"), "conversationStart": start}]);
    }
    if let Some(cursor) = cursor {
        page["cursor"] = cursor.clone();
    }
    page
}

struct Listed {
    /// Ids of what was new, and how many pages there were.
    ids: Vec<String>,
    pages: usize,
    failed: Option<Error>,
    /// Result pages that were asked for.
    asked: usize,
    last: Option<PageToken>,
}

/// Lists by jobs; the results are answered by how many were asked for before, and the cursor. Null: they are gone.
async fn listed(
    query: DetailsQuery,
    answer: impl Fn(usize, &str) -> Value + Send + Sync + 'static,
) -> Listed {
    let asked = Arc::new(AtomicUsize::new(0));
    let (count, jobs) = (Arc::clone(&asked), AtomicUsize::new(0));
    let transport = with_token(move |request| {
        let path = request.uri().path();
        match path.strip_prefix("/api/v2/analytics/conversations/details/jobs").unwrap() {
            "" => {
                let job = jobs.fetch_add(1, Ordering::Relaxed) + 1;
                Reply::status(202).body(json!({"jobId": format!("j{job}")}).to_string())
            }
            "/availability" => Reply::json(&json!({"dataAvailabilityDate": "2026-03-09T00:00:00Z"})),
            path if !path.ends_with("/results") => Reply::json(&json!({"state": "FULFILLED"})),
            _ => {
                let query = request.uri().query().unwrap_or_default();
                let cursor = query.split_once("&cursor=").map_or("", |(_, cursor)| cursor);
                match answer(count.fetch_add(1, Ordering::Relaxed), cursor) {
                    Value::Null => Reply::status(404).body(r#"{"code":"not.found","status":404}"#),
                    page => Reply::json(&page),
                }
            }
        }
    });
    let mut options = DetailsOptions::default();
    options.way = DetailsWay::Jobs;
    let platform = Platform::new(builder().0.build(Arc::new(transport))).details(options);
    let mut stream = platform.conversations(query);
    let mut listed = Listed { ids: Vec::new(), pages: 0, failed: None, asked: 0, last: None };
    while let Some(page) = stream.next().await {
        match page {
            Ok(page) => {
                let new = page.conversations.iter().flatten().filter(|conversation| conversation.is_new);
                listed.ids.extend(new.map(|conversation| conversation.record.key().id.to_string()));
                listed.pages += 1;
                listed.last = page.next;
            }
            Err(error) => listed.failed = Some(error),
        }
        assert!(listed.pages < 10_000, "it goes on for ever");
    }
    listed.asked = asked.load(Ordering::Relaxed);
    let ids: HashSet<&String> = listed.ids.iter().collect();
    assert_eq!(ids.len(), listed.ids.len(), "nothing is new twice");
    listed
}

#[tokio::test(start_paused = true)]
async fn cursors_that_lead_back_end_the_listing_within_two_pages() {
    // One that leads to itself; and two that lead to each other.
    let to_itself = listed(query(), |_, cursor| page(Some(cursor.len()), Some(&json!("A")))).await;
    assert!(to_itself.failed.unwrap().looping_token().is_some());
    assert!((to_itself.ids.len(), to_itself.asked) <= (2, 4), "{} {}", to_itself.ids.len(), to_itself.asked);

    let in_turn = |_, cursor: &str| match cursor {
        "A" => page(Some(1), Some(&json!("BB"))),
        "BB" => page(Some(2), Some(&json!("A"))),
        _ => page(Some(0), Some(&json!("A"))),
    };
    let in_turn = listed(query(), in_turn).await;
    assert!(in_turn.failed.unwrap().looping_token().is_some());
    assert!(in_turn.ids.len() == 3 && in_turn.asked <= 5, "{} {}", in_turn.ids.len(), in_turn.asked);

    // The same page under a new cursor each time.
    let the_same = listed(query(), |number, _| page(Some(0), Some(&json!(format!("n{number}"))))).await;
    assert!(the_same.failed.is_some(), "{} pages", the_same.pages);
    assert!(the_same.ids.len() == 1 && the_same.asked <= 4, "{}", the_same.asked);
}

#[tokio::test(start_paused = true)]
async fn empty_pages_with_a_cursor_are_gone_past_and_not_for_ever() {
    let few = listed(query(), |number, _| match number {
        0 | 2 => page(None, Some(&json!(format!("n{number}")))),
        1 => page(Some(1), Some(&json!("n1"))),
        _ => page(Some(2), None),
    })
    .await;
    assert!(few.failed.is_none());
    assert_eq!((few.ids, few.asked), (vec!["c-1".to_owned(), "c-2".to_owned()], 4));

    let to_itself = listed(query(), |_, _| page(None, Some(&json!("A")))).await;
    assert!(to_itself.failed.unwrap().looping_token().is_some());
    assert!(to_itself.asked <= 4, "{}", to_itself.asked);
    let for_ever = listed(query(), |number, _| page(None, Some(&json!(format!("n{number}"))))).await;
    assert!(for_ever.failed.is_some() && for_ever.asked < 1_000, "{}", for_ever.asked);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_begun_anew_may_repeat_itself_and_not_for_ever() {
    // Three pages; the fourth is gone, and the job begins anew.
    let whole = listed(query(), |number, _| match number {
        3 => Value::Null,
        8 => page(Some(4), None),
        number => {
            page(Some(if number < 3 { number } else { number - 4 }), Some(&json!(format!("n{number}"))))
        }
    })
    .await;
    assert!(whole.failed.is_none() && whole.ids.len() == 5, "{:?}", whole.failed);
    let for_ever = listed(query(), |number, _| match number {
        3 => Value::Null,
        number => page(Some(number.min(2)), Some(&json!(format!("n{number}")))),
    })
    .await;
    assert!(for_ever.failed.unwrap().looping_token().is_some());
    assert!(for_ever.ids.len() == 3 && for_ever.asked < 12, "{}", for_ever.asked);
    let to_itself = listed(query(), |number, _| match number {
        3 => Value::Null,
        number if number < 3 => page(Some(number), Some(&json!(format!("n{number}")))),
        _ => page(Some(7), Some(&json!("A"))),
    })
    .await;
    assert!(to_itself.failed.unwrap().looping_token().is_some() && to_itself.asked < 8);
}

#[tokio::test(start_paused = true)]
async fn cursors_nobody_would_make_are_sent_back_as_they_came_or_refused() {
    // Characters that no address holds are escaped.
    let strange = listed(query(), |_, cursor| match cursor {
        "" => page(Some(1), Some(&json!("a\r\n\u{7f}&cursor=x é#?/%"))),
        "a%0D%0A%7F%26cursor%3Dx%20%C3%A9%23%3F%2F%25" => page(Some(2), None),
        other => panic!("{other}"),
    })
    .await;
    assert!(strange.ids.len() == 2 || strange.failed.is_some(), "it goes on, or says why not");
    // One that is no text is none; a very long one ends the listing, and what came before it is kept.
    for cursor in [json!(7), json!(null), json!({}), json!("")] {
        let last = listed(query(), move |_, _| page(Some(1), Some(&cursor))).await;
        assert_eq!((last.ids.len(), last.asked, last.failed.is_none()), (1, 1, true));
    }
    let long = json!("x".repeat(1 << 20));
    let long = listed(query(), move |number, _| page(Some(number), (number == 0).then_some(&long))).await;
    assert!(!long.ids.is_empty());
    assert!(long.failed.is_some() || long.asked == 2, "it is not taken for the last page");
}

#[tokio::test(start_paused = true)]
async fn a_listing_goes_on_from_the_last_good_page() {
    let broken = |_, cursor: &str| match cursor {
        "" => page(Some(1), Some(&json!("A"))),
        "A" => page(Some(2), Some(&json!("BB"))),
        _ => json!([]),
    };
    let first = listed(query(), broken).await;
    assert_eq!((first.ids.len(), first.pages, first.failed.is_some()), (2, 2, true));
    let token = first.last.unwrap();
    let again = listed(DetailsQuery { resume: Some(token), ..query() }, |_, cursor| {
        assert_eq!(cursor, "BB");
        page(Some(3), None)
    })
    .await;
    assert_eq!((again.ids, again.asked), (vec!["c-3".to_owned()], 1));
}
