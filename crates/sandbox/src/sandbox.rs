//! The sandbox: a state, and a function from requests to answers.

mod answer;
mod pass;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request};
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::config::Config;
use crate::conversation;
use crate::details;
use crate::door;
use crate::error::Error;
use crate::fault::{Faults, replacement, substitute};
use crate::guests::{Fates, GuestPlan, Guests};
use crate::history::{self, Untidy};
use crate::messages::{Messages, ReceiptPlan};
use crate::moment::Moment;
use crate::platform::{self, Event, Platform};
use crate::problem::Problem;
use crate::rate::{Budget, Limiter};
use crate::reply::Reply;
use crate::route::{Endpoint, Route};
use crate::sessions::{Session, SessionPlan, Sessions};
use crate::stats::{Ready, Stats, Talk};
use crate::subscriptions::{Answer, Outgoing, Subscriptions};
use crate::tenant::{Changes, LongHistory, Tenant};
use crate::token::Tokens;
use crate::webhooks::Receivers;

pub(crate) use pass::{Arrival, Contract, Pass};

/// A tenant on one's own machine, without a socket: requests go into [`handle`](Self::handle),
/// answers come out, and equal seeds give equal bytes.
///
/// ```
/// use bytes::Bytes;
/// use frontdesk_sandbox::{Config, Moment, Sandbox};
///
/// let sandbox = Sandbox::new(Config::default())?;
/// let request = http::Request::post("/oauth/token")
///     .header("content-type", "application/json")
///     .body(Bytes::from_static(
///         br#"{"grant_type": "client_credentials", "client_id": "sandbox-client",
///              "client_secret": "sandbox-secret-not-real"}"#,
///     ))?;
/// let reply = sandbox.handle(&request, [127, 0, 0, 1].into(), Moment::UNIX_EPOCH);
/// assert_eq!(reply.status(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Sandbox {
    config: Config,
    pub(crate) tenant: Tenant,
    pub(crate) guests: Guests,
    state: Mutex<State>,
    /// Somebody is to be called.
    calls: Notify,
}

/// What changes. Pages are made outside of the lock.
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) tokens: Tokens,
    pub(crate) limiter: Limiter,
    pub(crate) faults: Faults,
    pub(crate) stats: Stats,
    /// What happened to conversations.
    pub(crate) changes: Arc<Changes>,
    /// How messages of histories are odd.
    pub(crate) untidy: Untidy,
    /// Which guests do something by themselves.
    pub(crate) guest_plan: GuestPlan,
    /// What has become of them.
    pub(crate) fates: Fates,
    pub(crate) receivers: Receivers,
    pub(crate) sessions: Sessions,
    pub(crate) session_plan: SessionPlan,
    pub(crate) messages: Messages,
    pub(crate) receipt_plan: ReceiptPlan,
    pub(crate) subscriptions: Subscriptions,
    /// What only the vendor's published contract has.
    pub(crate) platform: Platform,
    /// How many requests there were.
    requests: u64,
    /// How many requests of a route are under way, where somebody listens.
    under_way: BTreeMap<String, u64>,
}

/// A request that is under way until this value is dropped.
pub(crate) struct UnderWay<'a> {
    sandbox: &'a Sandbox,
    label: String,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if let Some(count) = self.sandbox.state().under_way.get_mut(&self.label) {
            *count = count.saturating_sub(1);
        }
    }
}

/// A request on its way through.
struct Visit {
    pass: Pass,
    endpoint: Result<Endpoint, Problem>,
    ids: Vec<String>,
}

impl Visit {
    /// The one id in the path.
    fn id(&self) -> Result<&str, Problem> {
        self.ids.first().map(String::as_str).ok_or_else(Problem::not_found)
    }
}

impl Sandbox {
    /// Opens a tenant: reads its corpora, makes nothing yet.
    ///
    /// # Errors
    /// A corpus that cannot be read or is none, a range that is empty, a fault plan that makes no sense.
    pub fn new(config: Config) -> Result<Self, Error> {
        if config.from >= config.to {
            return Err(Error::setting("from", "is not before `to`"));
        }
        config.faults.check()?;
        config.untidy.check()?;
        config.guest_plan.check()?;
        config.session_plan.check()?;
        config.receipts.check()?;
        config.channels.check()?;
        config.deployment.check()?;
        config.platform.check()?;
        let tenant = Tenant::open(&config)?;
        let guests = Guests::new(config.seed, config.guests, config.from, config.to);
        let state = Mutex::new(State::new(&config));
        Ok(Self { config, tenant, guests, state, calls: Notify::new() })
    }

    /// Answers a request. `peer` is who sends it, `now` the host's time: the machine's
    /// ([`machine_time`](crate::machine_time)), or a virtual one that the sandbox's clock then follows.
    ///
    /// The answer is not sent: whoever hosts the sandbox waits for [`Reply::delay`] and imitates
    /// [`Reply::ending`].
    pub fn handle(&self, request: &Request<Bytes>, peer: IpAddr, now: Moment) -> Reply {
        if let Some(path) = request.uri().path().strip_prefix("/_sandbox/") {
            return door::answer(self, path, request, now);
        }
        let visit = self.visit(request, peer, now);
        let pass = &visit.pass;
        let effect = pass.effect();
        let refusal = pass.budget.and_then(Budget::refusal);
        let mut reply = match (refusal, effect.and_then(|effect| substitute(effect, pass.now))) {
            (Some(refusal), _) => refusal.reply(),
            (None, Some(substitute)) => substitute,
            (None, None) => {
                let reply = self.answer(request, &visit).unwrap_or_else(Problem::reply);
                effect.and_then(|effect| replacement(effect, pass.now)).unwrap_or(reply)
            }
        };
        if let Ok(id) = HeaderValue::from_str(&format!("sandbox-{:08}", pass.number)) {
            reply.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
        }
        self.send_off(pass, &mut reply);
        reply
    }

    /// Finds out what the request is for, and lets it in.
    fn visit(&self, request: &Request<Bytes>, peer: IpAddr, host: Moment) -> Visit {
        let Route { label, endpoint, ids, limited } = Route::of(request.method(), request.uri().path());
        let page = match endpoint {
            Ok(Endpoint::Details) => Some(details::page_of(request.body())),
            Ok(Endpoint::History) => Some(history::page_of(request.uri().query().unwrap_or_default())),
            _ => None,
        };
        let arrival = Arrival {
            contract: Contract::Gateway,
            label: &label,
            endpoint: endpoint.as_ref().ok().copied(),
            page,
            limited,
        };
        let pass = self.admit(&arrival, request, peer, host);
        Visit { pass, endpoint, ids }
    }

    /// A session was opened: those who registered are to be called.
    pub(crate) fn opened(&self, state: &mut State, session: &Session, host: Moment) {
        state.stats.sessions += 1;
        state.subscriptions.created(session, self.config.seed, host);
        self.wake_calls();
        let now = state.clock.now(host);
        let joined = (session.joined <= now).then_some(Event::Joined);
        let events: Vec<_> = [Event::Started].into_iter().chain(joined).collect();
        self.happened(state, &session.id, &events, now, host);
    }

    /// Somebody is to be called who was not before.
    pub(crate) fn wake_calls(&self) {
        self.calls.notify_one();
    }

    /// The calls that are due, which are then under way, and how long it is until the next one is.
    pub(crate) fn calls_due(&self, host: Moment) -> (Vec<Outgoing>, Option<Duration>) {
        let mut state = self.state();
        let now = state.clock.now(host);
        state.subscriptions.due(host, now)
    }

    /// What came of a call.
    pub(crate) fn call_done(&self, number: u64, answer: Answer, host: Moment) {
        self.state().subscriptions.done(number, answer, host);
    }

    /// Returns when somebody is to be called who was not before.
    pub(crate) async fn call_wanted(&self) {
        self.calls.notified().await;
    }

    /// Counts a request as under way. The door's own are not looked at.
    pub(crate) fn arrived(&self, contract: Contract, method: &Method, path: &str) -> Option<UnderWay<'_>> {
        if path.starts_with("/_sandbox/") {
            return None;
        }
        let label = match contract {
            Contract::Gateway => Route::of(method, path).label,
            Contract::Platform => platform::label(method, path),
        };
        let mut state = self.state();
        let count = state.under_way.entry(label.clone()).or_default();
        *count += 1;
        let count = *count;
        let most = state.stats.at_once.entry(label.clone()).or_default();
        *most = count.max(*most);
        drop(state);
        Some(UnderWay { sandbox: self, label })
    }

    /// What was counted so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.state().stats.clone()
    }

    /// What a client needs to know to reach this sandbox at `base_url` (no `/` at its end).
    #[must_use]
    pub fn ready(&self, base_url: &str) -> Ready {
        Ready {
            base_url: base_url.to_owned(),
            login_url: base_url.to_owned(),
            platform_url: None,
            platform_login_url: None,
            deployment_id: None,
            client_id: self.config.client_id.clone(),
            client_secret: self.config.client_secret.clone(),
            organization_id: self.config.organization_id.clone(),
            domain_id: self.config.domain_id.clone(),
            guest_id: self.guest_id(0),
            guests: self.guests.count(),
            conversation_id: self.conversation_id(0),
            long_conversation_id: self.tenant.long.as_ref().map(LongHistory::id),
            channels: self.channels(),
            conversations: self.tenant.count(),
            from: self.tenant.from,
            to: self.tenant.to,
            seed: self.config.seed,
        }
    }

    /// The first conversation of each channel among the first thousand.
    fn channels(&self) -> BTreeMap<String, Talk> {
        let mut channels = BTreeMap::new();
        for number in 0..self.tenant.count().min(1_000) {
            let channel = conversation::channel(&self.tenant, number).unwrap_or("none");
            if !channels.contains_key(channel) {
                channels.insert(channel.to_owned(), self.talk(number));
            }
        }
        channels
    }

    /// Who takes part in conversation `number`.
    pub(crate) fn talk(&self, number: u64) -> Talk {
        Talk {
            conversation_id: self.tenant.id(number),
            agent_id: format!("agent-{}", self.tenant.head(number, 0).agent),
            customer_id: conversation::customer(&self.guests, number),
        }
    }

    /// The id of conversation `k`, where there is one.
    #[must_use]
    pub fn conversation_id(&self, k: u64) -> Option<String> {
        (k < self.tenant.count()).then(|| self.tenant.id(k))
    }

    /// The id of guest `k`, where there is one.
    #[must_use]
    pub fn guest_id(&self, k: u64) -> Option<String> {
        (k < self.guests.count()).then(|| self.guests.id(k))
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// A panic in one request must not end the sandbox for all others.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(config: &Config) -> Self {
        Self {
            clock: Clock::new(config.clock),
            tokens: Tokens::default(),
            limiter: Limiter::new(config.rate_limit_per_min, config.rate_mode),
            faults: Faults::new(config.faults.clone(), config.seed),
            stats: Stats { sessions: config.guests, ..Stats::default() },
            changes: Arc::default(),
            untidy: config.untidy,
            guest_plan: config.guest_plan,
            fates: Fates::default(),
            receivers: Receivers::default(),
            sessions: Sessions::default(),
            session_plan: config.session_plan,
            messages: Messages::default(),
            receipt_plan: config.receipts,
            subscriptions: Subscriptions::default(),
            platform: Platform::new(config),
            requests: 0,
            under_way: BTreeMap::new(),
        }
    }

    /// Counts a request that is none of HTTP's; says the how many-eth it was of all.
    pub(crate) fn count_request(&mut self, label: &str) -> u64 {
        *self.stats.requests.entry(label.to_owned()).or_default() += 1;
        self.requests += 1;
        self.requests
    }

    /// Everything but the clock as it was at the start.
    pub(crate) fn reset(&mut self, config: &Config) {
        // What is under way is still under way.
        let (clock, under_way) = (self.clock, std::mem::take(&mut self.under_way));
        *self = Self { clock, under_way, ..Self::new(config) };
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("seed", &self.config.seed)
            .field("conversations", &self.tenant.count())
            .finish()
    }
}
