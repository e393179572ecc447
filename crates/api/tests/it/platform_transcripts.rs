//! Whole texts of conversations (platform contract C.4.4): what is asked for, and what is kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{Error, Platform, Singles, Transcript, TranscriptLook, TranscriptSource as _};
use frontdesk_domain::ConversationId;
use serde_json::{Value, json};

use crate::support::{builder, with_token};

/// What was asked, as `METHOD path` with the number of ids of a bulk read.
type Asked = Arc<Mutex<Vec<String>>>;

/// The transcript of `c-1`, whose customer's leg lists these messages, on a platform that answers reads of texts so.
async fn transcript(
    listed: &[&str],
    texts: impl Fn(&str, Option<Vec<String>>) -> Reply + Send + Sync + 'static,
) -> (Result<TranscriptLook, Error>, Vec<String>) {
    let refs: Vec<Value> = listed.iter().map(|id| json!({"messageId": id})).collect();
    let half: Vec<Value> = refs.iter().step_by(2).cloned().collect();
    let conversation = json!({"id": "c-1", "endTime": "2026-03-02T10:00:00Z", "participants": [
        {"id": "p1", "purpose": "customer", "messages": [{"id": "k1", "messages": refs}]},
        {"id": "p2", "purpose": "agent", "messages": [{"id": "k2", "messages": half}]}]});
    let asked = Asked::default();
    let log = Arc::clone(&asked);
    let transport = with_token(move |request| {
        let path = request.uri().path().to_owned();
        let ids = serde_json::from_slice::<Vec<String>>(request.body()).ok();
        let count = ids.as_ref().map(|ids| format!(" {}", ids.len())).unwrap_or_default();
        log.lock().unwrap().push(format!("{} {path}{count}", request.method()));
        match path.strip_prefix("/api/v2/conversations/messages/c-1/messages/") {
            Some(which) => texts(which, ids),
            None => Reply::json(&conversation),
        }
    });
    let platform = Platform::new(builder().0.build(Arc::new(transport)));
    let look = platform.transcript(&ConversationId::new("c-1").unwrap(), Singles::All).await;
    let asked = asked.lock().unwrap().clone();
    (look, asked)
}

fn found(look: Result<TranscriptLook, Error>) -> Transcript {
    match look.unwrap() {
        TranscriptLook::Found(transcript) => *transcript,
        TranscriptLook::Missing => panic!("the conversation is there"),
    }
}

/// A message whose time is the last digit of its id.
fn text(id: &str) -> Value {
    let second = id.chars().last().and_then(|last| last.to_digit(10)).unwrap_or_default();
    json!({"id": id, "timestamp": format!("2026-03-02T09:14:0{second}.000Z"), "normalizedMessage": {"text": id}})
}

fn entities(record: &Transcript) -> Vec<String> {
    let record: Value = serde_json::from_slice(record.record.bytes()).unwrap();
    let entities = record["entities"].as_array().unwrap();
    entities.iter().map(|entity| entity["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn messages_of_all_legs_come_once_in_the_order_of_their_times() {
    let (look, asked) = transcript(&["m-3", "m-1", "m-2"], |_, ids| {
        let ids = ids.unwrap();
        // Two of them twice, and one that nobody asked for.
        let all = ids.iter().chain(&ids).map(|id| text(id)).chain([text("foreign-0")]);
        Reply::json(&json!({"entities": all.collect::<Vec<_>>(), "strange": true}))
    })
    .await;
    let transcript = found(look);
    assert_eq!(entities(&transcript), ["m-1", "m-2", "m-3"]);
    assert_eq!((transcript.messages, transcript.absent, transcript.requests), (3, 0, 2));
    assert_eq!(transcript.record.key().to_string(), r#"transcript "c-1""#);
    assert_eq!(transcript.ended_at, Some("2026-03-02T10:00:00Z".parse().unwrap()));
    assert_eq!(
        asked,
        ["GET /api/v2/conversations/c-1", "POST /api/v2/conversations/messages/c-1/messages/bulk 3"]
    );
    let text = std::str::from_utf8(transcript.record.bytes()).unwrap();
    assert!(
        text.starts_with(r#"{"conversation":{"#) && text.contains(r#","entities":[{"id":"m-1","#),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_bulk_leaves_out_is_asked_for_by_itself_and_may_be_absent() {
    let (look, asked) = transcript(&["m-1", "m-2", "m-3"], |which, _| match which {
        "bulk" => Reply::json(&json!({"entities": [text("m-3"), {"no": "id"}]})),
        "m-1" => Reply::json(&text("m-1")),
        _ => Reply::status(404).body(json!({"code": "not.found", "status": 404}).to_string()),
    })
    .await;
    let transcript = found(look);
    assert_eq!(entities(&transcript), ["m-1", "m-3"]);
    assert_eq!((transcript.messages, transcript.absent, transcript.requests), (2, 1, 4));
    assert_eq!(
        asked[2..],
        [
            "GET /api/v2/conversations/messages/c-1/messages/m-1",
            "GET /api/v2/conversations/messages/c-1/messages/m-2"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn more_than_a_thousand_are_asked_for_in_slices() {
    let ids: Vec<String> = (0..2_001).map(|number| format!("m-{number}")).collect();
    let listed: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (look, asked) = transcript(&listed, |_, ids| {
        let entities: Vec<Value> = ids.unwrap().iter().map(|id| text(id)).collect();
        Reply::json(&json!({"entities": entities}))
    })
    .await;
    assert_eq!((found(look).messages, asked.len()), (2_001, 4));
    let bulk = "POST /api/v2/conversations/messages/c-1/messages/bulk";
    assert_eq!(asked[1..], [format!("{bulk} 1000"), format!("{bulk} 1000"), format!("{bulk} 1")]);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_without_messages_costs_one_request() {
    let (look, asked) = transcript(&[], |_, _| Reply::status(500)).await;
    let transcript = found(look);
    assert_eq!((transcript.messages, transcript.absent, asked.len()), (0, 0, 1));
    assert!(transcript.record.bytes().ends_with(br#","entities":[]}"#));
}

#[tokio::test(start_paused = true)]
async fn an_absent_array_is_an_empty_one_and_a_failure_is_not() {
    let (look, _) = transcript(&["m-1"], |which, _| match which {
        "bulk" => Reply::json(&json!({})),
        _ => Reply::status(404),
    })
    .await;
    assert_eq!(found(look).absent, 1);
    let (look, _) = transcript(&["m-1"], |which, _| match which {
        "bulk" => Reply::json(&json!({"entities": []})),
        _ => Reply::status(403),
    })
    .await;
    assert!(look.unwrap_err().is_auth(), "a text that may not be read is not an absent one");
}

#[tokio::test(start_paused = true)]
async fn a_conversation_nobody_knows_is_missing() {
    let transport = with_token(|_| Reply::status(404));
    let platform = Platform::new(builder().0.build(Arc::new(transport)));
    let look = platform.transcript(&ConversationId::new("c-1").unwrap(), Singles::All).await.unwrap();
    assert!(matches!(look, TranscriptLook::Missing));
}

/// An organisation where each conversation lists two messages, whose bulk read gives none and whose single reads give those that
/// `found` lets through; how many single reads there were.
async fn singles(conversations: usize, singles: Singles, found: fn(usize) -> bool) -> usize {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let transport = with_token(move |request| {
        let path = request.uri().path().to_owned();
        let Some((id, which)) = path.rsplit_once("/messages/") else {
            let id = path.rsplit('/').next().unwrap();
            let refs = [json!({"messageId": "m-1"}), json!({"messageId": "m-2"})];
            let people =
                json!([{"id": "p1", "purpose": "customer", "messages": [{"id": "k1", "messages": refs}]}]);
            return Reply::json(&json!({"id": id, "participants": people}));
        };
        assert!(id.starts_with("/api/v2/conversations/messages/c-"), "{path}");
        match which {
            "bulk" => Reply::json(&json!({"entities": []})),
            which if found(count.fetch_add(1, Ordering::Relaxed)) => Reply::json(&text(which)),
            _ => Reply::status(404),
        }
    });
    let platform = Platform::new(builder().0.build(Arc::new(transport)));
    for number in 0..conversations {
        // Clones count together.
        let id = ConversationId::new(format!("c-{number}")).unwrap();
        platform.clone().transcript(&id, singles).await.unwrap();
    }
    asked.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn reads_one_by_one_are_made_while_they_find_something_and_all_of_them_at_last() {
    assert_eq!(singles(100, Singles::WhileFound, |_| false).await, 16);
    assert_eq!(singles(100, Singles::All, |_| false).await, 200);
    // One that was found pays for sixteen more.
    assert_eq!(singles(100, Singles::WhileFound, |number| number == 15).await, 32);
    assert_eq!(singles(100, Singles::WhileFound, |number| number % 10 == 9).await, 200);
}
