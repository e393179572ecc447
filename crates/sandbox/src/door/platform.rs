//! `/_sandbox/platform`: what the vendor's published contract does of its own.

use bytes::Bytes;
use http::Request;

use super::{Done, body, json};
use crate::platform::PlatformPlan;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::sandbox::Sandbox;

/// The plan as it is.
pub(super) fn plan(sandbox: &Sandbox) -> Result<Reply, Problem> {
    json(&sandbox.state().platform.plan)
}

/// A new plan, from the next request on.
pub(super) fn set_plan(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let plan: PlatformPlan = body(request)?;
    plan.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    let mut state = sandbox.state();
    (state.platform.plan, state.platform.since) = (plan, None);
    drop(state);
    json(&Done { done: true })
}
