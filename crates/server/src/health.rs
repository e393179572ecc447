//! `/healthz`: the process lives. `/readyz`: the archive answers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use frontdesk_archive::Stats;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::app::App;
use crate::clock;
use crate::desk::Viewer;
use crate::problem::Problem;
use crate::warnings::Warnings;

/// An answer of the archive counts for so long: asking costs it something.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// An archive that takes longer does not answer.
const LONGEST: Duration = Duration::from_secs(5);

/// What is known of the archive.
#[derive(Debug)]
pub(crate) struct Health {
    /// Whoever asks while somebody is asking waits for that answer.
    last: Mutex<Option<(Instant, Result<Stats, Problem>)>>,
    warnings: Warnings,
}

impl Health {
    pub(crate) fn new(warnings: Warnings) -> Self {
        Self { last: Mutex::default(), warnings }
    }
}

pub(crate) async fn lives() -> Response<Body> {
    #[derive(Serialize)]
    struct Lives {
        status: &'static str,
    }
    json(&Lives { status: "ok" })
}

/// Where tokens are asked for, whoever shows none learns whether it is ready, and no more.
pub(crate) async fn ready(State(app): State<Arc<App>>, viewer: Option<Extension<Viewer>>) -> Response<Body> {
    #[derive(Serialize)]
    struct Ready {
        status: &'static str,
        #[serde(flatten)]
        more: Option<More>,
    }
    #[derive(Serialize)]
    struct More {
        records: u64,
        conversations: u64,
        warnings: Vec<String>,
    }
    let is_known = viewer.is_some() || app.office.is_none();
    match asked(&app).await {
        Ok(stats) => json(&Ready {
            status: "ready",
            more: is_known.then(|| More {
                records: stats.records,
                conversations: stats.conversations,
                warnings: app.health.warnings.all(),
            }),
        }),
        Err(problem) if is_known => problem.into_response(),
        Err(problem) => unready(problem.kind, "the archive does not answer").into_response(),
    }
}

async fn asked(app: &Arc<App>) -> Result<Stats, Problem> {
    let mut last = app.health.last.lock().await;
    if let Some((at, answer)) = &*last
        && clock::monotonic().duration_since(*at) < FRESH_FOR
    {
        return answer.clone();
    }
    let source = Arc::clone(&app.source);
    let asked = app.work.workers.run(move || source.check());
    let answer = match timeout(LONGEST, asked).await {
        Ok(Ok(Ok(stats))) => Ok(stats),
        Ok(Ok(Err(error))) => Err(Problem::archive(&error)),
        Ok(Err(_)) => Err(unready("unexpected", "the server failed to ask the archive")),
        Err(_) => Err(unready("deadline", "the archive does not answer in time")),
    };
    *last = Some((clock::monotonic(), answer.clone()));
    answer
}

fn unready(kind: &'static str, detail: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, kind, detail)
}

fn json<T: Serialize>(value: &T) -> Response<Body> {
    // Texts and numbers always make JSON.
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
