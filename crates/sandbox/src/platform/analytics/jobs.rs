//! Jobs: the same query, answered when it is (C.8, E.12).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::asked::{Asked, Wanted, day_of};
use super::listing::{Entry, Listing};
use super::{VIEW, write_page};
use crate::fault::Shape;
use crate::form;
use crate::moment::Moment;
use crate::page_token::{Binding, Place};
use crate::platform::plan::PlatformPlan;
use crate::platform::refusal::Refusal;
use crate::platform::route::{Access, Operation};
use crate::platform::time::Time;
use crate::platform::visit::{Call, json, json_with};
use crate::random::{mix, write_id};
use crate::reply::{Body, Reply};
use crate::tenant::write_json_string;

const JOBS: &str = "/api/v2/analytics/conversations/details/jobs";
const JOB: &str = "/api/v2/analytics/conversations/details/jobs/{jobId}";
pub(crate) const RESULTS: &str = "/api/v2/analytics/conversations/details/jobs/{jobId}/results";

pub(super) const ROUTES: &[Operation] = &[
    Operation { method: Method::POST, template: JOBS, access: Access::Client(VIEW), answer: submit },
    Operation { method: Method::GET, template: JOB, access: Access::Client(VIEW), answer: status },
    Operation { method: Method::DELETE, template: JOB, access: Access::Client(VIEW), answer: cancel },
    Operation { method: Method::GET, template: RESULTS, access: Access::Client(VIEW), answer: results },
    Operation {
        method: Method::GET,
        template: "/api/v2/analytics/conversations/details/jobs/availability",
        access: Access::Client(&["analytics:conversationDetail:view"]),
        answer: availability,
    },
];

/// Longer windows than any client asks for; years would be a mistake.
const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
const USUAL_PAGE: u64 = 1_000;
const LARGEST_PAGE: u64 = 10_000;
/// Sets jobs apart from all else that is made from the seed.
const SEED: u64 = 0x6A6F_6273;

/// All jobs that were submitted.
#[derive(Debug, Default)]
pub(crate) struct Jobs(BTreeMap<String, Job>);

#[derive(Debug)]
struct Job {
    wanted: Wanted,
    /// Only what started on or after the first day.
    from_first_day: bool,
    limit: Option<u64>,
    /// Which of the jobs it is.
    number: u64,
    submitted: Moment,
    /// How often its state was told.
    polls: u32,
    completed: Option<Moment>,
    cancelled: bool,
    failed: bool,
    /// What it found, once anybody asked.
    found: Option<Arc<Vec<Entry>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Queued,
    Pending,
    Failed,
    Cancelled,
    Fulfilled,
    Expired,
}

impl Job {
    fn expires(&self, plan: &PlatformPlan) -> Option<Moment> {
        Some(self.completed?.plus(Duration::from_secs(plan.job_lifetime_seconds)))
    }

    fn state(&self, plan: &PlatformPlan, now: Moment) -> State {
        match self.completed {
            _ if self.cancelled => State::Cancelled,
            _ if self.failed => State::Failed,
            Some(_) if self.expires(plan).is_some_and(|expires| expires <= now) => State::Expired,
            Some(_) => State::Fulfilled,
            None if self.polls == 0 => State::Queued,
            None => State::Pending,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(flatten)]
    asked: Asked,
    limit: Option<u64>,
    start_of_day_interval_matching: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Submitted {
    job_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'static str>,
    submission_date: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_date: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_date: Option<Time>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Availability {
    data_availability_date: Time,
}

/// What is newer than this, jobs do not know.
fn available(plan: &PlatformPlan, now: Moment) -> Moment {
    let lag = i64::try_from(plan.jobs_lag_seconds).unwrap_or(i64::MAX);
    now.shifted(-SignedDuration::from_secs(lag))
}

fn availability(call: &Call<'_>) -> Result<Reply, Refusal> {
    let data_availability_date = Time(available(&call.sandbox.state().platform.plan, call.now()));
    json(&Availability { data_availability_date })
}

fn submit(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wire: Wire = call.body()?;
    let wanted = wire.asked.check(LONGEST)?;
    let mut state = call.sandbox.state();
    let jobs = &mut state.platform.jobs.0;
    let number = jobs.len() as u64;
    let seed = mix(call.sandbox.config().seed, SEED);
    let mut id = Vec::with_capacity(36);
    write_id(&mut id, mix(seed, number), mix(number, seed));
    let id = String::from_utf8_lossy(&id).into_owned();
    let job = Job {
        wanted,
        from_first_day: wire.start_of_day_interval_matching.unwrap_or(false),
        limit: wire.limit,
        number,
        submitted: call.now(),
        polls: 0,
        completed: None,
        cancelled: false,
        failed: false,
        found: None,
    };
    jobs.insert(id.clone(), job);
    drop(state);
    json_with(StatusCode::ACCEPTED, &Submitted { job_id: id })
}

fn unknown(id: &str) -> Refusal {
    Refusal::not_found("job", id)
}

/// `GET …/jobs/{jobId}`: telling is what makes it go on.
fn status(call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut state = call.sandbox.state();
    let plan = state.platform.plan.clone();
    let job = state.platform.jobs.0.get_mut(call.id(0)).ok_or_else(|| unknown(call.id(0)))?;
    if job.completed.is_none() && !job.cancelled && job.polls >= plan.job_polls {
        job.completed = Some(call.now());
        job.failed = job.number < plan.failing_jobs;
    }
    let told = job.state(&plan, call.now());
    job.polls = job.polls.saturating_add(1);
    let status = Status {
        state: told,
        error_message: (told == State::Failed).then_some("The query could not be completed."),
        submission_date: Time(job.submitted),
        completion_date: job.completed.map(Time),
        expiration_date: job.expires(&plan).map(Time),
    };
    drop(state);
    let running = matches!(told, State::Queued | State::Pending);
    json_with(if running { StatusCode::ACCEPTED } else { StatusCode::OK }, &status)
}

fn cancel(call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut state = call.sandbox.state();
    let job = state.platform.jobs.0.get_mut(call.id(0)).ok_or_else(|| unknown(call.id(0)))?;
    job.cancelled = true;
    let mut reply = Reply::new(StatusCode::NO_CONTENT, "application/json", Body::default());
    reply.headers_mut().clear();
    Ok(reply)
}

/// Whatever started at `earliest` or later, had any activity within the interval, and is old enough to be
/// known.
fn search(
    listing: &Listing<'_>,
    wanted: &Wanted,
    earliest: Moment,
    known_until: Option<Moment>,
    limit: Option<u64>,
) -> Vec<Entry> {
    let mut entries = listing.started(earliest, wanted.to);
    entries.retain(|entry| {
        let end = listing.end(*entry);
        let last = end.unwrap_or_else(|| listing.start(*entry));
        end.is_none_or(|end| wanted.from <= end) && known_until.is_none_or(|until| last <= until)
    });
    let entries = listing.matching(entries, &wanted.filters);
    let mut entries = listing.ordered(entries, wanted.order, wanted.order_by);
    entries.truncate(limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)));
    entries
}

/// The ids of the conversations that a body like a job's asks for.
pub(crate) fn conversations(call: &Call<'_>, body: serde_json::Value) -> Result<Vec<String>, Refusal> {
    let wire: Wire = serde_json::from_value(body)
        .map_err(|error| Refusal::bad_request(format!("The query could not be understood: {error}")))?;
    let wanted = wire.asked.check(LONGEST)?;
    let earliest = match wire.start_of_day_interval_matching {
        Some(true) => day_of(wanted.from),
        _ => Moment::from_nanos(i64::MIN),
    };
    let listing = Listing::of(call.sandbox, earliest, wanted.to, call.now());
    let entries = search(&listing, &wanted, earliest, None, wire.limit);
    Ok(entries.into_iter().map(|entry| listing.id(entry)).collect())
}

/// `GET …/jobs/{jobId}/results?cursor&pageSize`
fn results(call: &Call<'_>) -> Result<Reply, Refusal> {
    let size = call.number("pageSize", USUAL_PAGE, 1, LARGEST_PAGE)?;
    let (wanted, from_first_day, limit, found, available, all_known) = {
        let state = call.sandbox.state();
        let plan = &state.platform.plan;
        let job = state.platform.jobs.0.get(call.id(0)).ok_or_else(|| unknown(call.id(0)))?;
        match job.state(plan, call.now()) {
            State::Fulfilled => {}
            State::Expired | State::Cancelled => return Err(unknown(call.id(0))),
            State::Queued | State::Pending | State::Failed => {
                return Err(Refusal::bad_request("The job is not fulfilled; it has no results."));
            }
        }
        let available = available(plan, job.submitted);
        let all_known = plan.jobs_lag_seconds == 0;
        (job.wanted.clone(), job.from_first_day, job.limit, job.found.clone(), available, all_known)
    };
    let earliest = if from_first_day { day_of(wanted.from) } else { Moment::from_nanos(i64::MIN) };
    let listing = Listing::of(call.sandbox, earliest, wanted.to, call.now());
    let found = found.unwrap_or_else(|| {
        let entries = search(&listing, &wanted, earliest, (!all_known).then_some(available), limit);
        let entries = Arc::new(entries);
        if let Some(job) = call.sandbox.state().platform.jobs.0.get_mut(call.id(0)) {
            job.found = Some(Arc::clone(&entries));
        }
        entries
    });

    let binding = Binding::of_history(call.sandbox.config().seed, call.id(0));
    let place = match form::value(&call.query()?, "cursor") {
        None | Some("") => Place { position: 0, page: 1 },
        Some(cursor) => binding
            .place(cursor)
            .ok_or_else(|| Refusal::invalid_value("cursor", "The cursor was not given out for this job."))?,
    };
    let shape = Shape::of(call.pass.effect());
    let total = found.len() as u64;
    let start = place.position.saturating_sub(shape.back.min(size - 1)).min(total);
    let end =
        if shape.empty { start } else { (start + shape.at_most.unwrap_or(size).clamp(1, size)).min(total) };
    let after = if shape.empty { place.position } else { end };
    let before =
        || Place { position: place.position.saturating_sub(size), page: place.page.saturating_sub(1).max(1) };
    let next = (after < total).then_some(Place { position: after, page: place.page + 1 });
    let next = shape.next.place(place, next, before);
    let next = shape.next.token(next.map(|next| binding.token(next)));
    let index = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);

    let mut out = Vec::with_capacity(64 * 1024);
    out.extend_from_slice(b"{\"conversations\":");
    write_page(&listing, &found[index(start)..index(end)], true, &shape.extra, &mut out);
    if let Some(next) = next {
        out.extend_from_slice(b",\"cursor\":");
        write_json_string(&mut out, &next);
    }
    out.extend_from_slice(b",\"dataAvailabilityDate\":");
    serde_json::to_writer(&mut out, &Time(available)).expect("times are JSON");
    out.push(b'}');
    Ok(Reply::json(StatusCode::OK, out))
}

/// The page of job results that a request asks for, as far as one can tell before it is checked.
pub(crate) fn page_of(query: &str) -> u64 {
    let pairs = form::pairs(query).unwrap_or_default();
    form::value(&pairs, "cursor").and_then(crate::page_token::claimed_page).unwrap_or(1)
}
