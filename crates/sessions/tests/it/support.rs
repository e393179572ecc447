//! A tenant that counts what is done to each guest, and desks over one journal.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use frontdesk_api::clock::{Clock as _, VirtualClock};
use frontdesk_api::transport::Body;
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_api::{
    CallOptions, Cancel, Client, Credentials, Gateway, GuestSessions as _, Rate, Transport, TransportError,
};
use frontdesk_domain::closure::{Outcome, OutcomeKind};
use frontdesk_domain::signature::SigningSecret;
use frontdesk_domain::{EndingDraft, EventKind, GuestId, RunId, Secret, Timestamp};
use frontdesk_durable::{Dir, OsDir};
use frontdesk_journal::outbox::NewEndpoint;
use frontdesk_journal::{Change, Entry, Intent, Journal, Reader, Settings};
use frontdesk_sessions::{
    Applied, Closed, Desk, DeskParts, INTENT, Limits, Monitor, PlanFile, Planned, Planning, Report, Selection,
};
use futures_util::future::BoxFuture;
use http::Method;
use serde_json::json;

/// What the tenant does with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// What it was asked for.
    None,
    /// The connection is reset before it is processed.
    LostBefore,
    /// It is processed, and the answer is lost.
    LostAfter,
    /// This status, and it is not processed.
    Status(u16),
    /// 429 with a wait of this many seconds.
    Throttle(u64),
    /// It is answered; right after it the guest closes the session itself.
    ThenCloses,
}

/// Decides about a request: its method, the guest, how many requests came before it.
type Faults = dyn Fn(&Method, &str, u64) -> Fault + Send + Sync;

/// What became of a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) state: String,
    /// DELETEs that ended it.
    pub(crate) ended: u64,
    /// DELETEs that came.
    pub(crate) deletes: u64,
    pub(crate) looks: u64,
    pub(crate) query: String,
}

/// The platform, as far as guests go.
#[derive(Clone)]
pub(crate) struct Tenant(Arc<Inner>);

struct Inner {
    guests: Mutex<BTreeMap<String, Fate>>,
    faults: Mutex<Box<Faults>>,
    requests: Mutex<u64>,
    latency: Duration,
    /// DELETEs on their way now, and at most ever.
    flight: Mutex<(u32, u32)>,
}

impl Tenant {
    /// Guests with these states.
    pub(crate) fn of<'a>(guests: impl IntoIterator<Item = (String, &'a str)>) -> Self {
        let fate = |state: &str| Fate {
            state: state.to_owned(),
            ended: 0,
            deletes: 0,
            looks: 0,
            query: String::new(),
        };
        let guests = guests.into_iter().map(|(id, state)| (id, fate(state))).collect();
        Self(Arc::new(Inner {
            guests: Mutex::new(guests),
            faults: Mutex::new(Box::new(|_, _, _| Fault::None)),
            requests: Mutex::new(0),
            latency: Duration::from_millis(40),
            flight: Mutex::default(),
        }))
    }

    /// `g-000`, `g-001`, … all active.
    pub(crate) fn active(count: usize) -> Self {
        Self::of((0..count).map(|k| (name(k), "active")))
    }

    pub(crate) fn faults(&self, faults: impl Fn(&Method, &str, u64) -> Fault + Send + Sync + 'static) {
        *self.0.faults.lock().unwrap() = Box::new(faults);
    }

    pub(crate) fn fates(&self) -> MutexGuard<'_, BTreeMap<String, Fate>> {
        self.0.guests.lock().unwrap()
    }

    pub(crate) fn fate(&self, guest: &str) -> Fate {
        self.fates()[guest].clone()
    }

    pub(crate) fn requests(&self) -> u64 {
        *self.0.requests.lock().unwrap()
    }

    pub(crate) fn most_at_once(&self) -> u32 {
        self.0.flight.lock().unwrap().1
    }

    /// Guests whose session was ended by a DELETE; none more than once.
    pub(crate) fn ended(&self) -> u64 {
        let fates = self.fates();
        assert!(fates.values().all(|fate| fate.ended <= 1), "a session was ended twice");
        fates.values().map(|fate| fate.ended).sum()
    }

    fn handle(&self, request: &http::Request<Bytes>) -> Reply {
        if request.uri().path() == "/oauth/token" {
            return Reply::json(&json!({"access_token": "t", "expires_in": 86_400}));
        }
        let guest = request.uri().path().rsplit('/').next().unwrap().to_owned();
        let number = {
            let mut requests = self.0.requests.lock().unwrap();
            *requests += 1;
            *requests - 1
        };
        let fault = self.0.faults.lock().unwrap()(request.method(), &guest, number);
        match fault {
            Fault::LostBefore => return Reply::reset(),
            Fault::Status(status) => {
                let message = format!("guest {guest} is not to be ended");
                let body = json!({"code": "guest.refused", "message": message}).to_string();
                return Reply::status(status).body(body);
            }
            Fault::Throttle(seconds) => {
                return Reply::status(429).header("retry-after", &seconds.to_string());
            }
            Fault::None | Fault::LostAfter | Fault::ThenCloses => {}
        }
        let reply = self.process(request, &guest);
        if fault == Fault::ThenCloses {
            self.fates().get_mut(&guest).unwrap().state = "closed".to_owned();
        }
        if fault == Fault::LostAfter { Reply::reset() } else { reply.after(self.0.latency) }
    }

    fn process(&self, request: &http::Request<Bytes>, guest: &str) -> Reply {
        let mut fates = self.fates();
        let Some(fate) = fates.get_mut(guest) else { return Reply::status(404) };
        if *request.method() == Method::GET {
            fate.looks += 1;
            return Reply::json(
                &json!({"id": guest, "state": fate.state, "lastUpdated": "2025-03-01T10:00:00Z"}),
            );
        }
        fate.deletes += 1;
        if fate.state == "closed" {
            return Reply::status(404);
        }
        assert_eq!(fate.state, "active", "only active sessions are ended");
        fate.state = "closed".to_owned();
        fate.ended += 1;
        fate.query = request.uri().query().unwrap_or_default().to_owned();
        Reply::status(204)
    }
}

/// Counts how many DELETEs are on their way.
#[derive(Clone)]
struct Counting {
    tenant: Tenant,
    memory: MemoryTransport,
}

impl std::fmt::Debug for Counting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Counting")
    }
}

struct OnItsWay<'t>(&'t Tenant);

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.0.0.flight.lock().unwrap().0 -= 1;
    }
}

impl Transport for Counting {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(async move {
            let _flight = (*request.method() == Method::DELETE).then(|| {
                let mut flight = self.tenant.0.flight.lock().unwrap();
                flight.0 += 1;
                flight.1 = flight.1.max(flight.0);
                OnItsWay(&self.tenant)
            });
            self.memory.send(request).await
        })
    }
}

pub(crate) fn name(k: usize) -> String {
    format!("g-{k:03}")
}

/// A data directory that is gone with this value.
pub(crate) struct Place {
    temp: tempfile::TempDir,
}

/// One process, as it were: a client, a journal, a desk.
pub(crate) struct Process {
    pub(crate) desk: Desk,
    pub(crate) gateway: Gateway,
    journal: Arc<Journal>,
}

impl Process {
    pub(crate) fn end(self) {
        let Self { desk, journal, .. } = self;
        drop(desk);
        Arc::into_inner(journal).unwrap().close().unwrap();
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { temp: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn root(&self) -> &Path {
        self.temp.path()
    }

    pub(crate) fn dir(&self, name: &str) -> Arc<dyn Dir> {
        Arc::new(OsDir::open_or_create(self.root().join(name)).unwrap())
    }

    pub(crate) fn process(&self, tenant: &Tenant) -> Process {
        self.process_with(tenant, 5, Cancel::never(), None)
    }

    pub(crate) fn process_with(
        &self,
        tenant: &Tenant,
        at_once: u32,
        cancel: Cancel,
        rate: Option<&str>,
    ) -> Process {
        let clock = Arc::new(VirtualClock::starting_at(noon()));
        let now: frontdesk_journal::Clock = {
            let clock = Arc::clone(&clock);
            Arc::new(move || clock.now())
        };
        let handler = tenant.clone();
        let memory = MemoryTransport::new(move |request| handler.handle(request));
        let credentials = Credentials::new("operator", Secret::new("secret")).unwrap();
        let mut client =
            Client::builder("https://api.example.com".parse().unwrap(), credentials).clock(clock).seed(11);
        if let Some(rate) = rate {
            client = client.rate(rate.parse::<Rate>().unwrap());
        }
        let client = client.build(Arc::new(Counting { tenant: tenant.clone(), memory }));
        let gateway = Gateway::new(client).options(CallOptions::default().cancel(cancel.clone()));
        let settings =
            Settings { actor: "tester".into(), command: "session close".into(), ..Settings::default() };
        let journal = Journal::open(&self.root().join("journal"), &settings, Arc::clone(&now)).unwrap();
        let journal = Arc::new(journal);
        let desk = Desk::new(DeskParts {
            guests: Arc::new(gateway.clone()),
            journal: Arc::clone(&journal),
            claims: self.dir("claims"),
            concurrency: NonZeroU32::new(at_once).unwrap(),
            call_deadline: CallOptions::DEADLINE,
            now,
            run: RunId::new("close-1").unwrap(),
            cancel,
        })
        .unwrap();
        Process { desk, gateway, journal }
    }

    /// Leaves the intent of a process that is no more, opened so long ago.
    pub(crate) fn left_open(&self, process: &Process, guest: &str, reason: &str, ago: Duration) {
        let body = json!({"host": process.gateway.describe().host, "run": "close-0",
            "ending": {"guest_id": guest, "reason": reason, "retain_data": false, "external_ref": "ticket-7"}});
        let at = noon().checked_sub(ago).unwrap();
        let intent = Intent::new(format!("{INTENT}/{guest}"), INTENT, guest, &body, at).unwrap();
        process.journal.record(Change::new().open_intent(intent)).unwrap();
    }

    pub(crate) fn reader(&self) -> Reader {
        Reader::open(&self.root().join("journal")).unwrap()
    }

    /// Adds an endpoint for ended sessions.
    pub(crate) fn endpoint(process: &Process) -> String {
        let secret = SigningSecret::from_bytes(&[7; 32]).unwrap();
        let new = NewEndpoint::new("https://hooks.example.com/", secret, [EventKind::SessionTerminated]);
        let id = new.id().to_owned();
        process.journal.record(Change::new().add_endpoint(new, noon())).unwrap();
        id
    }

    /// The guests of whom the endpoint is to hear, sorted, and the first event.
    pub(crate) fn events(&self, endpoint: &str) -> (Vec<String>, serde_json::Value) {
        let far = "2099-01-01T00:00:00Z".parse().unwrap();
        let due = self.reader().due(endpoint, far, 1_000).unwrap();
        let first = serde_json::from_slice(&due[0].body).unwrap();
        let mut guests: Vec<String> = due.into_iter().map(|delivery| delivery.key).collect();
        guests.sort();
        (guests, first)
    }

    /// Audit records of terminations, in their order.
    pub(crate) fn terminations(&self) -> Vec<serde_json::Value> {
        let mut found = Vec::new();
        self.reader()
            .entries(0, Some(frontdesk_domain::audit::AuditKind::Termination), &mut |entry: Entry| {
                found.push(serde_json::from_str(&entry.record().unwrap()).unwrap());
                ControlFlow::Continue(())
            })
            .unwrap();
        found
    }

    /// Makes a plan of all guests of the tenant, and opens it.
    pub(crate) async fn plan(&self, process: &Process, guests: &[String], name: &str) -> PlanFile {
        let plans = self.dir("plans");
        let selection =
            Selection::gather(Cursor::new(lines(guests)), &EndingDraft::new(), &*plans, "selection").unwrap();
        let made = process
            .desk
            .plan(&selection, Some((&*plans, name)), &Limits::default(), &frontdesk_sessions::Silent)
            .await
            .unwrap();
        assert!(matches!(made, Planning::Made(_)), "{made:?}");
        drop(selection);
        PlanFile::open(plans, name).unwrap()
    }
}

pub(crate) fn lines(guests: &[String]) -> String {
    guests
        .iter()
        .map(|guest| format!("{{\"guest_id\":\"{guest}\",\"reason\":\"timeout\",\"retain_data\":true}}\n"))
        .collect()
}

pub(crate) fn names(count: usize) -> Vec<String> {
    (0..count).map(name).collect()
}

pub(crate) fn noon() -> Timestamp {
    "2025-03-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn report(applied: Applied) -> Report {
    match applied {
        Applied::Report(report) => report,
        other => panic!("{other:?}"),
    }
}

/// Keeps what is heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    pub(crate) closed: Mutex<Vec<(String, Closed)>>,
    pub(crate) planned: Mutex<Vec<Planned>>,
    pub(crate) previewed: Mutex<Vec<(String, Option<Outcome>)>>,
    pub(crate) still_active: Mutex<Vec<String>>,
}

impl Heard {
    /// Each guest with its outcome; none is told twice.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, OutcomeKind> {
        let closed = self.closed.lock().unwrap();
        let outcomes: BTreeMap<_, _> =
            closed.iter().map(|(id, closed)| (id.clone(), closed.outcome.kind())).collect();
        assert_eq!(outcomes.len(), closed.len(), "a guest was told twice");
        outcomes
    }
}

impl Monitor for Heard {
    fn planned(&self, guest: &Planned, _: u64, _: u64) {
        self.planned.lock().unwrap().push(guest.clone());
    }

    fn closed(&self, guest: &GuestId, closed: &Closed, _: u64, _: u64) {
        self.closed.lock().unwrap().push((guest.as_str().to_owned(), closed.clone()));
    }

    fn previewed(&self, guest: &GuestId, outcome: Option<&Outcome>, _: u64, _: u64) {
        self.previewed.lock().unwrap().push((guest.as_str().to_owned(), outcome.cloned()));
    }

    fn still_active(&self, guest: &GuestId) {
        self.still_active.lock().unwrap().push(guest.as_str().to_owned());
    }
}

#[expect(clippy::disallowed_methods, reason = "tests measure virtual time")]
pub(crate) fn now() -> tokio::time::Instant {
    tokio::time::Instant::now()
}
