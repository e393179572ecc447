//! The desk of the console and of the HTTP API: what they read, who may, and that it is written down.
//!
//! | module | what it is |
//! |---|---|
//! | `role` | what somebody may do |
//! | `tokens` | what a client shows to be let in |
//! | `logins` | browsers that showed one |
//! | `access` | finds out who asks, before any handler runs |
//! | `books` | the journal: read, and told who looked at what |
//! | `office` | all of it, as handlers have it |
//! | `sent` | the body of a POST: a form of ours, or JSON |

mod access;
mod books;
mod logins;
mod office;
mod role;
mod sent;
mod tokens;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_domain::retention::Policies;
use frontdesk_journal::{Clock, Settings};

use crate::metrics::Remote;
use crate::source::ArchiveSource;
use crate::timetable::Timetable;

pub(crate) use access::{identify, login, logout};
pub(crate) use books::Read;
pub(crate) use office::{Office, json};
pub(crate) use role::{LOCAL, Viewer, at_least};
pub(crate) use sent::Sent;

pub use role::{Role, UnknownRole};
pub use tokens::{Token, TokenError, Tokens};

/// Seconds a message may take to arrive, where nobody says otherwise (contract §4).
const SLA: Duration = Duration::from_secs(5);

/// What the console and the HTTP API are about.
#[derive(Clone)]
pub struct Desk {
    pub(crate) archive: Arc<ArchiveSource>,
    pub(crate) journal: PathBuf,
    pub(crate) settings: Settings,
    pub(crate) now: Clock,
    pub(crate) tokens: Option<Tokens>,
    pub(crate) is_encrypted: bool,
    pub(crate) policies: Policies,
    pub(crate) sla: Duration,
    pub(crate) timetable: Timetable,
    pub(crate) remote: Option<Probe>,
}

/// Asks what was done with the platform so far.
type Probe = Arc<dyn Fn() -> Remote + Send + Sync>;

impl Desk {
    /// An archive and the journal in the folder `journal`, opened with `settings` to write down who looked at what.
    /// Nobody is asked for a token.
    #[must_use]
    pub fn new(archive: Arc<ArchiveSource>, journal: PathBuf, settings: Settings, now: Clock) -> Self {
        Self {
            archive,
            journal,
            settings,
            timetable: Timetable::new(now.clone()),
            now,
            tokens: None,
            is_encrypted: false,
            policies: Policies::default(),
            sla: SLA,
            remote: None,
        }
    }

    /// The file with the journal's keys.
    pub(crate) fn key_file(&self) -> PathBuf {
        self.settings.key_file.clone().unwrap_or_else(|| self.journal.join("keys"))
    }

    /// Asks everybody for one of these tokens.
    #[must_use]
    pub fn asking_for(mut self, tokens: Tokens) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Browsers reach it through TLS, its own or a proxy's: they send its cookie in no other way.
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.is_encrypted = true;
        self
    }

    /// What is removed when.
    #[must_use]
    pub fn policies(mut self, policies: Policies) -> Self {
        self.policies = policies;
        self
    }

    /// In which time a message is to arrive.
    #[must_use]
    pub fn sla(mut self, threshold: Duration) -> Self {
        self.sla = threshold;
        self
    }

    /// What is done by itself at its times.
    #[must_use]
    pub fn timetable(mut self, timetable: Timetable) -> Self {
        self.timetable = timetable;
        self
    }

    /// Asks the client of the pulls what it did so far.
    #[must_use]
    pub fn remote(mut self, probe: impl Fn() -> Remote + Send + Sync + 'static) -> Self {
        self.remote = Some(Arc::new(probe));
        self
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("archive", &self.archive)
            .field("journal", &self.journal)
            .field("tokens", &self.tokens.is_some())
            .finish_non_exhaustive()
    }
}
