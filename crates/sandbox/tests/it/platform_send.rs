//! Platform contract C.5: sending on an agent's leg, media, agentless messages, and what becomes of them.

use bytes::Bytes;
use frontdesk_sandbox::{Config, GuestPlan};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::support::{Platform, small};

/// A tenant whose guests are all there, so that every conversation of messages is going on.
pub(crate) fn lively() -> Config {
    Config { guest_plan: GuestPlan { active: 1.0, ..GuestPlan::default() }, ..small() }
}

/// A conversation over this channel, as the platform tells it.
pub(crate) fn talk(platform: &Platform, channel: &str) -> Value {
    let id = platform.sandbox.ready("").channels[channel].conversation_id.clone();
    look(platform, &id)
}

pub(crate) fn look(platform: &Platform, id: &str) -> Value {
    let (status, talk) = ask(platform, Method::GET, &format!("/api/v2/conversations/{id}"), &Value::Null);
    assert_eq!(status, 200, "{talk}");
    talk
}

/// The last participant with this purpose: its id, and that of its communication.
pub(crate) fn leg(talk: &Value, purpose: &str) -> (String, String) {
    let all = talk["participants"].as_array().unwrap();
    let one = all.iter().rev().find(|one| one["purpose"] == purpose).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&one["id"]), text(&one["messages"][0]["id"]))
}

pub(crate) fn ask(platform: &Platform, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let reply = platform.call(method, path, body);
    let status = reply.status().as_u16();
    (status, serde_json::from_slice(&reply.into_bytes()).unwrap_or_default())
}

fn messages(talk: &Value) -> String {
    let id = talk["id"].as_str().unwrap();
    format!("/api/v2/conversations/messages/{id}/communications/{}/messages", leg(talk, "agent").1)
}

fn post(platform: &Platform, talk: &Value, body: &Value) -> (u16, Value) {
    ask(platform, Method::POST, &messages(talk), body)
}

/// How the conversation lists a message on its agent's leg.
fn listed(platform: &Platform, talk: &Value, id: &Value) -> Value {
    let talk = look(platform, talk["id"].as_str().unwrap());
    let agent = talk["participants"].as_array().unwrap().iter().rev().find(|one| one["purpose"] == "agent");
    let messages = agent.unwrap()["messages"][0]["messages"].as_array().unwrap().clone();
    messages.into_iter().find(|message| message["messageId"] == *id).unwrap()
}

#[test]
fn a_message_walks_through_its_states_on_the_sandboxs_clock() {
    let mut platform = Platform::new(lively());
    platform.door(
        "receipts",
        &json!({"sent_ms": 1000, "delivered_ms": [5000, 5000], "read": 1.0, "read_ms": [5000, 5000]}),
    );
    let talk = talk(&platform, "open");
    let (status, sent) = post(&platform, &talk, &json!({"textBody": "It will arrive tomorrow."}));
    assert_eq!(status, 200, "{sent}");
    assert_eq!((&sent["status"], &sent["direction"]), (&json!("queued"), &json!("outbound")));
    assert_eq!(sent["normalizedMessage"]["text"], "It will arrive tomorrow.");
    assert_eq!((&sent["conversationId"], &sent["messengerType"]), (&talk["id"], &json!("open")));
    for (seconds, status, receipts) in [
        (2, "sent", vec!["Sent"]),
        (4, "delivery-success", vec!["Sent", "Delivered"]),
        (5, "read", vec!["Sent", "Delivered", "Read"]),
    ] {
        platform.advance(seconds);
        let (_, now) = ask(&platform, Method::GET, sent["selfUri"].as_str().unwrap(), &Value::Null);
        assert_eq!(now["status"], status);
        let told: Vec<_> = now["normalizedReceipts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|receipt| receipt["status"].as_str().unwrap())
            .collect();
        assert_eq!(told, receipts);
        assert_eq!(listed(&platform, &talk, &sent["id"])["messageStatus"], status);
    }
    // Nothing makes two requests one message, and the door counts each.
    post(&platform, &talk, &json!({"textBody": "It will arrive tomorrow."}));
    let totals = platform.door("messages/totals", &Value::Null);
    assert_eq!((&totals["messages"], &totals["equal"]), (&json!(2), &json!(1)));
    let failing = json!({"failed": 1.0});
    platform.door("receipts", &failing);
    let (_, failed) = post(&platform, &talk, &json!({"textBody": "Never mind"}));
    platform.advance(60);
    assert_eq!(listed(&platform, &talk, &failed["id"])["messageStatus"], "delivery-failed");
}

#[test]
fn what_cannot_be_sent_is_refused_by_its_field() {
    let platform = Platform::new(lively());
    let (web, sms) = (talk(&platform, "webchat"), talk(&platform, "sms"));
    let refused = |talk: &Value, body: Value| {
        let (status, error) = post(&platform, talk, &body);
        (status, error["details"][0]["fieldName"].as_str().unwrap_or_default().to_owned())
    };
    let field = |name: &str| (400, name.to_owned());
    assert_eq!(refused(&web, json!({})), field("textBody"));
    assert_eq!(refused(&web, json!({"textBody": ""})), field("textBody"));
    assert_eq!(refused(&web, json!({"textBody": "a", "mediaIds": ["m"]})), field("mediaIds"));
    assert_eq!(
        refused(&web, json!({"textBody": "a", "messagingTemplate": {"responseId": "r"}})),
        field("messagingTemplate")
    );
    assert_eq!(refused(&web, json!({"mediaIds": ["unknown"]})), field("mediaIds"));
    assert_eq!(refused(&web, json!({"textBody": "ä".repeat(4_001)})), field("textBody"));
    assert_eq!(refused(&sms, json!({"textBody": "ä".repeat(766)})), field("textBody"));
    assert_eq!(refused(&sms, json!({"textBody": "ä".repeat(765)})).0, 200);
    assert_eq!(refused(&web, json!({"textBody": "ä".repeat(4_000), "mediaIds": []})).0, 200);

    let id = web["id"].as_str().unwrap();
    let at = |conversation: &str, communication: &str| {
        let path =
            format!("/api/v2/conversations/messages/{conversation}/communications/{communication}/messages");
        ask(&platform, Method::POST, &path, &json!({"textBody": "Hi"})).0
    };
    assert_eq!(at("00000000-0000-4001-8000-000000000002", &leg(&web, "agent").1), 404);
    assert_eq!(at(id, "00000000-0000-4001-8000-000000000002"), 404);
    assert_eq!(at(id, &leg(&web, "customer").1), 400);
    let voice = platform.sandbox.ready("").channels["voice"].conversation_id.clone();
    assert_eq!(at(&voice, &leg(&web, "agent").1), 404);
    platform.door(
        "platform",
        &json!({"missing_permissions":
        ["conversation:message:create", "conversation:webmessaging:create"]}),
    );
    let (status, error) = post(&platform, &web, &json!({"textBody": "Hi"}));
    assert_eq!((status, &error["code"]), (403, &json!("missing.any.permissions")));
}

#[test]
fn media_are_announced_uploaded_and_sent_by_their_id() {
    let platform = Platform::new(lively());
    let talk = talk(&platform, "webchat");
    let path = format!("{}/media/uploads", messages(&talk));
    let (status, _) =
        ask(&platform, Method::POST, &path, &json!({"fileName": "a b.png", "contentLengthBytes": 3}));
    assert_eq!(status, 400);
    let (status, announced) =
        ask(&platform, Method::POST, &path, &json!({"fileName": "map.png", "contentLengthBytes": 3}));
    assert_eq!((status, &announced["name"]), (200, &json!("map.png")), "{announced}");
    let media = announced["selfUri"].as_str().unwrap();
    let state = || ask(&platform, Method::GET, media, &Value::Null).1["status"].clone();
    assert_eq!(state(), "uploading");
    let send = || post(&platform, &talk, &json!({"mediaIds": [announced["id"]]}));
    assert_eq!(send().0, 400, "it is not there yet");
    let put = |headers: bool, body: &'static [u8]| {
        let mut request = Request::put(announced["uploadUrl"].as_str().unwrap());
        for (name, value) in announced["uploadHeaders"].as_object().unwrap().iter().filter(|_| headers) {
            request = request.header(name, value.as_str().unwrap());
        }
        platform.send(&request.body(Bytes::from_static(body)).unwrap()).status().as_u16()
    };
    assert_eq!(put(false, b"png"), 403);
    assert_eq!((put(true, b"long"), state()), (200, json!("invalid")));
    assert_eq!(send().0, 400);
    assert_eq!((put(true, b"png"), state()), (200, json!("valid")));
    let (status, sent) = send();
    assert_eq!(status, 200, "{sent}");
    let attachment = &sent["normalizedMessage"]["content"][0]["attachment"];
    assert_eq!((&attachment["filename"], &attachment["contentSizeBytes"]), (&json!("map.png"), &json!(3)));
    let request = Request::get(attachment["url"].as_str().unwrap()).body(Bytes::new()).unwrap();
    assert_eq!(&platform.send(&request).into_bytes()[..], b"png");
    let (_, list) =
        ask(&platform, Method::GET, &format!("{}/media?status=valid", messages(&talk)), &Value::Null);
    assert_eq!((&list["total"], &list["entities"][0]["id"]), (&json!(1), &announced["id"]));
    let truth = platform.door("messages/totals", &Value::Null);
    assert_eq!(truth["messages"], 1);
}

#[test]
fn typing_is_told_twelve_times_a_minute() {
    let mut platform = Platform::new(lively());
    let talk = talk(&platform, "webchat");
    let path = messages(&talk)
        .replace("/messages/", "//")
        .replace("/messages", "/typing")
        .replace("//", "/messages/");
    let type_once = |platform: &Platform| {
        ask(platform, Method::POST, &path, &json!({"typing": {"type": "On", "duration": 5000}})).0
    };
    for _ in 0..12 {
        assert_eq!(type_once(&platform), 204);
    }
    assert_eq!(type_once(&platform), 429);
    platform.advance(60);
    assert_eq!(type_once(&platform), 204);
    assert_eq!(ask(&platform, Method::POST, &path, &json!({"typing": {"type": "Off"}})).0, 400);
}

#[test]
fn agentless_messages_begin_a_conversation_or_join_one() {
    let platform = Platform::new(lively());
    let path = "/api/v2/conversations/messages/agentless";
    let body = json!({"fromAddress": "5b2f7c10-3a4e-4f7d-9c61-8e0d2a9b1c33", "toAddress": "cust-77",
        "toAddressMessengerType": "open", "textBody": "Your order shipped."});
    let (status, sent) = ask(&platform, Method::POST, path, &body);
    assert_eq!(status, 200, "{sent}");
    assert_eq!((&sent["messengerType"], &sent["message"]["status"]), (&json!("open"), &json!("queued")));
    assert_eq!((&sent["toAddress"], &sent["message"]["toAddress"]), (&json!("cust-77"), &json!("cust-77")));
    let conversation = look(&platform, sent["conversationId"].as_str().unwrap());
    assert_eq!(conversation["participants"][0]["messages"][0]["direction"], "outbound");
    assert_eq!(ask(&platform, Method::POST, path, &body).0, 409);
    let mut joining = body.clone();
    joining["useExistingActiveConversation"] = true.into();
    let (status, joined) = ask(&platform, Method::POST, path, &joining);
    assert_eq!((status, &joined["conversationId"]), (200, &sent["conversationId"]));
    for (name, value) in [
        ("toAddressMessengerType", json!("fax")),
        ("textBody", json!("")),
        ("toAddress", json!("")),
        ("textBody", json!("x".repeat(4_001))),
    ] {
        let mut bad = body.clone();
        bad[name] = value;
        let (status, error) = ask(&platform, Method::POST, path, &bad);
        assert_eq!((status, &error["code"]), (400, &json!("bad.request")), "{name}: {error}");
    }
    let mut text = body;
    text["toAddressMessengerType"] = "sms".into();
    assert_eq!(ask(&platform, Method::POST, path, &text).0, 400, "that is no number");
    text["toAddress"] = "+15555550123".into();
    assert_eq!(ask(&platform, Method::POST, path, &text).1["message"]["toAddress"], "+15555550123");

    // One that an agent begins goes through a queue that is there.
    let queue = conversation["participants"][1]["queueId"].clone();
    let path = "/api/v2/conversations/messages";
    let opening = json!({"queueId": queue, "toAddress": "cust-78", "toAddressMessengerType": "open"});
    let (status, opened) = ask(&platform, Method::POST, path, &opening);
    assert_eq!(status, 200, "{opened}");
    assert_eq!(look(&platform, opened["id"].as_str().unwrap())["participants"][1]["queueId"], queue);
    assert_eq!(ask(&platform, Method::POST, path, &opening).0, 409);
    let elsewhere = json!({"queueId": "no-queue", "toAddress": "cust-79", "toAddressMessengerType": "open"});
    assert_eq!(ask(&platform, Method::POST, path, &elsewhere).0, 404);
}

#[test]
fn a_lost_reply_is_a_message_and_one_that_was_not_heard_is_none() {
    let faults = json!({"rules": [
        {"when": {"body_contains": "lost"}, "then": {"committed_then": {"status": 503}}},
        {"when": {"body_contains": "unheard"}, "then": {"status": {"status": 503}}}]});
    let platform = Platform::new(Config { faults: serde_json::from_value(faults).unwrap(), ..lively() });
    let talk = talk(&platform, "webchat");
    for text in ["lost", "unheard"] {
        let (status, error) = post(&platform, &talk, &json!({"textBody": text}));
        assert_eq!((status, &error["code"]), (503, &json!("service.unavailable")));
    }
    let totals = platform.door("messages/totals", &Value::Null);
    assert_eq!(totals["messages"], 1);
    platform.door("platform", &json!({"silent_sends": 1.0}));
    let reply = platform.call(Method::POST, &messages(&talk), json!({"textBody": "silent"}).to_string());
    assert_eq!((reply.status().as_u16(), reply.into_bytes().len()), (202, 0));
    assert_eq!(platform.door("messages/totals", &Value::Null)["messages"], 2);
}
