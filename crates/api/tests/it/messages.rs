//! A message sent into a conversation (contract §4): the bytes on the wire, what answers say, what is repeated.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::endpoint::{Endpoint as _, Repeat};
use frontdesk_api::gateway::SendMessage;
use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{Accepted, CallOptions, ErrorKind, Gateway, MessageChannel as _, TransportKind};
use frontdesk_domain::delivery::Status;
use frontdesk_domain::outbound::{AttachmentDraft, ClientId, MessageDraft, OutboundMessage};
use serde_json::json;

use crate::support::{base, builder, scripted, with_token};

fn message(conversation: &str) -> OutboundMessage {
    let draft = MessageDraft::new().conversation_id(conversation).from("agent-7").to("guest-1").to("guest-2");
    let draft = draft.kind("application/json").json("{ \"n\" : 1.0, \"a\": null }");
    let draft = draft.attachment(AttachmentDraft::of_bytes("invoice.pdf", b"%PDF"));
    let draft = draft.attachment(AttachmentDraft::of_url("https://files.example/logo.png"));
    draft.check().unwrap().message
}

fn key() -> ClientId {
    ClientId::new("2f1c1f0a-7a3e-4a52-9a31-3c5f0c1e8d11").unwrap()
}

fn taken() -> Reply {
    Reply::status(202).body(r#"{"id":"m-1","status":"queued"}"#)
}

#[test]
fn the_request_is_the_contracts() {
    let request = SendMessage::new(&message("a/b?c %2e"), &key()).request(&base()).unwrap();
    let mut told = vec![format!("{} {}", request.method(), request.uri())];
    told.extend(request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())));
    told.push(String::from_utf8(request.body().to_vec()).unwrap());
    insta::assert_snapshot!(told.join("\n"));
    assert_eq!(SendMessage::SCOPE, Some("conversation:send"));
    assert_eq!(SendMessage::REPEAT, Repeat::Keyed);
}

#[tokio::test(start_paused = true)]
async fn any_known_first_status_is_accepted() {
    for status in Status::ALL {
        let reply =
            Reply::status(202).body(json!({"id": "m-1", "status": status.as_str(), "more": [1]}).to_string());
        let (client, _) = scripted([reply]);
        let accepted = Gateway::new(client).send(&message("c-1"), &key()).await.unwrap();
        assert!(
            matches!(&accepted, Accepted { id, status: said, clock: None, .. } if id.as_str() == "m-1" && *said == status)
        );
    }
    let dated = taken().header("date", "Sat, 01 Mar 2025 10:00:30 GMT");
    let (client, _) = scripted([dated]);
    assert!(Gateway::new(client).send(&message("c-1"), &key()).await.unwrap().clock.is_some());
}

/// An answer that says nothing decides nothing: the message may have been sent.
#[tokio::test(start_paused = true)]
async fn what_says_nothing_leaves_it_in_doubt() {
    for (what, reply) in [
        ("an unknown status", Reply::status(202).body(r#"{"id":"m-1","status":"parked"}"#)),
        ("no status", Reply::status(202).body(r#"{"id":"m-1"}"#)),
        ("no id", Reply::status(202).body(r#"{"status":"queued"}"#)),
        ("an empty id", Reply::status(202).body(r#"{"id":"","status":"queued"}"#)),
        ("a number as id", Reply::status(202).body(r#"{"id":7,"status":"queued"}"#)),
        ("an array", Reply::status(202).body(r#"["m-1","queued"]"#)),
        ("no JSON", Reply::status(202).body("<html>")),
        ("nothing", Reply::status(202)),
        ("204", Reply::status(204)),
    ] {
        let (client, log) = scripted([reply]);
        let error = Gateway::new(client).send(&message("c-1"), &key()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Malformed { .. }), "{what}: {error}");
        assert!(error.may_have_been_processed(), "{what}");
        assert_eq!(log.count(), 1, "{what}");
    }
}

/// A lost reply is asked for again under the same client id, with the same bytes.
#[tokio::test(start_paused = true)]
async fn every_repetition_has_the_same_client_id_and_bytes() {
    let replies = [
        Reply::reset(),
        Reply::status(502),
        Reply::status(429).header("retry-after", "3"),
        taken().cut_at(9),
        Reply::fault(TransportKind::Timeout),
        taken(),
    ];
    let heard: Arc<Mutex<Vec<(String, Bytes)>>> = Arc::default();
    let seen = Arc::clone(&heard);
    let transport = with_token(move |request| {
        let mut seen = seen.lock().unwrap();
        let id = request.headers()["x-genesys-client-id"].to_str().unwrap().to_owned();
        seen.push((id, request.body().clone()));
        replies[seen.len() - 1].clone()
    });
    let options = CallOptions::default().attempts(6);
    let gateway = Gateway::new(builder().0.build(Arc::new(transport))).options(options);
    gateway.send(&message("c-1"), &key()).await.unwrap();
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 6);
    for (id, body) in heard.iter() {
        assert_eq!(id, key().as_str());
        assert_eq!(*body, message("c-1").body());
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_so_with_a_hint_and_is_not_repeated() {
    for status in [400, 403, 404, 409] {
        let reply = Reply::status(status).body(r#"{"code":"no","message":"not so"}"#);
        let (client, log) = scripted([reply]);
        let error = Gateway::new(client).send(&message("c-1"), &key()).await.unwrap_err();
        let kind = if status == 403 { ErrorKind::Forbidden } else { ErrorKind::Rejected };
        assert_eq!(*error.kind(), kind, "{status}");
        assert!(!error.may_have_been_processed(), "{status}");
        assert_eq!(log.count(), 1, "{status}");
        let hint = error.hint().unwrap();
        assert!(hint.contains(if status == 403 { "conversation:send" } else { "agent" }), "{status}: {hint}");
    }
    // A wait beyond the deadline ends the call at once.
    let (client, log) = scripted([Reply::status(429).header("retry-after", "3600")]);
    let error = Gateway::new(client).send(&message("c-1"), &key()).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(3_600)));
    assert!(!error.may_have_been_processed() && log.count() == 1);
}
