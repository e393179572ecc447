//! Platform contract C.7 to C.9: details by a query, by a job, by their ids.

use std::collections::{BTreeMap, HashSet};

use frontdesk_sandbox::{Config, Effect, FaultPlan, Rule, When};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, Platform, read, small};

const QUERY: &str = "/api/v2/analytics/conversations/details/query";
const JOBS: &str = "/api/v2/analytics/conversations/details/jobs";
const JANUARY: &str = "2025-01-01T00:00:00Z/2025-02-01T00:00:00.000Z";

fn post(platform: &Platform, path: &str, body: &Value) -> (StatusCode, Value) {
    read(platform.call(Method::POST, path, body.to_string()))
}

fn get(platform: &Platform, path: &str) -> (StatusCode, Value) {
    read(platform.call(Method::GET, path, ""))
}

fn query(interval: &str, size: u64, number: u64) -> Value {
    json!({"interval": interval, "paging": {"pageSize": size, "pageNumber": number}})
}

fn ids(body: &Value) -> Vec<String> {
    let conversations = body["conversations"].as_array().into_iter().flatten();
    conversations.map(|one| one["conversationId"].as_str().unwrap().to_owned()).collect()
}

/// All pages of a query; the last one has no conversations.
fn all(platform: &Platform, query: &Value) -> Vec<Value> {
    let mut conversations = Vec::new();
    for number in 1.. {
        let mut query = query.clone();
        query["paging"] = json!({"pageSize": 7, "pageNumber": number});
        let (status, body) = post(platform, QUERY, &query);
        assert_eq!(status, 200, "{body}");
        let Some(page) = body.get("conversations") else { break };
        conversations.extend(page.as_array().unwrap().iter().cloned());
    }
    conversations
}

fn all_ids(platform: &Platform, query: &Value) -> Vec<String> {
    let conversations = all(platform, query);
    conversations.iter().map(|one| one["conversationId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_conversation_has_the_contracts_shape() {
    let platform = Platform::new(Config { seed: 42, ..small() });
    let body = json!({"interval": JANUARY, "paging": {"pageSize": 1, "pageNumber": 1},
        "segmentFilters": [{"type": "and", "predicates": [{"dimension": "messageType", "value": "webmessaging"}]}]});
    let (status, body) = post(&platform, QUERY, &body);
    assert_eq!(status, 200);
    insta::assert_snapshot!(serde_json::to_string_pretty(&body["conversations"][0]).unwrap());
    let id = body["conversations"][0]["conversationId"].as_str().unwrap();
    let (status, one) = get(&platform, &format!("/api/v2/analytics/conversations/{id}/details"));
    assert_eq!((status.as_u16(), &one), (200, &body["conversations"][0]));
    let (_, some) =
        get(&platform, &format!("/api/v2/analytics/conversations/details?id={id}&id=nobody,{id}"));
    assert_eq!(ids(&some), [id, id]);
    let (_, none) = get(&platform, "/api/v2/analytics/conversations/details?id=nobody");
    assert_eq!(none, json!({}));
    assert_eq!(get(&platform, "/api/v2/analytics/conversations/nobody/details").0, 404);
}

#[test]
fn pages_are_everything_once_in_order_and_end_without_conversations() {
    let platform = Platform::new(small());
    platform.door("platform", &json!({"hits_off": 0}));
    let listed = all(&platform, &json!({"interval": JANUARY}));
    let expected = platform.door("conversations?to=2025-02-01T00:00:00Z", &Value::Null)["count"].clone();
    assert_eq!(json!(listed.len()), expected);
    let starts: Vec<_> = listed.iter().map(|one| one["conversationStart"].as_str().unwrap()).collect();
    assert!(starts.is_sorted());
    let unique: HashSet<_> = listed.iter().map(|one| one["conversationId"].as_str().unwrap()).collect();
    assert_eq!(unique.len(), listed.len());
    let reversed = all_ids(&platform, &json!({"interval": JANUARY, "order": "desc"}));
    let mut forward = all_ids(&platform, &json!({"interval": JANUARY}));
    forward.reverse();
    assert_eq!(reversed, forward);
    let (_, probe) = post(&platform, QUERY, &query(JANUARY, 1, 1));
    assert_eq!(probe["totalHits"], expected);
    for conversation in &listed {
        assert!(conversation["participants"][0].get("attributes").is_none(), "only jobs tell them");
        assert!(conversation["conversationEnd"].is_string());
    }
}

#[test]
fn whole_days_are_matched() {
    let platform = Platform::new(small());
    let day = all_ids(&platform, &json!({"interval": "2025-01-05T00:00:00Z/2025-01-06T00:00:00Z"}));
    let minute = all_ids(&platform, &json!({"interval": "2025-01-05T11:59:00Z/2025-01-05T12:00:00Z"}));
    assert_eq!(day, minute);
    assert!(!day.is_empty());
    let two = all_ids(&platform, &json!({"interval": "2025-01-05T23:59:00Z/2025-01-06T00:00:01Z"}));
    assert!(two.len() > day.len());
}

#[test]
fn hits_are_about_right_and_nothing_is_nothing() {
    let platform = Platform::new(small());
    let hits: HashSet<u64> = (1..20)
        .map(|number| post(&platform, QUERY, &query(JANUARY, 1, number)).1["totalHits"].as_u64().unwrap())
        .collect();
    assert!(hits.len() > 1 && hits.iter().max().unwrap() - hits.iter().min().unwrap() <= 4, "{hits:?}");
    let (_, body) = post(&platform, QUERY, &query("2019-01-01T00:00:00Z/2019-01-02T00:00:00Z", 100, 1));
    assert_eq!(body, json!({"totalHits": 0}));
}

#[test]
fn bad_queries_are_refused() {
    let platform = Platform::new(small());
    let filter = |predicate: Value| json!({"interval": JANUARY, "segmentFilters": [{"type": "and", "predicates": [predicate]}]});
    for (body, field) in [
        (query(JANUARY, 101, 1), "paging.pageSize"),
        (query(JANUARY, 0, 1), "paging.pageSize"),
        (query(JANUARY, 10, 0), "paging.pageNumber"),
        (query("2025-01-01T00:00:00Z/2025-02-02T00:00:00Z", 10, 1), "interval"),
        (query("2025-01-02T00:00:00Z/2025-01-01T00:00:00Z", 10, 1), "interval"),
        (query("yesterday", 10, 1), "interval"),
        (json!({}), "interval"),
        (filter(json!({"dimension": "conversationId", "value": "x"})), "dimension"),
        (filter(json!({"metric": "tTalk", "range": {"gt": 1}})), "metric"),
        (filter(json!({"dimension": "queueId"})), "predicates"),
        (filter(json!({"dimension": "queueId", "operator": "exists", "value": "x"})), "predicates"),
    ] {
        let (status, answer) = post(&platform, QUERY, &body);
        assert_eq!(
            (status.as_u16(), answer["details"][0]["fieldName"].as_str()),
            (400, Some(field)),
            "{body} {answer}"
        );
    }
    for body in
        [query(JANUARY, 100, 1_001), filter(json!({"dimension": "queueId", "operator": "eq", "value": "x"}))]
    {
        assert_eq!(post(&platform, QUERY, &body).0, 400, "{body}");
    }
    let text = platform.send(
        &http::Request::post(QUERY)
            .header("authorization", format!("Bearer {}", platform.token.as_deref().unwrap()))
            .body("{}".into())
            .unwrap(),
    );
    assert_eq!(text.status(), 415);
    let large = format!("{{\"interval\": \"{}\"}}", "x".repeat(512_000));
    assert_eq!(platform.call(Method::POST, QUERY, large).status(), 413);
}

#[test]
fn filters_choose_what_they_say_whatever_the_page() {
    let platform = Platform::new(small());
    let everything = all(&platform, &json!({"interval": JANUARY}));
    let choose = |filter: &dyn Fn(&Value) -> bool| {
        let chosen = everything.iter().filter(|one| filter(one));
        chosen.map(|one| one["conversationId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let sessions = |one: &Value| {
        let participants = one["participants"].as_array().unwrap().clone();
        participants.into_iter().map(|participant| participant["sessions"][0].clone()).collect::<Vec<_>>()
    };
    let agents = |one: &Value| {
        let participants = one["participants"].as_array().unwrap().clone();
        participants.into_iter().filter(|one| one["purpose"] == "agent").collect::<Vec<_>>()
    };
    let user = everything.iter().flat_map(agents).next().unwrap()["userId"].clone();
    let some_id = everything[3]["conversationId"].clone();
    let predicate = |level: &str, predicate: Value| json!({"interval": JANUARY, level: [{"type": "and", "predicates": [predicate]}]});
    let segments = "segmentFilters";
    let conversations = "conversationFilters";
    let table: Vec<(Value, Vec<String>)> = vec![
        (
            predicate(segments, json!({"dimension": "mediaType", "value": "message"})),
            choose(&|one| sessions(one)[0]["mediaType"] == "message"),
        ),
        (
            predicate(segments, json!({"dimension": "messageType", "operator": "notExists"})),
            choose(&|one| sessions(one)[0].get("messageType").is_none()),
        ),
        (
            predicate(
                segments,
                json!({"type": "dimension", "dimension": "userId", "operator": "matches", "value": user}),
            ),
            choose(&|one| agents(one).iter().any(|agent| agent["userId"] == user)),
        ),
        (
            predicate(conversations, json!({"dimension": "conversationEnd", "operator": "exists"})),
            choose(&|_| true),
        ),
        (
            predicate(conversations, json!({"dimension": "conversationId", "value": some_id})),
            choose(&|one| one["conversationId"] == some_id),
        ),
        (
            predicate(conversations, json!({"metric": "nTransferred", "range": {"gte": 1}})),
            choose(&|one| agents(one).len() == 2),
        ),
        (
            json!({"interval": JANUARY, segments: [
                {"type": "or", "predicates": [{"dimension": "mediaType", "value": "voice"}, {"dimension": "mediaType", "value": "email"}]},
                {"type": "and", "clauses": [{"type": "or", "predicates": [{"dimension": "purpose", "value": "customer"}]}]}]}),
            choose(&|one| sessions(one)[0]["mediaType"] != "message"),
        ),
        // Both must hold for one segment: no agent's session is a customer's.
        (
            json!({"interval": JANUARY, segments: [{"type": "and", "predicates":
                [{"dimension": "purpose", "value": "customer"}, {"dimension": "userId", "value": user}]}]}),
            Vec::new(),
        ),
        (
            json!({"interval": JANUARY, "surveyFilters": [{"type": "and", "predicates": [{"dimension": "surveyId", "value": "x"}]}]}),
            Vec::new(),
        ),
    ];
    for (query, expected) in table {
        assert_eq!(all_ids(&platform, &query), expected, "{query}");
    }
    assert!(!choose(&|one| agents(one).len() == 2).is_empty());
}

#[test]
fn what_changes_between_two_pages_is_seen_and_a_page_can_drift() {
    let drift = Rule {
        when: When { path: Some(QUERY.to_owned()), page: Some(2), ..When::default() },
        then: Some(Effect::Drift { records: 2 }),
        delay_ms: 0,
    };
    let faults = FaultPlan { rules: vec![drift], ..FaultPlan::default() };
    let platform = Platform::new(Config { faults, ..small() });
    let first = ids(&post(&platform, QUERY, &query(JANUARY, 5, 1)).1);
    let second = ids(&post(&platform, QUERY, &query(JANUARY, 5, 2)).1);
    assert_eq!(second[..2], first[3..]);
    assert_eq!(second.len(), 5);
    // A revision moves the end.
    let end = |platform: &Platform| {
        post(platform, QUERY, &query(JANUARY, 1, 1)).1["conversations"][0]["conversationEnd"].clone()
    };
    let before = end(&platform);
    platform.door("revise", &json!({"k": 0}));
    assert_ne!(before, end(&platform));
}

#[test]
fn an_opened_session_is_listed_and_has_an_end_once_it_is_over() {
    let gateway = Client::new(small());
    let body = json!({"conversationType": "webchat", "guestId": "guest-new",
        "attributes": {"source": "web_portal", "consent.marketing": false, "consent.data_processing": true, "consent.timestamp": "2025-06-01T00:00:00Z"},
        "routingData": {"skills": ["billing"], "language": "en", "priority": 1}});
    let reply = gateway.call(Method::POST, "/api/v2/conversations/webchat", body.to_string());
    let (status, opened) = read(reply);
    assert_eq!(status, 201, "{opened}");
    let token = gateway.token.clone();
    let mut platform = Platform { sandbox: gateway.sandbox, now: gateway.now, token: None };
    platform.take_token();
    let day = json!({"interval": "2025-06-01T00:00:00Z/2025-06-02T00:00:00Z"});
    let listed = all(&platform, &day);
    let found = listed.iter().find(|one| one["conversationId"] == opened["id"]).unwrap();
    assert!(found.get("conversationEnd").is_none());
    let gateway = Client { sandbox: platform.sandbox, now: platform.now, token };
    let end = "/api/v2/webmessaging/guests/guest-new?reason=timeout&retainData=true&externalRef=CASE-9";
    assert!(gateway.call(Method::DELETE, end, "").status().is_success());
    let platform = Platform { sandbox: gateway.sandbox, now: gateway.now, token: platform.token };
    let listed = all(&platform, &day);
    let found = listed.iter().find(|one| one["conversationId"] == opened["id"]).unwrap();
    assert_eq!(found["conversationEnd"], "2025-06-01T00:00:00.000Z");
    assert_eq!(found["externalTag"], "CASE-9");
    let starts: Vec<_> = listed.iter().map(|one| one["conversationStart"].as_str().unwrap()).collect();
    assert!(starts.is_sorted());
}

fn submit(platform: &Platform, body: &Value) -> String {
    let (status, body) = post(platform, JOBS, body);
    assert_eq!(status, 202, "{body}");
    body["jobId"].as_str().unwrap().to_owned()
}

/// Asks until the job is done; says which states it was told.
fn fulfil(platform: &Platform, job: &str) -> Vec<(u16, String)> {
    let mut told = Vec::new();
    while told.last().is_none_or(|(status, _)| *status == 202) {
        let (status, body) = get(platform, &format!("{JOBS}/{job}"));
        told.push((status.as_u16(), body["state"].as_str().unwrap().to_owned()));
    }
    told
}

#[test]
fn a_job_walks_through_its_states_and_its_cursors_lead_through_everything() {
    let platform = Platform::new(small());
    let job = submit(&platform, &json!({"interval": "2025-01-01T00:00:00Z/2026-01-01T00:00:00Z"}));
    assert_eq!(get(&platform, &format!("{JOBS}/{job}/results")).0, 400, "not yet");
    let told = fulfil(&platform, &job);
    let told: Vec<_> = told.iter().map(|(status, state)| (*status, state.as_str())).collect();
    assert_eq!(told, [(202, "QUEUED"), (202, "PENDING"), (200, "FULFILLED")]);
    let mut all = Vec::new();
    let mut path = format!("{JOBS}/{job}/results?pageSize=77");
    loop {
        let (status, page) = get(&platform, &path);
        assert_eq!(
            (status, &get(&platform, &path).1),
            (StatusCode::OK, &page),
            "the same cursor, the same page"
        );
        assert!(page["dataAvailabilityDate"].is_string());
        let attributes = &page["conversations"][0]["participants"][0]["attributes"];
        assert!(attributes["source"].is_string(), "{attributes}");
        all.extend(ids(&page));
        let Some(cursor) = page["cursor"].as_str() else { break };
        path = format!("{JOBS}/{job}/results?pageSize=77&cursor={cursor}");
    }
    assert_eq!((all.len(), all.iter().collect::<HashSet<_>>().len()), (300, 300));
    let (status, _) = get(&platform, &format!("{JOBS}/{job}/results?cursor=made-up"));
    assert_eq!(status, 400);
    assert_eq!(get(&platform, &format!("{JOBS}/{job}/results?pageSize=10001")).0, 400);
    assert_eq!(platform.call(Method::DELETE, &format!("{JOBS}/{job}"), "").status(), 204);
    assert_eq!(get(&platform, &format!("{JOBS}/{job}/results")).0, 404);
}

#[test]
fn a_job_finds_by_activity_and_not_what_is_too_new() {
    let mut platform = Platform::new(small());
    platform.now = "2025-03-01T00:00:00Z".parse().unwrap();
    platform.take_token();
    platform.door("platform", &json!({"jobs_lag_seconds": 86_400 * 14, "job_polls": 0}));
    let found = |platform: &Platform, body: &Value| {
        let job = submit(platform, body);
        fulfil(platform, &job);
        ids(&get(platform, &format!("{JOBS}/{job}/results")).1)
    };
    let (_, availability) = get(&platform, &format!("{JOBS}/availability"));
    assert_eq!(availability, json!({"dataAvailabilityDate": "2025-02-15T00:00:00.000Z"}));
    let february = "2025-02-01T00:00:00Z/2025-03-01T00:00:00Z";
    let by_query = all(&platform, &json!({"interval": "2025-02-01T00:00:00Z/2025-02-20T00:00:00Z"}));
    let ended: BTreeMap<String, String> = by_query
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap().to_owned();
            (text("conversationId"), text("conversationEnd"))
        })
        .collect();
    let known: HashSet<String> = ended
        .iter()
        .filter(|(_, end)| end.as_str() <= "2025-02-15T00:00:00.000Z")
        .map(|(id, _)| id.clone())
        .collect();
    let by_job: HashSet<String> = found(&platform, &json!({"interval": february})).into_iter().collect();
    assert_eq!(by_job, known);
    // One of January that goes on in February has activity there, though it began long before.
    platform.door("platform", &json!({"job_polls": 0}));
    let old = platform.sandbox.conversation_id(0).unwrap();
    platform.now = "2025-02-03T00:00:00Z".parse().unwrap();
    platform.door("say", &json!({"conversation_id": old, "text": "one more thing"}));
    assert!(found(&platform, &json!({"interval": february})).contains(&old));
    let strict = json!({"interval": february, "startOfDayIntervalMatching": true, "limit": 3});
    let strict = found(&platform, &strict);
    assert!(!strict.contains(&old) && strict.len() == 3);
}

#[test]
fn a_job_can_fail_and_its_results_expire() {
    let mut platform = Platform::new(small());
    platform.door("platform", &json!({"failing_jobs": 1, "job_lifetime_seconds": 60}));
    let failed = submit(&platform, &json!({"interval": JANUARY}));
    assert_eq!(fulfil(&platform, &failed).last().unwrap().1, "FAILED");
    assert!(get(&platform, &format!("{JOBS}/{failed}")).1["errorMessage"].is_string());
    let job = submit(&platform, &json!({"interval": JANUARY}));
    assert_eq!(fulfil(&platform, &job).last().unwrap().1, "FULFILLED");
    platform.advance(61);
    assert_eq!(get(&platform, &format!("{JOBS}/{job}")).1["state"], "EXPIRED");
    assert_eq!(get(&platform, &format!("{JOBS}/{job}/results")).0, 404);
}
