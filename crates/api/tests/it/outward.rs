//! Rows R44 and R45: what must not be called is not called, whatever it is written as; and what a bad receiver can do.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::clock::SystemClock;
use frontdesk_api::outward::{
    AddressPolicy, OutwardOptions, OutwardTransport, OutwardUrl, OutwardUrlError, Refused, WebhookCall,
    WebhookSender, header_pair,
};
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::transport::resolve::{ResolveError, Resolver, SystemResolver};
use frontdesk_api::{
    BaseUrl, CallOptions, Cancel, Client, ErrorKind, Transport as _, TransportError, TransportKind,
};
use futures_util::future::BoxFuture;
use http::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::{Read, builder, now};

/// Answers `200` to whoever connects, on every loopback address of one port, and counts the connections.
struct Trap {
    port: u16,
    connections: Arc<AtomicUsize>,
    _serving: JoinSet<()>,
}

impl Trap {
    async fn start() -> Self {
        Self::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned()).await
    }

    async fn answering(answer: String) -> Self {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        let mut listeners = vec![first];
        // Where the machine has no IPv6 there is nothing to connect to either.
        listeners.extend(TcpListener::bind(("::1", port)).await.ok());
        let connections = Arc::new(AtomicUsize::new(0));
        let mut serving = JoinSet::new();
        for listener in listeners {
            let (counter, answer) = (Arc::clone(&connections), answer.clone());
            serving.spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    counter.fetch_add(1, Ordering::SeqCst);
                    let mut head = [0; 4096];
                    let _ = stream.read(&mut head).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            });
        }
        Self { port, connections, _serving: serving }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// Answers from a script, one answer for each question, the last for ever.
#[derive(Debug, Default)]
struct Script {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Script {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let read = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        Arc::new(Self { answers: answers.iter().map(read).collect(), asked: AtomicUsize::new(0) })
    }
}

impl Resolver for Script {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        Box::pin(std::future::ready(Ok(self.answers[turn].clone())))
    }
}

fn door(policy: AddressPolicy, resolver: Arc<dyn Resolver>) -> OutwardTransport {
    door_within(policy, resolver, Duration::from_secs(60))
}

/// `connect_timeout` also counts the look-up of a name, which takes long on a busy machine: only who waits for it in vain
/// makes it short.
fn door_within(
    policy: AddressPolicy,
    resolver: Arc<dyn Resolver>,
    connect_timeout: Duration,
) -> OutwardTransport {
    let mut options = OutwardOptions::default();
    options.policy = policy;
    options.resolver = resolver;
    options.connect_timeout = connect_timeout;
    OutwardTransport::new(&options).unwrap()
}

/// One for all tests: it reads the platform's roots, which takes a while.
static PUBLIC_ONLY: LazyLock<OutwardTransport> =
    LazyLock::new(|| door(AddressPolicy::default(), Arc::new(SystemResolver)));
static LOCAL_TOO: LazyLock<OutwardTransport> =
    LazyLock::new(|| door(AddressPolicy::allow_local(), Arc::new(SystemResolver)));

async fn get(door: &OutwardTransport, url: &str) -> Result<u16, TransportError> {
    let request = http::Request::get(url).body(Bytes::new()).unwrap();
    door.send(request).await.map(|response| response.status().as_u16())
}

/// Every spelling of this machine, and of what stands beside it, that we know of.
const HOSTILE_HOSTS: &[&str] = &[
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.255.255.254",
    "2130706433",
    "0x7f000001",
    "0x7F.1",
    "0x7f.0x0.0x0.0x1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "0",
    "0.0.0.0",
    "00000.0",
    "0x0",
    "localhost",
    "localhost.",
    "LOCALHOST",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::0001]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2001:0:53aa:64c:0:0:80ff:fffe]",
    "[fe80::5efe:127.0.0.1]",
    "169.254.169.254",
    "2852039166",
    "0xA9FEA9FE",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.100.100.200",
    "192.0.0.192",
    "[fe80::1]",
    "[fc00::1]",
    "[ff02::1]",
    "224.0.0.1",
    "255.255.255.255",
    "198.18.0.1",
    "240.0.0.1",
];

/// The same where only a URL parser sees it, `http::Uri` does not.
const HOSTILE_TEXTS: &[&str] = &[
    "http://１２７.0.0.1:PORT/",
    "http://127。0。0。1:PORT/",
    "http://①②⑦.0.0.1:PORT/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT/",
    "http://%31%32%37.0.0.1:PORT/",
    "http://127.0.0.1%2eexample.com@127.0.0.1:PORT/",
    "http://public.example@127.0.0.1:PORT/",
    "http://public.example:80@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT\\@public.example/",
    "http:127.0.0.1:PORT/",
    "http:/127.0.0.1:PORT/",
    "http:///127.0.0.1:PORT/",
    "http://0x7f.1:PORT/#@public.example/",
    "http://127.0.0.1\t:PORT/",
    "ht\ntp://127.0.0.1:PORT/",
    "http://[::1%25lo]:PORT/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_",
    "dict://127.0.0.1:PORT/",
    "ftp://127.0.0.1:PORT/",
    "unix:/var/run/docker.sock",
    "ws://127.0.0.1:PORT/",
    "javascript:alert(1)",
    "//127.0.0.1:PORT/",
    "127.0.0.1:PORT",
    "",
];

#[tokio::test]
async fn no_spelling_of_a_local_address_is_connected_to() {
    let trap = Trap::start().await;
    for host in HOSTILE_HOSTS {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{}/", trap.port);
            let error = get(&PUBLIC_ONLY, &url).await.unwrap_err();
            // A name may have no address at all on this machine.
            let named = host.to_ascii_lowercase().starts_with("localhost");
            let unknown = named && error.kind() == TransportKind::Dns;
            assert!(error.kind() == TransportKind::Refused || unknown, "{url}: {error:?}");
            assert!(!error.may_have_been_processed(), "{url}");
        }
    }
    for text in HOSTILE_TEXTS {
        let text = text.replace("PORT", &trap.port.to_string());
        if let Ok(request) = http::Request::get(&text).body(Bytes::new()) {
            PUBLIC_ONLY.send(request).await.unwrap_err();
        }
        // What names a host is refused when it is looked up; everything else at once.
        match OutwardUrl::webhook(&text, AddressPolicy::default()) {
            Err(_) => {}
            Ok(url) => panic!("{text} is taken for {url:?}"),
        }
        if let Ok(url) = text.parse::<OutwardUrl>() {
            get(&PUBLIC_ONLY, url.reveal()).await.unwrap_err();
        }
    }
    assert_eq!(trap.connections(), 0);
    // The trap works: the same addresses are reached where they are allowed.
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "localhost"] {
        assert_eq!(get(&LOCAL_TOO, &format!("http://{host}:{}/", trap.port)).await.unwrap(), 200, "{host}");
    }
    assert_eq!(trap.connections(), 4);
}

#[tokio::test]
async fn a_name_that_answers_differently_the_next_time_gets_no_second_chance() {
    let trap = Trap::start().await;
    let url = format!("http://rebind.example:{}/", trap.port);
    // A public address that nobody answers at, then this machine.
    let names = Script::new(&[&["192.31.196.77"], &["127.0.0.1"]]);
    let soon = Duration::from_millis(200);
    let public_only = door_within(AddressPolicy::default(), Arc::clone(&names) as _, soon);
    let first = get(&public_only, &url).await.unwrap_err();
    assert_ne!(first.kind(), TransportKind::Refused, "the first answer was a public address");
    assert_eq!(names.asked.load(Ordering::SeqCst), 1, "asked once for the connection");
    let second = get(&public_only, &url).await.unwrap_err();
    assert_eq!(second.kind(), TransportKind::Refused);
    assert_eq!(trap.connections(), 0);

    // Public and local in one answer: the local one is never tried.
    let both = Script::new(&[&["127.0.0.1", "192.31.196.77", "::1", "::ffff:127.0.0.1"]]);
    let public_only = door_within(AddressPolicy::default(), both, soon);
    get(&public_only, &url).await.unwrap_err();
    assert_eq!(trap.connections(), 0);

    // The trap works: it is what the name leads to.
    let local = door(AddressPolicy::allow_local(), Script::new(&[&["127.0.0.1"]]));
    assert_eq!(get(&local, &url).await.unwrap(), 200);
    assert_eq!(trap.connections(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_leads_nowhere() {
    let target = Trap::start().await;
    let location = format!("location: http://127.0.0.1:{}/\r\n", target.port);
    let head = format!("HTTP/1.1 302 Found\r\n{location}content-length: 0\r\nconnection: close\r\n\r\n");
    let door_ = Trap::answering(head).await;
    let url = format!("http://127.0.0.1:{}/", door_.port);
    assert_eq!(get(&LOCAL_TOO, &url).await.unwrap(), 302);
    assert_eq!((door_.connections(), target.connections()), (1, 0));

    let call = WebhookCall::new(url.parse().unwrap(), "{}");
    let sender = WebhookSender::new(Arc::new(LOCAL_TOO.clone()), Arc::new(SystemClock));
    let error = sender.send(&call, &Cancel::never()).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Redirected);
    assert_eq!(target.connections(), 0);
}

#[tokio::test]
async fn of_an_endless_reply_little_is_read() {
    for status in ["200 OK", "500 Internal Server Error"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: 1073741824\r\n\r\n");
        serving.spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            stream.write_all(head.as_bytes()).await.unwrap();
            let (chunk, mut written) = (vec![b'x'; 64 << 10], 0_u64);
            while written < 1 << 30 {
                match stream.write(&chunk).await {
                    Ok(bytes) if bytes > 0 => written += bytes as u64,
                    _ => break,
                }
            }
            written
        });
        let sender = WebhookSender::new(Arc::new(LOCAL_TOO.clone()), Arc::new(SystemClock));
        let call = WebhookCall::new(format!("http://{address}/").parse().unwrap(), "{}");
        let outcome = sender.send(&call, &Cancel::never()).await;
        assert_eq!(outcome.is_ok(), status.starts_with("200"), "{outcome:?}");
        // Most of it never left the server: what is not read stays in the buffers of two sockets.
        let written = serving.join_next().await.unwrap().unwrap();
        assert!(written < 64 << 20, "{written} bytes of {status}");
    }
}

/// Sends one webhook to a receiver that does this, in virtual time.
async fn deliver(reply: Reply) -> (Result<StatusCode, frontdesk_api::Error>, u64, Duration) {
    let transport = MemoryTransport::new(move |request| {
        assert_eq!(request.method(), http::Method::POST);
        assert!(!request.headers().contains_key(http::header::AUTHORIZATION));
        reply.clone()
    });
    let sender = WebhookSender::new(Arc::new(transport.clone()), Arc::new(SystemClock));
    let call = WebhookCall::new("https://hooks.example.com:8443/x?y=1".parse().unwrap(), r#"{"a":1}"#)
        .header("webhook-id", "msg_1")
        .unwrap();
    let started = now();
    let outcome = sender.send(&call, &Cancel::never()).await;
    (outcome, transport.requests(), now() - started)
}

#[tokio::test(start_paused = true)]
async fn one_attempt_is_one_request_whatever_the_answer() {
    let second = Duration::from_secs(1);
    for status in [400, 401, 403, 408, 410, 429, 500, 503] {
        let (outcome, requests, _) = deliver(Reply::status(status).header("retry-after", "2")).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(error.retry_after(), Some(2 * second), "{status}: what the receiver asks for is kept");
        assert_eq!(requests, 1, "{status}: a wait of two seconds would be in time, and is the schedule's");
    }
    for status in [200, 202, 204] {
        let (outcome, requests, took) = deliver(Reply::status(status)).await;
        assert_eq!((outcome.unwrap().as_u16(), requests, took), (status, 1, Duration::ZERO));
    }
    let (outcome, _, took) = deliver(Reply::silence()).await;
    assert!(outcome.unwrap_err().is_unavailable());
    assert_eq!(took, 30 * second);
    // Once taken it is taken.
    for reply in [
        Reply::status(200).body("abc").cut_at(1),
        Reply::status(200).body("abc").stall_at(1),
        Reply::status(200).body(vec![0; 1 << 20]).chunks(1 << 10, Duration::from_millis(100)),
    ] {
        let (outcome, _, took) = deliver(reply).await;
        assert_eq!(outcome.unwrap().as_u16(), 200);
        assert!(took <= second, "{took:?}");
    }
}

#[tokio::test]
async fn a_client_without_credentials_sends_nothing_that_needs_a_token() {
    let transport = MemoryTransport::new(|_| Reply::status(200));
    let base: BaseUrl = "https://api.example.com".parse().unwrap();
    let client = Client::without_token(base).build(Arc::new(transport.clone()));
    let error = client.send(&Read {}, &CallOptions::default()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unsendable { .. }), "{error:?}");
    assert!(client.authenticate(&CallOptions::default()).await.is_err());
    assert_eq!(transport.requests(), 0);
    // A client with credentials does send.
    let (with, _) = builder();
    let _ = with.build(Arc::new(transport.clone())).send(&Read {}, &CallOptions::default()).await;
    assert!(transport.requests() > 0);
}

#[test]
fn urls_from_outside_are_read_once() {
    use OutwardUrlError::{NotAUrl, PlainHttp, Scheme, TooLong, UserInfo};
    let read = |text: &str| text.parse::<OutwardUrl>().map(|url| url.reveal().to_owned());
    assert_eq!(read(" https://EXAMPLE.com:443/a b?c#d ").unwrap(), "https://example.com/a%20b?c");
    assert_eq!(read("http://bücher.example/").unwrap(), "http://xn--bcher-kva.example/");
    assert_eq!(read("ftp://example.com/"), Err(Scheme));
    assert_eq!(read("https://user@example.com/"), Err(UserInfo));
    assert_eq!(read("https://:pass@example.com/"), Err(UserInfo));
    assert_eq!(read("https://example.com:0/"), Err(NotAUrl));
    assert_eq!(read("https://example.com:99999/"), Err(NotAUrl));
    assert_eq!(read("https://"), Err(NotAUrl));
    assert_eq!(read(&format!("https://example.com/{}", "x".repeat(9_000))), Err(TooLong));

    let policy = AddressPolicy::default();
    assert_eq!(OutwardUrl::webhook("http://example.com/", policy), Err(PlainHttp));
    assert!(OutwardUrl::webhook("http://example.com/", AddressPolicy::allow_local()).is_ok());
    assert_eq!(
        OutwardUrl::webhook("https://127.1/", policy),
        Err(OutwardUrlError::Refused(Refused::Loopback))
    );

    let url: OutwardUrl = "https://example.com/a/b?Expires=17&x=%2F".parse().unwrap();
    assert_eq!(url.query_value("expires").as_deref(), Some("17"));
    assert_eq!(url.query_value("X").as_deref(), Some("/"));
    assert_eq!(url.query_value("y"), None);
    assert_eq!(url.join("//other.example/c").unwrap().to_string(), "https://other.example");
    assert_eq!(url.join("file:///etc/passwd"), Err(Scheme));
    assert_eq!(url.join("https://u:p@example.com/"), Err(UserInfo));
    assert_eq!(format!("{url:?} {url}"), "OutwardUrl(https://example.com) https://example.com");
}

#[test]
fn headers_that_belong_to_the_connection_are_refused() {
    for name in
        ["Host", "content-length", "Transfer-Encoding", "connection", "proxy-authorization", "a b", ""]
    {
        assert!(header_pair(name, "x").is_err(), "{name}");
    }
    assert!(header_pair("x-api-key", "a\r\nb: c").is_err());
    let (name, value) = header_pair("X-Api-Key", "k3y").unwrap();
    assert_eq!(name, "x-api-key");
    assert!(!format!("{value:?}").contains("k3y"));
}
