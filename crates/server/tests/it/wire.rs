//! Clients that are silent, dribble, do not read, or send what is too much.

use std::time::Duration;

use frontdesk_server::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Made, Served, in_time, rest, status};

fn short() -> Limits {
    Limits::default().with(|limits| {
        limits.silence = Duration::from_millis(100);
        limits.head = Duration::from_millis(200);
        limits.stall = Duration::from_millis(200);
    })
}

#[tokio::test]
async fn who_says_nothing_is_closed() {
    let served = Served::start(Made::of(1), short());
    let mut stream = served.connect().await;
    assert_eq!(rest(&mut stream).await, "", "nothing was asked, so nothing is answered");
    // Also after a request that was answered.
    let mut stream = served.connect().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let answer = rest(&mut stream).await;
    assert_eq!(status(&answer), 200);
    assert!(answer.ends_with("{\"status\":\"ok\"}"), "{answer}");
}

#[tokio::test]
async fn who_dribbles_a_head_is_closed() {
    let served = Served::start(Made::of(1), short());
    let (mut reader, mut writer) = served.connect().await.into_split();
    let mut dribbling = tokio::task::JoinSet::new();
    dribbling.spawn(async move {
        let head = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n".iter().chain(std::iter::repeat(&b'x'));
        for byte in head {
            if writer.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let mut answer = Vec::new();
    let _ = in_time(reader.read_to_end(&mut answer)).await;
    let answer = String::from_utf8_lossy(&answer);
    assert_eq!(status(&answer), 408, "{answer}");
    in_time(dribbling.join_next()).await;
}

#[tokio::test]
async fn who_does_not_read_is_closed() {
    let served = Served::start(Made::of(10_000_000), short());
    let mut stream = served.connect().await;
    stream.write_all(b"GET /api/v1/archive/search?q=a HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    // Once the server has given up, what it sent before is all there is.
    let read = in_time(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut read = 0;
        let mut piece = vec![0; 1 << 20];
        while let Ok(some @ 1..) = stream.read(&mut piece).await {
            read += some;
        }
        read
    })
    .await;
    assert!(read < 64 << 20, "{read} bytes came: it was not closed");
    assert_eq!(status(&served.get("/healthz").await), 200);
}

#[tokio::test]
async fn what_is_too_much_is_named() {
    let served = Served::start(Made::of(1), Limits::default());
    let long = "a".repeat(1 << 20);
    let fields = "x: y\r\n".repeat(10_000);
    for (request, expected) in [
        (format!("GET /api/v1/archive/search?q={long} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 414),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", &long[..64 << 10]), 431),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"), 431),
        (
            format!(
                "GET /api/v1/archive/search?q={} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                &long[..5_000]
            ),
            400,
        ),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n{long}"), 413),
        (format!("POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n{long}"), 405),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n".to_owned(), 413),
    ] {
        let answer = served.exchange(request.as_bytes()).await;
        assert_eq!(status(&answer), expected, "{}: {answer}", &request[..40]);
        let head = answer.split_once("\r\n\r\n").unwrap().0;
        assert!(head.contains("connection: close") && head.contains("nosniff"), "{head}");
        assert!(head.contains("application/problem+json"), "{head}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "one request, one answer: {answer}");
    }
    served.stop().await;
}

#[tokio::test]
async fn requests_that_come_together_are_answered_in_turn_and_a_bad_one_ends_them() {
    let served = Served::start(Made::of(3), Limits::default());
    let good = "GET /api/v1/archive/search?q=first HTTP/1.1\r\nHost: localhost\r\n\r\n\
                GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer =
        served.exchange(format!("{good}GET /{} HTTP/1.1\r\n\r\n{good}", "x".repeat(20_000)).as_bytes()).await;
    let found = |text: &str| answer.matches(text).count();
    assert_eq!((found("HTTP/1.1 200 OK"), found("HTTP/1.1 414")), (2, 1), "{answer}");
    assert!(answer.find("c-2").unwrap() < answer.find("\"ok\"").unwrap());
    assert!(answer.find("\"ok\"").unwrap() < answer.find("HTTP/1.1 414").unwrap());
}

#[tokio::test]
async fn a_client_that_has_said_all_still_gets_its_answer() {
    let served = Served::start(Made::of(1), Limits::default());
    let mut stream = served.connect().await;
    stream.write_all(b"GET /api/v1/archive/search?q=a HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.contains("c-0") && answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let served = Served::start(Made::of(1), short());
    for nonsense in
        ["hello\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n", "GET /\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
    {
        let answer = served.exchange(nonsense.as_bytes()).await;
        assert!(matches!(status(&answer), 0 | 400 | 505), "{nonsense:?}: {answer}");
    }
    // A line break in a value begins no header of its own.
    let answer = served.get("/api/v1/archive/search?q=a%0d%0aX-Injected:%20yes").await;
    assert_eq!(status(&answer), 200);
    assert!(!answer.split_once("\r\n\r\n").unwrap().0.to_lowercase().contains("x-injected"), "{answer}");
}

#[tokio::test]
async fn when_all_places_are_taken_the_quietest_makes_room() {
    let limits = Limits::default().with(|limits| limits.connections = 4);
    let served = Served::start(Made::of(1), limits);
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(served.connect().await);
        assert_eq!(status(&served.get("/healthz").await), 200);
    }
    // The first ones were closed for the later ones.
    assert_eq!(rest(&mut silent[0]).await, "");
}
