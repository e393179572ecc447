//! `/_sandbox/guests`: what has become of the guests, and what they do by themselves.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Serialize;

use super::{Done, body, json, number, parameters};
use crate::form;
use crate::guests::{Closure, Fate, GuestPlan, GuestState};
use crate::problem::Problem;
use crate::reply::{Body, Reply};
use crate::sandbox::{Sandbox, State};

/// The truth about one guest.
#[derive(Serialize)]
struct Guest {
    k: u64,
    id: String,
    /// That of the conversation with the same number, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    state: GuestState,
    /// How often its state was told.
    reads: u64,
    /// How many well-formed DELETEs reached it.
    deletes: u64,
    /// How many of them ended its session.
    ended: u64,
    /// The words with which that was done.
    #[serde(flatten)]
    closure: Option<Closure>,
}

impl Guest {
    fn of(sandbox: &Sandbox, state: &State, k: u64) -> Self {
        let facts = sandbox.guests.facts(k, state.guest_plan);
        let fate = state.fates.of(k);
        let count = |of: fn(&Fate) -> u64| fate.map_or(0, of);
        Self {
            k,
            id: sandbox.guests.id(k),
            conversation_id: (k < sandbox.tenant.count()).then(|| sandbox.tenant.id(k)),
            state: fate.and_then(|fate| fate.state).unwrap_or(facts.state),
            reads: count(|fate| fate.reads),
            deletes: count(|fate| fate.deletes),
            ended: count(|fate| fate.ended),
            closure: fate.and_then(|fate| fate.closure.clone()),
        }
    }
}

/// `?after=K&limit=N`: a line of JSON for each guest, in ascending order of K. The K of the last line is
/// the next call's `after`; 100,000 lines at most unless `limit` says otherwise.
pub(super) fn list(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let parameters = parameters(request)?;
    let first = number(&parameters, "after")?.map_or(0, |after| after.saturating_add(1));
    let limit = number(&parameters, "limit")?.unwrap_or(100_000);
    let state = sandbox.state();
    let mut lines = Vec::new();
    for k in first..first.saturating_add(limit).min(sandbox.guests.count()) {
        serde_json::to_writer(&mut lines, &Guest::of(sandbox, &state, k))
            .map_err(|error| Problem::bad_request(error.to_string()))?;
        lines.push(b'\n');
    }
    Ok(Reply::new(StatusCode::OK, "application/x-ndjson", Body::from(Bytes::from(lines))))
}

/// One guest, by id.
pub(super) fn one(sandbox: &Sandbox, id: &str) -> Result<Reply, Problem> {
    let k = form::segment(id).and_then(|id| sandbox.guests.number_of(&id));
    json(&Guest::of(sandbox, &sandbox.state(), k.ok_or_else(Problem::not_found)?))
}

/// Counts over all guests.
#[derive(Default, Serialize)]
struct Totals {
    guests: u64,
    /// Guests by the state they are in now.
    states: BTreeMap<GuestState, u64>,
    reads: u64,
    deletes: u64,
    /// Guests whose session was ended by a DELETE.
    ended: u64,
    /// Of those, the ones whose data went with it.
    forgotten: u64,
    /// Sessions that were ended more than once: there must be none.
    ended_again: u64,
    /// Guests that changed by themselves.
    turned: u64,
}

/// `GET /_sandbox/guests/totals`.
pub(super) fn totals(sandbox: &Sandbox) -> Result<Reply, Problem> {
    let state = sandbox.state();
    let mut totals = Totals { guests: sandbox.guests.count(), ..Totals::default() };
    for k in 0..totals.guests {
        let guest = Guest::of(sandbox, &state, k);
        *totals.states.entry(guest.state).or_default() += 1;
        totals.reads += guest.reads;
        totals.deletes += guest.deletes;
        totals.ended += u64::from(guest.ended > 0);
        totals.forgotten += u64::from(guest.closure.is_some_and(|closure| !closure.retain_data));
        totals.ended_again += u64::from(guest.ended > 1);
        totals.turned += u64::from(state.fates.of(k).is_some_and(|fate| fate.turned));
    }
    json(&totals)
}

/// `POST /_sandbox/guests`: another plan for those to whom nothing has happened yet.
pub(super) fn set_plan(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let plan: GuestPlan = body(request)?;
    plan.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    sandbox.state().guest_plan = plan;
    json(&Done { done: true })
}
