//! Receivers of webhooks.

use std::time::Duration;

use bytes::Bytes;
use frontdesk_sandbox::{Break, Ending, Reply};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{Client, read, small};

const RECEIVER: &str = "/_sandbox/webhooks/crm";

fn send(client: &Client, id: &str, body: &'static str) -> Reply {
    let request = Request::post(RECEIVER)
        .header("webhook-id", id)
        .header("webhook-timestamp", "1614265330")
        .header("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        .header("x-audit-signature", "00ff")
        .body(Bytes::from_static(body.as_bytes()));
    client.send(&request.unwrap())
}

fn received(client: &Client, query: &str) -> Vec<Value> {
    let body = client.call(Method::GET, &format!("{RECEIVER}{query}"), "").into_bytes();
    std::str::from_utf8(&body).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn totals(client: &Client) -> Value {
    client.door("webhooks", &Value::Null)["receivers"][0].clone()
}

#[test]
fn a_receiver_remembers_what_it_got() {
    let client = Client::without_token(small());
    assert_eq!(client.call(Method::GET, RECEIVER, "").status(), 404);
    assert_eq!(send(&client, "msg_1", r#"{"event": "é"}"#).status(), 200);
    client.call(Method::POST, RECEIVER, Bytes::from_static(b"\xFF\x00"));
    let got = received(&client, "");
    let headers = json!({"webhook-id": "msg_1", "webhook-timestamp": "1614265330", "x-audit-signature": "00ff",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="});
    assert_eq!(
        got[0],
        json!({"n": 1, "at": "2025-06-01T00:00:00Z", "id": "msg_1", "headers": headers, "status": 200,
            "body": r#"{"event": "é"}"#, "length": 15,
            "sha256": "1c8d05ffe2a9914451c4076e93dbd9514d9cb3aa5aa644df8b794235cc1c6cb9"})
    );
    assert_eq!(
        (&got[1]["n"], &got[1]["id"], &got[1]["body_base64"]),
        (&json!(2), &Value::Null, &json!("/wA="))
    );
    assert_eq!(received(&client, "?after=1"), got[1..]);
    assert_eq!(received(&client, "?limit=1"), got[..1]);
}

#[test]
fn duplicates_and_equal_bodies_are_counted() {
    let client = Client::without_token(small());
    for (id, body) in [("a", "1"), ("b", "2"), ("a", "1"), ("c", "2"), ("d", "3")] {
        send(&client, id, body);
    }
    // What was not taken counts as a request only.
    client.door("webhooks/crm/plan", &json!({"faults": {"rules": [{"then": {"status": {"status": 500}}}]}}));
    send(&client, "d", "1");
    assert_eq!(
        totals(&client),
        json!({"name": "crm", "requests": 6, "taken": 5, "ids": 4, "duplicates": 1, "equal_bodies": 1,
            "without_id": 0, "badly_signed": 0, "statuses": {"200": 5, "500": 1}})
    );
    let (status, _) = read(client.call(Method::DELETE, RECEIVER, ""));
    assert_eq!((status.as_u16(), client.door("webhooks", &Value::Null)), (200, json!({"receivers": []})));
}

#[test]
fn a_receiver_fails_as_its_plan_says() {
    let client = Client::without_token(small());
    let rules = json!([
        {"when": {"nth": 1}, "then": {"status": {"status": 503, "retry_after": ["120"]}}},
        {"when": {"nth": 1}, "then": {"status": {"status": 410}}},
        {"when": {"nth": 1}, "then": {"stall": "before_head"}},
        {"when": {"nth": 1}, "then": {"reset": "before_head"}},
        {"when": {"nth": 1}, "then": {"large": {"bytes": 1_u64 << 30}}},
        {"when": {"nth": 1}, "then": {"trickle": {"every_ms": 5_000}}},
        {"when": {"nth": 1}, "then": {"redirect": {"status": 307, "location": "http://127.0.0.1/"}}},
        {"when": {"nth": 1}, "delay_ms": 40_000},
        {"when": {"body_contains": "poison"}, "then": {"status": {"status": 400}}},
        {"when": {"every": 2}, "then": {"status": {"status": 500}}},
    ]);
    client.door("webhooks/crm/plan", &json!({"faults": {"rules": rules}}));
    let mut replies = (0..10).map(|n| send(&client, &n.to_string(), "{}"));
    let mut next = || replies.next().unwrap();
    let refused = next();
    assert_eq!(
        (refused.status().as_u16(), &refused.response.headers()["retry-after"]),
        (503, &"120".parse().unwrap())
    );
    assert_eq!(next().status(), 410);
    assert_eq!(next().ending, Ending::Broken { how: Break::Stall, after: None });
    assert_eq!(next().ending, Ending::Broken { how: Break::Reset, after: None });
    assert_eq!(next().response.body().len(), 1 << 30);
    assert_eq!(next().pace, Some(Duration::from_secs(5)));
    assert_eq!(next().status(), 307);
    assert_eq!(next().delay, Duration::from_secs(40));
    let flapping: Vec<_> = [next(), next()].map(|reply| reply.status().as_u16()).into();
    assert_eq!(flapping, [200, 500]);
    assert_eq!(send(&client, "p", r#"{"poison": true}"#).status(), 400);
    let faults: Vec<_> =
        received(&client, "").iter().map(|one| one["fault"].as_str().map(str::to_owned)).collect();
    assert_eq!(
        faults.iter().map(|fault| fault.as_deref().unwrap_or("-")).collect::<Vec<_>>(),
        [
            "status_503",
            "status_410",
            "stall",
            "reset",
            "large",
            "trickle",
            "redirect_307",
            "delay",
            "-",
            "status_500",
            "status_400"
        ]
    );
    // Who is silent or resets has taken it all the same.
    assert_eq!(totals(&client)["taken"], 6);
}

#[test]
fn a_receiver_is_down_for_as_long_as_the_clock_says() {
    let mut client = Client::without_token(small());
    let down = json!([{"when": {"until": "2025-06-04T04:00:00Z"}, "then": {"status": {"status": 503}}}]);
    client.door("webhooks/crm/plan", &json!({"faults": {"rules": down}, "keep_bodies": false}));
    assert_eq!(send(&client, "a", "{}").status(), 503);
    client.advance(76 * 3_600 - 1);
    assert_eq!(send(&client, "a", "{}").status(), 503);
    client.advance(1);
    assert_eq!(send(&client, "a", "{}").status(), 200);
    assert!(received(&client, "").iter().all(|one| one.get("body").is_none() && one["sha256"].is_string()));
}

#[test]
fn signatures_are_checked_where_a_secret_is_set() {
    let client = Client::without_token(small());
    let secrets = ["whsec_AAAA", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    client.door("webhooks/crm/plan", &json!({"secrets": secrets}));
    assert_eq!(send(&client, "msg_p5jXN8AQM9LWM0D4loKWxJek", r#"{"test": 2432232314}"#).status(), 200);
    assert_eq!(send(&client, "msg_p5jXN8AQM9LWM0D4loKWxJek", r#"{"test": 2432232315}"#).status(), 401);
    let signed: Vec<_> = received(&client, "").iter().map(|one| one["signed"].clone()).collect();
    assert_eq!(signed, [json!(true), json!(false)]);
    assert_eq!((&totals(&client)["badly_signed"], &totals(&client)["taken"]), (&json!(1), &json!(1)));
    let (status, _) =
        read(client.call(Method::POST, &format!("{RECEIVER}/plan"), r#"{"secrets": ["hush"]}"#));
    assert_eq!(status, 400);
}

#[test]
fn paths_and_methods_that_are_not_served_say_so() {
    let client = Client::without_token(small());
    for (method, path, status) in [
        (Method::POST, "/_sandbox/webhooks", 405),
        (Method::PUT, RECEIVER, 405),
        (Method::GET, "/_sandbox/webhooks/crm/plan", 405),
        (Method::POST, "/_sandbox/webhooks/crm/other", 404),
        (Method::POST, "/_sandbox/webhooks/%ff", 404),
        (Method::DELETE, RECEIVER, 404),
    ] {
        assert_eq!(client.call(method.clone(), path, "{}").status().as_u16(), status, "{method} {path}");
    }
    send(&client, "a", "{}");
    client.door("reset", &json!({}));
    assert_eq!(client.door("webhooks", &Value::Null), json!({"receivers": []}));
}
