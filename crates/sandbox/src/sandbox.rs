//! The sandbox: a state, and a function from requests to answers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, StatusCode};

use crate::clock::Clock;
use crate::config::Config;
use crate::details;
use crate::door;
use crate::error::Error;
use crate::fault::{Faults, Fired, Question, Shape, substitute};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::rate::{Budget, Caller, Limiter};
use crate::reply::Reply;
use crate::route::{Endpoint, Route};
use crate::stats::{Ready, Stats};
use crate::tenant::Tenant;
use crate::token::{self, Tokens, bearer};

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
    state: Mutex<State>,
}

/// What changes. Pages are made outside of the lock.
pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) tokens: Tokens,
    pub(crate) limiter: Limiter,
    pub(crate) faults: Faults,
    pub(crate) stats: Stats,
    /// How many messages were added to which conversation.
    pub(crate) revisions: Arc<BTreeMap<u64, u32>>,
    /// How many requests there were.
    requests: u64,
}

/// A request on its way through.
struct Visit {
    number: u64,
    now: Moment,
    endpoint: Result<Endpoint, Problem>,
    budget: Option<Budget>,
    fault: Option<Fired>,
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
        let tenant = Tenant::open(&config)?;
        let state = Mutex::new(State::new(&config));
        Ok(Self { config, tenant, state })
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
        let visit = self.admit(request, peer, now);
        let effect = visit.fault.as_ref().and_then(|fault| fault.effect.as_ref());
        let refusal = visit.budget.and_then(Budget::refusal);
        let mut reply = match (refusal, effect.and_then(|effect| substitute(effect, visit.now))) {
            (Some(refusal), _) => refusal.reply(),
            (None, Some(substitute)) => substitute,
            (None, None) => self.answer(request, &visit).unwrap_or_else(Problem::reply),
        };
        self.send_off(&visit, &mut reply);
        reply
    }

    /// Counts the request, asks the rate limit and, if that lets it through, the fault plan.
    fn admit(&self, request: &Request<Bytes>, peer: IpAddr, host: Moment) -> Visit {
        let Route { label, endpoint, limited } = Route::of(request.method(), request.uri().path());
        let page = (endpoint == Ok(Endpoint::Details)).then(|| details::page_of(request.body()));
        let mut state = self.state();
        state.requests += 1;
        let number = state.requests;
        *state.stats.requests.entry(label.clone()).or_default() += 1;
        let now = state.clock.now(host);
        let budget = if limited {
            let token = bearer(request.headers()).filter(|token| state.tokens.knows(token));
            let caller = token.map_or(Caller::Address(peer), |token| Caller::Token(token.to_owned()));
            state.limiter.take(caller, now)
        } else {
            None
        };
        let throttled = budget.is_some_and(|budget| budget.wait_seconds.is_some());
        let question = Question {
            number,
            method: request.method(),
            label: &label,
            endpoint: endpoint.as_ref().ok().copied(),
            page,
            body: request.body(),
        };
        let fault = if throttled { None } else { state.faults.decide(&question) };
        if let Some(fault) = &fault {
            *state.stats.faults.entry(fault.name()).or_default() += 1;
        }
        Visit { number, now, endpoint, budget, fault }
    }

    fn answer(&self, request: &Request<Bytes>, visit: &Visit) -> Result<Reply, Problem> {
        let effect = visit.fault.as_ref().and_then(|fault| fault.effect.as_ref());
        match visit.endpoint.clone()? {
            Endpoint::Token => {
                token::answer(&mut self.state().tokens, &self.config, request, visit.now, effect)
            }
            Endpoint::Details => {
                let revisions = {
                    let state = self.state();
                    state.tokens.authorize(request.headers(), visit.now, details::SCOPE)?;
                    Arc::clone(&state.revisions)
                };
                let query = details::Query::read(request.body(), self.config.seed)?;
                Ok(details::answer(&self.tenant, &revisions, &query, &Shape::of(effect)))
            }
        }
    }

    /// Adds what every answer has, and what the fault does to its way back.
    fn send_off(&self, visit: &Visit, reply: &mut Reply) {
        if let Some(budget) = visit.budget {
            budget.state(reply);
        }
        let id = HeaderValue::from_str(&format!("sandbox-{:08}", visit.number));
        if let Ok(id) = id {
            reply.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
        }
        reply.delay = self.config.latency;
        if let Some(fault) = &visit.fault {
            reply.delay += Duration::from_millis(fault.delay_ms);
            if let Some(effect) = &fault.effect {
                effect.break_off(reply, fault.chance);
            }
        }
        if reply.status() == StatusCode::TOO_MANY_REQUESTS {
            self.state().stats.throttled += 1;
        }
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
            client_id: self.config.client_id.clone(),
            client_secret: self.config.client_secret.clone(),
            organization_id: self.config.organization_id.clone(),
            conversations: self.tenant.count(),
            from: self.tenant.from,
            to: self.tenant.to,
            seed: self.config.seed,
        }
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
            stats: Stats::default(),
            revisions: Arc::default(),
            requests: 0,
        }
    }

    /// Everything but the clock as it was at the start.
    pub(crate) fn reset(&mut self, config: &Config) {
        let clock = self.clock;
        *self = Self { clock, ..Self::new(config) };
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
