//! The client core: a fixed pipeline from an endpoint to its output.
//!
//! ```text
//! Endpoint ─► encode ─► [ deadline ─► retry ─► auth ─► throttle ─► trace ─► Transport ] ─► decode ─► Output
//!                         once per call └──────────── once per attempt ────────────┘
//! ```
//!
//! The token is fetched before the turn is taken, and looked at again after it: a thousand callers that wait for one
//! token must not all go at once with turns they took long ago.
//!
//! | file | what it is |
//! |---|---|
//! | `builder` | settings |
//! | `attempt` | one attempt: everything between the retry loop and the transport |
//! | `body` | bodies under the cap and the idle time-out |

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use frontdesk_domain::Timestamp;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tracing::Instrument as _;

use crate::auth::Credentials;
use crate::auth::cache::{Ask, TokenCache};
use crate::auth::grant::{Grant, TokenRequest};
use crate::base_url::BaseUrl;
use crate::clock::{Clock, instant, later};
use crate::counters::{Counters, Live};
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind};
use crate::options::{CallOptions, Timeouts};
use crate::retry::run::{Call, Host, run};
use crate::source::Origin;
use crate::transport::Transport;

mod attempt;
mod body;
mod builder;

pub use self::builder::ClientBuilder;

/// Sends endpoints to one API, with one token cache, one retry budget and one pace for all its callers.
///
/// Cheap to clone; clones share everything.
///
/// ```
/// use std::sync::Arc;
/// use frontdesk_api::{Client, Credentials, transport::memory::{MemoryTransport, Reply}};
/// use frontdesk_domain::Secret;
///
/// let transport = MemoryTransport::new(|_| Reply::status(503));
/// let client = Client::builder("https://api.example.com".parse()?, Credentials::new("id", Secret::new("secret"))?)
///     .build(Arc::new(transport));
/// assert_eq!(client.counters().requests, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

pub(crate) struct Inner {
    base: BaseUrl,
    login: BaseUrl,
    credentials: Credentials,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    timeouts: Timeouts,
    body_cap: u64,
    user_agent: http::HeaderValue,
    tokens: TokenCache,
    host: Arc<Host>,
    /// The same as `host` where the token endpoint is on it.
    login_host: Arc<Host>,
    counters: Live,
}

impl Client {
    /// A client for the API at `base`.
    #[must_use]
    pub fn builder(base: BaseUrl, credentials: Credentials) -> ClientBuilder {
        ClientBuilder::new(base, credentials)
    }

    /// A client for calls that carry no token. An endpoint that needs one is not sent.
    #[must_use]
    pub fn without_token(base: BaseUrl) -> ClientBuilder {
        ClientBuilder::new(base, Credentials::absent())
    }

    /// Where the API is.
    #[must_use]
    pub fn base(&self) -> &BaseUrl {
        &self.0.base
    }

    /// What was done so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let Inner { host, login_host, counters, .. } = &*self.0;
        let mut waits = vec![host.throttle.waits(), &host.waits];
        if !Arc::ptr_eq(host, login_host) {
            waits.extend([login_host.throttle.waits(), &login_host.waits]);
        }
        counters.read(&waits)
    }

    /// The pace at the moment, in requests a second: learned from the server, or where learning starts.
    #[must_use]
    pub fn pace(&self) -> f64 {
        self.0.host.throttle.rate()
    }

    /// The same once it rests on something: on a limit the server states, on one the caller set, or on a 429.
    pub(crate) fn known_pace(&self) -> Option<f64> {
        self.0.host.throttle.known_rate()
    }

    /// The wall time, by the clock the client was built with.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// That clock.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.0.clock)
    }

    /// The OAuth client's id.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.0.credentials.id
    }

    /// Who answers, when this contract is spoken.
    pub(crate) fn origin(&self, contract: &'static str) -> Origin {
        let base = self.base().to_string();
        let host = base.split_once("://").map_or(&*base, |(_, host)| host);
        Origin { contract, host: host.to_owned(), client_id: self.client_id().to_owned() }
    }

    /// Gets a token, or finds the one at hand good: whether credentials and login URL are right.
    ///
    /// # Cancel safety
    /// Safe: a token that was given meanwhile is asked for again.
    ///
    /// # Errors
    /// When there is no token to be had.
    pub async fn authenticate(&self, options: &CallOptions) -> Result<(), Error> {
        let call = self.0.call::<TokenRequest<'_>>(&self.0.login_host, options, true);
        self.0.tokens.get(&self.0.login(&call)).await.map(|_| ())
    }

    /// Sends `endpoint` and reads its answer, repeating as the contract allows.
    ///
    /// # Cancel safety
    /// Dropping the future ends the call. A read has changed nothing; a write that was sent may have been processed,
    /// so give the signal of [`CallOptions::cancel`] instead and look at the outcome. A future that is neither polled
    /// nor dropped may keep its turn, or the token request, from all others.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send<E: Endpoint>(&self, endpoint: &E, options: &CallOptions) -> Result<E::Output, Error> {
        self.send_timed(endpoint, options).await.map(|(output, _)| output)
    }

    /// The same, with what the request took that was answered: from when it went until its answer was read. Waits for a
    /// turn or a token, and requests before it that failed, are not in it.
    pub(crate) async fn send_timed<E: Endpoint>(
        &self,
        endpoint: &E,
        options: &CallOptions,
    ) -> Result<(E::Output, Duration), Error> {
        let call = self.0.call::<E>(&self.0.host, options, false);
        let span = tracing::debug_span!("call", operation = E::OPERATION);
        let output = self.0.send(endpoint, &self.0.base, &call).instrument(span).await?;
        Ok((output, Duration::from_micros(call.took_us.load(Ordering::Relaxed))))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.0.base)
            .field("login", &self.0.login)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn call<'a, E: Endpoint>(
        &self,
        host: &'a Host,
        options: &'a CallOptions,
        is_token_call: bool,
    ) -> Call<'a> {
        let started = instant();
        Call {
            operation: E::OPERATION,
            repeat: E::REPEAT,
            scope: E::SCOPE,
            permissions: E::PERMISSIONS,
            is_token_call,
            started,
            deadline: later(started, options.deadline),
            attempts: options.attempts,
            repeats: options.repeats,
            cancel: &options.cancel,
            write_grace: self.timeouts.write_grace,
            host,
            sent: AtomicU32::new(0),
            in_flight: AtomicBool::new(false),
            took_us: AtomicU64::new(0),
        }
    }

    async fn send<E: Endpoint>(
        &self,
        endpoint: &E,
        base: &BaseUrl,
        call: &Call<'_>,
    ) -> Result<E::Output, Error> {
        run(
            call,
            |generation| self.tokens.invalidate(generation),
            || self.attempt(endpoint, base, call).boxed(),
        )
        .await
    }

    fn login<'a>(&'a self, call: &'a Call<'a>) -> Login<'a> {
        Login { client: self, call }
    }
}

/// Asks for a token on behalf of a call: within its deadline, and until its signal to stop.
struct Login<'a> {
    client: &'a Inner,
    call: &'a Call<'a>,
}

impl Ask for Login<'_> {
    fn ask(&self, once: bool) -> BoxFuture<'_, Result<Grant, Error>> {
        let Self { client, call } = *self;
        let attempts = if once { 1 } else { call.attempts };
        async move {
            if client.credentials.is_absent() {
                let what = "it needs a token, and the client has no credentials".to_owned();
                return Err(Error::of_kind(call.operation, ErrorKind::Unsendable { what }));
            }
            let request = TokenRequest(&client.credentials);
            let own = Call {
                operation: TokenRequest::OPERATION,
                repeat: TokenRequest::REPEAT,
                scope: TokenRequest::SCOPE,
                permissions: TokenRequest::PERMISSIONS,
                is_token_call: true,
                started: instant(),
                deadline: call.deadline,
                attempts,
                repeats: call.repeats,
                cancel: call.cancel,
                write_grace: call.write_grace,
                host: &client.login_host,
                sent: AtomicU32::new(0),
                in_flight: AtomicBool::new(false),
                took_us: AtomicU64::new(0),
            };
            client.send(&request, &client.login, &own).await
        }
        .boxed()
    }
}
