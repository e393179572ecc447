//! The doors to the demonstration's tenant, over one contract or the other.

use std::sync::Arc;

use frontdesk_api::{Cancel, GuestSessions, HistorySource, MessageChannel, SessionOpenings};
use frontdesk_domain::{ConversationId, GuestId};
use frontdesk_sandbox::{Ready, Sandbox};
use frontdesk_shell::{Environment, Failure};

use super::jobs::broken;
use crate::args::DemoContract;
use crate::clock::WallClock;
use crate::connect::{self, Source};
use crate::context::Context;

/// What the demonstration works through, as a command builds it from its settings.
pub(super) struct Ports {
    pub(super) contract: DemoContract,
    pub(super) source: Source,
    pub(super) histories: Arc<dyn HistorySource>,
    pub(super) openings: Arc<dyn SessionOpenings>,
    pub(super) messages: Arc<dyn MessageChannel>,
    pub(super) guests: Arc<dyn GuestSessions>,
}

impl Ports {
    pub(super) fn new(
        context: &Context<'_>,
        clock: &WallClock,
        contract: DemoContract,
        cancel: &Cancel,
    ) -> Result<Self, Failure> {
        Ok(Self {
            contract,
            source: connect::source(context, clock)?,
            histories: connect::histories(context, clock, false)?,
            openings: connect::openings(context, clock, cancel.clone())?,
            messages: connect::messages(context, clock, cancel.clone())?,
            guests: connect::guests(context, clock, cancel.clone(), false)?,
        })
    }

    /// By which name the guest's session is ended: on the platform staff know no guest but by the conversation.
    pub(super) fn name_of(&self, session: &ConversationId, guest: &GuestId) -> Result<GuestId, Failure> {
        match self.contract {
            DemoContract::Gateway => Ok(guest.clone()),
            DemoContract::Platform => {
                GuestId::new(session.as_str()).map_err(|_| broken("the session's id names no guest"))
            }
        }
    }

    /// The same of guest `k` of the sandbox's own.
    pub(super) fn guest(&self, sandbox: &Sandbox, k: u64) -> Option<String> {
        match self.contract {
            DemoContract::Gateway => sandbox.guest_id(k),
            DemoContract::Platform => sandbox.conversation_id(k),
        }
    }
}

/// The settings that lead to this tenant, and nowhere else.
pub(super) fn settings(ready: &Ready, contract: DemoContract) -> Environment {
    let mut settings = vec![
        ("FRONTDESK_CLIENT_ID", ready.client_id.as_str()),
        ("FRONTDESK_CLIENT_SECRET", ready.client_secret.as_str()),
    ];
    match contract {
        DemoContract::Gateway => settings
            .extend([("FRONTDESK_CONTRACT", "gateway"), ("FRONTDESK_BASE_URL", ready.base_url.as_str())]),
        DemoContract::Platform => settings.extend([
            ("FRONTDESK_CONTRACT", "platform"),
            ("FRONTDESK_BASE_URL", ready.platform_url.as_deref().unwrap_or_default()),
            ("FRONTDESK_LOGIN_URL", ready.platform_login_url.as_deref().unwrap_or_default()),
            ("FRONTDESK_DEPLOYMENT_ID", ready.deployment_id.as_deref().unwrap_or_default()),
        ]),
    }
    Environment::from_iter(settings)
}
