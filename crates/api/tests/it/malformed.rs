//! Row R27: replies that are no page. Valid ones are taken and their bytes kept, invalid ones refused, and where JSON
//! leaves it open it is decided here, in writing.

use std::sync::Arc;

use frontdesk_api::transport::memory::Reply;
use frontdesk_api::{ConversationSource as _, Error, ErrorKind, Gateway, TransportKind};
use futures_util::StreamExt as _;

use crate::gateway::query;
use crate::json_classes;
use crate::support::{builder, with_token};

/// What became of one answer: the exact bytes of its records, or the error; and how many requests it took.
async fn answer(reply: Reply) -> (Result<Vec<Vec<u8>>, Error>, u64) {
    let client = builder().0.build(Arc::new(with_token(move |_| reply.clone())));
    let gateway = Gateway::new(client);
    let mut pages = gateway.conversations(query());
    let first = pages.next().await.unwrap();
    let records = first.map(|page| {
        let records = page.conversations.into_iter().filter_map(Result::ok);
        records.map(|conversation| conversation.record.into_bytes()).collect()
    });
    (records, gateway.counters().requests - 1)
}

async fn body(bytes: impl Into<Vec<u8>>) -> (Result<Vec<Vec<u8>>, Error>, u64) {
    answer(Reply::status(200).header("content-type", "application/json").body(bytes.into())).await
}

/// A page of one record that holds this value.
fn with_value(value: &[u8]) -> Vec<u8> {
    [br#"{"conversations":[{"id":"x","v":"#, value, b"}]}"].concat()
}

#[tokio::test(start_paused = true)]
async fn values_that_json_allows_are_kept_byte_for_byte() {
    for value in json_classes::allowed(125) {
        let (records, requests) = body(with_value(value.as_bytes())).await;
        let expected = format!(r#"{{"id":"x","v":{value}}}"#);
        assert_eq!(records.unwrap(), [expected.into_bytes()], "{value}");
        assert_eq!(requests, 1);
    }
    // White space between tokens goes, within tokens it stays.
    let (records, _) = body(with_value(b" [ 1 ,\r\n\t\" a b \" , { } ] ")).await;
    assert_eq!(records.unwrap(), [br#"{"id":"x","v":[1," a b ",{}]}"#]);
}

#[tokio::test(start_paused = true)]
async fn values_that_json_forbids_are_malformed_and_asked_for_once() {
    for value in json_classes::forbidden() {
        let value = &value[..];
        let (records, requests) = body(with_value(value)).await;
        let shown = String::from_utf8_lossy(&value[..value.len().min(40)]).into_owned();
        let error = records.expect_err(&shown);
        assert!(matches!(error.kind(), ErrorKind::Malformed { .. }), "{shown}: {error}");
        assert_eq!(requests, 1, "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn pages_of_another_shape_are_malformed() {
    let token = r#"{"conversations":[],"nextPage":"#;
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "it is empty"),
        (b"[]".to_vec(), "it is no JSON object"),
        (b"null".to_vec(), "it is no JSON object"),
        (b"\"conversations\"".to_vec(), "it is no JSON object"),
        (b"{}".to_vec(), "it has no conversations"),
        (br#"{"nextPage":"x"}"#.to_vec(), "it has no conversations"),
        (br#"{"Conversations":[]}"#.to_vec(), "it has no conversations"),
        (br#"{"conversations":null}"#.to_vec(), "its conversations are no array"),
        (br#"{"conversations":{}}"#.to_vec(), "its conversations are no array"),
        (br#"{"conversations":"[]"}"#.to_vec(), "its conversations are no array"),
        (br#"{"conversations":[],"conversations":7}"#.to_vec(), "its conversations are no array"),
        (format!("{token}7}}").into_bytes(), "its nextPage is no text, or no Unicode text"),
        (format!("{token}[\"a\"]}}").into_bytes(), "its nextPage is no text, or no Unicode text"),
        (format!("{token}false}}").into_bytes(), "its nextPage is no text, or no Unicode text"),
        (format!("{token}\"\\ud800\"}}").into_bytes(), "its nextPage is no text, or no Unicode text"),
    ];
    for (text, what) in cases {
        let (records, requests) = body(text.clone()).await;
        let error = records.unwrap_err();
        assert_eq!(
            *error.kind(),
            ErrorKind::Malformed { what: what.to_owned() },
            "{}",
            String::from_utf8_lossy(&text)
        );
        assert_eq!(requests, 1);
    }
    // A byte order mark, two values, an HTML page: refused where they begin.
    for text in [
        &b"\xef\xbb\xbf{\"conversations\":[]}"[..],
        b"{\"conversations\":[]}{}",
        b"<html></html>",
        b"\0\0\0\0",
        b"  x",
    ] {
        let (records, requests) = body(text).await;
        assert!(matches!(records.unwrap_err().kind(), ErrorKind::Malformed { .. }));
        assert_eq!(requests, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn statuses_that_are_not_the_contracts_are_malformed() {
    for status in [201, 202, 203, 204, 205, 206, 299] {
        let (records, requests) = answer(Reply::status(status).body(r#"{"conversations":[]}"#)).await;
        let what = format!("status {status} where 200 was expected");
        assert_eq!(*records.unwrap_err().kind(), ErrorKind::Malformed { what });
        assert_eq!(requests, 1);
    }
    let html = Reply::status(200).header("content-type", " Text/HTML; charset=utf-8").body("<!doctype html>");
    let error = answer(html).await.0.unwrap_err();
    assert!(error.to_string().contains("it is an HTML page"), "{error}");
    for encoding in ["br", "zstd", "gzip, gzip", "deflate", "x"] {
        let reply = Reply::status(200).header("content-encoding", encoding).body(r#"{"conversations":[]}"#);
        assert!(
            matches!(answer(reply).await.0.unwrap_err().kind(), ErrorKind::Malformed { .. }),
            "{encoding}"
        );
    }
    let identity = Reply::status(200).header("content-encoding", "identity").body(r#"{"conversations":[]}"#);
    assert!(answer(identity).await.0.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_ends_too_early_is_a_cut_body_and_repeated() {
    for text in [
        &b"{"[..],
        b"{\"conversations\":[",
        b"{\"conversations\":[{\"id\":\"a\"}]",
        b"{\"conversations\":[{\"id\":\"\xc3",
        b"   ",
    ] {
        let (records, requests) = body(text).await;
        assert_eq!(*records.unwrap_err().kind(), ErrorKind::Transport(TransportKind::CutBody));
        assert_eq!(requests, 5);
    }
}

#[tokio::test(start_paused = true)]
async fn elements_that_are_no_conversations_leave_the_others() {
    let long = "i".repeat(1_025);
    let text = format!(
        r#"{{"conversations":[{{"id":"a"}},7,null,"x",[],{{}},{{"id":7}},{{"id":""}},{{"id":"{long}"}},{{"interactionId":"b"}}]}}"#
    );
    let (records, _) = body(text).await;
    assert_eq!(records.unwrap(), [&br#"{"id":"a"}"#[..], br#"{"interactionId":"b"}"#]);
}

#[tokio::test(start_paused = true)]
async fn a_very_long_string_is_a_record_and_one_beyond_the_cap_is_not() {
    let long = with_value(format!("\"{}\"", "a".repeat(50 << 20)).as_bytes());
    let (records, _) = body(long).await;
    assert_eq!(records.unwrap()[0].len(), (50 << 20) + 17);
    let (records, requests) = body(with_value(format!("\"{}\"", "a".repeat(64 << 20)).as_bytes())).await;
    assert_eq!(*records.unwrap_err().kind(), ErrorKind::TooLarge { limit: 64 << 20 });
    assert_eq!(requests, 1);
}
