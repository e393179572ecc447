//! The sandbox in process, and desks that open sessions over one journal: how a reply is broken is the caller's choice.

use std::io::Cursor;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::clock::{Clock as _, VirtualClock};
use frontdesk_api::transport::Body;
use frontdesk_api::{
    CallOptions, Cancel, Client, Credentials, Gateway, Rate, Transport, TransportError, TransportKind,
};
use frontdesk_domain::audit::AuditKind;
use frontdesk_domain::pii::PiiPolicy;
use frontdesk_domain::{RunId, Secret, SessionDraft};
use frontdesk_journal::{Journal, Settings};
use frontdesk_sandbox::{Config, Ending, Moment, Reply, Sandbox};
use frontdesk_sessions::{
    Answered, OpenedAll, OpeningDesk, OpeningMonitor, OpeningOptions, OpeningParts, OpeningReport, Requests,
};
use futures_util::future::BoxFuture;
use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use crate::support::{Place, noon};

/// What happens to the reply of one POST that opens a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It arrives.
    None,
    /// The request never arrives.
    Unheard,
    /// It is carried out; the connection breaks before the head.
    NoHead,
    /// It is carried out; the body breaks off after so many bytes, and the connection says so.
    CutAt(usize),
    /// It is carried out; the body ends early, and nobody on the way notices.
    EndsAt(usize),
    /// It is carried out, and a gateway in between answers this.
    Status(u16),
    /// It is not looked at, and this is the answer.
    Instead(u16),
}

type Losses = dyn Fn(u64) -> Loss + Send + Sync;

/// The tenant: decides by the number of the POST, from 0.
#[derive(Clone)]
pub(crate) struct Lobby(Arc<Inner>);

struct Inner {
    sandbox: Sandbox,
    losses: Mutex<Box<Losses>>,
    posts: Mutex<u64>,
    sent: Mutex<Vec<(String, Bytes)>>,
}

impl std::fmt::Debug for Lobby {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lobby")
    }
}

impl Lobby {
    pub(crate) fn new() -> Self {
        let config = Config { rate_limit_per_min: 0, conversations: Some(1), guests: 0, ..Config::default() };
        Self(Arc::new(Inner {
            sandbox: Sandbox::new(config).unwrap(),
            losses: Mutex::new(Box::new(|_| Loss::None)),
            posts: Mutex::new(0),
            sent: Mutex::default(),
        }))
    }

    pub(crate) fn losses(&self, losses: impl Fn(u64) -> Loss + Send + Sync + 'static) {
        *self.0.losses.lock().unwrap() = Box::new(losses);
        *self.0.posts.lock().unwrap() = 0;
    }

    /// POSTs that came since the losses were set.
    pub(crate) fn posts(&self) -> u64 {
        *self.0.posts.lock().unwrap()
    }

    /// The keys and the bodies that came, of every POST but the first so many.
    pub(crate) fn sent(&self, skip: usize) -> Vec<(String, Bytes)> {
        self.0.sent.lock().unwrap()[skip..].to_vec()
    }

    /// A page of `/_sandbox/`.
    pub(crate) fn truth(&self, path: &str) -> Value {
        let request =
            http::Request::get(format!("http://sandbox/_sandbox/{path}")).body(Bytes::new()).unwrap();
        let reply = self.0.sandbox.handle(&request, LOCALHOST, start());
        serde_json::from_slice(&reply.into_bytes()).unwrap()
    }

    /// Sessions that were opened, as the sandbox counts.
    pub(crate) fn opened(&self) -> u64 {
        self.truth("sessions/totals")["opened"].as_u64().unwrap()
    }

    /// Ends the session of a guest.
    pub(crate) fn end(&self, guest: &str) {
        let path =
            format!("http://sandbox/api/v2/webmessaging/guests/{guest}?reason=timeout&retainData=true");
        let token = self.token();
        let request = http::Request::delete(path)
            .header("authorization", format!("Bearer {token}"))
            .body(Bytes::new())
            .unwrap();
        let reply = self.0.sandbox.handle(&request, LOCALHOST, start());
        assert!(reply.status().is_success(), "{}", reply.status());
    }

    fn token(&self) -> String {
        let Config { client_id, client_secret, .. } = Config::default();
        let body =
            format!("grant_type=client_credentials&client_id={client_id}&client_secret={client_secret}");
        let request = http::Request::post("http://sandbox/oauth/token")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        let reply = self.0.sandbox.handle(&request, LOCALHOST, start());
        let answer: Value = serde_json::from_slice(&reply.into_bytes()).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// The loss of this request, when it opens a session.
    fn loss(&self, request: &http::Request<Bytes>) -> Loss {
        if request.uri().path() != "/api/v2/conversations/webchat" {
            return Loss::None;
        }
        let key = request.headers()["idempotency-key"].to_str().unwrap().to_owned();
        self.0.sent.lock().unwrap().push((key, request.body().clone()));
        let number = {
            let mut posts = self.0.posts.lock().unwrap();
            *posts += 1;
            *posts - 1
        };
        self.0.losses.lock().unwrap()(number)
    }
}

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn start() -> Moment {
    Moment::from_unix(Duration::from_micros(noon().as_micros().unsigned_abs()))
}

impl Transport for Lobby {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            let loss = self.loss(&request);
            tokio::time::sleep(Duration::from_millis(3)).await;
            let plain = |status: u16| {
                let response = http::Response::builder().status(status);
                Ok(response.body(Body::from_stream(stream::empty().boxed())).unwrap())
            };
            match loss {
                Loss::Unheard => return Err(TransportError::new(TransportKind::Reset)),
                Loss::Instead(status) => return plain(status),
                _ => {}
            }
            let Reply { response, ending, .. } = self.0.sandbox.handle(&request, LOCALHOST, start());
            assert!(matches!(ending, Ending::Whole));
            let (mut head, body) = response.into_parts();
            let mut bytes = body.collect();
            let mut broken = false;
            match loss {
                Loss::NoHead => return Err(TransportError::new(TransportKind::Reset)),
                Loss::Status(status) => return plain(status),
                Loss::CutAt(at) => {
                    bytes.truncate(at);
                    broken = true;
                }
                Loss::EndsAt(at) => {
                    bytes.truncate(at);
                    head.headers.remove("content-length");
                }
                _ => {}
            }
            let end = if broken {
                stream::iter([Err(TransportError::new(TransportKind::CutBody))]).boxed()
            } else {
                stream::empty().boxed()
            };
            Ok(http::Response::from_parts(head, Body::from_stream(stream::iter([Ok(bytes)]).chain(end))))
        })
    }
}

/// One process, as it were.
pub(crate) struct Counter {
    pub(crate) desk: OpeningDesk,
    journal: Arc<Journal>,
}

impl Counter {
    pub(crate) fn at(place: &Place, lobby: &Lobby) -> Self {
        Self::with(place, lobby, Cancel::never(), PiiPolicy::default())
    }

    pub(crate) fn with(place: &Place, lobby: &Lobby, cancel: Cancel, policy: PiiPolicy) -> Self {
        let clock = Arc::new(VirtualClock::starting_at(noon()));
        let now: frontdesk_journal::Clock = {
            let clock = Arc::clone(&clock);
            Arc::new(move || clock.now())
        };
        let Config { client_id, client_secret, .. } = Config::default();
        let credentials = Credentials::new(client_id, Secret::new(client_secret))
            .unwrap()
            .scopes(["webchat:conversation:write", "conversation:read"])
            .unwrap();
        let client = Client::builder("https://api.example.com".parse().unwrap(), credentials)
            .clock(clock)
            .seed(11)
            .rate("10000".parse::<Rate>().unwrap())
            .build(Arc::new(lobby.clone()));
        let gateway = Gateway::new(client).options(CallOptions::default().cancel(cancel.clone()));
        let settings =
            Settings { actor: "tester".into(), command: "session open".into(), ..Settings::default() };
        let journal = Journal::open(&place.root().join("journal"), &settings, Arc::clone(&now)).unwrap();
        let journal = Arc::new(journal);
        let desk = OpeningDesk::new(OpeningParts {
            sessions: Arc::new(gateway),
            journal: Arc::clone(&journal),
            claims: place.dir("claims"),
            concurrency: NonZeroU32::new(3).unwrap(),
            policy,
            now,
            run: RunId::new("open-1").unwrap(),
            cancel,
        })
        .unwrap();
        Self { desk, journal }
    }

    pub(crate) fn end(self) {
        let Self { desk, journal } = self;
        drop(desk);
        Arc::into_inner(journal).unwrap().close().unwrap();
    }

    /// Opens a session for every line.
    pub(crate) async fn all(
        &self,
        place: &Place,
        lines: &str,
        options: &OpeningOptions,
        monitor: &dyn OpeningMonitor,
    ) -> OpeningReport {
        let plans = place.dir("plans");
        let requests = Requests::gather(Cursor::new(lines), &*plans, "requests").unwrap();
        match self.desk.open_all(&requests, options, monitor).await.unwrap() {
            OpenedAll::Report(report) => report,
            other @ OpenedAll::TooMany { .. } => panic!("{other:?}"),
        }
    }
}

pub(crate) fn draft(guest: &str) -> SessionDraft {
    SessionDraft::new().guest_id(guest).attribute("source", "web").data_processing(true)
}

/// The audit records of a kind, in their order.
pub(crate) fn audit(place: &Place, kind: AuditKind) -> Vec<Value> {
    let mut found = Vec::new();
    let mut each = |entry: frontdesk_journal::Entry| {
        found.push(serde_json::from_str(&entry.record().unwrap()).unwrap());
        ControlFlow::Continue(())
    };
    place.reader().entries(0, Some(kind), &mut each).unwrap();
    found
}

/// Keeps what is heard.
#[derive(Debug, Default)]
pub(crate) struct Listener(pub(crate) Mutex<Vec<(u64, Answered)>>);

impl OpeningMonitor for Listener {
    fn answered(&self, line: u64, answered: &Answered, _: u64, _: u64) {
        self.0.lock().unwrap().push((line, answered.clone()));
    }
}
