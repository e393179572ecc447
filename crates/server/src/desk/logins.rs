//! Browsers that showed a token: each has a cookie, and what its forms must send back.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use frontdesk_durable::{Sha256Hash, sha256};

use super::tokens::random;
use crate::clock;

/// A browser that is not used for so long has to show its token again.
const IDLE: Duration = Duration::from_secs(60 * 60);
/// So does one that was let in so long ago.
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);
/// More than so many at once are forgotten, those that are idle for longest first.
const MOST: usize = 1_000;

/// A browser that was let in.
#[derive(Clone)]
pub(super) struct Login {
    /// The id of the token it showed. Whether that still counts is asked anew each time.
    pub(super) token: Arc<str>,
    pub(super) csrf: Arc<str>,
    since: Instant,
    used: Instant,
}

/// Those that are let in; a restart forgets them.
pub(super) struct Logins {
    /// What forms send back where nobody has to log in.
    pub(super) csrf: Arc<str>,
    /// By a hash of the cookie: finding one tells nothing about others.
    by_cookie: Mutex<HashMap<Sha256Hash, Login>>,
}

impl Logins {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { csrf: random::<24>()?.into(), by_cookie: Mutex::default() })
    }

    /// Lets a browser in. Gives its cookie.
    pub(super) fn begin(&self, token: &str) -> io::Result<String> {
        let (cookie, csrf) = (random::<32>()?, random::<24>()?);
        let now = clock::monotonic();
        let login = Login { token: token.into(), csrf: csrf.into(), since: now, used: now };
        let mut logins = self.lock();
        logins.retain(|_, login| login.counts(now));
        if logins.len() >= MOST
            && let Some(oldest) = logins.iter().min_by_key(|(_, login)| login.used).map(|(key, _)| *key)
        {
            logins.remove(&oldest);
        }
        logins.insert(sha256(cookie.as_bytes()), login);
        Ok(cookie)
    }

    /// Whose cookie it is.
    pub(super) fn find(&self, cookie: &str) -> Option<Login> {
        let now = clock::monotonic();
        let mut logins = self.lock();
        let login = logins.get_mut(&sha256(cookie.as_bytes())).filter(|login| login.counts(now))?;
        login.used = now;
        Some(login.clone())
    }

    /// Lets it out again.
    pub(super) fn end(&self, cookie: &str) {
        self.lock().remove(&sha256(cookie.as_bytes()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Sha256Hash, Login>> {
        self.by_cookie.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Login {
    fn counts(&self, now: Instant) -> bool {
        now.duration_since(self.used) < IDLE && now.duration_since(self.since) < LONGEST
    }
}

impl fmt::Debug for Logins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logins({})", self.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_login_ends_when_it_is_idle_or_old_or_when_it_is_asked_to() {
        let logins = Logins::new().unwrap();
        let cookie = logins.begin("t-1").unwrap();
        assert_ne!(cookie, logins.begin("t-1").unwrap());
        for _ in 0..12 {
            tokio::time::advance(IDLE - Duration::from_secs(1)).await;
            assert_eq!(logins.find(&cookie).map(|login| login.token.to_string()).as_deref(), Some("t-1"));
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(logins.find(&cookie).is_none(), "twelve hours are over");
        let (idle, ended) = (logins.begin("t-2").unwrap(), logins.begin("t-2").unwrap());
        logins.end(&ended);
        assert!(logins.find(&ended).is_none() && logins.find(&idle).is_some());
        tokio::time::advance(IDLE).await;
        assert!(logins.find(&idle).is_none() && logins.find("").is_none());
    }

    #[test]
    fn there_are_never_more_than_a_bound() {
        let logins = Logins::new().unwrap();
        for _ in 0..MOST + 5 {
            logins.begin("t").unwrap();
        }
        assert_eq!(logins.lock().len(), MOST);
    }
}
