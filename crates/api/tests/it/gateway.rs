//! The details query and its pages (contract §5), and row R29: hostile page tokens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::endpoint::{BodyReader as _, Endpoint as _};
use frontdesk_api::gateway::DetailsRequest;
use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{
    Client, ConversationPage, ConversationPages, ConversationSource as _, Credentials, DetailsQuery,
    Disposition, Error, Gateway, SeenIds, Stop,
};
use frontdesk_domain::{PageSize, PageToken, RecordErrorKind, Secret, TimeRange};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::support::{base, builder, with_token};

fn range() -> TimeRange {
    TimeRange::new("2025-03-01T00:00:00Z".parse().unwrap(), "2025-03-02T00:00:00Z".parse().unwrap()).unwrap()
}

pub(crate) fn query() -> DetailsQuery {
    let (size, seen) = (PageSize::default(), SeenIds::default());
    DetailsQuery { range: range(), size, filter: None, resume: None, max_pages: None, seen }
}

fn token(text: &str) -> PageToken {
    PageToken::new(text).unwrap()
}

/// A gateway that answers a page request by its token (`""` for the first page).
fn gateway(pages: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Gateway {
    let transport = with_token(move |request| {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        pages(body["nextPage"].as_str().unwrap_or_default())
    });
    Gateway::new(builder().0.build(Arc::new(transport)))
}

fn page(ids: &[&str], next: Option<&str>) -> Reply {
    let conversations: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
    match next {
        Some(next) => Reply::json(&json!({"conversations": conversations, "nextPage": next})),
        None => Reply::json(&json!({"conversations": conversations})),
    }
}

async fn drain(mut pages: ConversationPages) -> (Vec<ConversationPage>, Option<Error>, Stop) {
    let (mut kept, mut failed) = (Vec::new(), None);
    while let Some(item) = pages.next().await {
        assert!(failed.is_none(), "nothing comes after an error");
        match item {
            Ok(page) => kept.push(page),
            Err(error) => failed = Some(error),
        }
    }
    assert!(pages.next().await.is_none());
    let stop = pages.stopped().unwrap().clone();
    (kept, failed, stop)
}

fn ids(pages: &[ConversationPage]) -> Vec<String> {
    let records = pages.iter().flat_map(|page| &page.conversations);
    records.map(|item| item.as_ref().unwrap().record.key().id.to_string()).collect()
}

#[test]
fn the_request_is_the_contracts() {
    let plain = DetailsRequest { range: range(), size: PageSize::default(), filter: None, token: None };
    let whole = DetailsRequest {
        size: PageSize::MAX,
        filter: Some("type eq 'voice' and metadata.source neq 'it''s'".parse().unwrap()),
        token: Some(token("a\"b\\c\u{0}\u{7f}é😀")),
        ..plain.clone()
    };
    let mut shown = Vec::new();
    for request in [&plain, &whole] {
        let request = request.request(&base()).unwrap();
        shown.push(format!("{} {}", request.method(), request.uri()));
        shown.extend(
            request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())),
        );
        shown.push(format!("\n{}\n", std::str::from_utf8(request.body()).unwrap()));
    }
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_page_is_the_same_however_it_is_cut_into_chunks() {
    let body = br#" { "more" : 1, "conversations" : [ {"id": "a", "x": [1, 2]}, {"id":"b"}, {"no": "id"} ],
        "nextPage" : "p\u00e9\n2" } "#;
    let (head, ()) = http::Response::new(()).into_parts();
    let request = DetailsRequest { range: range(), size: PageSize::default(), filter: None, token: None };
    for size in 1..=body.len() {
        let mut reader = request.reader(&head).unwrap();
        for chunk in body.chunks(size) {
            reader.push(chunk).unwrap();
        }
        let page = reader.finish().unwrap();
        assert_eq!(page.next, Some(token("pé\n2")));
        assert_eq!(page.body_bytes, body.len() as u64);
        let first = page.conversations[0].as_ref().unwrap();
        assert_eq!(first.record.bytes(), br#"{"id":"a","x":[1,2]}"#);
        let rejected = page.conversations[2].as_ref().unwrap_err();
        assert_eq!((rejected.index, rejected.error.kind()), (2, RecordErrorKind::NoId));
    }
}

#[tokio::test(start_paused = true)]
async fn page_after_page_to_the_last() {
    let pages = |token: &str| match token {
        "" => page(&["1", "2"], Some("a")),
        "a" => page(&[], Some("b")),
        "b" => page(&["3"], Some("c")),
        _ => page(&["4"], None),
    };
    let gateway = gateway(pages);
    assert_eq!(gateway.describe().host, "api.example.com");
    let credentials = Credentials::new("id", Secret::new("secret")).unwrap();
    let prefixed = Client::builder("https://example.com:8443/emea/".parse().unwrap(), credentials);
    let prefixed = Gateway::new(prefixed.build(Arc::new(with_token(|_| Reply::status(404)))));
    assert_eq!(prefixed.describe().host, "example.com:8443/emea", "another prefix may be another tenant");
    let (kept, failed, stop) = drain(gateway.conversations(query())).await;
    assert!(failed.is_none());
    assert_eq!((ids(&kept), stop), (["1", "2", "3", "4"].map(str::to_owned).to_vec(), Stop::Complete));
    let shape: Vec<_> =
        kept.iter().map(|page| (page.number, page.token.clone(), page.next.clone())).collect();
    let some = |text| Some(token(text));
    assert_eq!(
        shape,
        [(1, None, some("a")), (2, some("a"), some("b")), (3, some("b"), some("c")), (4, some("c"), None)]
    );
    assert_eq!(gateway.counters().requests, 5);

    // Resumed, and not to the end.
    let part = DetailsQuery { resume: some("b"), max_pages: Some(1), ..query() };
    let (kept, failed, stop) = drain(gateway.conversations(part)).await;
    assert!(failed.is_none());
    assert_eq!((ids(&kept), stop), (vec!["3".to_owned()], Stop::DepthLimited { token: token("c") }));
    let last = DetailsQuery { resume: some("c"), max_pages: Some(1), ..query() };
    assert_eq!(drain(gateway.conversations(last)).await.2, Stop::Complete);
}

#[tokio::test(start_paused = true)]
async fn an_end_is_an_absent_null_or_empty_token() {
    for body in [
        r#"{"conversations": [{"id": "1"}]}"#,
        r#"{"conversations": [{"id": "1"}], "nextPage": null}"#,
        r#"{"conversations": [{"id": "1"}], "nextPage": ""}"#,
        r#"{"nextPage": "x", "conversations": [{"id": "1"}], "nextPage": ""}"#,
    ] {
        let gateway = gateway(move |_| Reply::status(200).body(body));
        let (kept, failed, stop) = drain(gateway.conversations(query())).await;
        assert!(failed.is_none() && kept.len() == 1 && stop == Stop::Complete, "{body}");
    }
}

/// Pages until the error, and how many there were.
async fn circles(
    pages: impl Fn(&str) -> Reply + Send + Sync + 'static,
    resume: Option<&str>,
) -> (usize, PageToken) {
    let gateway = gateway(pages);
    let (kept, failed, stop) =
        drain(gateway.conversations(DetailsQuery { resume: resume.map(token), ..query() })).await;
    let error = failed.unwrap();
    let looping = error.looping_token().unwrap().clone();
    assert_eq!(stop, Stop::Failed { token: Some(looping.clone()) });
    assert_eq!(kept.last().unwrap().next, Some(looping.clone()), "the last page was delivered");
    assert_eq!(error.disposition(), Disposition::GiveUp);
    assert_eq!(gateway.counters().requests as usize, kept.len() + 1, "no page was asked for twice");
    (kept.len(), looping)
}

#[tokio::test(start_paused = true)]
async fn hostile_tokens_end_within_two_repeated_pages() {
    // A -> A
    assert_eq!(circles(|at| page(&[at, "x"], Some("A")), None).await, (2, token("A")));
    assert_eq!(circles(|at| page(&[at], Some("A")), Some("A")).await, (1, token("A")));
    // A -> B -> A
    let flip = |at: &str| page(&[at, "x"], Some(if at == "A" { "B" } else { "A" }));
    assert_eq!(circles(flip, None).await, (3, token("A")));
    // A new token for ever, always the same page.
    let same = |at: &str| page(&["1", "2"], Some(&format!("{at}+")));
    assert_eq!(circles(same, None).await.0, 3);
    // A new token for ever, nothing in the pages.
    let empty = |at: &str| page(&[], Some(&format!("{at}+")));
    assert_eq!(circles(empty, None).await.0, 10);
    // A new token for ever, and elements without an id that are always the same.
    let nameless =
        |at: &str| Reply::json(&json!({"conversations": [{"x": 1}], "nextPage": format!("{at}+")}));
    assert_eq!(circles(nameless, None).await.0, 3);
    // Control characters come back as they are, and 1 MiB is a token like any other.
    let long = "t".repeat(1 << 20);
    let odd = "\u{0}\u{1b}[2J\r\n\"\\\u{202e}";
    let (first, second) = (long.clone(), odd.to_owned());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&seen);
    let there_and_back = move |at: &str| {
        asked.lock().unwrap().push(at.to_owned());
        page(&[&at.len().to_string()], Some(if at == first { &second } else { &first }))
    };
    assert_eq!(circles(there_and_back, None).await, (3, token(&long)));
    assert_eq!(*seen.lock().unwrap(), ["".to_owned(), long, odd.to_owned()]);
}

#[tokio::test(start_paused = true)]
async fn what_only_looks_like_a_circle_goes_on() {
    // The same page under two tokens, once; nine empty pages; a page that was seen before, then new ones.
    let pages = |at: &str| match at {
        "" => page(&["1"], Some("a")),
        "a" => page(&["1"], Some("b")),
        "b" => page(&["2", "1"], Some("e0")),
        "e8" => page(&["3"], Some("z")),
        "z" => page(&["1", "2", "3"], None),
        empty => {
            let number: u32 = empty[1..].parse().unwrap();
            page(&[], Some(&format!("e{}", number + 1)))
        }
    };
    let (kept, failed, stop) = drain(gateway(pages).conversations(query())).await;
    assert!(failed.is_none() && stop == Stop::Complete);
    assert_eq!(kept.len(), 3 + 8 + 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_page_leaves_its_token_and_what_came_before() {
    let pages = |at: &str| {
        if at == "b" {
            Reply::status(500)
        } else {
            page(&[at, "x"], Some(if at.is_empty() { "a" } else { "b" }))
        }
    };
    let (kept, failed, stop) = drain(gateway(pages).conversations(query())).await;
    assert_eq!((kept.len(), stop), (2, Stop::Failed { token: Some(token("b")) }));
    assert!(failed.unwrap().is_unavailable());

    let (kept, failed, stop) = drain(gateway(|_| Reply::status(403)).conversations(query())).await;
    assert_eq!((kept.len(), stop), (0, Stop::Failed { token: None }));
    assert_eq!(failed.unwrap().scope(), Some("analytics:query"));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_cut_anywhere_is_taken_whole_or_not_at_all() {
    let body = json!({"conversations": [{"id": "1"}, {"id": "2"}], "nextPage": "a"}).to_string();
    for cut in 0..body.len() {
        let (cuts, text) = (Mutex::new(1), body.clone());
        // Once cut in a way the transport notices, once ended early in a way it does not.
        let gateway = gateway(move |at| {
            if at == "a" {
                return page(&["3"], None);
            }
            let mut cuts = cuts.lock().unwrap();
            *cuts += 1;
            match *cuts {
                2 => Reply::status(200).body(text.clone()).chunks(7, Default::default()).cut_at(cut),
                3 if cut > 0 => Reply::status(200).body(text.as_bytes()[..cut].to_vec()),
                _ => Reply::status(200).body(text.clone()),
            }
        });
        let (kept, failed, stop) = drain(gateway.conversations(query())).await;
        assert!(failed.is_none() && stop == Stop::Complete, "{cut}: {failed:?}");
        assert_eq!(ids(&kept), ["1", "2", "3"], "{cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_tells_its_own_time_and_the_source_a_rate_once_it_is_stated() {
    let gateway = gateway(|token| match token {
        "" => page(&["c-1"], Some("t-1")).after(Duration::from_millis(300)),
        _ => page(&["c-2"], None)
            .header("inin-ratelimit-allowed", "1500")
            .header("inin-ratelimit-count", "2")
            .header("inin-ratelimit-reset", "60"),
    });
    let mut pages = gateway.conversations(query());
    // The wait for the token and for the turn of the second request is not the page's.
    assert_eq!(pages.next().await.unwrap().unwrap().took, Duration::from_millis(300));
    assert_eq!(gateway.rate(), None, "where to start is a guess");
    let took = pages.next().await.unwrap().unwrap().took;
    assert!(took <= Duration::from_millis(2), "{took:?}");
    let rate = gateway.rate().unwrap();
    assert!((24.9..25.0).contains(&rate), "{rate}");
}
