//! §2: histories and what their media links lead to.

use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use frontdesk_sandbox::{Config, FaultPlan, Moment, Reply, Untidy};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{Client, YEAR, query, read, small};

fn path(conversation: &str) -> String {
    format!("/api/v2/public/messaging/sandbox-organization/sandbox-domain/{conversation}/messages")
}

/// A page of a history, from the sandbox at `host`.
fn ask(client: &Client, conversation: &str, size: u64, token: Option<&str>) -> Reply {
    let token = token.map_or_else(String::new, |token| format!("&nextPageToken={token}"));
    let target = format!("{}?pageSize={size}{token}", path(conversation));
    client.send(&Request::get(target).header("host", "sandbox:1").body(Bytes::new()).unwrap())
}

fn pages(client: &Client, conversation: &str, size: u64, limit: usize) -> Vec<Value> {
    let mut pages: Vec<Value> = Vec::new();
    let mut token = None;
    while pages.len() < limit {
        let (status, page) = read(ask(client, conversation, size, token.as_deref()));
        assert_eq!(status, 200, "{page}");
        token = page["meta"]["nextPageToken"].as_str().map(str::to_owned);
        pages.push(page);
        if token.is_none() {
            break;
        }
    }
    pages
}

fn messages(pages: &[Value]) -> Vec<Value> {
    pages.iter().flat_map(|page| page["entities"].as_array().unwrap().clone()).collect()
}

fn names(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["id"].as_str().unwrap()).collect()
}

fn with_plan(rules: Value) -> Client {
    let faults: FaultPlan = serde_json::from_value(json!({"rules": rules})).unwrap();
    Client::without_token(Config { faults, ..small() })
}

/// All messages of all conversations of a small tenant.
fn everything(client: &Client) -> Vec<Value> {
    (0..300).flat_map(|k| messages(&pages(client, &client.id(k), 50, 9))).collect()
}

#[test]
fn a_page_has_the_contracts_shape_and_needs_no_token() {
    let client = Client::without_token(Config { seed: 42, ..small() });
    // One that begins with a picture.
    let id = client.id(2);
    let first = ask(&client, &id, 3, None).into_bytes();
    let token = serde_json::from_slice::<Value>(&first).unwrap()["meta"]["nextPageToken"].clone();
    let second = ask(&client, &id, 3, token.as_str()).into_bytes();
    let text = |page: &[u8]| std::str::from_utf8(page).unwrap().replace("},{", "},\n{").replace("[{", "[\n{");
    insta::assert_snapshot!(format!("{}\n{}", text(&first), text(&second)));
}

#[test]
fn a_history_is_the_conversation_of_the_details_query() {
    let client = Client::new(small());
    let conversations = client.page(&query(YEAR, 300))["conversations"].as_array().unwrap().clone();
    for (k, conversation) in conversations.iter().enumerate() {
        let interactions = conversation["interactions"].as_array().unwrap();
        let said: Vec<_> = interactions.iter().flat_map(|i| i["messages"].as_array().unwrap()).collect();
        for size in [50, 7, 1] {
            let pages = pages(&client, conversation["id"].as_str().unwrap(), size, 100);
            assert_eq!(pages[0]["meta"]["total"], said.len());
            let told = messages(&pages);
            assert_eq!(told.len(), said.len());
            for (told, said) in told.iter().zip(&said) {
                for field in ["id", "type", "text", "timestamp"] {
                    assert_eq!(told[field], said[field], "conversation {k}");
                }
                assert_eq!(
                    told["media"].is_object(),
                    matches!(told["type"].as_str(), Some("image" | "file"))
                );
            }
            if k > 20 {
                break;
            }
        }
    }
    let kinds: HashSet<_> =
        everything(&client).iter().map(|message| message["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["text", "image", "file", "button"].map(str::to_owned).into());
}

#[test]
fn one_can_page_back() {
    let client = Client::without_token(small());
    let id = client.id(0);
    let pages = pages(&client, &id, 2, 9);
    assert!(pages[0]["meta"].get("previousPageToken").is_none());
    let last = pages.len() - 1;
    assert!(pages[last]["meta"].get("nextPageToken").is_none());
    let back = pages[2]["meta"]["previousPageToken"].as_str();
    let (_, again) = read(ask(&client, &id, 2, back));
    assert_eq!(again["entities"], pages[1]["entities"]);
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let kept = Some(Duration::from_secs(90 * 86_400));
    let client = Client::new(Config { history_retention: kept, ..small() });
    // The clock says June: January is past.
    let (old, fresh) = (client.id(0), client.id(140));
    let foreign = Client::without_token(small()).id(141);
    let elsewhere = path(&fresh).replace("sandbox-organization", "other");
    let nowhere = path(&fresh).replace("sandbox-domain", "other");
    let token = pages(&client, &foreign, 2, 1)[0]["meta"]["nextPageToken"].as_str().unwrap().to_owned();
    let table = [
        (format!("{}?pageSize=0", path(&fresh)), 400, "invalid.page.size"),
        (format!("{}?pageSize=51", path(&fresh)), 400, "invalid.page.size"),
        (format!("{}?pageSize=ten", path(&fresh)), 400, "invalid.page.size"),
        (format!("{}?nextPageToken=bm8", path(&fresh)), 400, "invalid.page.token"),
        (format!("{}?nextPageToken={token}", path(&fresh)), 400, "invalid.page.token"),
        (format!("{}?pageSize=%FF", path(&fresh)), 400, "bad.request"),
        (path("..").replace("..", "%2E%2E"), 400, "bad.request"),
        (path("no-such-conversation"), 404, "conversation.not.found"),
        (elsewhere, 404, "organization.not.found"),
        (nowhere, 404, "domain.not.found"),
        (path(&old), 404, "conversation.expired"),
        (path(""), 404, "not.found"),
    ];
    for (target, status, code) in table {
        let (answered, problem) = read(client.call(Method::GET, &target, ""));
        assert_eq!((answered.as_u16(), problem["code"].as_str().unwrap()), (status, code), "{target}");
        assert!(!problem["message"].as_str().unwrap().is_empty());
    }
    assert_eq!(client.call(Method::GET, &path(&fresh), "").status(), 200);
    assert_eq!(client.call(Method::POST, &path(&fresh), "").status(), 405);
}

#[test]
fn a_token_that_is_sent_must_be_good() {
    let mut client = Client::new(small());
    let target = path(&client.id(0));
    assert_eq!(client.call(Method::GET, &target, "").status(), 200);
    client.advance(25 * 3_600);
    assert_eq!(client.call(Method::GET, &target, "").status(), 401);
    let (_, body) = client.take_token(b"grant_type=client_credentials&scope=analytics:query");
    client.token = body["access_token"].as_str().map(str::to_owned);
    assert_eq!(client.call(Method::GET, &target, "").status(), 403);
    client.token = None;
    assert_eq!(client.call(Method::GET, &target, "").status(), 200);
}

#[test]
fn guests_are_throttled_by_address() {
    let client = Client::without_token(Config { rate_limit_per_min: 2, ..small() });
    let id = client.id(0);
    let statuses: Vec<_> = (0..3).map(|_| ask(&client, &id, 5, None).status().as_u16()).collect();
    assert_eq!(statuses, [200, 200, 429]);
    let label = format!("GET {}", path("{conversationId}"));
    let label =
        label.replace("sandbox-organization", "{organizationId}").replace("sandbox-domain", "{domainId}");
    assert_eq!(client.sandbox.stats().requests[&label], 3);
}

#[test]
fn page_tokens_misbehave_on_request() {
    let honest = Client::without_token(small());
    let id = honest.id(0);
    let all = messages(&pages(&honest, &id, 2, 99));
    let tokens = |client: &Client| {
        let pages = pages(client, &id, 2, 6);
        let next = |page: &Value| page["meta"]["nextPageToken"].as_str().unwrap_or("end").to_owned();
        (pages.iter().map(next).collect::<Vec<_>>(), messages(&pages))
    };
    let (repeated, _) = tokens(&with_plan(json!([{"when": {"page": 2}, "then": "repeat_token"}])));
    assert_eq!(repeated.iter().collect::<HashSet<_>>().len(), 1);
    let (looping, _) = tokens(&with_plan(json!([{"when": {"page": 3}, "then": "loop_token"}])));
    assert_eq!(looping[..2], looping[2..4]);
    let (endless, said) = tokens(&with_plan(json!([{"when": {"after": 1}, "then": "same_page"}])));
    assert_eq!(endless.iter().collect::<HashSet<_>>().len(), 6);
    assert_eq!(names(&said).iter().collect::<HashSet<_>>().len(), 4, "page 2 under every token");
    let (empty, said) = tokens(&with_plan(json!([{"then": "empty_page"}])));
    assert_eq!((empty.len(), said.len()), (6, 0));
    for effect in [json!("empty_page"), json!({"short_page": {"records": 1}})] {
        let client = with_plan(json!([{"when": {"every": 2}, "then": effect}]));
        assert_eq!(messages(&pages(&client, &id, 2, 99)), all, "{effect} loses nothing");
    }
    let client = with_plan(json!([{"when": {"page": 2}, "then": {"drift": {"records": 1}}}]));
    let drifted = messages(&pages(&client, &id, 2, 99));
    assert_eq!(drifted.len(), all.len() + 1);
    assert_eq!(drifted[1], drifted[2]);
}

#[test]
fn pages_are_maimed_on_request() {
    let page = |then: Value| {
        let client = with_plan(json!([{"when": {"nth": 1}, "then": then}]));
        read(ask(&client, &client.id(0), 2, None)).1
    };
    let page_of = |value: &Value| (value.get("entities").is_some(), value.get("meta").is_some());
    assert_eq!(page_of(&page(json!("page_without_meta"))), (true, false));
    assert_eq!(page_of(&page(json!("page_without_entities"))), (false, true));
    let page = |then| page(then)["entities"][2].clone();
    assert!(page(json!("record_without_id")).get("id").is_none());
    assert_eq!(page(json!({"ids": ["../x"]}))["id"], "../x");
    let long = page(json!({"long_transcript": {"bytes": 1_000_003}}));
    assert_eq!(long["text"].as_str().unwrap().len(), 1_000_003);
}

#[test]
fn untidy_histories_are_as_untidy_as_the_truth_says() {
    let config = Config { untidy: Untidy::evenly(0.1), ..small() };
    let client = Client::without_token(config);
    let truth = client.door("history", &Value::Null);
    let (mut rows, mut unique, mut counts, mut kinds) = (0, HashSet::new(), [0; 4], 0);
    let mut zoned = 0;
    for k in 0..300 {
        let mut before: Option<Moment> = None;
        for message in messages(&pages(&client, &client.id(k), 50, 9)) {
            rows += 1;
            if !unique.insert(message["id"].as_str().unwrap().to_owned()) {
                counts[0] += 1;
                continue;
            }
            let timestamp = message["timestamp"].as_str().unwrap();
            zoned += usize::from(timestamp.ends_with("+05:30"));
            kinds += usize::from(message["type"] == "carousel" && message.get("text").is_none());
            let Ok(time) = timestamp.parse::<Moment>() else {
                counts[1] += 1;
                continue;
            };
            counts[2] += usize::from(before == Some(time));
            counts[3] += usize::from(before.is_some_and(|before| time < before));
            before = Some(time);
        }
    }
    let said = ["duplicates", "unreadable", "equal", "backwards"].map(|name| truth[name].as_u64().unwrap());
    assert_eq!(counts.map(|count| count as u64), said);
    assert!(said.iter().all(|count| *count > 50) && zoned > 50 && kinds > 50, "{truth}");
    assert_eq!(
        (&truth["messages"], &truth["unique"], &truth["unknown_types"], &truth["conversations"]),
        (&json!(rows), &json!(unique.len()), &json!(kinds), &json!(300))
    );
    client.door("untidy", &json!({}));
    let tidy = client.door("history", &Value::Null);
    assert_eq!((&tidy["messages"], &tidy["duplicates"]), (&json!(unique.len()), &json!(0)));
    let (status, _) = read(client.call(Method::POST, "/_sandbox/untidy", r#"{"equal": 0.9, "zoned": 0.2}"#));
    assert_eq!(status, 400);
}

#[test]
fn a_million_messages_cost_what_a_page_of_them_costs() {
    let untidy = Untidy { duplicate: 0.02, backwards: 0.02, ..Untidy::default() };
    let client = Client::new(Config { long_history: Some(1_000_000), untidy, ..small() });
    let id = client.sandbox.ready("").long_conversation_id.unwrap();
    let first = pages(&client, &id, 50, 3);
    assert_eq!(first[0]["meta"]["total"], 1_000_000);
    // Whatever the page size, the same messages.
    assert_eq!(messages(&first), messages(&pages(&client, &id, 7, 22))[..150]);
    // The truth is counted message by message, so of fewer.
    let less = Client::new(Config { long_history: Some(50_000), untidy, ..small() });
    let truth = less.door(&format!("history/{id}"), &Value::Null);
    let count = |name: &str| truth[name].as_u64().unwrap();
    assert_eq!((count("messages"), count("unique") + count("duplicates")), (50_000, 50_000));
    assert!((400..600).contains(&count("duplicates")) && (400..600).contains(&count("backwards")));
    assert_eq!((count("equal"), count("unreadable")), (0, 0));
    let said = messages(&pages(&client, &id, 50, 200));
    let unique: HashSet<_> = names(&said).into_iter().collect();
    assert!(unique.len() < said.len() && unique.len() > 9_700);
    // What is still going on is in no details query.
    assert_eq!(client.door("conversations", &Value::Null)["count"], 300);
}

/// Follows a link: method, range.
fn follow(client: &Client, method: &Method, url: &str, range: Option<&str>) -> Reply {
    let target = url.strip_prefix("http://sandbox:1").unwrap_or(url);
    let mut request = Request::builder().method(method).uri(target);
    if let Some(range) = range {
        request = request.header("range", range);
    }
    client.send(&request.body(Bytes::new()).unwrap())
}

#[test]
fn links_lead_to_what_the_truth_says() {
    let client = Client::without_token(small());
    let truth = client.door("history", &Value::Null)["media"].clone();
    let (mut links, mut reachable, mut expired, mut missing) = (0, 0, 0, 0);
    let mut refused = HashSet::new();
    let mut elsewhere = 0;
    for message in everything(&client) {
        let Some(url) = message["media"]["url"].as_str() else { continue };
        links += 1;
        let mut url = url.to_owned();
        let mut reply = follow(&client, &Method::HEAD, &url, None);
        assert!(reply.response.body().is_empty(), "an answer to HEAD has no body");
        if reply.status() == 302 {
            elsewhere += 1;
            url = reply.response.headers()["location"].to_str().unwrap().to_owned();
            reply = follow(&client, &Method::HEAD, &url, None);
        }
        let whole = follow(&client, &Method::GET, &url, None);
        if whole.status().is_success() {
            if reply.status() != 200 {
                refused.insert(reply.status().as_u16());
                reply = follow(&client, &Method::GET, &url, Some("bytes=0-0"));
                assert_eq!((reply.status().as_u16(), reply.response.body().len()), (206, 1));
            } else {
                assert_eq!(
                    reply.response.headers()["content-length"],
                    whole.response.headers()["content-length"]
                );
            }
        }
        reachable += u64::from(reply.status().is_success());
        missing += u64::from(reply.status() == 404);
        expired += u64::from(whole.status() == 403);
    }
    assert_eq!(
        truth,
        json!({"links": links, "reachable": reachable, "huge": truth["huge"], "expired": expired, "missing": missing})
    );
    assert!(truth["huge"].as_u64() > Some(0) && expired > 10 && missing > 5 && elsewhere > 10);
    assert_eq!(refused, [400, 403, 405, 501].into());
}

#[test]
fn media_are_bytes_that_repeat_and_links_that_leak_a_token_are_refused() {
    let client = Client::new(small());
    let said = everything(&client);
    let links = said.iter().filter_map(|message| message["media"]["url"].as_str());
    let mut good = links.filter(|url| follow(&client, &Method::HEAD, url, None).status() == 200);
    let url = good.next().unwrap();
    let bytes = |range| follow(&client, &Method::GET, url, range).into_bytes();
    assert_eq!(bytes(None), bytes(None));
    assert_eq!(bytes(Some("bytes=5-9")), bytes(None).slice(5..10));
    assert_eq!(follow(&client, &Method::GET, url, Some("bytes=90000-")).status(), 416);
    let target = url.strip_prefix("http://sandbox:1").unwrap();
    assert_eq!(client.call(Method::GET, target, "").status(), 400, "this one sends the token along");
    // Four gigabytes are no more work than four kilobytes.
    let huge = said.iter().filter_map(|message| message["media"]["url"].as_str());
    let huge = huge
        .map(|url| follow(&client, &Method::GET, url, None))
        .find(|reply| reply.response.body().len() > 1 << 30);
    assert_eq!(huge.unwrap().response.headers()["content-length"], "4294967296");
}

#[test]
fn links_expire_when_they_say_so() {
    let mut client = Client::without_token(small());
    let id = client.id(299);
    client.now = YEAR.0.parse().unwrap();
    let early = client.door(&format!("history/{id}"), &Value::Null)["media"].clone();
    assert_eq!(early["expired"], 0);
    let everything = client.door("history", &Value::Null)["media"].clone();
    client.now = "2200-01-01T00:00:00Z".parse().unwrap();
    let late = client.door("history", &Value::Null)["media"].clone();
    assert!(late["expired"].as_u64() > Some(100) && everything["expired"] == 0, "{late}");
}
