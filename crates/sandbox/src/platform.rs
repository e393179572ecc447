//! The contract that the vendor publishes (platform contract A to C, built as section E says), from the
//! same state as the gateway's: a conversation has one id on both sides, and what is done on one is
//! seen on the other.

mod analytics;
mod channels;
mod conversation;
mod deployments;
mod ending;
mod events;
mod gdpr;
mod guest;
mod ids;
mod limits;
mod login;
mod media;
mod message_data;
mod open;
mod organization;
mod outbound;
mod plan;
mod recordings;
mod refusal;
mod route;
mod sending;
mod strange;
mod talk;
mod threading;
mod time;
mod triggers;
mod uploads;
mod visit;
mod wrap_up;

pub use channels::ChannelPlan;
pub(crate) use events::Event;
pub use guest::DeploymentPlan;
pub(crate) use guest::{Barred, Frame, Subject, issue};
pub(crate) use message_data::MOST as MOST_IDS;
pub use plan::PlatformPlan;
pub(crate) use route::label;
pub(crate) use talk::{Seen, Talk, Text};
pub(crate) use triggers::Workflow;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Config;
use crate::moment::Moment;
use analytics::{Jobs, Memo};
use channels::Channels;
use events::Due;
use guest::{WebGuests, Window};
use login::Grants;
use open::Integrations;
use recordings::RecordingJobs;
use talk::Mark;
use threading::Timeline;
use triggers::Triggers;
use uploads::Uploads;

/// What only this contract has.
#[derive(Debug)]
pub(crate) struct Platform {
    pub(crate) plan: PlatformPlan,
    /// When the plan began: with the first request after it was made.
    pub(crate) since: Option<Moment>,
    pub(crate) grants: Grants,
    /// What was done to conversations over this contract alone, by their ids.
    pub(crate) marks: Arc<BTreeMap<String, Mark>>,
    /// Guests who came in by socket.
    pub(crate) web: WebGuests,
    /// The lists of conversations that were asked for last.
    memo: Memo,
    jobs: Jobs,
    pub(crate) channels: Channels,
    pub(crate) triggers: Triggers,
    /// What will come back about messages, and when.
    due: Due,
    /// Open messaging.
    integrations: Integrations,
    /// Requests of persons about their data.
    gdpr: Vec<gdpr::Request>,
    /// Media that agents are about to send.
    uploads: Uploads,
    /// How often agents were seen typing, by conversation.
    typing: BTreeMap<String, Window>,
    /// How often the recordings of a conversation were asked for.
    recordings_asked: BTreeMap<String, u32>,
    recording_jobs: RecordingJobs,
    /// For how long a message reopens a conversation.
    pub(crate) threading: Timeline,
}

impl Platform {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            plan: config.platform.clone(),
            since: None,
            grants: Grants::default(),
            marks: Arc::default(),
            web: WebGuests::new(config.deployment.clone()),
            memo: Memo::default(),
            jobs: Jobs::default(),
            channels: Channels::new(config.channels),
            triggers: Triggers::default(),
            due: Due::default(),
            integrations: Integrations::default(),
            gdpr: Vec::new(),
            uploads: Uploads::default(),
            typing: BTreeMap::new(),
            recordings_asked: BTreeMap::new(),
            recording_jobs: RecordingJobs::default(),
            threading: Timeline::default(),
        }
    }

    /// Notes something about the conversation with this id.
    pub(crate) fn mark(&mut self, conversation: &str, note: impl FnOnce(&mut Mark)) {
        note(Arc::make_mut(&mut self.marks).entry(conversation.to_owned()).or_default());
    }
}
