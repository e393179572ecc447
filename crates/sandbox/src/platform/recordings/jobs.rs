//! Jobs over the recordings of many conversations (C.10.2): counted first, then begun by hand.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::moment::Moment;
use crate::platform::analytics;
use crate::platform::ids;
use crate::platform::refusal::Refusal;
use crate::platform::route::{Access, Operation};
use crate::platform::time::Time;
use crate::platform::visit::{Call, json, json_with};
use crate::reply::{Body, Reply};

const JOBS: &str = "/api/v2/recording/jobs";
const JOB: &str = "/api/v2/recording/jobs/{jobId}";
const VIEW: &[&str] = &["recording:job:view"];

pub(super) const ROUTES: &[Operation] = &[
    Operation {
        method: Method::POST,
        template: JOBS,
        access: Access::Client(&["recording:job:add"]),
        answer: submit,
    },
    Operation { method: Method::GET, template: JOBS, access: Access::Client(VIEW), answer: list },
    Operation { method: Method::GET, template: JOB, access: Access::Client(VIEW), answer: status },
    Operation {
        method: Method::PUT,
        template: JOB,
        access: Access::Client(&["recording:job:edit"]),
        answer: begin,
    },
    Operation {
        method: Method::DELETE,
        template: JOB,
        access: Access::Client(&["recording:job:delete"]),
        answer: cancel,
    },
];

/// How many of an organisation's jobs may be under way.
const AT_ONCE: usize = 2;

/// All jobs, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct RecordingJobs(Vec<Job>);

#[derive(Debug)]
struct Job {
    id: String,
    state: State,
    query: Query,
    created: Moment,
    conversations: Vec<String>,
    /// How often its state was told since it last changed.
    polls: u32,
    /// Recordings that were protected.
    skipped: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum State {
    Pending,
    Ready,
    Processing,
    Fulfilled,
    Cancelled,
}

/// `RecordingJobsQuery`, as far as the sandbox knows it; the rest is kept as it came.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Query {
    action: Action,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_date: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action_age: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    integration_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_query: Option<Value>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Action {
    Archive,
    Delete,
    Export,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    id: &'a str,
    state: State,
    recording_jobs_query: &'a Query,
    date_created: Time,
    total_conversations: usize,
    total_recordings: usize,
    total_skipped_recordings: u64,
    total_failed_recordings: u64,
    total_processed_recordings: u64,
    percent_progress: u32,
    self_uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listing<'a> {
    entities: Vec<Wire<'a>>,
    page_size: u64,
    page_number: u64,
    total: usize,
}

#[derive(Deserialize)]
struct Begin {
    state: String,
}

impl Job {
    fn wire(&self) -> Wire<'_> {
        let done = self.state == State::Fulfilled;
        let processed = self.conversations.len() as u64 - self.skipped;
        Wire {
            id: &self.id,
            state: self.state,
            recording_jobs_query: &self.query,
            date_created: Time(self.created),
            total_conversations: self.conversations.len(),
            total_recordings: self.conversations.len(),
            total_skipped_recordings: self.skipped,
            total_failed_recordings: 0,
            total_processed_recordings: if done { processed } else { 0 },
            percent_progress: if done { 100 } else { 0 },
            self_uri: format!("{JOBS}/{}", self.id),
        }
    }

    fn is_under_way(&self) -> bool {
        matches!(self.state, State::Pending | State::Processing)
    }

    /// When the action is to happen to what is there.
    fn date(&self) -> Moment {
        self.query.action_date.unwrap_or(self.created)
    }
}

impl RecordingJobs {
    fn find(&mut self, id: &str) -> Result<&mut Job, Refusal> {
        self.0.iter_mut().find(|job| job.id == id).ok_or_else(|| Refusal::not_found("job", id))
    }
}

/// `POST /api/v2/recording/jobs`
fn submit(call: &Call<'_>) -> Result<Reply, Refusal> {
    let query: Query = call.body()?;
    if query.action == Action::Export && query.integration_id.is_none() {
        return Err(Refusal::invalid_value("integrationId", "An export needs an integration."));
    }
    if query.action_date.is_some() == query.action_age.is_some() {
        return Err(Refusal::invalid_value("actionDate", "One of actionDate and actionAge is needed."));
    }
    let conversations = match &query.conversation_query {
        Some(body) => analytics::conversations(call, body.clone())?,
        None => return Err(Refusal::invalid_value("conversationQuery", "A conversation query is needed.")),
    };
    let mut state = call.sandbox.state();
    let jobs = &mut state.platform.recording_jobs.0;
    if jobs.iter().filter(|job| job.is_under_way()).count() >= AT_ONCE {
        let message = "At most {limit} jobs may be pending or processing.";
        return Err(Refusal::bad_request(message).param("limit", AT_ONCE.to_string()));
    }
    jobs.push(Job {
        id: ids::uuid_of(&format!("recording job {}", jobs.len())),
        state: State::Pending,
        query,
        created: call.now(),
        conversations,
        polls: 0,
        skipped: 0,
    });
    let job = jobs.last().map(Job::wire);
    json_with(StatusCode::ACCEPTED, &job)
}

/// `GET /api/v2/recording/jobs/{jobId}`: telling is what makes it go on.
fn status(call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut state = call.sandbox.state();
    let polls = state.platform.plan.job_polls;
    let job = state.platform.recording_jobs.find(call.id(0))?;
    job.polls = job.polls.saturating_add(1);
    let mut carried_out = None;
    if job.polls > polls {
        match job.state {
            State::Pending => job.state = State::Ready,
            State::Processing => {
                job.state = State::Fulfilled;
                carried_out = Some((job.query.action, job.date(), job.conversations.clone()));
            }
            State::Ready | State::Fulfilled | State::Cancelled => {}
        }
    }
    if let Some((action, date, conversations)) = carried_out {
        let mut skipped = 0;
        for id in &conversations {
            state.platform.mark(id, |mark| match action {
                Action::Delete if mark.protected => skipped += 1,
                Action::Delete => mark.delete_date = Some(date),
                Action::Archive => mark.archive_date = Some(date),
                Action::Export => {}
            });
        }
        state.platform.recording_jobs.find(call.id(0))?.skipped = skipped;
    }
    json(&state.platform.recording_jobs.find(call.id(0))?.wire())
}

/// `GET /api/v2/recording/jobs`
fn list(call: &Call<'_>) -> Result<Reply, Refusal> {
    let page_size = call.number("pageSize", 25, 1, 100)?;
    let page_number = call.number("pageNumber", 1, 1, 1_000_000)?;
    let index = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    let state = call.sandbox.state();
    let jobs = &state.platform.recording_jobs.0;
    let page = jobs.iter().skip(index((page_number - 1) * page_size)).take(index(page_size));
    json(&Listing { entities: page.map(Job::wire).collect(), page_size, page_number, total: jobs.len() })
}

/// `PUT /api/v2/recording/jobs/{jobId}` with `{"state": "PROCESSING"}`
fn begin(call: &Call<'_>) -> Result<Reply, Refusal> {
    let wanted: Begin = call.body()?;
    let mut state = call.sandbox.state();
    let job = state.platform.recording_jobs.find(call.id(0))?;
    if wanted.state != "PROCESSING" || job.state != State::Ready {
        return Err(Refusal::invalid_value("state", "Only a job that is READY can be set to PROCESSING."));
    }
    (job.state, job.polls) = (State::Processing, 0);
    json(&job.wire())
}

/// `DELETE /api/v2/recording/jobs/{jobId}`
fn cancel(call: &Call<'_>) -> Result<Reply, Refusal> {
    let mut state = call.sandbox.state();
    let job = state.platform.recording_jobs.find(call.id(0))?;
    if job.state != State::Fulfilled {
        job.state = State::Cancelled;
    }
    let mut reply = Reply::new(StatusCode::NO_CONTENT, "application/json", Body::default());
    reply.headers_mut().clear();
    Ok(reply)
}
