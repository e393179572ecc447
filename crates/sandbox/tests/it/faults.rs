//! Faults, in process: what a reply carries and what pages look like.

use std::collections::HashSet;
use std::time::Duration;

use frontdesk_sandbox::{Break, Config, Effect, Ending, FaultPlan, Point, Rule, When};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Client, YEAR, all_ids, ids, query, read, small};

fn with_plan(plan: Value) -> Client {
    let client = Client::new(small());
    client.door("faults", &plan);
    client
}

fn rule(when: Value, then: Value) -> Client {
    with_plan(json!({"rules": [{"when": when, "then": then}]}))
}

#[test]
fn endings_and_delays_are_carried_by_the_reply() {
    let table = [
        (json!({"reset": "before_head"}), Ending::Broken { how: Break::Reset, after: None }),
        (json!({"reset": {"byte": 10}}), Ending::Broken { how: Break::Reset, after: Some(10) }),
        (json!({"cut": {"byte": 0}}), Ending::Broken { how: Break::Cut, after: Some(0) }),
        (json!({"stall": "before_head"}), Ending::Broken { how: Break::Stall, after: None }),
    ];
    for (then, ending) in table {
        let client = with_plan(json!({"rules": [{"when": {"nth": 1}, "then": then, "delay_ms": 30}]}));
        let reply = client.details(&query(YEAR, 5));
        assert_eq!((reply.ending, reply.delay), (ending, Duration::from_millis(30)));
        let whole = client.details(&query(YEAR, 5));
        assert_eq!((whole.ending, whole.delay), (Ending::Whole, Duration::ZERO));
        assert_eq!(reply.into_bytes(), whole.into_bytes());
    }
    let past_the_end = rule(json!({}), json!({"cut": {"byte": 1_000_000_000}}));
    assert_eq!(past_the_end.details(&query(YEAR, 5)).ending, Ending::Whole);
    let anywhere = rule(json!({}), json!({"cut": "anywhere"}));
    let mut places = HashSet::new();
    for _ in 0..20 {
        let reply = anywhere.details(&query(YEAR, 5));
        let length = reply.response.body().len();
        let Ending::Broken { how: Break::Cut, after: Some(after) } = reply.ending else { panic!("not cut") };
        assert!(after < length);
        places.insert(after);
    }
    assert!(places.len() > 10);
}

#[test]
fn a_status_fault_can_say_when_to_retry_in_many_ways() {
    let table = [
        (json!(["0"]), vec!["0"]),
        (json!(["1.5"]), vec!["1.5"]),
        (json!(["2", "99999999999"]), vec!["2", "99999999999"]),
        (json!([{"date_in_seconds": 90}]), vec!["Sun, 01 Jun 2025 00:01:30 GMT"]),
        (json!([{"date_in_seconds": -60, "form": "rfc850"}]), vec!["Saturday, 31-May-25 23:59:00 GMT"]),
        (json!([{"date_in_seconds": 0, "form": "asctime"}]), vec!["Sun Jun  1 00:00:00 2025"]),
        (json!([]), vec![]),
    ];
    for (retry_after, expected) in table {
        let client = rule(json!({}), json!({"status": {"status": 503, "retry_after": retry_after}}));
        let reply = client.details(&query(YEAR, 5));
        let values: Vec<_> = reply
            .response
            .headers()
            .get_all("retry-after")
            .iter()
            .map(|v| v.to_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            (reply.status().as_u16(), values),
            (503, expected.into_iter().map(str::to_owned).collect())
        );
        let (_, problem) = read(reply);
        assert_eq!(problem["code"], "sandbox.fault");
    }
}

#[test]
fn substituted_bodies_are_what_their_names_say() {
    let body = |then: Value| {
        let reply = rule(json!({}), then).details(&query(YEAR, 5));
        assert_eq!(reply.status(), 200);
        let length = reply.response.headers()["content-length"].to_str().unwrap().parse::<usize>().unwrap();
        let kind = reply.response.headers()["content-type"].to_str().unwrap().to_owned();
        let bytes = reply.into_bytes();
        assert_eq!(bytes.len(), length);
        (kind, bytes)
    };
    assert!(serde_json::from_slice::<Value>(&body(json!("not_json")).1).is_err());
    assert!(body(json!("html")).0.starts_with("text/html"));
    assert!(body(json!("empty")).1.is_empty());
    assert_eq!(body(json!({"text": "[1]"})).1, "[1]");
    let deep = body(json!({"deep": {"levels": 100_000}})).1;
    assert_eq!(deep.iter().filter(|byte| **byte == b'[').count(), 100_001);
    let reply = rule(json!({}), json!({"gzip_bomb": {"bytes": 1 << 30}})).details(&query(YEAR, 5));
    assert_eq!(reply.response.headers()["content-encoding"], "gzip");
    assert!(reply.response.body().len() < 1_200_000);
}

#[test]
fn hostile_records_come_on_top_of_an_honest_page() {
    let honest = Client::new(small()).pages(&query(YEAR, 100), 10);
    let names = ["../../x", "a\u{0}b\n", &"x".repeat(300)];
    let client = rule(json!({"page": 2, "times": 1}), json!({"ids": names}));
    let pages = client.pages(&query(YEAR, 100), 10);
    assert_eq!(ids(&pages[1])[100..], names);
    assert_eq!(
        all_ids(&[pages[0].clone(), pages[2].clone()]),
        all_ids(&[honest[0].clone(), honest[2].clone()])
    );

    let client = rule(json!({"nth": 1}), json!("record_without_id"));
    let page = client.page(&query(YEAR, 3));
    assert_eq!(page["conversations"].as_array().unwrap().len(), 4);
    assert!(page["conversations"][3].get("id").is_none() && page["conversations"][3]["type"] == "message");

    let client = rule(json!({"nth": 1}), json!({"long_transcript": {"bytes": 1_000_003}}));
    let page = client.page(&query(YEAR, 3));
    let transcript = page["conversations"][3]["interactions"][0]["transcript"].as_str().unwrap();
    assert_eq!(transcript.len(), 1_000_003);
    let empty = client.page(&query(("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"), 3));
    assert_eq!(empty, json!({"conversations": []}));
}

#[test]
fn tokens_repeat_loop_and_never_end() {
    let tokens = |client: &Client, limit| {
        let pages = client.pages(&query(YEAR, 100), limit);
        pages.iter().map(|page| page["nextPage"].as_str().unwrap_or("end").to_owned()).collect::<Vec<_>>()
    };
    let honest = tokens(&Client::new(small()), 9);
    assert_eq!((honest.len(), honest[2].as_str()), (3, "end"));

    let repeat = tokens(&rule(json!({"page": 2}), json!("repeat_token")), 4);
    assert_eq!(repeat, [honest[0].as_str(); 4]);

    // A leads to page 2, B to page 3, whose answer leads to page 2 again.
    let looping = tokens(&rule(json!({"page": 3}), json!("loop_token")), 5);
    let (a, b) = (honest[0].as_str(), honest[1].as_str());
    assert_eq!(looping, [a, b, a, b, a]);

    let client = rule(json!({"after": 1}), json!("same_page"));
    let endless = tokens(&client, 20);
    assert_eq!(endless.iter().collect::<HashSet<_>>().len(), 20);
    let pages = client.pages(&query(YEAR, 100), 5);
    assert_eq!(ids(&pages[0]), ids(&pages[4]));

    let empty = rule(json!({}), json!("empty_page")).pages(&query(YEAR, 100), 20);
    assert!(empty.len() == 20 && all_ids(&empty).is_empty());

    let raw = rule(json!({"page": 1}), json!({"next_page": "\u{1}\n"})).page(&query(YEAR, 100));
    assert_eq!(raw["nextPage"], "\u{1}\n");
}

#[test]
fn empty_and_short_pages_lose_nothing() {
    let honest = all_ids(&Client::new(small()).pages(&query(YEAR, 40), 20));
    for (when, then) in [
        (json!({"every": 3}), json!("empty_page")),
        (json!({"every": 2}), json!({"short_page": {"records": 7}})),
        (json!({"nth": 2}), json!({"short_page": {"records": 0}})),
    ] {
        let pages = rule(when, then).pages(&query(YEAR, 40), 100);
        assert_eq!(all_ids(&pages), honest);
        assert!(pages.len() > 8);
    }
}

#[test]
fn the_lifetime_of_a_token_can_be_told_wrongly() {
    for (then, expected) in [
        (json!({"expires_in": null}), Value::Null),
        (json!({"expires_in": "3600"}), json!("3600")),
        (json!({"expires_in": 0}), json!(0)),
        (json!({"expires_in": 1e18}), json!(1e18)),
    ] {
        let client = rule(json!({}), then);
        let (status, token) = client.take_token(b"grant_type=client_credentials");
        assert_eq!((status.as_u16(), &token["expires_in"]), (200, &expected));
        assert!(client.details(&query(YEAR, 1)).status().is_success(), "and details are left alone");
    }
}

#[test]
fn the_same_plan_does_the_same_and_says_what_it_did() {
    let rates =
        json!({"rate": {"status_429": 0.1, "status_503": 0.1, "reset": 0.1, "cut": 0.1, "drift": 0.1}});
    let run = || {
        let client = with_plan(rates.clone());
        let replies: Vec<_> = (0..200)
            .map(|_| {
                let reply = client.details(&query(YEAR, 5));
                (reply.status(), reply.ending, reply.into_bytes())
            })
            .collect();
        (replies, client.sandbox.stats())
    };
    let (first, stats) = run();
    assert_eq!(first, run().0);
    let broken = first.iter().filter(|(_, ending, _)| *ending != Ending::Whole).count() as u64;
    assert_eq!(stats.faults["reset"] + stats.faults["cut"], broken);
    let throttled = first.iter().filter(|(status, ..)| *status == 429).count() as u64;
    assert_eq!((stats.faults["status_429"], stats.throttled), (throttled, throttled));
    assert!(stats.faults["drift"] > 5 && throttled > 5 && broken > 10);
    assert_eq!(stats.requests.values().sum::<u64>(), 201);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn drift_repeats_and_never_skips(
        size in 1_u64..50,
        records in 0_u64..100,
        chance in 0.0..1.0_f64,
        seed: u64,
        filtered: bool,
    ) {
        let when = When { probability: Some(chance), ..When::default() };
        let rule = Rule { when, then: Some(Effect::Drift { records }), delay_ms: 0 };
        let plan = FaultPlan { seed: Some(seed), rules: vec![rule], ..FaultPlan::default() };
        let mut query = query(YEAR, size);
        query["filter"] = if filtered { json!("queue neq 'billing'") } else { Value::Null };
        let honest = all_ids(&Client::new(small()).pages(&query, 10_000));
        let client = Client::new(Config { faults: plan, ..small() });
        // Every page gets on by one record at least.
        let pages = client.pages(&query, 302);
        prop_assert!(pages.last().unwrap()["nextPage"].is_null());
        let drifted = all_ids(&pages);
        let mut seen = HashSet::new();
        let first_seen: Vec<_> = drifted.iter().filter(|id| seen.insert(*id)).cloned().collect();
        prop_assert_eq!(first_seen, honest);
    }
}

#[test]
fn plans_survive_json() {
    let plan = FaultPlan {
        rules: vec![Rule { then: Some(Effect::Cut(Point::Anywhere)), ..Rule::default() }],
        ..FaultPlan::default()
    };
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<FaultPlan>(&text).unwrap(), plan);
    assert!(serde_json::from_str::<FaultPlan>(r#"{"rule": []}"#).is_err());
}
