//! §3: sessions that are opened, and the story they tell in the other sections.

use bytes::Bytes;
use frontdesk_sandbox::{Config, FaultPlan};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, query, read, small};

const OPEN: &str = "/api/v2/conversations/webchat";
const KEY: &str = "0190a1d4-0000-7000-8000-000000000001";

fn request(guest: &str) -> Value {
    json!({"conversationType": "webchat", "guestId": guest,
           "attributes": {"source": "web_portal", "plan": "gold", "consent.marketing": true,
                          "consent.data_processing": true, "consent.timestamp": "2025-06-01T00:00:00Z"},
           "routingData": {"priority": 1, "skills": ["web_support"], "language": "en"}})
}

fn post(client: &Client, key: Option<&str>, body: &Value) -> (StatusCode, Value) {
    let mut request = Request::post(OPEN).header("content-type", "application/json");
    if let Some(token) = &client.token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    read(client.send(&request.body(Bytes::from(body.to_string())).unwrap()))
}

fn open(client: &Client, guest: &str) -> Value {
    let (status, opened) = post(client, None, &request(guest));
    assert_eq!(status, 201, "{opened}");
    opened
}

fn get(client: &Client, path: &str) -> (StatusCode, Value) {
    read(client.call(Method::GET, path, ""))
}

fn end(client: &Client, guest: &str, retain: bool) -> StatusCode {
    let path = format!("/api/v2/webmessaging/guests/{guest}?reason=timeout&retainData={retain}");
    client.call(Method::DELETE, &path, "").status()
}

#[test]
fn an_opened_session_has_the_contracts_shape() {
    let client = Client::new(small());
    let reply = client.call(Method::POST, OPEN, request("guest_1").to_string());
    let location = reply.response.headers()["location"].to_str().unwrap().to_owned();
    let (status, opened) = read(reply);
    assert_eq!(status, 201);
    assert_eq!(location, format!("/api/v2/conversations/{}", opened["id"].as_str().unwrap()));
    assert_eq!(
        opened,
        json!({"id": opened["id"], "conversationType": "webchat", "guestId": "guest_1",
               "attributes": request("guest_1")["attributes"],
               "routingData": {"queuePosition": 1, "estimatedWaitTime": 15},
               "createdTimestamp": "2025-06-01T00:00:00Z"})
    );
    let (status, conversation) = get(&client, &location);
    assert_eq!(status, 200);
    assert_eq!(
        (&conversation["guestId"], &conversation["attributes"], &conversation["channelType"]),
        (&json!("guest_1"), &opened["attributes"], &json!("webchat"))
    );
    let roles: Vec<_> =
        conversation["participants"].as_array().unwrap().iter().map(|p| p["role"].clone()).collect();
    assert_eq!(roles, ["customer", "acd", "agent"]);
    assert_eq!(conversation["participants"][0]["from"]["id"], "guest_1");
}

#[test]
fn a_key_opens_one_session_however_often_it_comes() {
    let client = Client::new(small());
    let (first, opened) = post(&client, Some(KEY), &request("guest_1"));
    let (again, answer) = post(&client, Some(&KEY.to_uppercase()), &request("guest_1"));
    assert_eq!((first, again, &opened), (StatusCode::CREATED, StatusCode::CREATED, &answer));
    let (status, problem) = post(&client, Some(KEY), &request("guest_2"));
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("idempotency.mismatch")));
    assert_eq!(post(&client, Some("key"), &request("guest_2")).0, 400);
    // The key answers for what it did, even when that is over.
    assert!(end(&client, "guest_1", true).is_success());
    assert_eq!(post(&client, Some(KEY), &request("guest_1")), (StatusCode::CREATED, opened));
    let totals = client.door("sessions/totals", &Value::Null);
    assert_eq!(
        totals,
        json!({"opened": 1, "open": 0, "ended": 1, "guests": 1, "duplicates": 2, "without_key": 0,
               "conflicts": 0, "mismatches": 1})
    );
    let stats = client.sandbox.stats();
    assert_eq!((stats.sessions, stats.duplicates), (2_001, 2));
}

#[test]
fn a_guest_has_one_open_session() {
    let client = Client::new(small());
    let first = open(&client, "guest_1");
    let (status, problem) = post(&client, Some(KEY), &request("guest_1"));
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("conflict")));
    assert_eq!(problem["conversationId"], first["id"]);
    assert_eq!(get(&client, "/api/v2/webmessaging/guests/guest_1").1["state"], "active");
    assert!(end(&client, "guest_1", true).is_success());
    assert_eq!(end(&client, "guest_1", true), 404);
    assert_eq!(get(&client, "/api/v2/webmessaging/guests/guest_1").1["state"], "closed");
    assert_ne!(open(&client, "guest_1")["id"], first["id"]);
    assert_eq!(get(&client, "/api/v2/webmessaging/guests/guest_1").1["state"], "active");

    // Guests who were there from the start are somewhere, too.
    let guests = client.call(Method::GET, "/_sandbox/guests", "").into_bytes();
    let guests = guests.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let guests: Vec<Value> = guests.map(|line| serde_json::from_slice(line).unwrap()).collect();
    let of = |state: &str| guests.iter().find(|guest| guest["state"] == state).unwrap();
    let (status, problem) = post(&client, None, &request(of("active")["id"].as_str().unwrap()));
    assert_eq!((status.as_u16(), &problem["conversationId"]), (409, &of("active")["conversation_id"]));
    let closed = of("closed")["id"].as_str().unwrap();
    open(&client, closed);
    assert_eq!(get(&client, &format!("/api/v2/webmessaging/guests/{closed}")).1["state"], "active");
}

#[test]
fn what_is_wrong_with_a_request_is_said() {
    let mut client = Client::new(small());
    let (status, problem) = post(&client, None, &json!({"conversationType": "webchat"}));
    assert_eq!((status.as_u16(), &problem["code"]), (400, &json!("bad.request")));
    client.take_scope("conversation:read");
    let (status, problem) = post(&client, None, &request("guest_1"));
    assert_eq!(status, 403);
    assert!(problem["message"].as_str().unwrap().contains("webchat:conversation:write"));
    client.token = None;
    assert_eq!(post(&client, None, &request("guest_1")).0, 401);
    assert_eq!(client.call(Method::GET, OPEN, "").status(), 405);
}

#[test]
fn queues_move_with_the_clock() {
    let mut client = Client::new(small());
    let place = |opened: &Value| {
        let routing = &opened["routingData"];
        (routing["queuePosition"].as_u64(), routing["estimatedWaitTime"].as_u64())
    };
    assert_eq!(place(&open(&client, "guest_1")), (Some(1), Some(15)));
    assert_eq!(place(&open(&client, "guest_2")), (Some(2), Some(30)));
    client.advance(10);
    assert_eq!(place(&open(&client, "guest_3")), (Some(3), Some(35)));
    client.advance(600);
    assert_eq!(place(&open(&client, "guest_4")), (Some(1), Some(15)));
    client.door("sessions", &json!({"without_queue": 1.0, "agents_in_turn": true, "pace_ms": 1_000}));
    let quiet = open(&client, "guest_5");
    assert_eq!(place(&quiet), (None, None));
    let path = format!("/api/v2/conversations/{}", quiet["id"].as_str().unwrap());
    let agents = |client: &Client| {
        let participants = get(client, &path).1["participants"].clone();
        participants.as_array().unwrap().iter().filter(|one| one["role"] == "agent").count()
    };
    assert_eq!(agents(&client), 0);
    client.advance(20);
    assert_eq!(agents(&client), 1);
    assert_eq!(read(client.call(Method::POST, "/_sandbox/sessions", r#"{"without_queue": 2}"#)).0, 400);
}

#[test]
fn one_story_is_told_by_every_section() {
    let mut client = Client::new(small());
    let opened = open(&client, "guest_1");
    let id = opened["id"].as_str().unwrap();
    let truth = client.door(&format!("sessions/{id}"), &Value::Null);
    let agent = truth["agent_id"].as_str().unwrap();
    client.advance(5);
    client.door("say", &json!({"conversation_id": id, "text": "Hello, \"you\"!"}));
    client.advance(5);
    let message = json!({"from": agent, "to": ["guest_1"], "type": "text/plain", "content": "How can I help?",
                         "attachments": [{"type": "image/png", "filename": "a.png", "content": "iVBORw0KGgo="}]});
    let path = format!("/api/v2/conversations/{id}/messages");
    let (status, sent) = read(client.call(Method::POST, &path, message.to_string()));
    assert_eq!(status, 202);
    client.advance(60);

    // §2
    let history = format!("/api/v2/public/messaging/sandbox-organization/sandbox-domain/{id}/messages");
    let (status, page) = get(&client, &history);
    assert_eq!(status, 200);
    let entities = page["entities"].as_array().unwrap();
    assert_eq!(entities.len(), 2);
    assert_eq!((&entities[0]["type"], &entities[0]["text"]), (&json!("text"), &json!("Hello, \"you\"!")));
    assert_eq!((&entities[1]["id"], &entities[1]["type"]), (&sent["id"], &json!("image")));
    let media = entities[1]["media"]["url"].as_str().unwrap().strip_prefix("http://sandbox.invalid").unwrap();
    let token = client.token.take();
    let picture = client.call(Method::GET, media, "");
    assert_eq!((picture.status().as_u16(), picture.into_bytes().len()), (200, 8));
    client.token = token;
    let counted = client.door(&format!("history/{id}"), &Value::Null);
    assert_eq!((&counted["messages"], &counted["media"]["reachable"]), (&json!(2), &json!(1)));

    // §5, while it goes on and after its end
    let window = ("2025-06-01T00:00:00Z", "2025-06-01T01:00:00Z");
    let of = |client: &Client| {
        let pages = client.pages(&query(window, 1), 100);
        let all = pages.iter().flat_map(|page| page["conversations"].as_array().unwrap().clone());
        let all: Vec<Value> = all.collect();
        let path = format!("conversations?from={}&to={}", window.0, window.1);
        assert_eq!(client.door(&path, &Value::Null)["count"], all.len());
        all.into_iter().find(|conversation| conversation["id"] == id).unwrap()
    };
    assert!(of(&client).get("endTime").is_none());
    assert!(end(&client, "guest_1", true).is_success());
    let record = of(&client);
    assert_eq!(record["endTime"], "2025-06-01T00:01:10Z");
    assert_eq!(record["interactions"][0]["transcript"], "guest: Hello, \"you\"!\nagent: How can I help?");
    assert_eq!(record["metadata"], json!({"source": "web_portal", "plan": "gold"}));
    let mut filtered = query(window, 10);
    for (filter, found) in
        [("metadata.plan eq 'gold' and queue eq 'web_support'", 1), ("metadata.plan eq 'tin'", 0)]
    {
        filtered["filter"] = json!(filter);
        assert_eq!(client.page(&filtered)["conversations"].as_array().unwrap().len(), found, "{filter}");
    }

    // §6, for whoever wants to be forgotten
    let forgotten = open(&client, "guest_2");
    let id = forgotten["id"].as_str().unwrap();
    client.door("say", &json!({"conversation_id": id, "text": "Forget me"}));
    assert!(end(&client, "guest_2", false).is_success());
    assert_eq!(get(&client, &history.replace(opened["id"].as_str().unwrap(), id)).0, 404);
    let window = ("2025-06-01T00:01:00Z", "2025-06-01T01:00:00Z");
    let record = client.page(&query(window, 10))["conversations"][0].clone();
    assert_eq!((&record["id"], record["interactions"][0].get("transcript")), (&json!(id), None));
    assert_eq!(
        client
            .call(Method::POST, "/_sandbox/say", json!({"conversation_id": id, "text": "x"}).to_string())
            .status(),
        400
    );
}

#[test]
fn a_lost_reply_has_opened_the_session_and_an_unheard_request_has_not() {
    let faults: FaultPlan = serde_json::from_value(json!({"rules": [
        {"when": {"path": OPEN, "nth": 1}, "then": {"unheard": "reset"}},
        {"when": {"path": OPEN, "nth": 1}, "then": {"committed_then": {"status": 502}}},
        {"when": {"path": OPEN, "nth": 1}, "then": {"cut": {"byte": 10}}},
        {"when": {"path": OPEN, "nth": 1}, "then": {"stall": "before_head"}},
    ]}))
    .unwrap();
    let client = Client::new(Config { faults, ..small() });
    let opened = || client.door("sessions/totals", &Value::Null)["opened"].as_u64().unwrap();
    let mut seen = Vec::new();
    for _ in 0..5 {
        let body = Bytes::from(request("guest_1").to_string());
        let request = Request::post(OPEN)
            .header("authorization", format!("Bearer {}", client.token.as_deref().unwrap()))
            .header("idempotency-key", KEY);
        let reply = client.send(&request.body(body).unwrap());
        let whole = reply.ending == frontdesk_sandbox::Ending::Whole;
        seen.push((reply.status().as_u16(), whole, opened()));
    }
    assert_eq!(seen, [(200, false, 0), (502, true, 1), (201, false, 1), (201, false, 1), (201, true, 1)]);
    let stats = client.sandbox.stats();
    assert_eq!((stats.faults["unheard"], stats.faults["committed_then_502"], stats.duplicates), (1, 1, 3));
}
