//! Callbacks: what is one, and which are one event.

use frontdesk_domain::Timestamp;
use frontdesk_domain::callback::{CallbackError, CallbackKey, LONGEST_ID, SessionCallback};
use proptest::prelude::*;

fn metadata(body: &str) -> String {
    let event = SessionCallback::parse(body.as_bytes()).unwrap().event(Timestamp::UNIX_EPOCH);
    let (_, metadata) = event.body().get().split_once("\"metadata\":").unwrap();
    metadata.strip_suffix('}').unwrap().to_owned()
}

#[test]
fn attributes_are_passed_on_as_they_came() {
    for (given, told) in [
        (r#"{"conversationId":"c","attributes":{"a" : "b"}}"#, r#"{"a" : "b"}"#),
        (r#"{"attributes":[1.50,{}], "conversationId":"c","more":[[]]}"#, "[1.50,{}]"),
        (r#"{"conversationId":"c","attributes":null}"#, "null"),
        ("\r\n\t {\"conversationId\":\"c\"} ", "null"),
    ] {
        assert_eq!(metadata(given), told, "{given}");
    }
    let callback = SessionCallback::parse(r#"{"conversationId":"gäst\u0000"}"#.as_bytes()).unwrap();
    assert_eq!(callback.conversation_id(), "gäst\0");
    assert!(!format!("{callback:?}").contains("st"), "{callback:?}");
}

#[test]
fn everything_else_is_refused_with_its_reason() {
    for (body, why) in [
        (&b""[..], CallbackError::NotJson),
        (b"{", CallbackError::NotJson),
        (b"conversationId=c", CallbackError::NotJson),
        (b"{\"conversationId\":\"c\"} x", CallbackError::NotJson),
        (b"{\"conversationId\":\"c\",\"x\":\"\xff\"}", CallbackError::NotJson),
        (b"\xef\xbb\xbf{\"conversationId\":\"c\"}", CallbackError::NotJson),
        (b"[\"c\",{}]", CallbackError::NotAnObject),
        (b" \"c\"", CallbackError::NotAnObject),
        (b"null", CallbackError::NotAnObject),
        (b"[", CallbackError::NotJson),
        (b"{}", CallbackError::ConversationId),
        (b"{\"conversationId\":7}", CallbackError::ConversationId),
        (b"{\"conversationId\":null}", CallbackError::ConversationId),
        (b"{\"conversationId\":\"\"}", CallbackError::ConversationId),
        (b"{\"conversationid\":\"c\"}", CallbackError::ConversationId),
        (b"{\"conversationId\":\"a\",\"conversationId\":\"b\"}", CallbackError::ConversationId),
    ] {
        let found = SessionCallback::parse(body).map(drop).unwrap_err();
        assert_eq!(found, why, "{}", String::from_utf8_lossy(body));
    }
    // Deeper than any reader should follow, and still only a value that is passed on or refused.
    let deep =
        format!(r#"{{"conversationId":"c","attributes":{}1{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    let _ = SessionCallback::parse(deep.as_bytes());
}

#[test]
fn an_id_is_a_key_and_a_body_is_another() {
    assert_ne!(CallbackKey::of_id("a"), CallbackKey::of_id("b"));
    assert_eq!(CallbackKey::of_id(""), None);
    assert!(CallbackKey::of_id(&"x".repeat(LONGEST_ID)).is_some());
    assert_eq!(CallbackKey::of_id(&"x".repeat(LONGEST_ID + 1)), None);
    let body = CallbackKey::of_body(b"{}");
    assert_ne!(body, CallbackKey::of_body(b"{ }"));
    // Nobody can choose an id that stands for a body.
    let id = CallbackKey::of_id(body.as_str()).unwrap();
    assert_ne!(id.as_str(), body.as_str());
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = SessionCallback::parse(&body);
    }

    #[test]
    fn what_was_read_is_what_was_written(id in "\\PC{1,40}", value in "\\PC{0,40}") {
        let body = serde_json::json!({"conversationId": id, "attributes": {"k": value}}).to_string();
        let callback = SessionCallback::parse(body.as_bytes()).unwrap();
        prop_assert_eq!(callback.conversation_id(), &id);
        let told: serde_json::Value =
            serde_json::from_str(callback.event(Timestamp::UNIX_EPOCH).body().get()).unwrap();
        prop_assert_eq!(&told["genesys_session_id"], &serde_json::Value::from(id));
        prop_assert_eq!(&told["metadata"]["k"], &serde_json::Value::from(value));
    }
}
