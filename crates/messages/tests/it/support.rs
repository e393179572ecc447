//! A tenant in process, its replies cut or lost on the way, and couriers over one journal.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::clock::{Clock as _, VirtualClock};
use frontdesk_api::transport::Body;
use frontdesk_api::{
    BaseUrl, CallOptions, Cancel, Client, Credentials, Gateway, Transport, TransportError, TransportKind,
};
use frontdesk_domain::outbound::MessageDraft;
use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{EventKind, Secret, Timestamp};
use frontdesk_journal::outbox::NewEndpoint;
use frontdesk_journal::{Change, Entry, Journal, Settings};
use frontdesk_messages::{
    Batch, Courier, CourierParts, Line, Lines, Monitor, Report, SendError, Sent, Watching,
};
use frontdesk_sandbox::{Break, Config, Ending, Moment, Reply, Sandbox};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use tokio::time::Instant;

const START: Duration = Duration::from_secs(1_767_225_600);

#[expect(clippy::disallowed_methods, reason = "tests measure virtual time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// What is done to the reply of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    None,
    /// It never reaches the platform.
    Before,
    /// It never reaches the platform, and nothing ends.
    Dead,
    /// It is carried out; no byte of the reply comes.
    Reset,
    /// It is carried out; this many bytes of the reply's body come.
    Cut(usize),
    /// It is carried out; the reply is replaced by this status.
    Status(u16),
    /// It is carried out; nothing comes, and nothing ends.
    Silence,
    /// It is not carried out; this status, with these seconds to wait.
    Refused(u16, u64),
}

/// Decides about a request: its method, its path, how many of its kind came before it.
type Losses = dyn FnMut(&http::Method, &str, u64) -> Loss + Send;

pub(crate) struct Tenant {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) clock: Arc<VirtualClock>,
    start: Instant,
    losses: Mutex<Box<Losses>>,
    posts: AtomicU64,
    gets: AtomicU64,
    /// Milliseconds that the platform's clock is ahead.
    pub(crate) ahead_ms: AtomicU64,
}

impl std::fmt::Debug for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tenant(..)")
    }
}

impl Tenant {
    pub(crate) fn new(config: Config) -> Arc<Self> {
        let wall = Timestamp::from_micros(i64::try_from(START.as_micros()).unwrap()).unwrap();
        Arc::new(Self {
            sandbox: Arc::new(Sandbox::new(config).unwrap()),
            clock: Arc::new(VirtualClock::starting_at(wall)),
            start: now(),
            losses: Mutex::new(Box::new(|_, _, _| Loss::None)),
            posts: AtomicU64::new(0),
            gets: AtomicU64::new(0),
            ahead_ms: AtomicU64::new(0),
        })
    }

    /// A tenant without a rate limit.
    pub(crate) fn unlimited() -> Arc<Self> {
        Self::new(Config { rate_limit_per_min: 0, ..Config::default() })
    }

    pub(crate) fn losses(&self, losses: impl FnMut(&http::Method, &str, u64) -> Loss + Send + 'static) {
        *self.losses.lock().unwrap() = Box::new(losses);
    }

    /// Asks a door of the sandbox.
    pub(crate) fn door(&self, method: &str, path: &str, body: &str) -> Value {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("https://api.example.com/_sandbox/{path}"))
            .body(Bytes::from(body.to_owned()))
            .unwrap();
        let reply = self.sandbox.handle(&request, IpAddr::V4(Ipv4Addr::LOCALHOST), self.moment());
        assert!(reply.response.status().is_success(), "{path}: {}", reply.response.status());
        let bytes = reply.response.into_body().collect();
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    }

    pub(crate) fn receipts(&self, plan: &Value) {
        self.door("POST", "receipts", &plan.to_string());
    }

    /// Messages as the platform counts them, and how often they were posted again.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let totals = self.door("GET", "messages/totals", "");
        (totals["messages"].as_u64().unwrap(), totals["duplicates"].as_u64().unwrap())
    }

    pub(crate) fn looks(&self) -> u64 {
        self.gets.load(Ordering::Relaxed)
    }

    fn moment(&self) -> Moment {
        let ahead = Duration::from_millis(self.ahead_ms.load(Ordering::Relaxed));
        Moment::from_unix(START + (now() - self.start) + ahead)
    }

    /// A conversation of this channel with its agent, as the sandbox has them ready: (conversation, agent, customer).
    pub(crate) fn talk(&self, channel: &str) -> (String, String, String) {
        let ready = serde_json::to_value(self.sandbox.ready("https://api.example.com")).unwrap();
        let talk = &ready["channels"][channel];
        let text = |name: &str| talk[name].as_str().unwrap().to_owned();
        (text("conversation_id"), text("agent_id"), text("customer_id"))
    }

    /// Conversations that messages can be sent into, with their agents.
    pub(crate) fn talks(&self, count: usize) -> Vec<(String, String)> {
        let request = http::Request::get("https://api.example.com/_sandbox/talks?channel=webchat&limit=1000");
        let request = request.body(Bytes::new()).unwrap();
        let reply = self.sandbox.handle(&request, IpAddr::V4(Ipv4Addr::LOCALHOST), self.moment());
        let bytes = reply.response.into_body().collect();
        let lines = String::from_utf8(bytes.to_vec()).unwrap();
        let talks: Vec<_> = lines
            .lines()
            .map(|line| {
                let talk: Value = serde_json::from_str(line).unwrap();
                (
                    talk["conversation_id"].as_str().unwrap().to_owned(),
                    talk["agent_id"].as_str().unwrap().to_owned(),
                )
            })
            .take(count)
            .collect();
        assert_eq!(talks.len(), count);
        talks
    }
}

#[derive(Debug)]
struct InProcess(Arc<Tenant>);

impl Transport for InProcess {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            let tenant = &self.0;
            let path = request.uri().path().to_owned();
            let number = match *request.method() {
                http::Method::GET => tenant.gets.fetch_add(1, Ordering::Relaxed),
                _ if path.ends_with("/messages") => tenant.posts.fetch_add(1, Ordering::Relaxed),
                _ => 0,
            };
            let loss = if path.starts_with("/oauth") {
                Loss::None
            } else {
                tenant.losses.lock().unwrap()(request.method(), &path, number)
            };
            match loss {
                Loss::Before => return Err(TransportError::new(TransportKind::Reset)),
                Loss::Dead => return std::future::pending().await,
                Loss::Refused(status, wait) => {
                    let response = http::Response::builder().status(status).header("retry-after", wait);
                    let body = Body::whole(r#"{"code":"test","message":"refused"}"#);
                    return Ok(if wait == 0 {
                        http::Response::builder().status(status).body(body).unwrap()
                    } else {
                        response.body(body).unwrap()
                    });
                }
                _ => {}
            }
            let Reply { response, delay, ending, .. } =
                tenant.sandbox.handle(&request, IpAddr::V4(Ipv4Addr::LOCALHOST), tenant.moment());
            tokio::time::sleep(delay).await;
            match loss {
                Loss::Reset => return Err(TransportError::new(TransportKind::Reset)),
                Loss::Silence => return std::future::pending().await,
                Loss::Status(status) => {
                    return Ok(http::Response::builder().status(status).body(Body::whole("gone")).unwrap());
                }
                _ => {}
            }
            if let Ending::Broken { how: Break::Reset | Break::Cut, after: None } = ending {
                return Err(TransportError::new(TransportKind::Reset));
            }
            let (head, body) = response.into_parts();
            let mut bytes = body.collect();
            let end = match loss {
                Loss::Cut(at) if at < bytes.len() => {
                    bytes.truncate(at);
                    stream::iter([Err(TransportError::new(TransportKind::CutBody))]).boxed()
                }
                _ => stream::empty().boxed(),
            };
            Ok(http::Response::from_parts(head, Body::from_stream(stream::iter([Ok(bytes)]).chain(end))))
        })
    }
}

/// A journal in a folder of its own, and couriers over it.
pub(crate) struct Office {
    _temp: tempfile::TempDir,
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) watching: Watching,
    pub(crate) options: CallOptions,
}

impl Office {
    pub(crate) fn new(tenant: &Arc<Tenant>) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let journal = open(temp.path(), tenant);
        Self {
            _temp: temp,
            tenant: Arc::clone(tenant),
            journal,
            watching: Watching::default(),
            options: CallOptions::default(),
        }
    }

    pub(crate) fn no_wait(mut self) -> Self {
        self.watching.wait = false;
        self
    }

    pub(crate) fn courier(&self, seed: u64, cancel: Cancel) -> Courier {
        let config = Config::default();
        let credentials = Credentials::new(config.client_id, Secret::new(config.client_secret))
            .unwrap()
            .scopes(["conversation:read", "conversation:send"])
            .unwrap();
        let base: BaseUrl = "https://api.example.com".parse().unwrap();
        let clock = Arc::clone(&self.tenant.clock);
        let client = Client::builder(base, credentials).clock(clock).seed(seed);
        let gateway = Gateway::new(client.build(Arc::new(InProcess(Arc::clone(&self.tenant)))));
        let wall = Arc::clone(&self.tenant.clock);
        Courier::new(CourierParts {
            channel: Arc::new(gateway.options(self.options.clone().cancel(cancel.clone()))),
            journal: Arc::clone(&self.journal),
            watching: self.watching,
            now: Arc::new(move || wall.now()),
            run: frontdesk_messages::new_run(),
            cancel,
        })
        .unwrap()
    }

    pub(crate) async fn send(&self, lines: Lines) -> (Report, Vec<Sent>) {
        self.try_send(lines).await.unwrap()
    }

    pub(crate) async fn try_send(&self, lines: Lines) -> Result<(Report, Vec<Sent>), SendError> {
        let heard = Heard::default();
        let courier = self.courier(1, Cancel::never());
        let report = courier.send_all(lines, NonZeroUsize::new(16).unwrap(), &heard).await?;
        Ok((report, heard.0.into_inner().unwrap()))
    }

    /// Audit entries of messages, oldest first.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let mut found = Vec::new();
        let reader = self.journal.reader().unwrap();
        let kind = Some(frontdesk_domain::audit::AuditKind::Message);
        let mut each = |entry: Entry| {
            found.push(serde_json::from_str(&entry.record().unwrap()).unwrap());
            ControlFlow::Continue(())
        };
        reader.entries(0, kind, &mut each).unwrap();
        found
    }

    /// Adds an endpoint for these events, so that they are kept.
    pub(crate) fn endpoint(&self, kind: EventKind) {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse::<SigningSecret>().unwrap();
        let endpoint = NewEndpoint::new("https://hooks.example.com/", secret, [kind]);
        self.journal.record(Change::new().add_endpoint(endpoint, Timestamp::UNIX_EPOCH)).unwrap();
    }
}

fn open(root: &Path, tenant: &Arc<Tenant>) -> Arc<Journal> {
    let clock = Arc::clone(&tenant.clock);
    let now = Arc::new(move || clock.now());
    Arc::new(Journal::open(&root.join("journal"), &Settings::default(), now).unwrap())
}

/// Keeps what it hears.
#[derive(Default)]
pub(crate) struct Heard(pub(crate) Mutex<Vec<Sent>>);

impl Monitor for Heard {
    fn done(&self, message: &Sent, _: u64) {
        self.0.lock().unwrap().push(message.clone());
    }
}

/// A line of `message send --from`.
pub(crate) fn line(conversation: &str, from: &str, text: &str) -> String {
    let line = json!({"conversation_id": conversation, "from": from, "to": ["guest"], "type": "text/plain", "content": text});
    line.to_string()
}

/// These lines as they come from a file, in the batch of lines that name none.
pub(crate) fn input(lines: &[String]) -> Lines {
    let text = lines.join("\n");
    Lines::read(std::io::Cursor::new(text.into_bytes()), Batch::default()).unwrap()
}

/// The same without a thread that reads: virtual time stands still until they are there.
pub(crate) fn ready(lines: &[String]) -> Lines {
    let batch = Batch::default();
    let line = |(line, number): (&String, u64)| {
        Line::of_batch(&batch, number, MessageDraft::read(line.as_bytes()).unwrap(), line)
    };
    Lines::of(lines.iter().zip(1..).map(line).collect())
}
