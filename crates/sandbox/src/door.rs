//! `/_sandbox/`: the truth, and the screws to turn. Never throttled, never faulted, not counted.

mod callbacks;
mod channels;
mod deployment;
mod guests;
mod histories;
mod messages;
mod platform;
mod sessions;
mod webhooks;

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::config::RateMode;
use crate::details;
use crate::fault::{FaultPlan, Faults};
use crate::filter;
use crate::form;
use crate::moment::Moment;
use crate::problem::Problem;
use crate::reply::{Body, Reply};
use crate::sandbox::Sandbox;
use crate::tenant::Draft;

/// Answers `path`, which is what follows `/_sandbox/`.
pub(crate) fn answer(sandbox: &Sandbox, path: &str, request: &Request<Bytes>, host: Moment) -> Reply {
    let get = *request.method() == Method::GET;
    let post = *request.method() == Method::POST;
    let (name, rest) = path.split_once('/').unwrap_or((path, ""));
    let result = match (name, rest) {
        ("stats", "") if get => json(&sandbox.stats()),
        ("reset", "") if post => reset(sandbox),
        ("clock", "") if get => clock(sandbox, host),
        ("clock", "") if post => set_clock(sandbox, request, host),
        ("rate", "") if post => set_rate(sandbox, request),
        ("faults", "") if post => set_faults(sandbox, request),
        ("revise", "") if post => revise(sandbox, request),
        ("conversations", "") if get => count(sandbox, request),
        ("conversations", number) if get => conversation(sandbox, number),
        ("history", "") if get => histories::all(sandbox, request, host),
        ("history", id) if get => histories::one(sandbox, id, host),
        ("untidy", "") if post => histories::set_untidy(sandbox, request),
        ("guests", "") if get => guests::list(sandbox, request),
        ("guests", "") if post => guests::set_plan(sandbox, request),
        ("guests", "totals") if get => guests::totals(sandbox),
        ("guests", id) if get => guests::one(sandbox, id),
        ("talks", "") if get => sessions::talks(sandbox, request),
        ("sessions", "") if get => sessions::list(sandbox, request),
        ("sessions", "") if post => sessions::set_plan(sandbox, request),
        ("sessions", "totals") if get => sessions::totals(sandbox),
        ("sessions", id) if get => sessions::one(sandbox, id),
        ("messages", "") if get => messages::list(sandbox, request, host),
        ("messages", "totals") if get => messages::totals(sandbox, host),
        ("messages", id) if get => messages::one(sandbox, id, host),
        ("receipts", "") if post => messages::set_plan(sandbox, request),
        ("say", "") if post => messages::say(sandbox, request, host),
        ("callbacks", "") if get => callbacks::list(sandbox),
        ("callbacks", "") if post => callbacks::set_plan(sandbox, request),
        ("webhooks", rest) => webhooks::answer(sandbox, rest, request, host),
        ("channels", "") if get => channels::plan(sandbox),
        ("channels", "") if post => channels::set_plan(sandbox, request),
        ("channels", "closing") if post => channels::announce_closing(sandbox),
        ("channels", "drop") if post => channels::drop_all(sandbox),
        ("workflows", "") if get => channels::workflows(sandbox),
        ("workflows", "") if post => channels::set_workflow(sandbox, request),
        ("deployment", "") if get => deployment::plan(sandbox),
        ("deployment", "") if post => deployment::set_plan(sandbox, request),
        ("guest_jwt", "") if post => deployment::jwt(sandbox, request, host),
        ("platform", "") if get => platform::plan(sandbox),
        ("platform", "") if post => platform::set_plan(sandbox, request),
        ("platform", "totals") if get => platform::totals(sandbox, request, host),
        ("rethread", "") if post => platform::rethread(sandbox, request, host),
        ("ids", "") if get => ids(sandbox, request),
        ("stats" | "conversations" | "ids" | "history" | "messages" | "talks", _) => {
            Err(Problem::wrong_method("GET"))
        }
        (
            "reset" | "rate" | "faults" | "revise" | "untidy" | "receipts" | "say" | "guest_jwt" | "rethread",
            "",
        ) => Err(Problem::wrong_method("POST")),
        (
            "clock" | "guests" | "sessions" | "callbacks" | "platform" | "deployment" | "channels"
            | "workflows",
            "",
        ) => Err(Problem::wrong_method("GET, POST")),
        ("guests" | "sessions", _) => Err(Problem::wrong_method("GET")),
        ("channels", "closing" | "drop") => Err(Problem::wrong_method("POST")),
        _ => Err(Problem::not_found()),
    };
    result.unwrap_or_else(Problem::reply)
}

fn json(value: &impl Serialize) -> Result<Reply, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| Problem::bad_request(error.to_string()))?;
    Ok(Reply::json(StatusCode::OK, body))
}

/// A line of JSON for each value.
fn lines<T: Serialize>(values: impl Iterator<Item = T>) -> Result<Reply, Problem> {
    let mut lines = Vec::new();
    for value in values {
        serde_json::to_writer(&mut lines, &value).map_err(|error| Problem::bad_request(error.to_string()))?;
        lines.push(b'\n');
    }
    Ok(Reply::new(StatusCode::OK, "application/x-ndjson", Body::from(Bytes::from(lines))))
}

/// `after=N&limit=M` of a list that counts from 0: how many to leave out, and how many to give at most.
fn skip_and_limit(parameters: &[(String, String)], usual: u64) -> Result<(usize, usize), Problem> {
    let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let skipped = number(parameters, "after")?.map_or(0, |after| after.saturating_add(1));
    Ok((index(skipped), index(number(parameters, "limit")?.unwrap_or(usual))))
}

fn body<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T, Problem> {
    serde_json::from_slice(request.body()).map_err(|error| Problem::bad_request(error.to_string()))
}

#[derive(Serialize)]
struct Done {
    done: bool,
}

/// Counters, tokens, windows, faults and revisions as at the start; the clock goes on.
fn reset(sandbox: &Sandbox) -> Result<Reply, Problem> {
    sandbox.state().reset(sandbox.config());
    json(&Done { done: true })
}

#[derive(Serialize)]
struct ClockState {
    now: Moment,
    frozen: bool,
}

fn clock(sandbox: &Sandbox, host: Moment) -> Result<Reply, Problem> {
    let clock = sandbox.state().clock;
    json(&ClockState { now: clock.now(host), frozen: clock.is_frozen() })
}

/// What to do to the clock, in this order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    set: Option<Moment>,
    advance_seconds: Option<f64>,
    #[serde(default)]
    freeze: bool,
    #[serde(default)]
    run: bool,
}

fn set_clock(sandbox: &Sandbox, request: &Request<Bytes>, host: Moment) -> Result<Reply, Problem> {
    let change: ClockChange = body(request)?;
    let advance = change.advance_seconds.map(jiff::SignedDuration::try_from_secs_f64).transpose();
    let advance = advance.map_err(|error| Problem::bad_request(format!("advance_seconds: {error}")))?;
    {
        let running = &mut sandbox.state().clock;
        if let Some(moment) = change.set {
            running.set(host, moment);
        }
        if let Some(advance) = advance {
            let now = running.now(host);
            running.set(host, now.shifted(advance));
        }
        if change.freeze {
            running.freeze(host);
        }
        if change.run {
            running.run(host);
        }
    }
    clock(sandbox, host)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RateChange {
    per_min: u32,
    mode: Option<RateMode>,
}

fn set_rate(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let change: RateChange = body(request)?;
    sandbox.state().limiter.change(change.per_min, change.mode);
    json(&Done { done: true })
}

fn set_faults(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let plan: FaultPlan = body(request)?;
    plan.check().map_err(|error| Problem::bad_request(error.to_string()))?;
    sandbox.state().faults = Faults::new(plan, sandbox.config().seed);
    json(&Done { done: true })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revise {
    k: Option<u64>,
    id: Option<String>,
}

#[derive(Serialize)]
struct Revised {
    k: u64,
    id: String,
    /// How many messages were added by now.
    revisions: u32,
}

/// The guest of a conversation writes once more: from now on it is served with a message more.
fn revise(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let wanted: Revise = body(request)?;
    let tenant = &sandbox.tenant;
    let number = match (wanted.k, wanted.id) {
        (Some(number), None) => Some(number).filter(|number| *number < tenant.count()),
        (None, Some(id)) => tenant.number_of(&id),
        _ => return Err(Problem::bad_request("either k or id")),
    };
    let number = number.ok_or_else(Problem::not_found)?;
    let revisions = Arc::make_mut(&mut sandbox.state().changes).revise(number);
    json(&Revised { k: number, id: tenant.id(number), revisions })
}

#[derive(Serialize)]
struct Count {
    count: u64,
}

/// `?from=…&to=…&filter=…`: how many conversations a details query would find.
fn count(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let parameters = parameters(request)?;
    let filter = form::value(&parameters, "filter").map(filter::parse).transpose();
    let filter = filter.map_err(|error| Problem::bad_request(error.to_string()))?;
    let numbers = numbers(sandbox, &parameters)?;
    let (from, to) = times(sandbox, &parameters)?;
    let (changes, opened) = {
        let state = sandbox.state();
        (Arc::clone(&state.changes), state.sessions.started_in(from, to))
    };
    json(&Count { count: details::count(&sandbox.tenant, &changes, numbers, &opened, filter.as_ref()) })
}

/// One conversation, byte for byte as a page would hold it.
fn conversation(sandbox: &Sandbox, number: &str) -> Result<Reply, Problem> {
    let number = number.parse().ok().filter(|number| *number < sandbox.tenant.count());
    let number = number.ok_or_else(Problem::not_found)?;
    let changes = Arc::clone(&sandbox.state().changes);
    let mut out = Vec::new();
    sandbox.tenant.write(number, &changes, &mut Draft::default(), &mut out);
    Ok(Reply::json(StatusCode::OK, out))
}

/// `?from=…&to=…&after=K&limit=N`: lines `K ID` in ascending order of start. The K of the last line
/// is the next call's `after`; 100,000 lines at most unless `limit` says otherwise.
fn ids(sandbox: &Sandbox, request: &Request<Bytes>) -> Result<Reply, Problem> {
    let parameters = parameters(request)?;
    let mut numbers = numbers(sandbox, &parameters)?;
    if let Some(after) = number(&parameters, "after")? {
        numbers.start = numbers.start.max(after.saturating_add(1));
    }
    let limit = number(&parameters, "limit")?.unwrap_or(100_000);
    numbers.end = numbers.end.min(numbers.start.saturating_add(limit));
    let lines: String = numbers.map(|number| format!("{number} {}\n", sandbox.tenant.id(number))).collect();
    Ok(Reply::new(StatusCode::OK, "text/plain; charset=utf-8", Body::from(Bytes::from(lines))))
}

pub(super) fn parameters(request: &Request<Bytes>) -> Result<Vec<(String, String)>, Problem> {
    let query = request.uri().query().unwrap_or_default();
    form::pairs(query).ok_or_else(|| Problem::bad_request("the query string cannot be read"))
}

/// The numbers of `from` to `to`, by default of all.
pub(super) fn numbers(sandbox: &Sandbox, parameters: &[(String, String)]) -> Result<Range<u64>, Problem> {
    let (from, to) = times(sandbox, parameters)?;
    Ok(sandbox.tenant.numbers(from, to))
}

/// `from` and `to`, by default the range of the conversations that were there from the start.
fn times(sandbox: &Sandbox, parameters: &[(String, String)]) -> Result<(Moment, Moment), Problem> {
    let time = |name, default| match form::value(parameters, name) {
        Some(text) => text.parse().map_err(|error| Problem::bad_request(format!("{name} is {error}"))),
        None => Ok(default),
    };
    let tenant = &sandbox.tenant;
    Ok((time("from", tenant.from)?, time("to", tenant.to)?))
}

fn number(parameters: &[(String, String)], name: &str) -> Result<Option<u64>, Problem> {
    let number = form::value(parameters, name).map(str::parse).transpose();
    number.map_err(|_| Problem::bad_request(format!("{name} is no number")))
}
