//! A conversation looked at on the published contract (C.4.1).

use bytes::Bytes;
use frontdesk_api::endpoint::{BodyReader as _, Endpoint as _};
use frontdesk_api::platform::{LiveConversation, ReadLive};
use frontdesk_domain::ConversationId;
use serde_json::{Value, json};

use crate::support::base;

fn id() -> ConversationId {
    ConversationId::new("7e4a1f52-6c3b-4d19-8f0a-5b9e2c71d046").unwrap()
}

fn read(body: &Value) -> Result<LiveConversation, String> {
    LiveConversation::read(&id(), Bytes::from(body.to_string())).map_err(|error| error.to_string())
}

/// The contract's example, whole.
fn example() -> Value {
    json!({"id": id().as_str(), "startTime": "2026-03-02T09:14:01.900Z", "address": "0f1c", "externalTag": "CASE-1881",
      "participants": [
        {"id": "p1", "purpose": "customer", "attributes": {"source": "web_portal", "odd": 7},
         "messages": [{"id": "k1", "state": "connected", "direction": "inbound", "type": "webmessaging", "peerId": "k2",
           "messages": [
             {"messageId": "0f4b", "messageStatus": "received", "messageTime": "2026-03-02T09:14:02.118Z"},
             {"messageId": "6d1c", "messageStatus": "sent", "messageTime": "2026-03-02T09:15:31.402Z"}]}]},
        {"id": "p2", "purpose": "agent", "userId": "u-9", "queueId": "q-1", "wrapupRequired": true, "wrapupPrompt": "mandatory",
         "conversationRoutingData": {"language": {"id": "l-1"}, "skills": [{"id": "s-1"}, {"id": "s-2"}], "priority": 4},
         "messages": [{"id": "k2", "state": "connected", "direction": "inbound", "type": "webmessaging",
           "messages": [
             {"messageId": "6d1c", "messageStatus": "delivery-success", "messageTime": "2026-03-02T09:15:31.402Z",
              "messageSegmentCount": 2, "errorInfo": {"code": "odd"}}]}]}],
      "selfUri": "/api/v2/conversations/7e4a1f52"})
}

#[test]
fn the_contracts_example_is_read_whole() {
    let conversation = read(&example()).unwrap();
    assert_eq!(conversation.external_tag.as_deref(), Some("CASE-1881"));
    assert_eq!(conversation.started_at, Some("2026-03-02T09:14:01.9Z".parse().unwrap()));
    assert_eq!((conversation.ended_at, conversation.has_ended()), (None, false));
    assert_eq!(conversation.message_ids(), ["0f4b", "6d1c"], "each once, in the order they are met in");
    let (agent, leg) = conversation.agent_legs().next().unwrap();
    assert_eq!((agent.user_id.as_deref(), agent.queue_id.as_deref()), (Some("u-9"), Some("q-1")));
    assert_eq!((agent.language.as_deref(), agent.priority), (Some("l-1"), Some(4)));
    assert_eq!(agent.skills, ["s-1", "s-2"]);
    assert!(agent.wrapup_required && agent.wrapup_code.is_none());
    assert!(leg.is_connected() && leg.is_live());
    let states: Vec<_> = conversation.message("6d1c").map(|message| message.status.as_deref()).collect();
    assert_eq!(states, [Some("sent"), Some("delivery-success")]);
    let (customer, _) = conversation.customer_legs().next().unwrap();
    assert_eq!(customer.attributes.len(), 1, "a number is no attribute");
    assert!(!format!("{conversation:?}").contains("web_portal"), "no customer data in Debug");
}

#[test]
fn what_is_absent_null_or_of_another_shape_is_missing() {
    let id = id();
    for body in [
        json!({"id": id.as_str()}),
        json!({"id": id.as_str(), "participants": null, "endTime": null, "startTime": 7}),
        json!({"id": id.as_str(), "participants": "none", "externalTag": ""}),
        json!({"id": id.as_str().to_uppercase(), "participants": [7, {"purpose": "agent"}]}),
    ] {
        let conversation = read(&body).unwrap();
        assert!(conversation.participants.is_empty() && conversation.external_tag.is_none());
        assert!(conversation.started_at.is_none() && !conversation.has_ended());
    }
    // Values nobody knows today are carried on.
    let strange = json!({"id": id.as_str(), "participants": [{"id": "p", "purpose": "robot", "messages": [
        {"id": "k", "state": "levitating", "type": "telepathy", "messages": [{"messageId": "m", "messageStatus": "thought"}]}]}]});
    let conversation = read(&strange).unwrap();
    let (_, leg) = conversation.legs().next().unwrap();
    assert_eq!((leg.state.as_deref(), leg.is_live()), (Some("levitating"), true));
    assert_eq!(leg.messages[0].status.as_deref(), Some("thought"));
}

#[test]
fn every_leg_over_is_an_end_without_a_time() {
    let leg = |state: &str| json!({"id": "p", "messages": [{"id": "k", "state": state}]});
    let ended =
        |legs: [Value; 2]| read(&json!({"id": id().as_str(), "participants": legs})).unwrap().has_ended();
    assert!(ended([leg("disconnected"), leg("disconnected")]));
    assert!(!ended([leg("disconnected"), leg("parked")]));
}

#[test]
fn what_is_no_such_conversation_is_refused_without_being_repeated() {
    for (body, what) in [
        (json!([]), "it is no JSON object"),
        (json!({}), "it has no id as text"),
        (json!({"id": "another"}), "it is about another conversation"),
    ] {
        assert_eq!(read(&body).unwrap_err(), what);
    }
    let cut = LiveConversation::read(&id(), Bytes::from_static(b"{\"id\": \"7e4")).unwrap_err();
    assert_eq!(cut.to_string(), "it ends inside the object");
    assert_eq!(LiveConversation::read(&id(), Bytes::new()).unwrap_err().to_string(), "it is empty");
}

#[test]
fn the_request_is_the_contracts_and_the_answers_time_is_read() {
    let endpoint = ReadLive { id: ConversationId::new("c/1").unwrap() };
    let request = endpoint.request(&base()).unwrap();
    assert_eq!(request.uri(), "https://api.example.com/api/v2/conversations/c%2F1");
    let head = http::Response::builder().header("date", "Mon, 02 Mar 2026 09:20:00 GMT").body(()).unwrap();
    let (head, ()) = head.into_parts();
    let mut reader = ReadLive { id: id() }.reader(&head).unwrap();
    let body = example().to_string();
    for chunk in body.as_bytes().chunks(7) {
        reader.push(chunk).unwrap();
    }
    let conversation = reader.finish().unwrap();
    assert_eq!(conversation.answered_at, Some("2026-03-02T09:20:00Z".parse().unwrap()));
    assert_eq!(conversation.body, body.as_bytes());
}
