//! For how long a message reopens a conversation that was over (platform contract C.16).

use http::Method;
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::route::{Access, Operation};
use super::visit::{Call, json};
use crate::reply::Reply;

const TIMELINE: &str = "/api/v2/conversations/messaging/threadingtimeline";

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::GET,
        template: TIMELINE,
        access: Access::Client(&["conversation:threadingTimeline:view"]),
        answer: get,
    },
    Operation {
        method: Method::PUT,
        template: TIMELINE,
        access: Access::Client(&["conversation:threadingTimeline:edit"]),
        answer: put,
    },
];

const MESSENGERS: [&str; 9] =
    ["sms", "facebook", "twitter", "whatsapp", "webmessaging", "instagram", "open", "apple", "linkedin"];

/// The window of each messenger.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Timeline {
    settings: Vec<Window>,
    #[serde(default = "three_days")]
    default_timeout_minutes: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Window {
    messenger_type: String,
    timeout_in_minutes: u64,
}

/// What help pages name as usual: 72 hours.
fn three_days() -> u64 {
    4_320
}

impl Default for Timeline {
    fn default() -> Self {
        let window = |messenger: &str| Window {
            messenger_type: messenger.to_owned(),
            timeout_in_minutes: three_days(),
        };
        Self { settings: MESSENGERS.into_iter().map(window).collect(), default_timeout_minutes: three_days() }
    }
}

fn get(call: &Call<'_>) -> Result<Reply, Refusal> {
    json(&call.sandbox.state().platform.threading)
}

fn put(call: &Call<'_>) -> Result<Reply, Refusal> {
    let timeline: Timeline = call.body()?;
    let unknown = timeline.settings.iter().find(|one| !MESSENGERS.contains(&one.messenger_type.as_str()));
    if let Some(unknown) = unknown {
        let message = format!("{} is no messenger type.", unknown.messenger_type);
        return Err(Refusal::invalid_value("messengerType", message));
    }
    call.sandbox.state().platform.threading = timeline;
    get(call)
}
