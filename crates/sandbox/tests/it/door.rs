//! `/_sandbox/`: counts, clock, reset, revisions, ids.

use frontdesk_sandbox::{ClockMode, Config, FaultPlan};
use http::Method;
use serde_json::{Value, json};

use crate::support::{Client, YEAR, ids, query, read, small};

#[test]
fn stats_and_ready_have_the_shape_that_scripts_rely_on() {
    let client = Client::new(Config { rate_limit_per_min: 1, ..small() });
    client.details(&query(YEAR, 1));
    client.details(&query(YEAR, 1));
    client.call(Method::GET, "/nowhere", "");
    let stats = client.call(Method::GET, "/_sandbox/stats", "").into_bytes();
    let ready = serde_json::to_string(&client.sandbox.ready("http://127.0.0.1:8080")).unwrap();
    insta::assert_snapshot!(format!("{ready}\n{}", std::str::from_utf8(&stats).unwrap()));
}

#[test]
fn a_fixed_clock_stands_until_it_is_told_otherwise() {
    let start = "2025-03-01T10:00:00Z".parse().unwrap();
    let mut client = Client::new(Config { clock: ClockMode::Fixed(start), ..small() });
    let now = |client: &Client| client.door("clock", &Value::Null)["now"].as_str().unwrap().to_owned();
    client.advance(3_600);
    assert_eq!(now(&client), "2025-03-01T10:00:00Z");
    client.door("clock", &json!({"advance_seconds": 1.5}));
    assert_eq!(now(&client), "2025-03-01T10:00:01.500Z");
    client.door("clock", &json!({"set": "2025-04-01T00:00:00+02:00", "run": true}));
    client.advance(5);
    assert_eq!(now(&client), "2025-03-31T22:00:05Z");
    assert_eq!(client.door("clock", &json!({"freeze": true}))["frozen"], true);
    client.advance(5);
    client.door("reset", &json!({}));
    assert_eq!(now(&client), "2025-03-31T22:00:05Z");
    let (status, _) = read(client.call(Method::POST, "/_sandbox/clock", r#"{"set": "noon"}"#));
    assert_eq!(status, 400);
}

#[test]
fn reset_starts_over_and_the_door_is_never_throttled_or_faulted() {
    let plan: FaultPlan =
        serde_json::from_str(r#"{"rules": [{"then": {"status": {"status": 500}}}]}"#).unwrap();
    let client = Client::new(Config { rate_limit_per_min: 1, faults: plan, ..small() });
    let stats = client.door("stats", &Value::Null);
    assert_eq!(stats["faults"]["status_500"], 1);
    client.door("faults", &json!({}));
    let (status, _) = client.take_token(b"grant_type=client_credentials");
    assert_eq!(status, 200);
    client.door("reset", &json!({}));
    assert_eq!(client.door("stats", &Value::Null)["requests"], json!({}));
    let (status, _) = client.take_token(b"grant_type=client_credentials");
    assert_eq!(status, 500, "the plan of the settings is back");
    let (status, _) =
        read(client.call(Method::POST, "/_sandbox/faults", r#"{"rules": [{"when": {"nth": 0}}]}"#));
    assert_eq!(status, 400);
}

#[test]
fn a_revised_conversation_comes_back_with_one_more_message() {
    let client = Client::new(small());
    let conversation = |k: usize| client.page(&query(YEAR, 300))["conversations"][k].clone();
    let messages = |conversation: &Value| {
        let interactions = conversation["interactions"].as_array().unwrap();
        interactions.iter().flat_map(|i| i["messages"].as_array().unwrap().clone()).collect::<Vec<_>>()
    };
    let (before, other) = (conversation(17), conversation(18));
    let revised = client.door("revise", &json!({"k": 17}));
    assert_eq!((&revised["id"], &revised["revisions"]), (&before["id"], &json!(1)));
    let after = conversation(17);
    assert_eq!(messages(&after).len(), messages(&before).len() + 1);
    assert_eq!(messages(&after)[..messages(&before).len()], messages(&before));
    assert_eq!((&after["startTime"], &after["id"]), (&before["startTime"], &before["id"]));
    assert!(after["endTime"].as_str() > before["endTime"].as_str());
    client.door("revise", &json!({"id": before["id"]}));
    assert_eq!(messages(&conversation(17)).len(), messages(&before).len() + 2);
    assert_eq!(conversation(18), other);
    assert_eq!(client.door("conversations/17", &Value::Null), conversation(17));
    let (status, _) = read(client.call(Method::POST, "/_sandbox/revise", r#"{"k": 300}"#));
    assert_eq!(status, 404);
}

#[test]
fn the_truth_agrees_with_the_pages() {
    let client = Client::new(small());
    let range = ("2025-03-01T00:00:00Z", "2025-06-01T00:00:00Z");
    let served = ids(&client.page(&query(range, 10_000)));
    let path = format!("conversations?from={}&to={}", range.0, range.1);
    assert_eq!(client.door(&path, &Value::Null)["count"], served.len());
    let mut listed = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/_sandbox/ids?from={}&to={}&limit=50{after}", range.0, range.1);
        let body = client.call(Method::GET, &path, "").into_bytes();
        let lines = std::str::from_utf8(&body).unwrap();
        let Some((last, _)) = lines.lines().last().and_then(|line| line.split_once(' ')) else { break };
        after = format!("&after={last}");
        listed.extend(lines.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()));
    }
    assert_eq!(listed, served);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let refuse = |config: Config| frontdesk_sandbox::Sandbox::new(config).unwrap_err().to_string();
    let year = Config::default();
    assert!(refuse(Config { to: year.from, ..year.clone() }).contains("`from`"));
    let mut faults = FaultPlan::default();
    faults.rate.cut = 0.6;
    faults.rate.reset = 0.6;
    assert!(refuse(Config { faults, ..year.clone() }).contains("faults.rate"));
    let missing = refuse(Config { corpora: vec!["no/such/file.ndjson".into()], ..year });
    assert_eq!(missing, "reading the corpus no/such/file.ndjson");
}
