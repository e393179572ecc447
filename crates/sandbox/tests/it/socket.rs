//! Over a real socket: what travels is what the reply says, to the byte.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use frontdesk_sandbox::{Config, FaultPlan, Running, Sandbox, serve};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{DETAILS, YEAR, query, small};

async fn running(plan: Value) -> Running {
    let faults: FaultPlan = serde_json::from_value(plan).unwrap();
    let sandbox = Sandbox::new(Config { faults, ..small() }).unwrap();
    serve(Arc::new(sandbox), SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap()
}

/// Sends one request on a connection of its own; returns all that came back, and how it ended.
async fn exchange(running: &Running, head: &str, body: &str) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    let request = format!("{head}\r\nhost: sandbox\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    // Who is refused early may not get to write it all.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut received = Vec::new();
    let ended = stream.read_to_end(&mut received).await.err().map(|error| error.kind());
    (received, ended)
}

fn split(answer: &[u8]) -> (String, &[u8]) {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    (String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase(), &answer[end..])
}

async fn details(running: &Running, size: u64) -> (Vec<u8>, Option<ErrorKind>) {
    let ready = running.ready();
    let body = json!({"grant_type": "client_credentials", "client_id": ready.client_id, "client_secret": ready.client_secret});
    let head = "POST /oauth/token HTTP/1.1\r\nconnection: close\r\ncontent-type: application/json";
    let (answer, _) = exchange(running, head, &body.to_string()).await;
    let token: Value = serde_json::from_slice(split(&answer).1).unwrap();
    let token = token["access_token"].as_str().unwrap();
    let head = format!("POST {DETAILS} HTTP/1.1\r\nconnection: close\r\nauthorization: Bearer {token}");
    exchange(running, &head, &query(YEAR, size).to_string()).await
}

fn on_details(then: Value) -> Value {
    json!({"rules": [{"when": {"path": DETAILS}, "then": then}]})
}

#[tokio::test]
async fn a_page_arrives_whole() {
    let running = running(json!({})).await;
    assert_eq!(running.ready().base_url, format!("http://{}", running.address()));
    let (answer, ended) = details(&running, 300).await;
    let (head, body) = split(&answer);
    assert!(head.starts_with("http/1.1 200") && ended.is_none());
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    let page: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(page["conversations"].as_array().unwrap().len(), 300);
    running.stop().await;
}

#[tokio::test]
async fn a_cut_body_ends_in_order_at_its_byte() {
    // 300 conversations are more than a socket buffer holds.
    for byte in [0, 1, 1_000, 1_000_000] {
        let running = running(on_details(json!({"cut": {"byte": byte}}))).await;
        let (answer, ended) = details(&running, 300).await;
        let (head, body) = split(&answer);
        assert_eq!((body.len(), ended), (byte, None));
        let promised = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
        assert!(promised.parse::<usize>().unwrap() > byte);
    }
    let running = running(on_details(json!({"cut": "before_head"}))).await;
    assert_eq!(details(&running, 1).await, (Vec::new(), None));
}

#[tokio::test]
async fn a_reset_is_a_reset() {
    for byte in [0, 1_000, 1_000_000] {
        let running = running(on_details(json!({"reset": {"byte": byte}}))).await;
        let (answer, ended) = details(&running, 300).await;
        assert_eq!(ended, Some(ErrorKind::ConnectionReset));
        // A reset overtakes what the receiver has not taken yet: no more arrives, perhaps less.
        let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(0, |end| end + 4);
        assert!(answer.len() <= head + byte);
    }
    let running = running(on_details(json!({"reset": "before_head"}))).await;
    assert_eq!(details(&running, 1).await, (Vec::new(), Some(ErrorKind::ConnectionReset)));
}

#[tokio::test]
async fn a_stalled_answer_stops_and_stays() {
    let running = running(json!({"rules": [{"then": {"stall": {"byte": 10}}}]})).await;
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    stream.write_all(b"GET /oauth/token HTTP/1.1\r\nhost: sandbox\r\n\r\n").await.unwrap();
    let mut received = Vec::new();
    while !received.windows(4).any(|bytes| bytes == b"\r\n\r\n") || split(&received).1.len() < 10 {
        assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0);
    }
    // Only the end of the sandbox ends it.
    drop(running);
    stream.read_to_end(&mut received).await.unwrap();
    assert_eq!(split(&received).1.len(), 10);
}

#[tokio::test]
async fn requests_too_large_are_refused() {
    let running = running(json!({})).await;
    let (answer, _) = exchange(
        &running,
        &format!("POST {DETAILS} HTTP/1.1\r\nconnection: close"),
        &" ".repeat((4 << 20) + 1),
    )
    .await;
    assert!(split(&answer).0.starts_with("http/1.1 413"));
    let head = format!("GET / HTTP/1.1\r\nconnection: close\r\nlong: {}", "x".repeat(1 << 20));
    let (answer, _) = exchange(&running, &head, "").await;
    assert!(!answer.starts_with(b"HTTP/1.1 404"), "it was read to its end");
}

#[tokio::test]
async fn a_connection_serves_many_requests_and_stop_ends_it() {
    let running = running(json!({})).await;
    let mut stream = TcpStream::connect(running.address()).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /_sandbox/stats HTTP/1.1\r\nhost: sandbox\r\n\r\n").await.unwrap();
        let mut received = Vec::new();
        while !received.ends_with(b"}}") {
            assert_ne!(stream.read_buf(&mut received).await.unwrap(), 0);
        }
    }
    running.stop().await;
    let mut rest = Vec::new();
    assert_eq!(stream.read_to_end(&mut rest).await.unwrap(), 0);
}

#[tokio::test]
async fn a_trickling_answer_arrives_byte_by_byte_and_whole() {
    let running = running(json!({"rules": [{"then": {"trickle": {"every_ms": 1}}}]})).await;
    let (answer, ended) = exchange(&running, "GET /nowhere HTTP/1.1\r\nconnection: close", "").await;
    let (head, body) = split(&answer);
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())) && ended.is_none());
    assert_eq!(serde_json::from_slice::<Value>(body).unwrap()["status"], 404);
    running.stop().await;
}

#[tokio::test]
async fn requests_that_are_under_way_together_are_counted() {
    let running = running(json!({"rules": [{"when": {"method": "GET"}, "delay_ms": 300}]})).await;
    let one = || exchange(&running, "GET /media/0/1/x.png HTTP/1.1\r\nconnection: close", "");
    tokio::join!(one(), one(), one());
    one().await;
    let (answer, _) = exchange(&running, "GET /_sandbox/stats HTTP/1.1\r\nconnection: close", "").await;
    let stats: Value = serde_json::from_slice(split(&answer).1).unwrap();
    assert_eq!(stats["at_once"], json!({"GET /media/{conversation}/{media}/{name}": 3}));
    running.stop().await;
}
