//! Callbacks as they arrive: whole, cut, slow, too large, forged, and one after the other on a connection.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_domain::Timestamp;
use frontdesk_domain::callback::CallbackKey;
use frontdesk_domain::signature::SigningSecret;
use frontdesk_server::{
    BindError, Callback, CallbackDesk, Callbacks, Faces, Limits, Server, Taking, Untaken, Warnings,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Made, Served, in_time, rest, status};

const BODY: &str = r#"{"conversationId":"c-1","attributes":{"a":"b"}}"#;

/// Notes what it gets, and answers as it is told.
#[derive(Debug, Default)]
struct Noting {
    got: Mutex<Vec<(String, CallbackKey)>>,
    refuses: Option<Untaken>,
}

impl CallbackDesk for Noting {
    fn take(&self, callback: Callback) -> Taking<'_> {
        Box::pin(async move {
            let id = callback.content.conversation_id().to_owned();
            self.got.lock().unwrap().push((id, callback.key));
            self.refuses.map_or(Ok(()), Err)
        })
    }
}

impl Noting {
    fn count(&self) -> usize {
        self.got.lock().unwrap().len()
    }
}

fn secret() -> SigningSecret {
    SigningSecret::from_bytes(&[7; 32]).unwrap()
}

fn callbacks(desk: &Arc<Noting>, secrets: &[SigningSecret]) -> Callbacks {
    let now = || Timestamp::from_micros(1_000_000_000_000).unwrap();
    Callbacks::new(Arc::clone(desk) as _, secrets.to_vec(), Arc::new(now))
}

fn listening(desk: &Arc<Noting>, secrets: &[SigningSecret], limits: Limits) -> Served {
    Served::faces(Faces::default().callbacks(callbacks(desk, secrets)), limits)
}

fn post(fields: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /webhook/callback HTTP/1.1\r\nHost: crm.example\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
    )
}

fn last(fields: &str, body: &str) -> Vec<u8> {
    post(&format!("Connection: close\r\n{fields}"), body).into_bytes()
}

#[tokio::test]
async fn what_is_no_callback_is_refused_and_never_reaches_the_desk() {
    let desk = Arc::new(Noting::default());
    let served = listening(&desk, &[], Limits::default());
    for body in
        ["", "x", "{", "[]", "[\"c\",{}]", "7", "{}", r#"{"conversationId":7}"#, r#"{"conversationId":""}"#]
    {
        let answer = served.exchange(&last("", body)).await;
        assert_eq!(status(&answer), 400, "{body}: {answer}");
        assert!(answer.contains("application/problem+json"), "{answer}");
    }
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let request =
            format!("{method} /webhook/callback HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = served.exchange(request.as_bytes()).await;
        assert_eq!(status(&answer), 405, "{method}: {answer}");
        assert!(answer.contains("allow: POST\r\n"), "{method}: {answer}");
    }
    // A page in a browser says where it comes from, whatever else it says.
    let answer = served.exchange(&last("Origin: https://evil.example\r\n", BODY)).await;
    assert_eq!(status(&answer), 403, "{answer}");
    let answer = served.exchange(&last("webhook-id: a\r\nwebhook-id: b\r\n", BODY)).await;
    assert_eq!(status(&answer), 400, "{answer}");
    assert_eq!(desk.count(), 0);
    assert_eq!(status(&served.exchange(&last("", BODY)).await), 200);
    assert_eq!(desk.got.lock().unwrap()[0], ("c-1".to_owned(), CallbackKey::of_body(BODY.as_bytes())));
    served.stop().await;
}

#[tokio::test]
async fn a_forgery_is_answered_with_nothing_at_all() {
    let desk = Arc::new(Noting::default());
    let served = listening(&desk, &[secret()], Limits::default());
    let signed = |skew: i64, body: &str| {
        let at = 1_000_000 + skew;
        let signature = secret().sign("m-1", at, body.as_bytes());
        format!("webhook-id: m-1\r\nwebhook-timestamp: {at}\r\nwebhook-signature: {signature}\r\n")
    };
    let good = signed(0, BODY);
    let forged = [
        String::new(),
        good.replace("m-1", "m-2"),
        good.replace("1000000", "1000001"),
        good.replace("v1,", "v1a,"),
        signed(301, BODY),
        signed(-301, BODY),
        format!("{good}webhook-id: m-1\r\n"),
        format!("{good}webhook-signature: v1,AAAA\r\n"),
        signed(0, &BODY.replace(':', ": ")),
    ];
    for fields in &forged {
        let answer = served.exchange(&last(fields, BODY)).await;
        assert_eq!(status(&answer), 401, "{fields}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(body, "", "no detail");
        assert!(head.contains("content-length: 0"), "{head}");
    }
    // What is not even JSON hears no more than that: it is not signed.
    assert_eq!(status(&served.exchange(&last("", "x")).await), 401);
    assert_eq!(desk.count(), 0);
    for skew in [-300, 0, 300] {
        assert_eq!(status(&served.exchange(&last(&signed(skew, BODY), BODY)).await), 200);
    }
    assert_eq!(desk.got.lock().unwrap()[0].1, CallbackKey::of_id("m-1").unwrap());
    served.stop().await;
}

#[tokio::test]
async fn bodies_follow_each_other_on_one_connection() {
    let desk = Arc::new(Noting::default());
    let served = listening(&desk, &[], Limits::default());
    // All at once, the last in many pieces: where a body ends is known to the byte.
    let large = format!(r#"{{"conversationId":"c-2","attributes":"{}"}}"#, "x".repeat(500_000));
    let mut bytes = Vec::new();
    for body in [BODY, r#"{"conversationId":7}"#, &large, BODY] {
        bytes.extend_from_slice(post("", body).as_bytes());
    }
    bytes.extend_from_slice(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answers = served.exchange(&bytes).await;
    let statuses: Vec<_> = answers.match_indices("HTTP/1.1 ").map(|(at, _)| status(&answers[at..])).collect();
    assert_eq!(statuses, [200, 400, 200, 200, 200], "{answers}");
    assert_eq!(desk.count(), 3);
    // Chunked as well; that connection then ends, since only the parser knows where.
    let chunked = format!(
        "POST /webhook/callback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{BODY}\r\n0\r\n\r\n",
        BODY.len()
    );
    let answer = served.exchange(chunked.as_bytes()).await;
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    // A client that asks before it sends.
    let mut stream = served.connect().await;
    let head = format!(
        "POST /webhook/callback HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        BODY.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    in_time(stream.read_exact(&mut go_on)).await.unwrap();
    assert!(go_on.starts_with(b"HTTP/1.1 100"), "{go_on:?}");
    stream.write_all(BODY.as_bytes()).await.unwrap();
    assert_eq!(status(&rest(&mut stream).await), 200);
    served.stop().await;
}

#[tokio::test]
async fn a_body_has_its_size_its_time_and_its_share() {
    let desk = Arc::new(Noting::default());
    let limits = Limits::default().with(|limits| {
        limits.body = Duration::from_millis(300);
        limits.bodies_bytes = 3 << 20;
    });
    let served = listening(&desk, &[], limits);
    // One that says how long it is, and one that does not.
    let large = "x".repeat(2 << 20);
    let announced = served.exchange(post("", &large).as_bytes()).await;
    assert_eq!(status(&announced), 413, "{announced}");
    let mut chunked =
        b"POST /webhook/callback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    chunked.extend_from_slice(format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len()).as_bytes());
    let streamed = served.exchange(&chunked).await;
    assert_eq!(status(&streamed), 413, "{streamed}");
    // 1 MiB exactly is read, and is no callback.
    let whole = "x".repeat(1 << 20);
    assert_eq!(status(&served.exchange(&last("", &whole)).await), 400);
    // Slow, and cut.
    let mut stream = served.connect().await;
    stream.write_all(&post("", BODY).into_bytes()[..120]).await.unwrap();
    let slow = rest(&mut stream).await;
    assert_eq!(status(&slow), 408, "{slow}");
    let mut stream = served.connect().await;
    stream.write_all(&post("", BODY).into_bytes()[..120]).await.unwrap();
    stream.shutdown().await.unwrap();
    let cut = rest(&mut stream).await;
    assert!(matches!(status(&cut), 0 | 400), "{cut}");
    // A place is given back with the body, however that ended.
    for _ in 0..20 {
        assert_eq!(status(&served.exchange(&last("", &whole)).await), 400);
    }
    assert_eq!(desk.count(), 0);
    // More than fits: whoever comes last is asked to come again.
    let tight = Limits::default().with(|limits| limits.bodies_bytes = 10);
    let narrow = listening(&desk, &[], tight);
    let busy = narrow.exchange(&last("", BODY)).await;
    assert_eq!(status(&busy), 503, "{busy}");
    assert!(busy.contains("retry-after: 1\r\n"), "{busy}");
    narrow.stop().await;
    served.stop().await;
}

#[tokio::test]
async fn what_the_desk_says_is_what_is_answered() {
    for (refuses, expected) in
        [(None, 200), (Some(Untaken::NotStored), 503), (Some(Untaken::NotDelivered), 502)]
    {
        let desk = Arc::new(Noting { refuses, ..Noting::default() });
        let served = listening(&desk, &[], Limits::default());
        assert_eq!(status(&served.exchange(&last("", BODY)).await), expected);
        assert_eq!(desk.count(), 1);
        served.stop().await;
    }
}

#[tokio::test]
async fn the_archive_and_the_listener_keep_out_of_each_others_way() {
    let desk = Arc::new(Noting::default());
    let both = Faces::default().archive(Made::of(1)).callbacks(callbacks(&desk, &[]));
    let served = Served::faces(both, Limits::default());
    assert_eq!(status(&served.get("/api/v1/archive/search?q=a").await), 200);
    assert_eq!(status(&served.exchange(&last("", BODY)).await), 200);
    // Elsewhere bodies and other names are refused as ever.
    let body = b"POST /api/v1/archive/search?q=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(status(&served.exchange(body).await), 405);
    let foreign = b"GET /healthz HTTP/1.1\r\nHost: crm.example\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&served.exchange(foreign).await), 421);
    served.stop().await;
    // Without a listener there is nothing at its path, and without an archive nothing at the search's.
    let served = Served::start(Made::of(1), Limits::default());
    assert_eq!(status(&served.exchange(&last("", BODY)).await), 404);
    served.stop().await;
    let served = listening(&desk, &[], Limits::default());
    assert_eq!(status(&served.get("/api/v1/archive/search?q=a").await), 404);
    assert_eq!(status(&served.get("/healthz").await), 200);
    served.stop().await;
}

#[tokio::test]
async fn only_a_listener_that_asks_for_signatures_listens_to_other_machines() {
    let desk = Arc::new(Noting::default());
    let everywhere = ([0, 0, 0, 0], 0).into();
    let bind = |faces| Server::serving(faces, everywhere, Limits::default(), Warnings::default());
    let listener = |secrets: &[SigningSecret]| Faces::default().callbacks(callbacks(&desk, secrets));
    assert!(matches!(bind(listener(&[])), Err(BindError::NotLoopback(_))));
    assert!(matches!(bind(listener(&[secret()]).archive(Made::of(1))), Err(BindError::NotLoopback(_))));
    assert!(bind(listener(&[secret()])).is_ok());
}
