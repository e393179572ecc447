//! Guests' sessions looked at and ended (contract §6).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::endpoint::Endpoint;
use frontdesk_api::gateway::{EndGuest, ReadGuest};
use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{
    CallOptions, Cancel, EndReply, Error, ErrorKind, Gateway, Guest, GuestLook, GuestSessions, TransportKind,
};
use frontdesk_domain::{Ending, EndingDraft, GuestId, GuestState};
use http::Method;
use serde_json::json;

use crate::support::{Log, base, builder, now, scripted, with_token};

const SECOND: Duration = Duration::from_secs(1);

fn id(text: &str) -> GuestId {
    GuestId::new(text).unwrap()
}

fn ending(guest: &str) -> Ending {
    EndingDraft::new().guest_id(guest).reason("timeout").retain_data(true).check().unwrap()
}

/// A gateway with these answers to its calls, the last one for ever.
fn gateway(replies: impl IntoIterator<Item = Reply>) -> (Gateway, Arc<Log>) {
    let (client, log) = scripted(replies);
    (Gateway::new(client), log)
}

fn guest(state: &str) -> Reply {
    Reply::json(&json!({"id": "g-1", "state": state, "lastUpdated": "2025-03-01T10:00:00Z", "more": [1]}))
}

fn shown(endpoint: &impl Endpoint) -> String {
    let request = endpoint.request(&base()).unwrap();
    let mut lines = vec![format!("{} {}", request.method(), request.uri())];
    lines
        .extend(request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())));
    lines.push(format!("({} bytes, head within {:?})\n", request.body().len(), endpoint.head_timeout()));
    lines.join("\n")
}

#[test]
fn the_requests_are_the_contracts() {
    let strange = "a/b?c#d %2e\u{0}é😀";
    let mut requests = Vec::new();
    for guest in ["guest_a8f3c91e", strange] {
        requests.push(shown(&ReadGuest { id: id(guest) }));
        let draft = EndingDraft::new().guest_id(guest).reason("customer_initiated").retain_data(true);
        requests.push(shown(&EndGuest { ending: draft.check().unwrap() }));
        let draft = EndingDraft::new().guest_id(guest).reason("bot_handoff").retain_data(false);
        let draft = draft.external_ref("a&retainData=true b+c=é/?#%");
        requests.push(shown(&EndGuest { ending: draft.check().unwrap() }));
    }
    insta::assert_snapshot!(requests.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_look_tells_the_state_or_that_there_is_nobody() {
    for (state, known) in [
        ("active", GuestState::Active),
        ("inactive", GuestState::Inactive),
        ("closed", GuestState::Closed),
        ("parked", GuestState::Other("parked".into())),
    ] {
        let (gateway, _) = gateway([guest(state)]);
        let found = Guest { state: known, last_updated: Some("2025-03-01T10:00:00Z".parse().unwrap()) };
        assert_eq!(gateway.guest(&id("g-1")).await.unwrap(), GuestLook::Found(found));
    }
    let (gateway, log) = gateway([Reply::status(404)]);
    assert_eq!(gateway.guest(&id("g-1")).await.unwrap(), GuestLook::Missing);
    assert_eq!(log.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_says_no_state_of_this_guest_is_no_look() {
    for (what, reply) in [
        ("another guest", Reply::json(&json!({"id": "g-2", "state": "active"}))),
        ("no id", Reply::json(&json!({"state": "active"}))),
        ("no state", Reply::json(&json!({"id": "g-1"}))),
        ("a state that is no text", Reply::json(&json!({"id": "g-1", "state": true}))),
        ("no object", Reply::json(&json!(["g-1", "active"]))),
        ("no JSON", Reply::status(200).body("<html>")),
        ("nothing", Reply::status(200)),
        ("202", Reply::status(202).body(r#"{"id":"g-1","state":"active"}"#)),
        ("too much", Reply::status(200).body(format!("{{\"id\":\"{}\"}}", "x".repeat(1 << 20)))),
    ] {
        let (gateway, log) = gateway([reply]);
        let error = gateway.guest(&id("g-1")).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Malformed { .. }), "{what}: {error}");
        assert!(log.count() == 1 && !error.may_have_been_processed(), "{what}");
    }
    // A body that ends too early was cut on the way: a read is repeated.
    let (cut, log) = gateway([Reply::status(200).body(r#"{"id":"g-1","sta"#), guest("active")]);
    assert!(matches!(cut.guest(&id("g-1")).await.unwrap(), GuestLook::Found(_)));
    assert_eq!(log.count(), 2);
    // A time that cannot be read takes nothing from the state.
    let (odd, _) =
        gateway([Reply::json(&json!({"id": "g-1", "state": "active", "lastUpdated": "yesterday"}))]);
    let look = odd.guest(&id("g-1")).await.unwrap();
    assert_eq!(look, GuestLook::Found(Guest { state: GuestState::Active, last_updated: None }));
}

#[tokio::test(start_paused = true)]
async fn an_end_is_done_or_there_was_nothing_to_end() {
    for reply in [Reply::status(204), Reply::status(200), Reply::status(200).body("<html>whatever")] {
        let (gateway, log) = gateway([reply]);
        assert_eq!(gateway.end(&ending("g-1")).await.unwrap(), EndReply::Done);
        assert_eq!(log.count(), 1);
    }
    let (gateway, _) = gateway([Reply::status(404)]);
    assert_eq!(gateway.end(&ending("g-1")).await.unwrap(), EndReply::Missing { after_lost_reply: false });
}

/// A 404 after an attempt whose answer was lost is our own work; after one that surely changed nothing it is not.
#[tokio::test(start_paused = true)]
async fn a_missing_guest_after_a_lost_reply_is_told_apart() {
    for (first, lost) in [
        (Reply::reset(), true),
        (Reply::status(502), true),
        (Reply::status(204).body("x").cut_at(0), true),
        (Reply::fault(TransportKind::Timeout), true),
        (Reply::fault(TransportKind::Connect), false),
        (Reply::status(429), false),
        (Reply::status(401), false),
    ] {
        let what = format!("{first:?}");
        let (gateway, log) = gateway([first, Reply::status(404)]);
        let reply = gateway.end(&ending("g-1")).await.unwrap();
        assert_eq!((reply, log.count()), (EndReply::Missing { after_lost_reply: lost }, 2), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_names_why() {
    async fn refused(reply: Reply) -> Error {
        let (gateway, _) = gateway([reply]);
        gateway.end(&ending("g-1")).await.unwrap_err()
    }
    let body = json!({"code": "bad.reason", "message": "not in the matrix"}).to_string();
    let error = refused(Reply::status(400).body(body)).await;
    assert_eq!((error.kind(), error.code()), (&ErrorKind::Rejected, Some("bad.reason")));
    assert!(error.hint().unwrap().contains("retainData"), "{:?}", error.hint());

    let error = refused(Reply::status(403)).await;
    assert_eq!(error.scope(), Some("webchat:guest:manage"));
    let (looking, _) = gateway([Reply::status(403)]);
    let error = looking.guest(&id("g-1")).await.unwrap_err();
    assert_eq!(error.scope(), Some("webchat:guest:read"));

    let error = refused(Reply::status(401)).await;
    assert!(error.is_auth() && error.attempts() == 2 && !error.may_have_been_processed());

    let error = refused(Reply::status(429).header("retry-after", "3600")).await;
    assert!(error.is_throttled() && error.retry_after() == Some(SECOND * 3600));
    assert!(!error.may_have_been_processed());

    let error = refused(Reply::reset()).await;
    assert!(error.may_have_been_processed() && error.attempts() == 5, "{error}");
    // 202 is no answer the contract knows: it may have been processed, and that is for the caller to see.
    let error = refused(Reply::status(202)).await;
    assert!(error.may_have_been_processed() && error.attempts() == 1, "{error}");
}

/// A platform that is slow to end a session is waited for: 30 s to the head, not 15 s (contract §7).
#[tokio::test(start_paused = true)]
async fn ending_a_session_may_take_half_a_minute() {
    let (slow, log) = gateway([Reply::status(204).after(SECOND * 29)]);
    assert_eq!(slow.end(&ending("g-1")).await.unwrap(), EndReply::Done);
    assert_eq!(log.count(), 1);
    let (slow, log) = gateway([guest("active").after(SECOND * 16), guest("active")]);
    assert!(slow.guest(&id("g-1")).await.is_ok());
    assert_eq!(log.count(), 2);
}

/// On the signal to stop, a DELETE that was sent gets up to ten seconds for its answer; a look ends at once.
#[tokio::test(start_paused = true)]
async fn a_delete_that_was_sent_gets_time_for_its_answer() {
    let slow = |request: &http::Request<Bytes>| match *request.method() {
        Method::DELETE if request.uri().path().ends_with("/slow") => Reply::status(204).after(SECOND * 12),
        _ => Reply::silence(),
    };
    // Gives the signal after three seconds.
    let stopped = || {
        let (stop, cancel) = Cancel::pair();
        let client = builder().0.build(Arc::new(with_token(slow)));
        let gateway = Gateway::new(client).options(CallOptions::default().cancel(cancel));
        let stopping = async move {
            tokio::time::sleep(SECOND * 3).await;
            stop.cancel();
            now()
        };
        (gateway, stopping)
    };
    let (gateway, stopping) = stopped();
    let (look, at) = tokio::join!(async { (gateway.guest(&id("g-1")).await, now()) }, stopping);
    assert!(look.0.unwrap_err().is_cancelled() && look.1 - at < SECOND);

    let (gateway, stopping) = stopped();
    let (end, at) = tokio::join!(async { (gateway.end(&ending("slow")).await, now()) }, stopping);
    assert_eq!((end.0.unwrap(), (end.1 - at).as_secs()), (EndReply::Done, 9));

    let (gateway, stopping) = stopped();
    let (end, at) = tokio::join!(async { (gateway.end(&ending("silent")).await, now()) }, stopping);
    let error = end.0.unwrap_err();
    assert!(error.is_cancelled() && error.may_have_been_processed());
    assert_eq!((end.1 - at).as_secs(), 10);
}
