//! What the sandbox counts, and what it says when it is ready.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::moment::Moment;

/// The truth that `GET /_sandbox/stats` tells. Requests to `/_sandbox/` are not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// Requests by method and path template, refused and broken ones included.
    pub requests: BTreeMap<String, u64>,
    /// Answers with status 429, whether by the rate limit or by a fault.
    pub throttled: u64,
    /// Guest sessions there are, open or not.
    pub sessions: u64,
    /// Messages that were taken.
    pub messages: u64,
    /// Repeated keys that were answered from memory.
    pub duplicates: u64,
    /// Faults that fired, by name.
    pub faults: BTreeMap<String, u64>,
    /// Most requests of a route that were under way at the same time: from when they had arrived to when
    /// their answer was on its way. Only who listens on a port can tell.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub at_once: BTreeMap<String, u64>,
}

/// Who takes part in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Talk {
    /// The conversation.
    pub conversation_id: String,
    /// Who may send to it: `participants[].from.id` of the one with the role `agent`.
    pub agent_id: String,
    /// The same of the one with the role `customer`.
    pub customer_id: String,
}

/// What a client needs to know, as `frontdesk sandbox serve` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ready {
    /// Where the API is.
    pub base_url: String,
    /// Where the token endpoint is.
    pub login_url: String,
    /// Where the vendor's published contract is served, where it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub platform_url: Option<String>,
    /// Where its tokens are: its login host.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub platform_login_url: Option<String>,
    /// The web-messaging deployment that guests of the published contract come in by.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deployment_id: Option<String>,
    /// The client that may have tokens.
    pub client_id: String,
    /// Its secret, which is none.
    pub client_secret: String,
    /// The organisation of the tenant.
    pub organization_id: String,
    /// The messaging domain of that organisation.
    pub domain_id: String,
    /// The first conversation there is, where there is one: one id to try things with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub conversation_id: Option<String>,
    /// The conversation with the long history, where one was asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub long_conversation_id: Option<String>,
    /// The first guest there is, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub guest_id: Option<String>,
    /// One of the conversations that were there from the start for each channel, to try things with; the
    /// channel of one that does not say is `none`. `GET /_sandbox/talks` lists them all.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub channels: BTreeMap<String, Talk>,
    /// How many guests there are; `GET /_sandbox/guests` lists them.
    #[serde(default)]
    pub guests: u64,
    /// How many conversations there are.
    pub conversations: u64,
    /// Holds every start time.
    pub from: Moment,
    /// Its exclusive end.
    pub to: Moment,
    /// The seed that makes the same sandbox again.
    pub seed: u64,
}
