//! Sessions opened over open messaging on the published contract (C.3): the same opening is the same message.

use std::sync::{Arc, Mutex};

use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{
    ConversationLook, Conversations as _, ErrorKind, OpenDoor, OpenMessagingOpenings, OpenReply, Opening,
    Platform, SessionOpenings as _,
};
use frontdesk_domain::pii::PiiPolicy;
use frontdesk_domain::session::{SameSession, SessionRequest};
use frontdesk_domain::{ConversationId, PathSegment, SessionDraft};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{builder, noon, with_token};

const PATH: &str = "/api/v2/conversations/messages/i-1/inbound/open/message";

type Asked = Arc<Mutex<Vec<(String, Value)>>>;

fn openings(
    answers: impl Fn(&str, usize) -> Reply + Send + Sync + 'static,
) -> (OpenMessagingOpenings, Asked) {
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let transport = with_token(move |request| {
        let path = request.uri().path().to_owned();
        let mut log = log.lock().unwrap();
        log.push((path.clone(), serde_json::from_slice(request.body()).unwrap_or_default()));
        let times = log.iter().filter(|(known, _)| *known == path).count();
        drop(log);
        answers(&path, times)
    });
    let platform = Platform::new(builder().0.build(Arc::new(transport)));
    let door = OpenDoor { integration: PathSegment::new("i-1").unwrap(), first_text: "Hello".to_owned() };
    (OpenMessagingOpenings::new(platform, door), asked)
}

fn request() -> SessionRequest {
    let draft = SessionDraft::new().guest_id("guest-77").attribute("source", "portal").data_processing(true);
    draft.language("de").check(&PiiPolicy::default(), noon()).unwrap().request
}

fn opening() -> Opening {
    Opening { key: Uuid::from_u128(7), request: request() }
}

/// The conversation, with these messages in it.
fn live(messages: &[&str]) -> Reply {
    let listed: Vec<Value> = messages
        .iter()
        .enumerate()
        .map(|(number, id)| json!({"messageId": id, "messageTime": format!("2025-03-01T12:00:0{number}Z")}))
        .collect();
    let attributes = json!({"source": "portal", "guest.id": "guest-77", "consent.data_processing": "true",
        "consent.marketing": "false", "consent.timestamp": "2025-03-01T11:00:00Z", "routing.priority": "1",
        "routing.skills": "web_support,general", "routing.language": "de"});
    Reply::json(&json!({"id": "c-1", "startTime": "2025-03-01T12:00:00Z", "participants": [
        {"id": "p", "purpose": "customer", "attributes": attributes, "messages": [
            {"id": "k", "state": "connected", "type": "open", "messages": listed}]}]}))
}

fn taken(body: Value) -> Reply {
    Reply::status(202).header("content-type", "application/json").body(body.to_string())
}

#[tokio::test(start_paused = true)]
async fn the_guests_first_message_opens_the_session_and_carries_what_was_asked_for() {
    let (openings, asked) = openings(|path, _| match path {
        PATH => taken(json!({"id": "m-1", "conversationId": "c-1", "type": "Text", "strange": 1})),
        _ => live(&["m-1", "m-2"]),
    });
    let OpenReply::Opened(opened) = openings.open(&opening()).await.unwrap() else { panic!() };
    assert_eq!((opened.session_id.as_str(), opened.status), ("c-1", 201));
    assert_eq!(opened.created, Some("2025-03-01T12:00:00Z".parse().unwrap()));
    let (_, body) = asked.lock().unwrap()[0].clone();
    let attributes = json!({"source": "portal", "guest.id": "guest-77", "consent.data_processing": "true",
        "consent.marketing": "false", "consent.timestamp": "2025-03-01T12:00:00Z", "routing.priority": "1",
        "routing.skills": body["metadata"]["routing.skills"], "routing.language": "de"});
    let expected = json!({"text": "Hello", "metadata": attributes, "channel": {
        "messageId": Uuid::from_u128(7).to_string(), "time": "2025-03-01T12:00:00Z",
        "from": {"id": "guest-77", "idType": "Opaque"}, "metadata": {"customAttributes": attributes}}});
    assert_eq!(body, expected);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_with_the_same_message() {
    let (openings, asked) = openings(|path, times| match (path, times) {
        (PATH, 1) => Reply::reset(),
        // Taken, and nothing said of it.
        (PATH, 2) => Reply::status(202),
        (PATH, _) => taken(json!({"id": "m-1"})),
        ("/api/v2/conversations/messages/m-1/details", 1) => Reply::status(404),
        ("/api/v2/conversations/messages/m-1/details", _) => {
            Reply::json(&json!({"id": "m-1", "conversationId": "c-1"}))
        }
        // It is shown a moment later.
        (_, 1) => Reply::status(404),
        (_, 2) => live(&[]),
        _ => live(&["m-1"]),
    });
    let OpenReply::Opened(opened) = openings.open(&opening()).await.unwrap() else { panic!() };
    assert_eq!(opened.session_id.as_str(), "c-1");
    let asked = asked.lock().unwrap();
    let posts: Vec<&Value> = asked.iter().filter(|(path, _)| path == PATH).map(|(_, body)| body).collect();
    assert!(posts.len() == 3 && posts.iter().all(|body| *body == posts[0]), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_joins_a_conversation_is_a_conflict_with_it() {
    let (openings, _) = openings(|path, _| match path {
        PATH => taken(json!({"id": "m-9", "conversationId": "c-1"})),
        _ => live(&["m-1", "m-9"]),
    });
    let id = ConversationId::new("c-1").unwrap();
    let reply = openings.open(&opening()).await.unwrap();
    assert_eq!(reply, OpenReply::Conflict { conversation_id: Some(id.clone()) });
    let ConversationLook::Found(look) = openings.conversation(&id).await.unwrap() else { panic!() };
    assert_eq!(SameSession::of(&request(), &look.conversation), SameSession::Equal);
    let mut other = request();
    other.guest_id = frontdesk_domain::GuestId::new("guest-78").unwrap();
    assert_eq!(SameSession::of(&other, &look.conversation), SameSession::Other);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_opened_nothing_and_what_cannot_be_seen_may_have() {
    let (refused, _) = openings(|_, _| Reply::status(404).body(r#"{"code": "not.found", "status": 404}"#));
    let error = refused.open(&opening()).await.unwrap_err();
    assert!(error.is_missing() && !error.may_have_been_processed());
    let (blind, _) = openings(|path, _| match path {
        PATH => taken(json!({"id": "m-1", "conversationId": "c-1"})),
        _ => Reply::status(403).body(r#"{"code": "missing.permissions", "status": 403}"#),
    });
    assert!(blind.open(&opening()).await.unwrap_err().may_have_been_processed());
    let (silent, _) = openings(|_, _| Reply::status(202));
    let error = silent.open(&opening()).await.unwrap_err();
    assert!(error.may_have_been_processed() && matches!(error.kind(), ErrorKind::Malformed { .. }));
}
