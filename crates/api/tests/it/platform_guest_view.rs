//! A guest's own view of its history on the published contract (C.1): newest first, pages that shift, the guest's token alone.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use frontdesk_api::clock::VirtualClock;
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{
    Client, ErrorKind, GuestView, HistoryPage, HistoryQuery, HistorySource as _, SeenIds, Stop,
};
use frontdesk_domain::message::{HistoryTarget, Listing};
use frontdesk_domain::{HistoryPageSize, MaxDepth, PageToken};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{base, noon};

const JWT: &str = "eyJ.guest-canary.JWT";

fn view(answer: impl Fn(&http::Request<Bytes>) -> Reply + Send + Sync + 'static) -> GuestView {
    let transport = MemoryTransport::new(move |request| {
        assert_eq!(request.uri().path(), "/api/v2/webmessaging/messages", "nothing else is asked");
        assert_eq!(request.headers()["authorization"].to_str().unwrap(), format!("Bearer {JWT}"));
        assert_eq!(request.headers()["origin"], "https://shop.example");
        answer(request)
    });
    let clock = Arc::new(VirtualClock::starting_at(noon()));
    let client = Client::without_token(base()).clock(clock as _).seed(7).build(Arc::new(transport));
    GuestView::new(client, JWT, Some("https://shop.example".parse().unwrap())).unwrap()
}

fn said(number: u64) -> Value {
    json!({"id": format!("m-{number}"), "type": "Text", "text": "…", "direction": "Inbound",
        "channel": {"time": (number != 3).then(|| format!("2026-03-02T09:00:{number:02}.000Z"))}})
}

fn receipt(number: u64, status: &str) -> Value {
    json!({"id": format!("m-{number}"), "type": "Receipt", "status": status, "direction": "Outbound",
        "channel": {"time": format!("2026-03-02T09:01:{number:02}.000Z")}})
}

fn query(size: u64, resume: Option<&str>) -> HistoryQuery {
    HistoryQuery {
        target: HistoryTarget::new("org", "dom", "c-1").unwrap(),
        size: HistoryPageSize::new(size).unwrap(),
        resume: resume.map(|token| PageToken::new(token).unwrap()),
        depth: MaxDepth::default(),
        seen: SeenIds::default(),
    }
}

fn number(request: &http::Request<Bytes>, name: &str) -> usize {
    let query = request.uri().query().unwrap_or_default();
    let value = query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    value.unwrap().parse().unwrap()
}

/// The page of these messages, newest first, that is asked for.
fn page(request: &http::Request<Bytes>, newest_first: &[Value]) -> Value {
    let (size, number) = (number(request, "pageSize"), number(request, "pageNumber"));
    let entities: Vec<_> = newest_first.iter().skip(size * (number - 1)).take(size).collect();
    let (total, count) = (newest_first.len(), newest_first.len().div_ceil(size));
    json!({"entities": entities, "pageSize": size, "pageNumber": number, "total": total, "pageCount": count})
}

async fn drain(view: &GuestView, query: HistoryQuery) -> (Vec<HistoryPage>, Stop) {
    let mut stream = view.history(query);
    let mut pages = Vec::new();
    while let Some(page) = stream.next().await {
        pages.push(page.unwrap());
    }
    (pages, stream.stopped().unwrap().clone())
}

/// The ids in the order of arrival, those that came before in brackets.
fn ids(pages: &[HistoryPage]) -> String {
    let messages = pages.iter().flat_map(|page| &page.messages).map(|message| message.as_ref().unwrap());
    let id = |message: &frontdesk_api::HistoryMessage| match message.is_new {
        true => message.message.id().to_string(),
        false => format!("({})", message.message.id()),
    };
    messages.map(id).collect::<Vec<_>>().join(" ")
}

#[tokio::test(start_paused = true)]
async fn pages_come_newest_first_and_a_message_that_arrives_meanwhile_is_a_duplicate_at_the_border() {
    let told = Mutex::new((1..=5).rev().map(said).collect::<Vec<_>>());
    let view = view(move |request| {
        let mut told = told.lock().unwrap();
        let page = Reply::json(&page(request, &told));
        if number(request, "pageNumber") == 1 {
            told.insert(0, said(6));
        }
        page
    });
    assert_eq!(view.listing(), Listing::NewestFirst);
    let (pages, stop) = drain(&view, query(2, None)).await;
    assert_eq!((ids(&pages).as_str(), stop), ("m-5 m-4 (m-4) m-3 m-2 m-1", Stop::Complete));
    assert_eq!(pages.iter().map(|page| page.total).collect::<Vec<_>>(), [Some(5), Some(6), Some(6)]);
    let times = pages.iter().flat_map(|page| &page.messages).map(|message| message.as_ref().unwrap());
    assert_eq!(times.filter(|message| message.message.sent_at().is_err()).count(), 1, "a time may be null");
}

#[tokio::test(start_paused = true)]
async fn receipts_are_not_the_message_they_are_about() {
    let told = [receipt(2, "Read"), receipt(2, "Delivered"), receipt(2, "Read"), said(2), said(1)];
    let view = view(move |request| Reply::json(&page(request, &told)));
    let (pages, _) = drain(&view, query(50, None)).await;
    assert_eq!(ids(&pages), "m-2 m-2 (m-2) m-2 m-1");
}

#[tokio::test(start_paused = true)]
async fn without_a_count_of_pages_an_empty_one_is_the_last() {
    let view = view(|request| {
        let number = number(request, "pageNumber");
        let entities = if number < 3 { vec![said(number as u64)] } else { Vec::new() };
        Reply::json(&json!({"entities": entities, "pageNumber": number}))
    });
    let (pages, stop) = drain(&view, query(1, None)).await;
    assert_eq!((pages.len(), ids(&pages).as_str(), stop), (3, "m-1 m-2", Stop::Complete));
    // A listing goes on with the size its page numbers mean.
    let (pages, _) = drain(&view, query(50, Some("page 2 by 1"))).await;
    assert_eq!((ids(&pages).as_str(), pages[0].next.as_ref().unwrap().as_str()), ("m-2", "page 3 by 1"));
}

#[tokio::test(start_paused = true)]
async fn ten_pages_a_minute_are_waited_for() {
    let told: Vec<Value> = (0..40).rev().map(|number| said(number + 10)).collect();
    let asked = Mutex::new(0);
    let view = view(move |request| {
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        // The eleventh of a minute.
        if *asked == 11 {
            return Reply::status(429)
                .header("retry-after", "57")
                .body(r#"{"code": "too.many.requests.retry.after"}"#);
        }
        Reply::json(&page(request, &told))
    });
    let began = crate::support::now();
    let (pages, stop) = drain(&view, query(3, None)).await;
    assert_eq!((pages.len(), stop), (14, Stop::Complete));
    assert!(crate::support::now() - began >= std::time::Duration::from_secs(57));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_has_ended_is_told_as_the_guests_and_is_never_repeated() {
    let view = view(|_| {
        let body = json!({"message": format!("the token {JWT} has expired"), "code": "bad.credentials"});
        Reply::status(401).header("content-type", "application/json").body(body.to_string())
    });
    let error = view.history(query(50, None)).next().await.unwrap().unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Unauthorized);
    assert_eq!(error.attempts(), 1, "the same token again is the same answer");
    assert!(error.hint().unwrap().contains("getJwt"), "{:?}", error.hint());
    let told = format!("{error} {error:?} {view:?}");
    assert!(!told.contains("canary"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_page_token_is_refused_before_anything_is_asked() {
    let view = view(|_| panic!("nothing is asked"));
    for token in ["after 50", "page 0 by 25", "page 2 by 0", "page 2", "p2"] {
        let error = view.history(query(25, Some(token))).next().await.unwrap().unwrap_err();
        assert!(error.to_string().contains("page token"), "{token}: {error}");
    }
}
