//! Settings of a client.

use std::sync::Arc;

use http::HeaderValue;

use super::{Client, Inner};
use crate::auth::cache::TokenCache;
use crate::auth::{Credentials, TokenStore};
use crate::base_url::BaseUrl;
use crate::clock::{Clock, SystemClock};
use crate::counters::{Live, Waits};
use crate::jitter::Jitter;
use crate::options::Timeouts;
use crate::retry::budget::Budget;
use crate::retry::run::Host;
use crate::throttle::{Rate, Throttle};
use crate::transport::Transport;

/// As large as a page of the largest size may well be, and bounded whatever a server sends; counted after decompression.
const BODY_CAP: u64 = 64 << 20;

/// Settings of a [`Client`]; [`build`](ClientBuilder::build) ends it.
#[derive(Debug)]
pub struct ClientBuilder {
    base: BaseUrl,
    login: Option<BaseUrl>,
    credentials: Credentials,
    clock: Arc<dyn Clock>,
    timeouts: Timeouts,
    body_cap: u64,
    rate: Option<Rate>,
    store: Option<Arc<dyn TokenStore>>,
    seed: Option<u64>,
}

impl ClientBuilder {
    pub(super) fn new(base: BaseUrl, credentials: Credentials) -> Self {
        Self {
            base,
            login: None,
            credentials,
            clock: Arc::new(SystemClock),
            timeouts: Timeouts::default(),
            body_cap: BODY_CAP,
            rate: None,
            store: None,
            seed: None,
        }
    }

    /// Where tokens are given, when not under the API's own base URL.
    #[must_use]
    pub fn login(mut self, login: BaseUrl) -> Self {
        self.login = Some(login);
        self
    }

    /// The wall clock; the machine's own by default.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Time-outs of every attempt.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Bytes a body may have after decompression; 64 MiB by default.
    #[must_use]
    pub fn body_cap(mut self, bytes: u64) -> Self {
        self.body_cap = bytes;
        self
    }

    /// The fastest pace to go (`--rate`). The server's stated limit makes it slower where it is lower, never faster.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// Where a token is kept between commands.
    #[must_use]
    pub fn token_store(mut self, store: Arc<dyn TokenStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Makes the jitter of waits repeatable.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The client.
    #[must_use]
    pub fn build(self, transport: Arc<dyn Transport>) -> Client {
        let Self { base, login, credentials, clock, timeouts, body_cap, rate, store, seed } = self;
        let jitter = || seed.map_or_else(Jitter::from_entropy, Jitter::seeded);
        let host = |rate| {
            Arc::new(Host {
                throttle: Throttle::new(rate, jitter()),
                budget: Budget::new(),
                jitter: jitter(),
                waits: Waits::default(),
            })
        };
        let login = login.unwrap_or_else(|| base.clone());
        let api_host = host(rate);
        let login_host =
            if login.authority() == base.authority() { Arc::clone(&api_host) } else { host(None) };
        Client(Arc::new(Inner {
            base,
            login,
            credentials,
            transport,
            tokens: TokenCache::new(Arc::clone(&clock), store),
            clock,
            timeouts,
            body_cap,
            user_agent: HeaderValue::from_static(concat!("frontdesk/", env!("CARGO_PKG_VERSION"))),
            host: api_host,
            login_host,
            counters: Live::default(),
        }))
    }
}
