//! A conversation looked at while it goes on (contract §3, §4), and what its answer says about the platform's clock.

use frontdesk_api::endpoint::Endpoint as _;
use frontdesk_api::gateway::ReadConversation;
use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{ConversationLook, Conversations as _, ErrorKind, Gateway};
use frontdesk_domain::ConversationId;
use frontdesk_domain::conversation::ChannelType;
use frontdesk_domain::delivery::ClockSkew;
use serde_json::json;

use crate::support::{base, scripted};

fn id(text: &str) -> ConversationId {
    ConversationId::new(text).unwrap()
}

fn found() -> Reply {
    Reply::json(&json!({"id": "c-1", "channelType": "sms", "participants": [], "messages": [{"id": "m-1"}]}))
}

#[test]
fn the_request_is_the_contracts() {
    let request = ReadConversation { id: id("a/b?c %2e\u{0}é") }.request(&base()).unwrap();
    assert_eq!(request.method(), "GET");
    assert_eq!(request.uri(), "https://api.example.com/api/v2/conversations/a%2Fb%3Fc%20%252e%00%C3%A9");
    assert_eq!(request.headers()["accept"], "application/json");
    assert_eq!(ReadConversation::SCOPE, Some("conversation:read"));
}

#[tokio::test(start_paused = true)]
async fn a_look_finds_a_conversation_or_none() {
    let (client, log) = scripted([found(), Reply::status(404)]);
    let gateway = Gateway::new(client);
    let ConversationLook::Found(look) = gateway.conversation(&id("c-1")).await.unwrap() else {
        panic!("it is there")
    };
    assert_eq!(look.conversation.channel_type, Some(ChannelType::Sms));
    assert_eq!(look.conversation.messages.len(), 1);
    assert_eq!(look.clock, None, "without a Date nothing is known of the clock");
    assert_eq!(gateway.conversation(&id("c-1")).await.unwrap(), ConversationLook::Missing);
    assert_eq!(log.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_date_of_an_answer_tells_how_far_the_clocks_are_apart() {
    for (date, ahead) in [
        ("Sat, 01 Mar 2025 10:00:30 GMT", true),
        ("Saturday, 01-Mar-25 10:00:30 GMT", true),
        ("2025-03-01T10:00:30Z", false),
        ("yesterday", false),
    ] {
        let (client, _) = scripted([found().header("date", date)]);
        let ConversationLook::Found(look) = Gateway::new(client).conversation(&id("c-1")).await.unwrap()
        else {
            panic!("it is there")
        };
        assert_eq!(look.clock.is_some(), ahead, "{date}");
        let mut skew = ClockSkew::default();
        look.clock.into_iter().for_each(|sample| skew.add(sample));
        assert_eq!(skew.measured().is_some(), ahead);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_this_conversation_decides_nothing() {
    for (what, reply) in [
        ("another one", Reply::json(&json!({"id": "c-2"}))),
        ("no id", Reply::json(&json!({"channelType": "sms"}))),
        ("an array", Reply::json(&json!(["c-1"]))),
        ("no JSON", Reply::status(200).body("<html>")),
        ("nothing", Reply::status(200)),
        ("202", Reply::status(202).body(r#"{"id":"c-1"}"#)),
    ] {
        let (client, log) = scripted([reply]);
        let error = Gateway::new(client).conversation(&id("c-1")).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Malformed { .. }), "{what}: {error}");
        assert!(log.count() == 1 && !error.may_have_been_processed(), "{what}");
    }
    // One that ends too early was cut on the way: a read is repeated.
    let (client, log) = scripted([Reply::status(200).body(r#"{"id":"c-1","mess"#), found()]);
    assert!(matches!(Gateway::new(client).conversation(&id("c-1")).await, Ok(ConversationLook::Found(_))));
    assert_eq!(log.count(), 2);
    // A 403 names the scope.
    let (client, _) = scripted([Reply::status(403)]);
    let hint = Gateway::new(client).conversation(&id("c-1")).await.unwrap_err().hint().unwrap();
    assert!(hint.contains("conversation:read"), "{hint}");
}
