//! `/_sandbox/history`: what is in the histories, and how odd they are.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;

use super::{Done, body, json, numbers, parameters};
use crate::form;
use crate::history::{self, Rows, Talk, Totals, Untidy};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::sandbox::Sandbox;
use crate::tenant::Changes;

/// `POST /_sandbox/untidy`: histories are odd in another way from now on.
pub(super) fn set_untidy(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let untidy: Untidy = body(request)?;
    untidy.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    sandbox.state().untidy = untidy;
    json(&Done { done: true })
}

/// `?from=…&to=…`: what is in the histories of the conversations that start then.
pub(super) fn all(sandbox: &Sandbox, request: &Request<Bytes>, host: Moment) -> Result<Reply, Problem> {
    let numbers = numbers(sandbox, &parameters(request)?)?;
    let (changes, untidy, now) = snapshot(sandbox, host);
    let mut totals = Totals::default();
    for number in numbers {
        let change = changes.of(number);
        if !change.forgotten {
            let talk = Talk::conversation(number, &changes);
            totals.add(&Rows::of(&sandbox.tenant, &talk, untidy, sandbox.config().seed), now);
        }
    }
    json(&totals)
}

/// What is in the history of one conversation, the long one included.
pub(super) fn one(sandbox: &Sandbox, id: &str, host: Moment) -> Result<Reply, Problem> {
    let (changes, untidy, now) = snapshot(sandbox, host);
    let id = form::segment(id).ok_or_else(Problem::not_found)?;
    let opened = sandbox.state().sessions.find(&id).cloned();
    let talk = history::find(&sandbox.tenant, &changes, opened.as_ref(), &id);
    let talk = talk.ok_or_else(Problem::not_found)?;
    let mut totals = Totals::default();
    totals.add(&Rows::of(&sandbox.tenant, &talk, untidy, sandbox.config().seed), now);
    json(&totals)
}

fn snapshot(sandbox: &Sandbox, host: Moment) -> (Arc<Changes>, Untidy, Moment) {
    let state = sandbox.state();
    (Arc::clone(&state.changes), state.untidy, state.clock.now(host))
}
