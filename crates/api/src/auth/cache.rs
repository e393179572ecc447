//! One token for all callers.
//!
//! - *Single flight.* However many callers wait, one asks. The one who asks holds an async lock; when it is dropped, the
//!   next waiter takes over.
//! - *Margin.* A token is refreshed when less than the smaller of 5 minutes and half of its lifetime is left. Until it
//!   has expired it goes on being used: only one caller refreshes, with a single attempt, and its failure is nobody's.
//!   Who finds it expired after that attempt asks again, in earnest.
//! - *401.* Drops the token with that generation, so that a thousand refused calls lead to one request.
//! - *Failures are remembered* for 1 s, doubling to 30 s, or for the wait the server named: callers in that time get the
//!   same error without a request.
//! - *Expiry* is by elapsed time and by wall time, whichever comes first. So neither a clock that is set back nor one
//!   that is set forward makes us send a token that is known to have expired. Lifetime counts from before the request.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use frontdesk_domain::Timestamp;
use futures_util::future::BoxFuture;
use http::HeaderValue;
use tokio::time::Instant;
use tracing::debug;

use super::grant::Grant;
use super::store::{StoredToken, TokenStore};
use crate::clock::{Clock, instant, later};
use crate::error::{Disposition, Error, ErrorKind};
use crate::sync::lock;

/// The margin is never more than this.
const WIDEST_MARGIN: Duration = Duration::from_secs(300);
const FIRST_FAILURE: Duration = Duration::from_secs(1);
const LONGEST_FAILURE: Duration = Duration::from_secs(30);

/// Asks the server for a token.
pub(crate) trait Ask: Sync {
    /// One token call; `once` allows it a single attempt.
    fn ask(&self, once: bool) -> BoxFuture<'_, Result<Grant, Error>>;
}

/// A token that may be sent.
pub(crate) struct Token {
    pub(crate) header: HeaderValue,
    pub(crate) generation: u64,
    secret: frontdesk_domain::Secret,
    refresh_from: Instant,
    expires: Instant,
    expires_at: Timestamp,
}

impl Token {
    /// Whether it is not known to have expired.
    pub(crate) fn is_alive(&self, clock: &dyn Clock) -> bool {
        instant() < self.expires && clock.now() < self.expires_at
    }

    /// For striking it out of what a server writes.
    pub(crate) fn reveal(&self) -> &str {
        self.secret.reveal()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("generation", &self.generation).finish_non_exhaustive()
    }
}

/// The cache of one client.
#[derive(Debug)]
pub(crate) struct TokenCache {
    state: Mutex<State>,
    /// Held by the caller that asks.
    flight: tokio::sync::Mutex<()>,
    clock: Arc<dyn Clock>,
    store: Option<Arc<dyn TokenStore>>,
}

#[derive(Debug, Default)]
struct State {
    token: Option<Arc<Token>>,
    generation: u64,
    failure: Option<Remembered>,
    loaded: bool,
}

#[derive(Debug)]
struct Remembered {
    error: Error,
    until: Instant,
    row: u32,
    /// Everything was tried, or trying more makes no sense. Otherwise it only spares a token that is still good.
    in_earnest: bool,
}

/// What is at hand.
enum AtHand {
    Fresh(Arc<Token>),
    /// Still valid, and due for a refresh.
    Aging(Arc<Token>),
    /// Still valid; a refresh failed a moment ago.
    Spared(Arc<Token>),
    Failed(Error),
    Nothing,
}

impl TokenCache {
    pub(crate) fn new(clock: Arc<dyn Clock>, store: Option<Arc<dyn TokenStore>>) -> Self {
        Self { state: Mutex::default(), flight: tokio::sync::Mutex::default(), clock, store }
    }

    /// A token that is not known to have expired.
    ///
    /// # Cancel safety
    /// A dropped caller that was asking lets the next one ask.
    ///
    /// # Errors
    /// When there is none and none can be had.
    pub(crate) async fn get(&self, server: &dyn Ask) -> Result<Arc<Token>, Error> {
        match self.at_hand() {
            AtHand::Fresh(token) | AtHand::Spared(token) => return Ok(token),
            AtHand::Failed(error) => return Err(error),
            AtHand::Aging(token) => {
                // Who does not get the lock knows that somebody is asking, and has a token that is good.
                let Ok(_flight) = self.flight.try_lock() else { return Ok(token) };
                let newer = match self.at_hand() {
                    AtHand::Fresh(newer) => Some(newer),
                    AtHand::Aging(_) => self.ask(server, true).await.ok(),
                    AtHand::Spared(_) | AtHand::Failed(_) | AtHand::Nothing => None,
                };
                if let Some(token) = newer.or_else(|| token.is_alive(&*self.clock).then_some(token)) {
                    return Ok(token);
                }
            }
            AtHand::Nothing => {}
        }
        let _flight = self.flight.lock().await;
        match self.at_hand() {
            AtHand::Fresh(token) | AtHand::Aging(token) | AtHand::Spared(token) => Ok(token),
            AtHand::Failed(error) => Err(error),
            AtHand::Nothing => match self.load() {
                Some(token) => Ok(token),
                None => self.ask(server, false).await,
            },
        }
    }

    /// Drops the token with this generation, if it is still the one.
    pub(crate) fn invalidate(&self, generation: u64) {
        let mut state = lock(&self.state);
        if state.token.as_ref().is_some_and(|token| token.generation == generation) {
            debug!(generation, "the token is not accepted any more");
            state.token = None;
        }
    }

    fn at_hand(&self) -> AtHand {
        let mut state = lock(&self.state);
        let now = instant();
        let failure = state.failure.as_ref().filter(|failure| failure.until > now);
        let spare = failure.is_some();
        let failed = failure.filter(|failure| failure.in_earnest).map(|failure| failure.error.clone());
        match (&state.token, failed) {
            (Some(token), _) if !token.is_alive(&*self.clock) => {
                state.token = None;
                drop(state);
                self.at_hand()
            }
            (Some(token), _) if now < token.refresh_from => AtHand::Fresh(Arc::clone(token)),
            (Some(token), _) if spare => AtHand::Spared(Arc::clone(token)),
            (Some(token), _) => AtHand::Aging(Arc::clone(token)),
            (None, Some(error)) => AtHand::Failed(error),
            (None, None) => AtHand::Nothing,
        }
    }

    /// Asks the server. The caller holds the flight.
    async fn ask(&self, server: &dyn Ask, once: bool) -> Result<Arc<Token>, Error> {
        let (asked, asked_at) = (instant(), self.clock.now());
        let outcome = server.ask(once).await;
        let token = outcome.and_then(|grant| {
            let token = self.keep(grant, asked, asked_at);
            let late = "the token had expired before its answer was here";
            let expired = || Error::of_kind("token request", ErrorKind::Malformed { what: late.to_owned() });
            if token.is_alive(&*self.clock) { Ok(token) } else { Err(expired().at_token_call()) }
        });
        match token {
            Ok(token) => {
                lock(&self.state).failure = None;
                Ok(token)
            }
            Err(error) => {
                self.remember(&error, once);
                Err(error)
            }
        }
    }

    fn keep(&self, grant: Grant, asked: Instant, asked_at: Timestamp) -> Arc<Token> {
        let expires_at = asked_at.checked_add(grant.lifetime).unwrap_or(Timestamp::MAX);
        if let Some(store) = &self.store {
            let access_token = grant.access_token.clone();
            store.save(&StoredToken { access_token, issued_at: asked_at, expires_at });
        }
        let margin = WIDEST_MARGIN.min(grant.lifetime / 2);
        self.put(grant, margin, asked, expires_at)
    }

    /// The token another command left, once.
    fn load(&self) -> Option<Arc<Token>> {
        if std::mem::replace(&mut lock(&self.state).loaded, true) {
            return None;
        }
        let stored = self.store.as_ref()?.load()?;
        let now = self.clock.now();
        let left = stored.expires_at.since(now);
        let lifetime = stored.expires_at.since(stored.issued_at);
        // A token from the future was written under another clock: nothing it says about time can be believed.
        if left <= StoredToken::MARGIN || stored.issued_at > now {
            return None;
        }
        let grant = Grant::new(stored.access_token, left)?;
        let expires_at = now.checked_add(grant.lifetime).unwrap_or(Timestamp::MAX).min(stored.expires_at);
        let margin = WIDEST_MARGIN.min(lifetime / 2).min(StoredToken::MARGIN);
        Some(self.put(grant, margin, instant(), expires_at))
    }

    fn put(&self, grant: Grant, margin: Duration, from: Instant, expires_at: Timestamp) -> Arc<Token> {
        let expires = later(from, grant.lifetime);
        let mut state = lock(&self.state);
        state.generation += 1;
        let token = Arc::new(Token {
            header: grant.header,
            generation: state.generation,
            secret: grant.access_token,
            refresh_from: expires.checked_sub(margin).unwrap_or(from),
            expires,
            expires_at,
        });
        state.token = Some(Arc::clone(&token));
        token
    }

    fn remember(&self, error: &Error, once: bool) {
        // That this caller had no more time, or was told to stop, says nothing about the next one.
        if matches!(error.kind(), ErrorKind::Deadline | ErrorKind::Cancelled) {
            return;
        }
        let mut state = lock(&self.state);
        let row = state.failure.as_ref().map_or(0, |failure| failure.row);
        let doubled = FIRST_FAILURE.saturating_mul(2_u32.saturating_pow(row.min(16))).min(LONGEST_FAILURE);
        let wait = error.retry_after().unwrap_or_default().max(doubled);
        // A single attempt that might have gone better is not the last word; one that named its wait, or was refused, is.
        let in_earnest = !once || error.disposition() != Disposition::Retry;
        let until = later(instant(), wait);
        state.failure = Some(Remembered { error: error.clone(), until, row: row + 1, in_earnest });
    }
}
