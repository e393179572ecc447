//! `/_sandbox/webhooks`: receivers of webhooks.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde::Serialize;

use super::{Done, body, json, number, parameters};
use crate::form;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::reply::{Body, Reply};
use crate::sandbox::Sandbox;
use crate::webhooks::{ReceiverPlan, Totals};

/// Answers what follows `/_sandbox/webhooks`.
pub(super) fn answer(
    sandbox: &Sandbox,
    rest: &str,
    request: &Request<Bytes>,
    host: Moment,
) -> Result<Reply, Problem> {
    let (name, action) = rest.split_once('/').unwrap_or((rest, ""));
    let name = form::segment(name).ok_or_else(Problem::not_found)?;
    match (name.as_str(), action, request.method()) {
        ("", "", &Method::GET) => totals(sandbox),
        ("", "", _) => Err(Problem::wrong_method("GET")),
        ("", ..) => Err(Problem::not_found()),
        (name, "", &Method::POST) => {
            let mut state = sandbox.state();
            let now = state.clock.now(host);
            Ok(state.receivers.take(name, request, sandbox.config().seed, now))
        }
        (name, "", &Method::GET) => received(sandbox, name, request),
        (name, "", &Method::DELETE) => {
            let was_there = sandbox.state().receivers.forget(name);
            if was_there { json(&Done { done: true }) } else { Err(Problem::not_found()) }
        }
        (_, "", _) => Err(Problem::wrong_method("GET, POST, DELETE")),
        (name, "plan", &Method::POST) => {
            let plan: ReceiverPlan = body(request)?;
            plan.check().map_err(|error| Problem::bad_request(error.to_string()))?;
            sandbox.state().receivers.plan(name, plan, sandbox.config().seed);
            json(&Done { done: true })
        }
        (_, "plan", _) => Err(Problem::wrong_method("POST")),
        _ => Err(Problem::not_found()),
    }
}

#[derive(Serialize)]
struct All<'a> {
    receivers: Vec<Totals<'a>>,
}

fn totals(sandbox: &Sandbox) -> Result<Reply, Problem> {
    let state = sandbox.state();
    json(&All { receivers: state.receivers.totals().collect() })
}

/// `?after=N&limit=M`: a line of JSON for each request, in the order in which they came. The `n` of the
/// last line is the next call's `after`; 10,000 lines at most unless `limit` says otherwise.
fn received(sandbox: &Sandbox, name: &str, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let parameters = parameters(request)?;
    let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let after = index(number(&parameters, "after")?.unwrap_or(0));
    let limit = index(number(&parameters, "limit")?.unwrap_or(10_000));
    let state = sandbox.state();
    let received = state.receivers.received(name).ok_or_else(Problem::not_found)?;
    let mut lines = Vec::new();
    for one in received.iter().skip(after).take(limit) {
        serde_json::to_writer(&mut lines, one).map_err(|error| Problem::bad_request(error.to_string()))?;
        lines.push(b'\n');
    }
    Ok(Reply::new(StatusCode::OK, "application/x-ndjson", Body::from(Bytes::from(lines))))
}
