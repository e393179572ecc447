//! `/_sandbox/channels` and `/_sandbox/workflows`: how notifications are delivered, and what triggers
//! run.

use bytes::Bytes;
use http::Request;
use serde::Serialize;

use super::{Done, body, json};
use crate::platform::{ChannelPlan, Workflow};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::sandbox::Sandbox;

/// `GET /_sandbox/channels`
pub(super) fn plan(sandbox: &Sandbox) -> Result<Reply, Problem> {
    json(&sandbox.state().platform.channels.plan)
}

/// `POST /_sandbox/channels`: events are delivered in another way from now on.
pub(super) fn set_plan(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let plan: ChannelPlan = body(request)?;
    plan.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    sandbox.state().platform.channels.plan = plan;
    json(&Done { done: true })
}

/// `POST /_sandbox/channels/closing`: all sockets are told that they will be closed.
pub(super) fn announce_closing(sandbox: &Sandbox) -> Result<Reply, Problem> {
    sandbox.state().platform.channels.announce_closing();
    json(&Done { done: true })
}

#[derive(Serialize)]
struct Dropped {
    dropped: usize,
}

/// `POST /_sandbox/channels/drop`: all sockets break off.
pub(super) fn drop_all(sandbox: &Sandbox) -> Result<Reply, Problem> {
    json(&Dropped { dropped: sandbox.state().platform.channels.break_off() })
}

/// `GET /_sandbox/workflows`
pub(super) fn workflows(sandbox: &Sandbox) -> Result<Reply, Problem> {
    json(&sandbox.state().platform.triggers.workflows.values().collect::<Vec<_>>())
}

/// `POST /_sandbox/workflows`: what the flow with this id does when a trigger runs it.
pub(super) fn set_workflow(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let workflow: Workflow = body(request)?;
    if !workflow.uri.starts_with("http://") {
        return Err(Problem::bad_request("only http is called"));
    }
    sandbox.state().platform.triggers.workflows.insert(workflow.id.clone(), workflow);
    json(&Done { done: true })
}
