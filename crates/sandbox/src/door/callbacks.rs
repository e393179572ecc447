//! `/_sandbox/callbacks`: who registered, and how they were called.

use bytes::Bytes;
use http::Request;
use serde::Serialize;

use super::{Done, body, json};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::sandbox::Sandbox;
use crate::subscriptions::{Call, CallbackPlan, Subscription};

#[derive(Serialize)]
struct All<'a> {
    subscriptions: &'a [Subscription],
    calls: &'a [Call],
}

pub(super) fn list(sandbox: &Sandbox) -> Result<Reply, Problem> {
    let state = sandbox.state();
    json(&All { subscriptions: state.subscriptions.all(), calls: state.subscriptions.calls() })
}

/// `POST /_sandbox/callbacks`: calls are made in another way from now on.
pub(super) fn set_plan(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let plan: CallbackPlan = body(request)?;
    plan.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    sandbox.state().subscriptions.plan = plan;
    json(&Done { done: true })
}
