//! Rows R21, R26-R28, R33 and what else needs a real connection. Real time, and nothing asserted about it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::endpoint::{Auth, BodyReader, DecodeError, EncodeError, Endpoint, Repeat};
use frontdesk_api::transport::reqwest::{ReqwestOptions, ReqwestTransport};
use frontdesk_api::{
    BaseUrl, CallOptions, Client, ConversationSource as _, Credentials, Error, ErrorKind, Gateway, Stop,
    Timeouts, TransportKind,
};
use frontdesk_domain::Secret;
use frontdesk_sandbox::{Config, FaultPlan, Sandbox};
use futures_util::StreamExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::gateway::query;
use crate::support::{Open, credentials};

/// One for all tests: it reads the platform's roots, which takes a while.
static TRANSPORT: LazyLock<ReqwestTransport> =
    LazyLock::new(|| ReqwestTransport::new(&ReqwestOptions::default()).unwrap());

/// What the server does on its n-th connection, counted from 0.
#[derive(Debug, Clone)]
enum Act {
    /// Writes this and closes in order.
    Say(Vec<u8>),
    /// Writes this and resets the connection.
    Break(Vec<u8>),
    /// Writes this and says nothing more.
    Fall(Vec<u8>),
}

struct Server {
    base: BaseUrl,
    connections: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Server {
    async fn start(act: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut open = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let act = act(counter.fetch_add(1, Ordering::Relaxed));
                open.spawn(async move { converse(stream, act).await });
            }
        });
        Self { base, connections, _serving: serving }
    }

    fn client(&self) -> Client {
        let mut timeouts = Timeouts::default();
        (timeouts.head, timeouts.idle) = (Duration::from_millis(1_500), Duration::from_millis(700));
        Client::builder(self.base.clone(), credentials())
            .timeouts(timeouts)
            .build(Arc::new(TRANSPORT.clone()))
    }

    async fn ask(&self, attempts: u32) -> Result<usize, Error> {
        self.client().send(&Open {}, &CallOptions::default().attempts(attempts)).await
    }
}

async fn converse(mut stream: TcpStream, act: Act) {
    let mut request = Vec::new();
    let mut buffer = [0; 4_096];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
    }
    let (Act::Say(bytes) | Act::Break(bytes) | Act::Fall(bytes)) = &act;
    let _ = stream.write_all(bytes).await;
    match act {
        Act::Say(_) => {
            let _ = stream.shutdown().await;
            // Whatever the client still sends is read, or the kernel would reset the connection.
            while matches!(stream.read(&mut buffer).await, Ok(read) if read > 0) {}
        }
        Act::Break(_) => {
            let _ = stream.flush().await;
            tokio::time::sleep(Duration::from_millis(50)).await;
            stream.set_zero_linger().unwrap();
        }
        Act::Fall(_) => std::future::pending().await,
    }
}

const GOOD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{\"pong\": 12}";

fn http(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes(), body].concat()
}

#[tokio::test]
async fn what_is_not_proper_http_is_classified() {
    use TransportKind::{CutBody, Protocol, Reset, Timeout};
    let zeros = include_bytes!("zeros.gz").as_slice();
    let gzip =
        |body: &[u8]| http(&format!("content-encoding: gzip\r\ncontent-length: {}\r\n", body.len()), body);
    let mut damaged = zeros.to_vec();
    damaged[20] ^= 0xff;
    let mut wrong_sum = zeros.to_vec();
    let end = wrong_sum.len() - 8;
    wrong_sum[end] ^= 0xff;
    let cases: Vec<(&str, Act, TransportKind)> = vec![
        ("closed without a word", Act::Say(Vec::new()), Reset),
        ("half a status line", Act::Say(b"HTTP/1.1 2".to_vec()), Reset),
        ("half a head", Act::Say(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()), Reset),
        ("reset without a word", Act::Break(Vec::new()), Reset),
        ("silence", Act::Fall(Vec::new()), Timeout),
        ("silence in the head", Act::Fall(b"HTTP/1.1 200 OK\r\ncont".to_vec()), Timeout),
        ("no HTTP", Act::Say(b"220 mail.example ESMTP\r\n\r\n".to_vec()), Protocol),
        ("another HTTP", Act::Say(b"HTTP/9.9 200 OK\r\n\r\n".to_vec()), Protocol),
        ("a bad header", Act::Say(http("a b: c\r\n", b"")), Protocol),
        ("two lengths", Act::Say(http("content-length: 3\r\ncontent-length: 4\r\n", b"abcd")), Protocol),
        ("no length", Act::Say(http("content-length: many\r\n", b"abcd")), Protocol),
        ("a length too long", Act::Say(http("content-length: 9\r\n", b"abcd")), CutBody),
        ("a reset in the body", Act::Break(http("content-length: 9\r\n", b"abcd")), CutBody),
        ("silence in the body", Act::Fall(http("content-length: 9\r\n", b"abcd")), Timeout),
        (
            "a bad chunk size",
            Act::Say(http("transfer-encoding: chunked\r\n", b"zz\r\nabcd\r\n0\r\n\r\n")),
            Protocol,
        ),
        (
            "a huge chunk size",
            Act::Say(http("transfer-encoding: chunked\r\n", b"fffffffffffffffff\r\nabcd")),
            Protocol,
        ),
        ("a chunk cut", Act::Say(http("transfer-encoding: chunked\r\n", b"9\r\nabcd")), CutBody),
        ("no last chunk", Act::Say(http("transfer-encoding: chunked\r\n", b"4\r\nabcd\r\n")), CutBody),
        ("no gzip", Act::Say(gzip(b"abcd, which is not gzip")), Protocol),
        ("gzip, damaged", Act::Say(gzip(&damaged)), Protocol),
        ("gzip, wrong sum", Act::Say(gzip(&wrong_sum)), Protocol),
        ("gzip, cut", Act::Say(gzip(&zeros[..zeros.len() / 2])), CutBody),
    ];
    let mut asked = JoinSet::new();
    for (name, act, kind) in cases {
        asked.spawn(async move {
            let server = Server::start(move |_| act.clone()).await;
            let error = server.ask(1).await.expect_err(name);
            (name, error.kind().clone(), ErrorKind::Transport(kind), format!("{error:?}"))
        });
    }
    for (name, got, expected, shown) in asked.join_all().await {
        assert_eq!(got, expected, "{name}: {shown}");
    }
    // And what is proper, however odd.
    for (bytes, length) in [
        (GOOD.to_vec(), 12),
        (http("content-length: 4\r\ncontent-length: 4\r\n", b"abcd"), 4),
        (http("content-length: 2\r\n", b"abcd"), 2),
        (http("", b"until the end"), 13),
        (http("transfer-encoding: chunked\r\n", b"4;x=y\r\nabcd\r\n0\r\ntrailer: 1\r\n\r\n"), 4),
        (gzip(zeros), 65_536),
    ] {
        let server = Server::start(move |_| Act::Say(bytes.clone())).await;
        assert_eq!(server.ask(1).await.unwrap(), length);
    }
}

#[tokio::test]
async fn an_answer_that_is_reset_at_any_byte_is_taken_at_the_next_attempt() {
    let mut asked = JoinSet::new();
    for cut in 0..GOOD.len() {
        for reset in [false, true] {
            asked.spawn(async move {
                let part = GOOD[..cut].to_vec();
                let server = Server::start(move |number| match (number, reset) {
                    (0, true) => Act::Break(part.clone()),
                    (0, false) => Act::Say(part.clone()),
                    _ => Act::Say(GOOD.to_vec()),
                })
                .await;
                let outcome = server.ask(3).await;
                (
                    cut,
                    reset,
                    outcome.map_err(|error| format!("{error:?}")),
                    server.connections.load(Ordering::Relaxed),
                )
            });
        }
    }
    for (cut, reset, outcome, connections) in asked.join_all().await {
        assert_eq!(outcome, Ok(12), "cut at {cut}, reset {reset}");
        assert_eq!(connections, 2, "cut at {cut}, reset {reset}");
    }
}

#[tokio::test]
async fn redirects_lead_nowhere() {
    let elsewhere = Server::start(|_| Act::Say(GOOD.to_vec())).await;
    for status in [301, 302, 303, 307, 308] {
        let target = elsewhere.base.to_string();
        let to = move |_| {
            let head =
                format!("HTTP/1.1 {status} Moved\r\nlocation: {target}/ping\r\ncontent-length: 0\r\n\r\n");
            Act::Say(head.into_bytes())
        };
        let server = Server::start(to).await;
        let error = server.ask(5).await.unwrap_err();
        assert_eq!((error.kind(), server.connections.load(Ordering::Relaxed)), (&ErrorKind::Redirected, 1));
    }
    assert_eq!(elsewhere.connections.load(Ordering::Relaxed), 0, "nobody went there");
}

#[tokio::test]
async fn hosts_that_are_not_there_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    for (url, kind) in [
        (format!("http://{closed}"), TransportKind::Connect),
        ("https://no-such-host.invalid".to_owned(), TransportKind::Dns),
    ] {
        let client = Client::builder(url.parse().unwrap(), credentials()).build(Arc::new(TRANSPORT.clone()));
        let error = client.send(&Open {}, &CallOptions::default().attempts(2)).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (&ErrorKind::Transport(kind), 2), "{error:?}");
        let shown = format!("{error} {error:?} {}", std::error::Error::source(&error).unwrap());
        assert!(!shown.contains("http"), "{shown}");
    }
}

/// Bytes that a body of the bomb's handed to its reader, over all tests of this process.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Posts to the details query and counts what comes.
#[derive(Debug)]
struct Drain;

struct Taken(u64);

impl Endpoint for Drain {
    type Output = u64;
    type Reader = Taken;

    const OPERATION: &'static str = "drain";
    const REPEAT: Repeat = Repeat::Safe;
    const AUTH: Auth = Auth::Bearer;
    const SCOPE: Option<&'static str> = None;

    fn request(&self, base: &BaseUrl) -> Result<http::Request<Bytes>, EncodeError> {
        let uri = format!("{base}/api/v2/analytics/conversations/details/query");
        http::Request::post(uri).body(Bytes::from_static(b"{}")).map_err(|_| EncodeError::new("it"))
    }

    fn reader(&self, _: &http::response::Parts) -> Result<Taken, DecodeError> {
        Ok(Taken(0))
    }
}

impl BodyReader for Taken {
    type Output = u64;

    fn push(&mut self, chunk: &[u8]) -> Result<(), DecodeError> {
        self.0 += chunk.len() as u64;
        TAKEN.fetch_max(self.0, Ordering::Relaxed);
        Ok(())
    }

    fn finish(self) -> Result<u64, DecodeError> {
        Ok(self.0)
    }
}

fn faulty(then: &str) -> Config {
    let path = "/api/v2/analytics/conversations/details/query";
    let plan = format!(r#"{{"rules": [{{"when": {{"path": "{path}"}}, "then": {then}}}]}}"#);
    let faults: FaultPlan = serde_json::from_str(&plan).unwrap();
    Config { faults, rate_limit_per_min: 0, conversations: Some(20), ..Config::default() }
}

async fn sandbox(config: Config) -> (frontdesk_sandbox::Running, Client) {
    let sandbox = Arc::new(Sandbox::new(config).unwrap());
    let running = frontdesk_sandbox::serve(sandbox, SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let ready = running.ready();
    let credentials = Credentials::new(&*ready.client_id, Secret::new(&*ready.client_secret)).unwrap();
    let client =
        Client::builder(ready.base_url.parse().unwrap(), credentials).build(Arc::new(TRANSPORT.clone()));
    (running, client)
}

/// Peak memory of this process in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1_024
}

#[tokio::test]
async fn a_gzip_bomb_ends_just_past_the_cap() {
    let (running, client) = sandbox(faulty(r#"{"gzip_bomb": {"bytes": 1073741824}}"#)).await;
    let before = peak();
    let error = client.send(&Drain, &CallOptions::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (&ErrorKind::TooLarge { limit: 64 << 20 }, 1));
    let taken = TAKEN.load(Ordering::Relaxed);
    assert!((63 << 20..=64 << 20).contains(&taken), "{taken} bytes were read");
    // The details query does not even get there: zeros are no JSON.
    let mut pages = Gateway::new(client).conversations(query());
    let error = pages.next().await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Malformed { .. }), "{error:?}");
    let grown = peak().saturating_sub(before);
    assert!(grown <= 96 << 20, "{grown} bytes more than before");
    running.stop().await;
}

#[tokio::test]
async fn a_sandbox_on_a_port_is_pulled_whole() {
    let config = Config { rate_limit_per_min: 0, ..Config::default() };
    let (running, client) = sandbox(config).await;
    let gateway = Gateway::new(client);
    let year = frontdesk_domain::TimeRange::new(
        "2025-01-01T00:00:00Z".parse().unwrap(),
        "2026-01-01T00:00:00Z".parse().unwrap(),
    );
    let mut pages = gateway.conversations(frontdesk_api::DetailsQuery { range: year.unwrap(), ..query() });
    let mut count = 0;
    while let Some(page) = pages.next().await {
        count += page.unwrap().conversations.len();
    }
    assert_eq!((count, pages.stopped()), (2_000, Some(&Stop::Complete)));
    running.stop().await;
}

#[tokio::test]
async fn a_transcript_of_fifty_megabytes_is_a_record() {
    let (running, client) = sandbox(faulty(r#"{"long_transcript": {"bytes": 52428800}}"#)).await;
    let year = frontdesk_domain::TimeRange::new(
        "2025-01-01T00:00:00Z".parse().unwrap(),
        "2026-01-01T00:00:00Z".parse().unwrap(),
    );
    let all = frontdesk_api::DetailsQuery { range: year.unwrap(), ..query() };
    let page = Gateway::new(client).conversations(all).next().await.unwrap().unwrap();
    let longest = page.conversations.iter().map(|item| item.as_ref().unwrap().record.bytes().len()).max();
    assert!(longest.unwrap() > 50 << 20);
    running.stop().await;
}
