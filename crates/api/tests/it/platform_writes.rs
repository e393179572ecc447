//! Ending and triggers on the published contract (C.6, C.10, C.13.1): which calls go out, and what answers mean.

use std::sync::{Arc, Mutex};

use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{
    Client, EndReply, ErrorKind, GuestLook, GuestSessions as _, Platform, PlatformGuests, Registered,
    TriggerWish,
};
use frontdesk_domain::{ClosureReason, Ending, EndingDraft, GuestId, GuestState};
use serde_json::{Value, json};

use crate::support::{builder, with_token};

const ID: &str = "7e4a1f52-6c3b-4d19-8f0a-5b9e2c71d046";

/// Every call as it went out: method, path, body.
type Calls = Arc<Mutex<Vec<String>>>;

/// A client whose calls are answered by `answer`, and what went out.
fn client(answer: impl Fn(&str, &Value, usize) -> Reply + Send + Sync + 'static) -> (Client, Calls) {
    let calls = Calls::default();
    let log = Arc::clone(&calls);
    let transport = with_token(move |request| {
        let call = format!("{} {}", request.method(), request.uri().path_and_query().unwrap());
        let body: Value = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
        let mut log = log.lock().unwrap();
        let before = log.iter().filter(|known| known.starts_with(&call)).count();
        log.push(if body.is_null() { call.clone() } else { format!("{call} {body}") });
        answer(&call, &body, before)
    });
    (builder().0.build(Arc::new(transport)), calls)
}

fn told(calls: &Calls) -> Vec<String> {
    calls.lock().unwrap().clone()
}

/// A conversation whose customer's leg is in this state.
fn conversation(state: &str) -> Reply {
    let end = if state == "disconnected" { json!("2026-03-02T10:00:00Z") } else { Value::Null };
    Reply::json(&json!({"id": ID, "startTime": "2026-03-02T09:00:00Z", "endTime": end, "participants": [
        {"id": "p1", "purpose": "customer", "messages": [{"id": "k1", "state": state, "type": "webmessaging"}]},
        {"id": "p2", "purpose": "agent", "wrapupRequired": true, "messages": [{"id": "k2", "state": state}]},
        {"id": "p3", "purpose": "agent", "wrapupRequired": false, "messages": [{"id": "k3", "state": state}]}]}))
}

fn ending(retain: bool) -> Ending {
    let draft =
        EndingDraft::new().guest_id(ID).reason("timeout").retain_data(retain).external_ref("CASE-1881");
    draft.check().unwrap()
}

fn look() -> String {
    format!("GET /api/v2/conversations/{ID}")
}

#[tokio::test(start_paused = true)]
async fn a_guest_is_as_its_conversation() {
    for (state, wanted) in [
        ("alerting", GuestState::Active),
        ("connected", GuestState::Active),
        ("parked", GuestState::Active),
        ("disconnected", GuestState::Closed),
    ] {
        let (client, _) = client(move |_, _, _| conversation(state));
        let guests = PlatformGuests::new(Platform::new(client));
        let GuestLook::Found(guest) = guests.guest(&GuestId::new(ID).unwrap()).await.unwrap() else {
            panic!()
        };
        assert_eq!(guest.state, wanted, "{state}");
    }
    let call =
        json!({"id": ID, "participants": [{"id": "p", "purpose": "customer", "calls": [{"id": "c"}]}]});
    let (client, _) =
        client(move |_, _, before| if before == 0 { Reply::json(&call) } else { Reply::status(404) });
    let guests = PlatformGuests::new(Platform::new(client));
    let id = GuestId::new(ID).unwrap();
    let GuestLook::Found(guest) = guests.guest(&id).await.unwrap() else { panic!() };
    assert_eq!(guest.state.as_str(), "without_messages");
    let GuestLook::Found(guest) = guests.guest(&id).await.unwrap() else { panic!() };
    assert_eq!(guest.state.as_str(), "not_found", "404 is no word for an end");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_tagged_wrapped_up_and_ended() {
    let (client, calls) = client(|call, _, _| match call {
        call if call.starts_with("GET") => conversation("connected"),
        call if call.contains("/tags") || call.contains("/participants/") => Reply::status(202),
        _ => Reply::json(&json!({"id": ID})),
    });
    let guests = PlatformGuests::new(Platform::new(client)).wrapup_code(ClosureReason::Timeout, "w-3");
    assert_eq!(guests.end(&ending(true)).await.unwrap(), EndReply::Done);
    assert_eq!(
        told(&calls),
        [
            look(),
            format!(r#"PUT /api/v2/conversations/{ID}/tags {{"externalTag":"CASE-1881"}}"#),
            format!(
                r#"PATCH /api/v2/conversations/messages/{ID}/participants/p2 {{"state":"disconnected","wrapup":{{"code":"w-3","notes":"timeout"}}}}"#
            ),
            format!(r#"PATCH /api/v2/conversations/messages/{ID} {{"state":"disconnected"}}"#),
        ]
    );
    // The tear-down gives its own code.
    calls.lock().unwrap().clear();
    assert_eq!(guests.emergency(true).end(&ending(true)).await.unwrap(), EndReply::Done);
    assert_eq!(told(&calls).last().unwrap(), &format!("POST /api/v2/conversations/{ID}/disconnect"));
    assert_eq!(told(&calls).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_ended_is_found_by_looking_again() {
    // It had ended: nothing is sent.
    let (over, calls) = client(|_, _, _| conversation("disconnected"));
    let guests = PlatformGuests::new(Platform::new(over));
    assert_eq!(guests.end(&ending(true)).await.unwrap(), EndReply::Missing { after_lost_reply: false });
    assert_eq!(told(&calls), [look()]);
    // It ends while we are at it: 400, 404 and 409 all mean "look".
    for status in [400, 404, 409] {
        for lost in [false, true] {
            let (client, _) = client(move |call, _, before| match call {
                call if call.starts_with("GET") && before == 0 => conversation("connected"),
                call if call.starts_with("GET") => conversation("disconnected"),
                call if call.starts_with("PUT") => Reply::status(202),
                _ if lost && before == 0 => Reply::reset(),
                _ => Reply::status(status),
            });
            let reply = PlatformGuests::new(Platform::new(client)).end(&ending(true)).await.unwrap();
            assert_eq!(reply, EndReply::Missing { after_lost_reply: lost }, "{status}");
        }
        // It goes on: then the refusal is one.
        let (client, _) = client(move |call, _, _| match call {
            call if call.starts_with("GET") => conversation("connected"),
            call if call.starts_with("PUT") => Reply::status(202),
            _ => Reply::status(status),
        });
        let error = PlatformGuests::new(Platform::new(client)).end(&ending(true)).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.may_have_been_processed()),
            (&ErrorKind::Rejected, false),
            "{status}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_forgotten_is_told() {
    let path = format!("/api/v2/conversations/{ID}/recording");
    for (list, deletion, wanted) in [
        (
            Reply::json(
                &json!([{"id": "r-1", "fileState": "AVAILABLE"}, {"id": "r-2", "fileState": "DELETED"}, {"id": "r-3"}]),
            ),
            200,
            "the deletion of 2 of 2 recordings was asked for; ",
        ),
        (Reply::json(&json!([])), 200, "no recording is listed (yet); "),
        (Reply::status(202), 200, "its recordings are not listed yet, and none was deleted; "),
        (Reply::status(403), 200, "its recordings were not deleted: "),
        (Reply::json(&json!([{"id": "r-1"}])), 403, "the deletion of 0 of 1 recordings was asked for: "),
    ] {
        let listing = format!("GET {path}metadata");
        let (client, calls) = client(move |call, body, _| match call {
            call if *call == listing => list.clone(),
            call if call.starts_with("GET") => conversation("connected"),
            call if call.contains("/recordings/") => {
                let at = body["deleteDate"].as_str().unwrap();
                assert!(at.starts_with("2025-03-01T12:00:") && at.len() == 20, "{at}");
                Reply::status(deletion)
            }
            call if call.starts_with("PUT") => Reply::status(202),
            _ => Reply::json(&json!({"id": ID})),
        });
        let reply = PlatformGuests::new(Platform::new(client)).end(&ending(false)).await.unwrap();
        let EndReply::DoneKeeping { what } = reply else { panic!("{reply:?}") };
        assert!(what.starts_with(wanted) && what.contains("keeps the messages"), "{what}");
        let deletions = told(&calls).iter().filter(|call| call.contains("/recordings/r-")).count();
        assert!(deletions <= 2, "{:?}", told(&calls));
    }
}

fn wish() -> TriggerWish {
    TriggerWish { name: "CRM_Session_Sync".to_owned(), workflow: "flow-1".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_trigger_is_created_where_none_is_there() {
    let (client, calls) = client(|call, _, _| match call {
        call if call.starts_with("POST") => Reply::json(&json!({"id": "t-9", "version": 1})),
        call if call.contains("after=2") => Reply::json(&json!({"entities": []})),
        // One of the same name runs another workflow.
        _ => Reply::json(
            &json!({"entities": [{"id": "t-1", "name": "CRM_Session_Sync", "target": {"id": "flow-2"}}],
            "nextUri": "/api/v2/processautomation/triggers?after=2"}),
        ),
    });
    let registered = Platform::new(client).trigger(&wish()).await.unwrap();
    assert_eq!(registered, Registered { id: "t-9".to_owned(), is_new: true });
    let calls = told(&calls);
    assert_eq!(
        calls[0],
        "GET /api/v2/processautomation/triggers?pageSize=200&topicName=v2.detail.events.conversation.%7Bid%7D.customer.start"
    );
    let body: Value = serde_json::from_str(calls[2].split_once("triggers ").unwrap().1).unwrap();
    assert_eq!(body["topicName"], "v2.detail.events.conversation.{id}.customer.start");
    assert_eq!(body["target"]["type"], "Workflow");
    assert_eq!(body["matchCriteria"][0]["value"], "MESSAGE");
    assert_eq!(calls.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_trigger_that_is_there_is_known_also_after_a_lost_answer() {
    let there = || {
        Reply::json(
            &json!({"entities": [{"id": "t-1", "name": "CRM_Session_Sync", "target": {"id": "flow-1"}}]}),
        )
    };
    let (known, calls) = client(move |_, _, _| there());
    let registered = Platform::new(known).trigger(&wish()).await.unwrap();
    assert_eq!((registered, told(&calls).len()), (Registered { id: "t-1".to_owned(), is_new: false }, 1));
    // Created, and the answer lost: it is not created again.
    let (lost, calls) = client(move |call, _, before| match call {
        call if call.starts_with("POST") => Reply::reset(),
        _ if before == 0 => Reply::json(&json!({})),
        _ => there(),
    });
    let registered = Platform::new(lost).trigger(&wish()).await.unwrap();
    assert_eq!(registered, Registered { id: "t-1".to_owned(), is_new: true });
    assert_eq!(told(&calls).iter().filter(|call| call.starts_with("POST")).count(), 1);
    // Not created, and the answer lost: that is not known.
    let (gone, _) = client(
        move |call, _, _| {
            if call.starts_with("POST") { Reply::reset() } else { Reply::json(&json!({})) }
        },
    );
    assert!(Platform::new(gone).trigger(&wish()).await.unwrap_err().may_have_been_processed());
}
