//! What the server does by itself at its times, and how it went.

use frontdesk_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::timetable::{Job, Timetable};

/// The jobs of this server.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SchedulesView {
    /// In the order of their names.
    pub jobs: Vec<JobView>,
}

/// A job that is done again and again. Counts are since the server was started.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct JobView {
    /// `pull`, `retention`, `verify`, `outbox`.
    pub job: &'static str,
    /// Seconds from the beginning of one time to the beginning of the next.
    pub every_seconds: f64,
    /// `running`, `waiting` before its first end, `done`, `failed`: how it ended last.
    pub state: &'static str,
    /// The kind of its last failure; only where it ended with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// When it is begun next, RFC 3339; absent while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<String>,
    /// When it was begun last, be it by an earlier server, where that is written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub begun_at: Option<String>,
    /// When it ended last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// When it ended well last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub succeeded_at: Option<String>,
    /// Times it ended.
    pub runs: u64,
    /// Those that failed.
    pub failures: u64,
    /// Seconds all of them took.
    pub seconds: f64,
}

/// The jobs as they stand now.
#[must_use]
pub fn schedules(timetable: &Timetable) -> SchedulesView {
    SchedulesView { jobs: timetable.all().iter().map(JobView::new).collect() }
}

impl JobView {
    fn new(job: &Job) -> Self {
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let (state, kind) = match (job.is_running, job.outcome) {
            (true, _) => ("running", None),
            (false, None) => ("waiting", None),
            (false, Some(Ok(()))) => ("done", None),
            (false, Some(Err(kind))) => ("failed", Some(kind)),
        };
        Self {
            job: job.name,
            every_seconds: job.every.as_secs_f64(),
            state,
            kind,
            next_at: text(job.next_at),
            begun_at: text(job.begun_at),
            ended_at: text(job.ended_at),
            succeeded_at: text(job.succeeded_at),
            runs: job.runs,
            failures: job.failures,
            seconds: job.took.as_secs_f64(),
        }
    }
}
