//! §5: the details query.

use std::collections::HashSet;

use frontdesk_sandbox::{Config, Moment};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Client, YEAR, all_ids, query, read, small};

#[test]
fn a_conversation_has_the_contracts_shape() {
    let client = Client::new(Config { seed: 42, ..small() });
    let page = client.details(&query(YEAR, 2)).into_bytes();
    // As it is served, but for the line breaks.
    insta::assert_snapshot!(
        std::str::from_utf8(&page).unwrap().replace("},{", "},\n{").replace("[{", "[\n{")
    );
}

#[test]
fn every_conversation_is_well_formed_and_the_tenant_varied() {
    let client = Client::new(small());
    let page = client.page(&query(YEAR, 300));
    let conversations = page["conversations"].as_array().unwrap();
    let (mut ids, mut message_ids, mut transferred) = (HashSet::new(), HashSet::new(), 0);
    let mut previous = client.sandbox.ready("").from;
    for conversation in conversations {
        let text = |name: &str| conversation[name].as_str().unwrap().to_owned();
        let time = |value: &Value| value.as_str().unwrap().parse::<Moment>().unwrap();
        assert!(ids.insert(text("id")));
        let start = time(&conversation["startTime"]);
        assert!(previous <= start);
        previous = start;
        let interactions = conversation["interactions"].as_array().unwrap();
        if let [first, second] = interactions.as_slice() {
            transferred += 1;
            let count = |interaction: &Value| interaction["messages"].as_array().unwrap().len();
            assert!(count(first).abs_diff(count(second)) <= 1);
            assert_eq!(second["startTime"], second["messages"][0]["timestamp"]);
        }
        let mut last = start;
        let mut messages = 0;
        for interaction in interactions {
            let mut lines = Vec::new();
            for message in interaction["messages"].as_array().unwrap() {
                assert!(message_ids.insert(message["id"].as_str().unwrap().to_owned()));
                assert!(time(&message["timestamp"]) > last);
                last = time(&message["timestamp"]);
                let who = if message["direction"] == "inbound" { "guest" } else { "agent" };
                lines.push(format!("{who}: {}", message["text"].as_str().unwrap()));
                messages += 1;
            }
            assert_eq!(interaction["transcript"], lines.join("\n"));
        }
        assert_eq!(time(&conversation["endTime"]), last);
        assert!((4..=24).contains(&messages));
    }
    assert_eq!(conversations.len(), 300);
    assert!((10..60).contains(&transferred), "{transferred} were transferred");
    let distinct =
        |name: &str| conversations.iter().map(|c| c[name].as_str().unwrap()).collect::<HashSet<_>>().len();
    assert_eq!((distinct("language"), distinct("queue"), distinct("type")), (7, 5, 3));
}

#[test]
fn bad_queries_are_refused_with_a_code_and_a_message() {
    let client = Client::new(small());
    let with = |name: &str, value: Value| {
        let mut query = query(YEAR, 10);
        query[name] = value;
        query
    };
    let table = [
        (with("dateFrom", json!("2025-01-01")), "bad.request", "dateFrom"),
        (with("dateTo", json!("tomorrow")), "bad.request", "dateTo"),
        (with("dateTo", json!(YEAR.0)), "bad.request", "before"),
        (with("dateTo", json!("2024-01-01T00:00:00Z")), "bad.request", "before"),
        (with("size", json!(0)), "bad.request", "size"),
        (with("size", json!(-1)), "bad.request", "size"),
        (with("size", json!(10_001)), "bad.request", "size"),
        (with("size", json!("10")), "bad.request", "query"),
        (with("pageSize", json!(1)), "bad.request", "pageSize"),
        (with("filter", json!("queue eq 'é' and colour eq 'red'")), "invalid.filter", "column 18"),
        (with("nextPage", json!("")), "invalid.page.token", "nextPage"),
        (with("nextPage", json!("bm8gdG9rZW4")), "invalid.page.token", "nextPage"),
        (json!({"dateFrom": YEAR.0, "dateTo": YEAR.1}), "bad.request", "size"),
        (json!([]), "bad.request", "query"),
    ];
    for (query, code, part) in table {
        let (status, problem) = read(client.details(&query));
        assert_eq!((status.as_u16(), problem["code"].as_str().unwrap()), (400, code), "{query}");
        assert!(problem["message"].as_str().unwrap().contains(part), "{problem}");
    }
    assert!(client.details(&with("size", json!(1))).status().is_success());
    assert!(client.details(&with("size", json!(10_000))).status().is_success());
}

#[test]
fn a_page_token_is_good_for_its_query_alone() {
    let client = Client::new(small());
    let token = client.page(&query(YEAR, 10))["nextPage"].clone();
    let ask = |from: &str, size, filter: Option<&str>| {
        let mut query = query((from, YEAR.1), size);
        query["nextPage"] = token.clone();
        query["filter"] = json!(filter);
        client.details(&query).status().as_u16()
    };
    assert_eq!(ask(YEAR.0, 10, None), 200);
    // The same moment in other words, and another page size, are the same query.
    assert_eq!(ask("2025-01-01T01:00:00+01:00", 20, None), 200);
    assert_eq!(ask("2025-01-01T00:00:01Z", 10, None), 400);
    assert_eq!(ask(YEAR.0, 10, Some("type eq 'message'")), 400);
    let mut filtered = query(YEAR, 10);
    filtered["filter"] = json!("type eq 'message'");
    filtered["nextPage"] = client.page(&filtered)["nextPage"].clone();
    assert_eq!(client.details(&filtered).status(), 200);
    filtered["filter"] = json!("type neq 'voice'");
    assert_eq!(client.details(&filtered).status(), 400);
    let other = Client::new(Config { seed: 2, ..small() });
    let mut query = query(YEAR, 10);
    query["nextPage"] = token.clone();
    assert_eq!(other.details(&query).status(), 400);
}

#[test]
fn filters_choose_the_same_whatever_the_page_size() {
    let client = Client::new(small());
    let everything = client.page(&query(YEAR, 10_000));
    let expected: Vec<_> = everything["conversations"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|c| {
            c["type"] == "voice" && c["language"] != "en" || c["metadata"]["services"] == "Accounts_1"
        })
        .map(|c| c["id"].as_str().unwrap().to_owned())
        .collect();
    let filter = "type eq 'voice' and language neq 'en' or metadata.services eq 'Accounts_1'";
    for size in [1, 7, 10_000] {
        let mut query = query(YEAR, size);
        query["filter"] = json!(filter);
        assert_eq!(all_ids(&client.pages(&query, 1_000)), expected);
    }
    let path =
        "conversations?filter=type+eq+'voice'+and+language+neq+'en'+or+metadata.services+eq+'Accounts_1'";
    assert_eq!(client.door(path, &Value::Null)["count"], expected.len());
    assert!(expected.len() > 30 && expected.len() < 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pages_concatenate_to_the_whole(seed: u64, size in 1_u64..400, days in 1_u64..200, count in 0_u64..400) {
        let client = Client::new(Config { seed, conversations: Some(count), ..small() });
        let from = client.sandbox.ready("").from;
        let end = from.plus(std::time::Duration::from_secs(days * 86_400)).to_string();
        let range = (YEAR.0, end.as_str());
        let whole = client.page(&query(range, 10_000));
        let pages = client.pages(&query(range, size), 500);
        prop_assert!(whole["nextPage"].is_null());
        let together: Vec<_> = pages.iter().flat_map(|page| page["conversations"].as_array().unwrap()).collect();
        prop_assert_eq!(together, whole["conversations"].as_array().unwrap().iter().collect::<Vec<_>>());
        // Windows share nothing and miss nothing.
        let rest = client.page(&query((end.as_str(), YEAR.1), 10_000));
        let both = all_ids(&[whole, rest]);
        prop_assert_eq!(both.len() as u64, count);
        prop_assert_eq!(both.iter().collect::<HashSet<_>>().len() as u64, count);
    }

    #[test]
    fn equal_seeds_give_equal_bytes(seed: u64, count in 1_u64..200) {
        let config = Config { seed, conversations: Some(count), ..small() };
        let page = |config: Config| Client::new(config).details(&query(YEAR, 50)).into_bytes();
        let first = page(config.clone());
        prop_assert_eq!(&first, &page(config.clone()));
        prop_assert_ne!(first, page(Config { seed: seed ^ 1, ..config }));
    }
}
