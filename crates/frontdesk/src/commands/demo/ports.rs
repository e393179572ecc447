//! The doors to the demonstration's tenant, over one contract or the other.

use std::ops::Deref;

use frontdesk_api::Cancel;
use frontdesk_domain::{ConversationId, GuestId};
use frontdesk_sandbox::{Ready, Sandbox};
use frontdesk_shell::{Environment, Failure};

use super::jobs::broken;
use crate::args::DemoContract;
use crate::clock::WallClock;
use crate::connect::{self, Doors};
use crate::context::Context;

/// What the demonstration works through, as a command builds it from its settings.
pub(super) struct Ports {
    pub(super) contract: DemoContract,
    doors: Doors,
}

impl Deref for Ports {
    type Target = Doors;

    fn deref(&self) -> &Doors {
        &self.doors
    }
}

impl Ports {
    pub(super) fn new(
        context: &Context<'_>,
        clock: &WallClock,
        contract: DemoContract,
        cancel: &Cancel,
    ) -> Result<Self, Failure> {
        Ok(Self { contract, doors: connect::doors(context, clock, cancel)? })
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
