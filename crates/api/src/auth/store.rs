//! A token kept between commands.

use std::fmt;
use std::time::Duration;

use frontdesk_domain::{Secret, Timestamp};

/// Where an app keeps a token, so that short commands share one (contract §1: a file, 0600, written atomically).
///
/// Both are called from within a call and should be quick; a failure is the app's to log, never the call's. A loaded
/// token is used while more than [`MARGIN`](StoredToken::MARGIN) is left of it.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// The token saved last, by this or another process.
    fn load(&self) -> Option<StoredToken>;

    /// Keeps a token that was just given.
    fn save(&self, token: &StoredToken);
}

/// A token with the wall times that say how long it is good.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// The token.
    pub access_token: Secret,
    /// When it was given.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

impl StoredToken {
    /// A stored token with less than this left is not used.
    pub const MARGIN: Duration = Duration::from_secs(60);
}
