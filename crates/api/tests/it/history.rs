//! A conversation's messages and their pages (contract §2), and row R29 for them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::endpoint::{BodyReader as _, Endpoint as _};
use frontdesk_api::gateway::HistoryRequest;
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{
    CallOptions, Cancel, Client, Error, ErrorKind, Gateway, HistoryPage, HistoryPages, HistoryQuery,
    HistorySource as _, SeenIds, Stop,
};
use frontdesk_domain::message::HistoryTarget;
use frontdesk_domain::{HistoryPageSize, MaxDepth, PageToken, RecordErrorKind};
use futures_util::StreamExt as _;
use http::header;
use serde_json::{Value, json};

use crate::support::{TOKEN, base, builder, is_token, token_reply};

fn target() -> HistoryTarget {
    HistoryTarget::new("org-1", "dom/1", "c 1").unwrap()
}

fn query() -> HistoryQuery {
    HistoryQuery {
        target: target(),
        size: HistoryPageSize::default(),
        resume: None,
        depth: MaxDepth::default(),
        seen: SeenIds::default(),
    }
}

fn token(text: &str) -> PageToken {
    PageToken::new(text).unwrap()
}

fn asked_token(request: &http::Request<bytes::Bytes>) -> String {
    let query = request.uri().query().unwrap_or_default();
    let value = query.split('&').find_map(|pair| pair.strip_prefix("nextPageToken="));
    value.unwrap_or_default().replace("%2B", "+")
}

fn client(pages: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Client {
    let transport = MemoryTransport::new(move |request| {
        assert!(request.headers().get(header::AUTHORIZATION).is_none(), "a guest's call carries no token");
        pages(&asked_token(request))
    });
    builder().0.build(Arc::new(transport))
}

/// A gateway that answers a page request by its token (`""` for the first page).
fn gateway(pages: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Gateway {
    Gateway::new(client(pages))
}

fn page(ids: &[&str], next: Option<&str>) -> Reply {
    let entities: Vec<Value> = ids.iter().map(|id| json!({"id": id, "type": "text"})).collect();
    Reply::json(&json!({"entities": entities, "meta": {"nextPageToken": next, "pageSize": 50, "total": 4}}))
}

async fn drain(mut pages: HistoryPages) -> (Vec<HistoryPage>, Option<Error>, Stop) {
    let (mut kept, mut failed) = (Vec::new(), None);
    while let Some(item) = pages.next().await {
        assert!(failed.is_none(), "nothing comes after an error");
        match item {
            Ok(page) => kept.push(page),
            Err(error) => failed = Some(error),
        }
    }
    let stop = pages.stopped().unwrap().clone();
    (kept, failed, stop)
}

fn ids(pages: &[HistoryPage]) -> Vec<String> {
    let messages = pages.iter().flat_map(|page| &page.messages).flatten();
    messages.filter(|found| found.is_new).map(|found| found.message.id().to_string()).collect()
}

#[test]
fn the_request_is_the_contracts() {
    let plain =
        HistoryRequest { target: target(), size: HistoryPageSize::default(), token: None, bearer: false };
    let whole = HistoryRequest {
        target: HistoryTarget::new("%2F", "ö", "a?b#c").unwrap(),
        size: HistoryPageSize::new(1).unwrap(),
        token: Some(token("a&b=c %é\u{0}")),
        bearer: true,
    };
    let mut shown = Vec::new();
    for request in [&plain, &whole] {
        let built = request.request(&base()).unwrap();
        shown.push(format!("{} {} ({:?})", built.method(), built.uri(), request.auth()));
        shown.extend(
            built.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())),
        );
    }
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn a_page_is_the_same_however_it_is_cut_into_chunks() {
    let body = br#" { "more" : 1, "meta": {"nextPageToken" : "p\u00e9\n2", "total": 9}, "entities" : [ {"id": "a", "x": [1, 2]}, {"no": "id"} ] } "#;
    let (head, ()) = http::Response::new(()).into_parts();
    let request =
        HistoryRequest { target: target(), size: HistoryPageSize::default(), token: None, bearer: false };
    for size in 1..=body.len() {
        let mut reader = request.reader(&head).unwrap();
        for chunk in body.chunks(size) {
            reader.push(chunk).unwrap();
        }
        let page = reader.finish().unwrap();
        assert_eq!((page.next, page.total), (Some(token("pé\n2")), Some(9)));
        assert_eq!(page.messages[0].as_ref().unwrap().message.bytes(), br#"{"id":"a","x":[1,2]}"#);
        assert_eq!(*page.messages[1].as_ref().unwrap_err(), RecordErrorKind::NoId);
    }
}

#[tokio::test(start_paused = true)]
async fn page_after_page_to_the_last_and_on_from_where_it_stopped() {
    let gateway = gateway(|at| match at {
        "" => page(&["1", "2"], Some("a")),
        "a" => page(&[], Some("b")),
        "b" => page(&["2", "3"], Some("c")),
        _ => page(&["4"], None),
    });
    let (kept, failed, stop) = drain(gateway.history(query())).await;
    assert!(failed.is_none());
    assert_eq!((ids(&kept), stop), (["1", "2", "3", "4"].map(str::to_owned).to_vec(), Stop::Complete));
    assert_eq!(kept[0].total, Some(4));
    assert_eq!(kept.iter().map(|page| page.more).collect::<Vec<_>>(), [true, true, true, false]);
    let part = HistoryQuery { resume: Some(token("b")), depth: MaxDepth::new(1).unwrap(), ..query() };
    let (kept, failed, stop) = drain(gateway.history(part)).await;
    assert!(failed.is_none());
    assert_eq!((ids(&kept).len(), stop), (2, Stop::DepthLimited { token: token("c") }));
    assert!(!kept[0].more, "nothing more will be asked for");
    let last = HistoryQuery { resume: Some(token("c")), depth: MaxDepth::new(1).unwrap(), ..query() };
    assert_eq!(
        drain(gateway.history(last)).await.2,
        Stop::Complete,
        "the depth is reached with nothing left"
    );
}

#[tokio::test(start_paused = true)]
async fn an_end_is_an_absent_null_or_empty_token() {
    for meta in ["{}", r#"{"nextPageToken": null}"#, r#"{"nextPageToken": ""}"#, r#"{"total": "many"}"#] {
        let body = format!(r#"{{"entities": [{{"id": "1"}}], "meta": {meta}}}"#);
        let gateway = gateway(move |_| Reply::status(200).body(body.clone()));
        let (kept, failed, stop) = drain(gateway.history(query())).await;
        assert!(failed.is_none() && kept.len() == 1 && stop == Stop::Complete, "{meta}: {failed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_page_is_an_error_that_says_what_is_wrong() {
    let mut shown = Vec::new();
    for body in [
        "",
        "[]",
        "null",
        "<html></html>",
        r#"{"entities": []}"#,
        r#"{"entities": [], "meta": null}"#,
        r#"{"entities": [], "meta": []}"#,
        r#"{"entities": {}, "meta": {}}"#,
        r#"{"entities": null, "meta": {}}"#,
        r#"{"meta": {}}"#,
        r#"{"entities": [], "meta": {"nextPageToken": 7}}"#,
        r#"{"entities": [], "meta": {"nextPageToken": "\ud800"}}"#,
        r#"{"entities": [{"id": "1"}], "meta": {}} trailing"#,
    ] {
        let gateway = gateway(move |_| Reply::status(200).body(body));
        let (kept, failed, stop) = drain(gateway.history(query())).await;
        assert_eq!((kept.len(), stop), (0, Stop::Failed { token: None }));
        shown.push(format!("{body}\n  {}", failed.unwrap()));
    }
    insta::assert_snapshot!(shown.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn circles_end_and_keep_what_came() {
    async fn circles(pages: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (usize, PageToken) {
        let gateway = gateway(pages);
        let (kept, failed, stop) = drain(gateway.history(query())).await;
        let looping = failed.unwrap().looping_token().unwrap().clone();
        assert_eq!(stop, Stop::Failed { token: Some(looping.clone()) });
        assert!(!kept.last().unwrap().more, "no further page was asked for");
        assert_eq!(gateway.client().counters().requests as usize, kept.len(), "no page was asked for twice");
        (kept.len(), looping)
    }
    // A token seen twice.
    assert_eq!(circles(|at| page(&[at, "x"], Some("A"))).await, (2, token("A")));
    let flip = |at: &str| page(&[at, "x"], Some(if at == "A" { "B" } else { "A" }));
    assert_eq!(circles(flip).await, (3, token("A")));
    // The same page under new tokens.
    assert_eq!(circles(|at| page(&["1", "2"], Some(&format!("{at}t")))).await.0, 3);
    // Ten empty pages with a token.
    assert_eq!(circles(|at| page(&[], Some(&format!("{at}t")))).await.0, 10);
}

#[tokio::test(start_paused = true)]
async fn errors_carry_what_the_server_said_and_the_documents_advice() {
    let mut shown = Vec::new();
    for reply in [
        Reply::status(400).body(r#"{"code": "bad.request", "message": "Invalid organizationId"}"#),
        Reply::status(400).body("<h1>Bad Request</h1>"),
        Reply::status(404)
            .body(r#"{"code": "not.found", "message": "No such conversation"}"#)
            .header("x-request-id", "corr-1"),
        Reply::status(404).header("inin-correlation-id", "corr-2"),
        Reply::status(401),
        Reply::status(403),
        Reply::status(410),
        Reply::status(503),
        Reply::status(301).header("location", "https://elsewhere.example/"),
    ] {
        let gateway = gateway(move |_| reply.clone());
        let (kept, failed, _) = drain(gateway.history(query())).await;
        let error = failed.unwrap();
        assert!(kept.is_empty());
        shown.push(format!("{error}\n  {}", error.hint().unwrap_or_default()));
    }
    insta::assert_snapshot!(shown.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_the_middle_keeps_the_pages_before_and_their_token() {
    for status in [401, 403, 404, 500] {
        let gateway = gateway(move |at| match at {
            "" => page(&["1"], Some("a")),
            "a" => page(&["2"], Some("b")),
            _ => Reply::status(status),
        });
        let (kept, failed, stop) = drain(gateway.history(query())).await;
        assert_eq!((ids(&kept).len(), stop), (2, Stop::Failed { token: Some(token("b")) }));
        let error = failed.unwrap();
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert_eq!(error.is_auth(), matches!(status, 401 | 403), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_token_goes_along_only_when_it_is_configured() {
    for bearer in [false, true] {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let transport = MemoryTransport::new(move |request| {
            if is_token(request) {
                return token_reply();
            }
            let value = request.headers().get(header::AUTHORIZATION);
            log.lock().unwrap().push(value.map(|value| value.to_str().unwrap().to_owned()));
            page(&["1"], None)
        });
        let gateway = Gateway::new(builder().0.build(Arc::new(transport))).history_bearer(bearer);
        assert!(drain(gateway.history(query())).await.1.is_none());
        let expected = bearer.then(|| format!("Bearer {TOKEN}"));
        assert_eq!(*seen.lock().unwrap(), [expected]);
        assert_eq!(gateway.client().counters().token_requests, u64::from(bearer));
    }
}

#[tokio::test(start_paused = true)]
async fn guests_calls_wait_for_their_turn_and_learn_the_rate() {
    let gateway = gateway(|at| {
        let number: u32 = at.parse().unwrap_or(0);
        page(&[&number.to_string()], (number < 200).then(|| (number + 1).to_string()).as_deref())
            .header("inin-ratelimit-allowed", "600")
            .header("inin-ratelimit-count", &(number + 1).to_string())
            .header("inin-ratelimit-reset", "60")
    });
    let began = crate::support::now();
    assert!(drain(gateway.history(query())).await.1.is_none());
    let took = crate::support::now() - began;
    assert!(took > Duration::from_secs(15), "201 requests at ten a second: {took:?}");
    assert!((9.0..=10.0).contains(&gateway.rate().unwrap()), "{:?}", gateway.rate());
}

#[tokio::test(start_paused = true)]
async fn the_signal_to_stop_ends_a_wait_and_leaves_the_token() {
    let (stop, cancel) = Cancel::pair();
    let client = client(|at| match at {
        "" => page(&["1"], Some("a")),
        _ => Reply::status(429).header("retry-after", "60"),
    });
    let gateway = Gateway::new(client).options(CallOptions::default().cancel(cancel));
    let mut pages = gateway.history(query());
    assert!(pages.next().await.unwrap().is_ok());
    let began = crate::support::now();
    let (item, ()) = tokio::join!(pages.next(), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        stop.cancel();
    });
    assert_eq!(item.unwrap().unwrap_err().kind(), &ErrorKind::Cancelled);
    assert_eq!(pages.stopped(), Some(&Stop::Failed { token: Some(token("a")) }));
    assert!(crate::support::now() - began < Duration::from_secs(6));
}
