//! `/_sandbox/deployment` and `/_sandbox/guest_jwt`: how guests come in over the web deployment, and
//! tokens for those who did not.

use bytes::Bytes;
use http::Request;
use serde::{Deserialize, Serialize};

use super::{Done, body, json};
use crate::moment::Moment;
use crate::platform::{DeploymentPlan, Subject, issue};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::sandbox::Sandbox;

/// `GET /_sandbox/deployment`
pub(super) fn plan(sandbox: &Sandbox) -> Result<Reply, Problem> {
    json(&sandbox.state().platform.web.plan)
}

/// `POST /_sandbox/deployment`: the deployment is set up in another way from now on.
pub(super) fn set_plan(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let plan: DeploymentPlan = body(request)?;
    plan.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    sandbox.state().platform.web.plan = plan;
    json(&Done { done: true })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    conversation_id: String,
}

#[derive(Serialize)]
struct Issued {
    jwt: String,
    exp: i64,
}

/// `POST /_sandbox/guest_jwt`: a token for the guest of a conversation, which reads its history
/// (platform contract C.1) although no socket asked for it.
pub(super) fn jwt(sandbox: &Sandbox, request: &Request<Bytes>, host: Moment) -> Result<Reply, Problem> {
    let Wanted { conversation_id } = body(request)?;
    let state = sandbox.state();
    sandbox.conversation(&state, &conversation_id)?;
    let (life, now) = (state.platform.web.plan.jwt_seconds, state.clock.now(host));
    let (jwt, exp) = issue(Subject::Conversation(conversation_id), life, sandbox.config().seed, now);
    json(&Issued { jwt, exp })
}
