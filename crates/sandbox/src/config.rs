//! What a sandbox is made of.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::fault::FaultPlan;
use crate::guests::GuestPlan;
use crate::history::Untidy;
use crate::messages::ReceiptPlan;
use crate::moment::Moment;
use crate::platform::{ChannelPlan, DeploymentPlan, PlatformPlan};
use crate::sessions::SessionPlan;

/// How the sandbox counts requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RateMode {
    /// A fixed window of 60 s that begins with a token's first request.
    #[default]
    Window,
    /// A token bucket: one second's worth of requests at once, then the even rate.
    Bucket,
}

/// What time it is in the sandbox when it starts; `POST /_sandbox/clock` changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockMode {
    /// The host's time, which is an argument of [`Sandbox::handle`](crate::Sandbox::handle).
    #[default]
    Real,
    /// Always this moment, until it is set, advanced or let run.
    Fixed(Moment),
}

/// A sandbox's settings. The default is a tenant of 2,000 conversations over the year 2025, and
/// as many guests.
///
/// ```
/// use frontdesk_sandbox::Config;
/// let config = Config { seed: 7, conversations: Some(1_000_000), rate_limit_per_min: 0, ..Config::default() };
/// assert_eq!(config.from.to_string(), "2025-01-01T00:00:00Z");
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// Everything made up, and every fault by chance, follows from it.
    pub seed: u64,
    /// How many conversations there are. `None` is what the corpora hold, or 2,000 without any. Fewer
    /// than the corpora hold are the earliest; more are copies with ids and times of their own.
    pub conversations: Option<u64>,
    /// Files of corpus conversations, `.ndjson` or packed with gzip. Without any the sandbox makes its
    /// own conversations.
    pub corpora: Vec<PathBuf>,
    /// The range over which the sandbox's own conversations start. Corpora bring their own.
    pub from: Moment,
    /// Its exclusive end.
    pub to: Moment,
    /// One more conversation, with so many messages in its history; the details query does not list it.
    pub long_history: Option<u64>,
    /// How messages of histories differ from tidy ones.
    pub untidy: Untidy,
    /// How long after its end the history of a conversation can be had; `None` is for ever.
    pub history_retention: Option<Duration>,
    /// How many guests there are. Guest `k` is the one of conversation `k`, where there is one.
    pub guests: u64,
    /// In which states they are, and which do something by themselves.
    pub guest_plan: GuestPlan,
    /// How the queues of guest sessions move.
    pub session_plan: SessionPlan,
    /// When receipts of messages come.
    pub receipts: ReceiptPlan,
    /// Requests a minute for each access token (each client address without one); 0 is no limit.
    pub rate_limit_per_min: u32,
    /// How they are counted.
    pub rate_mode: RateMode,
    /// How long every answer takes.
    pub latency: Duration,
    /// What goes wrong.
    pub faults: FaultPlan,
    /// How long an access token is valid. `expires_in` tells it in whole seconds.
    pub token_lifetime: Duration,
    /// The one client there is.
    pub client_id: String,
    /// Its secret, which is none.
    pub client_secret: String,
    /// The organisation that the tenant belongs to.
    pub organization_id: String,
    /// The messaging domain of that organisation.
    pub domain_id: String,
    /// The web-messaging deployment of the tenant, which only the vendor's published contract knows.
    pub deployment_id: String,
    /// How badly notifications are delivered.
    pub channels: ChannelPlan,
    /// How that deployment is set up, and what its guests may.
    pub deployment: DeploymentPlan,
    /// What the vendor's published contract does of its own.
    pub platform: PlatformPlan,
    /// What time it is.
    pub clock: ClockMode,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 1,
            conversations: None,
            corpora: Vec::new(),
            // 2025-01-01 and 2026-01-01, midnight UTC.
            from: Moment::from_unix(Duration::from_secs(1_735_689_600)),
            to: Moment::from_unix(Duration::from_secs(1_767_225_600)),
            long_history: None,
            untidy: Untidy::default(),
            history_retention: None,
            guests: 2_000,
            guest_plan: GuestPlan::default(),
            session_plan: SessionPlan::default(),
            receipts: ReceiptPlan::default(),
            rate_limit_per_min: 600,
            rate_mode: RateMode::Window,
            latency: Duration::ZERO,
            faults: FaultPlan::default(),
            token_lifetime: Duration::from_secs(24 * 3_600),
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret-not-real".to_owned(),
            organization_id: "sandbox-organization".to_owned(),
            domain_id: "sandbox-domain".to_owned(),
            deployment_id: "5a6d6e8b-7c1f-4b0e-9a51-3f2c8d7e6b10".to_owned(),
            channels: ChannelPlan::default(),
            deployment: DeploymentPlan::default(),
            platform: PlatformPlan::default(),
            clock: ClockMode::Real,
        }
    }
}
