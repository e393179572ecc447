//! A journal, a virtual clock, and receivers that do what they are told.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_api::clock::{Clock as _, VirtualClock};
use frontdesk_api::outward::{AddressPolicy, WebhookSender};
use frontdesk_api::transport::memory::{MemoryTransport, Reply};
use frontdesk_deliveries::Drain;
use frontdesk_domain::signature::{Received, SigningSecret, verify};
use frontdesk_domain::{Event, EventKind, Timestamp};
use frontdesk_journal::outbox::{DeliveryFilter, DeliveryStatus, NewEndpoint};
use frontdesk_journal::{Change, Clock, Journal, Settings};

/// What arrived at a receiver.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) at: Timestamp,
    pub(crate) host: String,
    pub(crate) id: String,
    pub(crate) body: Vec<u8>,
    pub(crate) headers: http::HeaderMap,
}

/// What a receiver answers, from its host and how many arrivals it had before.
type Plan = dyn Fn(&str, usize) -> Reply + Send + Sync;

pub(crate) struct World {
    pub(crate) journal: Arc<Journal>,
    pub(crate) clock: Arc<VirtualClock>,
    pub(crate) arrivals: Arc<Mutex<Vec<Arrival>>>,
    pub(crate) drain: Arc<Drain>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    temp: tempfile::TempDir,
}

pub(crate) fn secret() -> SigningSecret {
    SigningSecret::from_bytes(&[7; 32]).unwrap()
}

impl World {
    /// Receivers that answer as `plan` says; every webhook that arrives is verified first.
    pub(crate) fn new(plan: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("journal");
        let clock = Arc::new(VirtualClock::starting_at("2025-03-01T12:00:00Z".parse().unwrap()));
        let last = Arc::new(AtomicI64::new(0));
        let now: Arc<dyn Fn() -> Timestamp + Send + Sync> = {
            let (clock, last) = (Arc::clone(&clock), Arc::clone(&last));
            Arc::new(move || {
                let now = clock.now();
                last.store(now.as_micros(), Ordering::SeqCst);
                now
            })
        };
        // The journal's own thread is outside of the runtime, where virtual time does not reach: it is told.
        let told: Clock = {
            let last = Arc::clone(&last);
            Arc::new(move || Timestamp::from_micros(last.load(Ordering::SeqCst)).unwrap())
        };
        now();
        let journal = Arc::new(Journal::open(&root, &Settings::default(), told).unwrap());
        let arrivals: Arc<Mutex<Vec<Arrival>>> = Arc::default();
        let plan: Arc<Plan> = Arc::new(plan);
        let (log, time) = (Arc::clone(&arrivals), Arc::clone(&clock));
        let transport = MemoryTransport::new(move |request| {
            let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
            let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
            let signature = header("webhook-signature");
            let received = Received { id: &id, timestamp: &timestamp, signature: &signature };
            assert_eq!(verify(&[secret()], &received, request.body(), time.now()), Ok(()));
            let host = request.uri().host().unwrap().to_owned();
            let mut log = log.lock().unwrap();
            let before = log.iter().filter(|arrival| arrival.host == host).count();
            log.push(Arrival {
                at: time.now(),
                host: host.clone(),
                id,
                body: request.body().to_vec(),
                headers: request.headers().clone(),
            });
            plan(&host, before)
        });
        let sender = WebhookSender::new(Arc::new(transport), Arc::clone(&clock) as _);
        let drain = Arc::new(Drain::new(
            Arc::clone(&journal),
            &root,
            sender,
            AddressPolicy::default(),
            Arc::clone(&now),
        ));
        Self { journal, clock, now, arrivals, drain, temp }
    }

    pub(crate) fn root(&self) -> std::path::PathBuf {
        self.temp.path().join("journal")
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// The clock as a function.
    pub(crate) fn time(&self) -> Arc<dyn Fn() -> Timestamp + Send + Sync> {
        Arc::clone(&self.now)
    }

    pub(crate) fn endpoint(&self, host: &str, kind: EventKind) -> String {
        let headers =
            vec![("x-own".to_owned(), "1".to_owned()), ("webhook-id".to_owned(), "forged".to_owned())];
        let new = NewEndpoint::new(format!("https://{host}/hook"), secret(), [kind]).headers(headers);
        let id = new.id().to_owned();
        self.journal.record(Change::new().add_endpoint(new, self.now())).unwrap();
        id
    }

    pub(crate) fn store(&self, guest: &str, mark: &str) {
        let event = Event::session_terminated(guest, mark, self.now());
        self.journal.record(Change::new().event(event)).unwrap();
    }

    pub(crate) fn arrivals(&self, host: &str) -> Vec<Arrival> {
        let all = self.arrivals.lock().unwrap();
        all.iter().filter(|arrival| arrival.host == host).cloned().collect()
    }

    /// The marks that arrived, by guest, in their order.
    pub(crate) fn marks(&self, host: &str) -> BTreeMap<String, Vec<String>> {
        let mut marks: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for arrival in self.arrivals(host) {
            let body: serde_json::Value = serde_json::from_slice(&arrival.body).unwrap();
            let text = |name: &str| body[name].as_str().unwrap().to_owned();
            marks.entry(text("guest_id")).or_default().push(text("reason"));
        }
        marks
    }

    pub(crate) fn deliveries(&self) -> Vec<DeliveryStatus> {
        let mut all = Vec::new();
        let reader = self.journal.reader().unwrap();
        reader
            .deliveries(&DeliveryFilter::default(), &mut |delivery| {
                all.push(delivery);
                ControlFlow::Continue(())
            })
            .unwrap();
        all
    }
}

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
