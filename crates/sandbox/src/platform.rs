//! The contract that the vendor publishes (platform contract A to C, built as section E says), from the
//! same state as the gateway's: a conversation has one id on both sides, and what is done on one is
//! seen on the other.

mod analytics;
mod conversation;
mod ending;
mod guest;
mod ids;
mod login;
mod media;
mod message_data;
mod organization;
mod outbound;
mod plan;
mod refusal;
mod route;
mod sending;
mod talk;
mod time;
mod uploads;
mod visit;
mod wrap_up;

pub use guest::DeploymentPlan;
pub(crate) use guest::{Barred, Frame, Subject, issue};
pub use plan::PlatformPlan;
pub(crate) use route::label;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Config;
use crate::moment::Moment;
use analytics::{Jobs, Memo};
use guest::{WebGuests, Window};
use login::Grants;
use talk::Mark;
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
    /// Media that agents are about to send.
    uploads: Uploads,
    /// How often agents were seen typing, by conversation.
    typing: BTreeMap<String, Window>,
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
            uploads: Uploads::default(),
            typing: BTreeMap::new(),
        }
    }
}
