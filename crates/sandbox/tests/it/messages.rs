//! §4: messages that are sent, and what becomes of them.

use bytes::Bytes;
use frontdesk_sandbox::Config;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};

use crate::support::{Client, read, small};

/// Somebody to talk to, over this channel.
fn talk(client: &Client, channel: &str) -> Value {
    let lines =
        client.call(Method::GET, &format!("/_sandbox/talks?channel={channel}&limit=1"), "").into_bytes();
    serde_json::from_slice(&lines).unwrap()
}

fn message(talk: &Value, text: &str) -> Value {
    json!({"from": talk["agent_id"], "to": [talk["customer_id"]], "type": "text/plain", "content": text})
}

fn post(client: &Client, talk: &Value, key: Option<&str>, body: &Value) -> (StatusCode, Value) {
    let id = talk["conversation_id"].as_str().unwrap();
    let mut request = Request::post(format!("/api/v2/conversations/{id}/messages"))
        .header("authorization", format!("Bearer {}", client.token.as_deref().unwrap()));
    if let Some(key) = key {
        request = request.header("x-genesys-client-id", key);
    }
    read(client.send(&request.body(Bytes::from(body.to_string())).unwrap()))
}

fn look(client: &Client, talk: &Value) -> Value {
    let path = format!("/api/v2/conversations/{}", talk["conversation_id"].as_str().unwrap());
    let (status, conversation) = read(client.call(Method::GET, &path, ""));
    assert_eq!(status, 200, "{conversation}");
    conversation
}

/// One message as its conversation shows it.
fn receipt(client: &Client, talk: &Value, id: &Value) -> Value {
    let conversation = look(client, talk);
    conversation["messages"].as_array().unwrap().iter().find(|message| message["id"] == *id).unwrap().clone()
}

fn totals(client: &Client) -> Value {
    client.door("messages/totals", &Value::Null)
}

#[test]
fn every_channel_is_there_with_those_who_take_part() {
    let client = Client::new(small());
    let ready = client.sandbox.ready("");
    assert!(
        ["webchat", "sms", "email", "voice", "open", "none"].iter().all(|c| ready.channels.contains_key(*c))
    );
    for (channel, talk) in &ready.channels {
        let talk = json!(talk);
        let conversation = look(&client, &talk);
        assert_eq!(conversation.get("channelType").and_then(Value::as_str).unwrap_or("none"), channel);
        let participants = conversation["participants"].as_array().unwrap();
        let of =
            |role: &str| participants.iter().find(|one| one["role"] == role).unwrap()["from"]["id"].clone();
        assert_eq!((&of("agent"), &of("customer")), (&talk["agent_id"], &talk["customer_id"]));
        assert_eq!(conversation["guestId"], talk["customer_id"]);
    }
    let lines = client.call(Method::GET, "/_sandbox/talks?after=9&limit=2", "").into_bytes();
    let lines: Vec<Value> = std::str::from_utf8(&lines)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((&lines[0]["k"], &lines[1]["k"], lines.len()), (&json!(10), &json!(11), 2));
}

#[test]
fn a_message_is_sent_delivered_and_read_as_the_clock_runs() {
    let mut client = Client::new(small());
    client.door(
        "receipts",
        &json!({"sent_ms": 1000, "delivered_ms": [5000, 5000], "read": 1.0, "read_ms": [5000, 5000]}),
    );
    let talk = talk(&client, "sms");
    let before = look(&client, &talk)["messages"].as_array().unwrap().len();
    let (status, sent) = post(&client, &talk, Some("c-1"), &message(&talk, "Hello"));
    assert_eq!((status.as_u16(), &sent["status"]), (202, &json!("queued")));
    let mut seen = Vec::new();
    for seconds in [0, 1, 4, 5] {
        client.advance(seconds);
        seen.push(receipt(&client, &talk, &sent["id"]));
    }
    let statuses: Vec<_> = seen.iter().map(|receipt| receipt["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["queued", "sent", "delivered", "read"]);
    assert_eq!(
        seen[3],
        json!({"id": sent["id"], "status": "read", "createdTimestamp": "2025-06-01T00:00:00Z",
               "statusTimestamps": {"sent": "2025-06-01T00:00:01Z", "delivered": "2025-06-01T00:00:05Z",
                                    "read": "2025-06-01T00:00:10Z"}})
    );
    assert_eq!(look(&client, &talk)["messages"].as_array().unwrap().len(), before + 1);
}

#[test]
fn a_client_id_sends_one_message_however_often_it_comes() {
    let client = Client::new(small());
    let (one, other) = (talk(&client, "webchat"), talk(&client, "email"));
    let (_, first) = post(&client, &one, Some("c-1"), &message(&one, "Hello"));
    let (status, again) = post(&client, &one, Some("c-1"), &message(&one, "Hello"));
    assert_eq!((status.as_u16(), &again["id"]), (202, &first["id"]));
    assert_ne!(post(&client, &other, Some("c-1"), &message(&other, "Hello")).1["id"], first["id"]);
    // The truth sees who sends the same under another id.
    post(&client, &one, Some("c-2"), &message(&one, "Hello"));
    post(&client, &one, None, &message(&one, "Hello again"));
    let totals = totals(&client);
    assert_eq!(
        [&totals["messages"], &totals["duplicates"], &totals["equal"], &totals["without_client_id"]],
        [&json!(4), &json!(1), &json!(1), &json!(1)]
    );
    assert_eq!(totals["channels"], json!({"email": 1, "webchat": 3}));
    let truth = client.door(&format!("messages/{}", first["id"].as_str().unwrap()), &Value::Null);
    assert_eq!((&truth["posts"], &truth["client_id"]), (&json!(2), &json!("c-1")));
    assert_eq!((client.sandbox.stats().messages, client.sandbox.stats().duplicates), (4, 1));
    let lines = client.call(Method::GET, "/_sandbox/messages?after=0&limit=2", "").into_bytes();
    assert_eq!(std::str::from_utf8(&lines).unwrap().lines().count(), 2);
}

#[test]
fn what_is_wrong_with_a_message_is_said() {
    let mut client = Client::new(small());
    let (webchat, sms, none) = (talk(&client, "webchat"), talk(&client, "sms"), talk(&client, "none"));
    let html = |talk: &Value| {
        let mut html = message(talk, "<p>Hi</p>");
        html["type"] = json!("text/html");
        html
    };
    let from = |sender: &Value| {
        let mut message = message(&webchat, "Hi");
        message["from"] = sender.clone();
        message
    };
    for (talk, body, code) in [
        (&webchat, json!({}), "bad.request"),
        (&webchat, from(&webchat["customer_id"]), "invalid.sender"),
        (&webchat, from(&json!("agent-0")), "invalid.sender"),
        (&sms, html(&sms), "unsupported.type"),
        (&none, message(&none, "Hi"), "unsupported.channel"),
    ] {
        let (status, problem) = post(&client, talk, Some("c-1"), &body);
        assert_eq!((status.as_u16(), &problem["code"]), (400, &json!(code)), "{body}");
    }
    assert_eq!(post(&client, &webchat, Some("c-1"), &html(&webchat)).0, 202);
    let nobody = json!({"conversation_id": "nobody"});
    assert_eq!(post(&client, &nobody, Some("c-1"), &message(&webchat, "Hi")).0, 404);
    assert_eq!(post(&client, &webchat, Some(""), &message(&webchat, "Hi")).0, 400);
    assert_eq!(client.call(Method::GET, "/api/v2/conversations/nobody", "").status(), 404);
    client.take_scope("conversation:read");
    look(&client, &webchat);
    assert_eq!(post(&client, &webchat, Some("c-1"), &message(&webchat, "Hi")).0, 403);
    client.take_scope("conversation:send");
    let path = format!("/api/v2/conversations/{}", webchat["conversation_id"].as_str().unwrap());
    assert_eq!(client.call(Method::GET, &path, "").status(), 403);
}

#[test]
fn what_was_sent_is_in_history_and_details_of_a_conversation_of_the_start() {
    let client = Client::new(small());
    let talk = talk(&client, "webchat");
    let (k, id) = (talk["k"].as_u64().unwrap(), talk["conversation_id"].as_str().unwrap());
    let history = || client.door(&format!("history/{id}"), &Value::Null)["messages"].as_u64().unwrap();
    let record = || client.door(&format!("conversations/{k}"), &Value::Null);
    let (before, ended) = (history(), record()["endTime"].as_str().unwrap().to_owned());
    let (_, sent) = post(&client, &talk, Some("c-1"), &message(&talk, "One \"more\" thing"));
    assert_eq!(history(), before + 1);
    let after = record();
    let last = after["interactions"].as_array().unwrap().last().unwrap();
    assert_eq!(last["messages"].as_array().unwrap().last().unwrap()["id"], sent["id"]);
    assert!(last["transcript"].as_str().unwrap().ends_with("\nagent: One \"more\" thing"));
    assert_eq!(after["endTime"].as_str().unwrap(), ended.as_str().max("2025-06-01T00:00:00Z"));
}

#[test]
fn receipts_follow_the_plan() {
    let mut client = Client::new(Config { ..small() });
    let talk = talk(&client, "webchat");
    let plan = json!({"failed": 0.25, "never": 0.25, "late": 0.25, "hurried": 0.5});
    client.door("receipts", &plan);
    let answers: Vec<_> = (0..400)
        .map(|n| {
            let (_, answer) =
                post(&client, &talk, Some(&format!("c-{n}")), &message(&talk, &format!("No. {n}")));
            answer["status"].as_str().unwrap().to_owned()
        })
        .collect();
    assert!((150..250).contains(&answers.iter().filter(|status| *status == "queued").count()));
    client.advance(10);
    let early = totals(&client)["statuses"].clone();
    client.advance(60);
    let late = totals(&client);
    assert_eq!(late["statuses"], late["last_statuses"]);
    let count = |of: &Value, status: &str| of[status].as_u64().unwrap_or(0);
    for status in ["failed", "sent"] {
        assert!((70..130).contains(&count(&late["statuses"], status)), "{status}: {late}");
    }
    assert!(count(&early, "sent") > count(&late["statuses"], "sent") + 60, "the late ones were still sent");
    assert_eq!(read(client.call(Method::POST, "/_sandbox/receipts", r#"{"read": 2}"#)).0, 400);
}

#[test]
fn every_answer_says_what_time_it_is_there() {
    let client = Client::new(small());
    client.door("clock", &json!({"advance_seconds": 3600}));
    let reply = client.call(Method::GET, "/api/v2/conversations/nobody", "");
    assert_eq!(reply.response.headers()["date"], "Sun, 01 Jun 2025 01:00:00 GMT");
}
