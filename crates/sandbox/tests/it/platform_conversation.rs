//! Platform contract C.4: a conversation as it stands, and the texts of its messages.

use std::collections::HashSet;
use std::io::Write as _;

use frontdesk_sandbox::Config;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Client, Platform, read, small};

/// A conversation of the start with messages, and the id of its first one.
fn conversation(platform: &Platform, k: u64) -> Value {
    let id = platform.sandbox.conversation_id(k).unwrap();
    let (status, body) = read(platform.call(Method::GET, &format!("/api/v2/conversations/{id}"), ""));
    assert_eq!(status, 200, "{body}");
    body
}

fn message_ids(conversation: &Value) -> Vec<String> {
    let mut seen = HashSet::new();
    let participants = conversation["participants"].as_array().unwrap().iter();
    let legs = participants.flat_map(|participant| participant["messages"].as_array().unwrap());
    let messages = legs.flat_map(|leg| leg["messages"].as_array().unwrap());
    let ids = messages.map(|message| message["messageId"].as_str().unwrap().to_owned());
    ids.filter(|id| seen.insert(id.clone())).collect()
}

fn bulk(platform: &Platform, conversation: &str, ids: &[String]) -> Vec<Value> {
    if ids.is_empty() {
        return Vec::new();
    }
    let path = format!("/api/v2/conversations/messages/{conversation}/messages/bulk");
    let (status, body) = read(platform.call(Method::POST, &path, serde_json::to_vec(ids).unwrap()));
    assert_eq!(status, 200, "{body}");
    body["entities"].as_array().unwrap().clone()
}

#[test]
fn a_conversation_has_the_contracts_shape() {
    let platform = Platform::new(Config { seed: 42, conversations: Some(30), ..small() });
    let mut all = (0..30).map(|k| conversation(&platform, k));
    let body = all.find(|body| (1..6).contains(&message_ids(body).len())).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&body).unwrap());
    let id = body["id"].as_str().unwrap();
    let path = format!("/api/v2/conversations/messages/{id}");
    let (status, flat) = read(platform.call(Method::GET, &path, ""));
    assert_eq!(status, 200);
    insta::assert_snapshot!(serde_json::to_string_pretty(&flat["participants"][2]).unwrap());
    let entities = bulk(&platform, id, &message_ids(&body));
    insta::assert_snapshot!(serde_json::to_string_pretty(&entities[0]).unwrap());
}

#[test]
fn every_text_of_the_gateway_is_a_message_here() {
    let platform = Platform::new(small());
    let mut texts = 0;
    for k in 0..60 {
        let body = conversation(&platform, k);
        let id = body["id"].as_str().unwrap();
        let served = platform.door(&format!("conversations/{k}"), &Value::Null);
        let interactions = served["interactions"].as_array().unwrap().iter();
        let expected: Vec<_> =
            interactions.flat_map(|interaction| interaction["messages"].as_array().unwrap()).collect();
        let ids = message_ids(&body);
        let purposes: Vec<_> =
            body["participants"].as_array().unwrap().iter().map(|p| p["purpose"].as_str().unwrap()).collect();
        assert_eq!(purposes[..3], ["customer", "acd", "agent"]);
        if ids.is_empty() {
            let legs =
                ["calls", "emails"].map(|name| body["participants"][0][name].as_array().unwrap().len());
            assert_eq!(legs.iter().sum::<usize>(), 1, "a call or a mail has no messages");
            continue;
        }
        let mut entities = bulk(&platform, id, &ids);
        assert_eq!(entities.len(), expected.len());
        entities.sort_by_key(|entity| entity["timestamp"].as_str().unwrap().to_owned());
        for (entity, expected) in entities.iter().zip(expected) {
            assert_eq!(entity["id"].as_str().unwrap(), expected["id"].as_str().unwrap().replace('-', ""));
            assert_eq!(entity["normalizedMessage"]["text"], expected["text"]);
            assert_eq!(entity["direction"], expected["direction"]);
            assert_eq!(entity["conversationId"], id);
            texts += 1;
        }
    }
    assert!(texts > 300, "{texts}");
}

#[test]
fn a_message_is_found_with_and_without_its_conversation() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for line in 0..5 {
        writeln!(
            file,
            r#"{{"conversationId":"c-{line}","startedAt":"2025-02-20T1{line}:00:00Z","messages":[{{"id":"m-{line}","direction":"inbound","type":"text","text":"hé \"{line}\"","timestamp":"2025-02-20T1{line}:00:01.5Z"}},{{"id":"6d1c9a7b-e14f-4c0f-9d2b-7a53f0c1e2d{line}","direction":"outbound","type":"file","text":"there","timestamp":"2025-02-20T1{line}:00:09Z"}}]}}"#
        )
        .unwrap();
    }
    let corpora = vec![file.path().to_owned()];
    let corpus = Config { corpora, conversations: Some(13), rate_limit_per_min: 0, ..Config::default() };
    for config in [corpus, small()] {
        let platform = Platform::new(config);
        platform.door("revise", &json!({"k": 3}));
        let mut found = 0;
        for k in 0..12 {
            let body = conversation(&platform, k);
            for id in message_ids(&body) {
                let conversation = body["id"].as_str().unwrap();
                let single = format!("/api/v2/conversations/messages/{conversation}/messages/{id}");
                let details = format!("/api/v2/conversations/messages/{id}/details");
                let (status, mut single) = read(platform.call(Method::GET, &single, ""));
                assert_eq!(status, 200);
                let (status, mut details) = read(platform.call(Method::GET, &details, ""));
                assert_eq!(status, 200, "{k} {id}: {details}");
                // Links are signed anew with every read.
                for data in [&mut single, &mut details] {
                    for content in data["normalizedMessage"]["content"].as_array_mut().unwrap() {
                        content["attachment"]["url"] = Value::Null;
                    }
                }
                assert_eq!(single, details);
                found += 1;
            }
        }
        assert!(found > 20);
        for stranger in ["0".repeat(32), "x".to_owned()] {
            let path = format!("/api/v2/conversations/messages/{stranger}/details");
            let (status, body) = read(platform.call(Method::GET, &path, ""));
            assert_eq!((status.as_u16(), body["code"].as_str()), (404, Some("not.found")));
            assert_eq!(body["entityId"].as_str(), Some(stranger.as_str()));
        }
    }
}

#[test]
fn late_texts_come_later_and_absent_ones_never() {
    let mut platform = Platform::new(small());
    platform.door("platform", &json!({"late": 0.3, "late_seconds": 3_600, "absent": 0.1}));
    let had = |platform: &Platform| {
        let mut had = Vec::new();
        for k in 0..40 {
            let body = conversation(platform, k);
            let (id, ids) = (body["id"].as_str().unwrap(), message_ids(&body));
            had.push((bulk(platform, id, &ids).len(), ids.len()));
        }
        let (had, listed): (Vec<_>, Vec<_>) = had.into_iter().unzip();
        (had.iter().sum::<usize>(), listed.iter().sum::<usize>())
    };
    let (first, listed) = had(&platform);
    platform.advance(3_599);
    assert_eq!(had(&platform), (first, listed));
    platform.advance(1);
    let (later, _) = had(&platform);
    let share = |part: usize| part * 100 / listed;
    assert!((50..70).contains(&share(first)) && (85..95).contains(&share(later)), "{first} {later} {listed}");
}

#[test]
fn what_is_sent_and_ended_on_one_side_is_seen_on_the_other() {
    let gateway = Client::new(small());
    let talk = gateway.sandbox.ready("").channels["sms"].clone();
    let body = json!({"from": talk.agent_id, "to": [talk.customer_id], "type": "text/plain",
                      "content": "over the gateway"});
    let path = format!("/api/v2/conversations/{}/messages", talk.conversation_id);
    assert_eq!(gateway.call(Method::POST, &path, body.to_string()).status(), 202);
    let guest = gateway.sandbox.guest_id(0).unwrap();
    let path = format!(
        "/api/v2/webmessaging/guests/{guest}?reason=agent_initiated&retainData=true&externalRef=CASE-1"
    );
    assert!(gateway.call(Method::DELETE, &path, "").status().is_success());

    let mut platform = Platform { sandbox: gateway.sandbox, now: gateway.now, token: None };
    platform.take_token();
    let ended = conversation(&platform, 0);
    assert_eq!(
        (&ended["externalTag"], &ended["endTime"]),
        (&json!("CASE-1"), &json!("2025-06-01T00:00:00.000Z"))
    );
    platform.advance(60);
    platform.door("say", &json!({"conversation_id": talk.conversation_id, "text": "hello there"}));
    let path = format!("/api/v2/conversations/{}", talk.conversation_id);
    let (_, body) = read(platform.call(Method::GET, &path, ""));
    let ids = message_ids(&body);
    let entities = bulk(&platform, &talk.conversation_id, &ids);
    let [.., sent, last] = entities.as_slice() else { panic!("too few") };
    assert_eq!(last["normalizedMessage"]["text"], "hello there");
    assert_eq!((last["messengerType"].as_str(), last["status"].as_str()), (Some("sms"), Some("received")));
    assert_eq!(sent["normalizedMessage"]["text"], "over the gateway");
    let receipts = sent["normalizedReceipts"].as_array().unwrap();
    let told: Vec<_> = receipts.iter().map(|receipt| receipt["status"].as_str().unwrap()).collect();
    assert_eq!(told[..2], ["Sent", "Delivered"]);
    assert!(matches!(sent["status"].as_str(), Some("read" | "delivery-success")));
}

#[test]
fn a_link_differs_between_two_reads_and_leads_to_the_same() {
    let platform = Platform::new(small());
    let (mut followed, mut kinds) = (0, HashSet::new());
    for k in 0..80 {
        let body = conversation(&platform, k);
        let (id, ids) = (body["id"].as_str().unwrap(), message_ids(&body));
        let (first, second) = (bulk(&platform, id, &ids), bulk(&platform, id, &ids));
        for (first, second) in first.iter().zip(&second) {
            for (first, second) in first["normalizedMessage"]["content"]
                .as_array()
                .unwrap()
                .iter()
                .zip(second["normalizedMessage"]["content"].as_array().unwrap())
            {
                kinds.insert(first["contentType"].as_str().unwrap().to_owned());
                let (Some(one), Some(other)) =
                    (first["attachment"]["url"].as_str(), second["attachment"]["url"].as_str())
                else {
                    continue;
                };
                assert_ne!(one, other);
                assert_eq!(one.split_once('?').unwrap().0, other.split_once('?').unwrap().0);
                let get = |url: &str| {
                    let path = url.strip_prefix("http://sandbox.invalid").unwrap();
                    let request = http::Request::get(path).body(bytes::Bytes::new()).unwrap();
                    platform.send(&request)
                };
                let (one, other) = (get(one), get(other));
                assert_eq!(one.status(), other.status());
                assert!(matches!(one.status().as_u16(), 200 | 302 | 403 | 404), "{}", one.status());
                followed += u32::from(one.status() == 200);
            }
        }
    }
    assert!(followed > 5, "{followed}");
    assert_eq!(kinds, HashSet::from(["Attachment".to_owned(), "ButtonResponse".to_owned()]));
}

#[test]
fn what_a_client_may_not_do_is_refused_by_name() {
    let platform = Platform::new(small());
    platform.door("platform", &json!({"missing_permissions": ["conversation:communication:view"]}));
    let id = platform.sandbox.conversation_id(0).unwrap();
    let (status, body) = read(platform.call(Method::GET, &format!("/api/v2/conversations/{id}"), ""));
    assert_eq!((status.as_u16(), body["code"].as_str()), (403, Some("missing.any.permissions")));
    assert_eq!(body["messageParams"]["permissions"], "conversation:communication:view");
    let path = format!("/api/v2/conversations/messages/{id}/messages/bulk");
    let ids = serde_json::to_vec(&vec!["0"; 1_001]).unwrap();
    let (status, body) = read(platform.call(Method::POST, &path, ids));
    assert_eq!((status.as_u16(), body["details"][0]["fieldName"].as_str()), (400, Some("messageIds")));
}
