//! §5: the rate limit and its headers.

use std::time::Duration;

use frontdesk_sandbox::{Config, RateMode, Reply};
use serde_json::json;

use crate::support::{Client, YEAR, number, query, small};

fn limited(per_min: u32, rate_mode: RateMode) -> Client {
    Client::new(Config { rate_limit_per_min: per_min, rate_mode, ..small() })
}

/// Status, allowed, count, reset, Retry-After.
fn budget(reply: &Reply) -> (u16, Option<u64>, Option<u64>, Option<u64>, Option<u64>) {
    let headers = reply.response.headers();
    (
        reply.status().as_u16(),
        number(headers, "inin-ratelimit-allowed"),
        number(headers, "inin-ratelimit-count"),
        number(headers, "inin-ratelimit-reset"),
        number(headers, "retry-after"),
    )
}

#[test]
fn a_window_states_its_budget_and_refuses_what_is_over_it() {
    let mut client = limited(2, RateMode::Window);
    let ask = |client: &Client| budget(&client.details(&query(YEAR, 1)));
    assert_eq!(ask(&client), (200, Some(2), Some(1), Some(60), None));
    client.advance(10);
    assert_eq!(ask(&client), (200, Some(2), Some(2), Some(50), None));
    assert_eq!(ask(&client), (429, Some(2), Some(2), Some(50), Some(50)));
    // Another token has a window of its own; the token endpoint and the door have none.
    let (_, token) = client.take_token(b"grant_type=client_credentials");
    let first = client.token.replace(token["access_token"].as_str().unwrap().to_owned());
    assert_eq!(ask(&client).0, 200);
    client.token = first;
    client.advance(50);
    assert_eq!(ask(&client), (200, Some(2), Some(1), Some(60), None));
    assert_eq!(client.sandbox.stats().throttled, 1);
    // A stranger is counted by address, whatever it calls itself.
    for (name, status) in [("a", 401), ("b", 401), ("c", 429)] {
        client.token = Some(name.to_owned());
        assert_eq!(ask(&client).0, status);
    }
}

#[test]
fn a_bucket_refuses_bursts_and_says_so_in_seconds() {
    let client = limited(120, RateMode::Bucket);
    let answers: Vec<_> = (0..3).map(|_| budget(&client.details(&query(YEAR, 1)))).collect();
    assert_eq!(answers[1], (200, Some(120), Some(2), Some(60), None));
    assert_eq!(answers[2], (429, Some(120), Some(2), Some(60), Some(1)));
}

#[test]
fn the_limit_can_change_midway_and_none_is_none() {
    let client = limited(1, RateMode::Window);
    let ask = || budget(&client.details(&query(YEAR, 1)));
    assert_eq!((ask().0, ask().0), (200, 429));
    client.door("rate", &json!({"per_min": 2}));
    assert_eq!(ask(), (200, Some(2), Some(2), Some(60), None));
    client.door("rate", &json!({"per_min": 0}));
    assert_eq!(ask(), (200, None, None, None, None));
}

#[test]
fn by_default_600_a_minute_are_allowed_and_nothing_takes_time() {
    let client = Client::new(Config { conversations: Some(3), ..Config::default() });
    let reply = client.details(&query(YEAR, 1));
    assert_eq!((budget(&reply).1, reply.delay), (Some(600), Duration::ZERO));
    let client = Client::new(Config { latency: Duration::from_millis(50), ..small() });
    assert_eq!(client.details(&query(YEAR, 1)).delay, Duration::from_millis(50));
    assert_eq!(client.call(http::Method::GET, "/_sandbox/stats", "").delay, Duration::ZERO);
}

#[test]
fn every_answer_has_a_request_id() {
    let client = limited(1, RateMode::Window);
    let id =
        || client.details(&query(YEAR, 1)).response.headers()["x-request-id"].to_str().unwrap().to_owned();
    // The first request was for the token.
    assert_eq!([id(), id()], ["sandbox-00000002", "sandbox-00000003"]);
}
