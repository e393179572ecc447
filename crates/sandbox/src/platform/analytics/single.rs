//! Details of conversations by their ids (C.7.4).

use std::time::Duration;

use http::Method;
use serde::Serialize;

use super::VIEW;
use super::record::Record;
use crate::platform::refusal::Refusal;
use crate::platform::route::{Access, Operation};
use crate::platform::talk::Talk;
use crate::platform::visit::{Call, json};
use crate::reply::Reply;

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::GET,
        template: "/api/v2/analytics/conversations/{conversationId}/details",
        access: Access::Client(VIEW),
        answer: one,
    },
    Operation {
        method: Method::GET,
        template: "/api/v2/analytics/conversations/details",
        access: Access::Client(VIEW),
        answer: some,
    },
];

/// Most ids of a call.
const MOST: usize = 100;

#[derive(Serialize)]
struct Found<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conversations: Vec<Record<'a>>,
}

/// The conversation with this id, unless it ended just now.
fn find(call: &Call<'_>, id: &str) -> Option<Talk> {
    let state = call.sandbox.state();
    let lag = Duration::from_secs(state.platform.plan.details_lag_seconds);
    let talk = Talk::find(call.sandbox, &state, id, call.now())?;
    let known = talk.told_end.is_none_or(|end| end.plus(lag) <= call.now() || lag.is_zero());
    known.then_some(talk)
}

/// `GET /api/v2/analytics/conversations/{conversationId}/details`
fn one(call: &Call<'_>) -> Result<Reply, Refusal> {
    let talk = find(call, call.id(0)).ok_or_else(|| Refusal::not_found("conversation", call.id(0)))?;
    json(&Record::of(&talk, call.deployment(), false))
}

/// `GET /api/v2/analytics/conversations/details?id=…`: those that are not known are left out.
fn some(call: &Call<'_>) -> Result<Reply, Refusal> {
    let pairs = call.query()?;
    let ids = pairs.iter().filter(|(name, _)| name == "id").flat_map(|(_, value)| value.split(','));
    let ids: Vec<&str> = ids.map(str::trim).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() || ids.len() > MOST {
        return Err(Refusal::invalid_value("id", format!("From 1 to {MOST} ids are taken.")));
    }
    let talks: Vec<_> = ids.into_iter().filter_map(|id| find(call, id)).collect();
    let records = talks.iter().map(|talk| Record::of(talk, call.deployment(), false));
    json(&Found { conversations: records.collect() })
}
