//! `/_sandbox/sessions` and `/_sandbox/talks`: which sessions were opened, and who takes part in which
//! conversation.

use std::collections::HashSet;

use bytes::Bytes;
use http::Request;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Done, body, json, number, parameters};
use crate::conversation;
use crate::form;
use crate::guests::{Closure, GuestState};
use crate::moment::Moment;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::sandbox::Sandbox;
use crate::sessions::{Refusals, Session, SessionPlan};
use crate::stats::Talk;

/// The truth about one session.
#[derive(Serialize)]
struct Truth<'a> {
    n: u64,
    id: &'a str,
    guest_id: &'a str,
    agent_id: String,
    state: GuestState,
    created: Moment,
    /// The idempotency key it was opened with.
    key: Option<&'a str>,
    /// How many requests with that key reached the sandbox.
    posts: u64,
    /// How often the state of its guest was told.
    reads: u64,
    /// How many DELETEs of its guest reached it.
    deletes: u64,
    /// How many messages there are in it.
    messages: usize,
    attributes: &'a Map<String, Value>,
    /// The words with which it was ended.
    #[serde(flatten)]
    closure: Option<&'a Closure>,
}

impl<'a> Truth<'a> {
    fn of(session: &'a Session) -> Self {
        Self {
            n: session.number,
            id: &session.id,
            guest_id: &session.guest_id,
            agent_id: session.agent_id(),
            state: session.state(),
            created: session.created,
            key: session.key.as_deref(),
            posts: session.posts,
            reads: session.reads,
            deletes: session.deletes,
            messages: session.said.len(),
            attributes: &session.attributes,
            closure: session.ended.as_ref().map(|(_, closure)| closure),
        }
    }
}

/// `?after=N&limit=M`: a line of JSON for each session, in the order in which they were opened. The `n` of
/// the last line is the next call's `after`; 100,000 lines at most unless `limit` says otherwise.
pub(super) fn list(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let parameters = parameters(request)?;
    let (skipped, limit) = super::skip_and_limit(&parameters, 100_000)?;
    let state = sandbox.state();
    let sessions = state.sessions.all().iter().skip(skipped).take(limit);
    super::lines(sessions.map(|session| Truth::of(session)))
}

/// One session, by the id of its conversation.
pub(super) fn one(sandbox: &Sandbox, id: &str) -> Result<Reply, Problem> {
    let id = form::segment(id).ok_or_else(Problem::not_found)?;
    let state = sandbox.state();
    json(&Truth::of(state.sessions.find(&id).ok_or_else(Problem::not_found)?))
}

/// Counts over all sessions that were opened.
#[derive(Default, Serialize)]
struct Totals {
    opened: u64,
    open: u64,
    ended: u64,
    /// Different guests of theirs.
    guests: u64,
    /// Requests that were answered from memory.
    duplicates: u64,
    /// Sessions without an idempotency key.
    without_key: u64,
    #[serde(flatten)]
    refusals: Refusals,
}

/// `GET /_sandbox/sessions/totals`.
pub(super) fn totals(sandbox: &Sandbox) -> Result<Reply, Problem> {
    let state = sandbox.state();
    let sessions = state.sessions.all();
    let count = |of: fn(&Session) -> bool| sessions.iter().filter(|session| of(session)).count() as u64;
    let ended = count(|session| session.state() == GuestState::Closed);
    json(&Totals {
        opened: sessions.len() as u64,
        open: sessions.len() as u64 - ended,
        ended,
        guests: sessions.iter().map(|session| &session.guest_id).collect::<HashSet<_>>().len() as u64,
        duplicates: sessions.iter().map(|session| session.posts - 1).sum(),
        without_key: count(|session| session.key.is_none()),
        refusals: state.sessions.refusals,
    })
}

/// `POST /_sandbox/sessions`: queues move in another way from now on.
pub(super) fn set_plan(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let plan: SessionPlan = body(request)?;
    plan.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    sandbox.state().session_plan = plan;
    json(&Done { done: true })
}

#[derive(Serialize)]
struct Line {
    k: u64,
    /// Nothing when the conversation does not say.
    channel: Option<&'static str>,
    #[serde(flatten)]
    talk: Talk,
}

/// `?channel=C&after=K&limit=N`: a line of JSON for each conversation that was there from the start,
/// with those who take part; `channel=none` are those that do not say which channel they are. The K of
/// the last line is the next call's `after`; 10,000 lines at most unless `limit` says otherwise.
pub(super) fn talks(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let parameters = parameters(request)?;
    let first = number(&parameters, "after")?.map_or(0, |after| after.saturating_add(1));
    let limit = number(&parameters, "limit")?.unwrap_or(10_000);
    let wanted = form::value(&parameters, "channel");
    let all = (first..sandbox.tenant.count()).map(|k| (k, conversation::channel(&sandbox.tenant, k)));
    let chosen = all.filter(|(_, channel)| wanted.is_none_or(|wanted| channel.unwrap_or("none") == wanted));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    super::lines(chosen.take(limit).map(|(k, channel)| Line { k, channel, talk: sandbox.talk(k) }))
}
