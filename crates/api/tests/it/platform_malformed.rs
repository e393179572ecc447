//! Row R27 on the published contract: replies that are no answers, to every read of a pull. What the gateway's tests decide in
//! writing holds here as well, and what is kept is kept byte for byte.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use frontdesk_api::platform::{ReadAvailability, ReadJob, ReadLive, ReadMessage, ReadMessages, ReadResults};
use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{CallOptions, Client, Error, ErrorKind, TransportKind};
use frontdesk_domain::{ConversationId, PathSegment};
use serde_json::{Value, json};

use crate::json_classes;
use crate::support::{builder, with_token};

/// The reads of a pull.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Read {
    Live,
    Bulk,
    Single,
    Results,
    Job,
    Availability,
}

const KEEPING: [Read; 4] = [Read::Live, Read::Bulk, Read::Single, Read::Results];
const ALL: [Read; 6] = [Read::Live, Read::Bulk, Read::Single, Read::Results, Read::Job, Read::Availability];

impl Read {
    /// What is around the record that is kept.
    fn around(self) -> (&'static str, &'static str) {
        match self {
            Self::Bulk => (r#"{"entities":["#, "]}"),
            Self::Results => (r#"{"conversations":["#, "]}"),
            _ => ("", ""),
        }
    }

    /// A record with this value in a field that nobody knows.
    fn record(self, value: &[u8]) -> Vec<u8> {
        let id: &[u8] = if self == Self::Results { br#"{"conversationId""# } else { br#"{"id""# };
        [id, br#":"x","v":"#, value, b"}"].concat()
    }

    fn body(self, value: &[u8]) -> Vec<u8> {
        let (before, after) = self.around();
        [before.as_bytes(), &self.record(value), after.as_bytes()].concat()
    }

    /// The records that came of it.
    async fn ask(self, client: &Client) -> Result<Vec<Vec<u8>>, Error> {
        let (x, options) = (ConversationId::new("x").unwrap(), CallOptions::default());
        let job = PathSegment::new("x").unwrap();
        match self {
            Self::Live => {
                client.send(&ReadLive { id: x }, &options).await.map(|live| vec![live.body.to_vec()])
            }
            Self::Bulk => {
                let bulk = ReadMessages { conversation: x, ids: vec!["x".to_owned()] };
                let messages = client.send(&bulk, &options).await?;
                Ok(messages.iter().map(|message| message.bytes().to_vec()).collect())
            }
            Self::Single => {
                let single = ReadMessage { conversation: x, id: job };
                client.send(&single, &options).await.map(|message| vec![message.bytes().to_vec()])
            }
            Self::Results => {
                let results = client.send(&ReadResults { job, cursor: None, size: 10 }, &options).await?;
                let kept = results.conversations.into_iter().filter_map(Result::ok);
                Ok(kept.map(|conversation| conversation.record.into_bytes()).collect())
            }
            Self::Job => client.send(&ReadJob { job }, &options).await.map(|_| Vec::new()),
            Self::Availability => client.send(&ReadAvailability, &options).await.map(|_| Vec::new()),
        }
    }
}

/// What became of one answer, and how many requests it took.
async fn answer(read: Read, reply: Reply) -> (Result<Vec<Vec<u8>>, Error>, u64) {
    let client = builder().0.build(Arc::new(with_token(move |_| reply.clone())));
    let kept = read.ask(&client).await;
    (kept, client.counters().requests - 1)
}

async fn body(read: Read, bytes: impl Into<Vec<u8>>) -> (Result<Vec<Vec<u8>>, Error>, u64) {
    answer(read, Reply::status(200).header("content-type", "application/json").body(bytes.into())).await
}

#[tokio::test(start_paused = true)]
async fn values_that_json_allows_are_kept_byte_for_byte() {
    for value in json_classes::allowed(120) {
        for read in KEEPING {
            let (kept, requests) = body(read, read.body(value.as_bytes())).await;
            let kept = kept.unwrap_or_else(|error| panic!("{read:?}, {value}: {error}"));
            assert_eq!((kept, requests), (vec![read.record(value.as_bytes())], 1), "{read:?}, {value}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn values_that_json_forbids_are_malformed_and_asked_for_once() {
    for value in json_classes::forbidden() {
        let value = &value[..];
        for read in KEEPING {
            let (kept, requests) = body(read, read.body(value)).await;
            let shown = format!("{read:?}, {}", String::from_utf8_lossy(&value[..value.len().min(40)]));
            let error = kept.expect_err(&shown);
            // The record's own brace closes this one: where nothing is around the record, the answer ends too early.
            if value == b"{" && read.around() == ("", "") {
                assert_eq!(*error.kind(), ErrorKind::Transport(TransportKind::CutBody), "{shown}");
                assert!(requests > 1, "{shown}");
                continue;
            }
            assert!(matches!(error.kind(), ErrorKind::Malformed { .. }), "{shown}: {error}");
            assert_eq!(requests, 1, "{shown}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answers_of_another_shape_are_malformed() {
    for read in ALL {
        for text in [
            &b"[]"[..],
            b"null",
            b"7",
            b"\"x\"",
            b"<html></html>",
            b"\0\0\0\0",
            b"\xef\xbb\xbf{\"id\":\"x\"}",
            b"{\"id\":\"x\"}{}",
        ] {
            let (kept, requests) = body(read, text).await;
            let shown = format!("{read:?}, {}", String::from_utf8_lossy(text));
            assert!(matches!(kept.expect_err(&shown).kind(), ErrorKind::Malformed { .. }), "{shown}");
            assert_eq!(requests, 1, "{shown}");
        }
        let html = Reply::status(200).header("content-type", "text/html").body("<!doctype html>");
        let (kept, requests) = answer(read, html).await;
        assert!(matches!(kept.unwrap_err().kind(), ErrorKind::Malformed { .. }), "{read:?}");
        assert_eq!(requests, 1);
        // An empty 200 is no answer either, and is not taken for one.
        assert!(body(read, "").await.0.is_err(), "{read:?}");
    }
    for read in KEEPING {
        for cut in 1..read.body(b"[\"\xc3\xa9\"]").len() {
            let whole = read.body(b"[\"\xc3\xa9\"]");
            let (kept, requests) = body(read, &whole[..cut]).await;
            let cut_body = ErrorKind::Transport(TransportKind::CutBody);
            assert_eq!((kept.unwrap_err().kind(), requests), (&cut_body, 5), "{read:?} at {cut}");
        }
    }
}

/// Every place of a value within a document, as a JSON pointer.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                places(member, &format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                places(element, &format!("{at}/{index}"), all);
            }
        }
        _ => {}
    }
}

/// What the platform says (platform contract C.4.1, C.4.3, C.7, C.8), with every field that we look at.
fn whole(read: Read) -> Value {
    let at = "2026-03-02T09:14:02.118Z";
    let message = json!({"id": "x", "timestamp": at, "direction": "inbound", "status": "received",
        "conversationId": "x", "media": [{"id": "f", "name": "f.png"}], "textBody": "a",
        "normalizedMessage": {"id": "x", "type": "Text", "text": "a", "direction": "Inbound",
            "channel": {"time": at, "from": {"id": "g", "nickname": "G"}, "to": {"id": "u"}},
            "content": [{"contentType": "Attachment", "attachment": {"id": "f", "mediaType": "Image",
                "url": "https://example.com/f", "mime": "image/png", "filename": "f.png", "contentSizeBytes": 3}}],
            "metadata": {"customMessageId": "k"}},
        "normalizedReceipts": [{"id": "x", "status": "Delivered", "isFinalReceipt": true, "channel": {"time": at}}]});
    match read {
        Read::Single => message,
        Read::Bulk => json!({"entities": [message]}),
        Read::Live => {
            json!({"id": "x", "startTime": at, "endTime": at, "externalTag": "t", "participants": [
                {"id": "p", "purpose": "agent", "name": "A", "userId": "u", "queueId": "q", "startTime": at, "endTime": at,
                 "attributes": {"a": "b"}, "wrapupRequired": true, "wrapupPrompt": "w", "wrapup": {"code": "c"},
                 "conversationRoutingData": {"language": {"id": "l"}, "skills": [{"id": "s"}], "priority": 1},
                 "messages": [{"id": "k", "state": "connected", "direction": "inbound", "type": "webmessaging",
                    "held": false, "connectedTime": at, "disconnectedTime": at, "peerId": "o",
                    "fromAddress": {"addressNormalized": "f"}, "toAddress": {"addressNormalized": "t"},
                    "messages": [{"messageId": "m", "messageStatus": "sent", "messageTime": at,
                        "messageSegmentCount": 1, "errorInfo": {"code": "e"}}]}]}]})
        }
        Read::Results => {
            json!({"conversations": [{"conversationId": "x", "conversationStart": at, "conversationEnd": at,
                "originatingDirection": "inbound", "divisionIds": ["d"], "externalTag": "t", "participants": [
                    {"participantId": "p", "purpose": "customer", "participantName": "G", "userId": "u",
                     "attributes": {"a": "b"}, "sessions": [{"mediaType": "message", "messageType": "webmessaging",
                        "remote": "r", "segments": [{"segmentType": "interact", "segmentStart": at,
                            "segmentEnd": at, "queueId": "q", "wrapUpCode": "c"}],
                        "metrics": [{"name": "tHandle", "value": 3, "emitDate": at}]}]}]}],
                "totalHits": 1, "cursor": "c", "dataAvailabilityDate": at})
        }
        Read::Job => json!({"state": "FULFILLED", "submissionDate": at, "expirationDate": at}),
        Read::Availability => json!({"dataAvailabilityDate": at}),
    }
}

#[tokio::test(start_paused = true)]
async fn values_of_wrong_types_in_every_field_are_kept_or_refused_and_nothing_panics() {
    let wrong =
        [json!(null), json!(true), json!(-7), json!(1e300), json!("x"), json!([]), json!([[]]), json!({})];
    for read in ALL {
        let document = whole(read);
        assert!(body(read, document.to_string()).await.0.is_ok(), "{read:?}");
        let mut all = Vec::new();
        places(&document, "", &mut all);
        let refused = Arc::new(Mutex::new(BTreeSet::new()));
        for place in &all {
            for value in &wrong {
                let mut changed = document.clone();
                *changed.pointer_mut(place).unwrap() = value.clone();
                let (kept, requests) = body(read, changed.to_string()).await;
                assert_eq!(requests, 1, "{read:?}, {place}: {value}");
                match kept {
                    // What is kept is the platform's own, whatever it is.
                    Ok(kept) => {
                        let sent = changed.to_string();
                        for record in kept {
                            let record = String::from_utf8(record).unwrap();
                            assert!(sent.contains(&record), "{read:?}, {place}: {value}: {record}");
                        }
                    }
                    Err(error) => {
                        let kind = error.kind();
                        assert!(matches!(kind, ErrorKind::Malformed { .. }), "{read:?}, {place}: {error}");
                        refused.lock().unwrap().insert(place.clone());
                    }
                }
            }
        }
        // Only what an answer is nothing without may refuse it: a field of another type is as good as absent.
        let refused: Vec<String> = refused.lock().unwrap().iter().cloned().collect();
        let allowed: &[&str] = match read {
            Read::Live | Read::Single => &["", "/id"],
            Read::Bulk => &["", "/entities"],
            Read::Results => &["", "/conversations"],
            Read::Job => &["", "/state"],
            Read::Availability => &["", "/dataAvailabilityDate"],
        };
        assert!(refused.iter().all(|place| allowed.contains(&place.as_str())), "{read:?}: {refused:?}");
    }
}
